"""Which response codes are there, and what do their arguments mean (RFC 9051 section 7.1)?

``Code`` has the names. A code with arguments has a class below, or is a ``NumberCode``, ``TextCode`` or
``WordsCode`` where the arguments are no more than that.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mailrules.errors import RemoteProtocolError
from mailrules.imap.fetch_data import flag_set
from mailrules.imap.sequence_set import LARGEST_NUMBER, STAR, SequenceSet, parse_ranges, parse_sequence_set
from mailrules.imap.tokens import Reader, Unreadable, read_number
from mailrules.imap.values import first_of, list_of, text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.imap.limits import Limits


class Code(StrEnum):
    """The names of all registered codes, and of those that Gmail adds; compares equal to ``CommandRefused.code``."""

    ALERT = "ALERT"  # RFC 9051 up to UNKNOWN_CTE, which has those of RFC 5530 and 4315 too
    ALREADY_EXISTS = "ALREADYEXISTS"
    APPEND_UID = "APPENDUID"
    AUTHENTICATION_FAILED = "AUTHENTICATIONFAILED"
    AUTHORIZATION_FAILED = "AUTHORIZATIONFAILED"
    BAD_CHARSET = "BADCHARSET"
    CANNOT = "CANNOT"
    CAPABILITY = "CAPABILITY"
    CLIENT_BUG = "CLIENTBUG"
    CLOSED = "CLOSED"
    CONTACT_ADMIN = "CONTACTADMIN"
    COPY_UID = "COPYUID"
    CORRUPTION = "CORRUPTION"
    EXPIRED = "EXPIRED"
    EXPUNGE_ISSUED = "EXPUNGEISSUED"
    HAS_CHILDREN = "HASCHILDREN"
    IN_USE = "INUSE"
    LIMIT = "LIMIT"
    NONEXISTENT = "NONEXISTENT"
    NO_PERMISSION = "NOPERM"
    OVER_QUOTA = "OVERQUOTA"
    PARSE = "PARSE"
    PERMANENT_FLAGS = "PERMANENTFLAGS"
    PRIVACY_REQUIRED = "PRIVACYREQUIRED"
    READ_ONLY = "READ-ONLY"
    READ_WRITE = "READ-WRITE"
    SERVER_BUG = "SERVERBUG"
    TRY_CREATE = "TRYCREATE"
    UID_NEXT = "UIDNEXT"
    UID_NOT_STICKY = "UIDNOTSTICKY"
    UID_VALIDITY = "UIDVALIDITY"
    UNAVAILABLE = "UNAVAILABLE"
    UNKNOWN_CTE = "UNKNOWN-CTE"
    NEW_NAME = "NEWNAME"  # RFC 2060
    REFERRAL = "REFERRAL"  # RFC 2193, 2221
    UNSEEN = "UNSEEN"  # RFC 3501
    URL_MECHANISMS = "URLMECH"  # RFC 4467
    BAD_URL = "BADURL"  # RFC 4469
    TOO_BIG = "TOOBIG"
    COMPRESSION_ACTIVE = "COMPRESSIONACTIVE"  # RFC 4978
    NOT_SAVED = "NOTSAVED"  # RFC 5182
    BAD_COMPARATOR = "BADCOMPARATOR"  # RFC 5255
    ANNOTATE = "ANNOTATE"  # RFC 5257
    ANNOTATIONS = "ANNOTATIONS"
    MAX_CONVERT_MESSAGES = "MAXCONVERTMESSAGES"  # RFC 5259
    MAX_CONVERT_PARTS = "MAXCONVERTPARTS"
    TEMPORARY_FAILURE = "TEMPFAIL"
    NO_UPDATE = "NOUPDATE"  # RFC 5267
    METADATA = "METADATA"  # RFC 5464
    BAD_EVENT = "BADEVENT"  # RFC 5465
    NOTIFICATION_OVERFLOW = "NOTIFICATIONOVERFLOW"
    UNDEFINED_FILTER = "UNDEFINED-FILTER"  # RFC 5466
    USE_ATTRIBUTE = "USEATTR"  # RFC 6154
    DOWNGRADED = "DOWNGRADED"  # RFC 6858
    HIGHEST_MODSEQ = "HIGHESTMODSEQ"  # RFC 7162
    MODIFIED = "MODIFIED"
    NO_MODSEQ = "NOMODSEQ"
    MAILBOX_ID = "MAILBOXID"  # RFC 8474
    IN_PROGRESS = "INPROGRESS"  # RFC 9585
    UID_REQUIRED = "UIDREQUIRED"  # RFC 9586
    MESSAGE_LIMIT = "MESSAGELIMIT"  # RFC 9738
    GMAIL_THROTTLED = "THROTTLED"
    GMAIL_WEB_ALERT = "WEBALERT"


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
class TextCode(ResponseCode):
    """One string: the URL of BADURL (RFC 4469), REFERRAL (RFC 2221) or WEBALERT, the filter of UNDEFINED-FILTER
    (RFC 5466), the tag of NOUPDATE (RFC 5267), the identifier of MAILBOXID (RFC 8474)."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WordsCode(ResponseCode):
    """ANNOTATE and ANNOTATIONS (RFC 5257 section 4): ``("TOOBIG",)``, ``("65536", "NOPRIVATE")``, upper case."""

    words: tuple[str, ...]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class BadEventCode(ResponseCode):
    """BADEVENT (RFC 5465): the events of NOTIFY that the server knows, in its spelling.

    Dovecot 2.3 names the ones it does not know instead, without parentheses.
    """

    name: str = "BADEVENT"
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataCode(ResponseCode):
    """METADATA (RFC 5464): ``reason`` is LONGENTRIES or MAXSIZE, with ``number`` bytes, or TOOMANY or NOPRIVATE."""

    name: str = "METADATA"
    reason: str
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlMechanismsCode(ResponseCode):
    """URLMECH (RFC 4467): the mechanisms of URLAUTH, upper case, to their keys in base64, "" for none."""

    name: str = "URLMECH"
    mechanisms: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class InProgressCode(ResponseCode):
    """INPROGRESS (RFC 9585): the command ``tag`` has done ``done`` of ``goal``; "" and None where not told.

    "The client MUST NOT consider the values to be authoritative for any other use than evaluating the
    progress": from one to the next they may go back, and the goal may change.
    """

    name: str = "INPROGRESS"
    tag: str = ""
    done: int | None = None
    goal: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLimitCode(ResponseCode):
    """MESSAGELIMIT (RFC 9738): how many messages one command may touch.

    With ``lowest_uid`` the command was carried out from the highest UID down to this one, and no further.
    """

    name: str = "MESSAGELIMIT"
    limit: int
    lowest_uid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DowngradedCode(ResponseCode):
    """DOWNGRADED (RFC 6858): the messages, by UID after a UID command, that were changed for us."""

    name: str = "DOWNGRADED"
    messages: SequenceSet


