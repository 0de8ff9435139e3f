"""The conditions on texts: ``subject list_id message_id header body text``, and the ``mailbox`` itself."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.rules.operator_schemas import present_text, text_field, text_operators
from mailrules.rules.operators import read_text_options, report_error
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.text_match import TextOperator
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import MailboxTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

_FIELDS = {
    "subject": ("subject", "The subject, decoded."),
    "list_id": ("list-id", "The List-Id field, which names a mailing list."),
    "message_id": ("message-id", "The Message-ID field."),
}
# RFC 5322 section 3.6.8: any printable character but the colon.
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    fields = [
        ConditionSpec(name=word, compile=partial(_compile_field, word, field), summary=summary, schema=text_field())
        for word, (field, summary) in _FIELDS.items()
    ]
    header_schema = text_operators(name={"type": "string"})
    return [
        *fields,
        ConditionSpec(
            name="header",
            compile=_compile_header,
            summary="Any header field, by its name.",
            schema={**header_schema, "required": ["name"], "minProperties": 2},
        ),
        ConditionSpec(
            name="body", compile=_compile_body, summary="The readable text of the message.", schema=text_field()
        ),
        ConditionSpec(
            name="text",
            compile=_compile_anywhere,
            summary="What a reader sees: the subject, the sender, the recipients or the readable text.",
            schema=present_text(),
        ),
        ConditionSpec(
            name="mailbox",
            compile=_compile_mailbox,
            summary="The name of the mailbox that the message is in.",
            schema=present_text(),
        ),
    ]


def _compile_field(word: str, field: str, source: SourceValue, context: CompileContext) -> TextTest | None:
    options = read_text_options(source, context, word=word)
    if options is None:
        return None
    return TextTest(field=field, matches=options.matches, exists=options.exists, empty=options.empty)


def _compile_header(source: SourceValue, context: CompileContext) -> TextTest | None:
    name = source.mapping.get("name")
    if name is None:
        cure = "write header: {name: X-Mailer, contains: ...}"
        report_error(source, "header needs the name of a field", cure=cure, context=context)
        return None
    if not _FIELD_NAME.fullmatch(name.text):
        cure = "write it without the colon: X-Mailer"
        report_error(name, f'"{name.text}" is no name of a header field', cure=cure, context=context)
        return None
    if len(source.mapping) == 1:
        cure = f"write header: {{name: {name.text}, exists: true}}"
        report_error(source, "header needs an operator beside the name", cure=cure, context=context)
        return None
    options = read_text_options(source, context, word="header", other_keys=("name",))
    if options is None:
        return None
    return TextTest(field=name.text.lower(), matches=options.matches, exists=options.exists, empty=options.empty)


def _compile_body(source: SourceValue, context: CompileContext) -> BodyTest | None:
    options = read_text_options(source, context, word="body")
    if options is None:
        return None
    return BodyTest(matches=options.matches, exists=options.exists, empty=options.empty)


def _compile_anywhere(source: SourceValue, context: CompileContext) -> AnywhereTest | None:
    options = read_text_options(source, context, word="text")
    if options is None:
        return None
    if not options.matches or options.exists is not None or options.empty is not None:
        cure = "ask for the place itself: subject: {exists: true}, body: {empty: true}"
        report_error(
            source, "text looks at several places, so exists and empty say nothing", cure=cure, context=context
        )
        return None
    return AnywhereTest(matches=options.matches)


def _compile_mailbox(source: SourceValue, context: CompileContext) -> MailboxTest | None:
    options = read_text_options(source, context, word="mailbox", bare=TextOperator.EQUALS)
    if options is None:
        return None
    if len(options.matches) != 1 or options.exists is not None or options.empty is not None:
        cure = "write mailbox: NAME, or use all: [...] for several"
        report_error(source, "mailbox takes one operator", cure=cure, context=context)
        return None
    return MailboxTest(match=options.matches[0])
