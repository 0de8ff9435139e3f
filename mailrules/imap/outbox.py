"""Which bytes of our commands may go out now, and which wait for the server's ``+``?"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.imap.writer import Atom, LiteralSupport, write_command, write_line

if TYPE_CHECKING:
    from mailrules.imap.command import Command
    from mailrules.imap.events import Tag


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Bytes to send; those of a credential are kept out of transcripts."""

    data: bytes
    is_secret: bool = False


class Outbox:
    """The sending side of a connection."""

    def __init__(self) -> None:
        self._ready: list[Outgoing] = []
        self._waiting: deque[Outgoing] = deque()
        self._waiting_tag = ""

    @property
    def is_blocked(self) -> bool:
        """Whether a command is half sent, its literal waiting for ``+``: nothing may come in between."""
        return bool(self._waiting)

    def is_half_sent(self, tag: Tag) -> bool:
        """Whether it is this command of which a part is waiting."""
        return self.is_blocked and tag == self._waiting_tag

    def put_command(self, tag: Tag, command: Command[object], *, offered: frozenset[str], utf8: bool) -> None:
        """Write a command for a server with these capabilities. Raises LocalProtocolError and then sends nothing."""
        words = (*(Atom(word) for word in command.name.split()), *command.arguments(offered))
        first, *rest = write_command(tag, words, literals=_literal_support(offered), utf8=utf8)
        public_bytes = len(f"{tag} {command.name} ") if command.is_secret else len(first)
        self._ready.append(Outgoing(first[:public_bytes]))
        if command.is_secret:
            self._ready.append(Outgoing(first[public_bytes:], is_secret=True))
        self._waiting.extend(Outgoing(fragment, is_secret=command.is_secret) for fragment in rest)
        self._waiting_tag = tag

    def put_line(self, line: bytes, *, is_secret: bool = False) -> None:
        """Write a line that belongs to a command already sent."""
        self._ready.append(Outgoing(write_line(line), is_secret=is_secret))

    def send_waiting(self) -> None:
        """The server's ``+`` is here: the literal may go, up to the next one."""
        self._ready.append(self._waiting.popleft())

    def drop_waiting(self, tag: Tag) -> None:
        """The server does not want the rest of this command: it said NO instead of ``+``."""
        if self.is_half_sent(tag):
            self._waiting.clear()

    def clear(self) -> None:
        """Nothing goes out any more."""
        self._ready.clear()
        self._waiting.clear()

    def take(self) -> list[Outgoing]:
        """What is to be sent now, each piece once."""
        ready, self._ready = self._ready, []
        return ready


def _literal_support(offered: frozenset[str]) -> LiteralSupport:
    if "LITERAL+" in offered:
        return LiteralSupport.PLUS
    return LiteralSupport.MINUS if "LITERAL-" in offered else LiteralSupport.SYNCHRONISING
