"""Mailbox names with fields in them: ``"Lists/{list}"``, ``"Receipts/{received:%Y}"``.

Values come from strangers. What a field gives is cleaned, cut, and always stands behind literal
text, so a message can never choose a mailbox outside the prefix that the rule's author wrote.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.diagnostics import Diagnostic
from mailrules.imap.mailbox_name import encode_mailbox_name
from mailrules.mailbox.message import RECEIVED, Fact, header_fact
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.rules.source import SourceValue

MAX_VALUE_CHARACTERS = 100
MAX_VALUE_BYTES = 200
"""As mailbox names go over the wire: many servers keep a mailbox as a file, whose name has 255 bytes at most."""
FILTERS = ("lower", "slug", "domain")
ADDRESS_FIELDS = ("from", "to", "cc", "bcc", "reply_to", "sender")
ADDRESS_PARTS = ("address", "local", "domain", "detail", "name")
DATE_FIELDS = ("received", "sent")
TEXT_FIELDS = ("subject", "list_id")
MESSAGE_FIELDS = frozenset(
    [*DATE_FIELDS, *TEXT_FIELDS, *ADDRESS_FIELDS]
    + [f"{field}.{part}" for field in ADDRESS_FIELDS for part in ADDRESS_PARTS]
)
DATE_DIRECTIVES = "YymdjGVu"
"""The strftime letters that mean a date whatever the locale."""

_TOKEN = re.compile(r"(?P<escape>\{\{|\}\})|\{(?P<field>[^{}]*)\}|(?P<stray>[{}])|(?P<literal>[^{}]+)")
_FIELD = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[a-z]+)?)(?::(?P<format>[^|]*))?(?P<filters>(?:\|[^|]*)*)")
_LIKE_SLASHES = frozenset("\u2044\u2215\u2216\u29f5\u29f8\u29f9")
"""Slashes of other kinds, which no normalization makes plain ones."""
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


class TemplateError(ValueError):
    """The text is no template; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """``{name:format|filter|filter}``: ``name`` may be dotted (``from.domain``) or a capture."""

    name: str
    format: str = ""
    filters: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[Fact, ...]:
        """The facts of a message that it reads; a capture's are those of its condition."""
        name = self.name.partition(".")[0]
        if name == "received":
            return (RECEIVED,)
        if name == "sent":
            return (header_fact("date"),)
        if name in ADDRESS_FIELDS or name in TEXT_FIELDS:
            return (header_fact(name.replace("_", "-")),)
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Literal text and fields in order. ``text`` is it as written, ``fields`` are those among the parts."""

    text: str
    parts: tuple[str | Field, ...]
    fields: tuple[Field, ...]

    @property
    def is_literal(self) -> bool:
        return not self.fields

    @property
    def captures(self) -> tuple[str, ...]:
        """The field names that only a regex can fill."""
        return tuple(field.name for field in self.fields if field.name not in MESSAGE_FIELDS)

    @property
    def literal_prefix(self) -> str:
        """The text before the first field, which no message can change."""
        return self.parts[0] if self.parts and isinstance(self.parts[0], str) else ""

    @property
    def needs(self) -> tuple[Fact, ...]:
        """Facts that its non-capture fields read."""
        return tuple(dict.fromkeys(fact for field in self.fields for fact in field.needs))

    def render(self, values: Mapping[str, object], *, delimiter: str) -> str:
        """The mailbox name for one message, in the rule's spelling (``/`` between levels).

        ``values`` has a str for captures and text fields and an aware datetime for ``received`` and
        ``sent``. Values are cleaned of ``/``, of the server's delimiter and of control characters, and cut
        to 100 characters. Raises KeyError with the field's name for a missing or empty value.
        """
        return "".join(
            part if isinstance(part, str) else _render(part, values[part.name], delimiter=delimiter)
            for part in self.parts
        )


def parse_template(text: str) -> Template:
    """Read a template; ``{{`` and ``}}`` are braces. Raises TemplateError."""
    parts: list[str | Field] = []
    for token in _TOKEN.finditer(text):
        if token["stray"]:
            raise TemplateError(f'a single "{token["stray"]}"; write "{token["stray"] * 2}" for a brace')
        if token["field"] is not None:
            parts.append(_parse_field(token["field"]))
            continue
        literal = token["escape"][0] if token["escape"] else token["literal"]
        if parts and isinstance(parts[-1], str):
            parts[-1] += literal
        else:
            parts.append(literal)
    return Template(text=text, parts=tuple(parts), fields=tuple(part for part in parts if isinstance(part, Field)))


def mailbox_template(source: SourceValue, report: Callable[[Diagnostic], None]) -> Template | None:
    """A mailbox name as an action's option, or None after reporting what is wrong with it."""

    text = source.text if not source.is_mapping and not source.is_list else ""
    template, message, cure = None, "", ""
    if not text.strip():
        message, cure = f"a mailbox name is expected here, not {source.kind}", "write it as text: Lists/news"
    elif any(not level.strip() for level in text.split("/")):
        message, cure = f'the mailbox "{text}" has an empty level', 'remove the "/" that is too many'
    elif any(unicodedata.category(character) == "Cc" for character in text):
        message, cure = "the mailbox name holds a control character", "remove it"
    else:
        try:
            template = parse_template(text)
        except TemplateError as error:
            message = f'in "{text}": {error}'
    if template is not None and not template.literal_prefix.strip("/ "):
        message = f'the mailbox "{text}" begins with a field, so any message could choose any mailbox'
        cure = f'put a fixed name first: "Sorted/{text}"'
    if message:
        report(Diagnostic(where=source.at, message=message, cure=cure))
        return None
    return template


