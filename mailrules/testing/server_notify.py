"""What does the in-memory server tell unasked of all mailboxes, once NOTIFY has said of which (RFC 5465)?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.imap.mailbox_name import decode_mailbox_name
from mailrules.testing.mail_state import canonical_name
from mailrules.testing.server_arguments import ArgumentList, Arguments, Atom, BadCommand
from mailrules.testing.server_calls import LOGGED_IN, Done, Entry, Refused
from mailrules.testing.server_fetch import FetchItem, parse_fetch_items
from mailrules.testing.server_mailboxes import list_line, status_line
from mailrules.testing.server_names import shown_name
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.testing.mail_state import StoredMailbox, StoredMessage
    from mailrules.testing.selected_view import Told
    from mailrules.testing.server_arguments import Argument
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session

_NEW, _GONE, _FLAGS = "MessageNew", "MessageExpunge", "FlagChange"
_NAME, _SUBSCRIPTION = "MailboxName", "SubscriptionChange"
_METADATA, _SERVER_METADATA = "MailboxMetadataChange", "ServerMetadataChange"
_MESSAGE_EVENTS = frozenset({_NEW, _GONE, _FLAGS})
_STATUS_OF = {
    _NEW: (b"MESSAGES", b"UIDNEXT", b"UIDVALIDITY"),
    _GONE: (b"MESSAGES", b"UIDVALIDITY"),
    _FLAGS: (b"UIDVALIDITY", b"UNSEEN"),
}
"""What STATUS tells where this has happened; HIGHESTMODSEQ too where CONDSTORE is enabled (sections 5.1 to 5.3)."""
_OF_THE_OPEN_ONE = (b"SELECTED", b"SELECTED-DELAYED")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """A filter of mailboxes, and the events in them that are told; ``names`` go with SUBTREE and MAILBOXES."""

    watched: bytes
    events: frozenset[str]
    names: tuple[str, ...] = ()
    fetched: tuple[FetchItem, ...] = ()


class Notifications:
    """What one session is told unasked since its last NOTIFY, and has not been told yet.

    Without groups it is NOTIFY NONE. A mailbox that is open counts for the group of SELECTED alone, every other one
    for the first group that it falls under.
    """

    def __init__(self, session: Session, groups: tuple[_Group, ...]) -> None:
        self._session, self._mail = session, session.mail
        self._opened = next((group for group in groups if group.watched in _OF_THE_OPEN_ONE), None)
        self._others = tuple(group for group in groups if group.watched not in _OF_THE_OPEN_ONE)
        self._loop = asyncio.get_running_loop()
        self._listeners = [_Listener(self, mailbox) for mailbox in self._mail.mailboxes.values() if self._others]
        self._changed: dict[str, set[str]] = {}
        self._lines: list[bytes] = []
        if self._others:
            self._mail.observers.append(self)

    @property
    def tells_nothing(self) -> bool:
        """Whether it is NOTIFY NONE."""
        return self._opened is None and not self._others

    def close(self) -> None:
        """Listen no more."""
        for listener in self._listeners:
            listener.close()
        if self._others:
            self._mail.observers.remove(self)
        self._listeners, self._others, self._opened = [], (), None

    def restricted(self, told: Told) -> Told:
        """What of the open mailbox is told, of all that could be now."""
        if self._opened is None:
            return replace(told, expunges=False, arrivals=False, flags=False)
        events, may_wait = self._opened.events, self._opened.watched == b"SELECTED-DELAYED"
        return replace(
            told,
            expunges=_GONE in events and (told.expunges or not may_wait),
            arrivals=_NEW in events,
            flags=_FLAGS in events,
            fetched=self._opened.fetched,
        )

    def lines(self) -> Iterator[bytes]:
        """What is to be told of other mailboxes now, without ``* ``; too much of it ends in NOTIFICATIONOVERFLOW."""
        lines, self._lines = self._lines, []
        changed, self._changed = self._changed, {}
        most = self._session.server.most_notifications
        if most is not None and len(lines) + len(changed) > most:
            self.close()
            yield b"OK [NOTIFICATIONOVERFLOW] There is too much to tell"
            return
        yield from lines
        for name, events in changed.items():
            if name in self._mail and self._mail[name] is not self._opened_mailbox:
                yield self._status(self._mail[name], events)

    def beginning(self) -> Iterator[bytes]:
        """The STATUS of each mailbox whose messages are watched, or that it is closed to us (section 3.1)."""
        for mailbox in self._mail.mailboxes.values():
            events = self._events_of(mailbox.name) & _MESSAGE_EVENTS
            if not events or mailbox is self._opened_mailbox:
                continue
            if "r" in mailbox.rights.get(self._mail.user, ""):
                yield self._status(mailbox, {_NEW, *events})
            else:
                yield list_line(b"LIST", ["\\NoAccess"], mailbox.name)

    # How the account and its mailboxes tell of changes; a test may change them from another thread.

    def message_event(self, mailbox: StoredMailbox, event: str) -> None:
        if event in self._events_of(mailbox.name) and mailbox is not self._opened_mailbox:
            self._changed.setdefault(mailbox.name, set()).add(event)
            self._ring()

    def mailbox_created(self, mailbox: StoredMailbox) -> None:
        self._listeners.append(_Listener(self, mailbox))
        self._tell(mailbox.name, _NAME, list_line(b"LIST", [], mailbox.name))

    def mailbox_deleted(self, mailbox: StoredMailbox) -> None:
        self._tell(mailbox.name, _NAME, list_line(b"LIST", ["\\NonExistent"], mailbox.name))

    def mailbox_renamed(self, mailbox: StoredMailbox, old_name: str) -> None:
        line = list_line(b"LIST", [], mailbox.name) + b' ("OLDNAME" (' + shown_name(old_name) + b"))"
        watched = mailbox.name if _NAME in self._events_of(mailbox.name) else old_name
        self._tell(watched, _NAME, line)

    def subscription_changed(self, name: str) -> None:
        attributes = ["\\Subscribed"] if name in self._mail.subscriptions else []
        self._tell(name, _SUBSCRIPTION, list_line(b"LIST", attributes, name))

    def metadata_changed(self, name: str, entry: str) -> None:
        if name:
            self._tell(name, _METADATA, b"METADATA %b %b" % (shown_name(canonical_name(name)), entry.encode()))
        elif any(_SERVER_METADATA in group.events for group in self._others):
            self._lines.append(b'METADATA "" ' + entry.encode())
            self._ring()

    def _tell(self, name: str, event: str, line: bytes) -> None:
        if event in self._events_of(name):
            self._lines.append(line)
            self._ring()

    def _ring(self) -> None:
        self._loop.call_soon_threadsafe(self._session.has_news.set)

    @property
    def _opened_mailbox(self) -> StoredMailbox | None:
        return self._session.view.mailbox if self._session.view is not None else None

    def _events_of(self, name: str) -> frozenset[str]:
        group = next((group for group in self._others if self._is_watched(name, group)), None)
        return frozenset() if group is None else group.events

    def _is_watched(self, name: str, group: _Group) -> bool:
        match group.watched:
            case b"PERSONAL":
                return True
            case b"INBOXES":  # where mail is delivered to
                return name == "INBOX"
            case b"SUBSCRIBED":
                return name in self._mail.subscriptions
            case b"SUBTREE":
                below = tuple(one + self._mail.delimiter for one in group.names)
                return name in group.names or name.startswith(below)
        return name in group.names

    def _status(self, mailbox: StoredMailbox, events: set[str]) -> bytes:
        items = {item for event in events for item in _STATUS_OF[event]}
        if "CONDSTORE" in self._session.enabled:
            items.add(b"HIGHESTMODSEQ")
        return status_line(self._session, mailbox, ArgumentList(Atom(item) for item in sorted(items)))


class _Listener:
    """Tells of the messages of one mailbox."""

    def __init__(self, notifications: Notifications, mailbox: StoredMailbox) -> None:
        self._notifications, self._mailbox = notifications, mailbox
        mailbox.observers.append(self)

    def close(self) -> None:
        self._mailbox.observers.remove(self)

    def message_added(self, stored: StoredMessage) -> None:  # noqa: ARG002 - an Observer's signature
        self._notifications.message_event(self._mailbox, _NEW)

    def message_removed(self, uid: int) -> None:  # noqa: ARG002 - an Observer's signature
        self._notifications.message_event(self._mailbox, _GONE)

    def flags_changed(self, stored: StoredMessage) -> None:  # noqa: ARG002 - an Observer's signature
        self._notifications.message_event(self._mailbox, _FLAGS)


async def _set(session: Session, call: Call) -> Done:
    with_status = call.arguments.next_is(b"STATUS")
    groups = []
    while call.arguments:
        groups.append(_group(session, Arguments(call.arguments.list())))
    if not groups or sum(group.watched in _OF_THE_OPEN_ONE for group in groups) > 1:
        raise BadCommand("Invalid event groups")
    told = session.notify(Notifications(session, tuple(groups)))
    for line in told.beginning() if with_status else ():
        session.untagged(line)
    return Done(text="Notify completed.")


async def _none(session: Session, call: Call) -> Done:
    call.arguments.end()
    session.notify(Notifications(session, ()))
    return Done(text="Notify completed.")


def _group(session: Session, words: Arguments) -> _Group:
    """Read ``(mailboxes (INBOX Sent) (MessageNew MessageExpunge))``. Raises BadCommand, or Refused with BADEVENT."""
    watched = words.atom().upper()
    names: tuple[str, ...] = ()
    if watched in {b"SUBTREE", b"MAILBOXES"}:
        found = words.any()
        named = found if isinstance(found, ArgumentList) else ArgumentList([found])
        names = tuple(canonical_name(decode_mailbox_name(_word(one))) for one in named)
    elif watched not in {*_OF_THE_OPEN_ONE, b"INBOXES", b"PERSONAL", b"SUBSCRIBED"}:
        raise BadCommand("Unknown mailbox filter")
    if words.next_is(b"NONE"):
        words.end()
        return _Group(watched=watched, events=frozenset(), names=names)
    events, fetched = _events(session, Arguments(words.list()))
    words.end()
    is_open_one = watched in _OF_THE_OPEN_ONE
    if events & _MESSAGE_EVENTS and not {_NEW, _GONE} <= events:  # section 5
        raise BadCommand("MessageNew and MessageExpunge go together")
    if (is_open_one and not events <= _MESSAGE_EVENTS) or (fetched and not is_open_one):
        raise BadCommand("Not with this mailbox filter")
    return _Group(watched=watched, events=events, names=names, fetched=fetched)


def _events(session: Session, words: Arguments) -> tuple[frozenset[str], tuple[FetchItem, ...]]:
    known = {name.upper().encode(): name for name in (*sorted(_MESSAGE_EVENTS), _NAME, _SUBSCRIPTION)}
    if session.offers("METADATA"):
        known |= {name.upper().encode(): name for name in (_METADATA, _SERVER_METADATA)}
    events, fetched = set[str](), tuple[FetchItem, ...]()
    while words:
        name = known.get(words.atom().upper())
        if name is None:
            raise Refused("No such event", code=f"BADEVENT ({' '.join(sorted(known.values()))})")
        events.add(name)
        if name == _NEW and isinstance(words.peek(), ArgumentList):
            fetched = tuple(parse_fetch_items([words.list()], by_uid=False, offers=session.offers))
    if not events:
        raise BadCommand("Missing events")
    return frozenset(events), fetched


def _word(word: Argument) -> bytes:
    if isinstance(word, ArgumentList):
        raise BadCommand("Invalid mailbox name")
    return bytes(word)


NOTIFY_COMMANDS = {
    "NOTIFY SET": Entry(handler=_set, states=LOGGED_IN, capability="NOTIFY"),
    "NOTIFY NONE": Entry(handler=_none, states=LOGGED_IN, capability="NOTIFY"),
}
