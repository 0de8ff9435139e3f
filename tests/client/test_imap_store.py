"""What the mail store promises, on a real Dovecot and on the test kit's server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.client.fetching import FetchLimits
from mailrules.client.imap_store import ImapReader, ImapStore, connect_store
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.session_commands import Noop
from mailrules.mailbox.message import UID, FactRequest, Unreadable, too_complex
from mailrules.testing.builders import Attachment, SampleMessage, message
from mailrules.testing.capabilities import with_more
from mailrules.testing.imap_server import ImapServer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailReader, MailStore
    from mailrules.settings import SecretReference
    from tests.client.conftest import Place
    from tests.servers.dovecot import DovecotAccount

METADATA = FactRequest(flags=True, size=True, received=True, modseq=True, header_fields=("from", "subject"))
FLAGS = FactRequest(flags=True)
RECEIVED = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)


def samples(count: int) -> list[SampleMessage]:
    return [SampleMessage(content=message(subject=f"number {number}")) for number in range(1, count + 1)]


def uids_of(facts: Iterable[MessageFacts]) -> list[int]:
    return [one.uid for one in facts]


def test_reader_and_store_fit_their_protocols() -> None:
    def reads(_: type[MailReader]) -> None: ...
    def writes(_: type[MailStore]) -> None: ...

    reads(ImapReader)
    writes(ImapStore)


def test_a_reader_has_no_method_that_writes() -> None:
    writes = {"store_flags", "copy", "move", "expunge", "append", "create", "delete_mailbox", "subscribe", "set_rights"}

    assert not writes & set(dir(ImapReader))
    assert writes <= set(dir(ImapStore))


async def test_mailboxes_are_listed_with_use_and_subscription(place: Place) -> None:
    store = await place.store()
    await store.create("Räume & Mehr/Büro")
    await store.subscribe("Räume & Mehr/Büro")

    mailboxes = {one.name: one for one in await store.list_mailboxes()}

    assert {"INBOX", "Archive", "Trash", "Räume & Mehr/Büro"} <= set(mailboxes)
    assert mailboxes["Trash"].special_use == {"trash"}
    assert mailboxes["INBOX"].delimiter == "/"
    assert mailboxes["Räume & Mehr/Büro"].subscribed
    assert not mailboxes["Trash"].subscribed


async def test_a_reader_opens_read_only_and_a_store_does_not(place: Place) -> None:
    place.fill("INBOX", samples(3))
    reader, store = await place.reader(), await place.store()

    seen, kept = await reader.open("INBOX"), await store.open("INBOX")

    assert seen.read_only
    assert not kept.read_only
    assert (seen.messages, seen.uidnext, seen.uidvalidity) == (kept.messages, kept.uidnext, kept.uidvalidity)
    assert kept.messages == 3
    assert kept.uidnext == 4
    assert kept.highest_modseq is not None
    assert kept.permanent_flags is not None
    assert "\\*" in kept.permanent_flags


async def test_opening_what_is_not_there_is_refused(place: Place) -> None:
    reader = await place.reader()

    with pytest.raises(CommandRefused):
        await reader.open("No such mailbox")


async def test_status_needs_no_open_mailbox(place: Place) -> None:
    place.fill("INBOX", samples(3))
    reader = await place.reader()

    status = await reader.status("INBOX")

    assert (status.messages, status.uidnext) == (3, 4)
    assert status.permanent_flags is None


async def test_facts_are_what_was_asked_for_and_nothing_else(place: Place) -> None:
    content = message(subject="=?utf-8?Q?gr=C3=B6=C3=9Fe?=", list_id="<list.example.org>")
    place.fill("INBOX", [SampleMessage(content=content, flags=frozenset({"\\Seen", "work"}), received=RECEIVED)])
    reader = await place.reader()
    await reader.open("INBOX")

    [known] = await reader.fetch(METADATA)
    [bare] = await reader.fetch(FactRequest(size=True))

    assert known.flags == frozenset({"\\Seen", "work"})
    assert known.size_bytes == len(content)
    assert known.received == RECEIVED
    assert known.modseq is not None
    assert isinstance(known.header, bytes)
    assert sorted(known.header.splitlines()) == [
        b"",
        b"From: Ann Example <ann@example.org>",
        b"Subject: =?utf-8?Q?gr=C3=B6=C3=9Fe?=",
    ]
    assert known.object_id
    assert bare.size_bytes == len(content)
    assert (bare.flags, bare.received, bare.header, bare.structure, bare.texts, bare.whole) == (None,) * 6


async def test_a_preview_changes_nothing(place: Place) -> None:
    place.fill("INBOX", samples(2))
    reader = await place.reader()
    before = await reader.status("INBOX")
    await reader.open("INBOX")

    await reader.fetch(FactRequest(flags=True, header_fields=("subject",), structure=True, text=True, whole=True))

    assert await (await place.reader()).status("INBOX") == before
    assert [one.flags for one in await reader.fetch(FLAGS)] == [frozenset(), frozenset()]


async def test_a_thousand_messages_are_read_in_few_turns(place: Place) -> None:
    place.fill("INBOX", samples(1_000))
    reader = await place.reader()

    await reader.list_mailboxes()
    await reader.open("INBOX")
    facts = await reader.fetch(METADATA)

    assert uids_of(facts) == list(range(1, 1_001))
    assert isinstance(facts[-1].header, bytes)
    assert b"number 1000" in facts[-1].header
    assert reader.client.counters.turns <= 5


async def test_large_sets_go_out_in_pieces_and_in_one_turn(place: Place) -> None:
    place.fill("INBOX", samples(400))
    reader = await place.reader(limits=FetchLimits(messages_per_command=70))
    await reader.open("INBOX")
    turns = reader.client.counters.turns

    everything = await reader.fetch(FLAGS)
    every_other = await reader.fetch(FLAGS, [UID(uid) for uid in range(400, 0, -2)])

    assert uids_of(everything) == list(range(1, 401))
    assert uids_of(every_other) == list(range(2, 401, 2))
    assert reader.client.counters.turns == turns + 2
    assert reader.client.counters.commands > 10


async def test_uids_that_are_not_there_are_left_out(place: Place) -> None:
    place.fill("INBOX", samples(3))
    reader = await place.reader()
    await reader.open("INBOX")

    assert uids_of(await reader.fetch(FLAGS, [UID(2), UID(9), UID(4_000_000_000)])) == [2]
    assert await reader.fetch(FLAGS, []) == []


async def test_fetching_from_a_uid_never_gives_an_older_message(place: Place) -> None:
    place.fill("INBOX", samples(3))
    reader = await place.reader()
    await reader.open("INBOX")

    assert uids_of(await reader.fetch_from(FLAGS, UID(2))) == [2, 3]
    assert await reader.fetch_from(FLAGS, UID(4)) == []


async def test_an_empty_mailbox_has_no_facts(place: Place) -> None:
    reader = await place.reader()
    await reader.open("INBOX")

    assert await reader.fetch(METADATA) == []


async def test_messages_that_came_after_opening_are_fetched_too(place: Place) -> None:
    place.fill("INBOX", samples(2))
    reader, store = await place.reader(), await place.store()
    await reader.open("INBOX")

    await store.append("INBOX", message(subject="late"))
    await reader.client.run(Noop())

    assert uids_of(await reader.fetch(FLAGS)) == [1, 2, 3]


async def test_the_structure_has_types_sizes_and_file_names(place: Place) -> None:
    attachment = Attachment(file_name="bill.pdf", content=b"%PDF" * 300)
    place.fill("INBOX", [SampleMessage(content=message(body="plain", html="<b>rich</b>", attachments=[attachment]))])
    reader = await place.reader()
    await reader.open("INBOX")

    [facts] = await reader.fetch(FactRequest(structure=True))

    assert isinstance(facts.structure, tuple)
    assert [(part.number, part.media_type) for part in facts.structure] == [
        ("", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "application/pdf"),
    ]
    pdf = facts.structure[-1]
    assert (pdf.file_name, pdf.disposition, pdf.encoding) == ("bill.pdf", "attachment", "base64")
    assert abs(pdf.decoded_size_bytes - 1_200) < 50


async def test_texts_are_fetched_part_by_part_for_many_messages_at_once(place: Place) -> None:
    plain = [SampleMessage(content=message(body=f"plain {number}")) for number in range(20)]
    both = [SampleMessage(content=message(body=f"both {number}", html="<p>rich</p>")) for number in range(20)]
    rich = SampleMessage(content=message(body="ignored").replace(b"text/plain", b"text/html"))
    file = SampleMessage(content=message(body="with file", html="x", attachments=[Attachment(file_name="a.txt")]))
    place.fill("INBOX", [*plain, *both, rich, file])
    reader = await place.reader()
    await reader.open("INBOX")
    commands = reader.client.counters.commands

    facts = await reader.fetch(FactRequest(text=True))

    texts = [one.texts for one in facts if isinstance(one.texts, tuple)]
    assert [[(part.media_type, content) for part, content in text] for text in texts] == [
        *([("text/plain", b"plain %d" % number)] for number in range(20)),
        *([("text/plain", b"both %d" % number)] for number in range(20)),
        [("text/html", b"ignored")],
        [("text/plain", b"with file")],
    ]
    assert reader.client.counters.commands == commands + 3
    assert [one.structure for one in facts] == [None] * len(facts)


async def test_a_very_long_text_is_unreadable_and_is_not_fetched(place: Place) -> None:
    place.fill("INBOX", [SampleMessage(content=message(body="x" * length)) for length in (1_000, 1_001)])
    reader = await place.reader(limits=FetchLimits(text_part_bytes=1_000))
    await reader.open("INBOX")

    short, long = await reader.fetch(FactRequest(text=True))

    assert isinstance(short.texts, tuple)
    assert long.texts == too_complex("a text part of 1,001 bytes, over 1,000")


async def test_the_whole_message_comes_as_it_is(place: Place) -> None:
    content = message(subject=b"raw \xff byte", body="line\r\n.\r\nend\r\n")
    place.fill("INBOX", [SampleMessage(content=content)])
    reader = await place.reader()
    await reader.open("INBOX")

    [facts] = await reader.fetch(FactRequest(whole=True))

    assert facts.whole == content


async def test_flags_are_confirmed_by_what_the_server_echoes(place: Place) -> None:
    place.fill("INBOX", samples(3))
    store = await place.store()
    await store.open("INBOX")

    added = await store.store_flags([UID(1), UID(3)], add=frozenset({"\\Seen", "work"}))
    removed = await store.store_flags([UID(3), UID(99)], remove=frozenset({"work"}))

    both = frozenset({"\\Seen", "work"})
    assert {one.uid: one.flags for one in added.confirmed} == {UID(1): both, UID(3): both}
    assert {one.uid: one.flags for one in removed.confirmed} == {UID(3): frozenset({"\\Seen"})}
    assert all(one.modseq for one in added.confirmed)
    assert [one.flags for one in await store.fetch(FLAGS)] == [{"\\Seen", "work"}, frozenset(), {"\\Seen"}]


async def test_unchangedsince_keeps_what_somebody_changed_meanwhile(place: Place) -> None:
    place.fill("INBOX", samples(2))
    store, other = await place.store(), await place.store()
    opened = await store.open("INBOX")
    await other.open("INBOX")
    await other.store_flags([UID(1)], add=frozenset({"\\Flagged"}))

    outcome = await store.store_flags(
        [UID(1), UID(2)], add=frozenset({"\\Seen"}), unchanged_since=opened.highest_modseq
    )

    assert [one.uid for one in outcome.confirmed] == [2]
    assert outcome.modified == (1,)


async def test_copies_are_confirmed_by_copyuid(place: Place) -> None:
    place.fill("INBOX", samples(3))
    store = await place.store()
    await store.open("INBOX")
    archive = await store.status("Archive")

    outcome = await store.copy([UID(1), UID(3)], "Archive")

    assert outcome.uidvalidity == archive.uidvalidity
    assert outcome.uids == {1: 1, 3: 2}
    assert (await store.status("Archive")).messages == 2
    assert uids_of(await store.fetch(FLAGS)) == [1, 2, 3]


async def test_copying_to_what_is_not_there_says_trycreate(place: Place) -> None:
    place.fill("INBOX", samples(1))
    store = await place.store()
    await store.open("INBOX")

    with pytest.raises(CommandRefused) as refusal:
        await store.copy([UID(1)], "Nowhere")

    assert refusal.value.code == "TRYCREATE"


async def test_moves_are_confirmed_by_copyuid(place: Place) -> None:
    place.fill("INBOX", samples(3))
    store = await place.store()
    await store.open("INBOX")

    outcome = await store.move([UID(1), UID(3)], "Archive")

    assert outcome.uids == {1: 1, 3: 2}
    assert uids_of(await store.fetch(FLAGS)) == [2]
    await store.open("Archive")
    assert uids_of(await store.fetch(FLAGS)) == [1, 2]


async def test_a_message_keeps_its_object_id_when_it_moves(place: Place) -> None:
    place.fill("INBOX", samples(1))
    store = await place.store()
    await store.open("INBOX")
    [before] = await store.fetch(FLAGS)

    await store.move([UID(1)], "Archive")

    await store.open("Archive")
    [after] = await store.fetch(FLAGS)
    assert after.object_id == before.object_id != ""


async def test_several_moves_at_once_are_sent_together(place: Place) -> None:
    place.fill("INBOX", samples(40))
    store = await place.store()
    await store.open("INBOX")
    turns = store.client.counters.turns

    batches = [[UID(uid) for uid in range(start, start + 10)] for start in (1, 11, 21, 31)]
    outcomes = await asyncio.gather(*(store.move(uids, "Archive") for uids in batches))

    assert [sorted(outcome.uids) for outcome in outcomes] == batches
    assert store.client.counters.turns == turns + 1


async def test_expunge_removes_exactly_these(place: Place) -> None:
    place.fill("INBOX", samples(4))
    store = await place.store()
    await store.open("INBOX")
    await store.fetch(FLAGS)
    await store.store_flags([UID(1), UID(2), UID(4)], add=frozenset({"\\Deleted"}))

    gone = await store.expunge([UID(2), UID(3), UID(4)])

    assert gone == (2, 4)
    assert uids_of(await store.fetch(FLAGS)) == [1, 3]


async def test_an_appended_message_has_its_flags_and_date(place: Place) -> None:
    store = await place.store()
    content = message(subject="appended")

    outcome = await store.append("Archive", content, flags=frozenset({"\\Seen", "work"}), received=RECEIVED)

    opened = await store.open("Archive")
    [facts] = await store.fetch(FactRequest(flags=True, received=True, whole=True))
    assert (outcome.uidvalidity, outcome.uid) == (opened.uidvalidity, facts.uid)
    assert facts.flags is not None
    assert facts.flags - {"\\Recent"} == {"\\Seen", "work"}
    assert facts.received == RECEIVED
    assert facts.whole == content


async def test_create_tells_whether_it_was_us(place: Place) -> None:
    store = await place.store()

    assert await store.create("Projects/Ärger")
    assert not await store.create("Projects/Ärger")
    await store.delete_mailbox("Projects/Ärger")
    assert "Projects/Ärger" not in {one.name for one in await store.list_mailboxes()}


async def test_subscriptions_come_and_go(place: Place) -> None:
    store = await place.store()
    await store.create("News")

    for subscribed in (True, False):
        await store.subscribe("News", subscribed=subscribed)
        assert [one.subscribed for one in await store.list_mailboxes() if one.name == "News"] == [subscribed]


async def test_rights_are_read_given_and_taken(place: Place) -> None:
    store = await place.store()

    assert set("lra") <= set(await store.my_rights("Archive"))
    await store.set_rights("Archive", identifier="bob", rights="lr")
    assert set((await store.get_rights("Archive")).entries["bob"]) == {"l", "r"}
    await store.set_rights("Archive", identifier="bob", rights="")
    assert "bob" not in (await store.get_rights("Archive")).entries


async def test_news_end_the_wait(place: Place) -> None:
    store, other = await place.store(), await place.store()
    await store.open("INBOX")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        waiting = group.create_task(store.wait_for_news(timeout_seconds=10))
        await other.append("INBOX", message())

    assert waiting.result()
    assert uids_of(await store.fetch_from(FLAGS, UID(1))) == [1]


async def test_a_wait_without_news_ends_in_time_and_leaves_the_connection_usable(place: Place) -> None:
    store = await place.store()
    await store.open("INBOX")

    assert not await store.wait_for_news(timeout_seconds=0.05)
    assert await store.fetch(FLAGS) == []


async def test_a_cancelled_wait_leaves_the_connection_usable(place: Place) -> None:
    store = await place.store()
    await store.open("INBOX")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await store.wait_for_news(timeout_seconds=10)

    assert await store.fetch(FLAGS) == []


async def test_everything_works_compressed_and_uncompressed(place: Place) -> None:
    place.fill("INBOX", samples(50))

    for compress in (True, False):
        reader = await place.reader(compress=compress)
        await reader.open("INBOX")
        assert len(await reader.fetch(METADATA)) == 50


async def test_close_may_be_repeated(place: Place) -> None:
    reader = await place.reader()

    await reader.close()
    await reader.close()


async def test_the_server_s_own_search_finds_by_what_is_written(place: Place) -> None:
    place.fill("INBOX", samples(3))
    reader = await place.reader()
    await reader.open("INBOX")

    assert await reader.search_as_written('OR SUBJECT "number 2" (UID 3 UNSEEN)') == {2, 3}
    with pytest.raises(MissingCapability, match="X-GM-EXT-1"):
        await reader.search_as_written("is:important", is_gmail=True)


async def test_dovecot_tells_when_a_message_came_into_the_mailbox(dovecot: DovecotAccount) -> None:
    dovecot.fill("INBOX", samples(1))
    store = await connect_store(dovecot.settings())
    try:
        await store.open("INBOX")
        (facts,) = await store.fetch(FactRequest(saved=True, labels=True))
    finally:
        await store.close()

    assert isinstance(facts.saved, datetime)
    assert facts.saved.year >= 2026
    assert isinstance(facts.labels, Unreadable)


async def test_a_metadata_entry_is_set_read_and_removed(memory_secret: SecretReference) -> None:
    async with ImapServer(capabilities=with_more("METADATA")) as server:
        store = await connect_store(server.settings(memory_secret))
        try:
            for value in ("Grüße".encode(), b"", None):
                await store.set_metadata("INBOX", entry="/private/comment", value=value)
                assert await store.metadata("INBOX", entries=["/private/comment"]) == {"/private/comment": value}
        finally:
            await store.close()
