"""Cancelled at every await and after every step of the loop: the connection is usable or closed, and nothing leaks."""

from __future__ import annotations

import asyncio
import gc
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import coroutine
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.pool import Pool
from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.client.supervisor import Supervisor
from mailrules.imap.append_commands import Append
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import State
from mailrules.imap.writer import BodySection, StreamedLiteral
from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.imap_server import ImapServer
from tests.client.clocks import Clock, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator

    from mailrules.client.async_client import AsyncClient
    from mailrules.settings import AccountSettings, SecretReference

MOST_STEPS = 2000
FETCH = UidFetch(SequenceSet.of((1,)), (FetchItem.UID, BodySection()))
# Long enough to wait for "+", as the server is asked not to offer LITERAL+.
APPEND = Append("Drop", message(body="x" * 5000))


@coroutine
def cancelled_at(work: Coroutine[object, None, object], step: int) -> Generator[object, None, bool]:
    """Run ``work``, and cancel this task when it waits for the ``step``-th time; whether it came to that."""
    task = asyncio.current_task()
    assert task is not None
    send: Callable[[], object] = lambda: work.send(None)  # noqa: E731 -- it is replaced below
    waits = 0
    while True:
        try:
            waited_for = send()
        except StopIteration:
            return False
        if waits == step:
            task.cancel()
        waits += 1
        try:
            yield waited_for
        except BaseException as error:  # noqa: BLE001 -- it is handed on as it is
            send = lambda error=error: work.throw(error)  # noqa: E731 -- as above
        else:
            send = lambda: work.send(None)  # noqa: E731 -- as above


async def cancel_at_wait(work: Coroutine[object, None, object], step: int) -> bool:
    """Whether the work was cancelled at its ``step``-th wait, instead of having ended before it."""
    task = asyncio.ensure_future(_awaiting(work, step))
    await asyncio.wait({task})
    return task.cancelled() or task.result()


async def _awaiting(work: Coroutine[object, None, object], step: int) -> bool:
    return await cancelled_at(work, step)


async def cancel_after_step(work: Coroutine[object, None, object], step: int) -> bool:
    """Whether the work was cancelled after so many steps of the loop, instead of having ended before."""
    task = asyncio.ensure_future(work)
    for _ in range(step):
        await asyncio.sleep(0)
    was_running = task.cancel()
    await asyncio.wait({task})
    return was_running


CANCELLERS = pytest.mark.parametrize("cancel", [cancel_at_wait, cancel_after_step])


class Leaks:
    """Tasks and descriptors that are there now and were not there before."""

    def __init__(self) -> None:
        self._tasks, self._descriptors = asyncio.all_tasks(), _descriptors()

    async def none(self, server: ImapServer) -> None:
        """Fail where something is left once the server has seen that everybody is gone."""
        await until(lambda: not server._connections)
        await until(lambda: asyncio.all_tasks() <= self._tasks)
        await until(lambda: _descriptors() <= self._descriptors)


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def new_server() -> ImapServer:
    server = ImapServer(capabilities=without("LITERAL+"))
    server.mail.create("Drop")
    server.mail.add("INBOX", message(subject="marked", body="y" * 20_000))
    return server


async def is_usable_or_closed(client: AsyncClient) -> None:
    """Another command is answered, with its own data, or the connection has ended."""
    async with asyncio.timeout(60):
        if client.state is State.LOGOUT:
            return
        (fetched,) = await client.run(FETCH)
        assert b"Subject: marked" in (fetched.sections[""] or b"")
        assert (await client.run(Status("Archive"))).messages == 0


async def at_every_step(
    attempt: Callable[[int], Awaitable[bool]],
) -> int:
    """Try steps 0, 1, 2, ... until the work ends before it is cancelled; how many there were."""
    for step in range(MOST_STEPS):
        if not await attempt(step):
            gc.collect()  # what was left open to the garbage collector is an error, as all warnings are
            return step
    raise AssertionError(f"the work has not ended in {MOST_STEPS} steps")


Cancel = "Callable[[Coroutine[object, None, object], int], Awaitable[bool]]"


@CANCELLERS
async def test_connecting_may_be_cancelled_anywhere(memory_secret: SecretReference, cancel: Cancel) -> None:
    async with new_server() as server:
        account, leaks = server.settings(memory_secret), Leaks()

        async def work() -> None:
            client = await connect(account)
            await client.close()

        async def attempt(step: int) -> bool:
            was_cancelled = await cancel(work(), step)
            await leaks.none(server)
            return was_cancelled

        assert await at_every_step(attempt) > 3


