"""How do bytes reach a server and come back without an event loop, so that nothing ever waits without an end?

One call waits for both directions at once: a server that does not read because it is itself busy sending cannot
stop us, and every wait has its seconds.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Protocol

from mailrules.client.compression import DeflateLayer
from mailrules.client.keep_alive import keep_alive
from mailrules.client.proxy import HEADER_END, MOST_HEADER_BYTES, handshake, place_of_proxy
from mailrules.client.stream import READ_BYTES, check_protection, place_of
from mailrules.client.tls import TLSLayer, explained, tls_layer
from mailrules.errors import ConnectionFailed, ConnectionLost
from mailrules.settings import Security

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.client.proxy import Handshake, Turn
    from mailrules.secret import Secret
    from mailrules.settings import AccountSettings, ProxySettings

_CLOSE_SECONDS = 1.0


class _Layer(Protocol):
    def encode(self, data: bytes) -> bytes: ...

    def feed(self, data: bytes) -> None: ...

    def decode(self, *, max_bytes: int) -> bytes: ...


class _Channel(Protocol):
    """Two file descriptors that do not block; BlockingIOError says that nothing can be done now."""

    reading: int
    writing: int

    def receive(self) -> bytes: ...

    def send(self, data: bytes) -> int: ...

    def break_off(self) -> None: ...

    def close(self) -> None: ...


class BlockingStream:
    """An open byte stream for one thread; layers are put on top and never taken off."""

    def __init__(
        self, channel: _Channel, *, account: AccountSettings, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.place = place_of(account)
        self._channel, self._account, self._clock = channel, account, clock
        self._outgoing = bytearray()
        self._received = b""
        self._layers: list[_Layer] = []
        self._is_closed = False

    @property
    def server_certificate(self) -> bytes | None:
        """The server's certificate in DER; None without TLS of our own."""
        return next((layer.server_certificate for layer in self._layers if isinstance(layer, TLSLayer)), None)

    @property
    def queued_bytes(self) -> int:
        """How much of what was written has not been sent."""
        return len(self._outgoing)

    def write(self, data: bytes) -> None:
        """Queue bytes; ``read`` sends them."""
        for layer in reversed(self._layers):
            data = layer.encode(data)
        self._outgoing += data

    def read(self, *, seconds: float, or_sent: bool = False) -> bytes | None:
        """Send what is queued, and give the next bytes; b"" at the end, None when the time is over before.

        With ``or_sent`` None as soon as all is sent, too. Raises ConnectionLost.
        """
        ends = self._clock() + seconds
        while not (data := self._decode(len(self._layers))):
            received = self._receive(ends, or_sent=or_sent)
            if not received:
                return received
            self._received = received
        return data

    def start_tls(self) -> None:
        """Shake hands, verified for the account's host. After ConnectionFailed the stream is of no more use."""
        layer = tls_layer(self._account)
        ends = self._clock() + self._account.timeouts.tls_seconds
        try:
            with explained(self._account, place=self.place):
                while not layer.shake_hands():
                    self.write(layer.to_send())
                    received = self._receive(ends)
                    if received is None:
                        raise TimeoutError
                    if not received:
                        raise EOFError
                    self._received = received
                    layer.feed(self._decode(len(self._layers)))
        finally:
            self.write(layer.to_send())  # our Finished, or the alert that tells the server why
        self._layers.append(layer)

    def start_compression(self, received: bytes) -> None:
        """From here on everything is deflated, in both directions (RFC 4978); ``received`` already is."""
        layer = DeflateLayer()
        layer.feed(received)
        self._layers.append(layer)

    def break_off(self) -> None:
        """Have ``read`` on another thread find the end now. Nothing is freed: that is for ``close``."""
        self._channel.break_off()

    def close(self) -> None:
        """Close at once, and end the tunnel's command. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._send_queued()  # an alert of TLS, if it can go without waiting
        except ConnectionLost:
            self._outgoing.clear()  # nobody is there to read it
        self._channel.close()

    def ask_proxy(self, turns: Handshake, *, proxy: ProxySettings, ends: float) -> None:
        """Drive a proxy's handshake. What the server says behind it is kept. Raises ConnectionFailed, TimeoutError."""
        place = f"{self.place}: {place_of_proxy(proxy)}"
        try:
            turn = next(turns)
            while True:
                self.write(turn.data)
                turn = turns.send(self._answer(turn, ends, place=place))
        except StopIteration:
            return
        except ConnectionLost as error:
            raise ConnectionFailed(f"{place}: the connection broke off ({error})") from error
        except ConnectionFailed as error:
            raise ConnectionFailed(f"{self.place}: {str(error).removeprefix(f'{self.place}: ')}") from error

    def _answer(self, turn: Turn, ends: float, *, place: str) -> bytes:
        while (size := _answer_bytes(turn, self._received)) is None:
            if len(self._received) > MOST_HEADER_BYTES:
                raise ConnectionFailed(f"{place}: its answer has a header over {MOST_HEADER_BYTES:,} bytes")
            received = self._receive(ends)
            if received is None:
                raise TimeoutError
            if not received:
                raise ConnectionFailed(f"{place}: it hung up before the server was connected")
            self._received += received
        answer, self._received = self._received[:size], self._received[size:]
        return answer

    def _receive(self, ends: float, *, or_sent: bool = False) -> bytes | None:
        """What comes next from the network, while what is queued goes out."""
        while True:
            self._send_queued()
            if or_sent and not self._outgoing:
                return None
            try:
                return self._channel.receive()
            except BlockingIOError:
                left = ends - self._clock()
                if left <= 0:
                    return None
                self._wait(left)
            except OSError as error:
                raise ConnectionLost(f"{self.place}: receiving failed ({_words(error)})") from error

    def _send_queued(self) -> None:
        while self._outgoing:
            try:
                sent = self._channel.send(bytes(self._outgoing[:READ_BYTES]))
            except BlockingIOError:
                return
            except OSError as error:
                raise ConnectionLost(f"{self.place}: sending failed ({_words(error)})") from error
            del self._outgoing[:sent]

    def _wait(self, seconds: float) -> None:
        """Wait until either direction can go on, or the time is over."""
        poller = select.poll()
        poller.register(self._channel.reading, select.POLLIN)
        if self._outgoing:
            both = self._channel.reading == self._channel.writing
            poller.register(self._channel.writing, select.POLLOUT | (select.POLLIN if both else 0))
        poller.poll(max(1, int(seconds * 1000)))

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


