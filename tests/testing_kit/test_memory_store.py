"""The memory store: the seam's promises, and the faults that it can play."""

from __future__ import annotations

import asyncio

import pytest

from mailrules.errors import CommandRefused, ConnectionLost, MissingCapability
from mailrules.mailbox.message import UID, FactRequest
from mailrules.testing.builders import Attachment, message
from mailrules.testing.capabilities import without
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_reader import MemoryReader
from mailrules.testing.memory_store import MemoryStore

THREE = (UID(1), UID(2), UID(3))


@pytest.fixture
def mail() -> MailAccount:
    account = MailAccount()
    for number in (1, 2, 3):
        account.add("INBOX", message(subject=f"number {number}"), flags={"\\Seen", "work"})
    return account


def subjects(mail: MailAccount, mailbox: str) -> list[bytes]:
    lines = [line for stored in mail[mailbox].messages.values() for line in stored.content.split(b"\r\n")]
    return [line.removeprefix(b"Subject: ") for line in lines if line.startswith(b"Subject:")]


async def test_a_move_is_confirmed_by_uid_pairs(mail: MailAccount) -> None:
    store = MemoryStore(mail)
    await store.open("INBOX")

    outcome = await store.move(THREE[:2], "Archive")

    assert outcome.uids == {1: 1, 2: 2}
    assert outcome.uidvalidity == mail["Archive"].uidvalidity
    assert subjects(mail, "INBOX") == [b"number 3"]
    assert subjects(mail, "Archive") == [b"number 1", b"number 2"]


async def test_facts_are_those_asked_for_and_no_others(mail: MailAccount) -> None:
    mail.add("INBOX", message(html="<p>Hi</p>", attachments=[Attachment(file_name="bill.pdf")], list_id="<l.example>"))
    reader = MemoryReader(mail)
    await reader.open("INBOX")

    [facts] = await reader.fetch(FactRequest(header_fields=("list-id",), structure=True, text=True), [UID(4)])

    assert facts.header == b"List-Id: <l.example>\r\n\r\n"
    assert facts.flags is None
    assert facts.size_bytes is None
    assert isinstance(facts.structure, tuple)
    assert isinstance(facts.texts, tuple)
    assert [(part.number, part.media_type) for part in facts.structure] == [
        ("", "multipart/mixed"),
        ("1", "multipart/alternative"),
        ("1.1", "text/plain"),
        ("1.2", "text/html"),
        ("2", "application/pdf"),
    ]
    assert facts.structure[-1].file_name == "bill.pdf"
    assert [(part.number, text) for part, text in facts.texts] == [("1.1", b"Hello.\r\n")]


async def test_a_reader_changes_nothing_recent_included(mail: MailAccount) -> None:
    reader = MemoryReader(mail)

    status = await reader.open("INBOX")
    await reader.fetch(FactRequest(flags=True, whole=True))

    assert status.read_only
    assert mail["INBOX"].recent == {1, 2, 3}


async def test_flags_are_stored_only_below_the_given_modseq(mail: MailAccount) -> None:
    store = MemoryStore(mail)
    before = await store.open("INBOX")
    mail["INBOX"].set_flags(2, frozenset({"\\Flagged"}))

    outcome = await store.store_flags(THREE, add=frozenset({"todo"}), unchanged_since=before.highest_modseq)

    assert [stored.uid for stored in outcome.confirmed] == [1, 3]
    assert outcome.modified == (2,)
    assert mail["INBOX"].messages[2].flags == {"\\Flagged"}


async def test_expunge_takes_only_deleted_messages_among_those_named(mail: MailAccount) -> None:
    store = MemoryStore(mail)
    await store.open("INBOX")
    await store.store_flags(THREE[:2], add=frozenset({"\\Deleted"}))

    gone = await store.expunge([UID(2), UID(3), UID(9)])

    assert gone == (2,)
    assert subjects(mail, "INBOX") == [b"number 1", b"number 3"]


@pytest.mark.parametrize(
    ("moment", "in_inbox", "in_archive"),
    [(Moment.BEFORE, 3, 0), (Moment.HALFWAY, 2, 2), (Moment.AFTER, 0, 3)],
)
async def test_a_connection_lost_in_a_move(mail: MailAccount, moment: Moment, in_inbox: int, in_archive: int) -> None:
    store = MemoryStore(mail, faults=[MemoryFault(call="move", moment=moment)])
    await store.open("INBOX")

    with pytest.raises(ConnectionLost):
        await store.move(THREE, "Archive")

    assert (len(mail["INBOX"].messages), len(mail["Archive"].messages)) == (in_inbox, in_archive)
    with pytest.raises(ConnectionLost):
        await store.open("INBOX")


async def test_a_single_message_is_in_both_mailboxes_after_half_a_move(mail: MailAccount) -> None:
    store = MemoryStore(mail, faults=[MemoryFault(call="move", nth=2, moment=Moment.REFUSED_HALFWAY, code="OVERQUOTA")])
    await store.open("INBOX")
    await store.move([UID(1)], "Trash")

    with pytest.raises(CommandRefused) as refusal:
        await store.move([UID(2)], "Archive")

    assert refusal.value.code == "OVERQUOTA"
    assert subjects(mail, "INBOX") == [b"number 2", b"number 3"]
    assert subjects(mail, "Archive") == [b"number 2"]


async def test_an_ok_may_confirm_nothing(mail: MailAccount) -> None:
    faults = [
        MemoryFault(call="copy", moment=Moment.UNCONFIRMED),
        MemoryFault(call="store_flags", moment=Moment.IGNORED),
    ]
    store = MemoryStore(mail, faults=faults)
    await store.open("INBOX")

    copied = await store.copy(THREE, "Archive")
    stored = await store.store_flags(THREE, add=frozenset({"lost"}))

    assert (copied.uids, stored.confirmed) == ({}, ())
    assert len(mail["Archive"].messages) == 3
    assert "lost" not in mail["INBOX"].keywords


async def test_a_missing_target_is_refused_with_trycreate(mail: MailAccount) -> None:
    store = MemoryStore(mail)
    await store.open("INBOX")

    with pytest.raises(CommandRefused) as refusal:
        await store.copy(THREE, "Nowhere")

    assert refusal.value.code == "TRYCREATE"


async def test_what_was_taken_away_is_missed_by_name(mail: MailAccount) -> None:
    store = MemoryStore(mail, capabilities=without("MOVE", "ACL", "UIDPLUS"))
    await store.open("INBOX")

    with pytest.raises(MissingCapability, match="MOVE"):
        await store.move(THREE, "Archive")
    with pytest.raises(MissingCapability, match="ACL"):
        await store.my_rights("INBOX")
    assert (await store.copy(THREE, "Archive")).uids == {}


async def test_a_second_client_can_act_between_two_calls(mail: MailAccount) -> None:
    def take_one_away(call: str) -> None:
        if call == "move":
            mail["INBOX"].remove(2)

    store = MemoryStore(mail, before_call=take_one_away)
    await store.open("INBOX")

    outcome = await store.move(THREE, "Archive")

    assert set(outcome.uids) == {1, 3}
    assert [call.name for call in store.calls] == ["open", "move"]


async def test_news_of_the_open_mailbox_ends_the_wait(mail: MailAccount) -> None:
    store = MemoryStore(mail)
    await store.open("INBOX")

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(store.wait_for_news(timeout_seconds=10))
        await asyncio.sleep(0)
        mail.add("INBOX", message())

    assert waiting.result() is True
    assert await store.wait_for_news(timeout_seconds=0) is False
