"""How do messages come into a mailbox of the in-memory server: APPEND, MULTIAPPEND, REPLACE?"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import (
    ArgumentList,
    Arguments,
    BadCommand,
    String,
    parse_flags,
    parse_internal_date,
)
from mailrules.testing.server_calls import LOGGED_IN, OPEN, Done, Entry, Refused
from mailrules.testing.server_names import format_set
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.testing.mail_state import StoredMailbox
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session

_DATE = re.compile(rb"[ \d]\d-[A-Za-z]{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}")


async def _append(session: Session, call: Call) -> Done:
    name = call.arguments.mailbox()
    messages = [_new_message(call.arguments)]
    while call.arguments and session.offers("MULTIAPPEND"):
        messages.append(_new_message(call.arguments))
    call.arguments.end()
    target = session.mailbox(name, code="TRYCREATE", right="i")
    return Done(text="Append completed.", code=_add_all(session, call, messages, target))


async def _replace(session: Session, call: Call) -> Done:
    """REPLACE (RFC 8508): the new message is there before the old one is gone."""
    view = session.selected
    uids = session.chosen(call)
    name = call.arguments.mailbox()
    message = _new_message(call.arguments)
    call.arguments.end()
    if len(uids) != 1 or view.stored(uids[0]) is None:
        raise Refused("No such message")
    if view.read_only:
        raise Refused("Mailbox is read-only", code="NOPERM")
    target = session.mailbox(name, code="TRYCREATE", right="i")
    if code := _add_all(session, call, [message], target):
        session.untagged(f"OK [{code}] Replacement message appended.".encode())
    view.mailbox.remove(uids[0])
    return Done(text="Replace completed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _NewMessage:
    content: bytes
    flags: frozenset[str]
    received: datetime


def _new_message(arguments: Arguments) -> _NewMessage:
    """Flags and date, where they are given, and the content."""
    flags = parse_flags(arguments.list()) if isinstance(arguments.peek(), ArgumentList) else frozenset()
    first = arguments.any()
    received = now()
    if isinstance(first, String) and arguments and _DATE.fullmatch(first):
        received = parse_internal_date(first)
        first = arguments.any()
    if not isinstance(first, String):
        raise BadCommand("Invalid arguments")
    return _NewMessage(content=bytes(first), flags=flags, received=received)


def _add_all(session: Session, call: Call, messages: Sequence[_NewMessage], target: StoredMailbox) -> str:
    """All of them or none; the APPENDUID."""
    require_room(session, sum(len(one.content) for one in messages))
    uids = [
        session.mail.add(target.name, one.content, flags=one.flags, received=one.received, saved=now()).uid
        for one in messages
    ]
    return session.confirming(call, f"APPENDUID {target.uidvalidity} {format_set(uids).decode()}")


def require_room(session: Session, size_bytes: int) -> None:
    """Refuse what the quota does not let in."""
    if not session.mail.has_room_for(size_bytes):
        raise Refused("Quota exceeded", code="OVERQUOTA")


def now() -> datetime:
    """The server's time, in whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251 - a server's clock is its own


APPEND_COMMANDS = {
    "REPLACE": Entry(
        handler=_replace, states=OPEN, capability="REPLACE", removes_messages=True, announces_expunges=False
    ),
    "UID REPLACE": Entry(handler=_replace, states=OPEN, capability="REPLACE", removes_messages=True),
    "APPEND": Entry(handler=_append, states=LOGGED_IN),
}
