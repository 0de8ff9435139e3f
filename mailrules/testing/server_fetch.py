"""What does FETCH answer for one message: the items that were asked for, and their bytes?"""

from __future__ import annotations

import re
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from mailrules.testing.message_parts import decoded_texts
from mailrules.testing.mime_structure import read_entities, read_message
from mailrules.testing.server_arguments import Argument, ArgumentList, Atom, BadCommand
from mailrules.testing.server_structure import body_structure, envelope
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from mailrules.testing.mail_state import StoredMessage
    from mailrules.testing.mime_structure import Entity
    from mailrules.testing.selected_view import SelectedView

_MACROS = {
    b"FAST": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE"),
    b"ALL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE"),
    b"FULL": (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE", b"ENVELOPE", b"BODY"),
}
_SECTION = re.compile(
    rb"BODY(?P<peek>\.PEEK)?\[(?P<section>[^\]]*)(?P<closed>\](?P<partial><\d+\.\d+>)?)?", re.IGNORECASE
)
_NEEDS = {b"SAVEDATE": "SAVEDATE", b"PREVIEW": "PREVIEW", b"EMAILID": "OBJECTID"}
_PREVIEW_CHARACTERS = 200
_CLOSING = re.compile(rb"\](?P<partial><\d+\.\d+>)?")
_SECTION_SPEC = re.compile(
    rb"(?P<number>[1-9]\d{0,4}(?:\.[1-9]\d{0,4}){0,49})?\.?(?P<name>HEADER|TEXT|MIME|)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchItem:
    """One item asked for; ``render`` gives its name and value."""

    render: Callable[[SelectedView, StoredMessage], bytes]
    marks_seen: bool = False
    is_modseq: bool = False
    is_flags: bool = False
    may_be_lazy: bool = False


def parse_fetch_items(
    words: list[Argument], *, by_uid: bool, offers: Callable[[str], bool] = lambda _: True
) -> list[FetchItem]:
    """The items of a FETCH, UID first where the command is UID FETCH. Raises BadCommand."""
    if len(words) == 1 and isinstance(words[0], ArgumentList):
        words = list(words[0])
    elif len(words) == 1 and isinstance(words[0], Atom) and words[0].upper() in _MACROS:
        words = [Atom(word) for word in _MACROS[words[0].upper()]]
    items: list[FetchItem] = []
    left = iter(words)
    names = [word.upper() for word in words if isinstance(word, Atom)]
    if by_uid and b"UID" not in names:
        items.append(_SIMPLE[b"UID"])
    for word in left:
        if isinstance(word, ArgumentList) and items and items[-1].may_be_lazy:
            if word != [Atom(b"LAZY")]:
                raise BadCommand("Invalid arguments")
            continue
        if not isinstance(word, Atom):
            raise BadCommand("Invalid arguments")
        if not offers(_NEEDS.get(word.upper(), "IMAP4REV1")):
            raise BadCommand(f"Unknown parameter: {word.upper().decode('ascii', 'replace')}")
        items.append(_SIMPLE.get(word.upper()) or _section_item(word, left))
    if not items:
        raise BadCommand("Missing fetch items")
    return items


def _section_item(word: bytes, left: Iterator[Argument]) -> FetchItem:
    match = _SECTION.fullmatch(word)
    if match is None:
        raise BadCommand(f"Unknown parameter: {word.upper().decode('ascii', 'replace')}")
    marks_seen = match["peek"] is None
    if match["closed"] is None:
        return _header_fields_item(match["section"], left, marks_seen=marks_seen)
    section = match["section"].upper()
    spec = _SECTION_SPEC.fullmatch(section)
    if spec is None or (spec["name"] == b"MIME" and spec["number"] is None) or section.endswith(b"."):
        raise BadCommand("Invalid BODY[..] section")
    read = partial(_read_section, number=(spec["number"] or b"").decode(), name=spec["name"].upper())
    return _literal_item(b"BODY[" + section + b"]", read, _partial(match["partial"]), marks_seen=marks_seen)


def _header_fields_item(section: bytes, left: Iterator[Argument], *, marks_seen: bool) -> FetchItem:
    """``BODY[HEADER.FIELDS (...)]`` comes as three words: up to the list, the list, and the bracket."""
    names, end = next(left, None), next(left, None)
    closing = _CLOSING.fullmatch(end) if isinstance(end, Atom) else None
    number, _, kind = section.upper().rpartition(b"HEADER.FIELDS")
    number = number.removesuffix(b".")
    if not isinstance(names, ArgumentList) or not names or closing is None or kind not in {b"", b".NOT"}:
        raise BadCommand("Invalid BODY[..] section")
    if not section.upper().endswith((b"HEADER.FIELDS", b"HEADER.FIELDS.NOT")):
        raise BadCommand("Invalid BODY[..] section")
    wanted = tuple(bytes(name).upper() for name in names if not isinstance(name, ArgumentList))
    pattern = _fields_pattern(wanted, negated=kind == b".NOT")
    read = partial(_read_fields, number=number.decode("ascii", "replace"), pattern=pattern)
    label = b"BODY[" + section.upper() + b" (" + b" ".join(wanted) + b")]"
    return _literal_item(label, read, _partial(closing["partial"]), marks_seen=marks_seen)


def _literal_item(
    label: bytes, read: Callable[[bytes], bytes], bounds: tuple[int, int] | None, *, marks_seen: bool
) -> FetchItem:
    def render(_: SelectedView, stored: StoredMessage) -> bytes:
        value = read(stored.content)
        shown = label
        if bounds is not None:
            start, count = bounds
            value = value[start : start + count]
            shown = b"%s<%d>" % (label, start)
        return b"%s {%d}\r\n%s" % (shown, len(value), value)

    return FetchItem(render=render, marks_seen=marks_seen)


def _partial(text: bytes | None) -> tuple[int, int] | None:
    if text is None:
        return None
    start, _, count = text[1:-1].partition(b".")
    if len(text) > 40:
        raise BadCommand("Invalid BODY[..] partial")
    return int(start), int(count)


@lru_cache(maxsize=64)
def _fields_pattern(names: tuple[bytes, ...], *, negated: bool) -> re.Pattern[bytes]:
    alternatives = b"|".join(re.escape(name) for name in names)
    name = b"(?!(?:" + alternatives + rb")[ \t]*:)[^\s:][^:\r\n]*?" if negated else b"(?:" + alternatives + b")"
    return re.compile(b"^" + name + rb"[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)


def _read_fields(content: bytes, *, number: str, pattern: re.Pattern[bytes]) -> bytes:
    if number:
        header = _read_section(content, number=number, name=b"HEADER")
    else:
        end = content.find(b"\r\n\r\n")
        header = content if end < 0 else content[: end + 2]
    return b"".join(pattern.findall(header)) + b"\r\n"


def _read_section(content: bytes, *, number: str, name: bytes) -> bytes:
    """The bytes of a section; of a part that does not exist, none (as Dovecot answers)."""
    if not number and not name:
        return content
    entities = _entities_of(content)
    entity: Entity | None = entities[0]
    if number:
        entity = next((one for one in entities if one.number == number), None)
    if entity is None:
        return b""
    if number and name in {b"HEADER", b"TEXT"}:
        if not entity.holds_message:
            return b""
        entity = entity.children[0]
    if name in {b"HEADER", b"MIME"}:
        return content[entity.start : entity.body_start]
    return content[entity.body_start : entity.end]


@lru_cache(maxsize=4)
def _entities_of(content: bytes) -> list[Entity]:
    """Clients ask for many sections of one message in one command; nobody changes what comes back."""
    return read_entities(content)


def _internal_date(date: datetime) -> bytes:
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"[(date.month - 1) * 4 :][:3]
    return f"{date.day:02}-{month}-{date.year:04} {date:%H:%M:%S %z}".encode()


def _simple(name: bytes, value: Callable[[SelectedView, StoredMessage], bytes]) -> FetchItem:
    return FetchItem(
        render=lambda view, stored: name + b" " + value(view, stored),
        is_modseq=name == b"MODSEQ",
        is_flags=name == b"FLAGS",
        may_be_lazy=name == b"PREVIEW",
    )


def _preview(stored: StoredMessage) -> bytes:
    """The beginning of the first text, as a literal; "" where there is none."""
    texts = decoded_texts(stored.content)
    words = " ".join(texts[0].split()) if texts else ""
    text = words[:_PREVIEW_CHARACTERS].rstrip().encode()
    return b"{%d}\r\n%s" % (len(text), text)


def _whole(name: bytes, *, section: bytes = b"", marks_seen: bool = False) -> FetchItem:
    read = partial(_read_section, number="", name=section)
    return _literal_item(name, read, None, marks_seen=marks_seen)


_SIMPLE = {
    b"UID": _simple(b"UID", lambda _, stored: b"%d" % stored.uid),
    b"FLAGS": _simple(b"FLAGS", lambda view, stored: b"(" + view.flags_text(stored) + b")"),
    b"INTERNALDATE": _simple(b"INTERNALDATE", lambda _, stored: b'"' + _internal_date(stored.received) + b'"'),
    b"SAVEDATE": _simple(b"SAVEDATE", lambda _, stored: b'"' + _internal_date(stored.saved) + b'"'),
    b"PREVIEW": _simple(b"PREVIEW", lambda _, stored: _preview(stored)),
    b"RFC822.SIZE": _simple(b"RFC822.SIZE", lambda _, stored: b"%d" % len(stored.content)),
    b"MODSEQ": _simple(b"MODSEQ", lambda _, stored: b"(%d)" % stored.modseq),
    b"EMAILID": _simple(b"EMAILID", lambda _, stored: b"(" + stored.object_id.encode() + b")"),
    b"X-GUID": _simple(b"X-GUID", lambda _, stored: stored.object_id.encode()),
    b"ENVELOPE": _simple(b"ENVELOPE", lambda _, stored: envelope(read_message(stored.content))),
    b"BODYSTRUCTURE": _simple(b"BODYSTRUCTURE", lambda _, stored: body_structure(stored.content, extended=True)),
    b"BODY": _simple(b"BODY", lambda _, stored: body_structure(stored.content, extended=False)),
    b"RFC822": _whole(b"RFC822", marks_seen=True),
    b"RFC822.HEADER": _whole(b"RFC822.HEADER", section=b"HEADER"),
    b"RFC822.TEXT": _whole(b"RFC822.TEXT", section=b"TEXT", marks_seen=True),
}
