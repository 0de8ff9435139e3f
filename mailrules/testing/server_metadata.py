"""What does the in-memory server answer to commands about metadata of mailboxes and of itself (RFC 5464)?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import ArgumentList, Atom, BadCommand, String
from mailrules.testing.server_calls import LOGGED_IN, Done, Entry
from mailrules.testing.server_names import astring, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.testing.server_arguments import Argument
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session

_ENTRY = re.compile(r"/(?:private|shared)(?:/[^/*%\x00-\x1f\x7f-]+)+")


async def _get_metadata(session: Session, call: Call) -> Done:
    options = call.arguments.list() if isinstance(call.arguments.peek(), ArgumentList) else ArgumentList()
    name, stored = _place(session, call, right="r")
    names = call.arguments.any()
    call.arguments.end()
    wanted = [_entry(one) for one in (names if isinstance(names, ArgumentList) else [names])]
    depth, most_bytes = _options(options)
    found = sorted(entry for entry in stored if any(_is_below(entry, one, depth) for one in wanted))
    longest = max((len(stored[entry]) for entry in found), default=0)
    told = [entry for entry in found if most_bytes is None or len(stored[entry]) <= most_bytes]
    pairs = [b"%b %b" % (entry.encode(), _value(stored[entry])) for entry in told]
    pairs += [b"%b NIL" % one.encode() for one in wanted if one not in stored and depth == 0]
    if pairs:
        session.untagged(b"METADATA %b (%b)" % (shown_name(name) if name else b'""', b" ".join(pairs)))
    is_cut = most_bytes is not None and longest > most_bytes
    return Done(text="Getmetadata completed.", code=f"METADATA LONGENTRIES {longest}" if is_cut else "")


async def _set_metadata(session: Session, call: Call) -> Done:
    mailbox, _ = _place(session, call, right="w")
    words = call.arguments.list()
    call.arguments.end()
    if not words or len(words) % 2:
        raise BadCommand("Invalid arguments")
    for name, value in [(_entry(words[place]), words[place + 1]) for place in range(0, len(words), 2)]:
        if isinstance(value, String):
            session.mail.annotate(mailbox, name, bytes(value))
        elif isinstance(value, Atom) and value.upper() == b"NIL":
            session.mail.annotate(mailbox, name, None)
        else:
            raise BadCommand("Invalid value")
    return Done(text="Setmetadata completed.")


def _place(session: Session, call: Call, *, right: str) -> tuple[str, dict[str, bytes]]:
    """The mailbox's name and its entries; "" is the server."""
    name = call.arguments.mailbox()
    if not name:
        return "", session.mail.metadata
    mailbox = session.mailbox(name, right=right)
    return mailbox.name, mailbox.metadata


def _entry(word: Argument) -> str:
    name = "" if isinstance(word, ArgumentList) else word.decode("ascii", "replace").lower()
    if not _ENTRY.fullmatch(name):
        raise BadCommand("Invalid entry name")
    return name


def _options(words: ArgumentList) -> tuple[int, int | None]:
    """DEPTH, which is 0 by default, and MAXSIZE."""
    depth, most_bytes = 0, None
    for name, value in _pairs(words):
        if name == b"DEPTH" and value in {b"0", b"1", b"INFINITY"}:
            depth = {b"0": 0, b"1": 1}.get(value, 1_000)
        elif name == b"MAXSIZE" and value.isdigit() and len(value) <= 10:
            most_bytes = int(value)
        else:
            raise BadCommand("Invalid option")
    return depth, most_bytes


def _pairs(words: ArgumentList) -> Iterator[tuple[bytes, bytes]]:
    atoms = [word.upper() for word in words if isinstance(word, Atom)]
    if len(atoms) != len(words) or len(atoms) % 2:
        raise BadCommand("Invalid options")
    yield from zip(atoms[::2], atoms[1::2], strict=True)


def _is_below(name: str, entry: str, depth: int) -> bool:
    if name == entry:
        return True
    return name.startswith(entry + "/") and name.count("/") - entry.count("/") <= depth


def _value(value: bytes) -> bytes:
    """Quoted where it can be: an atom would be read as a word."""
    if any(byte < ord(" ") or byte > ord("~") for byte in value):
        return b"{%d}\r\n%b" % (len(value), value)
    quoted = astring(value)
    return quoted if quoted.startswith(b'"') else b'"%b"' % quoted


METADATA_COMMANDS = {
    "GETMETADATA": Entry(handler=_get_metadata, states=LOGGED_IN, capability="METADATA"),
    "SETMETADATA": Entry(handler=_set_metadata, states=LOGGED_IN, capability="METADATA"),
}
