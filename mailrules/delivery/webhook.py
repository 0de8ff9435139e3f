"""One call of a configured endpoint over HTTP, to an address that was looked up once and may be called."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2

from mailrules.client.credentials import resolve
from mailrules.client.tls import client_context
from mailrules.errors import ConnectionFailed, SecretError
from mailrules.execution.effects import EffectOutcome, EffectRefused
from mailrules.logs import clean_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from mailrules.client.connect import SecretResolver
    from mailrules.settings import WebhookSettings

MAX_ANSWER_BYTES = 64 << 10
"""More of an answer is not read; its status is all that counts."""

LONGEST_RETRY_AFTER_SECONDS = 24 * 3600.0
_SENDING = ("http11.send_request_headers.started", "http2.send_request_headers.started")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


async def call(
    settings: WebhookSettings,
    body: bytes,
    *,
    key: str,
    begin: Callable[[], Awaitable[None]],
    content_type: str = "application/json",
    resolve_secret: SecretResolver = resolve,
    look_up: Callable[[str, int], Awaitable[list[str]]] | None = None,
) -> EffectOutcome:
    """POST a document; ``key`` "" sends no Idempotency-Key. ``begin`` is awaited before the first byte of the request.

    Raises EffectRefused for an address that must not be called; what is raised after ``begin`` leaves the
    outcome unknown.
    """
    parts = urlsplit(settings.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        address = await _allowed_address(host, port, settings, look_up=look_up or _look_up)
        headers = await _headers(settings, host=parts.netloc, key=key, resolve_secret=resolve_secret)
        headers["Content-Type"] = content_type
        context = client_context(ca_file=settings.ca_file)
    except (OSError, SecretError, ConnectionFailed) as error:
        return EffectOutcome(done=False, detail=f"{host}: {_words(error)}", retry_seconds=0.0, is_unreachable=True)
    shown = f"[{address}]" if ":" in address else address
    url = httpx2.URL(settings.url).copy_with(host=shown, port=port)
    has_begun = False

    async def trace(event: str, _details: Mapping[str, object]) -> None:
        nonlocal has_begun
        if event in _SENDING and not has_begun:
            has_begun = True
            await begin()

    # No proxies, cookies or passwords from the environment, and no second try that we do not know of.
    transport = httpx2.AsyncHTTPTransport(verify=context, retries=0, http2=False, trust_env=False)
    async with httpx2.AsyncClient(
        transport=transport, follow_redirects=False, timeout=settings.timeout_seconds, trust_env=False
    ) as client:
        request = client.build_request(
            "POST", url, content=body, headers=headers, extensions={"sni_hostname": host, "trace": trace}
        )
        try:
            async with asyncio.timeout(settings.timeout_seconds):
                response = await client.send(request, stream=True)
                await _read_a_little(response)
                await response.aclose()
        except (httpx2.HTTPError, OSError, TimeoutError) as error:
            if has_begun:
                raise
            return EffectOutcome(done=False, detail=f"{host}: {_words(error)}", retry_seconds=0.0, is_unreachable=True)
    return _verdict(response, is_idempotent=settings.is_idempotent)


def is_private(address: str) -> bool:
    """Whether an address is of this machine, of a private or link-local network, or not of the public Internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_private(str(inner))
    return not ip.is_global or ip.is_multicast


async def _allowed_address(
    host: str, port: int, settings: WebhookSettings, *, look_up: Callable[[str, int], Awaitable[list[str]]]
) -> str:
    """The address that is connected to: what is checked is what is called, whatever the name means a moment later."""
    addresses = await look_up(host, port)
    if not addresses:
        raise OSError("the name has no address")
    private = [one for one in addresses if is_private(one)]
    if private and not settings.allow_private:
        raise EffectRefused(
            f"{host} is {private[0]}, which is on this machine or in a private network;"
            f" where that is meant, write allow_private: true under webhooks.{settings.name}"
        )
    return addresses[0]


async def _look_up(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return [str(address[0]) for *_, address in found]


async def _headers(settings: WebhookSettings, *, host: str, key: str, resolve_secret: SecretResolver) -> dict[str, str]:
    headers = {
        "Host": host,
        "User-Agent": "mailrules",
        "Accept-Encoding": "identity",
    }
    if key:
        headers["Idempotency-Key"] = key
    if settings.secret is not None:
        headers[settings.header] = (await resolve_secret(settings.secret)).reveal()
    return headers


async def _read_a_little(response: httpx2.Response) -> None:
    read = 0
    async for piece in response.aiter_raw():
        read += len(piece)
        if read > MAX_ANSWER_BYTES:
            return


def _verdict(response: httpx2.Response, *, is_idempotent: bool) -> EffectOutcome:
    """What the status says. Where repetitions are dropped, whatever may pass by itself is tried again."""
    status = response.status_code
    words = f"the endpoint answered {status}"
    if 200 <= status <= 299:
        return EffectOutcome(done=True, detail=words)
    if is_idempotent and (status in {408, 425, 429} or status >= 500):
        return EffectOutcome(done=False, detail=words, retry_seconds=_retry_after(response))
    if 300 <= status <= 399:
        return EffectOutcome(done=False, detail=f"{words}, and redirects are not followed")
    if 400 <= status <= 499:
        return EffectOutcome(done=False, detail=words)
    raise OSError(f"{words}: it may have done it before it failed")


def _retry_after(response: httpx2.Response) -> float:
    """Seconds by Retry-After where it is a number (RFC 9110 section 10.2.3); a date is left to our own back-off."""
    text = response.headers.get("Retry-After", "").strip()
    return min(float(text), LONGEST_RETRY_AFTER_SECONDS) if text.isascii() and text.isdigit() else 0.0


def _words(error: Exception) -> str:
    return clean_text(f"{type(error).__name__}: {error}")[:300]
