"""The conditions on a message's parts: ``attachment mime``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.operator_schemas import SIZE, TEXTS, bounds, either, mapping, present_text
from mailrules.rules.operators import (
    check_keys,
    parse_count,
    read_bounds,
    read_flag,
    read_match,
    read_text_options,
    report_error,
)
from mailrules.rules.quantities import parse_size
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.text_match import TextOperator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue
    from mailrules.rules.text_match import TextMatch

ATTACHMENT_KEYS = ("name", "type", "size", "count", "exists")
MIME_KEYS = (*ATTACHMENT_KEYS, "charset")


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    options = {
        "name": present_text(),
        "type": present_text(),
        "size": bounds(SIZE),
        "count": either({"type": "integer", "minimum": 0}, bounds({"type": "integer", "minimum": 0})),
        "exists": {"type": "boolean"},
    }
    return [
        ConditionSpec(
            name="attachment",
            compile=_compile,
            summary="An attached file, by name, type and size, or how many there are.",
            schema=either({"type": "boolean"}, mapping(options)),
        ),
        ConditionSpec(
            name="ambiguous",
            compile=_compile_ambiguous,
            summary="Two programs could read the header differently: two From fields, an open quote, and the like.",
            schema={"type": "boolean"},
        ),
        ConditionSpec(
            name="mime",
            compile=_compile_mime,
            summary="Any part of the message, texts and multiparts included, by media type, name, charset and size.",
            schema=either(TEXTS, mapping({**options, "charset": present_text()})),
        ),
    ]


def _compile(source: SourceValue, context: CompileContext) -> AttachmentTest | None:
    if isinstance(source.value, bool):
        return AttachmentTest(exists=source.value)
    if not source.is_mapping:
        cure = "write attachment: true, or attachment: {name: {glob: '*.pdf'}}"
        report_error(source, f"attachment takes operators, not {source.kind}", cure=cure, context=context)
        return None
    return _compile_parts(source, context, word="attachment", keys=ATTACHMENT_KEYS)


def _compile_mime(source: SourceValue, context: CompileContext) -> AttachmentTest | None:
    if source.is_mapping:
        return _compile_parts(source, context, word="mime", keys=MIME_KEYS)
    match = read_match(source, context, operator=TextOperator.GLOB)
    return None if match is None else AttachmentTest(type=match, every_part=True)


def _compile_parts(
    source: SourceValue, context: CompileContext, *, word: str, keys: tuple[str, ...]
) -> AttachmentTest | None:
    is_good = check_keys(source, keys, word=word, context=context)
    entries = source.mapping
    name = _read_text(source, "name", context, bare=TextOperator.CONTAINS)
    media_type = _read_text(source, "type", context, bare=TextOperator.GLOB)
    charset = _read_text(source, "charset", context, bare=TextOperator.EQUALS) if "charset" in keys else None
    size = read_bounds(entries["size"], context, word="size", parse=parse_size) if "size" in entries else None
    count = (
        read_bounds(entries["count"], context, word="count", parse=parse_count, bare="equals")
        if "count" in entries
        else None
    )
    exists = read_flag(source, "exists", context)
    read = {"name": name, "type": media_type, "charset": charset, "size": size, "count": count, "exists": exists}
    if not is_good or any(key in entries and value is None for key, value in read.items()):
        return None
    return AttachmentTest(
        name=name,
        type=media_type,
        charset=charset,
        size=size,
        count=count,
        exists=exists is not False,
        every_part=word == "mime",
    )


def _compile_ambiguous(source: SourceValue, context: CompileContext) -> AmbiguousTest | None:
    if not isinstance(source.value, bool):
        report_error(
            source, f"ambiguous takes true or false, not {source.kind}", cure="write ambiguous: true", context=context
        )
        return None
    return AmbiguousTest(wanted=source.value)


def _read_text(source: SourceValue, key: str, context: CompileContext, *, bare: TextOperator) -> TextMatch | None:
    if key not in source.mapping:
        return None
    value = source.mapping[key]
    options = read_text_options(value, context, word=key, bare=bare)
    if options is None:
        return None
    if len(options.matches) != 1 or options.exists is not None or options.empty is not None:
        report_error(value, f"{key} takes one operator", cure=f"write {key}: {{glob: '*.pdf'}}", context=context)
        return None
    return options.matches[0]
