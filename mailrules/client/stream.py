"""How do bytes reach the server and come back: TCP, a proxy or a command's pipes, then TLS, then DEFLATE?"""

from __future__ import annotations

import asyncio
import shlex
import socket
from typing import TYPE_CHECKING, Protocol

from mailrules.client.child_end import kill
from mailrules.client.compression import DeflateLayer
from mailrules.client.deadline import Deadline
from mailrules.client.dialing import dial
from mailrules.client.keep_alive import keep_alive
from mailrules.client.proxy import HEADER_END, MOST_HEADER_BYTES, handshake, place_of_proxy
from mailrules.client.tls import TLSLayer, explained, tls_layer
from mailrules.errors import ConnectionFailed, ConnectionLost
from mailrules.settings import Security, stays_here

if TYPE_CHECKING:
    from mailrules.client.proxy import Handshake, Turn
    from mailrules.secret import Secret
    from mailrules.settings import AccountSettings, ProxySettings

READ_BYTES = 256 << 10
"""The most that one ``read`` returns, so that nothing the server sends makes a larger piece."""


_CLOSE_SECONDS = 1.0


class _Layer(Protocol):
    """One coding of the bytes; ``decode`` gives b"" when it needs more input."""

    def encode(self, data: bytes) -> bytes: ...

    def feed(self, data: bytes) -> None: ...

    def decode(self, *, max_bytes: int) -> bytes: ...


class NetworkStream:
    """An open byte stream; layers are put on top and never taken off.

    ``read`` and ``write`` may be used by two tasks at once, each of them by one task only.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        account: AccountSettings,
        process: asyncio.subprocess.Process | None = None,
    ) -> None:
        self.place = place_of(account)
        self._reader, self._writer = reader, writer
        self._account, self._process = account, process
        self._received = b""
        self._layers: list[_Layer] = []

    @property
    def server_certificate(self) -> bytes | None:
        """The server's certificate in DER; None without TLS of our own."""
        return next((layer.server_certificate for layer in self._layers if isinstance(layer, TLSLayer)), None)

    async def read(self) -> bytes:
        """The next bytes, at most READ_BYTES; b"" at the end. Raises ConnectionLost."""
        while not (data := self._decode(len(self._layers))):
            self._received = await self._receive()
            if not self._received:
                return b""
        return data

    def write(self, data: bytes) -> None:
        """Queue bytes for sending."""
        for layer in reversed(self._layers):
            data = layer.encode(data)
        self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the queue is short. Raises ConnectionLost."""
        try:
            await self._writer.drain()
        except OSError as error:
            raise ConnectionLost(f"{self.place}: sending failed ({_words(error)})") from error

    async def start_tls(self) -> None:
        """Shake hands, verified for the account's host. After ConnectionFailed the stream is of no more use."""
        layer = tls_layer(self._account)
        try:
            with explained(self._account, place=self.place):
                async with Deadline(self._account.timeouts.tls_seconds):
                    while not layer.shake_hands():
                        self._writer.write(layer.to_send())
                        self._received = await self._receive()
                        if not self._received:
                            raise EOFError
                        layer.feed(self._decode(len(self._layers)))
        finally:
            self._writer.write(layer.to_send())  # our Finished, or the alert that tells the server why
        self._layers.append(layer)

    def start_compression(self, received: bytes) -> None:
        """From here on everything is deflated, in both directions (RFC 4978); ``received`` already is."""
        layer = DeflateLayer()
        layer.feed(received)
        self._layers.append(layer)

    async def close(self) -> None:
        """Close, and end the tunnel's command; never raises for a connection that is gone."""
        self._writer.close()
        if self._process:
            await _end(self._process)
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _receive(self) -> bytes:
        try:
            return await self._reader.read(READ_BYTES)
        except OSError as error:
            raise ConnectionLost(f"{self.place}: receiving failed ({_words(error)})") from error

    def _decode(self, height: int) -> bytes:
        """What the lowest ``height`` layers make of the bytes received so far."""
        if height == 0:
            received, self._received = self._received, b""
            return received
        layer = self._layers[height - 1]
        while not (data := layer.decode(max_bytes=READ_BYTES)):
            below = self._decode(height - 1)
            if not below:
                return b""
            layer.feed(below)
        return data


async def open_stream(account: AccountSettings, *, proxy_secret: Secret | None = None) -> NetworkStream:
    """Connect as the settings say, TLS included unless it is to come by STARTTLS.

    ``proxy_secret`` is the one that ``account.proxy.secret`` refers to. Raises ConnectionFailed with the place,
    the phase and a cure.
    """
    if account.tunnel:
        return await _open_tunnel(account)
    check_protection(account)
    stream = await _open_tcp(account, proxy_secret)
    if account.security is Security.TLS:
        try:
            await stream.start_tls()
        except BaseException:
            await stream.close()
            raise
    return stream


