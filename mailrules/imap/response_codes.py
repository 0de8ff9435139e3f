"""What the response codes in brackets mean (RFC 9051 section 7.1; RFC 4315, 5530 and 7162)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mailrules.errors import RemoteProtocolError
from mailrules.imap.fetch_data import flag_set
from mailrules.imap.sequence_set import STAR, SequenceSet, parse_ranges, parse_sequence_set
from mailrules.imap.tokens import Reader, Unreadable, read_number

if TYPE_CHECKING:
    from mailrules.imap.limits import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCode:
    """``[NAME arguments]`` of a status response (RFC 9051 section 7.1), known to us or not.

    The subclasses add what their arguments mean. A code whose arguments cannot be read stays a
    plain ``ResponseCode`` under its name.
    """

    name: str
    arguments: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityCode(ResponseCode):
    """CAPABILITY: the new capabilities, which replace the old ones."""

    name: str = "CAPABILITY"
    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PermanentFlagsCode(ResponseCode):
    """PERMANENTFLAGS: flags that STORE keeps; ``\\*`` where new keywords may be made."""

    name: str = "PERMANENTFLAGS"
    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberCode(ResponseCode):
    """UIDVALIDITY, UIDNEXT, UNSEEN or HIGHESTMODSEQ, and others that carry one number."""

    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyUid(ResponseCode):
    """COPYUID (RFC 4315): pairs of source and target UID, in the server's order."""

    name: str = "COPYUID"
    uidvalidity: int
    pairs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendUid(ResponseCode):
    """APPENDUID (RFC 4315): the UIDs given to what was appended."""

    name: str = "APPENDUID"
    uidvalidity: int
    uids: SequenceSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifiedCode(ResponseCode):
    """MODIFIED (RFC 7162): messages that UNCHANGEDSINCE kept from being changed."""

    name: str = "MODIFIED"
    uids: SequenceSet


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCharsetCode(ResponseCode):
    """BADCHARSET: the character sets that SEARCH knows, upper case; may be empty."""

    name: str = "BADCHARSET"
    charsets: tuple[str, ...] = ()


# Some servers make UIDVALIDITY of milliseconds, over 32 bits, so it is not held to them.
_WITH_NUMBER: Final = frozenset({"UIDVALIDITY", "UIDNEXT", "UNSEEN", "HIGHESTMODSEQ", "MAILBOXSIZE", "MESSAGELIMIT"})


_NAME_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._/"


def read_response_code(text: bytes, *, limits: Limits) -> ResponseCode:
    """Read what stands between the brackets.

    A code that we do not know, or whose arguments cannot be read, keeps its name and raw arguments.
    """
    word = text.lstrip()
    length = len(word) - len(word.lstrip(_NAME_BYTES))
    name, arguments = word[:length].decode().upper(), word[length:].strip()
    try:
        return _read_known(name, arguments, limits=limits) or ResponseCode(name=name, arguments=arguments)
    except (Unreadable, RemoteProtocolError):
        return ResponseCode(name=name, arguments=arguments)


def _read_known(name: str, arguments: bytes, *, limits: Limits) -> ResponseCode | None:
    reader = Reader(arguments, limits=limits)
    match name:
        case "CAPABILITY":
            return CapabilityCode(arguments=arguments, capabilities=capability_set(arguments))
        case "PERMANENTFLAGS":
            flags = reader.value()
            if not isinstance(flags, list):
                raise Unreadable("PERMANENTFLAGS without a list")
            return PermanentFlagsCode(arguments=arguments, flags=flag_set(flags))
        case "COPYUID":
            return _read_copyuid(arguments, limits=limits)
        case "APPENDUID":
            uidvalidity = read_number(reader.value(), smallest=1)
            return AppendUid(arguments=arguments, uidvalidity=uidvalidity, uids=parse_sequence_set(reader.rest()))
        case "MODIFIED":
            return ModifiedCode(arguments=arguments, uids=parse_sequence_set(arguments))
        case "BADCHARSET":
            value = reader.value() if arguments else None
            charsets = value if isinstance(value, list) else [value]
            names = tuple(one.decode("latin-1").upper() for one in charsets if isinstance(one, bytes))
            return BadCharsetCode(arguments=arguments, charsets=names)
        case _ if name in _WITH_NUMBER:
            return NumberCode(name=name, arguments=arguments, value=read_number(arguments))
    return None


def capability_set(text: bytes) -> frozenset[str]:
    """Capabilities between spaces, upper case."""
    return frozenset(text.decode("latin-1").upper().split())


def _read_copyuid(arguments: bytes, *, limits: Limits) -> CopyUid | None:
    words = arguments.split()
    if len(words) != 3:
        return None
    source, target = (_members(word, at_most=limits.copied_uids) for word in words[1:])
    if len(source) != len(target):
        raise Unreadable(f"COPYUID pairs {len(source)} UIDs with {len(target)}")
    uidvalidity = read_number(words[0], smallest=1)
    return CopyUid(arguments=arguments, uidvalidity=uidvalidity, pairs=tuple(zip(source, target, strict=True)))


def _members(text: bytes, *, at_most: int) -> list[int]:
    """Every UID of a set, in the order in which it is written: that order is what pairs the two sets."""
    ranges = parse_ranges(text)
    if any(STAR in one for one in ranges):
        raise Unreadable("COPYUID with *")
    if sum(abs(last - first) + 1 for first, last in ranges) > at_most:
        raise Unreadable(f"COPYUID with over {at_most} members (limits.copied_uids)")
    return [uid for first, last in ranges for uid in range(min(first, last), max(first, last) + 1)]
