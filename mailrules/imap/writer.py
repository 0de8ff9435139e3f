"""How a command becomes bytes that cannot mean anything else (RFC 9051 section 9).

A command is a tree of typed nodes. CR, LF and NUL never pass, except CR and LF inside a ``Literal``.
Where a literal has to wait for the server's ``+`` the command is cut into fragments.
"""

from __future__ import annotations

import re
from dataclasses import field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, TypeAlias

from mailrules.errors import LocalProtocolError
from mailrules.imap.mailbox_name import encode_mailbox_name
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.sequence_set import SequenceSet

LITERAL_MINUS_BYTES = 4096
PATIENT_BYTES = 1 << 20
"""Larger streamed literals wait for ``+`` also on servers with LITERAL+."""
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
class StreamedLiteral:
    """Content of a known size that the driver sends piece by piece when its turn comes.

    It may hold NUL only where it ``is_binary``: then it goes as ``~{n}``, which takes a server with BINARY (RFC 3516).

    A large one waits for the server's ``+`` even where it need not: a refusal before it costs a round trip,
    one after it the whole transfer.
    """

    size_bytes: int
    is_binary: bool = field(default=False, kw_only=True)


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


def exact_set(uids: SequenceSet) -> SequenceSetNode:
    """The set of a command that changes something: ``*`` could be a message that nobody has looked at."""
    if uids.has_star:
        raise LocalProtocolError("what changes messages takes exact UIDs, not *")
    return SequenceSetNode(uids)


class SectionText(StrEnum):
    """What of a message or part (RFC 9051 section 6.4.5, ``section-msgtext``)."""

    HEADER = "HEADER"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Partial:
    """``<first.count>``: at most ``count`` bytes from byte ``first`` on, counted from 0 (RFC 9051 section 6.4.5)."""

    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BodySection:
    """``BODY.PEEK[...]<...>``; without arguments the whole message.

    ``part`` is as in ``1.2``. With ``header_fields`` only those fields of the header are asked for, with
    ``other_than`` all but those. ``sets_seen`` leaves PEEK out: the server then sets \\Seen.
    """

    part: str = ""
    text: SectionText | None = None
    header_fields: tuple[str, ...] = ()
    other_than: tuple[str, ...] = ()
    partial: Partial | None = None
    sets_seen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BinarySection:
    """``BINARY.PEEK[...]<...>``: a part, freed from its transfer encoding (RFC 3516); "" is the whole message."""

    part: str = ""
    partial: Partial | None = None
    sets_seen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BinarySize:
    """``BINARY.SIZE[...]``: how many bytes ``BinarySection`` would give; may cost the server much (RFC 3516)."""

    part: str = ""


@dataclass(frozen=True, slots=True)
class BinaryLiteral:
    """Content that may hold NUL, as ``~{n}`` (RFC 3516); only where the server has BINARY."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Charset:
    """``CHARSET name`` of SEARCH; left out once UTF-8 is enabled, which forbids it (RFC 9755 section 3)."""

    name: str


@dataclass(frozen=True, slots=True)
class ParenthesisedList:
    """``(a b c)``."""

    items: tuple[Node, ...]


Node: TypeAlias = (
    Atom
    | Number
    | AString
    | Quoted
    | Literal
    | StreamedLiteral
    | MailboxNode
    | Flag
    | SequenceSetNode
    | BodySection
    | BinarySection
    | BinarySize
    | BinaryLiteral
    | Charset
    | ParenthesisedList
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Where in a command the content of a ``StreamedLiteral`` goes; ``waits`` for the server's ``+`` or not."""

    size_bytes: int
    waits: bool
    may_hold_nul: bool = False


