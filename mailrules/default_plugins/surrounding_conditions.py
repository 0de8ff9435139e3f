"""The conditions on what surrounds a message: ``account special_use now event``."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from mailrules.hookspecs import hookimpl
from mailrules.rules.conditions import Cause
from mailrules.rules.operator_schemas import either, mapping, present_text, words
from mailrules.rules.operators import (
    check_keys,
    read_one_match,
    read_quantity,
    read_words,
    report_error,
)
from mailrules.rules.quantities import parse_time_of_day
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.surrounding_tests import SPECIAL_USES, WEEKDAYS, AccountTest, EventTest, NowTest, SpecialUseTest
from mailrules.rules.text_match import TextOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

NOW_KEYS = ("weekday", "between", "zone")
EVENT_KEYS = ("cause", "from_mailbox")
CAUSES = tuple(str(cause) for cause in Cause)
_CLOCK = {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"}


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    return [
        ConditionSpec(
            name="account", compile=_compile_account, summary="The name of the account.", schema=present_text()
        ),
        ConditionSpec(
            name="special_use",
            compile=_compile_special_use,
            summary="What the mailbox is for, as the server marks it: junk, sent, archive and so on.",
            schema=words(SPECIAL_USES),
        ),
        ConditionSpec(
            name="now",
            compile=_compile_now,
            summary="The weekday and the time of day at which the rules are judged.",
            schema=mapping(
                {
                    "weekday": words(WEEKDAYS),
                    "between": {"type": "array", "items": _CLOCK, "minItems": 2, "maxItems": 2},
                    "zone": {"type": "string"},
                }
            ),
        ),
        ConditionSpec(
            name="event",
            compile=_compile_event,
            summary="Why the rules are judged, and where mailrules brought the message from.",
            schema=either(words(CAUSES), mapping({"cause": words(CAUSES), "from_mailbox": present_text()})),
        ),
    ]


def _compile_account(source: SourceValue, context: CompileContext) -> AccountTest | None:
    match = read_one_match(source, context, word="account", bare=TextOperator.EQUALS)
    return None if match is None else AccountTest(match=match)


def _compile_special_use(source: SourceValue, context: CompileContext) -> SpecialUseTest | None:
    uses = read_words(source, context, known=SPECIAL_USES, noun="special use")
    return None if uses is None else SpecialUseTest(uses=frozenset(uses))


def _compile_now(source: SourceValue, context: CompileContext) -> NowTest | None:
    if not source.is_mapping:
        cure = "write now: {weekday: [sat, sun], between: ['08:00', '20:00']}"
        report_error(source, f"now takes weekday and between, not {source.kind}", cure=cure, context=context)
        return None
    is_good = check_keys(source, NOW_KEYS, word="now", context=context)
    entries = source.mapping
    days = read_words(entries["weekday"], context, known=WEEKDAYS, noun="weekday") if "weekday" in entries else WEEKDAYS
    span = _read_span(entries["between"], context) if "between" in entries else (None, None)
    zone = _read_zone(entries["zone"], context) if "zone" in entries else None
    if entries.keys() == {"zone"}:
        report_error(source, "a zone alone asks nothing", cure="add weekday or between", context=context)
        return None
    if not is_good or days is None or span is None or ("zone" in entries and zone is None):
        return None
    return NowTest(weekdays=frozenset(map(WEEKDAYS.index, days)), start=span[0], end=span[1], zone=zone)


def _read_span(source: SourceValue, context: CompileContext) -> tuple[time, time] | None:
    if not source.is_list or len(source.items) != 2:
        report_error(
            source, "between takes two times of day", cure="write between: ['08:00', '20:00']", context=context
        )
        return None
    start, end = (read_quantity(item, context, parse=_parse_clock) for item in source.items)
    if start is not None and start == end:
        report_error(source, "this span is empty", cure="leave between out to mean the whole day", context=context)
        return None
    return None if start is None or end is None else (start, end)


def _parse_clock(text: str) -> time:
    return time.fromisoformat(parse_time_of_day(text))


def _read_zone(source: SourceValue, context: CompileContext) -> ZoneInfo | None:
    try:
        return ZoneInfo(source.text)
    except (ValueError, OSError, LookupError):  # no such name, a name that is no file's, or no data about zones
        cure = "write a name such as Europe/Berlin, or leave it out for the local zone"
        report_error(source, f'there is no time zone "{source.text}"', cure=cure, context=context)
        return None


def _compile_event(source: SourceValue, context: CompileContext) -> EventTest | None:
    if not source.is_mapping:
        causes = read_words(source, context, known=CAUSES, noun="cause")
        return None if causes is None else EventTest(causes=frozenset(map(Cause, causes)))
    is_good = check_keys(source, EVENT_KEYS, word="event", context=context)
    entries = source.mapping
    words = read_words(entries["cause"], context, known=CAUSES, noun="cause") if "cause" in entries else None
    match = (
        read_one_match(entries["from_mailbox"], context, word="from_mailbox", bare=TextOperator.EQUALS)
        if "from_mailbox" in entries
        else None
    )
    if not is_good or ("cause" in entries and words is None) or ("from_mailbox" in entries and match is None):
        return None
    return EventTest(causes=None if words is None else frozenset(map(Cause, words)), from_mailbox=match)
