"""What was snoozed comes back by itself, at its time and to where it was."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.engine import preview

if TYPE_CHECKING:
    from tests.end_to_end.installed import Place

SNOOZE = """\
  - {name: later, if: {not: {flag: flagged}}, do: [{snooze: 3d}]}
"""


async def test_a_snoozed_message_comes_back_and_is_left_alone_then(place: Place) -> None:
    ours = await place.mailrules("ours", SNOOZE)
    first = await ours.run()
    assert (await place.count("INBOX"), await place.count("Snoozed")) == (0, 1)
    assert first.plan.complete

    ours.now += timedelta(days=3, seconds=-1)
    assert (await ours.run()).plan.message_count == 0
    ours.now += timedelta(seconds=1)
    shown = await preview(ours.session)
    await ours.run()

    assert [message.rules for mailbox in shown.mailboxes for message in mailbox.messages] == [
        ("later (end of snooze)",)
    ]
    assert (await place.count("INBOX"), await place.count("Snoozed")) == (1, 0)
    ours.now += timedelta(days=10)
    again = await ours.run()
    assert again.plan.message_count == 0
    assert {one.kind for mailbox in again.plan.mailboxes for one in mailbox.findings} == {"moved_back"}
    await ours.session.journal.close()


async def test_what_somebody_else_put_among_the_snoozed_stays_there(place: Place) -> None:
    ours = await place.mailrules("ours", SNOOZE)
    await ours.run()
    await ours.undo_last()
    await place.somebody_moves("INBOX", "Snoozed")

    ours.now += timedelta(days=30)
    await ours.run()

    assert await place.count("Snoozed") == 1
    await ours.session.journal.close()
