"""NOTIFY (RFC 5465) of the in-memory server: what is told unasked, of which mailboxes, and when."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.errors import CommandRefused
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.mailbox_data import ListData, StatusData
from mailrules.imap.metadata_data import MetadataChanged
from mailrules.imap.responses import ExistsData, VanishedData
from mailrules.imap.session_commands import Enable, Noop
from mailrules.imap.watch_commands import EventGroup, Notify, NotifyNone, Watched, WatchEvent
from mailrules.testing.builders import message
from mailrules.testing.capabilities import with_more
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread
from tests.client.clocks import until
from tests.replay.conversation import RawClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.parser import Untagged
    from mailrules.settings import SecretReference

MESSAGES = (WatchEvent.MESSAGE_NEW, WatchEvent.MESSAGE_EXPUNGE, WatchEvent.FLAG_CHANGE)
NAMES = (WatchEvent.MAILBOX_NAME, WatchEvent.SUBSCRIPTION_CHANGE)


@pytest.fixture
def account() -> MailAccount:
    account = MailAccount()
    for number in range(1, 4):
        account.add("INBOX", message(subject=f"number {number}"))
    return account


@pytest.fixture
async def client(account: MailAccount, memory_secret: SecretReference) -> AsyncIterator[AsyncClient]:
    async with (
        ImapServer(account, capabilities=with_more()) as server,
        await connect(server.settings(memory_secret)) as client,
    ):
        yield client


@pytest.fixture
def raw(account: MailAccount) -> Iterator[RawClient]:
    with (
        serve_in_thread(ImapServer(account, capabilities=with_more())) as server,
        closing(RawClient(server.port)) as raw,
    ):
        raw.ask(b"LOGIN ann pass")
        yield raw


def heard(client: AsyncClient) -> list[Untagged]:
    told: list[Untagged] = []
    client.listener = told.append
    return told


async def test_new_messages_of_the_open_mailbox_come_at_once_with_what_was_asked_of_them(
    client: AsyncClient, account: MailAccount
) -> None:
    told = heard(client)
    await client.run(Select("INBOX"))
    await client.run(Notify((EventGroup(Watched.SELECTED, MESSAGES, fetched=(FetchItem.UID, FetchItem.ENVELOPE)),)))

    account.add("INBOX", message(subject="new"))
    await until(lambda: any(isinstance(one, FetchData) for one in told))

    (new,) = [one for one in told if isinstance(one, FetchData)]
    assert new.uid == 4
    assert new.envelope is not None
    assert new.envelope.subject == b"new"
    assert [one.count for one in told if isinstance(one, ExistsData)] == [4]


async def test_expunges_come_at_once_or_wait_for_a_command_that_allows_them(
    client: AsyncClient, account: MailAccount
) -> None:
    told = heard(client)
    await client.run(Enable(("QRESYNC",)))
    await client.run(Select("INBOX"))
    await client.run(Notify((EventGroup(Watched.SELECTED, MESSAGES),)))
    account["INBOX"].remove(1)
    await until(lambda: [tuple(one.uids) for one in told if isinstance(one, VanishedData)] == [(1,)])

    await client.run(Notify((EventGroup(Watched.SELECTED_DELAYED, MESSAGES),)))
    account["INBOX"].remove(2)
    account["INBOX"].set_flags(3, frozenset({"\\Seen"}))
    await until(lambda: any(isinstance(one, FetchData) and one.uid == 3 for one in told))
    assert [tuple(one.uids) for one in told if isinstance(one, VanishedData)] == [(1,)]

    await client.run(Noop())
    assert [tuple(one.uids) for one in told if isinstance(one, VanishedData)] == [(1,), (2,)]


async def test_without_a_word_of_the_open_mailbox_nothing_is_told_of_it(
    client: AsyncClient, account: MailAccount
) -> None:
    told = heard(client)
    await client.run(Select("INBOX"))
    await client.run(NotifyNone())
    account.add("INBOX", message())
    account["INBOX"].remove(1)
    await client.run(Noop())
    assert told == []

    await client.run(Notify((EventGroup(Watched.SELECTED, MESSAGES),)))
    await until(lambda: any(isinstance(one, ExistsData) for one in told))


async def test_each_mailbox_counts_for_the_first_group_that_it_falls_under(
    client: AsyncClient, account: MailAccount
) -> None:
    told = heard(client)
    for name in ("Lists", "Lists/a", "Lists/b"):
        account.create(name)
    account.subscribe("Junk")
    begun = await client.run(
        Notify(
            (
                EventGroup(Watched.MAILBOXES, (), ("Lists/a",)),
                EventGroup(Watched.SUBTREE, MESSAGES, ("Lists",)),
                EventGroup(Watched.INBOXES, MESSAGES),
                EventGroup(Watched.SUBSCRIBED, MESSAGES),
            ),
            with_status=True,
        )
    )

    for name in ("Lists/a", "Archive", "Lists/b", "Junk", "INBOX"):
        account.add(name, message())
    await until(lambda: len(told) == 3)

    assert {one.mailbox for one in begun.statuses} == {"INBOX", "Junk", "Lists", "Lists/b"}
    assert [(one.mailbox, one.messages) for one in told if isinstance(one, StatusData)] == [
        ("Lists/b", 1),
        ("Junk", 1),
        ("INBOX", 4),
    ]


async def test_names_subscriptions_and_annotations_are_told(client: AsyncClient, account: MailAccount) -> None:
    told = heard(client)
    changes = (WatchEvent.MAILBOX_METADATA_CHANGE, WatchEvent.SERVER_METADATA_CHANGE)
    await client.run(Notify((EventGroup(Watched.PERSONAL, NAMES + changes),)))

    account.create("Made")
    account.rename("Made", "Other")
    account.subscribe("Other")
    account.subscribe("Other", subscribed=False)
    account.delete("Other")
    account.annotate("INBOX", "/shared/comment", b"hello")
    account.annotate("", "/shared/admin", b"mailto:root@example.org")
    account.add("INBOX", message())
    await until(lambda: len(told) == 7)

    lists = [(one.mailbox, one.old_name, set(one.attributes)) for one in told if isinstance(one, ListData)]
    assert lists == [
        ("Made", "", set()),
        ("Other", "Made", set()),
        ("Other", "", {"\\subscribed"}),
        ("Other", "", set()),
        ("Other", "", {"\\nonexistent"}),
    ]
    assert [(one.mailbox, one.entries) for one in told if isinstance(one, MetadataChanged)] == [
        ("INBOX", ("/shared/comment",)),
        ("", ("/shared/admin",)),
    ]


async def test_modseq_is_told_to_who_has_enabled_it(client: AsyncClient, account: MailAccount) -> None:
    told = heard(client)
    await client.run(Enable(("CONDSTORE",)))
    await client.run(Notify((EventGroup(Watched.PERSONAL, MESSAGES),)))

    account["INBOX"].set_flags(1, frozenset({"\\Flagged"}))
    await until(lambda: bool(told))

    (status,) = told
    assert isinstance(status, StatusData)
    assert status.highest_modseq == account["INBOX"].highest_modseq
    assert status.messages is None


async def test_an_event_that_it_does_not_know_is_refused_by_name(client: AsyncClient) -> None:
    with pytest.raises(CommandRefused) as caught:
        await client.run(Notify((EventGroup(Watched.PERSONAL, (*MESSAGES, WatchEvent.ANNOTATION_CHANGE)),)))

    assert caught.value.code == "BADEVENT"


@pytest.mark.parametrize(
    "command",
    [
        b"NOTIFY",
        b"NOTIFY SET",
        b"NOTIFY SET (PERSONAL (MessageNew))",
        b"NOTIFY SET (PERSONAL (FlagChange))",
        b"NOTIFY SET (PERSONAL ())",
        b"NOTIFY SET (SELECTED (MailboxName))",
        b"NOTIFY SET (PERSONAL (MessageNew (UID) MessageExpunge))",
        b"NOTIFY SET (SELECTED (MessageNew MessageExpunge)) (SELECTED-DELAYED (MessageNew MessageExpunge))",
        b"NOTIFY SET (MAILBOXES ((INBOX)) (MessageNew MessageExpunge))",
        b"NOTIFY SET (ELSEWHERE (MessageNew MessageExpunge))",
        b"NOTIFY NONE (PERSONAL NONE)",
    ],
)
def test_what_makes_no_sense_is_bad(raw: RawClient, command: bytes) -> None:
    assert raw.ask(command)[-1].split()[1] == b"BAD"


def test_what_a_command_removes_itself_is_told_whatever_is_watched(raw: RawClient) -> None:
    raw.ask(b"SELECT INBOX")
    raw.ask(b"NOTIFY NONE")

    assert raw.ask(b"STORE 2 +FLAGS (\\Deleted)")[0] == b"* 2 FETCH (FLAGS (\\Deleted \\Recent))\r\n"
    assert raw.ask(b"EXPUNGE")[0] == b"* 2 EXPUNGE\r\n"


def test_a_command_is_answered_while_things_are_told(raw: RawClient, account: MailAccount) -> None:
    """What is told between two commands does not tear the second one apart."""
    raw.ask(b"NOTIFY SET (PERSONAL (MessageNew MessageExpunge FlagChange))")
    raw.send(b"half ")
    account.add("INBOX", message())
    told = raw.read_some(65536)
    raw.send(b"NOOP\r\n")

    assert told == b"* STATUS INBOX (MESSAGES 4 UIDNEXT 5 UIDVALIDITY 1700000001)\r\n"
    assert raw.read_some(65536).startswith(b"half OK")
