"""A rule in shadow leaves an account as it is, until its time is over; then it acts, and can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.engine import preview
from mailrules.plan.plan import StepKind

if TYPE_CHECKING:
    from tests.end_to_end.installed import Mailrules, Place

RULES = """\
  - name: new
    shadow: 7d
    if: always
    do: [{flag: flagged}, {subscribe: INBOX}, {move: {to: Sorted, create: true}}]
  - {name: mark, if: always, do: [{keyword: $Seen}]}
"""


async def noted(ours: Mailrules) -> list[tuple[str, int, dict[StepKind, int]]]:
    return [(one.rule, one.messages, dict(one.kinds)) for one in await ours.session.journal.shadow_tallies()]


async def test_it_reports_for_its_time_and_then_acts(place: Place) -> None:
    ours = await place.mailrules("ours", RULES)
    first = await ours.run()
    ours.now += timedelta(days=7, seconds=-1)
    last = await ours.run()

    assert (first.plan.count_by_rule(), last.plan.count_by_rule()) == ({"mark": 1}, {})
    assert [one.rule for one in last.plan.mailboxes[0].shadow] == ["new"]
    assert await noted(ours) == [("new", 1, {StepKind.ADD_FLAGS: 1, StepKind.MOVE: 1})]
    assert (await place.count("INBOX"), await place.flags("INBOX")) == (1, {"$Seen"})
    assert not await place.has("Sorted")

    ours.now += timedelta(seconds=1)
    shown = await preview(ours.session)
    await ours.run()

    assert shown.shadow_rules == ()
    assert (await place.count("INBOX"), await place.count("Sorted")) == (0, 1)
    await ours.undo_last()
    assert (await place.count("INBOX"), await place.flags("INBOX")) == (1, {"$Seen"})
    await ours.session.journal.close()


async def test_an_edited_rule_reports_again(place: Place) -> None:
    ours = await place.mailrules("ours", RULES)
    await ours.run()
    began = ours.now
    await ours.session.journal.close()

    edited = await place.mailrules("ours", RULES.replace("to: Sorted", "to: Elsewhere"))
    edited.now = began + timedelta(days=8)
    await edited.run()

    assert (await place.count("INBOX"), await place.has("Elsewhere")) == (1, False)
    assert await noted(edited) == [("new", 1, {StepKind.ADD_FLAGS: 1, StepKind.MOVE: 1})]
    await edited.session.journal.close()

    moved = await place.mailrules("ours", "  # a comment\n" + RULES.replace("to: Sorted", "to: Elsewhere"))
    moved.now = began + timedelta(days=15)
    await moved.run()

    assert await place.count("Elsewhere") == 1
    await moved.session.journal.close()
