"""How do the arguments that ``imaplib``'s methods take become pieces of a command that mean nothing else?

Strings that are quoted or parenthesised already pass as they are, as programs written for releases that
quoted nothing need it; anything else is quoted where it must be, or travels as a literal. CR, LF and NUL
are a ValueError, except in a literal.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

from mailrules.client.imaplib_values import Months
from mailrules.errors import LocalProtocolError
from mailrules.imap.mailbox_name import encode_mailbox_name
from mailrules.imap.sequence_set import LARGEST_NUMBER, parse_sequence_set
from mailrules.imap.writer import AString, Atom, Literal, MailboxNode, Node, ParenthesisedList, Quoted, write_command
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Text: TypeAlias = str | bytes
MessageRange: TypeAlias = "int | range | tuple[int, int | str | None]"
MessageSet: TypeAlias = "Text | int | range | Sequence[MessageRange]"
"""``"1:3,7"`` as it is, or numbers, ``range`` objects and ``(first, last)``; None or ``"*"`` as last is the end."""
Words: TypeAlias = "Text | Sequence[str]"
"""``"A B"``, ``"(A B)"`` or ``["A", "B"]``: each is sent as ``(A B)``."""
Parameter: TypeAlias = "Text | int | date | range | Sequence[MessageRange]"

FORBIDDEN = re.compile(rb"[\r\n\0]")
_QUOTED = re.compile(rb'"(?:[^"\\\r\n\0]|\\["\\])*+"')
_NESTED = re.compile(rb'"(?:[^"\\]|\\.)*+"|[()]|[^()"]++')
_LIST_PATTERN = re.compile(rb'[^\x00-\x20(){"\\\x7f-\xff]+')
_WORD = re.compile(r"[^\x00-\x20()\"\x7f-\U0010ffff]+")
_FETCH_MODIFIER = re.compile(rb"[^\s()\[]+ \([^()]*\)")
_PLACEHOLDER = re.compile(rb'"(?:[^"\\]|\\.)*+"|\?')
_MACROS = frozenset({b"ALL", b"FAST", b"FULL"})


@dataclass(frozen=True, slots=True)
class Fragments:
    """An argument that needs literals: every fragment but the first waits for the server's ``+``."""

    parts: tuple[bytes, ...]


Argument: TypeAlias = "Text | Fragments | None"
"""What ``_command`` sends: text as it is, None not at all."""


def astring(value: Text, *, utf8: bool = False) -> bytes | Fragments:
    """A user, an identifier, a charset."""
    raw = _raw(value)
    return raw if _is_ready(raw) else _written(AString(raw), utf8=utf8)


def mailbox(name: Text, *, utf8: bool = False) -> bytes | Fragments:
    """A mailbox. A name in ASCII is taken as it is, modified UTF-7 included; another one is encoded."""
    if isinstance(name, str) and not name.isascii():
        return _written(MailboxNode(name), utf8=utf8)
    return astring(name, utf8=utf8)


def list_pattern(pattern: Text, *, utf8: bool = False) -> bytes | Fragments:
    """A name with ``*`` and ``%``, which need no quotes."""
    raw = pattern if isinstance(pattern, bytes) else _pattern_bytes(pattern, utf8=utf8)
    return raw if _is_ready(raw) or _LIST_PATTERN.fullmatch(raw) else _written(Quoted(raw), utf8=utf8)


def quoted(value: Text, *, utf8: bool = False) -> bytes | Fragments:
    """Always quoted, whatever it looks like: a password may begin and end with quotes of its own."""
    return _written(Quoted(_raw(value)), utf8=utf8)


def pairs(fields: Mapping[str, str | None]) -> bytes | Fragments:
    """``("name" "value" ...)``, as ID takes it, None as NIL."""
    words = [Atom("NIL") if word is None else Quoted(word) for pair in fields.items() for word in pair]
    return _written(ParenthesisedList(tuple(words)), utf8=False)


def parenthesised(words: Words) -> bytes:
    """Flags, STATUS items, SORT criteria, quota limits. Raises ValueError for a member that is not one word."""
    if isinstance(words, str | bytes):
        raw = _raw(words)
        return raw if raw.startswith(b"(") and raw.endswith(b")") else b"(" + raw + b")"
    for word in words:
        if not _WORD.fullmatch(word):
            raise ValueError(f"{word!r} is not one word")
    return b"(" + " ".join(words).encode() + b")"


def fetch_parts(parts: Words) -> bytes:
    """The items of FETCH. ``FLAGS (CHANGEDSINCE 5)`` passes as it is, and so do the macros."""
    if not isinstance(parts, str | bytes):
        if not parts:
            raise ValueError("FETCH needs an item")
        return b"(" + b" ".join(_raw(part) for part in parts) + b")"
    raw = _raw(parts)
    return raw if raw.upper() in _MACROS or _FETCH_MODIFIER.fullmatch(raw) else parenthesised(raw)


def message_set(messages: MessageSet) -> bytes:
    """Message numbers or UIDs; ranges include both ends. Raises ValueError for none, and for what is no number."""
    if isinstance(messages, str | bytes):
        return _raw(messages)
    members = [messages] if isinstance(messages, int | range) else messages
    text = b",".join(piece for member in members for piece in _range_pieces(member))
    if not text:
        raise ValueError("the set of messages is empty")
    return parse_sequence_set(text).to_bytes()


