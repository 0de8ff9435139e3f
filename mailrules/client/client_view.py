"""What does a client tell of its connection without asking the server, whichever way it waits?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.imap.connection import Connection
    from mailrules.imap.selected_mailbox import SelectedMailbox
    from mailrules.imap.states import State


class ClientView:
    """The asyncio client and the blocking one have this in common: a connection, and what it knows by now."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def greeting(self) -> str:
        """The text of the greeting, in which servers name themselves; "" before it."""
        return self._connection.greeting

    @property
    def capabilities(self) -> frozenset[str]:
        """Upper case, as last told."""
        return self._connection.capabilities

    @property
    def capabilities_are_current(self) -> bool:
        """False where a login or STARTTLS has made them stale: run ``Capability`` then."""
        return self._connection.capabilities_are_current

    @property
    def state(self) -> State:
        return self._connection.state

    @property
    def selected(self) -> SelectedMailbox | None:
        """The open mailbox as the server's responses tell it."""
        return self._connection.selected

    @property
    def line_bytes(self) -> int:
        """How long a command line this server takes, as far as ID, greeting and capabilities tell who it is."""
        return self._connection.line_bytes

    @property
    def server_name(self) -> str:
        """What ID calls "name", since somebody has run ``Id``; "" before."""
        return self._connection.server_name

    def take_news(self) -> bool:
        """Whether the open mailbox changed, other than by our commands, since this or ``idle`` last said so."""
        return self._connection.take_news()
