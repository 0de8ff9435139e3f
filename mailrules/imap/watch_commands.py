"""Commands that ask the server to tell of changes without being asked again (IDLE is in session_commands)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from mailrules.errors import LocalProtocolError
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.fetch_items import FetchItems, extensions_of, fetch_nodes
from mailrules.imap.mailbox_data import ListData, StatusData
from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.response_codes import Code, TextCode
from mailrules.imap.responses import Status, StatusResponse
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_nodes import charset_nodes, extensions_of_key, holds_last_result, search_nodes
from mailrules.imap.writer import Atom, MailboxNode, Node, ParenthesisedList, Quoted
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.search_keys import SearchKey

NOTIFY = Extension(capability="NOTIFY", rfc="RFC 5465")
CONTEXT_SEARCH = Extension(capability="CONTEXT=SEARCH", rfc="RFC 5267")


class Watched(StrEnum):
    """Which mailboxes to be told of (RFC 5465 section 6). The first two are the open one, the others all but it."""

    SELECTED = "SELECTED"
    SELECTED_DELAYED = "SELECTED-DELAYED"
    """As SELECTED, but expunges wait for a command that allows them."""
    INBOXES = "INBOXES"
    """Where mail may be delivered to."""
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    """The named mailboxes and those below them."""
    MAILBOXES = "MAILBOXES"
    """The named mailboxes."""


class WatchEvent(StrEnum):
    """What to be told (RFC 5465 section 5)."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    ANNOTATION_CHANGE = "AnnotationChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


_OF_THE_OPEN_ONE = frozenset({Watched.SELECTED, Watched.SELECTED_DELAYED})
_NAMED = frozenset({Watched.SUBTREE, Watched.MAILBOXES})
_COMING_AND_GOING = frozenset({WatchEvent.MESSAGE_NEW, WatchEvent.MESSAGE_EXPUNGE})
_MESSAGE_EVENTS = _COMING_AND_GOING | {WatchEvent.FLAG_CHANGE, WatchEvent.ANNOTATION_CHANGE}


@dataclass(frozen=True, slots=True)
class EventGroup:
    """Some mailboxes and what to be told of them; no events are NONE, which silences them.

    Events of messages in the open mailbox come as EXISTS, FETCH and EXPUNGE or VANISHED, those in others as
    STATUS, changes of mailboxes as LIST. ``fetched`` are items to be told of each new message in the open one.
    """

    watched: Watched
    events: tuple[WatchEvent, ...]
    mailboxes: tuple[str, ...] = ()
    fetched: FetchItems = ()

    def node(self) -> ParenthesisedList:
        """The group as it is sent. Raises LocalProtocolError for what RFC 5465 has the server answer with BAD."""
        self._require_sense()
        nodes: list[Node] = [Atom(self.watched.value)]
        if self.mailboxes:
            nodes.append(ParenthesisedList(tuple(MailboxNode(mailbox) for mailbox in self.mailboxes)))
        if not self.events:
            return ParenthesisedList((*nodes, Atom("NONE")))
        events: list[Node] = []
        for event in self.events:
            events.append(Atom(event.value))
            if event is WatchEvent.MESSAGE_NEW and self.fetched:
                events.append(fetch_nodes(self.fetched))
        return ParenthesisedList((*nodes, ParenthesisedList(tuple(events))))

    def _require_sense(self) -> None:
        events, is_open_one = set(self.events), self.watched in _OF_THE_OPEN_ONE
        if bool(self.mailboxes) is not (self.watched in _NAMED):
            raise LocalProtocolError(f"NOTIFY {self.watched}: names of mailboxes go with SUBTREE and MAILBOXES")
        if events & _MESSAGE_EVENTS and not events >= _COMING_AND_GOING:
            raise LocalProtocolError(
                "NOTIFY: MessageNew and MessageExpunge go together, and both with FlagChange and AnnotationChange"
            )
        if is_open_one and not events <= _MESSAGE_EVENTS:
            raise LocalProtocolError(f"NOTIFY {self.watched} tells of messages only")
        if self.fetched and not (is_open_one and WatchEvent.MESSAGE_NEW in events):
            raise LocalProtocolError("NOTIFY fetches from new messages in the open mailbox only")


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchBegun:
    """What NOTIFY SET STATUS told of the mailboxes, and those that are listed but may not be watched."""

    statuses: tuple[StatusData, ...] = ()
    closed_to_us: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Notify(Command[WatchBegun]):
    """NOTIFY SET (RFC 5465): from now on be told of these events, at any time and instead of any others.

    Where no group is about the open mailbox, nothing is told of its messages. The server may stop with an
    untagged OK [NOTIFICATIONOVERFLOW], which is as good as ``NotifyNone``. It refuses what it does not know
    with BADEVENT, see ``BadEventCode``. ``with_status`` asks for a STATUS of each mailbox now.
    """

    name: ClassVar[str] = "NOTIFY SET"
    extension: ClassVar[Extension | None] = NOTIFY
    groups: tuple[EventGroup, ...]
    with_status: bool = False

    def extensions(self) -> tuple[Extension, ...]:
        needed = (extension for group in self.groups for extension in extensions_of(group.fetched))
        return tuple(dict.fromkeys((NOTIFY, *needed)))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.groups:
            raise LocalProtocolError("NOTIFY SET of nothing cannot be sent: that is NOTIFY NONE")
        if sum(group.watched in _OF_THE_OPEN_ONE for group in self.groups) > 1:
            raise LocalProtocolError("NOTIFY takes one of SELECTED and SELECTED-DELAYED")
        status = (Atom("STATUS"),) if self.with_status else ()
        return (*status, *(group.node() for group in self.groups))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if isinstance(response, ListData):
            return "\\noaccess" in response.attributes
        return isinstance(response, StatusData) and self.with_status

    def result(self, answer: Answer) -> WatchBegun:
        return WatchBegun(
            statuses=tuple(one for one in answer.claimed if isinstance(one, StatusData)),
            closed_to_us=frozenset(one.mailbox for one in answer.claimed if isinstance(one, ListData)),
        )


