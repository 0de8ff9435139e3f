"""Snapshots for tests, from messages given as a few facts each."""

from collections.abc import Sequence

from mailrules.mailbox.message import UID, FactRequest, MessageFacts
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo, MailboxStatus

EVERYTHING = FactRequest(flags=True, size=True, received=True, modseq=True, structure=True, text=True)


def empty_snapshot(count: int, *, mailbox: str = "INBOX") -> Snapshot:
    """Messages with UIDs 1 to ``count``, of which nothing is known."""
    return Snapshot(
        account="home",
        info=MailboxInfo(name=mailbox, delimiter="/"),
        status=MailboxStatus(mailbox=mailbox, uidvalidity=1, messages=count),
        uids=[UID(number) for number in range(1, count + 1)],
    )


def header_snapshot(*headers: str | bytes, fields: Sequence[str]) -> Snapshot:
    """One message for each header block, of which these fields were fetched; lines end in LF."""
    snapshot = empty_snapshot(len(headers))
    blocks = [header.encode() if isinstance(header, str) else header for header in headers]
    snapshot.add(
        FactRequest(header_fields=tuple(fields)),
        [MessageFacts(uid=UID(number), header=block) for number, block in enumerate(blocks, 1)],
    )
    return snapshot
