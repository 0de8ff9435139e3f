"""Broken into at every wait, code that blocks has a connection that is usable or closed, never in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.client.blocking_client import BlockingClient
from mailrules.client.blocking_stream import BlockingStream, open_blocking_stream
from mailrules.errors import ConnectionLost
from mailrules.imap.append_commands import Append
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Login, Noop
from mailrules.imap.states import State
from mailrules.imap.writer import StreamedLiteral
from mailrules.secret import Secret
from mailrules.testing.builders import message

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.settings import AccountSettings
    from mailrules.testing.imap_server import ImapServer

MOST_WAITS = 200


class Interrupted(BlockingStream):
    """Ctrl-C comes at the ``at``-th read from when it is set."""

    at: int | None = None

    def read(self, *, seconds: float, or_sent: bool = False) -> bytes | None:
        if self.at is not None:
            if self.at == 0:
                self.at = None
                raise KeyboardInterrupt
            self.at -= 1
        return super().read(seconds=seconds, or_sent=or_sent)


def run_one(client: BlockingClient) -> None:
    client.run(Noop())


def iterate(client: BlockingClient) -> None:
    for _ in client.fetch(SequenceSet.starting_at(1), (FetchItem.UID, FetchItem.ENVELOPE), messages_per_command=2):
        client.run(Noop())


def read_content(client: BlockingClient) -> None:
    with client.fetch_content(1) as content:
        client.run(Noop())
        for _ in content:
            pass


def upload(client: BlockingClient) -> None:
    client.upload(Append("Archive", StreamedLiteral(6)), (b"one", b"two"))


def idle(client: BlockingClient) -> None:
    client.idle(timeout_seconds=0.01)


@pytest.mark.parametrize("use", [run_one, iterate, read_content, upload, idle])
def test_what_breaks_in_closes_the_connection(
    imap_server: ImapServer, imap_settings: AccountSettings, use: Callable[[BlockingClient], None]
) -> None:
    for number in range(6):
        imap_server.mail.add("INBOX", message(subject=str(number), body="x" * 10_000))
    for at in range(MOST_WAITS):
        stream = open_blocking_stream(imap_settings)
        stream.__class__ = Interrupted
        assert isinstance(stream, Interrupted)
        with BlockingClient(stream) as client:
            client.run(Login(imap_settings.user, Secret(imap_server.mail.password)))
            client.run(Select("INBOX"))
            stream.at = at
            try:
                use(client)
            except KeyboardInterrupt:
                assert client.state is State.LOGOUT
                with pytest.raises(ConnectionLost):
                    client.run(Noop())
            else:
                stream.at = None
                assert client.run(Status("Trash")).messages == 0
                break
    else:
        raise AssertionError(f"the work has not ended in {MOST_WAITS} waits")
    assert at > 0
    assert {stored.content for stored in imap_server.mail["Archive"].messages.values()} <= {b"onetwo"}
