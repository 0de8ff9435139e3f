"""What does the in-memory server answer to SORT and THREAD (RFC 5256)?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import getaddresses, parsedate_to_datetime
from typing import TYPE_CHECKING

from mailrules.testing.mime_structure import header_fields, unfolded
from mailrules.testing.server_arguments import BadCommand
from mailrules.testing.server_calls import OPEN, Done, Entry
from mailrules.testing.server_search import Search, decoded
from mailrules.testing.server_threads import ThreadMember, by_references, by_subject, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.testing.mail_state import StoredMessage
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session

_SPACES = re.compile(r"\s+")
_TRAILER = re.compile(r"(?:\(fwd\)|\s)+\Z", re.IGNORECASE)
_LEADER = re.compile(r"(?:\[[^\[\]]*\]\s*)*(?:re|fwd?)\s*(?:\[[^\[\]]*\]\s*)?:\s*|\s+", re.IGNORECASE)
_BLOB = re.compile(r"\[[^\[\]]*\]\s*(?=\S)")
_MESSAGE_ID = re.compile(r"<[^<>\s]+>")


async def _sort(session: Session, call: Call) -> Done:
    words = call.arguments.list()
    keys: list[tuple[Callable[[StoredMessage], object], bool]] = []
    is_reversed = False
    for word in words:
        name = b"" if isinstance(word, list) else bytes(word).upper()
        if name == b"REVERSE" and not is_reversed:
            is_reversed = True
        elif name in _KEYS:
            keys.append((_KEYS[name], is_reversed))
            is_reversed = False
        else:
            raise BadCommand("Unknown sort key")
    if not keys or is_reversed:
        raise BadCommand("Missing sort key")
    found = _found(session, call)
    for key, backwards in reversed(keys):  # sorting is stable, and so is sorting backwards
        found.sort(key=key, reverse=backwards)  # type: ignore[arg-type]  # each key gives values of one kind
    session.untagged(b" ".join([b"SORT", *(b"%d" % _number(session, call, stored.uid) for stored in found)]))
    return Done(text="Sort completed.")


async def _thread(session: Session, call: Call) -> Done:
    algorithm = call.arguments.atom().upper().decode("ascii", "replace")
    if algorithm not in _ALGORITHMS or not session.offers(f"THREAD={algorithm}"):
        raise BadCommand("Unknown thread algorithm")
    members = [_member(stored, number=_number(session, call, stored.uid)) for stored in _found(session, call)]
    session.untagged((b"THREAD " + written(_ALGORITHMS[algorithm](members))).rstrip())
    return Done(text="Thread completed.")


def _found(session: Session, call: Call) -> list[StoredMessage]:
    """What the search key behind the charset finds, in the order of the mailbox."""
    session.require_uids(call)
    charset = call.arguments.astring().upper()
    if charset not in {b"US-ASCII", b"UTF-8"}:
        raise BadCommand("Unknown charset")
    view = session.selected
    uids = Search(view, offers=session.offers, saved=session.saved).run(call.arguments)
    return [stored for uid in uids if (stored := view.stored(uid)) is not None]


def _number(session: Session, call: Call, uid: int) -> int:
    return uid if call.by_uid else session.selected.number_of(uid)


def _header(stored: StoredMessage, name: bytes) -> str:
    fields = header_fields(stored.content.partition(b"\r\n\r\n")[0] + b"\r\n")
    return next((decoded(unfolded(value)).strip() for field, value in fields if field.lower() == name), "")


def _sent(stored: StoredMessage) -> datetime:
    """The Date in UTC, else when the message was received (RFC 5256 section 2.2)."""
    try:
        sent = parsedate_to_datetime(_header(stored, b"date"))
    except (ValueError, TypeError, OverflowError):
        return stored.received
    return sent if sent.tzinfo else sent.replace(tzinfo=UTC)


def _first_local_part(name: bytes) -> Callable[[StoredMessage], object]:
    def key(stored: StoredMessage) -> str:
        addresses = getaddresses([_header(stored, name)])
        return addresses[0][1].rpartition("@")[0].upper() if addresses else ""

    return key


def base_subject(subject: str) -> tuple[str, bool]:
    """The subject without what replies and forwards put around it (RFC 5256 section 2.1), and whether there was any."""
    text, is_reply = _SPACES.sub(" ", subject), False
    while True:
        before = text
        text = _TRAILER.sub("", text)
        is_reply = is_reply or text != before.rstrip()
        while (match := _LEADER.match(text)) or (match := _BLOB.match(text)):
            is_reply = is_reply or ":" in match[0]
            text = text[match.end() :]
        if text.lower().startswith("[fwd:") and text.endswith("]"):
            text, is_reply = text[5:-1], True
        if text == before:
            return text.upper(), is_reply


def _member(stored: StoredMessage, *, number: int) -> ThreadMember:
    references = _MESSAGE_ID.findall(_header(stored, b"references"))
    answered = _MESSAGE_ID.findall(_header(stored, b"in-reply-to"))[:1]
    subject, is_reply = base_subject(_header(stored, b"subject"))
    own = _MESSAGE_ID.findall(_header(stored, b"message-id"))
    return ThreadMember(
        number=number,
        sent=_sent(stored),
        subject=subject,
        is_reply=is_reply,
        message_id=own[0] if own else "",
        references=tuple(references or answered),
    )


_KEYS: dict[bytes, Callable[[StoredMessage], object]] = {
    b"ARRIVAL": lambda stored: stored.received,
    b"CC": _first_local_part(b"cc"),
    b"DATE": _sent,
    b"FROM": _first_local_part(b"from"),
    b"SIZE": lambda stored: len(stored.content),
    b"SUBJECT": lambda stored: base_subject(_header(stored, b"subject"))[0],
    b"TO": _first_local_part(b"to"),
}
_ALGORITHMS = {"ORDEREDSUBJECT": by_subject, "REFERENCES": by_references}

SORT_COMMANDS = {
    "SORT": Entry(handler=_sort, states=OPEN, capability="SORT", announces_expunges=False),
    "UID SORT": Entry(handler=_sort, states=OPEN, capability="SORT"),
    "THREAD": Entry(handler=_thread, states=OPEN, announces_expunges=False),
    "UID THREAD": Entry(handler=_thread, states=OPEN),
}
