"""What rules may ask the journal about a message: known senders, and where we brought it from."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

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
    await journal.remember_senders([("ann", "1"), ("bob", "2")], now=NOON)
    await journal.remember_senders([("ann", "3"), ("cleo", "4")], now=NOON)
    await journal.remember_senders([], now=NOON)

    known = await journal.history(rules=_rules("{first_seen: true}"), now=NOON)
    unasked = await journal.history(rules=_rules("{subject: x}"), now=NOON)

    assert known.senders == {"ann": "1", "bob": "2", "cleo": "4"}
    assert unasked.senders == {}


@pytest.mark.parametrize(("days", "is_known"), [(399, True), (400, True), (401, False)])
async def test_a_sender_of_whom_nothing_came_for_400_days_is_forgotten(
    journal: Journal, days: int, *, is_known: bool
) -> None:
    await journal.remember_senders([("ann", "1")], now=NOON)
    await journal.remember_senders([("bob", "2")], now=NOON + timedelta(days=days))

    await journal.prune(now=NOON + timedelta(days=days))

    known = await journal.history(rules=_rules("{first_seen: true}"), now=NOON)
    assert set(known.senders) == ({"ann", "bob"} if is_known else {"bob"})


async def test_a_sender_who_writes_on_is_noted_again_once_a_month(journal: Journal) -> None:
    asking = _rules("{first_seen: true}")
    await journal.remember_senders([("ann", "1")], now=NOON)
    soon = await journal.history(rules=asking, now=NOON + timedelta(days=30))
    later = await journal.history(rules=asking, now=NOON + timedelta(days=31))
    await journal.remember_senders([("ann", "9")], now=NOON + timedelta(days=31))
    await journal.prune(now=NOON + timedelta(days=420))

    known = await journal.history(rules=asking, now=NOON + timedelta(days=50))
    assert (soon.senders_to_renew, later.senders_to_renew, known.senders_to_renew) == (set(), {"ann"}, set())
    assert known.senders == {"ann": "1"}


async def test_a_sender_of_an_older_version_counts_from_the_first_tidying(journal: Journal) -> None:
    await journal._database.write(
        lambda connection: connection.execute("INSERT INTO senders (sender, message) VALUES ('ann', '1')")
    )

    await journal.prune(now=NOON)
    await journal.prune(now=NOON + timedelta(days=400))

    assert (await journal.history(rules=_rules("{first_seen: true}"), now=NOON)).senders == {"ann": "1"}


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
