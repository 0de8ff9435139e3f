"""Which one of two mailrules on two machines may change an account: whoever holds the lease.

A mailbox made by CREATE is the mutex, for that has never more than one winner on any server that was measured; RENAME
has. Seldom it has none: Dovecot refuses who makes it when another looks into it meanwhile, and what is left expires.
A message appended to it is the heartbeat, in the server's time. IMAP has no fencing: one that was paused between the
look at its lease and its next command may still send that one batch.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, LeaseHeld, LeaseLost
from mailrules.mailbox.message import UID, FactRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.mailbox.store import MailStore

EXPIRY = timedelta(minutes=15)
"""A holder that has not been heard of for so long has lost it; the daemon is heard of every five minutes."""

BEAT_EVERY = timedelta(minutes=1)
"""While it is at work, a holder is heard of so often."""

_FIELD = "x-mailrules-lease"
_BEAT = re.compile(rb"(?i)^x-mailrules-lease:[ \t]*(held|claim) ([0-9a-f]{8,64})[ \t]*\r?$", re.MULTILINE)


class Lease:
    """The right to change one account, held on a connection of its own.

    ``token`` names the holder: a later process with the same one (and the same state directory, whose lock it
    holds) takes it over at once. ``mailbox`` is the name of the mutex; its generations are numbered, so that of
    several who take over a lease that has expired one wins. ``now`` is only compared with itself.
    """

    def __init__(self, store: MailStore, *, mailbox: str, token: str, now: Callable[[], datetime]) -> None:
        self._store, self._base, self._token, self._now = store, mailbox, token, now
        self._generation = 0
        self._uidvalidity = 0
        self._last_beat: datetime | None = None

    @property
    def store(self) -> MailStore:
        """The lease's own connection."""
        return self._store

    async def acquire(self) -> None:
        """Take it. Raises LeaseHeld while another one is heard of, and what the store raises."""
        generation = max(await self._generations(), default=0)
        if generation and not await self._may_take(generation):
            raise LeaseHeld(
                f"{self._store.account}: another mailrules holds the lease ({self._name(generation)}); stop it, or wait"
                f" until it has not been heard of for {EXPIRY.total_seconds() / 60:.0f} minutes"
            )
        self._generation = generation + 1
        if not await self._store.create(self._name(self._generation)):
            raise LeaseHeld(f"{self._store.account}: another mailrules has just taken the lease; try again later")
        status = await self._store.status(self._name(self._generation))
        self._uidvalidity = status.uidvalidity
        await self._beat()
        for older in range(max(1, generation - 2), generation + 1):
            await self._remove(older)

    async def check(self) -> None:
        """See that it is still ours, and be heard of. Raises LeaseLost, and what the store raises."""
        try:
            mine = await self._store.status(self._name(self._generation))
        except CommandRefused:
            mine = None
        if mine is None or mine.uidvalidity != self._uidvalidity or await self._is_there(self._generation + 1):
            raise LeaseLost(
                f"{self._store.account}: another mailrules has taken the lease, so nothing more is changed; if this"
                " machine was suspended, the batch that was under way may have been done twice: see the warnings"
            )
        if self._last_beat is None or self._now() - self._last_beat >= BEAT_EVERY:
            await self._beat()

    async def release(self) -> None:
        """Give it back, if it is still ours."""
        try:
            mine = await self._store.status(self._name(self._generation))
        except CommandRefused:
            return
        if mine.uidvalidity == self._uidvalidity:
            await self._remove(self._generation)

    async def _may_take(self, generation: int) -> bool:
        """Whether the holder of a generation is us of before, or has not been heard of for too long."""
        name = self._name(generation)
        try:
            before = await self._store.examine(name)
            there = await self._store.fetch(FactRequest(received=True, header_fields=(_FIELD,)))
            beats = [one for one in there if _beat_in(one.header)[0] == "held"]
            if beats and all(_beat_in(one.header)[1] == self._token for one in beats):
                return True
            # Our claim is stamped with the server's time, which is the only clock that both sides see.
            claimed = await self._store.append(name, _heartbeat(self._token, "claim"))
            after = await self._store.examine(name)
            first = UID(claimed.uid or before.uidnext or 1)
            stamped = [one.received for one in await self._store.fetch_from(FactRequest(received=True), first)]
        except CommandRefused:
            return True  # it has been given back meanwhile; CREATE decides
        if after.uidvalidity != before.uidvalidity:
            return False
        server_now = max((one for one in stamped if isinstance(one, datetime)), default=None)
        # One that made the mailbox and died before its first beat: then the oldest claim tells how long ago.
        heard = max((one.received for one in beats if isinstance(one.received, datetime)), default=None) or min(
            (one.received for one in there if isinstance(one.received, datetime)), default=None
        )
        return server_now is not None and heard is not None and server_now - heard > EXPIRY

    async def _generations(self) -> list[int]:
        pattern = re.compile(re.escape(self._base) + r"-([0-9]{1,9})")
        found = [pattern.fullmatch(one.name) for one in await self._store.list_mailboxes()]
        return [int(one[1]) for one in found if one is not None]

    async def _is_there(self, generation: int) -> bool:
        try:
            await self._store.status(self._name(generation))
        except CommandRefused:
            return False
        return True

    async def _beat(self) -> None:
        await self._store.append(self._name(self._generation), _heartbeat(self._token, "held"))
        self._last_beat = self._now()

    async def _remove(self, generation: int) -> None:
        try:
            await self._store.open("INBOX")  # a mailbox is not removed while it is open
            await self._store.delete_mailbox(self._name(generation))
        except CommandRefused:
            return  # somebody else was faster

    def _name(self, generation: int) -> str:
        return f"{self._base}-{generation}"


def _heartbeat(token: str, state: str) -> bytes:
    return (
        f"From: mailrules <>\r\nSubject: mailrules lease, {state}\r\nX-Mailrules-Lease: {state} {token}\r\n\r\n"
        "This mailbox tells one mailrules that another one is at work. It is removed when that one ends.\r\n"
    ).encode("ascii")


def _beat_in(header: object) -> tuple[str, str]:
    """Whether a message is a holder's or a claimant's, and whose."""
    found = _BEAT.search(header) if isinstance(header, bytes) else None
    return (found[1].decode().lower(), found[2].decode().lower()) if found else ("", "")
