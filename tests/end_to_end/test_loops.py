"""Mail does not go round in circles: with two mailrules against each other, and with a client that moves mail back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.engine import preview

if TYPE_CHECKING:
    from tests.end_to_end.installed import Place

FILE_IT = "  - {name: file it, if: always, do: [{move: {to: Filed, create: true}}]}\n"
TAKE_IT_BACK = "  - {name: take it back, in: home/Filed, if: always, do: [{move: INBOX}]}\n"


async def test_two_mailrules_against_each_other_come_to_rest(place: Place) -> None:
    ours = await place.mailrules("ours", FILE_IT)
    theirs = await place.mailrules("theirs", TAKE_IT_BACK)

    moves = [len((await one.run()).plan.mailboxes[0].messages) for _ in range(4) for one in (ours, theirs)]

    # There and back once; then the first of them leaves it alone.
    assert moves == [1, 1, 0, 0, 0, 0, 0, 0]
    assert await place.count("INBOX") == 1
    (finding,) = (await preview(ours.session)).mailboxes[0].findings
    assert finding.kind == "moved_back"
    for one in (ours, theirs):
        await one.session.journal.close()


async def test_what_another_client_moves_back_stays_there(place: Place) -> None:
    ours = await place.mailrules("ours", FILE_IT)
    await ours.run()
    assert await place.count("Filed") == 1

    await place.somebody_moves("Filed", "INBOX")
    ours.now += timedelta(days=30)
    again = await ours.run()

    assert again.plan.message_count == 0
    assert [one.kind for one in again.plan.mailboxes[0].findings] == ["moved_back"]
    assert await place.count("INBOX") == 1
    await ours.session.journal.close()


async def test_what_an_undo_moved_back_may_be_moved_again(place: Place) -> None:
    ours = await place.mailrules("ours", FILE_IT)
    await ours.run()
    await ours.undo_last()
    assert await place.count("INBOX") == 1

    await ours.run()

    assert await place.count("Filed") == 1
    await ours.session.journal.close()


async def test_a_third_move_within_a_day_waits(place: Place) -> None:
    rules = FILE_IT + (
        "  - {name: further, in: home/Filed, if: always, do: [{move: {to: Second, create: true}}]}\n"
        "  - {name: still further, in: home/Second, if: always, do: [{move: {to: Third, create: true}}]}\n"
    )
    first = await place.mailrules("ours", FILE_IT)
    await first.run()
    await first.session.journal.close()
    ours = await place.mailrules("ours", rules)
    await ours.run()
    held = await ours.run()

    assert await place.count("Second") == 1
    assert [one.kind for mailbox in held.plan.mailboxes for one in mailbox.findings] == ["held"]
    ours.now += timedelta(hours=25)
    await ours.run()
    assert await place.count("Third") == 1
    await ours.session.journal.close()
