"""What does the in-memory server answer to commands about quota (RFC 9208)?

Each account has one quota root, named "", for all its mailboxes: what ``quota`` says, and the storage where there is a
``quota_bytes``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.server_calls import LOGGED_IN, Done, Entry, Refused
from mailrules.testing.server_names import astring, shown_name

if TYPE_CHECKING:
    from mailrules.testing.server_calls import Call
    from mailrules.testing.server_session import Session

_UNIT_BYTES = 1024


async def _get_quota(session: Session, call: Call) -> Done:
    root = call.arguments.astring()
    call.arguments.end()
    if root:
        raise Refused("Quota root doesn't exist", code="NONEXISTENT")
    _tell(session)
    return Done(text="Getquota completed.")


async def _get_quota_root(session: Session, call: Call) -> Done:
    mailbox = session.mailbox(call.arguments.mailbox(), code="NONEXISTENT", right="r")
    call.arguments.end()
    session.untagged(b"QUOTAROOT %b %b" % (shown_name(mailbox.name), astring(b"")))
    _tell(session)
    return Done(text="Getquotaroot completed.")


async def _set_quota(session: Session, call: Call) -> Done:  # noqa: ARG001 - a Handler's signature
    call.arguments.astring()
    call.arguments.list()
    call.arguments.end()
    raise Refused("Only an administrator may", code="NOPERM")


def _tell(session: Session) -> None:
    told = list(session.mail.quota)
    if session.mail.quota_bytes is not None:
        used = -(-session.mail.size_bytes // _UNIT_BYTES)
        told.append(("STORAGE", used, session.mail.quota_bytes // _UNIT_BYTES))
    resources = " ".join(f"{name} {used} {limit}" for name, used, limit in told)
    session.untagged(f'QUOTA "" ({resources})'.encode())


QUOTA_COMMANDS = {
    "GETQUOTA": Entry(handler=_get_quota, states=LOGGED_IN, capability="QUOTA"),
    "GETQUOTAROOT": Entry(handler=_get_quota_root, states=LOGGED_IN, capability="QUOTA"),
    "SETQUOTA": Entry(handler=_set_quota, states=LOGGED_IN, capability="QUOTA"),
}
