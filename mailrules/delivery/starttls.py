"""How is an SMTP connection protected, so that nothing said in the clear is taken for what was said under TLS?

RFC 3207 section 4.2: what was learned before TLS is forgotten. Who sits between us and the server may put words of
his own behind the server's 220. aiosmtplib drops them, and goes on; here they end the connection, since somebody is
tampering with it.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiosmtplib

if TYPE_CHECKING:
    from aiosmtplib.protocol import SMTPProtocol

_REPLY = re.compile(rb"(?:[0-9]{3}-[^\n]*\n)*[0-9]{3}(?: [^\n]*)?\n")


class TamperedWith(Exception):
    """Something came in the clear behind the server's leave to begin TLS."""


async def start_tls(client: aiosmtplib.SMTP) -> None:
    """STARTTLS and EHLO anew. Raises TamperedWith, and what aiosmtplib raises where there is no STARTTLS or no TLS."""
    transport, protocol = client.transport, client.protocol
    if not isinstance(transport, asyncio.Transport) or protocol is None:
        raise aiosmtplib.SMTPServerDisconnected("the connection was lost")
    guard = _Guard(protocol, transport)
    transport.set_protocol(guard)  # until TLS puts its own in this place
    try:
        await client.starttls()
    except (aiosmtplib.SMTPException, OSError) as error:
        guard.require_untouched(error)
        raise
    guard.require_untouched(None)
    await client.ehlo()


class _Guard(asyncio.Protocol):
    """Hands everything on, and cuts the connection where more than one reply comes."""

    def __init__(self, protocol: SMTPProtocol, transport: asyncio.Transport) -> None:
        self._protocol, self._transport = protocol, transport
        self._received = bytearray()
        self._behind_bytes = 0

    def require_untouched(self, cause: Exception | None) -> None:
        if self._behind_bytes:
            raise TamperedWith(
                f"{self._behind_bytes} bytes behind the answer to STARTTLS came without TLS; somebody on the way may "
                "have put them there (RFC 3207 section 4.2)"
            ) from cause

    def data_received(self, data: bytes) -> None:
        self._received += data
        reply = _REPLY.match(self._received)
        self._behind_bytes = 0 if reply is None else len(self._received) - reply.end()
        if self._behind_bytes:
            self._transport.abort()
        else:
            self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()
