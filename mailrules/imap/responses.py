"""Which responses a server can send, as values (RFC 9051 section 7).

Bytes that a person reads are ``str``; content of messages stays ``bytes``. Names that the protocol
compares without regard to case (codes, capabilities, status items) are upper case, LIST attributes
lower case, mailbox names decoded.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.imap.response_codes import ResponseCode
    from mailrules.imap.sequence_set import SequenceSet


class Status(StrEnum):
    """The word that starts a status response."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    BYE = "BYE"
    PREAUTH = "PREAUTH"


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
    """A response, or one attribute of a FETCH, that cannot be read; ``reason`` is for people.

    ``rfc`` names the section that speaks of such a response.
    """

    raw: bytes
    reason: str
    rfc: str = field(default="", compare=False)
    is_over_limit: bool = False
    """Well formed as far as it was read, and larger than ``Limits`` allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFetch(Malformed):
    """A FETCH or UIDFETCH that cannot be read as a whole; ``uid`` is None where it does not name its message.

    ``sequence_number`` is 0 in UIDFETCH (RFC 9586).
    """

    sequence_number: int
    uid: int | None = None
