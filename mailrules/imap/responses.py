"""Which responses a server can send, as values (RFC 9051 section 7).

Bytes that a person reads are ``str``; content of messages stays ``bytes``. Names that the protocol
compares without regard to case (codes, capabilities, status items) are upper case, LIST attributes
lower case, mailbox names decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.imap.sequence_set import SequenceSet


class Status(StrEnum):
    """The word that starts a status response."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"
    PREAUTH = "PREAUTH"


# -- response codes: the part in brackets -------------------------------------------------------


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


# -- status responses ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagged:
    """The reply that ends a command."""

    tag: str
    status: Status
    code: ResponseCode | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusResponse:
    """Untagged OK, NO, BAD, BYE or PREAUTH. The greeting is the first of them on a connection."""

    status: Status
    code: ResponseCode | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """``+``: the server waits for a literal, a SASL turn or DONE. ``raw`` is what follows, undecoded."""

    raw: bytes = b""


# -- server and mailbox data --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityData:
    """CAPABILITY, upper case."""

    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnabledData:
    """ENABLED (RFC 5161), upper case; may be empty."""

    capabilities: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagsData:
    """FLAGS: the flags defined in the mailbox."""

    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistsData:
    """``* n EXISTS``: how many messages there are."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentData:
    """``* n RECENT``."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpungeData:
    """``* n EXPUNGE``: the message with this sequence number is gone; later ones move down by one."""

    sequence_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VanishedData:
    """VANISHED (RFC 7162); with ``earlier`` it tells of the past and moves no sequence numbers."""

    uids: SequenceSet
    earlier: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdData:
    """ID (RFC 2971): what the server says of itself; names are lower case; None where it says NIL."""

    fields: Mapping[str, str | None] | None


# -- what we do not know ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Well-formed as far as we can tell, of a kind we have no value for; ``raw`` follows the name."""

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """A response, or one attribute of a FETCH, that cannot be read; ``reason`` is for people."""

    raw: bytes
    reason: str