@dataclass(frozen=True, slots=True)
class NotifyNone(StatusOnly):
    """NOTIFY NONE (RFC 5465): be told nothing, not even of the open mailbox, until NOTIFY SET."""

    name: ClassVar[str] = "NOTIFY NONE"
    extension: ClassVar[Extension | None] = NOTIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedSearch:
    """A search whose result the server keeps up to date while the mailbox is open; see ``FollowedSearch``.

    ``tag`` names it in the updates and for ``CancelUpdate``. ``is_followed`` is False where the server has too
    many of them (NOUPDATE): ``found`` is right, and stays as it is.
    """

    tag: str
    found: ESearchData
    is_followed: bool


@dataclass(frozen=True, slots=True)
class UidSearchWatched(Command[WatchedSearch]):
    """UID SEARCH RETURN (UPDATE ...) (RFC 5267): search, and be told from then on what joins and leaves the result.

    ``fetched`` are items to be told of each new message that matches (RFC 5465 section 7).
    """

    name: ClassVar[str] = "UID SEARCH RETURN"
    extension: ClassVar[Extension | None] = CONTEXT_SEARCH
    key: SearchKey
    returned: tuple[SearchReturn, ...] = (SearchReturn.ALL,)
    fetched: FetchItems = ()

    @property
    def reads_saved_result(self) -> bool:
        return holds_last_result(self.key)

    def extensions(self) -> tuple[Extension, ...]:
        fetching = (NOTIFY, *extensions_of(self.fetched)) if self.fetched else ()
        return (CONTEXT_SEARCH, *fetching, *extensions_of_key(self.key))

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        update: tuple[Node, ...] = (Atom("UPDATE"), *((fetch_nodes(self.fetched),) if self.fetched else ()))
        options = ParenthesisedList((*update, *(Atom(option.value) for option in self.returned)))
        return (options, *charset_nodes(self.key), *search_nodes(self.key))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        if isinstance(response, ESearchData):
            return response.tag == tag and not response.updates
        return _refused_update(response) == tag

    def result(self, answer: Answer) -> WatchedSearch:
        told = [one for one in answer.claimed if isinstance(one, ESearchData)]
        tag = answer.reply.tag
        is_refused = any(_refused_update(one) == tag for one in answer.claimed)
        # "Nothing found" may be no ESEARCH at all where only ALL, MIN or MAX was asked for (RFC 4731 section 3.1).
        found = told[0] if told else ESearchData(tag=tag, is_uid=True)
        return WatchedSearch(tag=tag, found=found, is_followed=not is_refused)


@dataclass(frozen=True, slots=True)
class CancelUpdate(StatusOnly):
    """CANCELUPDATE (RFC 5267 section 4.3.5): be told no more of these searches, by their tags."""

    name: ClassVar[str] = "CANCELUPDATE"
    extension: ClassVar[Extension | None] = CONTEXT_SEARCH
    tags: tuple[str, ...]

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.tags:
            raise LocalProtocolError("CANCELUPDATE without any tag cannot be sent")
        return tuple(Quoted(tag) for tag in self.tags)


def _refused_update(response: Untagged) -> str | None:
    """The tag of the search that this NOUPDATE refuses to follow."""
    if isinstance(response, StatusResponse) and response.status is Status.NO and isinstance(response.code, TextCode):
        return response.code.text if response.code.name == Code.NO_UPDATE else None
    return None