async def run_one(client: AsyncClient) -> None:
    await client.run(Noop())


async def fetch_one(client: AsyncClient) -> None:
    await client.run(FETCH)


async def append_one(client: AsyncClient) -> None:
    await client.run(APPEND)


async def idle_a_moment(client: AsyncClient) -> None:
    await client.idle(timeout_seconds=0.001)


async def select_again(client: AsyncClient) -> None:
    await client.run(Select("INBOX"))


async def iterate(client: AsyncClient) -> None:
    async with aclosing(client.fetch(SequenceSet.starting_at(1), FETCH.items)) as messages:
        async for _ in messages:
            await client.run(Noop())


async def read_content(client: AsyncClient) -> None:
    async with client.fetch_content(1) as content:
        await client.run(Noop())
        async for _ in content:
            pass


async def search_by_a_procedure(client: AsyncClient) -> None:
    await client.run(SearchAnywhere(All()))


@pytest.mark.parametrize(
    "use",
    [
        run_one,
        fetch_one,
        append_one,
        idle_a_moment,
        select_again,
        iterate,
        read_content,
        search_by_a_procedure,
    ],
)
@CANCELLERS
async def test_a_command_may_be_cancelled_anywhere(
    memory_secret: SecretReference, use: Callable[[AsyncClient], Awaitable[None]], cancel: Cancel
) -> None:
    async with new_server() as server:
        account, leaks = server.settings(memory_secret), Leaks()
        client = await connect(account)
        await client.run(Select("INBOX"))

        async def attempt(step: int) -> bool:
            was_cancelled = await cancel(use(client), step)
            await is_usable_or_closed(client)
            assert client._carrier._waiters == {}
            return was_cancelled

        assert await at_every_step(attempt) >= 1
        await client.close()
        await leaks.none(server)


@CANCELLERS
async def test_an_upload_may_be_cancelled_anywhere(memory_secret: SecretReference, cancel: Cancel) -> None:
    async with new_server() as server:
        account, leaks = server.settings(memory_secret), Leaks()

        async def attempt(step: int) -> bool:
            client = await connect(account)
            await client.run(Select("INBOX"))
            upload = client.upload(Append("Drop", StreamedLiteral(6)), (b"one", b"two"))
            was_cancelled = await cancel(upload, step)
            await is_usable_or_closed(client)
            await client.close()
            await leaks.none(server)
            assert {stored.content for stored in server.mail["Drop"].messages.values()} <= {b"onetwo"}
            return was_cancelled

        assert await at_every_step(attempt) > 3


@CANCELLERS
async def test_lending_may_be_cancelled_anywhere(memory_secret: SecretReference, cancel: Cancel) -> None:
    async with new_server() as server:
        account, leaks = replace(server.settings(memory_secret), connections=1), Leaks()

        async def attempt(step: int) -> bool:
            clock = Clock()
            async with Pool(now=clock.now, check_after_seconds=0) as pool:

                async def work() -> None:
                    for _ in range(2):
                        async with pool.lend(account) as client:
                            await client.run(Noop())

                was_cancelled = await cancel(work(), step)
                async with asyncio.timeout(60), pool.lend(account) as client:  # its place was given back
                    await client.run(Noop())
            await leaks.none(server)
            return was_cancelled

        assert await at_every_step(attempt) > 5


@CANCELLERS
async def test_a_reconnection_may_be_cancelled_anywhere(memory_secret: SecretReference, cancel: Cancel) -> None:
    async with new_server() as server:
        account, leaks = server.settings(memory_secret), Leaks()

        async def attempt(step: int) -> bool:
            async with supervised(account) as supervisor:
                await supervisor.run(Select("INBOX"))
                server.drop_connections()
                was_cancelled = await cancel(supervisor.run(FETCH), step)
                async with asyncio.timeout(60):
                    (fetched,) = await supervisor.run(FETCH)
                assert b"Subject: marked" in (fetched.sections[""] or b"")
            await leaks.none(server)
            return was_cancelled

        assert await at_every_step(attempt) > 5


def supervised(account: AccountSettings) -> Supervisor:
    clock = Clock()
    return Supervisor(lambda: connect(account), random=lambda: 0.5, now=clock.now, wait=clock.wait)
