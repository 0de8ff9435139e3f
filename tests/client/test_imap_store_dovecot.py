"""The mail store against a real Dovecot: connect, list, open, fetch, change, wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_reader, connect_store
from mailrules.mailbox.message import UID, FactRequest
from mailrules.settings import Security
from mailrules.testing.builders import SampleMessage, message

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount

METADATA = FactRequest(flags=True, size=True, received=True, modseq=True, header_fields=("from", "subject"))


def samples(count: int) -> list[SampleMessage]:
    return [SampleMessage(content=message(subject=f"number {number}")) for number in range(1, count + 1)]


async def test_a_thousand_messages_are_read_in_few_turns(dovecot: DovecotAccount) -> None:
    dovecot.fill("INBOX", samples(1_000))
    reader = await connect_reader(dovecot.settings(security=Security.TLS))

    mailboxes = await reader.list_mailboxes()
    status = await reader.open("INBOX")
    facts = await reader.fetch(METADATA)

    assert {one.name for one in mailboxes} >= {"INBOX", "Trash", "Archive"}
    assert status.messages == 1_000
    assert status.read_only
    assert [one.uid for one in facts] == list(range(1, 1_001))
    assert b"number 1000" in facts[-1].header
    assert reader.client.counters.turns <= 6
    print(reader.client.counters, facts[0], reader._server_name)
    await reader.close()


async def test_move(dovecot: DovecotAccount) -> None:
    dovecot.fill("INBOX", samples(10))
    store = await connect_store(dovecot.settings())
    await store.open("INBOX")

    outcome = await store.move([UID(3), UID(4)], "Archive")

    assert set(outcome.uids) == {3, 4}
    await store.close()
