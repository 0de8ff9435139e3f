"""What is a client told that comes back to a mailbox: the changes since a MODSEQ (QRESYNC, RFC 7162)?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.server_arguments import ArgumentList, Arguments, BadCommand, parse_sequence_ranges
from mailrules.testing.server_names import format_set
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.testing.mail_state import StoredMailbox
    from mailrules.testing.server_session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Resync:
    """``(QRESYNC (uidvalidity modseq known-uids))`` (RFC 7162 section 3.2.5)."""

    uidvalidity: int
    modseq: int
    known: bytes | None


def parse_resync(session: Session, parameters: ArgumentList) -> Resync | None:
    """The parameters of SELECT, of which only QRESYNC needs an answer. Raises BadCommand for unknown ones."""
    words, found = Arguments(parameters), None
    while words:
        if words.next_is(b"CONDSTORE"):
            continue
        if "QRESYNC" not in session.enabled or not words.next_is(b"QRESYNC"):
            raise BadCommand("Unknown parameter")
        told = Arguments(words.list())
        uidvalidity, modseq = told.number(), told.number()
        known = told.atom() if told and not isinstance(told.peek(), ArgumentList) else None
        found = Resync(uidvalidity=uidvalidity, modseq=modseq, known=known)
    return found


async def tell_changes(session: Session, resync: Resync) -> None:
    """VANISHED (EARLIER) and FETCH, for what has changed since."""
    view = session.selected
    if gone := vanished_since(view.mailbox, resync.modseq, known=resync.known):
        session.untagged(b"VANISHED (EARLIER) " + format_set(gone))
    for uid in view.uids:
        stored = view.mailbox.messages[uid]
        if stored.modseq > resync.modseq:
            shown = b"" if view.uid_only else b"UID %d " % uid
            words = b"%bFLAGS (%b) MODSEQ (%d)" % (shown, view.flags_text(stored), stored.modseq)
            session.untagged(view.fetch_line(uid, words))
            await session.flush_when_large()


def vanished_since(mailbox: StoredMailbox, modseq: int, *, known: bytes | None) -> list[int]:
    """The UIDs that went after that, ascending, of the ``known`` set where there is one."""
    gone = sorted(uid for uid, when in mailbox.vanished.items() if when > modseq)
    if known is None:
        return gone
    pairs = parse_sequence_ranges(known).resolve(mailbox.uidnext - 1)
    return [uid for uid in gone if any(first <= uid <= last for first, last in pairs)]
