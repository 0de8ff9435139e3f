"""What the in-memory server offers where it is told to, driven by the client; none of it unless it is switched on."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.supervisor import Supervisor
from mailrules.errors import CommandRefused
from mailrules.imap.append_commands import Append, MultiAppend, NewMessage, UidReplace
from mailrules.imap.copy_commands import UidCopy, UidExpunge
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Create, Select, Status, Unselect
from mailrules.imap.mailbox_data import StatusItem
from mailrules.imap.message_commands import StoreChange, UidFetch, UidFetchChanges, UidStore
from mailrules.imap.metadata_commands import GetMetadata, SetMetadata
from mailrules.imap.quota_commands import GetQuotaRoot
from mailrules.imap.search_commands import Part, UidFetchPart, UidSearchFor
from mailrules.imap.search_keys import All, OlderThan
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Compress, Enable, Noop
from mailrules.testing.builders import A_DAY, message
from mailrules.testing.capabilities import EVERY_CAPABILITY, MORE_CAPABILITIES, with_more
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread
from tests.client.clocks import Clock
from tests.replay.conversation import RawClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.selected_mailbox import OpenedMailbox
    from mailrules.settings import AccountSettings, SecretReference

ONE = SequenceSet.of((1,))
ALL = SequenceSet.starting_at(1)
FLAGS = (FetchItem.UID, FetchItem.FLAGS)


@pytest.fixture
def account() -> MailAccount:
    account = MailAccount()
    for number in range(1, 6):
        account.add("INBOX", message(subject=f"number {number}", body=f"Text {number}\r\n" * 60))
    return account


@pytest.fixture
async def server(account: MailAccount) -> AsyncIterator[ImapServer]:
    async with ImapServer(account, capabilities=with_more()) as server:
        yield server


@pytest.fixture
def settings(server: ImapServer, memory_secret: SecretReference) -> AccountSettings:
    return server.settings(memory_secret)


@pytest.fixture
async def client(settings: AccountSettings) -> AsyncIterator[AsyncClient]:
    """INBOX is open."""
    async with await connect(settings) as client:
        await client.run(Select("INBOX"))
        yield client


@pytest.mark.parametrize(
    ("capability", "command"),
    [
        ("COMPRESS=DEFLATE", b"COMPRESS DEFLATE"),
        ("CREATE-SPECIAL-USE", b"CREATE Post (USE (\\Sent))"),
        ("METADATA", b"GETMETADATA INBOX /private/comment"),
        ("MULTIAPPEND", b"APPEND INBOX {1+}\r\nx {1+}\r\ny"),
        ("PARTIAL", b"UID SEARCH RETURN (PARTIAL 1:2) ALL"),
        ("PARTIAL", b"UID FETCH 1:* FLAGS (PARTIAL 1:2)"),
        ("PREVIEW", b"UID FETCH 1 PREVIEW"),
        ("QRESYNC", b"SELECT INBOX (QRESYNC (1 1))"),
        ("QUOTA", b"GETQUOTAROOT INBOX"),
        ("REPLACE", b"UID REPLACE 1 INBOX {1+}\r\nx"),
        ("SAVEDATE", b"UID FETCH 1 SAVEDATE"),
        ("SAVEDATE", b"UID SEARCH SAVEDSINCE 1-Jan-2020"),
        ("SEARCHRES", b"UID FETCH $ FLAGS"),
        ("SEARCHRES", b"UID SEARCH RETURN (SAVE) ALL"),
        ("SORT", b"UID SORT (DATE) UTF-8 ALL"),
        ("STATUS=SIZE", b"STATUS INBOX (SIZE)"),
        ("THREAD=ORDEREDSUBJECT", b"UID THREAD ORDEREDSUBJECT UTF-8 ALL"),
        ("THREAD=REFERENCES", b"UID THREAD REFERENCES UTF-8 ALL"),
        ("WITHIN", b"UID SEARCH OLDER 1"),
    ],
)
def test_what_is_switched_off_is_neither_announced_nor_understood(
    account: MailAccount, capability: str, command: bytes
) -> None:
    off = EVERY_CAPABILITY | (MORE_CAPABILITIES - {capability})

    with (
        serve_in_thread(ImapServer(account, capabilities=off)) as server,
        closing(RawClient(server.port)) as client,
    ):
        client.ask(b"LOGIN ann pass")
        announced = client.ask(b"CAPABILITY")[0].split()[2:]
        client.ask(b"SELECT INBOX")
        answer = client.ask(command)[-1].split()[1]

    assert {name.decode().upper() for name in announced} == off
    assert answer == b"BAD"


def test_more_has_to_be_known() -> None:
    assert with_more() == EVERY_CAPABILITY | MORE_CAPABILITIES
    assert with_more("sort") == EVERY_CAPABILITY | {"SORT"}
    with pytest.raises(ValueError, match="no such capability to add: NONSENSE"):
        with_more("NONSENSE")


async def test_compression_goes_both_ways(client: AsyncClient, server: ImapServer) -> None:
    await client.run(Compress())
    fetched = await client.run(UidFetch(ALL, (FetchItem.UID, FetchItem.BODYSTRUCTURE)))

    assert [wire.is_compressed for wire in server._connections.values()] == [True]
    assert len(fetched) == 5
    with pytest.raises(CommandRefused, match="COMPRESSIONACTIVE"):
        await client.run(Compress())


async def test_several_messages_come_in_together_or_not_at_all(client: AsyncClient, account: MailAccount) -> None:
    two = (NewMessage(message(subject="one"), ("\\Seen",)), NewMessage(message(subject="two")))
    proof = await client.run(MultiAppend("Archive", two))
    account.quota_bytes = account.size_bytes + 400

    with pytest.raises(CommandRefused, match="OVERQUOTA"):
        await client.run(MultiAppend("Archive", two))

    assert proof is not None
    assert proof.uids == SequenceSet.of((1, 2))
    assert len(account["Archive"].messages) == 2


async def test_a_message_is_replaced_in_one_step(client: AsyncClient, account: MailAccount) -> None:
    proof = await client.run(UidReplace(2, "INBOX", message(subject="new"), ("\\Draft",)))

    assert proof is not None
    assert proof.uids == SequenceSet.of((6,))
    assert list(account["INBOX"].messages) == [1, 3, 4, 5, 6]
    with pytest.raises(CommandRefused, match="No such message"):
        await client.run(UidReplace(99, "INBOX", b"x"))


async def test_a_quota_is_told_and_kept(client: AsyncClient, account: MailAccount) -> None:
    (unlimited,) = await client.run(GetQuotaRoot("INBOX"))
    account.quota_bytes, used = 7 * 1024, -(-account.size_bytes // 1024)
    (limited,) = await client.run(GetQuotaRoot("INBOX"))

    with pytest.raises(CommandRefused, match="OVERQUOTA"):
        await client.run(Append("INBOX", b"x" * 7 * 1024))
    await client.run(UidCopy(ONE, "Archive"))
    with pytest.raises(CommandRefused, match="OVERQUOTA"):
        await client.run(UidCopy(SequenceSet.of(range(1, 6)), "Archive"))

    assert not unlimited.resources
    assert (limited.resources["STORAGE"].used, limited.resources["STORAGE"].limit) == (used, 7)


async def test_metadata_belongs_to_a_mailbox(client: AsyncClient, account: MailAccount) -> None:
    await client.run(SetMetadata("INBOX", (("/shared/comment", "Grüße".encode()), ("/private/comment", b"mine"))))
    told = await client.run(GetMetadata("INBOX", ("/shared/comment", "/private/comment", "/private/none")))
    await client.run(SetMetadata("INBOX", (("/private/comment", None),)))

    assert told.entries == {
        "/shared/comment": "Grüße".encode(),
        "/private/comment": b"mine",
        "/private/none": None,
    }
    assert account["INBOX"].metadata == {"/shared/comment": "Grüße".encode()}


async def test_a_mailbox_has_a_size_an_id_and_a_use(client: AsyncClient, account: MailAccount) -> None:
    told = await client.run(Status("INBOX", (StatusItem.SIZE, StatusItem.MAILBOX_ID)))
    made = await client.run(Create("Post", ("\\Sent",)))

    assert told.size_bytes == account["INBOX"].size_bytes
    assert told.mailbox_id == account["INBOX"].object_id
    assert made == account["Post"].object_id
    assert account["Post"].special_use == "\\Sent"
    with pytest.raises(CommandRefused, match="USEATTR"):
        await client.run(Create("Again", ("\\Sent",)))


async def test_pages_of_a_result(client: AsyncClient) -> None:
    first = await client.run(UidSearchFor(All(), (), part=Part(1, 2)))
    last = await client.run(UidSearchFor(All(), (), part=Part(-1, -2)))
    beyond = await client.run(UidSearchFor(All(), (), part=Part(10, 20)))
    fetched = await client.run(UidFetchPart(ALL, FLAGS, Part(2, 3)))

    assert [list(one.part.uids) for one in (first, last, beyond) if one.part] == [[1, 2], [4, 5], []]
    assert [one.uid for one in fetched] == [2, 3]


async def test_when_a_message_came_and_how_it_begins(client: AsyncClient) -> None:
    await client.run(UidCopy(ONE, "Archive"))
    (here,) = await client.run(UidFetch(ONE, (FetchItem.UID, FetchItem.SAVE_DATE, FetchItem.PREVIEW)))
    await client.run(Select("Archive"))
    (there,) = await client.run(UidFetch(ONE, (FetchItem.UID, FetchItem.SAVE_DATE)))
    old = await client.run(UidSearchFor(OlderThan(3600)))

    assert here.extras.save_date == A_DAY
    assert here.extras.preview is not None
    assert here.extras.preview.startswith("Text 1 Text 1")
    assert len(here.extras.preview) <= 200
    assert there.extras.save_date is not None
    assert there.extras.save_date > A_DAY
    assert old.all_uids == ONE


async def test_changes_are_told_to_who_was_away(client: AsyncClient, settings: AccountSettings) -> None:
    reopened: list[OpenedMailbox] = []
    clock = Clock()
    async with Supervisor.of_account(
        settings, random=lambda: 0.5, now=clock.now, wait=clock.wait, on_reopened=reopened.append
    ) as supervisor:
        await supervisor.run(Select("INBOX"))
        lost = supervisor._lifeline.client
        assert lost is not None
        await lost.close()
        await client.run(UidStore(SequenceSet.of((2, 3)), StoreChange.ADD, ("\\Deleted",)))
        await client.run(UidExpunge(SequenceSet.of((2,))))
        await supervisor.run(Noop())

    assert reopened[0].changes is not None
    assert [one.uid for one in reopened[0].changes.messages] == [3]
    assert list(reopened[0].changes.vanished) == [2]


async def test_expunges_are_told_by_uid_once_qresync_is_enabled(client: AsyncClient, account: MailAccount) -> None:
    await client.run(Unselect())
    await client.run(Enable(("QRESYNC",)))
    await client.run(Select("INBOX"))
    modseq = account["INBOX"].highest_modseq
    account["INBOX"].remove(4)
    account["INBOX"].set_flags(1, frozenset({"\\Seen"}))
    await client.run(Noop())
    changes = await client.run(UidFetchChanges(ALL, FLAGS, modseq))

    assert client.selected is not None
    assert client.selected.exists == 4
    assert list(changes.vanished) == [4]
    assert [one.uid for one in changes.messages] == [1]
