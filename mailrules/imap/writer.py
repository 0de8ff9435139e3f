"""How a command becomes bytes that cannot mean anything else (RFC 9051 section 9).

A command is a tree of typed nodes. CR, LF and NUL never pass, except CR and LF inside a ``Literal``.
Where a literal has to wait for the server's ``+`` the command is cut into fragments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

from mailrules.errors import LocalProtocolError
from mailrules.imap.mailbox_name import encode_mailbox_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.sequence_set import SequenceSet

LITERAL_MINUS_BYTES = 4096
_ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_ASTRING = re.compile(rb'[^\x00-\x20(){%*"\\\x7f-\xff]+')
_LINE_END = re.compile(rb"[\r\n\0]")
_PART = re.compile(r"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8})*+", re.ASCII)
_QUOTABLE_BYTES = 1024
"""Longer strings travel as literals: some servers cut lines."""


class LiteralSupport(Enum):
    """What the server offers besides literals that wait for ``+`` (RFC 7888)."""

    SYNCHRONISING = "none"
    MINUS = "LITERAL-"
    PLUS = "LITERAL+"


@dataclass(frozen=True, slots=True)
class Atom:
    """A word of the protocol, such as a command's name; several words are several atoms."""

    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number of at most 63 bits."""

    value: int


@dataclass(frozen=True, slots=True)
class AString:
    """A string in its cheapest safe form: atom, quoted, or literal where it has 8-bit bytes."""

    value: str | bytes


@dataclass(frozen=True, slots=True)
class Quoted:
    """A string where the grammar does not allow an atom; literal where it has 8-bit bytes."""

    value: str | bytes


@dataclass(frozen=True, slots=True)
class Literal:
    """Content, such as a message. May hold CR and LF, not NUL (RFC 9051, ``CHAR8``)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class MailboxNode:
    """A mailbox by its decoded name."""

    name: str


@dataclass(frozen=True, slots=True)
class Flag:
    """``\\Seen`` and its kind, or a keyword."""

    name: str


@dataclass(frozen=True, slots=True)
class SequenceSetNode:
    """A set of UIDs."""

    numbers: SequenceSet


class SectionText(StrEnum):
    """What of a message or part (RFC 9051 section 6.4.5, ``section-msgtext``)."""

    HEADER = "HEADER"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySection:
    """``BODY.PEEK[...]``, which sets no \\Seen; without arguments the whole message.

    ``part`` is as in ``1.2``; with ``header_fields`` only those fields of the header are asked for.
    """

    part: str = ""
    text: SectionText | None = None
    header_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParenthesisedList:
    """``(a b c)``."""

    items: tuple[Node, ...]


Node: TypeAlias = (
    Atom | Number | AString | Quoted | Literal | MailboxNode | Flag | SequenceSetNode | BodySection | ParenthesisedList
)


def write_command(
    tag: str, nodes: Sequence[Node], *, literals: LiteralSupport = LiteralSupport.SYNCHRONISING, utf8: bool = False
) -> tuple[bytes, ...]:
    """The fragments of one command, the last of which ends in CRLF.

    Each fragment but the first may be sent only after the server's ``+``. ``utf8`` is for connections
    with UTF8=ACCEPT enabled. Raises LocalProtocolError for what cannot be sent.
    """
    writer = _Writer(literals=literals, utf8=utf8)
    writer.write_all((Atom(tag), *nodes))
    return writer.fragments()


def write_line(data: bytes) -> bytes:
    """A line of its own: DONE of IDLE, or one turn of AUTHENTICATE."""
    _require_no_line_end(data)
    return data + b"\r\n"