def _parse_field(text: str) -> Field:
    match = _FIELD.fullmatch(text)
    if not match:
        raise TemplateError(f'"{{{text}}}" is no field; write {{name}}, {{received:%Y}} or {{from.domain|slug}}')
    name, date_format = match["name"], match["format"] or ""
    filters = tuple(one.strip() for one in match["filters"].split("|")[1:])
    unknown = next((one for one in filters if one not in FILTERS), None)
    if unknown is not None:
        raise TemplateError(f'unknown filter "{unknown}"; filters are {", ".join(FILTERS)}')
    if "." in name and name not in MESSAGE_FIELDS:
        raise TemplateError(f'unknown field "{name}"; address fields have {", ".join(ADDRESS_PARTS)}')
    if name in DATE_FIELDS:
        _check_date_format(name, date_format)
    elif match["format"] is not None:
        raise TemplateError(f'"{name}" is no date, so it takes no format')
    return Field(name=name, format=date_format, filters=filters)


def _check_date_format(name: str, date_format: str) -> None:
    if not date_format:
        raise TemplateError(f"a date needs a format: {{{name}:%Y}} or {{{name}:%Y-%m}}")
    for directive in re.findall(r"%(.?)", date_format):
        if not directive or directive not in DATE_DIRECTIVES:
            known = " ".join(f"%{letter}" for letter in DATE_DIRECTIVES)
            raise TemplateError(f'"%{directive}" is no part of a date; use {known}')


def _render(field: Field, value: object, *, delimiter: str) -> str:
    # A date's format is the rule author's own text: its "/" makes levels.
    text = value.strftime(field.format) if isinstance(value, datetime) else str(value)
    for name in field.filters:
        text = _apply(name, text)
    if not isinstance(value, datetime):
        text = _clean(text, delimiter=delimiter)
    if not text:
        raise KeyError(field.name)
    return text


def _apply(name: str, text: str) -> str:
    match name:
        case "lower":
            return text.lower()
        case "slug":
            plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
            return _NOT_SLUG.sub("-", plain.lower()).strip("-")
        case _:
            return text.rpartition("@")[2].strip(" <>").lower()


def _clean(text: str, *, delimiter: str) -> str:
    """A stranger's text as part of one level of a mailbox name; "" if nothing is left.

    Wildcards of LIST would make the mailbox hard to name, and outer dots could mean "one level up" to a server
    that keeps mailboxes as directories.
    """
    signs = {"/", "\\", "*", "%", *delimiter}
    # Twice as long as what may be left is enough, and a stranger's text has any length.
    text = unicodedata.normalize("NFC", text[: 2 * MAX_VALUE_CHARACTERS])
    kept = "".join(" " if unicodedata.category(one)[0] in "CZ" else _plain(one, signs) for one in text)
    return _cut(" ".join(kept.split())).strip(" .")


def _plain(character: str, signs: set[str]) -> str:
    """The character, or ``-`` for a sign that means something in mailbox names and for what looks like one.

    Servers and file systems that fold characters (NFKC) would make the sign of what only looks like it.
    """
    if character.isascii():
        return "-" if character in signs else character
    is_like = character in _LIKE_SLASHES or not signs.isdisjoint(unicodedata.normalize("NFKC", character))
    return "-" if is_like else character


def _cut(text: str) -> str:
    """As much of it as is within both limits."""
    text = text[:MAX_VALUE_CHARACTERS]
    while len(encode_mailbox_name(text)) > MAX_VALUE_BYTES:
        text = text[:-1]
    return text
