"""What shows that a server which owes a reply is at work, so that the deadline starts anew?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.events import CommandCompleted, CommandFailed, Greeted, UntaggedReceived
from mailrules.imap.response_codes import InProgressCode
from mailrules.imap.responses import StatusResponse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.imap.connection import Connection
    from mailrules.imap.events import Event

PROGRESS_BYTES = 1 << 20
"""So much content is a sign of life."""


class LifeSigns:
    """Commands that are done, INPROGRESS (RFC 9585), and content by the MiB; not mere bytes, which may trickle."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen_bytes = 0

    def are_in(self, events: Iterable[Event]) -> bool:
        """Whether one of these events is one."""
        return any(isinstance(event, CommandCompleted | CommandFailed | Greeted) or _at_work(event) for event in events)

    def are_in_content(self) -> bool:
        """Whether enough content has passed, either way, since this last said so."""
        if self._connection.streamed_bytes < self._seen_bytes + PROGRESS_BYTES:
            return False
        self._seen_bytes = self._connection.streamed_bytes
        return True


def _at_work(event: Event) -> bool:
    response = event.response if isinstance(event, UntaggedReceived) else None
    return isinstance(response, StatusResponse) and isinstance(response.code, InProgressCode)
