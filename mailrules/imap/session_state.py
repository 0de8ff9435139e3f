"""In which state is a session, and what has the server told of itself and of the open mailbox?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import LocalProtocolError, RemoteProtocolError
from mailrules.imap.capabilities import Capabilities
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.quirks import command_line_bytes, untrue_capabilities
from mailrules.imap.responses import Malformed, Status, StatusResponse, Unknown
from mailrules.imap.sections import STATUS_RESPONSES
from mailrules.imap.selected_mailbox import SelectedMailbox
from mailrules.imap.session_commands import Authenticate, Compress, Login, StartTls, Unauthenticate
from mailrules.imap.shown import shown
from mailrules.imap.states import State, require_state, state_after

if TYPE_CHECKING:
    from mailrules.imap.command import Command
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import Tagged


class SessionState:
    """What the connection knows, told of each command when it goes out, when it is over, and when it has succeeded."""

    def __init__(self) -> None:
        self.state = State.GREETING
        self.greeting = ""
        """The text of the greeting."""
        self.server_name = ""
        """What ID calls "name", since somebody asked for it."""
        self.capabilities = Capabilities()
        self.mailbox: SelectedMailbox | None = None
        """The one that responses are about, from SELECT's sending on."""
        self.has_news = False
        """Whether it has changed, in a way that no command asked for, since somebody last took notice."""
        self._is_compressed = False

    def greet(self, response: Untagged) -> StatusResponse:
        """Take the greeting; BYE leaves the state. Raises RemoteProtocolError for anything that is no greeting."""
        if not isinstance(response, StatusResponse) or response.status in {Status.NO, Status.BAD}:
            raise RemoteProtocolError(
                "the server does not greet as IMAP servers do", sent=shown(_words_of(response)), rfc=STATUS_RESPONSES
            )
        self.greeting = response.text
        self.capabilities.disbelieve(untrue_capabilities(response.text))
        self.capabilities.note(response)
        if response.status is not Status.BYE:
            is_known = response.status is Status.PREAUTH
            self.state = State.AUTHENTICATED if is_known else State.NOT_AUTHENTICATED
        return response

    def require_for(self, command: Command[object]) -> None:
        """Raise LocalProtocolError or MissingCapability for a command that cannot go out now."""
        require_state(command.name, self.state)
        if isinstance(command, Unauthenticate) and self._is_compressed:
            # "the client's outgoing layer" ends behind this command already, the server's behind its OK: after a BAD
            # the two would not speak the same any more.
            raise LocalProtocolError("UNAUTHENTICATE ends compression (RFC 8437 section 4.1): open a new connection")
        self.capabilities.require_for(command)

    @property
    def line_bytes(self) -> int:
        """How long a command line this server takes, as far as ID, greeting and capabilities tell who it is."""
        return command_line_bytes(
            server_name=self.server_name, greeting=self.greeting, capabilities=self.capabilities.offered
        )

    def begin(self, command: Command[object]) -> None:
        """The command goes out."""
        if isinstance(command, Select):
            self.mailbox = SelectedMailbox(command.mailbox, read_only=command.is_read_only)
        elif isinstance(command, Login | Authenticate):
            self.capabilities.expect_new()

    def leave(self, command: Command[object], *, succeeded: bool, opening: Select | None) -> None:
        """The command is over; ``opening`` is the SELECT that is under way nevertheless."""
        self.state = state_after(command.name, self.state, succeeded=succeeded)
        if self.state is not State.SELECTED and opening is None:
            self.mailbox = None
        if isinstance(command, Login | Authenticate) and not succeeded:
            self.capabilities.keep()

    def follow(self, command: Command[object], reply: Tagged) -> None:
        """Draw what follows from the command's success, once the capabilities of its reply are noted."""
        if self.mailbox is not None:
            self.mailbox.end_command(reply.code)
        if isinstance(command, Select):
            self.has_news = False
        elif isinstance(command, StartTls):
            self.capabilities.forget()
            self.server_name = ""  # what was said in the clear may be anybody's
        elif isinstance(command, Unauthenticate):
            self.capabilities.start_over()
        elif isinstance(command, Compress):
            self._is_compressed = True

    def end(self) -> None:
        """The connection is over."""
        self.state = State.LOGOUT
        self.mailbox = None


def _words_of(response: Untagged) -> bytes | str:
    """What came in the place of a greeting, as far as it is kept."""
    match response:
        case Malformed(raw=raw):
            return raw
        case Unknown(name=name, raw=raw):
            return name.encode() + b" " + raw
        case StatusResponse(status=status, text=text):
            return f"{status} {text}"
        case _:
            return str(response)