def search_text(text: Text, *, encoding: str) -> bytes:
    """A search criterion as it is; quoting is the caller's part, or that of ``params``."""
    return text if isinstance(text, bytes) else text.encode(encoding)


def with_parameters(texts: Sequence[Text], parameters: Sequence[Parameter], *, encoding: str) -> list[Argument]:
    """The texts with each ``?`` outside of quotes replaced by the next parameter, quoted as needed.

    A parameter is a string, a date, a number, or a set of messages. Raises ValueError unless there are as
    many parameters as places.
    """
    left = list(parameters)
    filled = [_fill(search_text(text, encoding=encoding), left, encoding=encoding) for text in texts]
    if left:
        raise ValueError(f"{len(parameters)} parameters for {len(parameters) - len(left)} places")
    return list(filled)


def as_parts(argument: Text | Fragments, *, encoding: str) -> tuple[bytes, ...]:
    """The fragments of any argument. Raises ValueError for CR, LF and NUL in a text."""
    if isinstance(argument, Fragments):
        return argument.parts
    raw = argument.encode(encoding) if isinstance(argument, str) else _bytes_of(argument)
    if FORBIDDEN.search(raw):
        raise ValueError("NUL, CR and LF not allowed in commands")
    return (raw,)


def _is_ready(raw: bytes) -> bool:
    """Whether it is one quoted string, or one list whose parentheses match."""
    if _QUOTED.fullmatch(raw):
        return True
    return raw.startswith(b"(") and raw.endswith(b")") and not FORBIDDEN.search(raw) and _is_one_list(raw)


def _is_one_list(raw: bytes) -> bool:
    depth = position = 0
    while position < len(raw):
        match = _NESTED.match(raw, position)
        if match is None:  # a quote without its end
            return False
        depth += {b"(": 1, b")": -1}.get(match[0], 0)
        position = match.end()
        if depth == 0:
            return position == len(raw)
    return False


def _raw(value: Text) -> bytes:
    raw = value.encode() if isinstance(value, str) else _bytes_of(value)
    if FORBIDDEN.search(raw):
        raise ValueError("NUL, CR and LF not allowed in commands")
    return raw


def _bytes_of(value: bytes) -> bytes:
    """The bytes of what is like bytes; TypeError for a number, of which ``bytes()`` makes so many NULs."""
    return memoryview(value).tobytes()


def _pattern_bytes(pattern: str, *, utf8: bool) -> bytes:
    return _raw(pattern) if utf8 or pattern.isascii() else encode_mailbox_name(pattern)


def _written(node: Node, *, utf8: bool) -> bytes | Fragments:
    try:
        fragments = [one for one in write_command("A", (node,), utf8=utf8) if isinstance(one, bytes)]
    except LocalProtocolError as error:
        raise ValueError(str(error)) from error
    fragments[0] = fragments[0].removeprefix(b"A ")
    fragments[-1] = fragments[-1].removesuffix(b"\r\n")
    return fragments[0] if len(fragments) == 1 else Fragments(tuple(fragments))


def _range_pieces(member: MessageRange) -> Iterable[bytes]:
    match member:
        case int():
            return (_number(member),)
        case range() if member.step == 1:
            return (b"%b:%b" % (_number(member[0]), _number(member[-1])),) if member else ()
        case range():
            return map(_number, member)
        case (int(first), last):
            return (b"%b:%b" % (_number(first), b"*" if last in {None, "*"} else _number(last)),)
        case _:
            raise ValueError(f"{member!r} is neither a number nor a range of messages")


def _number(value: object) -> bytes:
    if isinstance(value, int) and 1 <= value <= LARGEST_NUMBER:
        return b"%d" % value
    raise ValueError(f"{value!r} is not a message number: those run from 1 to {LARGEST_NUMBER}")


def _fill(text: bytes, left: list[Parameter], *, encoding: str) -> bytes | Fragments:
    parts = [b""]
    position = 0
    for match in _PLACEHOLDER.finditer(text):
        if match[0] != b"?":
            continue
        if not left:
            raise ValueError(f"more places than parameters: {text!r}")
        parts[-1] += text[position : match.start()]
        position = match.end()
        first, *rest = as_parts(_parameter(left.pop(0), encoding=encoding), encoding=encoding)
        parts[-1] += first
        parts += rest
    parts[-1] += text[position:]
    return parts[0] if len(parts) == 1 else Fragments(tuple(parts))


def _parameter(value: Parameter, *, encoding: str) -> bytes | Fragments:
    match value:
        case str():
            return _string(value.encode(encoding))
        case bytes():
            return _string(value)
        case date():
            return f"{value.day}-{Months[value.month]}-{value.year:04d}".encode()
        case int():
            return b"%d" % value
        case _:
            return message_set(value)


def _string(raw: bytes) -> bytes | Fragments:
    """Quoted, so that it is no search key; a literal where it has line ends or 8-bit bytes."""
    needs_literal = b"\r" in raw or b"\n" in raw
    return _written(Literal(raw) if needs_literal else Quoted(raw), utf8=False)
