"""How are a client's answers said in the words of ``mailbox.store``?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.errors import RemoteProtocolError
from mailrules.mailbox.message import UID
from mailrules.mailbox.store import CopyOutcome, MailboxStatus, QuotaRoot, ResourceUse

if TYPE_CHECKING:
    from mailrules.imap.copy_commands import CopiedMessages
    from mailrules.imap.quota_data import QuotaData
    from mailrules.imap.selected_mailbox import OpenedMailbox


def status_of(opened: OpenedMailbox) -> MailboxStatus:
    """A mailbox as SELECT or EXAMINE told of it. Raises RemoteProtocolError where it has no UIDVALIDITY."""
    if opened.uidvalidity is None:
        # "a server that does not support UIDs" (RFC 3501 section 7.1): nothing here could be named for good.
        raise RemoteProtocolError(
            f"the server gives no UIDVALIDITY for {opened.mailbox!r}", sent="", rfc="RFC 3501 section 7.1"
        )
    return MailboxStatus(
        mailbox=opened.mailbox,
        uidvalidity=opened.uidvalidity,
        messages=opened.exists,
        uidnext=opened.uidnext,
        highest_modseq=opened.highest_modseq,
        permanent_flags=opened.permanent_flags,
        read_only=opened.read_only,
        mailbox_id=opened.mailbox_id,
        uids_are_sticky=opened.uids_are_sticky,
    )


def copy_outcome_of(copied: CopiedMessages) -> CopyOutcome:
    """Where a COPY or MOVE put its messages, as far as COPYUID told."""
    return CopyOutcome(
        uidvalidity=copied.uidvalidity, uids={UID(source): UID(target) for source, target in copied.uids.items()}
    )


def quota_root_of(told: QuotaData) -> QuotaRoot:
    """A quota root with what limits it."""
    resources = (ResourceUse(name=name, used=one.used, limit=one.limit) for name, one in told.resources.items())
    return QuotaRoot(name=told.root, resources=tuple(resources))
