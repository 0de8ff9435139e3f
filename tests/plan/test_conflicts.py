"""Two dispositions of one message (rule-language, meaning 8)."""

from __future__ import annotations

from mailrules.plan.conflicts import Disposition, resolve
from mailrules.plan.plan import Step, StepKind
from mailrules.rules.rule import Conflict


def _move(to: str, conflict: Conflict = Conflict.FIRST) -> Disposition:
    return Disposition(rule=to, conflict=conflict, step=Step(kind=StepKind.MOVE, rule=to, to=to))


def _keep(conflict: Conflict = Conflict.FIRST) -> Disposition:
    return Disposition(rule="keep", conflict=conflict, step=None)


def test_the_first_disposition_wins_and_the_later_one_is_shadowed() -> None:
    first, later = _move("A"), _move("B")

    resolution = resolve([first, later])

    assert resolution.step == first.step
    assert resolution.shadowed == (later,)


def test_last_lets_the_later_rule_win() -> None:
    first, later = _move("A"), _move("B", Conflict.LAST)

    resolution = resolve([first, later])

    assert resolution.step == later.step
    assert resolution.shadowed == (first,)


def test_fan_out_copies_to_all_but_the_last() -> None:
    first, second, third = _move("A"), _move("B", Conflict.FAN_OUT), _move("C", Conflict.FAN_OUT)

    resolution = resolve([first, second, third])

    assert resolution.copies == (first, second)
    assert resolution.step == third.step


def test_fan_out_beside_a_keep_leaves_the_message_and_copies_it() -> None:
    move = _move("B", Conflict.FAN_OUT)

    for dispositions in ([_keep(), move], [_move("B"), _keep(Conflict.FAN_OUT)]):
        resolution = resolve(dispositions)

        assert [one.rule for one in resolution.copies] == ["B"]
        assert resolution.step is None


def test_error_holds_the_message() -> None:
    assert resolve([_move("A"), _move("B", Conflict.ERROR)]).held_by == "B"


def test_one_disposition_or_none_is_no_conflict() -> None:
    only = _move("A", Conflict.ERROR)

    assert resolve([only]).step == only.step
    assert resolve([]).step is None