def place_of(account: AccountSettings) -> str:
    """``host:port``, or the tunnel's command, for messages."""
    return f"tunnel {shlex.join(account.tunnel)}" if account.tunnel else f"{account.host}:{account.port}"


def check_protection(account: AccountSettings) -> None:
    """Refuse a connection without TLS that would leave this machine, unless it is asked for by name."""
    if account.security is Security.NONE and not account.insecure and not stays_here(account.host, account.proxy):
        raise ConnectionFailed(
            f"{place_of(account)}: without TLS, password and mail could be read on the way; "
            "set security: tls or starttls (or insecure: true, if you accept that)"
        )


async def _open_tcp(account: AccountSettings, proxy_secret: Secret | None) -> NetworkStream:
    place, proxy, seconds = place_of(account), account.proxy, account.timeouts.connect_seconds
    writer: asyncio.StreamWriter | None = None
    try:
        async with Deadline(seconds):
            if proxy is None:
                reader, writer = await _connect(account.host, account.port, place=place)
            else:
                reader, writer = await _connect(proxy.host, proxy.port, place=f"{place}: {place_of_proxy(proxy)}")
                turns = handshake(proxy, host=account.host, port=account.port, secret=proxy_secret)
                await _ask_proxy(turns, reader, writer, proxy=proxy, place=place)
    except TimeoutError:
        _abort(writer)
        through = f" through {place_of_proxy(proxy)}" if proxy else ""
        raise ConnectionFailed(
            f"{place}: no connection in {seconds:g} seconds{through}; check host and port, "
            "and whether a firewall is in between"
        ) from None
    except BaseException:
        _abort(writer)
        raise
    return NetworkStream(reader, writer, account=account)


async def _connect(host: str, port: int, *, place: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        reader, writer = await dial(host, port, limit=READ_BYTES)
    except TimeoutError:
        raise  # the caller's deadline; it is an OSError too
    except socket.gaierror as error:
        raise ConnectionFailed(f"{place}: the name cannot be resolved ({error.strerror}); check host") from error
    except ConnectionRefusedError as error:
        raise ConnectionFailed(f"{place}: nothing listens there; check port (usual 993, STARTTLS 143)") from error
    except OSError as error:
        raise ConnectionFailed(f"{place}: cannot be reached ({_words(error)})") from error
    except UnicodeError as error:
        raise ConnectionFailed(f"{place}: this is no host name ({error})") from error
    keep_alive(writer.get_extra_info("socket"))
    return reader, writer


async def _ask_proxy(
    turns: Handshake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, proxy: ProxySettings, place: str
) -> None:
    """Drive the handshake; what the server says behind it stays in the reader."""
    try:
        turn = next(turns)
        while True:
            writer.write(turn.data)
            turn = turns.send(await _answer(turn, reader))
    except StopIteration:
        return
    except ConnectionFailed as error:
        raise ConnectionFailed(f"{place}: {error}") from error
    except asyncio.IncompleteReadError as error:
        raise ConnectionFailed(
            f"{place}: {place_of_proxy(proxy)}: it hung up before the server was connected"
        ) from error
    except asyncio.LimitOverrunError as error:
        raise ConnectionFailed(
            f"{place}: {place_of_proxy(proxy)}: its answer has a header over {MOST_HEADER_BYTES:,} bytes"
        ) from error
    except OSError as error:
        raise ConnectionFailed(
            f"{place}: {place_of_proxy(proxy)}: the connection broke off ({_words(error)})"
        ) from error


async def _answer(turn: Turn, reader: asyncio.StreamReader) -> bytes:
    if turn.wanted_bytes is not None:
        return await reader.readexactly(turn.wanted_bytes)
    header = await reader.readuntil(HEADER_END)
    if len(header) > MOST_HEADER_BYTES:
        raise asyncio.LimitOverrunError("header too long", len(header))
    return header


def _abort(writer: asyncio.StreamWriter | None) -> None:
    if writer is not None:
        writer.transport.abort()


async def _open_tunnel(account: AccountSettings) -> NetworkStream:
    try:
        process = await asyncio.create_subprocess_exec(
            *account.tunnel, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=READ_BYTES
        )
    except OSError as error:
        raise ConnectionFailed(
            f"{place_of(account)}: cannot be started ({_words(error)}); it runs without a shell"
        ) from error
    if process.stdin is None or process.stdout is None:  # for mypy: both were asked for as pipes
        raise ConnectionFailed(f"{place_of(account)}: has no pipes")
    return NetworkStream(process.stdout, process.stdin, account=account, process=process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """A tunnel ends when its stdin is closed; one that does not is killed."""
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await process.wait()
    except TimeoutError:
        await kill(process)


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
