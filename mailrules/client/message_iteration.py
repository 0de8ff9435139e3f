"""Which commands does it take to go over many messages in little memory, and which messages are handed on?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.client.batches import batches_of
from mailrules.client.line_cutting import room_for_uids
from mailrules.errors import LocalProtocolError
from mailrules.imap.message_commands import UidFetch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mailrules.imap.connection import Connection
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.sequence_set import SequenceSet

COMMANDS_IN_FLIGHT = 2
"""While the messages of one are looked at, the server writes those of the next."""


class MessageIteration:
    """What a driver keeps of one loop over messages of the open mailbox."""

    def __init__(
        self,
        connection: Connection,
        uids: SequenceSet,
        items: FetchItems,
        *,
        messages_per_command: int,
        line_bytes: int,
    ) -> None:
        if not isinstance(messages_per_command, int) or messages_per_command < 1:
            raise LocalProtocolError(f"messages_per_command is {messages_per_command!r}, and not a number from 1 on")
        self._connection, self._items = connection, items
        self._selections = connection.selections
        selected, whole = connection.selected, UidFetch(uids, items)
        self._batches = batches_of(
            uids,
            messages=selected.exists if selected else 0,
            uidnext=selected.uidnext if selected else None,
            messages_per_command=messages_per_command,
            line_bytes=room_for_uids(whole, offered=connection.capabilities, line_bytes=line_bytes),
        )

    def next_command(self) -> UidFetch | None:
        """What to send next, ascending by UID; None after the last.

        Raises LocalProtocolError where another mailbox was opened in between.
        """
        for uids in self._batches:
            if self._connection.selections != self._selections:
                raise LocalProtocolError("another mailbox was opened inside the loop over messages of this one")
            return UidFetch(uids, self._items)
        return None


def asked_for(command: UidFetch, messages: Iterable[FetchData]) -> Iterator[FetchData]:
    """Those that the command names: "n:*" gives the last message even below n (RFC 9051 section 6.4.8)."""
    first = command.uids.ranges[0][0]
    return (one for one in messages if one.uid is not None and one.uid >= first)
