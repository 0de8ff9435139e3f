"""Connections are underway before a run asks for them, each is used once or closed, and none is made in vain."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import ConnectionLost, ReadOnlyMode
from mailrules.journal.kill_switch import FILE_NAME
from mailrules.session import Scope, accounts_in, connected, dialled, dialled_to_read

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.session import Session
    from mailrules.settings import AccountSettings
    from mailrules.testing.memory_store import MemoryStore
    from tests.execution.household import Household


class Exchange:
    """Where the connections of a household are made: ``made`` in this order, some after ``may_answer`` is set."""

    def __init__(self, household: Household) -> None:
        self.made: list[MemoryStore] = []
        self.refused: dict[str, ConnectionLost] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._household = household

    async def connect(self, account: AccountSettings) -> MemoryStore:
        await self.may_answer.wait()
        if account.name in self.refused:
            raise self.refused[account.name]
        store = self._household.stores()[account.name]
        self.made.append(store)
        return store


@pytest.fixture
def exchange(household: Household) -> Exchange:
    return Exchange(household)


@pytest.fixture
def session(household: Household, exchange: Exchange) -> Session:
    return replace(household.session, connect=exchange.connect)


async def test_the_connections_are_made_while_nobody_asks_for_them(session: Session, exchange: Exchange) -> None:
    async with dialled(session, Scope()):
        await asyncio.to_thread(lambda: None)

        assert [store.account for store in exchange.made] == ["home", "work"]


async def test_who_asks_first_gets_the_one_underway_and_the_next_a_new_one(
    session: Session, exchange: Exchange
) -> None:
    accounts = accounts_in(session, Scope())

    async with (
        dialled(session, Scope()) as connecting,
        connected(accounts, connecting.connect) as first,
        connected(accounts, connecting.connect) as second,
    ):
        assert exchange.made == [first["home"], first["work"], second["home"], second["work"]]

    assert all(store.lost for store in exchange.made)


async def test_a_preview_has_its_connections_underway_too_also_where_nothing_may_be_changed(
    household: Household, exchange: Exchange, tmp_path: Path
) -> None:
    (tmp_path / "state" / FILE_NAME).touch()
    session = replace(household.session, connect_reader=exchange.connect)

    async with dialled_to_read(session, Scope(account="home")) as connecting:
        (home,) = accounts_in(session, Scope(account="home"))
        reader = await connecting.connect_reader(home)

        assert exchange.made == [reader]


async def test_only_accounts_of_the_scope_are_called(session: Session, exchange: Exchange) -> None:
    async with dialled(session, Scope(account="work")):
        await asyncio.to_thread(lambda: None)

    assert [store.account for store in exchange.made] == ["work"]


async def test_what_nobody_asked_for_is_closed_and_what_is_not_made_yet_given_up(
    session: Session, exchange: Exchange
) -> None:
    async with dialled(session, Scope(account="home")):
        await asyncio.to_thread(lambda: None)
        exchange.may_answer.clear()
        async with dialled(session, Scope(account="work")):
            pass

    assert [(store.account, store.lost) for store in exchange.made] == [("home", True)]


async def test_a_refusal_is_told_to_who_asks_and_to_nobody_else(session: Session, exchange: Exchange) -> None:
    exchange.refused["work"] = ConnectionLost("nobody answers")
    home, work = accounts_in(session, Scope())

    async with dialled(session, Scope()) as connecting:
        await connecting.connect(home)
        with pytest.raises(ConnectionLost, match="nobody answers"):
            await connecting.connect(work)
    async with dialled(session, Scope()):
        await asyncio.to_thread(lambda: None)


async def test_nobody_is_called_while_nothing_may_be_changed(
    session: Session, exchange: Exchange, tmp_path: Path
) -> None:
    (tmp_path / "state" / FILE_NAME).touch()

    with pytest.raises(ReadOnlyMode):
        async with dialled(session, Scope()):
            pytest.fail("it should not come so far")

    assert exchange.made == []
