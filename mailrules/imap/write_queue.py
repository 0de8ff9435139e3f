"""Which bytes of our commands may go out now, and which wait for the server's ``+`` or for the driver?"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from mailrules.errors import LocalProtocolError
from mailrules.imap.events import Tag
from mailrules.imap.writer import Atom, Gap, LiteralSupport, write_command, write_line
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.imap.command import Command


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes to send; those of a credential are kept out of transcripts."""

    data: bytes
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class ContentWanted:
    """The next ``left_bytes`` on the wire belong to a streamed literal of this command."""

    tag: Tag
    left_bytes: int


class WriteQueue:
    """The sending side of a connection."""

    def __init__(self) -> None:
        self._ready: list[Outgoing] = []
        self._waiting: deque[Outgoing | Gap] = deque()
        self._waiting_tag = Tag("")
        self._wanted: ContentWanted | None = None
        self._may_hold_nul = False

    @property
    def is_blocked(self) -> bool:
        """Whether a command is half sent: nothing may come in between."""
        return bool(self._waiting) or self._wanted is not None

    @property
    def awaits_go_ahead(self) -> bool:
        """Whether the next ``+`` lets the rest of a command out."""
        return bool(self._waiting) and self._wanted is None

    @property
    def wanted(self) -> ContentWanted | None:
        """The streamed literal whose turn it is."""
        return self._wanted

    def is_half_sent(self, tag: Tag) -> bool:
        """Whether it is this command of which a part is waiting."""
        return self.is_blocked and tag == self._waiting_tag

    def put_command(self, tag: Tag, command: Command[object], *, offered: frozenset[str], utf8: bool) -> None:
        """Write a command for a server with these capabilities. Raises LocalProtocolError and then sends nothing."""
        words = (*(Atom(word) for word in command.name.split()), *command.arguments(offered))
        fragments = write_command(tag, words, literals=_literal_support(offered), utf8=utf8)
        first, *rest = (
            one if isinstance(one, Gap) else Outgoing(one, is_secret=command.is_secret) for one in fragments
        )
        self._waiting_tag = tag
        self._waiting.extend(rest)
        if isinstance(first, Outgoing):
            public_bytes = len(f"{tag} {command.name} ") if command.is_secret else len(first.data)
            self._ready.append(Outgoing(first.data[:public_bytes]))
            if command.is_secret:
                self._ready.append(Outgoing(first.data[public_bytes:], is_secret=True))
        if self._waiting and isinstance(self._waiting[0], Gap) and not self._waiting[0].waits:
            self._go_on()

    def put_line(self, line: bytes, *, is_secret: bool = False) -> None:
        """Write a line that belongs to a command already sent."""
        self._ready.append(Outgoing(write_line(line), is_secret=is_secret))

    def send_waiting(self) -> None:
        """The server's ``+`` is here: the literal may go, up to the next one."""
        self._go_on()

    def put_content(self, data: bytes) -> None:
        """The next bytes of the literal that is ``wanted``. Raises LocalProtocolError and then takes nothing."""
        if self._wanted is None:
            raise LocalProtocolError("no command waits for content")
        left_bytes = self._wanted.left_bytes - len(data)
        if left_bytes < 0:
            raise LocalProtocolError(f"content is {-left_bytes} bytes longer than the literal that was announced")
        if b"\0" in data and not self._may_hold_nul:
            raise LocalProtocolError(f"a literal cannot hold NUL, found with {self._wanted.left_bytes} bytes to go")
        self._ready.append(Outgoing(data))
        self._want(left_bytes)

    def drop_waiting(self, tag: Tag) -> None:
        """The server does not want the rest of this command: it said NO instead of ``+``.

        A literal that has begun goes on: the server can only read it to its end.
        """
        if self.is_half_sent(tag) and self._wanted is None:
            self._waiting.clear()

    def clear(self) -> None:
        """Nothing goes out any more."""
        self._ready.clear()
        self._waiting.clear()
        self._wanted = None

    def take(self) -> list[Outgoing]:
        """What is to be sent now, each piece once."""
        ready, self._ready = self._ready, []
        return ready

    def _go_on(self) -> None:
        """Send the next fragment, or want the content that comes next."""
        fragment = self._waiting.popleft()
        if isinstance(fragment, Outgoing):
            self._ready.append(fragment)
            if self._waiting and isinstance(gap := self._waiting[0], Gap) and not gap.waits:
                self._go_on()
        else:
            self._may_hold_nul = fragment.may_hold_nul
            self._want(fragment.size_bytes)

    def _want(self, left_bytes: int) -> None:
        if left_bytes:
            self._wanted = ContentWanted(self._waiting_tag, left_bytes)
        else:
            self._wanted = None
            self._go_on()


def _literal_support(offered: frozenset[str]) -> LiteralSupport:
    if "LITERAL+" in offered:
        return LiteralSupport.PLUS
    return LiteralSupport.MINUS if offered & {"LITERAL-", "IMAP4REV2"} else LiteralSupport.SYNCHRONISING
