"""How a run's outbox is put together from what the configuration grants, and worked on."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mailrules.execution.outbox import Outbox
from mailrules.execution.spool import Spool
from mailrules.foresight import outside_settings
from mailrules.journal.records import StepState
from mailrules.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.journal.records import StepVerdict
    from mailrules.session import Session


def outbox_of(session: Session) -> Outbox | None:
    """The outbox in the session's state directory; None where it has none."""
    if session.state_directory is None:
        return None
    spool = Spool(session.state_directory)
    return Outbox(
        session.journal,
        session.plugins.effects(),
        spool=spool,
        settings_of=lambda account: outside_settings(session, account, loop_key=spool.loop_key()),
        limits=session.configuration.outbox,
        now=session.now,
        random=session.random,
    )


async def work_outbox(session: Session) -> tuple[StepVerdict, ...]:
    """Settle what a killed process left of the outbox, and try what is due again.

    Raises ReadOnlyMode while the kill switch is on.
    """
    outbox = outbox_of(session)
    if outbox is None:
        return ()
    verdicts = await outbox.work()
    if verdicts:
        counts = Counter(one.state for one in verdicts)
        get_logger().info("outbox.settled", states={str(state): count for state, count in counts.items()})
    for verdict in verdicts:
        if verdict.state in {StepState.GIVEN_UP, StepState.UNKNOWN}:
            get_logger().warning("outbox.given_up", step=verdict.step, state=str(verdict.state))
    return verdicts


def alarms_of(verdicts: Sequence[StepVerdict]) -> tuple[str, ...]:
    """What a person has to know of effects that were tried again."""
    return tuple(
        f"step {one.step} is {str(one.state).replace('_', ' ')}: {one.detail}; see: mailrules unknown"
        for one in verdicts
        if one.state in {StepState.GIVEN_UP, StepState.UNKNOWN}
    )


async def tidy_outbox(session: Session) -> None:
    """Remove the files that a killed process left without an intent; by who holds the lock, before it writes any."""
    outbox = outbox_of(session)
    if outbox is not None:
        await outbox.tidy()
