"""Is the world, after a fault, as it was after another fault whose end is known? Then it ends in the same way.

Nothing in the world is left to chance: from equal mailboxes, journals and receivers the next run takes the same course.
So only the first of equal outcomes is lived through to its end; what was said until then is judged each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.execution.late import NOT_SEEN
from mailrules.journal.taken_back import TAKEN_BACK
from tests.torture.judge import judge, judge_words
from tests.torture.suites import Attempt, story_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from tests.torture.cases import Case
    from tests.torture.judge import Finding
    from tests.torture.suites import Point
    from tests.torture.world import World

_READ_AGAIN = f"CASE WHEN s.detail IN ('{NOT_SEEN}', '{TAKEN_BACK}') THEN s.detail END"
"""The other details are words for people, such as the server's reason for a refusal."""

_STEPS = (
    "SELECT s.rule, s.uid, s.flags, s.message_id, s.prior_flags, s.modseq, s.object_id, s.state, s.target_uidvalidity,"
    f" s.target_uid, {_READ_AGAIN}, dense_rank() OVER (ORDER BY r.rowid), c.id, c.kind, c.operation, c.account,"
    " c.mailbox, c.uidvalidity, c.target, c.target_uidvalidity, c.target_uidnext, c.flags, c.removes_flags,"
    " c.identifier, c.rights, c.prior_rights, c.capabilities FROM steps s JOIN commands c ON c.id = s.command"
    " JOIN runs r ON r.id = c.run ORDER BY s.id"
)
_JOURNAL = (
    _STEPS,
    "SELECT kind, outcome, undo_of != '' FROM runs ORDER BY rowid",
    "SELECT name, rule, action, target, account, mailbox, uidvalidity, uid FROM ledger ORDER BY 1, 2, 3, 4",
    "SELECT account, mailbox, uidvalidity, last_uid FROM positions ORDER BY 1, 2",
    "SELECT account, mailbox, uid, rule, kind FROM pending ORDER BY 1, 2, 3",
    "SELECT account, mailbox, rule FROM rule_runs ORDER BY 1, 2, 3",
    "SELECT step, recipient, is_attempting, attempts FROM deliveries ORDER BY 1",
    "SELECT name FROM chores ORDER BY 1",
)


class Outcomes:
    """The outcomes of one suite that ended well, by case and kind of server."""

    def __init__(self) -> None:
        self._known: dict[tuple[Case, str], set[Hashable]] = {}

    async def lived_through(
        self,
        world: World,
        point: Point,
        rest: Callable[[], Awaitable[None]],
        *,
        afterwards: Callable[[World], Awaitable[list[Finding]]] | None = None,
        is_tried: bool = True,
    ) -> Attempt:
        """What the judge says after the ``rest`` of the story, which is left out where its end is known."""
        outcome = None if world.unfinished else outcome_of(world)
        known = self._known.setdefault((point.case, point.profile), set())
        if outcome is not None and outcome in known:
            findings = judge_words(world.evidence())
        else:
            await rest()
            findings = judge(world.evidence())
            if afterwards is not None and not findings:
                findings = await afterwards(world)
            if outcome is not None and not findings:
                known.add(outcome)
        return Attempt(findings=findings, story=story_of(world) if findings else "", is_tried=is_tried)


def outcome_of(world: World) -> Hashable:
    """All that the next run could tell apart."""
    mail = world.mail
    mailboxes = tuple(
        (
            one.name, one.uidvalidity, one.uidnext, one.highest_modseq, frozenset(one.recent),
            frozenset(one.rights.items()),
            tuple(
                (stored.uid, stored.flags, stored.modseq, stored.object_id, stored.received, stored.content)
                for stored in one.messages.values()
            ),
        )
        for one in mail.mailboxes.values()
    )  # fmt: skip
    effects = tuple((call.rule, call.message_id, call.uid) for call in world.sink.calls)
    kept = tuple(tuple(world.watcher.rows(question)) for question in _JOURNAL)
    return hash((mailboxes, frozenset(mail.subscriptions), effects, world.sink.lost_answer, kept, world.is_dead))