def open_blocking_stream(account: AccountSettings, *, proxy_secret: Secret | None = None) -> BlockingStream:
    """Connect as the settings say, TLS included unless it is to come by STARTTLS. Raises ConnectionFailed."""
    if account.tunnel:
        return BlockingStream(_Tunnel(account), account=account)
    check_protection(account)
    stream = _open_tcp(account, proxy_secret)
    try:
        if account.security is Security.TLS:
            stream.start_tls()
    except BaseException:
        stream.close()
        raise
    return stream


def _open_tcp(account: AccountSettings, proxy_secret: Secret | None) -> BlockingStream:
    place, proxy, seconds = place_of(account), account.proxy, account.timeouts.connect_seconds
    through = f" through {place_of_proxy(proxy)}" if proxy else ""
    late = (
        f"{place}: no connection in {seconds:g} seconds{through}; check host and port, "
        "and whether a firewall is in between"
    )
    ends = time.monotonic() + seconds
    address = (account.host, account.port) if proxy is None else (proxy.host, proxy.port)
    try:
        connected = _connect(address, seconds, place=place if proxy is None else f"{place}: {place_of_proxy(proxy)}")
    except TimeoutError:
        raise ConnectionFailed(late) from None
    stream = BlockingStream(_Connected(connected), account=account)
    if proxy is not None:
        try:
            turns = handshake(proxy, host=account.host, port=account.port, secret=proxy_secret)
            stream.ask_proxy(turns, proxy=proxy, ends=ends)
        except TimeoutError:
            stream.close()
            raise ConnectionFailed(late) from None
        except BaseException:
            stream.close()
            raise
    return stream


def _connect(address: tuple[str, int], seconds: float, *, place: str) -> socket.socket:
    try:
        return socket.create_connection(address, timeout=seconds)
    except TimeoutError:
        raise
    except socket.gaierror as error:
        raise ConnectionFailed(f"{place}: the name cannot be resolved ({error.strerror}); check host") from error
    except ConnectionRefusedError as error:
        raise ConnectionFailed(f"{place}: nothing listens there; check port (usual 993, STARTTLS 143)") from error
    except OSError as error:
        raise ConnectionFailed(f"{place}: cannot be reached ({_words(error)})") from error
    except UnicodeError as error:
        raise ConnectionFailed(f"{place}: this is no host name ({error})") from error


class _Connected:
    """A TCP connection."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        connected.setblocking(False)  # noqa: FBT003 - the socket's own method
        keep_alive(connected)
        # A command behind one that is under way does not wait for the server's acknowledgement of the first.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reading = self.writing = connected.fileno()

    def receive(self) -> bytes:
        return self._socket.recv(READ_BYTES)

    def send(self, data: bytes) -> int:
        return self._socket.send(data)

    def break_off(self) -> None:
        with contextlib.suppress(OSError):  # the server or the other thread was quicker
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._socket.close()


class _Tunnel:
    """The pipes of a command, which runs without a shell."""

    def __init__(self, account: AccountSettings) -> None:
        try:
            self._process = subprocess.Popen(account.tunnel, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        except OSError as error:
            raise ConnectionFailed(
                f"{place_of(account)}: cannot be started ({_words(error)}); it runs without a shell"
            ) from error
        if self._process.stdin is None or self._process.stdout is None:  # for mypy: both were asked for as pipes
            raise ConnectionFailed(f"{place_of(account)}: has no pipes")
        self._pipes = (self._process.stdin, self._process.stdout)
        self.writing, self.reading = (pipe.fileno() for pipe in self._pipes)
        for descriptor in (self.reading, self.writing):
            os.set_blocking(descriptor, False)

    def receive(self) -> bytes:
        return os.read(self.reading, READ_BYTES)

    def send(self, data: bytes) -> int:
        return os.write(self.writing, data)

    def break_off(self) -> None:
        self._process.terminate()

    def close(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        try:
            self._process.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _answer_bytes(turn: Turn, received: bytes) -> int | None:
    """How long a proxy's answer is, None while it has not come whole."""
    if turn.wanted_bytes is not None:
        return turn.wanted_bytes if len(received) >= turn.wanted_bytes else None
    end = received.find(HEADER_END)
    return end + len(HEADER_END) if end >= 0 else None


def _words(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
