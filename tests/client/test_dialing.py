"""Connecting to a name with several addresses: one connection is made, and no socket of the others is left."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from mailrules.client.dialing import dial, in_turn

if TYPE_CHECKING:
    from mailrules.client.dialing import Address

V4, V6 = socket.AF_INET, socket.AF_INET6


def address(family: socket.AddressFamily, number: int) -> Address:
    return (family, socket.SOCK_STREAM, 6, "", (f"address {number}", 993))


def test_families_come_in_turn_the_preferred_one_first() -> None:
    found = [address(V6, 1), address(V6, 2), address(V6, 3), address(V4, 4), address(V4, 5)]

    assert [one[4][0] for one in in_turn(found)] == [f"address {number}" for number in (1, 4, 2, 5, 3)]


async def test_where_the_first_address_refuses_the_next_one_is_tried_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def getaddrinfo(*_: object, **__: object) -> list[Address]:
        return [(V4, socket.SOCK_STREAM, 6, "", ("127.0.0.1", one)) for one in (1, port)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    reader, writer = await dial("mail.example", 993, limit=1000)

    assert await reader.readline() == b"hello\r\n"
    writer.close()
    await writer.wait_closed()
    server.close()


async def test_where_all_refuse_it_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: object, **__: object) -> list[Address]:
        return [(V4, socket.SOCK_STREAM, 6, "", ("127.0.0.1", one)) for one in (1, 2)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    with pytest.raises(ConnectionRefusedError):
        await dial("mail.example", 993, limit=1000)


async def test_a_name_without_addresses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(*_: object, **__: object) -> list[Address]:
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    with pytest.raises(OSError, match="no address"):
        await dial("mail.example", 993, limit=1000)
