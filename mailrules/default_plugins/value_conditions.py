"""The conditions on sizes, times and flags: ``size sent received saved flag keyword label``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.mailbox.text import fold
from mailrules.rules.flags import is_keyword, read_flags, read_keywords
from mailrules.rules.operator_schemas import DURATION, MOMENT, SIZE, TEXTS, bounds, either, mapping
from mailrules.rules.operators import check_keys, read_bounds, read_list, read_texts, read_times, report_error
from mailrules.rules.quantities import parse_size
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.value_tests import FlagTest, LabelTest, SizeTest, TimeSource, TimeTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

_TIMES = either(
    MOMENT,
    mapping({"older_than": DURATION, "newer_than": DURATION, "before": MOMENT, "after": MOMENT, "on": MOMENT}),
)


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    return [
        ConditionSpec(
            name="size", compile=_compile_size, summary="The size of the whole message.", schema=bounds(SIZE)
        ),
        ConditionSpec(
            name="received",
            compile=partial(_compile_time, TimeSource.RECEIVED),
            summary="When the server got the message (INTERNALDATE).",
            schema=_TIMES,
        ),
        ConditionSpec(
            name="sent",
            compile=partial(_compile_time, TimeSource.SENT),
            summary="When the sender says it was written (the Date field).",
            schema=_TIMES,
        ),
        ConditionSpec(
            name="saved",
            compile=partial(_compile_time, TimeSource.SAVED),
            summary="When the message came into this mailbox, where the server tells (SAVEDATE).",
            schema=_TIMES,
        ),
        ConditionSpec(
            name="label",
            compile=_compile_label,
            summary="A label of Gmail is set.",
            schema=either(TEXTS, mapping({"in": TEXTS})),
        ),
        ConditionSpec(
            name="flag",
            compile=_compile_flag,
            summary="A flag is set: seen, flagged, answered, draft, deleted.",
            schema=TEXTS,
        ),
        ConditionSpec(
            name="keyword",
            compile=_compile_keyword,
            summary="A keyword is set.",
            schema=either(TEXTS, mapping({"in": TEXTS})),
        ),
    ]


def _compile_size(source: SourceValue, context: CompileContext) -> SizeTest | None:
    found = read_bounds(source, context, word="size", parse=parse_size)
    return None if found is None else SizeTest(bounds=found)


def _compile_time(time: TimeSource, source: SourceValue, context: CompileContext) -> TimeTest | None:
    options = read_times(source, context, word=time)
    if options is None:
        return None
    return TimeTest(
        source=time,
        older_than=options.older_than,
        newer_than=options.newer_than,
        before=options.before,
        after=options.after,
        on=options.on,
    )


def _compile_label(source: SourceValue, context: CompileContext) -> LabelTest | None:
    labels = _read_list_of(source, context, word="label") if source.is_mapping else read_texts(source, context)
    return None if labels is None else LabelTest(labels=frozenset(fold(one.removeprefix("\\")) for one in labels))


def _compile_flag(source: SourceValue, context: CompileContext) -> FlagTest | None:
    flags = read_flags(source, context)
    return None if flags is None else FlagTest(flags=flags)


def _compile_keyword(source: SourceValue, context: CompileContext) -> FlagTest | None:
    if not source.is_mapping:
        keywords = read_keywords(source, context)
        return None if keywords is None else FlagTest(flags=keywords)
    listed = _read_list_of(source, context, word="keyword")
    unusable = [one for one in listed or () if not is_keyword(one)]
    if unusable:
        cure = "use ASCII letters, digits, $ - _ and no space"
        report_error(source, f'no server can store the keyword "{unusable[0]}"', cure=cure, context=context)
    return None if listed is None or unusable else FlagTest(flags=listed)


def _read_list_of(source: SourceValue, context: CompileContext, *, word: str) -> tuple[str, ...] | None:
    """What stands under ``in``, the only operator of the word."""
    if not check_keys(source, ("in",), word=word, context=context):
        return None
    return read_list(source.mapping["in"], context)
