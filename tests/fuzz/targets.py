"""Which layers are given a server's bytes, and what may come of it?

Each target takes any bytes and returns; what it raises is a bug.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from mailrules.client.async_client import AsyncClient
from mailrules.client.compression import DeflateLayer
from mailrules.errors import ConnectionLost, IMAPError, RemoteProtocolError
from mailrules.imap.copy_commands import UidMove
from mailrules.imap.events import CommandCompleted, CommandFailed, CompressionAgreed, Ended, TlsAgreed
from mailrules.imap.limits import Limits
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.mailbox_name import decode_mailbox_name, encode_mailbox_name
from mailrules.imap.message_commands import FetchItem, StoreChange, UidFetch, UidSearch, UidStore
from mailrules.imap.parser import parse_response
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.session_commands import Capability, Idle, Login, Noop
from mailrules.secret import Secret
from tests.imap_connection.exchange import greeted, selected, sent
from tests.imap_connection.scripted_stream import ScriptedStream
from tests.imap_wire.reading import frames_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mailrules.imap.connection import Connection

SMALL = Limits(
    line_bytes=400,
    data_line_bytes=800,
    literal_bytes=300,
    response_bytes=900,
    nesting=5,
    items=60,
    parts=5,
    addresses=5,
)
"""So that limits are met by inputs of a few hundred bytes."""
CAPABILITIES = "MOVE IDLE CONDSTORE QRESYNC UIDPLUS LITERAL+ ESEARCH"


def read(data: bytes) -> None:
    """Framing and parsing, under the usual limits and under small ones, with UTF-8 names and without."""
    for limits in (Limits(), SMALL):
        try:
            frames = frames_of(data, limits=limits)
        except RemoteProtocolError:
            continue
        for frame in frames:
            parse_response(frame, limits=limits)
            parse_response(frame, limits=limits, utf8=True)


def read_names_and_sets(data: bytes) -> None:
    """Names of mailboxes come back as they were; sets are read or refused."""
    assert encode_mailbox_name(decode_mailbox_name(data)) == (b"INBOX" if data.upper() == b"INBOX" else data)
    with contextlib.suppress(RemoteProtocolError):
        parse_sequence_set(data)


def be_connected(data: bytes) -> None:
    """A connection with commands in flight: each ends exactly once, and the connection is at its end at the end."""
    connection = selected(CAPABILITIES)
    waiting = {
        connection.submit(UidFetch(SequenceSet.of((1, 2)), (FetchItem.FLAGS,))),
        connection.submit(UidMove(SequenceSet.of((7, 8)), "t")),
        connection.submit(UidStore(SequenceSet.of((3,)), StoreChange.ADD, ("\\Seen",))),
        connection.submit(UidSearch(All())),
        connection.submit(Idle()),
        connection.submit(Select("other")),
    }
    _feed(connection, data, waiting=waiting)


def log_in(data: bytes) -> None:
    """The same from the greeting on."""
    connection = greeted()
    _feed(connection, data, waiting={connection.submit(Login("me", Secret("pw"))), connection.submit(Capability())})


def inflate(data: bytes) -> None:
    """What claims to be compressed is inflated, or the connection is given up."""
    layer = DeflateLayer()
    try:
        layer.feed(data)
        while layer.decode(max_bytes=1 << 16):
            pass
    except ConnectionLost:
        pass


def serve(data: bytes) -> None:
    """The asyncio client: every task that waits is told, and the stream is closed."""
    asyncio.run(_serve(data))


CHEAP = (read, read_names_and_sets, be_connected, log_in, inflate)
EVERY = (*CHEAP, serve)


def _feed(connection: Connection, data: bytes, *, waiting: set[str]) -> None:
    size = max(1, len(data) // 3)
    events = []
    for start in range(0, len(data), size):
        told = connection.receive_data(data[start : start + size])
        events += told
        if any(isinstance(one, TlsAgreed | CompressionAgreed) for one in told):
            events += connection.resume()
        sent(connection)
    events += connection.receive_eof()
    ends = [one.tag for one in events if isinstance(one, CommandCompleted | CommandFailed)]
    assert sorted(ends) == sorted(waiting), (ends, waiting)
    assert isinstance(events[-1], Ended)


async def _serve(data: bytes) -> None:
    stream = ScriptedStream()
    client = AsyncClient(stream, command_seconds=5)
    stream.feed(b"* PREAUTH [CAPABILITY IMAP4rev1 IDLE MOVE] in\r\n")
    await client.start()
    tasks = [
        asyncio.create_task(_outcome(client.run(Select("INBOX")))),
        asyncio.create_task(_outcome(client.run(UidFetch(SequenceSet.starting_at(1), (FetchItem.FLAGS,))))),
        asyncio.create_task(_outcome(client.run(Noop()))),
        asyncio.create_task(_outcome(client.idle(timeout_seconds=5))),
    ]
    await asyncio.sleep(0)
    stream.feed(data)
    stream.feed(b"")
    await asyncio.gather(*tasks)
    await client.close()
    assert stream.is_closed


async def _outcome(waited: Awaitable[object]) -> None:
    with contextlib.suppress(IMAPError):
        await waited
