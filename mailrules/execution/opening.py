"""Which mailboxes does a run work on, and are they still what its plan means?"""

from __future__ import annotations

import asyncio
from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.batches import Stage
from mailrules.execution.reply_codes import explain
from mailrules.journal.records import Operation
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.execution.batches import Batch
    from mailrules.execution.session import Session
    from mailrules.mailbox.store import MailboxStatus, MailStore
    from mailrules.plan.plan import MailboxPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The source, the targets as they were before, and why nothing goes to the others.

    ``source`` is the refusal where it cannot be opened.
    """

    source: MailboxStatus | CommandRefused
    targets: dict[str, MailboxStatus] = field(default_factory=dict)
    barred: dict[str, str] = field(default_factory=dict)


async def open_all(
    batches: Sequence[Batch], plan: MailboxPlan, *, session: Session, known: Mapping[str, MailboxStatus]
) -> Opened:
    """Select the source and look at every target beforehand, all in one turn, or none if all is ``known``."""
    targets_named = {batch.key.target for batch in batches if batch.key.stage is not Stage.EFFECT} - {""}
    targets = {name: known[name] for name in targets_named & known.keys()}
    names = sorted(targets_named - known.keys())
    across = frozenset(batch.key.target for batch in batches if batch.key.operation is Operation.APPEND)
    source, *found = await asyncio.gather(
        _source(plan, session.store),
        *(_target_status(name, session, across=across) for name in names),
        return_exceptions=True,
    )
    barred = {}
    for name, status in zip(names, found, strict=True):
        if isinstance(status, CommandRefused):
            barred[name] = f"{name}: {explain(status)}"
        elif isinstance(status, BaseException):
            raise status
        else:
            targets[name] = status
    if isinstance(source, BaseException) and not isinstance(source, CommandRefused):
        raise source
    return Opened(source=source, targets=targets, barred=barred)


def store_of(account: str, session: Session) -> MailStore:
    """The connection to another account. Raises CommandRefused where there is none."""
    if account not in session.others:
        raise CommandRefused("APPEND", status="NO", code="UNAVAILABLE", text=f"account {account!r} is not connected")
    return session.others[account]


def why_void(status: MailboxStatus, plan: MailboxPlan) -> str:
    """Why the plan can no longer be carried out in the opened mailbox; "" where it can."""
    if status.uidvalidity != plan.uidvalidity:
        return f"UIDVALIDITY was {plan.uidvalidity} and is {status.uidvalidity}, so the plan's UIDs mean nothing"
    return "the server opens it read-only" if status.read_only else ""


async def _target_status(name: str, session: Session, *, across: frozenset[str]) -> MailboxStatus:
    if name not in across:
        return await session.store.status(name)
    account, _, mailbox = name.partition("/")
    if account == session.account:  # a note of ours
        return await session.store.status(mailbox)
    return await store_of(account, session).status(mailbox)


async def _source(plan: MailboxPlan, store: MailStore) -> MailboxStatus:
    """Open since the plan was made, as a rule; while it stays open, its UIDs keep their meaning."""
    opened = store.opened
    if opened is not None and opened.mailbox == plan.mailbox and not opened.read_only:
        return opened
    return await store.open(plan.mailbox)
