"""Where do the pieces of a message's content go while they arrive?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.command import ContentBegun
from mailrules.imap.fetch_data import section_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.framing import ContentOffered
    from mailrules.imap.in_flight import InFlight


class ContentIntake:
    """Passes the literal that arrives in pieces on to the command that wants it."""

    def __init__(self) -> None:
        self._sink: Callable[[bytes], None] = _nowhere

    def begin(self, offered: ContentOffered, message: FetchData, *, in_flight: Iterable[InFlight]) -> bool:
        """Whether one of these commands takes the content of this message in pieces, the first in turn."""
        begun = ContentBegun(message=message, section=section_name(offered.section), size_bytes=offered.size_bytes)
        sinks = (one.content_sink(begun) for one in in_flight)
        sink = next((sink for sink in sinks if sink is not None), None)
        if sink is None:
            return False
        self._sink = sink
        return True

    def take(self, data: bytes) -> None:
        """The next piece of what was begun last."""
        self._sink(data)


def _nowhere(piece: bytes) -> None:
    """For content that no command has begun to take."""
    del piece
