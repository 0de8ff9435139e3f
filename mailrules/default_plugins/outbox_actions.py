"""The actions that go out of the mailbox: ``forward reply notify webhook pipe``. Each has to be granted by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailrules.delivery.message_words import WORDS
from mailrules.hookspecs import hookimpl
from mailrules.mailbox.strict_address import strict_address
from mailrules.plan.actions import Effect
from mailrules.rules.operator_schemas import TEXT, TEXTS, either, mapping
from mailrules.rules.operators import check_keys, read_quantity, read_texts, report_error
from mailrules.rules.outside import why_no_endpoint
from mailrules.rules.quantities import parse_duration
from mailrules.rules.registry import ActionSpec
from mailrules.rules.reporter import did_you_mean
from mailrules.rules.templates import TemplateError, parse_template
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

    Compile = Callable[[SourceValue, CompileContext], Sequence[Effect] | None]

FORMS = ("attachment", "resent")
REPLY_EVERY_SECONDS = 7 * 86400.0
"""A person gets one answer of a rule in a week (RFC 5230 section 4.1)."""

PIPE_SECONDS = 60.0
MAX_TEXT_CHARACTERS = 20_000


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    forward = mapping({"to": TEXTS, "form": {"enum": list(FORMS)}}, required=("to",))
    reply = mapping({"text": TEXT, "subject": TEXT, "every": TEXT}, required=("text",))
    notify = mapping({"to": TEXTS, "via": TEXT, "text": TEXT, "subject": TEXT}, required=("text",))
    pipe = mapping({"command": {"type": "array", "items": TEXT, "minItems": 1}, "timeout": TEXT}, required=("command",))
    return [
        _spec("forward", _compile_forward, summary="Send the message on.", schema=either(TEXTS, forward)),
        _spec("reply", _compile_reply, summary="Answer the sender, once in a while.", schema=either(TEXT, reply)),
        _spec("notify", _compile_notify, summary="Send a short message about it.", schema=notify),
        _spec(
            "webhook",
            _compile_webhook,
            summary="Call a configured endpoint.",
            schema=either(TEXT, mapping({"url": TEXT}, required=("url",))),
        ),
        _spec(
            "pipe",
            _compile_pipe,
            summary="Give the message to a program.",
            schema=either({"type": "array", "items": TEXT, "minItems": 1}, pipe),
        ),
    ]


def _spec(name: str, compile_: Compile, *, summary: str, schema: dict[str, object]) -> ActionSpec:
    return ActionSpec(name=name, compile=partial(_granted, name, compile_), summary=summary, schema=schema)


def _granted(name: str, compile_: Compile, source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    """Compile an action that the main file allows; a file that is included can't allow it itself."""
    if name not in context.allow:
        cure = f"add allow: [{name}] to the main file, or remove the action"
        report_error(
            source, f"{name} goes out of the mailbox, and this file does not allow it", cure=cure, context=context
        )
        return None
    if source.at.file in context.packs:
        cure = "copy the rule into a file of your own"
        report_error(source, f"a rule pack does not {name}", cure=cure, context=context)
        return None
    return compile_(source, context)


@dataclass(frozen=True, slots=True)
class _Options:
    """The options of one action, read as far as they are right."""

    source: SourceValue
    context: CompileContext

    def text(self, key: str) -> str | None:
        """A text with fields; "" where it is left out, None after reporting a mistake."""
        if key not in self.source.mapping:
            return ""
        value = self.source.mapping[key]
        if not isinstance(value.value, str) or not value.text.strip():
            report_error(value, f"{key} is a text, not {value.kind}", context=self.context)
            return None
        return value.text if _is_text(value, self.context) else None

    def addresses(self, source: SourceValue) -> list[str] | None:
        texts = read_texts(source, self.context)
        if texts is None:
            return None
        found = []
        for text in texts:
            try:
                found.append(strict_address(text))
            except ValueError as error:
                cure = "write fixed addresses such as bo@example.org; mail never chooses where it goes"
                report_error(source, f'"{text}" is no plain address: {error}', cure=cure, context=self.context)
        return found if len(found) == len(texts) else None


