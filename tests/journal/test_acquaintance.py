"""What rules may ask the journal about a message: known senders, and where we brought it from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.journal.records import Operation, RunKind
from mailrules.plan.plan import StepKind
from mailrules.rules.conditions import Origin
from mailrules.rules.loader import load_configuration
from tests.journal.builders import NOON, begin, command, intent, verdict
from tests.rules.loading import BUILT_IN, HEAD

if TYPE_CHECKING:
    from mailrules.journal.journal import Journal
    from mailrules.rules.rule import Rule


def _rules(condition: str) -> tuple[Rule, ...]:
    text = f"{HEAD}rules: [{{name: r, if: {condition}, do: [{{flag: seen}}]}}]\n".encode()
    return load_configuration("r.yaml", read=lambda _: text, registry=BUILT_IN, expand=lambda _: ()).rules.rules


async def test_a_sender_keeps_the_first_message_by_which_he_was_seen(journal: Journal) -> None:
    await journal.remember_senders([("ann", "1"), ("bob", "2")])
    await journal.remember_senders([("ann", "3"), ("cleo", "4")])
    await journal.remember_senders([])

    known = await journal.history(rules=_rules("{first_seen: true}"), now=NOON)
    unasked = await journal.history(rules=_rules("{subject: x}"), now=NOON)

    assert known.senders == {"ann": "1", "bob": "2", "cleo": "4"}
    assert unasked.senders == {}


async def test_messages_that_we_moved_or_copied_have_an_origin(journal: Journal) -> None:
    run = await begin(journal, RunKind.DAEMON)
    move = command(StepKind.MOVE, Operation.MOVE, target="Archive")
    copy = command(StepKind.COPY, Operation.COPY, mailbox="Lists", target="Archive")
    other = command(StepKind.MOVE, Operation.MOVE, account="work", target="Archive")
    ids = await journal.intend(run, [intent(move, 1), intent(copy, 2), intent(other, 3), intent(move, 4)], now=NOON)
    await journal.judge(
        [verdict(step, target_uidvalidity=9, target_uid=uid) for step, uid in zip(ids, (11, 12, 13, 0), strict=True)]
    )

    asked = await journal.history(rules=_rules("{event: {from_mailbox: INBOX}}"), now=NOON)
    unasked = await journal.history(rules=_rules("{event: new}"), now=NOON)

    assert asked.origins == {
        ("home", "Archive", 9): {11: Origin("INBOX", "lists", NOON), 12: Origin("Lists", "lists", NOON)}
    }
    assert unasked.origins == {}
