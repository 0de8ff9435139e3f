"""When, where, or on which occasion would one condition give the other answer for a message as it is?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from mailrules.rules.conditions import Cause, Origin
from mailrules.rules.sample_text import text_holding, text_not_holding
from mailrules.rules.situation import OccasionIs, OriginIs, PlaceIs
from mailrules.rules.surrounding_tests import AccountTest, EventTest, NowTest, SnoozeOverTest, SpecialUseTest
from mailrules.rules.value_tests import MailboxTest, TimeTest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.situation import Alteration, Situation

    Change: TypeAlias = tuple[str, tuple[Alteration, ...]]

_SECOND = timedelta(seconds=1)


def occasion_changes(test: LeafTest, situation: Situation, *, wanted: bool) -> Iterator[Change]:
    """What would have to be so, in words after "if", and as values; nothing of it is confirmed."""
    snapshot, environment = situation.snapshot, situation.environment
    now = environment.now
    match test:
        case MailboxTest(match=match):
            for name in _names((text_holding if wanted else text_not_holding)((match,), snapshot.mailbox)):
                yield f"it were in the mailbox {name}", (PlaceIs(mailbox=name),)
        case AccountTest(match=match):
            for name in _names((text_holding if wanted else text_not_holding)((match,), snapshot.account)):
                yield f"it were in the account {name}", (PlaceIs(account=name),)
        case SpecialUseTest(uses=uses):
            has = snapshot.info.special_use
            use = min(uses)
            if wanted:
                yield f"its mailbox were the one for {use}", (PlaceIs(special_use=has | {use}),)
            else:
                yield f"its mailbox were not for {' or '.join(sorted(uses & has))}", (PlaceIs(special_use=has - uses),)
        case TimeTest():
            for time in _times_to_come(test, situation):
                yield f"the rules were judged at {_told(time)}", (OccasionIs(now=time),)
        case NowTest():
            for time in _next_occasions(test, now):
                yield f"the rules were judged at {_told(time)}", (OccasionIs(now=time),)
        case EventTest():
            yield from _of_event(test, situation, wanted=wanted)
        case SnoozeOverTest():
            origin = environment.origins_in(snapshot).get(snapshot.uids[situation.row])
            if origin is not None and origin.rule == test.rule:
                ends = test.ends(origin.moved.astimezone(now.tzinfo))
                for time in (ends, ends - _SECOND):
                    yield f"the rules were judged at {_told(time)}", (OccasionIs(now=time),)
        case _:
            return


def _names(name: str | None) -> Iterator[str]:
    if name:
        yield name


def _times_to_come(test: TimeTest, situation: Situation) -> Iterator[datetime]:
    """From when on an age bound holds, or does not hold any more: mail grows old by itself."""
    time = test.time(situation.snapshot, situation.row)
    if time is None:
        return
    for span in (test.older_than, test.newer_than):
        if span is not None:
            try:
                from_then = (time + span + _SECOND).astimezone(situation.environment.now.tzinfo)
            except OverflowError:
                continue
            if from_then > situation.environment.now:
                yield from_then


def _next_occasions(test: NowTest, now: datetime) -> Iterator[datetime]:
    """The starts and ends of the span, and midnight, of the next days."""
    local = now if test.zone is None else now.astimezone(test.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    clocks = [(one.hour, one.minute) for one in (test.start, test.end) if one is not None]
    times = sorted(
        (midnight + timedelta(days=day)).replace(hour=hour, minute=minute)
        for day in range(9)
        for hour, minute in (*clocks, (0, 0))
    )
    yield from (time for time in times if time > local)


def _of_event(test: EventTest, situation: Situation, *, wanted: bool) -> Iterator[Change]:
    environment = situation.environment
    if not wanted:
        others = [cause for cause in Cause if test.causes is not None and cause not in test.causes]
        for cause in others[:1]:
            yield _told_cause(cause), (OccasionIs(cause=cause),)
        yield "mailrules had not brought it here", (OriginIs(origin=None),)
        return
    words: list[str] = []
    alterations: list[Alteration] = []
    if test.causes is not None and environment.cause not in test.causes:
        cause = min(test.causes)
        words.append(_told_cause(cause))
        alterations.append(OccasionIs(cause=cause))
    if test.from_mailbox is not None:
        name = text_holding((test.from_mailbox,), "")
        if name is None:
            return
        words.append(f"mailrules had brought it here from {name}")
        origin = Origin(mailbox=name, rule="", moved=environment.now)
        known = environment.origins_in(situation.snapshot).get(situation.snapshot.uids[situation.row])
        alterations.append(OriginIs(origin=origin if known is None else known._replace(mailbox=name)))
    yield " and ".join(words), tuple(alterations)


def _told_cause(cause: Cause) -> str:
    match cause:
        case Cause.NEW:
            return "it came in while the daemon watches"
        case Cause.SCHEDULE:
            return "the rule were judged because its time has come"
        case Cause.RUN:
            return "the rules were judged because a person asked"


def _told(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="seconds")
