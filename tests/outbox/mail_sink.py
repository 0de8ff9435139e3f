"""A real SMTP server (aiosmtpd) in the test's loop that takes mail, or fails at a point of the test's choosing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

DROP = ""
"""In place of a reply: the connection is cut."""

POINTS = ("greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "before_dot", "dot", "after_dot")
"""Where it can fail. ``dot`` refuses the message, ``after_dot`` takes it and loses the reply."""


@dataclass(frozen=True)
class Taken:
    """A message that the server has taken: it can't be taken back."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass
class MailSink:
    """What came of all connections. ``failing`` maps a point to what is said there, DROP for nothing."""

    failing: dict[str, str] = field(default_factory=dict)
    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    watch: Callable[[str], None] = lambda _: None
    """Told of each point as it is reached, and of ``taken`` before the reply."""
    tls: ssl.SSLContext | None = None
    users: dict[str, str] = field(default_factory=dict)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 -- aiosmtpd's
        if "dot" in self.failing:
            return await _strike(server, self.failing["dot"])
        assert isinstance(envelope.content, bytes)
        self.taken.append(Taken(str(envelope.mail_from or "").strip("<>"), tuple(envelope.rcpt_tos), envelope.content))
        self.watch("taken")
        if "after_dot" in self.failing:
            return await _strike(server, self.failing["after_dot"])
        return "250 2.0.0 taken"

    def authenticate(self, *about: object) -> AuthResult:
        """aiosmtpd's authenticator: server, session, envelope, mechanism and the login."""
        login, password = (bytes(getattr(about[-1], name)).decode() for name in ("login", "password"))
        self.logins.append((login, password))
        return AuthResult(success=self.users.get(login) == password)


class _Server(SMTP):
    """aiosmtpd with a fault at one point."""

    def __init__(self, sink: MailSink) -> None:
        self._sink = sink
        super().__init__(
            sink,
            hostname="sink.example",
            tls_context=sink.tls,
            authenticator=sink.authenticate if sink.users else None,
            auth_required=bool(sink.users),
            auth_require_tls=sink.tls is not None,
            enable_SMTPUTF8=False,
            data_size_limit=1 << 31,
        )

    async def push(self, status: str | bytes) -> None:
        text = status.decode() if isinstance(status, bytes) else status
        if text.startswith("220 sink.example") and "greeting" in self._sink.failing:
            text = await _strike(self, self._sink.failing["greeting"])
        await super().push(text)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802 -- aiosmtpd's
        await self._act("ehlo", super().smtp_EHLO, hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's
        await self._act("starttls", super().smtp_STARTTLS, arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's
        await self._act("auth", super().smtp_AUTH, arg)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's
        await self._act("mail", super().smtp_MAIL, arg)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's
        await self._act("rcpt", super().smtp_RCPT, arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 -- aiosmtpd's
        if "before_dot" in self._sink.failing:
            await self.push("354 go on")
            await self._reader.readline()
            await _strike(self, DROP)
            return
        await self._act("data", super().smtp_DATA, arg)

    async def _act(self, point: str, usual: object, arg: str) -> None:
        self._sink.commands.append(f"{point} {arg or ''}".strip())
        self._sink.watch(point)
        if point in self._sink.failing:
            reply = await _strike(self, self._sink.failing[point])
            if reply:
                await self.push(reply)
            return
        await usual(arg)


async def _strike(server: SMTP, reply: str) -> str:
    """The reply that is to be said, or the connection cut for good."""
    if reply == DROP:
        server.transport.abort()
        # What aiosmtpd would still say has nobody to go to; it ends when it is told of the lost connection.
        await asyncio.Event().wait()
    return reply


@asynccontextmanager
async def mail_sink(sink: MailSink) -> AsyncIterator[MailSink]:
    """The server on a free port of this machine."""
    loop = asyncio.get_running_loop()
    servers: list[_Server] = []

    def made() -> _Server:
        servers.append(_Server(sink))
        return servers[-1]

    server = await loop.create_server(made, "127.0.0.1", sink.port)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for one in servers:
            if one.transport is not None:
                one.transport.abort()
        tasks = [one._handler_coroutine for one in servers if one._handler_coroutine is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