def write_command(
    tag: str, nodes: Sequence[Node], *, literals: LiteralSupport = LiteralSupport.SYNCHRONISING, utf8: bool = False
) -> tuple[bytes | Gap, ...]:
    """The fragments of one command, the last of which ends in CRLF.

    Each fragment may be sent only after the server's ``+``, but for the first, for a gap that does not wait,
    and for what follows a gap. ``utf8`` is for connections with UTF8=ACCEPT enabled. Raises LocalProtocolError
    for what cannot be sent.
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
        self._complete: list[bytes | Gap] = []
        self._current = bytearray()

    def fragments(self) -> tuple[bytes | Gap, ...]:
        return (*self._complete, bytes(self._current) + b"\r\n")

    def write_all(self, nodes: Sequence[Node]) -> None:
        written = [node for node in nodes if not (self._utf8 and isinstance(node, Charset))]
        for index, node in enumerate(written):
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
            case StreamedLiteral():
                self._leave_gap(node.size_bytes, is_binary=node.is_binary)
            case MailboxNode(name):
                self._write_mailbox(encode_mailbox_name(name, utf8=self._utf8))
            case Flag(name):
                system, keyword = ("\\", name[1:]) if name.startswith("\\") else ("", name)
                self._current += system.encode() + _checked(keyword, _ASTRING, what="a flag")
            case SequenceSetNode(numbers):
                self._current += numbers.to_bytes()
            case BodySection():
                self._write_section(node)
            case BinarySection(part=part, partial=partial):
                self._current += b"BINARY" if node.sets_seen else b"BINARY.PEEK"
                self._current += b"[" + _checked_part(part) + b"]"
                self._write_partial(partial)
            case BinarySize(part=part):
                self._current += b"BINARY.SIZE[" + _checked_part(part) + b"]"
            case Charset(name):
                self.write_all((Atom("CHARSET"), AString(name)))
            case BinaryLiteral(data):
                self._write_literal(data, is_binary=True)
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

    def _write_literal(self, data: bytes, *, is_binary: bool = False) -> None:
        if b"\0" in data and not is_binary:
            raise LocalProtocolError(f"a literal cannot hold NUL, found at byte {data.index(0)} of {len(data)}")
        self._current += b"~" if is_binary else b""
        if self._announce(len(data), may_hurry=True):
            self._end_fragment()
        self._current += data

    def _leave_gap(self, size_bytes: int, *, is_binary: bool) -> None:
        if not 0 <= size_bytes < 2**63:
            raise LocalProtocolError(f"a literal of {size_bytes} bytes cannot be sent: 0 to 2**63 - 1")
        self._current += b"~" if is_binary else b""
        waits = self._announce(size_bytes, may_hurry=size_bytes <= PATIENT_BYTES)
        self._end_fragment()
        self._complete.append(Gap(size_bytes, waits, is_binary))

    def _announce(self, size_bytes: int, *, may_hurry: bool) -> bool:
        """Write the size; whether the server's ``+`` comes before the content."""
        waits = (
            not may_hurry
            or self._literals is LiteralSupport.SYNCHRONISING
            or (self._literals is LiteralSupport.MINUS and size_bytes > LITERAL_MINUS_BYTES)
        )
        self._current += b"{%d%b}\r\n" % (size_bytes, b"" if waits else b"+")
        return waits

    def _end_fragment(self) -> None:
        self._complete.append(bytes(self._current))
        self._current.clear()

    def _write_section(self, section: BodySection) -> None:
        fields = section.header_fields or section.other_than
        if fields and (section.text or (section.header_fields and section.other_than)):
            raise LocalProtocolError("a section is certain header fields, all but certain ones, or another text")
        text = section.text
        names = [_checked_part(section.part)] if section.part else []
        if fields:
            names.append(b"HEADER.FIELDS" if section.header_fields else b"HEADER.FIELDS.NOT")
        elif text is not None:
            names.append(text.encode())
        self._current += (b"BODY[" if section.sets_seen else b"BODY.PEEK[") + b".".join(names)
        if fields:
            self._current += b" ("
            self.write_all(tuple(AString(name) for name in fields))
            self._current += b")"
        self._current += b"]"
        self._write_partial(section.partial)

    def _write_partial(self, partial: Partial | None) -> None:
        if partial is None:
            return
        if not (0 <= partial.first < 2**63 and 1 <= partial.count < 2**63):
            raise LocalProtocolError(f"{partial.count} bytes from byte {partial.first} cannot be asked for")
        self._current += b"<%d.%d>" % (partial.first, partial.count)

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


def _checked_part(part: str) -> bytes:
    if part and not _PART.fullmatch(part):
        raise LocalProtocolError(f"{part!r} is not a part number such as 1.2")
    return part.encode()


def _require_no_line_end(value: bytes) -> None:
    match = _LINE_END.search(value)
    if match is not None:
        raise LocalProtocolError(f"CR, LF and NUL cannot be sent: {match[0]!r} at byte {match.start()} of {len(value)}")
