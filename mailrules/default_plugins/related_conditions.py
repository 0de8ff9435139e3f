"""The conditions on a message's relation to others of its mailbox: ``duplicate thread first_seen``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.rules.flags import read_flags, read_keywords
from mailrules.rules.operator_schemas import TEXTS, bounds, either, mapping
from mailrules.rules.operators import check_keys, parse_count, read_bounds, read_flag, report_error
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.related_tests import DuplicateTest, FirstSeenTest, ThreadTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

THREAD_KEYS = ("flag", "keyword", "participated", "count")
_BOOLEAN = {"type": "boolean"}
_COUNT = {"type": "integer", "minimum": 1}


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    thread = {"flag": TEXTS, "keyword": TEXTS, "participated": _BOOLEAN, "count": either(_COUNT, bounds(_COUNT))}
    return [
        ConditionSpec(
            name="duplicate",
            compile=partial(_compile_word, DuplicateTest, "duplicate"),
            summary="An earlier message of the mailbox is the same one.",
            schema=_BOOLEAN,
        ),
        ConditionSpec(
            name="first_seen",
            compile=partial(_compile_word, FirstSeenTest, "first_seen"),
            summary="It is the first message of its sender.",
            schema=_BOOLEAN,
        ),
        ConditionSpec(
            name="thread",
            compile=_compile_thread,
            summary="What a message of the same thread in this mailbox is like.",
            schema=mapping(thread),
        ),
    ]


def _compile_word(
    test: type[DuplicateTest | FirstSeenTest], word: str, source: SourceValue, context: CompileContext
) -> DuplicateTest | FirstSeenTest | None:
    if isinstance(source.value, bool):
        return test(wanted=source.value)
    report_error(source, f"{word} takes true or false, not {source.kind}", cure=f"write {word}: true", context=context)
    return None


def _compile_thread(source: SourceValue, context: CompileContext) -> ThreadTest | None:
    if not source.is_mapping:
        cure = "write thread: {flag: flagged}, or thread: {participated: true}"
        report_error(source, f"thread takes operators, not {source.kind}", cure=cure, context=context)
        return None
    is_good = check_keys(source, THREAD_KEYS, word="thread", context=context)
    entries = source.mapping
    flags = read_flags(entries["flag"], context) if "flag" in entries else None
    keywords = read_keywords(entries["keyword"], context) if "keyword" in entries else None
    participated = read_flag(source, "participated", context)
    count = (
        read_bounds(entries["count"], context, word="count", parse=parse_count, bare="equals")
        if "count" in entries
        else None
    )
    if "flag" in entries and "keyword" in entries:
        cure = "write all: [{thread: {flag: flagged}}, {thread: {keyword: $Todo}}]"
        report_error(source, "thread takes flag or keyword", cure=cure, context=context)
        return None
    read = {"flag": flags, "keyword": keywords, "participated": participated, "count": count}
    if not is_good or any(key in entries and value is None for key, value in read.items()):
        return None
    return ThreadTest(flags=keywords if flags is None else flags, participated=participated, count=count)