# Some servers make UIDVALIDITY of milliseconds, over 32 bits, so it is not held to them.
_WITH_NUMBER: Final = frozenset(
    {"UIDVALIDITY", "UIDNEXT", "UNSEEN", "HIGHESTMODSEQ", "MAILBOXSIZE", "MAXCONVERTMESSAGES", "MAXCONVERTPARTS"}
)
_WITH_TEXT: Final = frozenset({"BADURL", "MAILBOXID", "NOUPDATE", "REFERRAL", "UNDEFINED-FILTER", "WEBALERT"})
_WITH_WORDS: Final = frozenset({"ANNOTATE", "ANNOTATIONS"})
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
    except (Unreadable, RemoteProtocolError, ValueError):  # ValueError: more or fewer arguments than there should be
        return ResponseCode(name=name, arguments=arguments)


def _read_known(name: str, arguments: bytes, *, limits: Limits) -> ResponseCode | None:
    if name in _WITH_NUMBER:
        return NumberCode(name=name, arguments=arguments, value=read_number(arguments))
    if name in _WITH_TEXT and arguments:
        return TextCode(name=name, arguments=arguments, text=_read_text(arguments, limits=limits))
    if name in _WITH_WORDS:
        words = arguments.decode("latin-1").upper().split()
        return WordsCode(name=name, arguments=arguments, words=tuple(words))
    read = _READERS.get(name)
    return read(arguments, limits) if read else None


def capability_set(text: bytes) -> frozenset[str]:
    """Capabilities between spaces, upper case."""
    return frozenset(text.decode("latin-1").upper().split())


def _read_text(arguments: bytes, *, limits: Limits) -> str:
    """The one argument: an identifier in parentheses, a quoted string, or as it stands, as a URL does."""
    if arguments[:1] in (b"(", b'"'):
        return text_of(first_of(Reader(arguments, limits=limits).value()))
    return arguments.decode("utf-8", "replace")


