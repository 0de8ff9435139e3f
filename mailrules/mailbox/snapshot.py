"""What rules see of one mailbox: facts in columns, row i being the message ``uids[i]``.

A snapshot only gains facts, it never changes one: ``add`` fills what was missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.message import FLAGS, MODSEQ, RECEIVED, SIZE, STRUCTURE, TEXT, Fact, FactKind, header_fact
from mailrules.mailbox.rows import every_row, mask_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Part, Unreadable
    from mailrules.mailbox.store import MailboxInfo, MailboxStatus


class Snapshot:
    """Facts of one mailbox's messages, ascending by UID."""

    def __init__(self, *, account: str, info: MailboxInfo, status: MailboxStatus, uids: Sequence[UID]) -> None:
        self.account = account
        self.info = info
        self.status = status
        self.uids = tuple(uids)
        count = len(self.uids)
        self.flags: list[frozenset[str] | None] = [None] * count
        self.size_bytes: list[int | None] = [None] * count
        self.received: list[datetime | Unreadable | None] = [None] * count
        self.modseq: list[int | None] = [None] * count
        self.structure: list[tuple[Part, ...] | Unreadable | None] = [None] * count
        self.texts: list[tuple[tuple[Part, bytes], ...] | Unreadable | None] = [None] * count
        self.object_ids: list[str] = [""] * count
        self._row_of = {uid: row for row, uid in enumerate(self.uids)}
        self._known: dict[Fact, int] = {}

    @property
    def mailbox(self) -> str:
        return self.status.mailbox

    @property
    def all_rows(self) -> int:
        return every_row(len(self.uids))

    def row_of(self, uid: UID) -> int:
        """The row of a UID; KeyError if the snapshot does not hold it."""
        return self._row_of[uid]

    def known(self, fact: Fact) -> int:
        """The rows for which this fact has been fetched."""
        return self._known.get(fact, 0)

    def mask_of(self, rows: Iterable[int]) -> int:
        return mask_of(rows, count=len(self.uids))

    def add(self, request: FactRequest, facts: Iterable[MessageFacts]) -> None:
        """Take in the answer to ``request``. Messages not in the snapshot are ignored."""
        raise NotImplementedError  # the owner of mailbox/ writes this
