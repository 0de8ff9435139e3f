"""How the daemon keeps an account's mailboxes as their policies declare them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.engine import carry_out, recover_open_steps
from mailrules.journal.records import RunKind
from mailrules.logs import get_logger
from mailrules.planning import read_directory, whole_plan
from mailrules.policies import survey_policies

if TYPE_CHECKING:
    from mailrules.engine import RunReport
    from mailrules.mailbox.store import MailStore
    from mailrules.session import Session

EVERY = timedelta(days=1)
"""How often the daemon looks again: mailboxes are made, and people change things by hand."""


async def keep_policies(session: Session, store: MailStore) -> RunReport:
    """Recover what an earlier run left open, look, and bring the difference about; what cannot be is logged.

    Raises ReadOnlyMode where the kill switch is on, CommandRefused where the server lists nothing, and ConnectionLost.
    """
    session.journal.kill_switch.check()
    await recover_open_steps(session, {store.account: store})
    directory = await read_directory(session.configuration, store)
    declared = await survey_policies(store, session.configuration.rules.policies, directory=directory)
    plan = whole_plan(session, [], steps=declared.steps, warnings=declared.warnings)
    plan = replace(plan, left_out=declared.left_out)
    report = await carry_out(session, plan, {store.account: store}, kind=RunKind.DAEMON)
    log = get_logger(account=store.account)
    for sentence in (*declared.left_out, *declared.warnings):
        log.warning("policy.left_out", reason=sentence)
    applied = report.execution.applied_steps if report.execution is not None else 0
    log.info("policies.kept", applied=applied, not_applied=len(declared.steps) - applied)
    return report
