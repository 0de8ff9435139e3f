"""The proxy: what it counts, how it delays, and where it cuts."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from tests.servers.proxy import HOST, Line, Proxy

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer


def answer_to(port: int, *commands: bytes) -> bytes:
    """Send one command after the other, each after an answer, and return all that came until the end."""
    with socket.create_connection((HOST, port), timeout=10) as connection:
        received = connection.recv(4096)
        for command in commands:
            connection.sendall(command)
            received += connection.recv(4096)
        while more := connection.recv(4096):
            received += more
    return received


def test_it_counts_bytes_and_turns_and_records_them(imap_server: ImapServer) -> None:
    with Proxy(Line(server_port=imap_server.port, record=True)) as proxy:
        received = answer_to(proxy.port, b"a NOOP\r\n", b"b LOGOUT\r\n")
        traffic = proxy.traffic

    assert (traffic.connections, traffic.turns) == (1, 2)
    assert traffic.sent() == b"a NOOP\r\nb LOGOUT\r\n"
    assert (traffic.bytes_sent, traffic.bytes_received) == (18, len(received))


def test_each_turn_costs_a_round_trip(imap_server: ImapServer) -> None:
    with Proxy(Line(server_port=imap_server.port, round_trip_seconds=0.05)) as proxy:
        started = time.monotonic()
        answer_to(proxy.port, b"a NOOP\r\n", b"b LOGOUT\r\n")
        took = time.monotonic() - started

    assert took >= 0.125  # half a round trip for the greeting, one for each command


def test_a_limited_line_takes_its_time(imap_server: ImapServer) -> None:
    command = b"a NOOP " + b"x" * 40_000 + b"\r\n"

    with Proxy(Line(server_port=imap_server.port, bits_per_second=2_000_000)) as proxy:
        started = time.monotonic()
        answer_to(proxy.port, command, b"b LOGOUT\r\n")
        took = time.monotonic() - started

    assert took >= len(command) * 8 / 2_000_000


@pytest.mark.parametrize("count", [1, 40])
def test_it_cuts_after_so_many_bytes(imap_server: ImapServer, count: int) -> None:
    with Proxy(Line(server_port=imap_server.port, cut_after_received=count)) as proxy:
        received = answer_to(proxy.port)

    assert len(received) == count
