"""Which commands does the soak run, and how does each answer show whose it is?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from mailrules.imap.append_commands import Append
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.list_commands import List
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.message_commands import StoreChange, UidFetch, UidSearch, UidStore
from mailrules.imap.search_keys import HeaderContains
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import BodySection
from mailrules.testing.builders import message
from mailrules.testing.mail_state import MailAccount

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from mailrules.imap.command import Command

BOXES = 5
DROP = "Drop"
_MESSAGES = 6
_KEPT = 300
_HEADER = "X-Marker"
_appended = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A command; ``shown`` makes of its result what has to equal ``expected``."""

    name: str
    command: Command[Any]  # Any: the result goes to ``shown`` only
    shown: Callable[[Any], object]  # Any: as above
    expected: object
    appended: str = ""
    """The subject of the message that it appends."""


def new_account() -> MailAccount:
    """Boxes of which each has another number of messages, and each message a marker of its own."""
    mail = MailAccount()
    for box in range(BOXES):
        mail.create(box_name(box))
        for uid in range(1, _messages_in(box) + 1):
            mail.add(box_name(box), message(headers=[(_HEADER, _marker(box, uid))]))
    mail.create(DROP)
    return mail


def box_name(box: int) -> str:
    return f"Box{box}"


def opening(box: int) -> Work:
    return Work(
        name="select", command=Select(box_name(box)), shown=lambda told: told.exists, expected=_messages_in(box)
    )


def random_work(random: Random, box: int, *, worker: int) -> Work:
    """Some command about the box, which is open."""
    uid = random.randrange(1, _messages_in(box) + 1)
    return random.choice((_fetching, _fetching, _searching, _counting, _listing, _storing, _appending))(
        box, uid, worker
    )


def times_appended(mail: MailAccount, subject: str) -> int:
    """How many messages of this subject are there."""
    return sum(subject.encode() in stored.content for stored in mail[DROP].messages.values())


def tidy(mail: MailAccount) -> None:
    """Take the oldest appended messages away, so that memory tells of the client. Nobody has their mailbox open."""
    kept = mail[DROP].messages
    for uid in list(kept)[:-_KEPT]:
        del kept[uid]


def _fetching(box: int, uid: int, _: int) -> Work:
    items = (FetchItem.UID, BodySection(header_fields=(_HEADER.upper(),)))
    return Work(
        name="fetch",
        command=UidFetch(SequenceSet.of((uid,)), items),
        shown=lambda told: [(one.uid, (one.header_fields or b"").decode().strip()) for one in told],
        expected=[(uid, f"{_HEADER}: {_marker(box, uid)}")],
    )


def _searching(box: int, uid: int, _: int) -> Work:
    key = HeaderContains(_HEADER, _marker(box, uid))
    return Work(name="search", command=UidSearch(key), shown=lambda told: told, expected=(uid,))


def _counting(box: int, _uid: int, _worker: int) -> Work:
    other = (box + 1) % BOXES
    return Work(
        name="status",
        command=Status(box_name(other)),
        shown=lambda told: (told.mailbox, told.messages),
        expected=(box_name(other), _messages_in(other)),
    )


def _listing(box: int, _uid: int, _worker: int) -> Work:
    name = box_name(box)
    return Work(name="list", command=List(name), shown=lambda told: [one.mailbox for one in told], expected=[name])


def _storing(_: int, uid: int, worker: int) -> Work:
    keyword = f"worker{worker}"
    return Work(
        name="store",
        command=UidStore(SequenceSet.of((uid,)), StoreChange.ADD, (keyword,)),
        # A flag that is there already is not echoed, as on Dovecot.
        shown=lambda told: {(one.uid, keyword in one.flags) for one in told.confirmed} <= {(uid, True)},
        expected=True,
    )


def _appending(_box: int, _uid: int, _worker: int) -> Work:
    subject = f"append-{next(_appended)}-end"
    return Work(
        name="append",
        command=Append(DROP, message(subject=subject)),
        shown=lambda told: told is not None,
        expected=True,
        appended=subject,
    )


def _messages_in(box: int) -> int:
    return _MESSAGES + box


def _marker(box: int, uid: int) -> str:
    return f"marker-{box}-{uid}-end"
