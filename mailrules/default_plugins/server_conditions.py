"""The conditions that the server itself judges: ``search gmail quota``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.imap.search_text import SearchTextError, parse_search_text
from mailrules.rules.operator_schemas import SIZE, bounds, mapping
from mailrules.rules.operators import check_keys, parse_number, read_bounds, report_error
from mailrules.rules.quantities import parse_size
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.server_tests import QuotaTest, SearchTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

QUOTA_KEYS = ("percent", "free")
MAX_QUERY_CHARACTERS = 1_000


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    return [
        ConditionSpec(
            name="search",
            compile=_compile_search,
            summary="The server's own SEARCH finds the message, by IMAP's keys as they are written.",
            schema={"type": "string", "minLength": 1},
        ),
        ConditionSpec(
            name="gmail",
            compile=_compile_gmail,
            summary="Gmail's own search finds the message.",
            schema={"type": "string", "minLength": 1},
        ),
        ConditionSpec(
            name="quota",
            compile=_compile_quota,
            summary="How full the mailbox is, as the server limits it.",
            schema=mapping({"percent": bounds({"type": "number"}), "free": bounds(SIZE)}),
        ),
    ]


def _read_query(source: SourceValue, context: CompileContext, *, word: str, sample: str) -> str | None:
    if not isinstance(source.value, str) or not source.text.strip():
        cure = f"write {word}: '{sample}'"
        report_error(source, f"{word} takes a search as text, not {source.kind}", cure=cure, context=context)
        return None
    return source.text


def _compile_search(source: SourceValue, context: CompileContext) -> SearchTest | None:
    query = _read_query(source, context, word="search", sample="OR FROM ann UNSEEN")
    if query is None:
        return None
    try:
        parse_search_text(query)
    except SearchTextError as error:
        cure = "the keys are those of RFC 9051 section 6.4.4"
        report_error(source, f"this search cannot be read: {error}", cure=cure, context=context)
        return None
    return SearchTest(query=query)


def _compile_gmail(source: SourceValue, context: CompileContext) -> SearchTest | None:
    query = _read_query(source, context, word="gmail", sample="has:attachment larger:5M")
    if query is None:
        return None
    if len(query) > MAX_QUERY_CHARACTERS or not query.isprintable():
        cure = f"write one line of up to {MAX_QUERY_CHARACTERS} characters"
        report_error(source, "this search is too long or has control characters", cure=cure, context=context)
        return None
    return SearchTest(query=query, is_gmail=True)


def _compile_quota(source: SourceValue, context: CompileContext) -> QuotaTest | None:
    if not source.is_mapping:
        cure = "write quota: {percent: {at_least: 90}}"
        report_error(source, f"quota takes percent and free, not {source.kind}", cure=cure, context=context)
        return None
    is_good = check_keys(source, QUOTA_KEYS, word="quota", context=context)
    entries = source.mapping
    percent = (
        read_bounds(entries["percent"], context, word="percent", parse=parse_number) if "percent" in entries else None
    )
    free = read_bounds(entries["free"], context, word="free", parse=parse_size) if "free" in entries else None
    read = {"percent": percent, "free": free}
    if not is_good or any(key in entries and value is None for key, value in read.items()):
        return None
    return QuotaTest(percent=percent, free=free)
