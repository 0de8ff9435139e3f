"""How is a proxy asked, by SOCKS 5 or HTTP CONNECT, to connect us to a server?

Sans-IO: ``handshake`` is a generator of turns. Whoever drives it sends a turn's bytes, waits for the bytes that
the turn wants and hands them in by ``send``, and not one byte more is consumed: what follows is the server's.
"""

from __future__ import annotations

import ipaddress
import re
from base64 import b64encode
from collections.abc import Generator
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.errors import ConnectionFailed
from mailrules.settings import ProxyKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.secret import Secret
    from mailrules.settings import ProxySettings

HEADER_END: Final = b"\r\n\r\n"
MOST_HEADER_BYTES: Final = 16 << 10
"""How long the header of an HTTP proxy's answer may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Send ``data``, then hand in ``wanted_bytes`` bytes; None means all up to and including HEADER_END."""

    data: bytes
    wanted_bytes: int | None


Handshake: TypeAlias = Generator[Turn, bytes, None]


def handshake(proxy: ProxySettings, *, host: str, port: int, secret: Secret | None = None) -> Handshake:
    """What to say to the proxy so that it connects to ``host``, of which it looks up the name.

    ``secret`` is the one that ``proxy.secret`` refers to. Raises ConnectionFailed where the proxy refuses.
    """
    if not host or any(byte <= " " or byte == "\x7f" for byte in host):
        raise ConnectionFailed(f"{place_of_proxy(proxy)}: {host!r} is no host name")
    if proxy.kind is ProxyKind.SOCKS5:
        return _socks5(proxy, host=host, port=port, secret=secret)
    return _http_connect(proxy, host=host, port=port, secret=secret)


def place_of_proxy(proxy: ProxySettings) -> str:
    """``proxy socks5 host:port``, for messages."""
    return f"proxy {proxy.kind} {proxy.host}:{proxy.port}"


def basic_credentials(user: str, secret: Secret) -> str:
    """``user:password`` in base64, as HTTP's Basic authentication writes them (RFC 7617)."""
    return b64encode(f"{user}:{secret.reveal()}".encode()).decode()


# -- SOCKS 5: RFC 1928, and RFC 1929 for user and password ----------------------------------------

_VERSION: Final = 5
_NO_AUTHENTICATION, _USER_AND_PASSWORD, _NO_METHOD = 0, 2, 0xFF
_CONNECT: Final = 1
_IPV4, _DOMAIN_NAME, _IPV6 = 1, 3, 4
_REFUSALS: Final = {
    1: "general failure",
    2: "its rules do not allow this connection",
    3: "the server's network cannot be reached",
    4: "the server's host cannot be reached, or its name cannot be resolved",
    5: "nothing listens at the server's port",
    6: "the time to live expired",
    7: "it does not know CONNECT",
    8: "it does not know this type of address",
}


def _socks5(proxy: ProxySettings, *, host: str, port: int, secret: Secret | None) -> Handshake:
    place = place_of_proxy(proxy)
    methods = bytes([_NO_AUTHENTICATION, _USER_AND_PASSWORD] if secret else [_NO_AUTHENTICATION])
    version, method = yield Turn(data=bytes([_VERSION, len(methods)]) + methods, wanted_bytes=2)
    if version != _VERSION:
        raise ConnectionFailed(f"{place}: it does not speak SOCKS 5; check its port, and whether it is kind: http")
    if method == _USER_AND_PASSWORD and secret:
        yield from _socks5_login(proxy, secret)
    elif method == _NO_METHOD or method not in methods:
        cure = "check its user and secret" if secret else "set user and secret of the proxy"
        raise ConnectionFailed(f"{place}: it wants another authentication; {cure}")
    request = bytes([_VERSION, _CONNECT, 0]) + _socks5_address(host) + port.to_bytes(2, "big")
    version, answer, _, kind = yield Turn(data=request, wanted_bytes=4)
    if version != _VERSION:
        raise ConnectionFailed(f"{place}: its answer is not SOCKS 5")
    if answer:
        raise ConnectionFailed(f"{place}: no connection to {host}:{port}: {_REFUSALS.get(answer, f'reply {answer}')}")
    yield from _skip_bound_address(kind, place=place)


def _socks5_login(proxy: ProxySettings, secret: Secret) -> Handshake:
    """RFC 1929: version 1, user and password, each with its length in one byte."""
    user, password = proxy.user.encode(), secret.reveal().encode()
    if not 0 < len(user) < 256 or not 0 < len(password) < 256:
        raise ConnectionFailed(f"{place_of_proxy(proxy)}: SOCKS 5 takes a user and a secret of 1 to 255 bytes")
    login = b"\1" + bytes([len(user)]) + user + bytes([len(password)]) + password
    _, status = yield Turn(data=login, wanted_bytes=2)
    if status:
        raise ConnectionFailed(f"{place_of_proxy(proxy)}: it refused user and secret; check both")


def _socks5_address(host: str) -> bytes:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        name = _ascii_name(host)
        return bytes([_DOMAIN_NAME, len(name)]) + name
    return bytes([_IPV4 if address.version == 4 else _IPV6]) + address.packed


def _skip_bound_address(kind: int, *, place: str) -> Handshake:
    """Where the proxy connected from, which nobody needs but which stands before the server's first byte."""
    length = {_IPV4: 4, _IPV6: 16}.get(kind)
    if kind == _DOMAIN_NAME:
        (length,) = yield Turn(data=b"", wanted_bytes=1)
    if length is None:
        raise ConnectionFailed(f"{place}: its answer has an address of unknown type {kind}")
    yield Turn(data=b"", wanted_bytes=length + 2)


# -- HTTP CONNECT: RFC 9110 section 9.3.6 -----------------------------------------------------------

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r\n")
_SHOWN_CHARACTERS: Final = 200


def _http_connect(proxy: ProxySettings, *, host: str, port: int, secret: Secret | None) -> Handshake:
    place = place_of_proxy(proxy)
    target = f"{_in_url(host)}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if secret:
        if ":" in proxy.user:
            # "a user-id containing a colon character is invalid" (RFC 7617 section 2)
            raise ConnectionFailed(f"{place}: HTTP takes no user with a colon")
        lines.append(f"Proxy-Authorization: Basic {basic_credentials(proxy.user, secret)}")
    header = yield Turn(data="\r\n".join([*lines, "", ""]).encode(), wanted_bytes=None)
    status_line = _STATUS_LINE.match(header)
    if status_line is None:
        raise ConnectionFailed(f"{place}: it does not speak HTTP; check its port, and whether it is kind: socks5")
    status = int(status_line[1])
    if not 200 <= status < 300:
        words = _printable(status_line[2] or b"")
        raise ConnectionFailed(f"{place}: no connection to {target}: {status} {words}{_http_cure(status)}".rstrip())


def _http_cure(status: int) -> str:
    return {
        401: "; check the proxy's user and secret",  # what tinyproxy says where RFC 9110 has 407
        407: "; check the proxy's user and secret",
        403: "; its rules may not allow this port",
        405: "; it may be no proxy for CONNECT",
    }.get(status, "")


def _in_url(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _ascii_name(host).decode()
    return str(address) if address.version == 4 else f"[{address}]"


def _printable(words: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "?" for byte in words[:_SHOWN_CHARACTERS])


def _ascii_name(host: str) -> bytes:
    try:
        name = host.encode("idna")
    except UnicodeError as error:
        raise ConnectionFailed(f"{host!r} is no host name ({error})") from error
    if not 0 < len(name) < 256:
        raise ConnectionFailed(f"{host!r} is no host name: it is longer than 255 bytes")
    return name
