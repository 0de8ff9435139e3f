"""The mail store on servers that lack extensions, break off, or send what cannot be read."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mailrules.client.imap_store import ImapStore, connect_reader, connect_store
from mailrules.errors import CommandRefused, ConnectionLost, LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Unreadable
from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, Drop, Refuse, Say, WithoutCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from mailrules.settings import SecretReference
    from mailrules.testing.server_faults import Fault, Reaction

FLAGS = FactRequest(flags=True)


@asynccontextmanager
async def store_on(
    secret: SecretReference,
    *,
    capabilities: Iterable[str] = EVERY_CAPABILITY,
    faults: Iterable[Fault] = (),
    messages: int = 3,
) -> AsyncIterator[tuple[ImapServer, ImapStore]]:
    """A store with INBOX open on a server of the kit with so many messages."""
    async with ImapServer(capabilities=capabilities, faults=faults) as server:
        for number in range(messages):
            server.mail.add("INBOX", message(subject=f"number {number}"))
        store = await connect_store(server.settings(secret))
        await store.open("INBOX")
        yield server, store
        await store.close()


async def fetch_answered_with(secret: SecretReference, request: FactRequest, answer: bytes) -> list[MessageFacts]:
    """What the store makes of these untagged bytes, said instead of a real answer to UID FETCH."""
    say = AtCommand(command="UID FETCH", reaction=Say(data=answer + b"{tag} OK done\r\n"))
    async with store_on(secret, faults=[say]) as (_, store):
        return await store.fetch(request)


async def test_what_the_server_lacks_is_named_with_its_rfc(memory_secret: SecretReference) -> None:
    async with store_on(memory_secret, capabilities=without("MOVE", "UIDPLUS", "ACL")) as (server, store):
        with pytest.raises(MissingCapability, match=r"needs MOVE \(RFC 6851\)"):
            await store.move([UID(1)], "Archive")
        with pytest.raises(MissingCapability, match=r"needs UIDPLUS \(RFC 4315\)"):
            await store.expunge([UID(1)])
        with pytest.raises(MissingCapability, match=r"needs ACL \(RFC 4314\)"):
            await store.get_rights("INBOX")

        assert not {"UID MOVE", "UID EXPUNGE", "EXPUNGE", "GETACL"} & set(server.commands_seen)


async def test_without_list_extended_subscriptions_come_by_lsub(memory_secret: SecretReference) -> None:
    async with store_on(memory_secret, capabilities=without("LIST-EXTENDED")) as (server, store):
        await store.subscribe("Archive")

        subscribed = {one.name for one in await store.list_mailboxes() if one.subscribed}

        assert subscribed == {"Archive"}
        assert "LSUB" in server.commands_seen


async def test_without_condstore_nothing_is_asked_of_modseq(memory_secret: SecretReference) -> None:
    async with store_on(memory_secret, capabilities=without("CONDSTORE")) as (_, store):
        status = await store.status("INBOX")
        facts = await store.fetch(FactRequest(flags=True, modseq=True))

        assert status.highest_modseq is None
        assert [(one.uid, one.modseq) for one in facts] == [(1, None), (2, None), (3, None)]


async def test_without_idle_the_server_is_asked_by_noop(memory_secret: SecretReference) -> None:
    async with store_on(memory_secret, capabilities=without("IDLE")) as (server, store):
        assert not await store.wait_for_news(timeout_seconds=0.01)

        server.mail.add("INBOX", message())

        assert await store.wait_for_news(timeout_seconds=0.01)
        assert "IDLE" not in server.commands_seen


async def test_a_mailbox_that_is_there_is_found_where_the_refusal_has_no_code(memory_secret: SecretReference) -> None:
    refusals = [AtCommand(command="CREATE", nth=nth, reaction=Refuse()) for nth in (1, 2)]
    async with store_on(memory_secret, faults=refusals) as (_, store):
        assert not await store.create("Archive")
        with pytest.raises(CommandRefused):
            await store.create("Elsewhere")


async def test_a_create_refused_for_another_reason_is_an_error(memory_secret: SecretReference) -> None:
    refusal = AtCommand(command="CREATE", reaction=Refuse(code="OVERQUOTA"))
    async with store_on(memory_secret, faults=[refusal]) as (_, store):
        with pytest.raises(CommandRefused) as error:
            await store.create("Archive")

        assert error.value.code == "OVERQUOTA"


@pytest.mark.parametrize("command", ["UID MOVE", "UID COPY"])
async def test_without_copyuid_nothing_is_confirmed(memory_secret: SecretReference, command: str) -> None:
    async with store_on(memory_secret, faults=[AtCommand(command=command, reaction=WithoutCode())]) as (_, store):
        act = store.move if command == "UID MOVE" else store.copy

        outcome = await act([UID(1)], "Archive")

        assert (outcome.uidvalidity, outcome.uids) == (0, {})


async def test_without_appenduid_nothing_is_confirmed(memory_secret: SecretReference) -> None:
    async with store_on(memory_secret, faults=[AtCommand(command="APPEND", reaction=WithoutCode())]) as (_, store):
        outcome = await store.append("INBOX", message())

        assert (outcome.uidvalidity, outcome.uid) == (0, 0)


async def test_a_connection_lost_in_a_fetch_is_one_plain_error(memory_secret: SecretReference) -> None:
    async with store_on(memory_secret, faults=[AtCommand(command="UID FETCH", reaction=Drop())]) as (_, store):
        with pytest.raises(ConnectionLost):
            await store.fetch(FLAGS)
        with pytest.raises(ConnectionLost):
            await store.open("INBOX")


async def test_fetching_without_an_open_mailbox_is_our_own_error(memory_secret: SecretReference) -> None:
    async with ImapServer() as server:
        reader = await connect_reader(server.settings(memory_secret))
        with pytest.raises(LocalProtocolError):
            await reader.fetch(FLAGS)
        await reader.close()


@pytest.mark.parametrize("code", ["", "SERVERBUG"])
async def test_a_refused_fetch_is_an_error(memory_secret: SecretReference, code: str) -> None:
    async with store_on(memory_secret, faults=[AtCommand(command="UID FETCH", reaction=Refuse(code=code))]) as (
        _,
        store,
    ):
        with pytest.raises(CommandRefused):
            await store.fetch(FLAGS)


async def test_messages_expunged_meanwhile_do_not_spoil_the_others(memory_secret: SecretReference) -> None:
    answer = b"* 1 FETCH (UID 1 FLAGS ())\r\n{tag} NO [EXPUNGEISSUED] Some messages are gone\r\n"
    fault = AtCommand(command="UID FETCH", reaction=Say(data=answer))
    async with store_on(memory_secret, faults=[fault]) as (_, store):
        assert [one.uid for one in await store.fetch(FLAGS)] == [1]


async def test_a_mailbox_without_uidvalidity_cannot_be_opened(memory_secret: SecretReference) -> None:
    answer = b"* FLAGS ()\r\n* 0 EXISTS\r\n{tag} OK [READ-WRITE] opened\r\n"
    fault = AtCommand(command="SELECT", nth=2, reaction=Say(data=answer))
    async with store_on(memory_secret, faults=[fault]) as (_, store):
        with pytest.raises(RemoteProtocolError, match="no UIDVALIDITY for 'Archive'"):
            await store.open("Archive")


async def test_a_status_without_what_was_asked_for_is_told(memory_secret: SecretReference) -> None:
    answer = b"* STATUS Archive (MESSAGES 3)\r\n{tag} OK\r\n"
    async with store_on(memory_secret, faults=[AtCommand(command="STATUS", reaction=Say(data=answer))]) as (_, store):
        with pytest.raises(RemoteProtocolError, match="STATUS of 'Archive' lacks UIDVALIDITY or MESSAGES"):
            await store.status("Archive")


async def test_an_answer_that_comes_in_pieces_is_put_together(memory_secret: SecretReference) -> None:
    [facts] = await fetch_answered_with(
        memory_secret,
        FactRequest(flags=True, size=True),
        b"* 1 FETCH (UID 1 RFC822.SIZE 7)\r\n* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n",
    )

    assert (facts.size_bytes, facts.flags) == (7, frozenset({"\\Seen"}))


async def test_a_message_told_only_in_part_is_left_out(memory_secret: SecretReference) -> None:
    facts = await fetch_answered_with(
        memory_secret,
        FactRequest(flags=True, size=True),
        b"* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 7)\r\n"
        b"* 2 FETCH (UID 2 FLAGS ())\r\n"
        b"* 3 FETCH (FLAGS () RFC822.SIZE 7)\r\n",
    )

    assert [one.uid for one in facts] == [1]


async def test_an_unreadable_attribute_spoils_itself_only(memory_secret: SecretReference) -> None:
    [facts] = await fetch_answered_with(
        memory_secret,
        FactRequest(flags=True, received=True, structure=True, header_fields=("subject",)),
        b'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "yesterday" BODYSTRUCTURE "what" '
        b"BODY[HEADER.FIELDS (SUBJECT)] NIL)\r\n",
    )

    assert facts.flags == frozenset()
    assert isinstance(facts.received, Unreadable)
    assert isinstance(facts.structure, Unreadable)
    assert isinstance(facts.header, Unreadable)


async def test_a_structure_of_too_many_parts_makes_text_unreadable_too(memory_secret: SecretReference) -> None:
    part = b'("TEXT" "PLAIN" NIL NIL NIL "7BIT" 1 1)'
    [facts] = await fetch_answered_with(
        memory_secret,
        FactRequest(structure=True, text=True),
        b'* 1 FETCH (UID 1 BODYSTRUCTURE (%b "MIXED"))\r\n' % (part * 1_001),
    )

    assert isinstance(facts.structure, Unreadable)
    assert "1000 parts" in facts.structure.reason
    assert facts.texts == facts.structure


async def test_a_text_part_that_never_comes_makes_the_text_unreadable(memory_secret: SecretReference) -> None:
    nothing: Reaction = Say(data=b"* 1 FETCH (UID 1 BODY[1] NIL)\r\n{tag} OK\r\n")
    fault = AtCommand(command="UID FETCH", nth=2, reaction=nothing)
    async with store_on(memory_secret, faults=[fault], messages=1) as (_, store):
        [facts] = await store.fetch(FactRequest(text=True))

    assert facts.texts == Unreadable(reason="the server did not send a text part")


async def test_closing_a_dead_connection_raises_nothing(memory_secret: SecretReference) -> None:
    async with store_on(memory_secret) as (server, store):
        server.drop_connections()

        async with asyncio.timeout(60):
            await store.close()
