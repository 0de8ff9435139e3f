"""How does a test, a demo or a plugin author get an IMAP server that lives in memory?"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import TYPE_CHECKING

from mailrules.settings import AccountSettings, Security
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_append import APPEND_COMMANDS
from mailrules.testing.server_faults import AtCommand
from mailrules.testing.server_logins import SESSION_COMMANDS
from mailrules.testing.server_mailboxes import MAILBOX_COMMANDS
from mailrules.testing.server_messages import MESSAGE_COMMANDS
from mailrules.testing.server_metadata import METADATA_COMMANDS
from mailrules.testing.server_notify import NOTIFY_COMMANDS
from mailrules.testing.server_profiles import profile_named
from mailrules.testing.server_quota import QUOTA_COMMANDS
from mailrules.testing.server_rights import RIGHTS_COMMANDS
from mailrules.testing.server_session import Session
from mailrules.testing.server_sort import SORT_COMMANDS
from mailrules.testing.server_wire import ServerWire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Self

    from mailrules.settings import SecretReference
    from mailrules.testing.server_faults import Fault, Reaction

HOST = "127.0.0.1"

_COMMANDS = {
    **SESSION_COMMANDS,
    **MAILBOX_COMMANDS,
    **RIGHTS_COMMANDS,
    **QUOTA_COMMANDS,
    **METADATA_COMMANDS,
    **MESSAGE_COMMANDS,
    **APPEND_COMMANDS,
    **SORT_COMMANDS,
    **NOTIFY_COMMANDS,
}
_BEFORE_LOGIN = frozenset({"IMAP4REV1", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE"})


class ImapServer:
    """An IMAP4rev1 server on loopback over ``MailAccount`` values, with switches and scripted faults.

    ``async with ImapServer(account) as server:`` listens on ``server.port`` in the running event
    loop; ``threaded_server.serve_in_thread`` runs one beside code that has a loop of its own.
    ``capabilities`` are what it offers, ``capabilities.without("MOVE")`` for less and ``with_more("SORT")`` for more.
    ``tls`` gives
    STARTTLS, with ``implicit_tls`` TLS from the first byte; ``requires_tls`` refuses logins in
    the clear. ``faults`` may be added to at any time; cuts count for connections made later.
    ``profile`` makes it behave like a server of the world, see ``server_profiles``. Sockets hold
    ``buffer_bytes`` each way, where it is given.
    """

    def __init__(
        self,
        *accounts: MailAccount,
        capabilities: Iterable[str] = EVERY_CAPABILITY,
        mechanisms: Iterable[str] = ("PLAIN", "XOAUTH2"),
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        requires_tls: bool = False,
        faults: Iterable[Fault] = (),
        profile: str = "",
        buffer_bytes: int | None = None,
    ) -> None:
        self.accounts = {account.user: account for account in accounts or (MailAccount(),)}
        self.capabilities = frozenset(name.upper() for name in capabilities)
        self.mechanisms = tuple(name.upper() for name in mechanisms)
        self.tls, self.implicit_tls, self.requires_tls = tls, implicit_tls, requires_tls
        self.faults = list(faults)
        self.commands_seen: list[str] = []
        """Names of all commands so far, over all connections: ``["LOGIN", "SELECT", "UID FETCH"]``."""
        self.port = 0
        self.greeting = "OK {capabilities} In-memory test server ready."
        """What follows ``* ``, with the capabilities' response code where it says so."""
        self.identity: tuple[tuple[str, str], ...] = (("name", "mailrules in-memory server"),)
        """What ID tells."""
        self.most_notifications: int | None = None
        """How many changes NOTIFY tells of at once; more end in NOTIFICATIONOVERFLOW."""
        self._habits: tuple[AtCommand, ...] = ()
        self._buffer_bytes = buffer_bytes
        if profile:
            self.behave_like(profile)
        self._command_counts: Counter[str] = Counter()
        self._connection_count = 0
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], ServerWire] = {}

    def behave_like(self, name: str) -> None:
        """Take the greeting, the capabilities and the habits of a profile; for connections made later.

        Raises ValueError for a name that is no key of ``server_profiles.PROFILES``.
        """
        profile = profile_named(name)
        self.greeting, self.identity = profile.greeting, profile.identity
        self.capabilities, self.mechanisms = profile.capabilities, profile.mechanisms
        self._habits = profile.habits

    @property
    def mail(self) -> MailAccount:
        """The first account."""
        return next(iter(self.accounts.values()))

    def settings(self, secret: SecretReference, *, name: str = "test", user: str | None = None) -> AccountSettings:
        """Account settings that log in here; ``secret`` must lead to the account's password."""
        protected = Security.TLS if self.implicit_tls else Security.STARTTLS
        security = Security.NONE if self.tls is None else protected
        return AccountSettings(
            name=name, user=user or self.mail.user, secret=secret, host=HOST, port=self.port, security=security
        )

    async def start(self) -> Self:
        """Listen on a free port of the loopback interface."""
        context = self.tls if self.implicit_tls else None
        listening = socket.create_server((HOST, 0))
        # What is accepted takes it over; asyncio sets it on sockets of its own making only, and an answer in two
        # pieces would wait 40 ms for the client's acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._buffer_bytes is not None:  # what is accepted takes them over
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                listening.setsockopt(socket.SOL_SOCKET, option, self._buffer_bytes)
        self._server = await asyncio.start_server(self._serve, sock=listening, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        """Close every connection and stop listening."""
        if self._server is None:
            return
        self._server.close()
        self.drop_connections()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def drop_connections(self) -> None:
        """Cut every connection that is open now."""
        for wire in list(self._connections.values()):
            wire.cut()

    def announced(self, *, is_logged_in: bool, is_tls: bool) -> list[str]:
        """The capabilities to announce, ``IMAP4rev1`` first."""
        shown = sorted(self.capabilities - {"IMAP4REV1"})
        if not is_logged_in:
            shown = [name for name in shown if name in _BEFORE_LOGIN]
            may_log_in = is_tls or not self.requires_tls
            shown += [f"AUTH={name}" for name in self.mechanisms] if may_log_in else ["LOGINDISABLED"]
            shown += ["STARTTLS"] if self.tls is not None and not is_tls else []
        return ["IMAP4rev1", *shown]

    def take_reaction(self, command: str, *, text: bytes, said: frozenset[str]) -> Reaction | None:
        """Count a command that has come in, and return the fault that is due at it, if any.

        ``text`` is the command without its tag, ``said`` names what came before it on its connection.
        """
        self.commands_seen.append(command)
        self._command_counts.update((command, "*"))
        for fault in (*self.faults, *self._habits):
            if isinstance(fault, AtCommand) and fault.is_due(
                command, count=self._command_counts[fault.command], text=text, said=said
            ):
                return fault.reaction
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connection_count += 1
        wire = ServerWire(reader, writer, number=self._connection_count, faults=self.faults)
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = wire
        try:
            await Session(self, wire, commands=_COMMANDS).run()
            await wire.close()
        finally:
            del self._connections[task]
            wire.cut()