class _Writer:
    def __init__(self, *, literals: LiteralSupport, utf8: bool) -> None:
        self._literals, self._utf8 = literals, utf8
        self._complete: list[bytes] = []
        self._current = bytearray()

    def fragments(self) -> tuple[bytes, ...]:
        return (*self._complete, bytes(self._current) + b"\r\n")

    def write_all(self, nodes: Sequence[Node]) -> None:
        for index, node in enumerate(nodes):
            if index:
                self._current += b" "
            self._write(node)

    def _write(self, node: Node) -> None:
        match node:
            case Atom(text):
                self._current += _checked(text, _ATOM, what="an atom")
            case Number(value):
                if not 0 <= value < 2**63:
                    raise LocalProtocolError(f"{value} is not a number in IMAP: those run from 0 to 2**63 - 1")
                self._current += b"%d" % value
            case AString(value):
                self._write_string(_to_bytes(value), atom_allowed=True)
            case Quoted(value):
                self._write_string(_to_bytes(value), atom_allowed=False)
            case Literal(data):
                self._write_literal(data)
            case MailboxNode(name):
                self._write_mailbox(encode_mailbox_name(name, utf8=self._utf8))
            case Flag(name):
                system, keyword = ("\\", name[1:]) if name.startswith("\\") else ("", name)
                self._current += system.encode() + _checked(keyword, _ASTRING, what="a flag")
            case SequenceSetNode(numbers):
                self._current += numbers.to_bytes()
            case BodySection():
                self._write_section(node)
            case ParenthesisedList(items):
                self._current += b"("
                self.write_all(items)
                self._current += b")"

    def _write_mailbox(self, name: bytes) -> None:
        _require_no_line_end(name)
        if b"&-" in name and not _ASTRING.fullmatch(name):
            # Some servers never answer a quoted name with "&-" in it.
            self._write_literal(name)
        else:
            self._write_string(name, atom_allowed=True)

    def _write_string(self, value: bytes, *, atom_allowed: bool) -> None:
        _require_no_line_end(value)
        if atom_allowed and _ASTRING.fullmatch(value) and value.upper() != b"NIL":
            self._current += value
        elif len(value) <= _QUOTABLE_BYTES and (self._is_utf8(value) if self._utf8 else value.isascii()):
            self._current += b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        else:
            self._write_literal(value)

    def _write_literal(self, data: bytes) -> None:
        if b"\0" in data:
            raise LocalProtocolError(f"a literal cannot hold NUL, found at byte {data.index(0)} of {len(data)}")
        waits = self._literals is LiteralSupport.SYNCHRONISING or (
            self._literals is LiteralSupport.MINUS and len(data) > LITERAL_MINUS_BYTES
        )
        self._current += b"{%d%b}\r\n" % (len(data), b"" if waits else b"+")
        if waits:
            self._complete.append(bytes(self._current))
            self._current.clear()
        self._current += data

    def _write_section(self, section: BodySection) -> None:
        if section.part and not _PART.fullmatch(section.part):
            raise LocalProtocolError(f"{section.part!r} is not a part number such as 1.2")
        text = "HEADER.FIELDS" if section.header_fields else section.text
        names = [name for name in (section.part, text) if name]
        self._current += b"BODY.PEEK[" + ".".join(names).encode()
        if section.header_fields:
            self._current += b" ("
            self.write_all(tuple(AString(name) for name in section.header_fields))
            self._current += b")"
        self._current += b"]"

    @staticmethod
    def _is_utf8(value: bytes) -> bool:
        try:
            value.decode()
        except UnicodeDecodeError:
            return False
        return True


def _to_bytes(value: str | bytes) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return value.encode()
    except UnicodeEncodeError as cause:
        raise LocalProtocolError(f"{value[:80]!r} holds half of a surrogate pair and cannot be sent") from cause


def _checked(text: str, allowed: re.Pattern[bytes], *, what: str) -> bytes:
    raw = _to_bytes(text)
    if not allowed.fullmatch(raw):
        raise LocalProtocolError(f"{text[:80]!r} cannot be sent as {what}")
    return raw


def _require_no_line_end(value: bytes) -> None:
    match = _LINE_END.search(value)
    if match is not None:
        raise LocalProtocolError(f"CR, LF and NUL cannot be sent: {match[0]!r} at byte {match.start()} of {len(value)}")
