"""Servers that tell of a message what nobody can read: the store says which one, and never that it is gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import MessagesUnreadable
from mailrules.mailbox.message import UID, FactRequest
from mailrules.testing.builders import message
from mailrules.testing.capabilities import with_more
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, Refuse, Rewrite

if TYPE_CHECKING:
    from mailrules.client.imap_store import ImapStore
    from tests.odd_servers.conftest import Clients

REQUEST = FactRequest(flags=True, size=True, header_fields=("subject",))
BROKEN_AFTER_UID = Rewrite(pattern=rb"\* 3 FETCH \(UID 3 ([^\r]*)", replacement=rb"* 3 FETCH (UID 3 (((")
NAMELESS = Rewrite(pattern=rb"\* 3 FETCH \(UID 3[^\r]*", replacement=rb"* 3 FETCH ((( UID 3")
NO_FLAGS = Rewrite(pattern=rb"(\* 3 FETCH \(UID 3 )FLAGS \([^)]*\)", replacement=rb"\1FLAGS 17")
NO_SIZE = Rewrite(pattern=rb"(\* 3 FETCH \(UID 3 .*)RFC822\.SIZE \d+", replacement=rb"\1RFC822.SIZE large")


@pytest.fixture
async def server(clients: Clients) -> ImapServer:
    server = ImapServer(capabilities=with_more())
    for number in range(1, 6):
        server.mail.add("INBOX", message(subject=f"number {number}", body=f"Text {number}"))
    return await clients.serve(server)


@pytest.fixture
async def store(clients: Clients, server: ImapServer) -> ImapStore:
    store = await clients.store(server)
    await store.open("INBOX")
    return store


@pytest.mark.parametrize("habit", [BROKEN_AFTER_UID, NO_FLAGS, NO_SIZE, NAMELESS])
@pytest.mark.parametrize("uids", [None, [UID(uid) for uid in range(1, 6)]])
async def test_the_message_is_named_and_the_others_are_read(
    server: ImapServer, store: ImapStore, habit: Rewrite, uids: list[UID] | None
) -> None:
    # The number of a message is known once its UID was told; that it is not yet is the harder case.
    when = None if habit is not NAMELESS else lambda line: b"FLAGS" in line
    server.faults.append(AtCommand(command="UID FETCH", reaction=habit, nth=None, when=when))

    with pytest.raises(MessagesUnreadable) as caught:
        await store.fetch(REQUEST, uids)

    assert caught.value.uids == (3,)
    assert caught.value.reasons[3]
    assert [one.uid for one in caught.value.result] == [1, 2, 4, 5]  # type: ignore[attr-defined] # facts of the others


async def test_a_message_that_can_be_read_the_second_time_is_read(server: ImapServer, store: ImapStore) -> None:
    server.faults.append(AtCommand(command="UID FETCH", reaction=NAMELESS, nth=1))

    assert [one.uid for one in await store.fetch(REQUEST)] == [1, 2, 3, 4, 5]


async def test_where_not_even_uids_can_be_read_the_whole_answer_is_in_doubt(
    server: ImapServer, store: ImapStore
) -> None:
    server.faults.append(AtCommand(command="UID FETCH", reaction=NAMELESS, nth=None))

    with pytest.raises(MessagesUnreadable) as caught:
        await store.fetch(REQUEST)

    assert caught.value.has_nameless


async def test_a_message_that_is_expunged_meanwhile_hides_none_that_cannot_be_read(
    server: ImapServer, store: ImapStore
) -> None:
    """NO [EXPUNGEISSUED] tells that some are gone, and not which."""
    server.mail["INBOX"].remove(1)
    server.faults.append(AtCommand(command="UID FETCH", reaction=BROKEN_AFTER_UID, nth=None))

    with pytest.raises(MessagesUnreadable) as caught:
        await store.fetch(REQUEST)

    assert caught.value.uids == (3,)
    assert [one.uid for one in caught.value.result] == [2, 4, 5]  # type: ignore[attr-defined] # facts of the others


async def test_a_text_that_cannot_be_read_is_unreadable_text(server: ImapServer, store: ImapStore) -> None:
    texts = re.compile(rb"\* 3 FETCH \(UID 3 BODY\[1\] .*?\r\n\)\r\n", re.DOTALL)
    server.faults.append(
        AtCommand(
            command="UID FETCH",
            reaction=Rewrite(pattern=texts.pattern, replacement=b"* 3 FETCH (((\r\n"),
            nth=None,
            when=lambda line: b"BODY.PEEK[1]" in line,
        )
    )

    facts = await store.fetch(FactRequest(text=True))

    assert [one.uid for one in facts] == [1, 2, 3, 4, 5]


async def test_a_refusal_is_still_a_refusal(server: ImapServer, store: ImapStore) -> None:
    server.faults.append(AtCommand(command="UID FETCH", reaction=Refuse(code="EXPUNGEISSUED"), nth=None))

    assert await store.fetch(REQUEST) == []
