"""Builders: a connection in a given state, and one command's way over it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from mailrules.imap.connection import Connection
from mailrules.imap.events import CommandCompleted, CommandFailed
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.session_commands import Login
from mailrules.secret import Secret

if TYPE_CHECKING:
    from mailrules.imap.command import Command
    from mailrules.imap.events import Event, Tag

R = TypeVar("R")
BASE = "IMAP4rev1"


def greeted(capabilities: str = "", *, status: str = "OK") -> Connection:
    """A connection that has been greeted with these capabilities."""
    connection = Connection()
    connection.receive_data(f"* {status} [CAPABILITY {BASE} {capabilities}] ready\r\n".encode())
    return connection


def authenticated(capabilities: str = "") -> Connection:
    """A connection that is logged in; the next tag is A2."""
    connection = greeted(capabilities)
    connection.submit(Login("me", Secret("pw")))
    sent(connection)
    connection.receive_data(f"A1 OK [CAPABILITY {BASE} {capabilities}] in\r\n".encode())
    return connection


def selected(capabilities: str = "", *, exists: int = 10) -> Connection:
    """A connection with INBOX open; the next tag is A3."""
    connection = authenticated(capabilities)
    connection.submit(Select("INBOX"))
    sent(connection)
    connection.receive_data(b"* %d EXISTS\r\n* OK [UIDVALIDITY 5] x\r\nA2 OK [READ-WRITE] open\r\n" % exists)
    return connection


def sent(connection: Connection) -> bytes:
    """What the connection wants to send now, secrets included."""
    return b"".join(piece.data for piece in connection.data_to_send())


def outcome_of(tag: Tag, events: list[Event]) -> object:
    """The result of a command, or its error raised; fails where there is none yet."""
    for event in events:
        if isinstance(event, CommandCompleted) and event.tag == tag:
            return event.result
        if isinstance(event, CommandFailed) and event.tag == tag:
            raise event.error
    raise AssertionError(f"{tag} has no outcome in {events}")


def ask(connection: Connection, command: Command[R], answer: bytes) -> tuple[bytes, R]:
    """Send a command, let the server answer (``TAG`` stands for the tag), give the bytes and the result."""
    tag = connection.submit(command)
    wire = sent(connection)
    events = connection.receive_data(re.sub(rb'(?m)^TAG|(?<=")TAG(?=")', tag.encode(), answer))
    return wire.replace(tag.encode(), b"TAG", 1), outcome_of(tag, events)  # type: ignore[return-value] # the R of the command
