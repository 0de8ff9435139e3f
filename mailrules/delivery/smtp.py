"""One attempt to hand in one message over SMTP (RFC 5321), in two phases, so that we know where it stopped.

aiosmtplib sends DATA, the message and the dot in one call, and an error from it does not say how far it came. So the
message goes out here: after the server's 354 in pieces, and the dot as a command of its own, before which the caller
writes down that the outcome may be unknown (docs/decisions/0006).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiosmtplib

from mailrules.client.credentials import resolve
from mailrules.client.tls import client_context
from mailrules.delivery.canonical import dots_stuffed
from mailrules.delivery.starttls import TamperedWith, start_tls
from mailrules.errors import ConnectionFailed, SecretError
from mailrules.execution.effects import EffectOutcome
from mailrules.logs import clean_text
from mailrules.mailbox.strict_address import strict_address
from mailrules.settings import Security
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from mailrules.client.connect import SecretResolver
    from mailrules.settings import SmtpSettings

PIECE_BYTES = 64 << 10
LOCKED_OUT_SECONDS = 900.0
"""A refused login is not tried again at once: servers lock accounts out."""

_HELLO = "[127.0.0.1]"
"""What we call ourselves (RFC 5321 section 4.1.3): the name of this machine is nobody's business."""

_MOST_REPLY_CHARACTERS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is handed in: ``sender`` is "" for the null reverse-path; ``path`` holds canonical lines."""

    sender: str
    recipient: str
    path: Path

    def has_8bit(self) -> bool:
        """Whether it needs 8BITMIME (RFC 6152)."""
        with self.path.open("rb") as file:
            return any(not piece.isascii() for piece in _pieces(file))


class _Refused(Exception):
    """The server said no, or could not be talked to, before the message counted: surely nothing was sent."""

    def __init__(
        self, words: str, *, is_final: bool = False, retry_seconds: float = 0.0, is_unreachable: bool = False
    ) -> None:
        self.is_final, self.retry_seconds, self.is_unreachable = is_final, retry_seconds, is_unreachable
        super().__init__(words)


async def hand_in(
    letter: Letter,
    settings: SmtpSettings,
    *,
    begin: Callable[[], Awaitable[None]],
    resolve_secret: SecretResolver = resolve,
) -> EffectOutcome:
    """Hand in one message. ``begin`` is awaited right before the dot.

    What is raised after that leaves the outcome unknown: no answer came, or one that is none.
    """
    try:
        client = await _connected(settings, resolve_secret=resolve_secret)
    except _Refused as refused:
        return _not_sent(refused)
    # Lives until the connection is closed: a writer that is collected earlier would close it.
    writer = _writer(client)
    try:
        try:
            await _envelope(client, letter)
            await _content(writer, letter.path, seconds=settings.timeout_seconds)
        except _Refused as refused:
            _leave(client)
            return _not_sent(refused)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            return EffectOutcome(done=False, detail=f"before the message was sent: {_words(error)}", retry_seconds=0.0)
        await begin()
        if not client.is_connected:
            # Known before the dot was written, so it never was.
            return EffectOutcome(done=False, detail="the connection was lost before the dot", retry_seconds=0.0)
        outcome = _verdict(await client.execute_command(b"."))
        _leave(client)
        return outcome
    finally:
        # Cut, where we stopped within the message: a QUIT would be a line of it.
        client.close()


async def _connected(settings: SmtpSettings, *, resolve_secret: SecretResolver) -> aiosmtplib.SMTP:
    """A connection that is protected as configured, and logged in. Raises _Refused."""
    try:
        context = None if settings.security is Security.NONE else client_context(ca_file=settings.ca_file)
        secret = await resolve_secret(settings.secret) if settings.secret else None
    except (ConnectionFailed, SecretError) as error:
        raise _Refused(str(error)) from error
    client = aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        local_hostname=_HELLO,
        timeout=settings.timeout_seconds,
        use_tls=settings.security is Security.TLS,
        start_tls=False,
        tls_context=context,
    )
    try:
        await client.connect()
        await client.ehlo()
        if settings.security is Security.STARTTLS:
            # Refused where it is not offered: nothing is said in the clear instead.
            await start_tls(client)
        if secret is not None:
            await client.login(settings.user, secret.reveal())
    except TamperedWith as error:
        _leave(client)
        raise _Refused(f"{settings.host}:{settings.port}: {error}", is_unreachable=True) from None
    except aiosmtplib.SMTPAuthenticationError as error:
        _leave(client)
        is_no = 500 <= error.code <= 599
        seconds = LOCKED_OUT_SECONDS if is_no else 0.0
        raise _Refused(f"login: {_words(error)}", retry_seconds=seconds, is_unreachable=True) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
        _leave(client)
        # No cause: aiosmtplib's errors may hold what was sent.
        raise _Refused(f"{settings.host}:{settings.port}: {_words(error)}", is_unreachable=True) from None
    return client


async def _envelope(client: aiosmtplib.SMTP, letter: Letter) -> None:
    """MAIL and RCPT. Raises _Refused, and what the connection raises."""
    has_8bit = await asyncio.to_thread(letter.has_8bit)
    if has_8bit and not client.supports_extension("8bitmime"):
        raise _Refused("the message holds 8-bit text, and the server has no 8BITMIME", is_final=True)
    parameters = [b"BODY=8BITMIME"] if has_8bit else []
    if client.supports_extension("size"):
        parameters.append(b"SIZE=%d" % letter.path.stat().st_size)
    sender = strict_address(letter.sender) if letter.sender else ""
    await _command(client, b"MAIL", f"FROM:<{sender}>".encode("ascii"), *parameters)
    await _command(client, b"RCPT", f"TO:<{strict_address(letter.recipient)}>".encode("ascii"))
    await _command(client, b"DATA", wanted=354)


async def _command(client: aiosmtplib.SMTP, *words: bytes, wanted: int = 250) -> None:
    reply = await client.execute_command(*words)
    # RFC 5321 section 4.3.2: 251 and 252 accept a recipient too.
    if reply.code != wanted and not (wanted == 250 and reply.code in {251, 252}):
        is_final = 500 <= reply.code <= 599
        raise _Refused(f"{words[0].decode()}: {_reply_words(reply)}", is_final=is_final)


def _writer(client: aiosmtplib.SMTP) -> asyncio.StreamWriter | None:
    """What waits until the connection has room again; the connection stays aiosmtplib's. None where it is lost."""
    transport, protocol = client.transport, client.protocol
    if not isinstance(transport, asyncio.WriteTransport) or protocol is None:
        return None
    return asyncio.StreamWriter(transport, protocol, None, asyncio.get_running_loop())


