"""Procedures: goals of several commands, carried out over a scripted stream."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pytest

from mailrules.client.async_client import AsyncClient
from mailrules.client.fallbacks import Procedure, run, run_all
from mailrules.errors import CommandRefused, ConnectionLost, LocalProtocolError, MissingCapability
from mailrules.imap.copy_commands import UidCopy, UidMove
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.message_commands import StoreChange, UidStore
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from tests.imap_connection.scripted_stream import ScriptedStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.client.fallbacks import Steps

GREETING = b"* PREAUTH [CAPABILITY IMAP4rev1 IDLE] hi\r\n"
UIDS = SequenceSet.of((1, 2))


@dataclass(frozen=True, slots=True)
class CountAll(Procedure[tuple[int | str, ...]]):
    """The messages of each mailbox, or why they cannot be counted."""

    mailboxes: tuple[str, ...]

    def steps(self, offered: frozenset[str]) -> Steps[tuple[int | str, ...]]:
        assert "IMAP4REV1" in offered
        told = yield from run_all(Status(mailbox) for mailbox in self.mailboxes)
        return tuple(one.code if isinstance(one, CommandRefused) else one.messages or 0 for one in told)


@dataclass(frozen=True, slots=True)
class CopyAndMark(Procedure[str]):
    rests_on_selection: ClassVar[bool] = True

    def steps(self, offered: frozenset[str]) -> Steps[str]:
        del offered
        yield from run(Select("here"))
        try:
            yield from run(UidCopy(UIDS, "t"))
        except CommandRefused as refusal:
            return refusal.code
        yield from run(UidStore(UIDS, StoreChange.ADD, ("\\Deleted",)))
        return "done"


@dataclass(frozen=True, slots=True)
class MoveThese(Procedure[int]):
    def steps(self, offered: frozenset[str]) -> Steps[int]:
        del offered
        yield from run(Select("here"))
        moved = yield from run(UidMove(UIDS, "t"))
        return len(moved.uids)


@asynccontextmanager
async def open_client() -> AsyncIterator[tuple[AsyncClient, ScriptedStream]]:
    stream = ScriptedStream()
    stream.feed(GREETING)
    async with AsyncClient(stream, command_seconds=60.0) as client:
        yield client, stream


async def test_commands_that_do_not_depend_on_each_other_share_a_round_trip():
    async with open_client() as (client, stream):
        counting = asyncio.create_task(client.run(CountAll(("a", "b"))))
        await stream.expect(
            b"A1 STATUS a (MESSAGES UIDNEXT UIDVALIDITY)\r\nA2 STATUS b (MESSAGES UIDNEXT UIDVALIDITY)\r\n"
        )
        stream.feed(b"A2 NO [NOPERM] no\r\n* STATUS a (MESSAGES 4)\r\nA1 OK\r\n")

        assert await counting == (4, "NOPERM")


async def test_a_procedure_without_commands_sends_none():
    async with open_client() as (client, stream):
        assert await client.run(CountAll(())) == ()
        assert not stream.sent


async def test_a_refusal_is_raised_where_the_procedure_waits():
    async with open_client() as (client, stream):
        copying = asyncio.create_task(client.run(CopyAndMark()))
        await stream.expect(b"A1 SELECT here\r\n")
        stream.feed(b"A1 OK\r\n")
        await stream.expect(b"A2 UID COPY 1:2 t\r\n")
        stream.feed(b"A2 NO [TRYCREATE] no\r\n")

        assert await copying == "TRYCREATE"


async def test_a_command_that_cannot_be_sent_ends_the_procedure_and_the_connection_goes_on():
    async with open_client() as (client, stream):
        moving = asyncio.create_task(client.run(MoveThese()))
        await stream.expect(b"A1 SELECT here\r\n")
        stream.feed(b"A1 OK\r\n")
        with pytest.raises(MissingCapability, match="MOVE"):
            await moving

        noop = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"A3 OK\r\n")
        await noop


async def test_no_step_acts_in_a_mailbox_that_another_task_has_opened():
    async with open_client() as (client, stream):
        copying = asyncio.create_task(client.run(CopyAndMark()))
        await stream.expect(b"A1 SELECT here\r\n")
        stream.feed(b"A1 OK\r\n")
        await stream.expect(b"A2 UID COPY 1:2 t\r\n")
        elsewhere = asyncio.create_task(client.run(Select("elsewhere")))
        await asyncio.sleep(0)  # it is held behind the COPY
        stream.feed(b"A2 OK\r\n")

        with pytest.raises(LocalProtocolError, match="CopyAndMark has stopped: another task opened"):
            await copying

        await stream.expect(b"A3 SELECT elsewhere\r\n")
        stream.feed(b"A3 OK\r\n")
        await elsewhere


async def test_a_cancelled_procedure_leaves_nobody_waiting():
    async with open_client() as (client, stream):
        counting = asyncio.create_task(client.run(CountAll(("a", "b"))))
        await stream.expect(
            b"A1 STATUS a (MESSAGES UIDNEXT UIDVALIDITY)\r\nA2 STATUS b (MESSAGES UIDNEXT UIDVALIDITY)\r\n"
        )
        counting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await counting
        assert not client._carrier._waiters

        noop = asyncio.create_task(client.run(Noop()))
        await stream.expect(b"A3 NOOP\r\n")
        stream.feed(b"* STATUS a (MESSAGES 4)\r\nA1 OK\r\nA2 OK\r\nA3 OK\r\n")
        await noop


async def test_a_lost_connection_ends_the_procedure():
    async with open_client() as (client, stream):
        counting = asyncio.create_task(client.run(CountAll(("a", "b"))))
        await stream.expect(
            b"A1 STATUS a (MESSAGES UIDNEXT UIDVALIDITY)\r\nA2 STATUS b (MESSAGES UIDNEXT UIDVALIDITY)\r\n"
        )
        stream.feed(b"* STATUS a (MESSAGES 4)\r\nA1 OK\r\n* BYE going down\r\n")

        with pytest.raises(ConnectionLost, match="going down"):
            await counting
