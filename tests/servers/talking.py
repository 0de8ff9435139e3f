"""How does a test run typed commands against a real server and see every untagged response that nobody asked for?"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, TypeVar

from mailrules.client.fallbacks import Progress
from mailrules.errors import IMAPError
from mailrules.imap.connection import Connection
from mailrules.imap.events import CommandCompleted, CommandFailed, Greeted, UntaggedReceived
from mailrules.imap.session_commands import Capability, Login, Logout
from mailrules.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from mailrules.client.fallbacks import Procedure
    from mailrules.imap.command import Command
    from mailrules.imap.events import Event
    from mailrules.imap.parser import Untagged
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

R = TypeVar("R")
_SECONDS = 20


class Talk:
    """One logged-in connection that runs one command after the other; ``unasked`` is what no command claimed."""

    def __init__(self, account: DovecotAccount | ServerAccount) -> None:
        self.unasked: list[Untagged] = []
        self.connection = Connection()
        self._socket = socket.create_connection((account.host, account.port), timeout=_SECONDS)
        greeted = self._until(lambda event: isinstance(event, Greeted))
        assert isinstance(greeted, Greeted)
        self.greeting = greeted.greeting.text
        self.run(Login(account.user, Secret(account.password)))
        self.run(Capability())

    def run(self, command: Command[R]) -> R:
        """Run the command and give its result. Raises what it ended in."""
        tag = self.connection.submit(command)
        self._send()
        event = self._until(
            lambda event: isinstance(event, CommandCompleted | CommandFailed) and event.tag == tag,
        )
        if isinstance(event, CommandFailed):
            raise event.error
        assert isinstance(event, CommandCompleted)
        return event.result  # type: ignore[return-value] # the R of the command

    def carry_out(self, procedure: Procedure[R], *, without: frozenset[str] = frozenset()) -> R:
        """Run the commands of a procedure, as if the server did not announce those capabilities."""
        connection = self.connection
        offered = connection.capabilities - without
        progress = Progress(procedure, offered=offered, selections=connection.selections, line_bytes=8_000)
        while not progress.is_done:
            progress.require_same_mailbox(connection.selections)
            progress.take([self._outcome(command) for command in progress.batch])
        return progress.result

    def wait_for(self, is_it: Callable[[Untagged], bool]) -> Untagged:
        """The first response that nobody asked for of which this is true, told already or to come."""
        for response in self.unasked:
            if is_it(response):
                return response
        event = self._until(lambda event: isinstance(event, UntaggedReceived) and is_it(event.response))
        assert isinstance(event, UntaggedReceived)
        return event.response

    def close(self) -> None:
        """Part from the server."""
        self.run(Logout())
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def _outcome(self, command: Command[object]) -> object:
        try:
            return self.run(command)
        except IMAPError as error:
            return error

    def _until(self, is_it: Callable[[Event], bool]) -> Event:
        while True:
            data = self._socket.recv(65536)
            assert data, "the server closed the connection"
            events = self.connection.receive_data(data)
            self._send()
            self.unasked += [event.response for event in events if isinstance(event, UntaggedReceived)]
            for event in events:
                if is_it(event):
                    return event

    def _send(self) -> None:
        for piece in self.connection.data_to_send():
            self._socket.sendall(piece.data)