async def _content(writer: asyncio.StreamWriter | None, path: Path, *, seconds: float) -> None:
    """The message, dots stuffed, in constant memory; not yet the dot that ends it."""
    with path.open("rb") as file:
        for piece in dots_stuffed(_pieces(file)):
            if writer is None or writer.is_closing():
                raise ConnectionResetError("the connection was lost")
            writer.write(piece)
            async with asyncio.timeout(seconds):
                await writer.drain()


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _verdict(reply: aiosmtplib.SMTPResponse) -> EffectOutcome:
    """What the answer to the dot says. A refusal there is as good as one before it (RFC 5321 section 4.2.5)."""
    words = _reply_words(reply)
    if 200 <= reply.code <= 299:
        return EffectOutcome(done=True, detail=words)
    if 400 <= reply.code <= 499:
        return EffectOutcome(done=False, detail=f"after the message: {words}", retry_seconds=0.0)
    if 500 <= reply.code <= 599:
        return EffectOutcome(done=False, detail=f"after the message: {words}")
    raise aiosmtplib.SMTPResponseException(reply.code, "an answer that is none")


def _not_sent(refused: _Refused) -> EffectOutcome:
    return EffectOutcome(
        done=False,
        detail=str(refused),
        retry_seconds=None if refused.is_final else refused.retry_seconds,
        is_unreachable=refused.is_unreachable,
    )


def _leave(client: aiosmtplib.SMTP) -> None:
    """QUIT and close. Its answer would change nothing about what was sent, and the verdict must not wait for it."""
    with contextlib.suppress(aiosmtplib.SMTPException, OSError):
        if client.protocol is not None and client.is_connected:
            client.protocol.write(b"QUIT\r\n")
    client.close()


def _reply_words(reply: aiosmtplib.SMTPResponse) -> str:
    return f"{reply.code} {clean_text(reply.message)[:_MOST_REPLY_CHARACTERS]}"


def _words(error: Exception) -> str:
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {clean_text(error.message)[:_MOST_REPLY_CHARACTERS]}"
    return clean_text(f"{type(error).__name__}: {error}")[:_MOST_REPLY_CHARACTERS]
