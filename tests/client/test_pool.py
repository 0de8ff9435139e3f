"""Connections are lent within the budget, in turn, alive, and none is ever lost to a cancelled task."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.pool import Pool
from mailrules.errors import ConnectionFailed, ConnectionLost
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import State
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_faults import AtCommand, Refuse, Silence
from tests.client.clocks import Clock, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mailrules.client.async_client import AsyncClient
    from mailrules.settings import AccountSettings, SecretReference


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    async with ImapServer(MailAccount(user="ann"), MailAccount(user="bob")) as server:
        yield server


@pytest.fixture
def account(server: ImapServer, memory_secret: SecretReference) -> AccountSettings:
    return replace(server.settings(memory_secret, name="ann"), connections=2)


@pytest.fixture
def bob(server: ImapServer, memory_secret: SecretReference) -> AccountSettings:
    return replace(server.settings(memory_secret, name="bob", user="bob"), connections=2)


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    async with Pool(now=Clock().now) as pool:
        yield pool


async def test_a_connection_that_was_given_back_is_lent_again(pool: Pool, account: AccountSettings) -> None:
    async with pool.lend(account) as first:
        await first.run(Noop())
    async with pool.lend(account) as second:
        await second.run(Noop())

    assert first is second
    assert pool.size == 1


@pytest.mark.parametrize(
    ("refusal", "seconds"),
    [
        (Refuse(code="UNAVAILABLE"), 30),
        (Refuse(code="INUSE"), 10),
        (Refuse(code="OVERQUOTA"), 300),
        (Refuse(text="Request is throttled. Suggested Backoff Time: 120000 milliseconds"), 120),
    ],
)
async def test_a_server_that_wants_to_be_left_alone_is(
    server: ImapServer, account: AccountSettings, refusal: Refuse, seconds: int
) -> None:
    clock = Clock()
    async with Pool(now=clock.now) as pool:
        async with pool.lend(account) as first:
            server.faults.append(AtCommand(command="AUTHENTICATE", nth=2, reaction=refusal))
            for spent in (0, seconds - 1):
                await clock.wait(spent)
                with pytest.raises(ConnectionFailed) as told:
                    await pool.lend(replace(account, connections=9)).__aenter__()
                assert told.value.wait_seconds == pytest.approx(seconds - spent)
            attempts = server.commands_seen.count("AUTHENTICATE")
            await first.run(Noop())
        await clock.wait(2)
        async with pool.lend(account) as again, pool.lend(replace(account, connections=9)) as another:
            await another.run(Noop())

    assert attempts == 2
    assert again is first


async def test_there_are_never_more_connections_than_the_budget(
    server: ImapServer, pool: Pool, account: AccountSettings
) -> None:
    lent = most = 0

    async def work() -> None:
        nonlocal lent, most
        async with pool.lend(account) as client:
            lent += 1
            most = max(most, lent)
            await client.run(Status("INBOX"))
            lent -= 1

    await asyncio.gather(*(work() for _ in range(50)))

    assert most == 2
    assert server.commands_seen.count("AUTHENTICATE") == 2
    assert server.commands_seen.count("STATUS") == 50


async def test_tasks_are_served_in_the_order_in_which_they_asked(pool: Pool, account: AccountSettings) -> None:
    one, served = replace(account, connections=1), list[int]()

    async def work(number: int) -> None:
        async with pool.lend(one) as client:
            served.append(number)
            await client.run(Noop())

    await asyncio.gather(*(work(number) for number in range(10)))

    assert served == list(range(10))


async def test_a_connection_with_the_mailbox_open_is_preferred(pool: Pool, account: AccountSettings) -> None:
    async with pool.lend(account) as inbox, pool.lend(account) as archive:
        await inbox.run(Select("INBOX"))
        await archive.run(Select("Archive"))

    for name, expected in (("inbox", inbox), ("Archive", archive), ("INBOX", inbox)):
        async with pool.lend(account, mailbox=name) as lent:
            assert lent is expected


async def test_a_connection_that_has_ended_is_not_lent_again(
    server: ImapServer, pool: Pool, account: AccountSettings
) -> None:
    async with pool.lend(account) as first:
        pass
    server.drop_connections()
    await until(lambda: first.state is State.LOGOUT)

    async with pool.lend(account) as second:
        await second.run(Noop())

    assert pool.size == 1


@pytest.mark.parametrize("is_half_open", [False, True])
async def test_a_connection_is_asked_after_long_idleness(
    server: ImapServer, account: AccountSettings, *, is_half_open: bool
) -> None:
    clock = Clock()
    async with Pool(now=clock.now, check_seconds=0.02) as pool:
        async with pool.lend(account) as first:
            pass
        clock.seconds += 59
        async with pool.lend(account):
            assert "NOOP" not in server.commands_seen
        if is_half_open:
            server.faults.append(AtCommand(command="NOOP", reaction=Silence()))
        clock.seconds += 60

        async with pool.lend(account) as second:
            assert "NOOP" in server.commands_seen
            assert (second is first) is not is_half_open
            assert (first.state is State.LOGOUT) is is_half_open


async def test_a_host_has_a_budget_for_all_its_accounts(
    server: ImapServer, account: AccountSettings, bob: AccountSettings
) -> None:
    async with Pool(now=Clock().now, host_connections=2) as pool:
        async with pool.lend(account) as first, pool.lend(account) as second:
            waiting = asyncio.create_task(anext(aiter_of(pool, bob)))
            await asyncio.sleep(0)
            assert not waiting.done()
        client = await waiting

        assert client.state is State.AUTHENTICATED
        assert {first.state, second.state} == {State.LOGOUT, State.AUTHENTICATED}
        assert pool.size == 2


async def aiter_of(pool: Pool, account: AccountSettings) -> AsyncIterator[AsyncClient]:
    async with pool.lend(account) as client:
        yield client


async def test_a_busy_account_does_not_keep_another_one_waiting(
    pool: Pool, account: AccountSettings, bob: AccountSettings
) -> None:
    async with pool.lend(account), pool.lend(account):
        waiting = asyncio.create_task(anext(aiter_of(pool, account)))
        await asyncio.sleep(0)

        async with pool.lend(bob) as client:
            await client.run(Noop())

        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_a_server_that_refuses_one_more_lowers_the_budget(
    server: ImapServer, pool: Pool, account: AccountSettings
) -> None:
    server.faults.append(AtCommand(command="AUTHENTICATE", nth=2, reaction=Refuse(code="LIMIT")))
    async with pool.lend(account):
        with pytest.raises(ConnectionFailed):
            async with pool.lend(account):
                pass
        waiting = asyncio.create_task(anext(aiter_of(pool, account)))
        await asyncio.sleep(0)
        assert not waiting.done()
    await waiting

    assert server.commands_seen.count("AUTHENTICATE") == 2


async def test_a_failed_connection_gives_its_place_back(pool: Pool, account: AccountSettings) -> None:
    nowhere = replace(account, port=1, connections=1)
    for _ in range(3):
        with pytest.raises(ConnectionFailed):
            async with pool.lend(nowhere):
                pass

    assert pool.size == 0


async def test_an_error_of_the_block_leaves_the_connection_in_the_pool(pool: Pool, account: AccountSettings) -> None:
    with pytest.raises(ZeroDivisionError):
        async with pool.lend(account) as first:
            raise ZeroDivisionError

    async with pool.lend(account) as second:
        assert second is first


async def test_a_task_that_is_cancelled_while_it_waits_leaves_no_gap(pool: Pool, account: AccountSettings) -> None:
    one = replace(account, connections=1)
    async with pool.lend(one):
        tasks = [asyncio.create_task(anext(aiter_of(pool, one))) for _ in range(3)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait({tasks[0]})
    tasks[1].cancel()  # just when its turn has come

    assert (await tasks[2]).state is State.AUTHENTICATED


async def test_a_connection_does_not_go_for_a_task_that_is_cancelled_just_then(
    account: AccountSettings, bob: AccountSettings
) -> None:
    async with Pool(now=Clock().now, host_connections=1) as pool:
        async with pool.lend(account) as first:
            waiting = asyncio.create_task(anext(aiter_of(pool, bob)))
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})

        assert pool.size == 1
        async with pool.lend(account) as second:
            assert second is first
    assert first.state is State.LOGOUT


async def test_closing_tells_those_who_wait_and_those_who_work(account: AccountSettings) -> None:
    one, pool = replace(account, connections=1), Pool(now=Clock().now)
    lent = pool.lend(one)
    client = await lent.__aenter__()
    waiting = asyncio.create_task(anext(aiter_of(pool, one)))
    await asyncio.sleep(0)

    await pool.close()
    await pool.close()

    with pytest.raises(ConnectionLost, match="the pool was closed"):
        await waiting
    with pytest.raises(ConnectionLost):
        await client.run(Noop())
    await lent.__aexit__(None, None, None)
    with pytest.raises(ConnectionLost, match="the pool was closed"):
        async with pool.lend(one):
            pass
    assert pool.size == 0


async def test_a_pool_that_is_closed_while_it_connects_leaves_nothing_open(account: AccountSettings) -> None:
    clients: list[AsyncClient] = []

    async def connect_and_close(one: AccountSettings) -> AsyncClient:
        clients.append(await connect(one))
        await pool.close()
        return clients[0]

    pool = Pool(now=Clock().now, connect=connect_and_close)
    with pytest.raises(ConnectionLost, match="the pool was closed"):
        async with pool.lend(account):
            pass

    assert clients[0].state is State.LOGOUT
    assert pool.size == 0
