"""What became of copies and moves whose answer never came: which message of the target is which of the source?

Nothing here writes. Text from a stranger is compared, never sent.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from mailrules.errors import CommandRefused
from mailrules.execution.identity import (
    IDENTITY_REQUEST,
    content_hashes,
    identities_of_facts,
    identities_of_intent,
    is_certain,
)
from mailrules.execution.places import look_into, seen_elsewhere
from mailrules.journal.records import Operation, StepState
from mailrules.mailbox.message import UID
from mailrules.plan.plan import StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.execution.identity import Identity
    from mailrules.journal.journal import Journal
    from mailrules.journal.records import StepRecord
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What reading says of one step. ``arrived`` is its message in the target, where it was found."""

    record: StepRecord
    state: StepState
    detail: str = ""
    target_uidvalidity: int = 0
    arrived: MessageFacts | None = None


class _Claim(NamedTuple):
    """A message that is in the source, and perhaps in the target too, where others look like it."""

    record: StepRecord
    identity: Identity


class TransferReading:
    """Decides the steps from one source to one target. ``present`` are the messages that are in the source."""

    def __init__(
        self,
        store: MailStore,
        *,
        journal: Journal,
        mailbox: str,
        target: str,
        present: frozenset[UID],
        there: MailStore | None = None,
    ) -> None:
        """``there`` is the connection to the target's account, where that is another one."""
        self._store, self._journal = store, journal
        self._there, self._crosses = there or store, there is not None
        self._mailbox, self._target, self._present = mailbox, target, present
        self._arrivals: dict[UID, MessageFacts] = {}
        self._by_identity: defaultdict[Identity, list[UID]] = defaultdict(list)
        self._uidvalidity = 0
        self._is_reset = False
        self._taken: set[UID] = set()
        self._decided: list[Decision] = []

    async def decide(self, records: Sequence[StepRecord]) -> list[Decision]:
        """One decision for each step. Leaves some other mailbox open. Raises ConnectionLost."""
        status = await look_into(self._there, self._target)
        if isinstance(status, CommandRefused):
            detail = f"cannot look into {self._target}: {status}"
            return [Decision(record=one, state=StepState.UNKNOWN, detail=detail) for one in records]
        if status is None:
            records = self._give_up(records)
        else:
            self._uidvalidity = status.uidvalidity
            self._is_reset = any(
                one.intent.command.target_uidvalidity not in {0, status.uidvalidity} for one in records
            )
            await self._read_arrivals(records)
        # What is gone from the source has the first claim on an equal message in the target.
        waiting = sorted(records, key=lambda one: (one.intent.uid in self._present, one.id))
        # The ids of two servers mean nothing to each other.
        waiting = [one for one in waiting if self._crosses or not self._take(one, certain=True)]
        waiting = [one for one in waiting if one.intent.uid in self._present or not self._take(one, certain=False)]
        claims, rest = self._claims(waiting)
        if claims:
            await self._compare(claims)
        await self._decide_missing(rest)
        return self._decided

    def _give_up(self, records: Sequence[StepRecord]) -> Sequence[StepRecord]:
        """Where a copy's target was there and is gone, the copy may have gone with it, under another name."""
        detail = f"{self._target} was there and is gone, deleted or renamed, perhaps with this message"
        lost = [
            one
            for one in records
            if one.intent.command.operation is Operation.COPY
            and one.intent.command.target_uidvalidity
            and one.intent.uid in self._present
        ]
        self._decided += [Decision(record=one, state=StepState.AMBIGUOUS, detail=detail) for one in lost]
        return [one for one in records if one not in lost]

    async def _read_arrivals(self, records: Sequence[StepRecord]) -> None:
        """Messages at or above the baseline that no other step of ours accounts for; all after a new UIDVALIDITY."""
        baseline = 1 if self._is_reset else max(1, min(one.intent.command.target_uidnext for one in records))
        ours = await self._journal.placed_by_us(
            self._there.account, self._target, uidvalidity=self._uidvalidity, after_uid=baseline - 1
        )
        for facts in await self._there.fetch_from(IDENTITY_REQUEST, UID(baseline)):
            if facts.uid not in ours:
                self._arrivals[facts.uid] = facts
                for identity in identities_of_facts(facts):
                    self._by_identity[identity].append(facts.uid)

    def _candidates(self, identity: Identity) -> list[UID]:
        return [uid for uid in self._by_identity.get(identity, ()) if uid not in self._taken]

    def _take(self, record: StepRecord, *, certain: bool) -> bool:
        """Settle the step with the first arrival that fits; the certain ones are those that the server vouches for."""
        for identity in identities_of_intent(record.intent):
            if is_certain(identity) is certain and (candidates := self._candidates(identity)):
                self._settle(record, candidates[0])
                return True
        return False

    def _settle(self, record: StepRecord, uid: UID) -> None:
        self._taken.add(uid)
        is_move, is_present = record.intent.command.kind is StepKind.MOVE, record.intent.uid in self._present
        state, detail = (StepState.HALFWAY if is_move and is_present else StepState.APPLIED), ""
        if self._is_reset and is_present:
            state = StepState.AMBIGUOUS
            detail = (
                f"UIDVALIDITY of {self._target} is now {self._uidvalidity}; an equal message may have lain there before"
            )
        self._decided.append(
            Decision(
                record=record,
                state=state,
                detail=detail,
                target_uidvalidity=self._uidvalidity,
                arrived=self._arrivals[uid],
            )
        )

    def _claims(self, records: Sequence[StepRecord]) -> tuple[list[_Claim], list[StepRecord]]:
        claims, rest = [], []
        for record in records:
            identities = [
                one for one in identities_of_intent(record.intent) if not self._crosses or not is_certain(one)
            ]
            identity = next((one for one in identities if self._candidates(one)), None)
            if identity is None or record.intent.uid not in self._present:
                rest.append(record)
            else:
                claims.append(_Claim(record, identity))
        return claims, rest

    async def _compare(self, claims: Sequence[_Claim]) -> None:
        """The sender writes the Message-ID, so what is in both mailboxes is compared as a whole."""
        copies = await self._hashes(
            self._there,
            self._target,
            {uid: self._arrivals[uid].size_bytes or 0 for one in claims for uid in self._candidates(one.identity)},
        )
        originals = await self._hashes(
            self._store, self._mailbox, {one.record.intent.uid: one.record.intent.size_bytes for one in claims}
        )
        if copies is None or originals is None:
            detail = f"cannot look into {self._target if copies is None else self._mailbox} to compare"
            self._decided += [Decision(record=one.record, state=StepState.UNKNOWN, detail=detail) for one in claims]
            return
        for record, identity in claims:
            original = originals.get(record.intent.uid)
            candidates = self._candidates(identity)
            equal = next((uid for uid in candidates if original is not None and copies.get(uid) == original), None)
            if equal is not None:
                self._settle(record, equal)
            elif record.intent.command.kind is StepKind.MOVE and candidates:
                detail = (
                    f"UID {candidates[0]} of {self._target} has the same Message-ID, date and size,"
                    " but is another message"
                )
                self._decided.append(Decision(record=record, state=StepState.AMBIGUOUS, detail=detail))
            else:
                self._decided.append(Decision(record=record, state=StepState.NOT_APPLIED))

    @staticmethod
    async def _hashes(store: MailStore, mailbox: str, sizes: Mapping[UID, int]) -> dict[UID, bytes] | None:
        """Of these messages, None where their mailbox cannot be looked into now: then no other may stand for it."""
        status = await look_into(store, mailbox)
        if status is None or isinstance(status, CommandRefused):
            return None
        return await content_hashes(store, sizes)

    async def _decide_missing(self, records: Sequence[StepRecord]) -> None:
        vanished = []
        for record in records:
            if not identities_of_intent(record.intent):
                detail = "too little is known of the message to find it again"
                self._decided.append(Decision(record=record, state=StepState.AMBIGUOUS, detail=detail))
            elif record.intent.uid in self._present:
                self._decided.append(Decision(record=record, state=StepState.NOT_APPLIED))
            else:
                vanished.append(record)
        places: Mapping[int, str] = {}
        if vanished:
            places = await seen_elsewhere(self._store, vanished, besides=(self._mailbox, self._target))
        for record in vanished:
            where = f", but in {places[record.id]}" if record.id in places else ""
            detail = f"the message is neither in {self._mailbox} nor in {self._target}{where}"
            self._decided.append(Decision(record=record, state=StepState.VANISHED, detail=detail))
