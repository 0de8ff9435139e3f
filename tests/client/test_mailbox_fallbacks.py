"""Listing on servers with all, some and none of LIST's extensions: the result is the same."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from mailrules.client.async_client import AsyncClient
from mailrules.client.mailbox_fallbacks import ListAnywhere
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.list_commands import ListExtended, ListReturn, ListSelection
from mailrules.imap.mailbox_data import StatusItem
from tests.imap_connection.scripted_stream import ScriptedStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

COUNTS = ListExtended(status=(StatusItem.MESSAGES,))


@asynccontextmanager
async def open_client(capabilities: str = "") -> AsyncIterator[tuple[AsyncClient, ScriptedStream]]:
    stream = ScriptedStream()
    stream.feed(f"* PREAUTH [CAPABILITY IMAP4rev1 {capabilities}] hi\r\n".encode())
    async with AsyncClient(stream, command_seconds=60.0) as client:
        yield client, stream


async def test_a_server_with_all_of_it_is_asked_once():
    async with open_client("LIST-EXTENDED LIST-STATUS") as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(COUNTS)))
        await stream.expect(b'A1 LIST "" "*" RETURN (STATUS (MESSAGES))\r\n')
        stream.feed(b'* LIST () "/" a\r\n* STATUS a (MESSAGES 4)\r\nA1 OK\r\n')

        assert [(one.mailbox, one.status.messages) for one in await listing if one.status] == [("a", 4)]


async def test_without_list_status_each_mailbox_is_asked_in_one_round_trip():
    async with open_client("LIST-EXTENDED") as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(COUNTS)))
        await stream.expect(b'A1 LIST "" "*"\r\n')
        stream.feed(b'* LIST () "/" a\r\n* LIST (\\Noselect) "/" b\r\n* LIST () "/" c\r\nA1 OK\r\n')
        await stream.expect(b"A2 STATUS a (MESSAGES)\r\nA3 STATUS c (MESSAGES)\r\n")
        stream.feed(b"A2 NO [NOPERM] not yours\r\n* STATUS c (MESSAGES 2)\r\nA3 OK\r\n")

        told = [(one.mailbox, one.status.messages if one.status else None) for one in await listing]
        assert told == [("a", None), ("b", None), ("c", 2)]


async def test_without_list_extended_lsub_tells_the_subscriptions():
    wanted = ListExtended(("%",), returns=(ListReturn.SUBSCRIBED,))
    async with open_client() as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(wanted)))
        await stream.expect(b'A1 LSUB "" "%"\r\n')
        stream.feed(b'* LSUB () "/" a\r\n* LSUB () "/" gone\r\nA1 OK\r\n')
        await stream.expect(b'A2 LIST "" "%"\r\n')
        stream.feed(b'* LIST (\\HasNoChildren) "/" a\r\n* LIST () "/" b\r\nA2 OK\r\n')

        told = [(one.mailbox, "\\subscribed" in one.listed.attributes) for one in await listing]
        assert told == [("a", True), ("b", False)]


async def test_without_list_extended_subscribed_mailboxes_and_those_above_them_are_picked():
    # The hierarchy of RFC 5258 section 5, example 8: only Foo/Baz is subscribed, and one that is gone.
    wanted = ListExtended(("%",), select=(ListSelection.SUBSCRIBED, ListSelection.RECURSIVE_MATCH))
    async with open_client() as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(wanted)))
        await stream.expect(b'A1 LSUB "" "%"\r\n')
        stream.feed(b'* LSUB (\\Noselect) "/" Foo\r\n* LSUB () "/" Peach\r\n* LSUB (\\Noselect) "/" Lost\r\nA1 OK\r\n')
        await stream.expect(b'A2 LIST "" "%"\r\n')
        stream.feed(b'* LIST () "/" inbox\r\n* LIST () "/" Foo\r\n* LIST () "/" Moo\r\nA2 OK\r\n')

        told = {one.mailbox: (one.listed.attributes, one.listed.child_info) for one in await listing}
        assert told == {
            "Foo": (frozenset(), {"SUBSCRIBED"}),
            "Peach": ({"\\subscribed", "\\nonexistent"}, frozenset()),
            "Lost": ({"\\nonexistent"}, {"SUBSCRIBED"}),
        }


async def test_several_patterns_become_several_lists():
    wanted = ListExtended(("INBOX", "Sent/%"), returns=(ListReturn.CHILDREN,))
    async with open_client("IMAP4rev2") as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(wanted)))
        await stream.expect(b'A1 LIST "" "INBOX" RETURN (CHILDREN)\r\n')
        stream.feed(b'* LIST () "/" INBOX\r\nA1 OK\r\n')
        await stream.expect(b'A2 LIST "" "Sent/%" RETURN (CHILDREN)\r\n')
        stream.feed(b'* LIST () "/" Sent/2004\r\n* LIST () "/" INBOX\r\nA2 OK\r\n')

        assert [one.mailbox for one in await listing] == ["INBOX", "Sent/2004"]


async def test_special_uses_are_picked_out_of_what_plain_list_tells():
    wanted = ListExtended(select=(ListSelection.SPECIAL_USE,))
    async with open_client("LIST-EXTENDED") as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(wanted)))
        await stream.expect(b'A1 LIST "" "*"\r\n')
        stream.feed(b'* LIST (\\Sent) "/" SentMail\r\n* LIST (\\Marked) "/" Inbox\r\nA1 OK\r\n')

        assert [one.mailbox for one in await listing] == ["SentMail"]


async def test_rights_and_entries_are_asked_of_each():
    wanted = ListExtended(returns=(ListReturn.MY_RIGHTS,), metadata=("/shared/comment",))
    async with open_client("LIST-EXTENDED ACL METADATA") as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(wanted)))
        await stream.expect(b'A1 LIST "" "*"\r\n')
        stream.feed(b'* LIST () "/" a\r\n* LIST () "/" b\r\nA1 OK\r\n')
        await stream.expect(b"A2 MYRIGHTS a\r\nA3 MYRIGHTS b\r\n")
        stream.feed(b"* MYRIGHTS a lr\r\nA2 OK\r\nA3 NO [NOPERM] x\r\n")
        await stream.expect(b"A4 GETMETADATA a (/shared/comment)\r\nA5 GETMETADATA b (/shared/comment)\r\n")
        stream.feed(b"* METADATA a (/shared/comment x)\r\nA4 OK\r\nA5 NO [NOPERM] x\r\n")

        told = [(one.mailbox, one.rights, dict(one.metadata)) for one in await listing]
        assert told == [("a", "lr", {"/shared/comment": b"x"}), ("b", None, {})]


@pytest.mark.parametrize(
    ("wanted", "missing"),
    [
        (ListExtended(select=(ListSelection.REMOTE,)), "LIST-EXTENDED"),
        (ListExtended(returns=(ListReturn.MY_RIGHTS,)), "ACL"),
        (ListExtended(metadata=("/shared/comment",)), "METADATA"),
        (ListExtended(status=(StatusItem.SIZE,)), "STATUS=SIZE"),
    ],
)
async def test_what_cannot_be_told_otherwise_is_missing(wanted: ListExtended, missing: str):
    async with open_client() as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(wanted)))
        if missing != "LIST-EXTENDED":
            await stream.expect(b'A1 LIST "" "*"\r\n')
            stream.feed(b'* LIST () "/" a\r\nA1 OK\r\n')

        with pytest.raises(MissingCapability) as failure:
            await listing

        assert failure.value.capability == missing


async def test_a_refused_list_is_not_taken_for_an_empty_one():
    async with open_client() as (client, stream):
        listing = asyncio.create_task(client.run(ListAnywhere(COUNTS)))
        await stream.expect(b'A1 LIST "" "*"\r\n')
        stream.feed(b"A1 NO [SERVERBUG] not now\r\n")

        with pytest.raises(CommandRefused, match="SERVERBUG"):
            await listing