def _compile_forward(source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    options = _Options(source, context)
    if not source.is_mapping:
        addresses, form = options.addresses(source), FORMS[0]
    else:
        is_good = check_keys(source, ("to", "form"), word="forward", context=context)
        if "to" not in source.mapping:
            report_error(source, "forward lacks its address", cure="write forward: bo@example.org", context=context)
            return None
        addresses = options.addresses(source.mapping["to"])
        form = source.mapping["form"].text if "form" in source.mapping else FORMS[0]
        if form not in FORMS:
            report_error(source.mapping["form"], f'form is attachment or resent, not "{form}"', context=context)
            return None
        if not is_good:
            return None
    if addresses is None:
        return None
    # One effect for each address: each is remembered, tried and refused on its own.
    return [Effect(name="forward", target=address, options={"form": form}) for address in dict.fromkeys(addresses)]


def _compile_reply(source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    if not source.is_mapping:
        if not isinstance(source.value, str) or not source.text.strip():
            cure = 'write reply: {text: "I am away until Monday."}'
            report_error(source, f"reply takes its text, not {source.kind}", cure=cure, context=context)
            return None
        text = source.text if _is_text(source, context) else None
        return None if text is None else [_reply(text, subject="", seconds=REPLY_EVERY_SECONDS)]
    is_good = check_keys(source, ("text", "subject", "every"), word="reply", context=context)
    options = _Options(source, context)
    text, subject = options.text("text"), options.text("subject")
    if text == "":
        report_error(source, "reply lacks its text", cure="add text: ...", context=context)
        return None
    seconds = _duration(source, "every", context, default=REPLY_EVERY_SECONDS)
    if not is_good or text is None or subject is None or seconds is None:
        return None
    return [_reply(text, subject=subject, seconds=seconds)]


def _reply(text: str, *, subject: str, seconds: float) -> Effect:
    options = {"text": text, "subject": subject, "every_seconds": seconds}
    return Effect(name="reply", options=options)


def _compile_notify(source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    if not source.is_mapping:
        cure = 'write notify: {to: me@example.org, text: "{subject}"}'
        report_error(source, f"notify takes to or via, and text, not {source.kind}", cure=cure, context=context)
        return None
    is_good = check_keys(source, ("to", "via", "text", "subject"), word="notify", context=context)
    options = _Options(source, context)
    text, subject = options.text("text"), options.text("subject")
    if text == "" or ("to" in source.mapping) == ("via" in source.mapping):
        cure = "add to: an address, or via: the name of a webhook, and text"
        report_error(source, "notify needs a text, and either to or via", cure=cure, context=context)
        return None
    if not is_good or text is None or subject is None:
        return None
    words = {"text": text, "subject": subject}
    if "via" in source.mapping:
        name = _endpoint(source.mapping["via"], context)
        return None if name is None else [Effect(name="notify", target=name, options=words | {"via": name})]
    addresses = options.addresses(source.mapping["to"])
    if addresses is None:
        return None
    return [Effect(name="notify", target=address, options=words) for address in dict.fromkeys(addresses)]


def _compile_webhook(source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    if source.is_mapping:
        if not check_keys(source, ("url",), word="webhook", context=context):
            return None
        source = source.mapping["url"]
    name = _endpoint(source, context)
    return None if name is None else [Effect(name="webhook", target=name)]


def _compile_pipe(source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    if source.at.file != context.main_file:
        cure = "move the rule to the main file"
        report_error(source, "a program may only be named in the main file", cure=cure, context=context)
        return None
    command, seconds = source, float(PIPE_SECONDS)
    if source.is_mapping:
        if not check_keys(source, ("command", "timeout"), word="pipe", context=context):
            return None
        limit = _duration(source, "timeout", context, default=PIPE_SECONDS)
        if limit is None or "command" not in source.mapping:
            if limit is not None:
                report_error(source, "pipe lacks its command", cure="add command: [program, argument]", context=context)
            return None
        command, seconds = source.mapping["command"], limit
    if not command.is_list:
        cure = "write command: [program, argument]; no shell splits it"
        report_error(command, f"a command is a list of words, not {command.kind}", cure=cure, context=context)
        return None
    words = read_texts(command, context)
    if words is None:
        return None
    if not words[0].startswith("/"):
        cure = "write its whole path: /usr/local/bin/..."
        report_error(command.items[0], f'"{words[0]}" is no path of a program', cure=cure, context=context)
        return None
    return [Effect(name="pipe", target=words[0], options={"command": list(words), "seconds": seconds})]


def _endpoint(source: SourceValue, context: CompileContext) -> str | None:
    """The name of an endpoint, or a URL that the main file itself names."""
    text = source.text if isinstance(source.value, str) else ""
    if text in context.webhooks:
        return text
    if "://" not in text:
        cure = did_you_mean(text, context.webhooks) or f"add {text or 'a name'} under webhooks in the main file"
        report_error(source, f'there is no webhook "{text}"', cure=cure, context=context)
        return None
    if source.at.file != context.main_file:
        cure = "name it under webhooks in the main file, and write its name here"
        report_error(source, "an included file calls endpoints by name only", cure=cure, context=context)
        return None
    if wrong := why_no_endpoint(text, allow_private=False):
        report_error(source, wrong, cure="write https://host/path, or a name under webhooks", context=context)
        return None
    return text


def _is_text(source: SourceValue, context: CompileContext) -> bool:
    """Whether it is a text whose fields a message can fill; reports otherwise."""
    wrong = f"this text is over {MAX_TEXT_CHARACTERS} characters" if len(source.text) > MAX_TEXT_CHARACTERS else ""
    try:
        unknown = [field.name for field in parse_template(source.text).fields if field.name not in WORDS]
    except TemplateError as error:
        wrong, unknown = str(error), []
    if unknown:
        wrong = f'this text has no field "{unknown[0]}"; it may have {", ".join(WORDS)}'
    if wrong:
        report_error(source, wrong, cure="write {{ and }} for braces", context=context)
    return not wrong


def _duration(source: SourceValue, key: str, context: CompileContext, *, default: float) -> float | None:
    if key not in source.mapping:
        return default
    duration = read_quantity(source.mapping[key], context, parse=parse_duration)
    return None if duration is None else duration.total_seconds()
