"""Which commands may be in flight together?

A command reads and writes resources. A later one may follow an earlier one before its answer only if
neither writes what the other uses (RFC 9051 section 5.5). Messages are told apart by UID, so writes to
disjoint sets overlap. Sequence numbers are never sent, so that expunges in between mislead nobody.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from enum import Enum, auto
from operator import itemgetter
from typing import TYPE_CHECKING

from mailrules.errors import LocalProtocolError
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.imap.command import Command
    from mailrules.imap.sequence_set import SequenceSet


class Resource(Enum):
    """What commands contend for."""

    SESSION = auto()
    """Who we are and how bytes travel; who writes it is alone on the connection."""
    SELECTION = auto()
    """Which mailbox is open: after a refused SELECT nothing may act on another one by mistake."""
    MESSAGES = auto()
    """Flags and presence of messages in the open mailbox; told apart by UID."""
    MAILBOXES = auto()
    """Which mailboxes there are, their subscriptions, and who may do what to them."""
    EXTENSIONS = auto()
    """What ENABLE has switched on."""
    SEARCH_ANSWER = auto()
    """The untagged SEARCH response, which does not say whose answer it is."""
    LIST_ANSWER = auto()
    """The untagged LIST and LSUB responses, likewise, and what LIST may tell besides: STATUS, MYRIGHTS, METADATA."""
    QUOTA_ANSWER = auto()
    """The untagged QUOTA responses, which GETQUOTAROOT cannot know before it is told the roots."""
    ANNOTATION_ANSWER = auto()
    """The untagged ANNOTATION responses, asked for by patterns."""
    COMPARATOR = auto()
    """How texts are compared in SEARCH, SORT and THREAD."""
    LANGUAGE = auto()
    """In which language the server speaks to people, in NAMESPACE too."""
    URL_ANSWER = auto()
    """The untagged GENURLAUTH and URLFETCH responses, which do not say whose answer they are."""
    SAVED_RESULT = auto()
    """What ``$`` stands for (RFC 5182)."""
    SORT_ANSWER = auto()
    """The untagged SORT response, which does not say whose answer it is."""
    THREAD_ANSWER = auto()
    """The untagged THREAD response, likewise."""
    CONTENT = auto()
    """Large literals of untagged FETCH responses: a server may name the message only after them."""


@dataclass(frozen=True, slots=True)
class Uses:
    """One row: what a command depends on, what it changes or claims for itself, and what it adds to.

    Additions to one resource do not hinder each other, as CREATE of one mailbox does not that of another.
    One that ``ends_flight`` may follow whatever does not change what it changes; only what comes behind it waits.
    """

    reads: frozenset[Resource]
    writes: frozenset[Resource] = frozenset()
    adds: frozenset[Resource] = frozenset()
    ends_flight: bool = False

    def contends_for(self, other: Uses) -> frozenset[Resource]:
        """What this command changes and the other one depends on."""
        return self.writes & (other.reads | other.writes | other.adds) | self.adds & other.reads


def may_overlap(earlier: Command[object], later: Command[object]) -> bool:
    """Whether ``later`` may be sent while ``earlier`` has no tagged reply yet."""
    first, second = _uses_of(earlier), _uses_of(later)
    contended = first.contends_for(second)
    if not second.ends_flight:
        contended |= second.contends_for(first)
    if contended == _MESSAGES:
        return not _same_messages(earlier.touches(), later.touches())
    return not contended


def uses_of(name: str) -> Uses:
    """The row of the command ``name``."""
    try:
        return USES[name]
    except KeyError:
        raise LocalProtocolError(f"{name} has no row in the table of pipelining") from None


def is_relied_on(name: str) -> bool:
    """Whether later commands rest on this one: without it they would act elsewhere, or in the clear."""
    return bool(uses_of(name).writes & {Resource.SESSION, Resource.SELECTION})


def is_alone(name: str) -> bool:
    """Whether nothing that comes behind this command is sent before its reply."""
    return Resource.SESSION in uses_of(name).writes


def opens_or_closes(name: str) -> bool:
    """Whether this command changes which mailbox is open."""
    return Resource.SELECTION in uses_of(name).writes


def overlap(first: SequenceSet, second: SequenceSet) -> bool:
    """Whether two sets of UIDs may have one in common; ``*`` may be any."""
    return first.has_star or second.has_star or _meet(first, second)


def may_be_told_together(first: Command[object], second: Command[object]) -> bool:
    """Whether one FETCH may belong to the answers of both, by the UIDs of messages that are certainly meant."""
    if any(_MESSAGES.isdisjoint(uses_of(one.name).reads | uses_of(one.name).writes) for one in (first, second)):
        return False
    ours, theirs = first.touches(), second.touches()
    return ours is None or theirs is None or _meet(ours, theirs)


def _meet(first: SequenceSet, second: SequenceSet) -> bool:
    # Asked once for each message that a MOVE expunges, so the cost follows the smaller set, often one UID.
    fewer, more = first.ranges, second.ranges
    if len(fewer) > len(more):
        fewer, more = more, fewer
    for low, high in fewer:
        at = bisect_left(more, low, key=itemgetter(1))  # the first range that does not end before this one
        if at < len(more) and more[at][0] <= high:
            return True
    return False


def _uses_of(command: Command[object]) -> Uses:
    row = uses_of(command.name)
    is_alone = command.streams_content or command.excludes_fetches
    if not (is_alone or command.saves_result or command.reads_saved_result):
        return row  # as for most
    written = {Resource.CONTENT} if is_alone else set()
    if command.saves_result:
        written.add(Resource.SAVED_RESULT)
    read = {Resource.SAVED_RESULT} if command.reads_saved_result else set()
    return replace(row, reads=row.reads | read, writes=row.writes | written)


def _same_messages(first: SequenceSet | None, second: SequenceSet | None) -> bool:
    """None stands for all messages."""
    return first is None or second is None or overlap(first, second)


def _uses(*reads: Resource, writes: tuple[Resource, ...] = ()) -> Uses:
    return Uses(frozenset((Resource.SESSION, *reads)), frozenset(writes))


_MESSAGES = frozenset({Resource.MESSAGES})
_ALONE = Uses(frozenset(), frozenset({Resource.SESSION}))
_SESSION_ONLY = _uses()
_MAILBOX_READER = _uses(Resource.MAILBOXES)
_LISTABLE = Uses(_MAILBOX_READER.reads, adds=frozenset({Resource.LIST_ANSWER}))
_MAILBOX_WRITER = _uses(writes=(Resource.MAILBOXES,))
_MAILBOX_ADDER = Uses(frozenset({Resource.SESSION}), adds=frozenset({Resource.MAILBOXES}))
_LISTER = _uses(Resource.MAILBOXES, writes=(Resource.LIST_ANSWER,))
_OPENER = _uses(Resource.MAILBOXES, Resource.EXTENSIONS, writes=(Resource.SELECTION,))
_READER = (Resource.SELECTION, Resource.MESSAGES)

USES: dict[str, Uses] = {
    "STARTTLS": _ALONE,
    "LOGIN": _ALONE,
    "AUTHENTICATE": _ALONE,
    # "The client MUST NOT send any further commands until it has seen the result of COMPRESS"; what went before is no
    # matter: "responses issued by the server before the OK response will, of course, still be uncompressed" (RFC 4978).
    "COMPRESS": Uses(frozenset(), frozenset({Resource.SESSION}), ends_flight=True),
    "LOGOUT": _ALONE,
    "IDLE": _ALONE,
    "CAPABILITY": _SESSION_ONLY,
    "NOOP": _SESSION_ONLY,
    "ID": _SESSION_ONLY,
    "LANGUAGE": _uses(writes=(Resource.LANGUAGE,)),
    "UNAUTHENTICATE": _uses(writes=(Resource.SESSION, Resource.SELECTION)),
    # It may change how mailbox names are written: nothing that holds one is sent before the answer.
    "ENABLE": _ALONE,
    "NAMESPACE": _uses(Resource.LANGUAGE),
    "LIST": _LISTER,
    "LSUB": _LISTER,
    "STATUS": _LISTABLE,
    "APPEND": _MAILBOX_READER,
    "GETACL": _MAILBOX_READER,
    "MYRIGHTS": _LISTABLE,
    "LISTRIGHTS": _MAILBOX_READER,
    "GETQUOTA": _uses(Resource.MAILBOXES, writes=(Resource.QUOTA_ANSWER,)),
    "GETQUOTAROOT": _uses(Resource.MAILBOXES, writes=(Resource.QUOTA_ANSWER,)),
    "SETQUOTA": _uses(writes=(Resource.MAILBOXES, Resource.QUOTA_ANSWER)),
    "GETMETADATA": _LISTABLE,
    "SETMETADATA": _MAILBOX_WRITER,
    "GETANNOTATION": _uses(Resource.MAILBOXES, writes=(Resource.ANNOTATION_ANSWER,)),
    "SETANNOTATION": _MAILBOX_WRITER,
    "COMPARATOR": _uses(writes=(Resource.COMPARATOR,)),
    "CREATE": _MAILBOX_ADDER,
    "RENAME": _MAILBOX_WRITER,
    "DELETE": _MAILBOX_WRITER,
    "SUBSCRIBE": _MAILBOX_ADDER,
    "UNSUBSCRIBE": _MAILBOX_WRITER,
    "SETACL": _MAILBOX_WRITER,
    "DELETEACL": _MAILBOX_WRITER,
    "SELECT": _OPENER,
    "EXAMINE": _OPENER,
    "CHECK": _uses(*_READER),
    "EXPUNGE": _uses(Resource.SELECTION, writes=(Resource.MESSAGES,)),
    "CLOSE": _uses(writes=(Resource.SELECTION,)),
    "UNSELECT": _uses(writes=(Resource.SELECTION,)),
    "UID SEARCH": _uses(*_READER, Resource.COMPARATOR, writes=(Resource.SEARCH_ANSWER,)),
    "UID SEARCH RETURN": _uses(*_READER, Resource.COMPARATOR),  # ESEARCH carries the tag of its command (RFC 4731)
    "UID SORT": _uses(*_READER, Resource.COMPARATOR, writes=(Resource.SORT_ANSWER,)),
    "UID SORT RETURN": _uses(*_READER, Resource.COMPARATOR),
    "UID THREAD": _uses(*_READER, Resource.COMPARATOR, writes=(Resource.THREAD_ANSWER,)),
    "ESEARCH": _uses(*_READER, Resource.MAILBOXES, Resource.COMPARATOR),
    "UID FETCH": _uses(*_READER, Resource.CONTENT),
    "UID COPY": _uses(*_READER, Resource.MAILBOXES),
    "UID STORE": _uses(Resource.SELECTION, writes=(Resource.MESSAGES,)),
    "UID MOVE": _uses(Resource.SELECTION, Resource.MAILBOXES, writes=(Resource.MESSAGES,)),
    "UID EXPUNGE": _uses(Resource.SELECTION, writes=(Resource.MESSAGES,)),
    "UID REPLACE": _uses(Resource.SELECTION, Resource.MAILBOXES, writes=(Resource.MESSAGES,)),
    "CANCELUPDATE": _uses(Resource.SELECTION),
    # The STATUS of NOTIFY SET STATUS is not to be taken for that of a STATUS command.
    "NOTIFY SET": _uses(Resource.EXTENSIONS, writes=(Resource.MAILBOXES,)),
    "NOTIFY NONE": _uses(writes=(Resource.MAILBOXES,)),
    "GENURLAUTH": _uses(Resource.MAILBOXES, writes=(Resource.URL_ANSWER,)),
    "RESETKEY": _uses(Resource.MAILBOXES, writes=(Resource.URL_ANSWER,)),
    "URLFETCH": _uses(Resource.MAILBOXES, writes=(Resource.URL_ANSWER,)),
    "GETJMAPACCESS": _SESSION_ONLY,
}