def _read_capabilities(arguments: bytes, limits: Limits) -> CapabilityCode:
    del limits
    return CapabilityCode(arguments=arguments, capabilities=capability_set(arguments))


def _read_permanent_flags(arguments: bytes, limits: Limits) -> PermanentFlagsCode:
    flags = Reader(arguments, limits=limits).value()
    if not isinstance(flags, list):
        raise Unreadable("PERMANENTFLAGS without a list")
    return PermanentFlagsCode(arguments=arguments, flags=flag_set(flags))


def _read_appenduid(arguments: bytes, limits: Limits) -> AppendUid:
    reader = Reader(arguments, limits=limits)
    uidvalidity = read_number(reader.value(), smallest=1)
    return AppendUid(arguments=arguments, uidvalidity=uidvalidity, uids=parse_sequence_set(reader.rest()))


def _read_modified(arguments: bytes, limits: Limits) -> ModifiedCode:
    del limits
    return ModifiedCode(arguments=arguments, uids=parse_sequence_set(arguments))


def _read_downgraded(arguments: bytes, limits: Limits) -> DowngradedCode:
    del limits
    return DowngradedCode(arguments=arguments, messages=parse_sequence_set(arguments))


def _read_badcharset(arguments: bytes, limits: Limits) -> BadCharsetCode:
    value = Reader(arguments, limits=limits).value() if arguments else None
    charsets = value if isinstance(value, list) else [value]
    names = tuple(one.decode("latin-1").upper() for one in charsets if isinstance(one, bytes))
    return BadCharsetCode(arguments=arguments, charsets=names)


def _read_badevent(arguments: bytes, limits: Limits) -> BadEventCode:
    if not arguments.startswith(b"("):
        first, *more = arguments.decode("latin-1").split()
        return BadEventCode(arguments=arguments, events=(first, *more))
    events = list_of(Reader(arguments, limits=limits).value())
    return BadEventCode(arguments=arguments, events=tuple(text_of(event) for event in events))


def _read_urlmech(arguments: bytes, limits: Limits) -> UrlMechanismsCode:
    del limits
    pairs = (word.partition("=") for word in arguments.decode("latin-1").split())
    mechanisms = {name.upper(): key for name, _, key in pairs}
    return UrlMechanismsCode(arguments=arguments, mechanisms=MappingProxyType(mechanisms))


def _read_inprogress(arguments: bytes, limits: Limits) -> InProgressCode:
    if not arguments:
        return InProgressCode()
    tag, done, goal = list_of(Reader(arguments, limits=limits).value())
    counted = None if done is None else read_number(done, largest=LARGEST_NUMBER)
    whole = None if goal is None else read_number(goal, smallest=1, largest=LARGEST_NUMBER)
    # "GOAL = 0, ..., and VALUE > GOAL. In these cases, the notification MUST be disregarded" (RFC 9585 section 6).
    if whole is not None and (counted is None or counted > whole):
        raise Unreadable("INPROGRESS with more done than there is to do")
    return InProgressCode(arguments=arguments, tag=text_of(tag), done=counted, goal=whole)


def _read_messagelimit(arguments: bytes, limits: Limits) -> MessageLimitCode:
    del limits
    limit, *lowest_uid = (read_number(word, smallest=1) for word in arguments.split())
    return MessageLimitCode(arguments=arguments, limit=limit, lowest_uid=lowest_uid[0] if lowest_uid else None)


def _read_metadata(arguments: bytes, limits: Limits) -> MetadataCode:
    del limits
    reason, *number = arguments.split()
    return MetadataCode(
        arguments=arguments, reason=reason.decode("latin-1").upper(), number=read_number(number[0]) if number else None
    )


def _read_copyuid(arguments: bytes, limits: Limits) -> CopyUid | None:
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


_READERS: Final[Mapping[str, Callable[[bytes, Limits], ResponseCode | None]]] = MappingProxyType(
    {
        "APPENDUID": _read_appenduid,
        "BADCHARSET": _read_badcharset,
        "BADEVENT": _read_badevent,
        "CAPABILITY": _read_capabilities,
        "COPYUID": _read_copyuid,
        "DOWNGRADED": _read_downgraded,
        "INPROGRESS": _read_inprogress,
        "MESSAGELIMIT": _read_messagelimit,
        "METADATA": _read_metadata,
        "MODIFIED": _read_modified,
        "PERMANENTFLAGS": _read_permanent_flags,
        "URLMECH": _read_urlmech,
    }
)
