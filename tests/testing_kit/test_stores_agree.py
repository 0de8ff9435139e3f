"""One seam, three stores: in memory, IMAP to the in-memory server, IMAP to Dovecot. They behave alike."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pytest

from mailrules.client.imap_store import connect_reader, connect_store
from mailrules.errors import CommandRefused
from mailrules.mailbox.message import UID, FactRequest, MessageFacts
from mailrules.testing.builders import Attachment, SampleMessage, message, multipart
from mailrules.testing.memory_reader import MemoryReader
from mailrules.testing.memory_store import MemoryStore
from mailrules.testing.varied_mailbox import varied_mailbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.mailbox.store import MailReader, MailStore
    from mailrules.settings import AccountSettings
    from mailrules.testing.mail_state import MailAccount
    from tests.servers.dovecot import DovecotAccount

RECEIVED = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
NESTED = b"Subject: outer\r\n" + multipart(
    "mixed", [b"\r\nshort", b"Content-Type: message/rfc822\r\n\r\n" + message(html="<b>x</b>")]
)
SAMPLES = [
    SampleMessage(
        content=message(list_id="A\r\n <list.example>"), flags=frozenset({"\\Seen", "work"}), received=RECEIVED
    ),
    SampleMessage(
        content=message(subject="two", html="<p>Hi</p>", attachments=[Attachment(file_name="a bill.pdf")]),
        received=RECEIVED,
    ),
    SampleMessage(content=NESTED, received=RECEIVED),
]
ALL = (UID(1), UID(2), UID(3))


class World(Protocol):
    """A mailbox of SAMPLES behind one kind of store."""

    async def store(self) -> MailStore: ...

    async def reader(self) -> MailReader: ...


@dataclass
class MemoryWorld:
    mail: MailAccount

    async def store(self) -> MailStore:
        return MemoryStore(self.mail)

    async def reader(self) -> MailReader:
        return MemoryReader(self.mail)


@dataclass
class ImapWorld:
    settings: AccountSettings
    closing: AsyncExitStack

    async def store(self) -> MailStore:
        store = await connect_store(self.settings)
        self.closing.push_async_callback(store.close)
        return store

    async def reader(self) -> MailReader:
        reader = await connect_reader(self.settings)
        self.closing.push_async_callback(reader.close)
        return reader


@pytest.fixture(params=["memory", "in-memory server", "dovecot"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """Each kind of store in turn."""
    async with AsyncExitStack() as closing:
        if request.param == "dovecot":
            account: DovecotAccount = request.getfixturevalue("dovecot")
            account.fill("INBOX", SAMPLES)
            yield ImapWorld(account.settings(), closing)
        else:
            mail: MailAccount = request.getfixturevalue("mail_account")
            mail.fill("INBOX", SAMPLES)
            is_memory = request.param == "memory"
            yield MemoryWorld(mail) if is_memory else ImapWorld(request.getfixturevalue("imap_settings"), closing)


async def open_store(world: World) -> MailStore:
    store = await world.store()
    await store.open("INBOX")
    return store


async def flags_of(store: MailReader) -> dict[int, set[str]]:
    facts = await store.fetch(FactRequest(flags=True))
    return {one.uid: set(one.flags or ()) - {"\\Recent"} for one in facts}


async def test_mailboxes_are_listed_with_their_uses(world: World) -> None:
    store = await world.store()
    await store.create("Lists/a")
    await store.subscribe("Lists/a")

    listed = {info.name: info for info in await store.list_mailboxes()}

    assert {name: info.special_use for name, info in listed.items() if info.special_use} == {
        "Trash": {"trash"},
        "Archive": {"archive"},
        "Junk": {"junk"},
    }
    assert listed["Lists/a"].subscribed
    assert listed["INBOX"].delimiter == "/"
    assert not listed["Lists"].selectable


async def test_opening_tells_what_the_mailbox_holds(world: World) -> None:
    reader, store = await world.reader(), await world.store()

    examined, selected = await reader.open("INBOX"), await store.open("INBOX")

    assert (examined.messages, examined.uidnext) == (3, 4)
    assert (examined.read_only, selected.read_only) == (True, False)
    assert selected.uidvalidity == (await store.status("INBOX")).uidvalidity
    assert selected.permanent_flags is not None
    assert {"\\Seen", "\\Deleted", "\\*"} <= selected.permanent_flags


async def test_facts_are_the_same(world: World) -> None:
    reader = await world.reader()
    await reader.open("INBOX")

    request = FactRequest(
        flags=True,
        size=True,
        received=True,
        modseq=True,
        header_fields=("list-id", "subject"),
        structure=True,
        text=True,
    )
    facts = await reader.fetch(request, [UID(3), UID(1), UID(2), UID(99)])

    assert [one.uid for one in facts] == [1, 2, 3]
    assert [one.size_bytes for one in facts] == [len(sample.content) for sample in SAMPLES]
    assert {one.received for one in facts} == {RECEIVED}
    assert facts[0].flags == frozenset({"\\Seen", "work"})
    assert facts[0].header == b"Subject: A message\r\nList-Id: A\r\n <list.example>\r\n\r\n"
    assert all(one.modseq for one in facts)
    assert all(one.object_id for one in facts)
    assert shape(facts[1]) == [
        ("", "multipart/mixed", ""),
        ("1", "multipart/alternative", ""),
        ("1.1", "text/plain", ""),
        ("1.2", "text/html", ""),
        ("2", "application/pdf", "a bill.pdf"),
    ]
    assert texts(facts[1]) == [("1.1", b"Hello.\r\n")]


async def test_a_message_within_a_message_is_one_part_and_its_parts(world: World) -> None:
    reader = await world.reader()
    await reader.open("INBOX")

    [facts] = await reader.fetch(FactRequest(structure=True, text=True), [UID(3)])

    assert shape(facts) == [
        ("", "multipart/mixed", ""),
        ("1", "text/plain", ""),
        ("2", "message/rfc822", ""),
        ("2.TEXT", "multipart/alternative", ""),
        ("2.1", "text/plain", ""),
        ("2.2", "text/html", ""),
    ]
    assert texts(facts) == [("1", b"short"), ("2.1", b"Hello.\r\n")]


async def test_varied_mail_has_the_same_facts_in_memory_and_on_dovecot(
    dovecot: DovecotAccount, mail_account: MailAccount
) -> None:
    samples = list(varied_mailbox(400))
    dovecot.fill("INBOX", samples)
    mail_account.fill("INBOX", samples)
    readers: list[MailReader] = [MemoryReader(mail_account), await connect_reader(dovecot.settings())]
    fields = ("from", "subject", "list-id")
    request = FactRequest(flags=True, size=True, received=True, header_fields=fields, structure=True, text=True)

    answers = []
    for reader in readers:
        await reader.open("INBOX")
        answers.append([replace(facts, object_id="") for facts in await reader.fetch(request)])
        await reader.close()

    assert len(answers[0]) == len(samples)
    assert [one for one, other in zip(*answers, strict=True) if one != other] == []


async def test_facts_from_a_uid_on_never_include_older_mail(world: World) -> None:
    reader = await world.reader()
    await reader.open("INBOX")

    from_three = await reader.fetch_from(FactRequest(flags=True), UID(3))
    from_nine = await reader.fetch_from(FactRequest(flags=True), UID(9))

    assert ([one.uid for one in from_three], from_nine) == ([3], [])


async def test_flags_are_added_and_removed_and_confirmed(world: World) -> None:
    store = await open_store(world)

    added = await store.store_flags(ALL, add=frozenset({"\\Flagged", "todo"}))
    removed = await store.store_flags(ALL[:1], remove=frozenset({"\\Seen", "work"}))

    assert [one.uid for one in added.confirmed] == [1, 2, 3]
    assert {"\\Flagged", "todo"} <= added.confirmed[2].flags
    assert [one.uid for one in removed.confirmed] == [1]
    assert await flags_of(store) == {uid: {"\\Flagged", "todo"} for uid in (1, 2, 3)}


async def test_flags_that_were_so_already_are_not_confirmed_anew(world: World) -> None:
    store = await open_store(world)

    outcome = await store.store_flags(ALL[:2], add=frozenset({"\\Seen"}))

    assert [one.uid for one in outcome.confirmed] == [2]
    assert outcome.modified == ()


async def test_a_message_changed_since_is_left_alone(world: World) -> None:
    store, other = await open_store(world), await open_store(world)
    before = (await store.status("INBOX")).highest_modseq
    await store.store_flags([UID(1)], add=frozenset({"first"}))
    await other.store_flags([UID(2)], add=frozenset({"theirs"}))

    outcome = await store.store_flags(ALL, add=frozenset({"ours"}), unchanged_since=before)

    assert {one.uid for one in outcome.confirmed} == {3}
    assert set(outcome.modified) == {1, 2}
    assert "ours" not in (await flags_of(other))[2]


async def test_copies_and_moves_tell_where_messages_went(world: World) -> None:
    store = await open_store(world)

    copied = await store.copy(ALL[:2], "Archive")
    moved = await store.move([UID(1), UID(3), UID(99)], "Archive")

    assert copied.uids == {1: 1, 2: 2}
    assert moved.uids == {1: 3, 3: 4}
    status = await store.status("Archive")
    assert (status.messages, status.uidvalidity) == (4, moved.uidvalidity)
    assert await flags_of(store) == {2: set()}


async def test_absent_messages_are_passed_over(world: World) -> None:
    store = await open_store(world)

    assert (await store.copy([UID(99)], "Archive")).uids == {}
    assert (await store.move([UID(99)], "Archive")).uids == {}
    assert (await store.store_flags([UID(99)], add=frozenset({"x"}))).confirmed == ()
    assert await store.expunge([UID(99)]) == ()


async def test_a_missing_target_says_trycreate(world: World) -> None:
    store = await open_store(world)

    with pytest.raises(CommandRefused) as refusal:
        await store.move(ALL, "Nowhere")

    assert refusal.value.code == "TRYCREATE"
    assert len(await flags_of(store)) == 3


async def test_expunge_takes_exactly_those_that_are_deleted_and_named(world: World) -> None:
    store = await open_store(world)
    await store.store_flags(ALL[:2], add=frozenset({"\\Deleted"}))

    gone = await store.expunge([UID(2), UID(3)])

    assert gone == (2,)
    assert set(await flags_of(store)) == {1, 3}


async def test_appended_mail_is_there_with_its_flags_and_date(world: World) -> None:
    store = await world.store()

    outcome = await store.append("Archive", message(), flags=frozenset({"\\Seen", "kept"}), received=RECEIVED)

    status = await store.open("Archive")
    [facts] = await store.fetch(FactRequest(flags=True, received=True, whole=True))
    assert (outcome.uidvalidity, outcome.uid) == (status.uidvalidity, facts.uid)
    assert (facts.whole, facts.received) == (message(), RECEIVED)
    assert {"\\Seen", "kept"} <= (facts.flags or frozenset())


async def test_mailboxes_are_made_once_and_removed(world: World) -> None:
    store = await world.store()

    assert await store.create("Größe/Übung") is True
    assert await store.create("Größe/Übung") is False
    assert "Größe/Übung" in {info.name for info in await store.list_mailboxes()}
    await store.delete_mailbox("Größe/Übung")
    assert "Größe/Übung" not in {info.name for info in await store.list_mailboxes()}


async def test_rights_are_given_and_taken(world: World) -> None:
    store = await world.store()
    before = await store.get_rights("Archive")

    await store.set_rights("Archive", identifier="bob", rights="lrs")
    given = await store.get_rights("Archive")
    await store.set_rights("Archive", identifier="bob", rights="+i")
    await store.set_rights("Archive", identifier="bob", rights="-r")
    changed = await store.get_rights("Archive")
    await store.set_rights("Archive", identifier="bob", rights="")

    assert set(given.entries["bob"]) == set("lrs")
    assert set(changed.entries["bob"]) == set("lsi")
    assert set(await store.my_rights("Archive")) >= set("lrswit")
    assert await store.get_rights("Archive") == before


async def test_news_come_while_waiting(world: World) -> None:
    store, other = await open_store(world), await world.store()

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(store.wait_for_news(timeout_seconds=10))
        await other.append("INBOX", message())

    assert waiting.result() is True
    assert len(await store.fetch_from(FactRequest(flags=True), UID(4))) == 1


def shape(facts: MessageFacts) -> list[tuple[str, str, str]]:
    assert isinstance(facts.structure, tuple)
    return [(part.number, part.media_type, part.file_name) for part in facts.structure]


def texts(facts: MessageFacts) -> list[tuple[str, bytes]]:
    assert isinstance(facts.texts, tuple)
    return [(part.number, text) for part, text in facts.texts]


async def test_a_store_can_examine_a_mailbox_and_changes_nothing_there(world: World) -> None:
    store = await world.store()

    status = await store.examine("INBOX")

    assert (status.read_only, store.opened is not None and store.opened.read_only) == (True, True)
    assert not (await store.store_flags(ALL, add=frozenset({"\\Flagged"}))).confirmed
    assert (await store.open("INBOX")).read_only is False
    assert all("\\Flagged" not in (one.flags or ()) for one in await store.fetch(FactRequest(flags=True)))


async def test_a_message_is_read_in_pieces_and_appended_as_it_comes(world: World) -> None:
    store, reader = await world.store(), await world.reader()
    await reader.open("INBOX")

    async with reader.read_message(UID(2)) as content:
        size_bytes = content.size_bytes
        await store.append("Archive", content, flags=frozenset({"\\Seen"}), received=RECEIVED)

    assert size_bytes == len(SAMPLES[1].content)
    await reader.open("Archive")
    (copy,) = await reader.fetch(FactRequest(flags=True, received=True, whole=True))
    assert copy.whole == SAMPLES[1].content
    assert copy.received == RECEIVED
    assert "\\Seen" in (copy.flags or ())
