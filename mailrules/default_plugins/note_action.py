"""The action ``append``: a note about the message, written by us into a mailbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.delivery.message_words import WORDS
from mailrules.hookspecs import hookimpl
from mailrules.plan.actions import AppendNote
from mailrules.rules.flags import SYSTEM_FLAGS
from mailrules.rules.operator_schemas import TEXT, mapping, words
from mailrules.rules.operators import check_keys, read_flag, read_words, report_error
from mailrules.rules.registry import ActionSpec
from mailrules.rules.templates import Template, TemplateError, mailbox_template, parse_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue
    from mailrules.rules.rule import ActionValue

APPEND_KEYS = ("to", "text", "subject", "flags", "create")
MAX_TEXT_CHARACTERS = 20_000
_FLAGS = sorted(SYSTEM_FLAGS.keys() - {"deleted"})


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    return [
        ActionSpec(
            name="append",
            compile=_compile_append,
            summary="Write a note about the message into a mailbox.",
            schema=mapping(
                {
                    "to": TEXT,
                    "text": TEXT,
                    "subject": TEXT,
                    "flags": words(_FLAGS),
                    "create": {"type": "boolean"},
                },
                required=("to", "text"),
            ),
        )
    ]


def _compile_append(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        cure = 'write append: {to: Notes, text: "{from.name} wrote about {subject}"}'
        report_error(source, f"append takes a mapping, not {source.kind}", cure=cure, context=context)
        return None
    is_good = check_keys(source, APPEND_KEYS, word="append", context=context)
    for key in ("to", "text"):
        if key not in source.mapping:
            report_error(source, f'append lacks the key "{key}"', cure=f"add {key}: ...", context=context)
            is_good = False
    create = read_flag(source, "create", context)
    flags: tuple[str, ...] | None = ()
    if "flags" in source.mapping:
        flags = read_words(
            source.mapping["flags"],
            context,
            known=_FLAGS,
            noun="flag",
        )
    to = mailbox_template(source.mapping["to"], context.report) if "to" in source.mapping else None
    text = _text(source, "text", context, default="")
    subject = _text(source, "subject", context, default="{subject}")
    if not is_good or flags is None or to is None or text is None or subject is None:
        return None
    spelled = tuple("\\" + word.capitalize() for word in flags)
    return [AppendNote(to=to, subject=subject, text=text, flags=spelled, create=create is True)]


def _text(source: SourceValue, key: str, context: CompileContext, *, default: str) -> Template | None:
    value = source.mapping.get(key)
    if value is None:
        return parse_template(default)
    if not isinstance(value.value, str) or not value.text.strip():
        report_error(value, f"{key} is a text, not {value.kind}", context=context)
        return None
    if len(value.text) > MAX_TEXT_CHARACTERS:
        report_error(value, f"this text is over {MAX_TEXT_CHARACTERS:,} characters", context=context)
        return None
    try:
        template = parse_template(value.text)
    except TemplateError as error:
        report_error(value, str(error), cure="write {{ and }} for braces", context=context)
        return None
    unknown = [field.name for field in template.fields if field.name not in WORDS]
    if unknown:
        message = f'this text has no field "{unknown[0]}"; it may have {", ".join(WORDS)}'
        report_error(value, message, cure="write {{ and }} for braces", context=context)
        return None
    return template
