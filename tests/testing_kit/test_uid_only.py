"""UIDONLY (RFC 9586), driven: the client works as before on a server that names messages by their UIDs alone."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.supervisor import Supervisor
from mailrules.imap.copy_commands import UidExpunge, UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Expunge, Select
from mailrules.imap.message_commands import StoreChange, UidFetch, UidFetchChanges, UidStore
from mailrules.imap.responses import VanishedData
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Enable, Noop
from mailrules.testing.builders import message
from mailrules.testing.capabilities import with_more
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread
from tests.client.clocks import Clock
from tests.replay.conversation import RawClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.parser import Untagged
    from mailrules.settings import SecretReference

ALL = SequenceSet.starting_at(1)
FLAGS = (FetchItem.FLAGS,)


@pytest.fixture
def account() -> MailAccount:
    """Five messages with UIDs from 3 on, so that none is its number."""
    account = MailAccount()
    for number in range(1, 8):
        account.add("INBOX", message(subject=f"number {number}"))
    for uid in (1, 2):
        account["INBOX"].remove(uid)
    return account


@pytest.fixture
async def server(account: MailAccount) -> AsyncIterator[ImapServer]:
    async with ImapServer(account, capabilities=with_more()) as server:
        yield server


@pytest.fixture
async def client(server: ImapServer, memory_secret: SecretReference) -> AsyncIterator[AsyncClient]:
    """UIDONLY is enabled, and INBOX open."""
    async with await connect(server.settings(memory_secret)) as client:
        assert await client.run(Enable(("UIDONLY",))) == {"UIDONLY"}
        await client.run(Select("INBOX"))
        yield client


@pytest.fixture
def raw(account: MailAccount) -> Iterator[RawClient]:
    with (
        serve_in_thread(ImapServer(account, capabilities=with_more())) as server,
        closing(RawClient(server.port)) as raw,
    ):
        raw.ask(b"LOGIN ann pass")
        raw.ask(b"ENABLE UIDONLY")
        raw.ask(b"SELECT INBOX")
        yield raw


async def test_messages_are_fetched_by_uid(client: AsyncClient) -> None:
    fetched = await client.run(UidFetch(ALL, (FetchItem.UID, *FLAGS, FetchItem.ENVELOPE)))
    without_uid = await client.run(UidFetch(ALL, FLAGS))

    assert [(one.uid, one.envelope and one.envelope.subject) for one in fetched] == [
        (uid, f"number {uid}".encode()) for uid in range(3, 8)
    ]
    assert [(one.uid, one.sequence_number) for one in without_uid] == [(uid, 0) for uid in range(3, 8)]
    assert [one.uid async for one in client.fetch(ALL, FLAGS)] == [3, 4, 5, 6, 7]
    async with client.fetch_content(5) as content:
        assert b"Subject: number 5\r\n" in b"".join([piece async for piece in content])


async def test_flags_are_stored_and_messages_moved_and_expunged(client: AsyncClient, account: MailAccount) -> None:
    told: list[Untagged] = []
    client.listener = told.append

    stored = await client.run(UidStore(SequenceSet.of((4, 5)), StoreChange.ADD, ("\\Deleted",)))
    moved = await client.run(UidMove(SequenceSet.of((6,)), "Archive"))
    gone = await client.run(UidExpunge(SequenceSet.of((5,))))
    count = await client.run(Expunge())

    assert [(one.uid, one.flags) for one in stored.confirmed] == [
        (4, {"\\Deleted", "\\Recent"}),
        (5, {"\\Deleted", "\\Recent"}),
    ]
    assert moved.uids == {6: 1}
    assert tuple(gone) == (5,)
    assert count == 1
    assert list(account["INBOX"].messages) == [3, 7]


async def test_changes_of_others_are_told_by_uid(client: AsyncClient, account: MailAccount) -> None:
    told: list[Untagged] = []
    client.listener = told.append
    account["INBOX"].remove(4)
    account["INBOX"].set_flags(7, frozenset({"\\Seen"}))
    await client.run(Noop())

    assert [tuple(one.uids) for one in told if isinstance(one, VanishedData)] == [(4,)]
    assert [getattr(one, "uid", None) for one in told if hasattr(one, "flags")] == [7]


async def test_what_has_changed_since_is_told_by_uid(
    server: ImapServer, account: MailAccount, memory_secret: SecretReference
) -> None:
    async with await connect(server.settings(memory_secret)) as client:
        assert await client.run(Enable(("QRESYNC", "UIDONLY"))) == {"QRESYNC", "UIDONLY"}
        modseq = (await client.run(Select("INBOX"))).highest_modseq
        assert modseq is not None
        account["INBOX"].set_flags(7, frozenset({"\\Seen"}))
        account["INBOX"].remove(3)
        await client.run(Noop())  # until then the server knows that the message was there
        changes = await client.run(UidFetchChanges(ALL, FLAGS, modseq))
        found = await client.run(UidSearchFor(All()))

    assert ([one.uid for one in changes.messages], tuple(changes.vanished)) == ([7], (3,))
    assert found.all_uids is not None
    assert tuple(found.all_uids) == (4, 5, 6, 7)


async def test_it_is_enabled_again_on_a_new_connection(
    server: ImapServer, account: MailAccount, memory_secret: SecretReference
) -> None:
    clock = Clock()
    supervisor = Supervisor(
        lambda: connect(server.settings(memory_secret)), random=lambda: 0.5, now=clock.now, wait=clock.wait
    )
    async with supervisor:
        await supervisor.run(Enable(("UIDONLY",)))
        await supervisor.run(Select("INBOX"))
        server.drop_connections()
        fetched = await supervisor.run(UidFetch(ALL, FLAGS))

    assert supervisor.connections == 2
    assert {one.sequence_number for one in fetched} == {0}
    assert len(fetched) == len(account["INBOX"].messages)


@pytest.mark.parametrize(
    "command",
    [
        b"FETCH 1 FLAGS",
        b"STORE 1 +FLAGS (\\Seen)",
        b"COPY 1 Archive",
        b"MOVE 1 Archive",
        b"SEARCH ALL",
        b"SEARCH RETURN (COUNT) ALL",
        b"UID SEARCH 1:3",
        b"UID SEARCH NOT (OR 1 SEEN)",
        b"SORT (DATE) UTF-8 ALL",
        b"UID SORT (DATE) UTF-8 1:2",
        b"THREAD REFERENCES UTF-8 ALL",
        b"FETCH $ FLAGS",
    ],
)
def test_message_numbers_are_refused(raw: RawClient, command: bytes) -> None:
    (reply,) = raw.ask(command)

    assert b" BAD [UIDREQUIRED] " in reply


def test_no_number_is_told_either(raw: RawClient) -> None:
    opened = raw.ask(b"SELECT Archive") + raw.ask(b"SELECT INBOX")
    fetched = raw.ask(b"UID FETCH 3 (UID FLAGS)")

    assert not any(b"[UNSEEN" in line for line in opened)
    assert fetched[0].startswith(b"* 3 UIDFETCH (UID 3 FLAGS (")
    assert raw.ask(b"UID STORE 3 +FLAGS (\\Deleted)")[0].startswith(b"* 3 UIDFETCH (FLAGS (")
    assert raw.ask(b"EXPUNGE")[0] == b"* VANISHED 3\r\n"
