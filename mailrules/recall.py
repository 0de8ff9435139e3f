"""How are requests for facts of one open mailbox answered: from the cache as far as it goes, then by the server?

A mailbox that has been swept before costs its flags; with CONDSTORE (RFC 7162) only those that have changed since,
and nothing where nothing has. What is not kept is asked of the server as ever, and kept for the next time.
"""

from __future__ import annotations

import asyncio
from dataclasses import field, replace
from itertools import compress
from typing import TYPE_CHECKING, cast

from mailrules.cache.flag_state import FlagState
from mailrules.cache.kept_facts import Learned
from mailrules.cache.packing import KEPT
from mailrules.errors import MessagesUnreadable
from mailrules.logs import get_logger
from mailrules.mailbox.message import FLAGS, MODSEQ, UID, Fact, FactRequest, Unreadable
from mailrules.mailbox.rows import rows_of
from mailrules.plan.facts import facts_requested, request_for
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence

    from mailrules.cache.kept_facts import KeptFacts
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.mailbox.store import MailboxStatus, MailReader

_FLAGS = FactRequest(flags=True, modseq=True)
_WORTH_KEEPING = 100
"""In a mailbox that stays open the flags are kept anew when one of so many messages has changed."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """Messages, and what is known of them: what the server told, and what was kept."""

    uids: Sequence[UID]
    told: list[tuple[FactRequest, Sequence[MessageFacts]]] = field(default_factory=list)
    kept: list[tuple[Fact, Sequence[int], Sequence[object]]] = field(default_factory=list)
    names: Sequence[tuple[Sequence[int], Sequence[str]]] = field(default_factory=list)

    def without(self, uids: Container[UID]) -> Answer:
        """The same of the other messages."""
        return replace(self, uids=[uid for uid in self.uids if uid not in uids])

    def newest(self, count: int | None) -> Answer:
        """The same of the newest messages alone."""
        return self if count is None else replace(self, uids=self.uids[-count:] if count else ())

    def put_into(self, snapshot: Snapshot) -> None:
        """Spread it over the columns; messages that the snapshot does not hold are passed over."""
        for fact, uids, values in self.kept:
            snapshot.put(fact, uids, values)
        for uids, names in self.names:
            snapshot.put_names(uids, names)
        for request, facts in self.told:
            snapshot.add(request, facts)


class Reading:
    """Reads the open mailbox, and keeps in mind which messages the server told of what cannot be read."""

    def __init__(self, reader: MailReader) -> None:
        self.reader = reader
        self.unread: dict[UID, str] = {}
        """Those messages, each with the reason."""

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        return await self._readable(self.reader.fetch(request, uids))

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        return await self._readable(self.reader.fetch_from(request, first_uid))

    async def _readable(self, fetching: Awaitable[list[MessageFacts]]) -> list[MessageFacts]:
        try:
            return await fetching
        except MessagesUnreadable as error:
            if error.has_nameless:  # then nobody knows what else is missing
                raise
            self.unread.update((UID(uid), reason) for uid, reason in error.reasons.items())
            return cast("list[MessageFacts]", error.result)  # as MailReader.fetch says


class FactSource:
    """Facts of the open mailbox, for one survey."""

    def __init__(
        self, reader: MailReader, status: MailboxStatus, kept: KeptFacts | None = None, *, just_opened: bool = False
    ) -> None:
        """``just_opened``: what ``status`` says is so now; else changes may have come that the server has not told."""
        self.reader = reader
        self._reading = Reading(reader)
        self._status, self._kept = status, kept
        self._just_opened = just_opened
        self._learned = Learned()
        self._recalled: dict[Fact, int] = {}
        self._state = self._state_to_follow()

    @property
    def unread(self) -> Mapping[UID, str]:
        """The messages that were told of in a way that cannot be read, each with the reason."""
        return self._reading.unread

    @property
    def knows_flags(self) -> bool:
        """Whether the flags of the whole mailbox are kept, so that only changes have to be asked for."""
        return self._state is not None

    def distrust(self) -> None:
        """Ask for all flags anew, whatever is kept of them."""
        self._state = None

    async def has_misled(self, snapshot: Snapshot, rows: int) -> bool:
        """Whether flags of these messages are others than the server let us believe, asked anew.

        A server whose HIGHESTMODSEQ does not tell of every change must not make a run act on flags of the past.
        """
        if self._state is None or not rows:
            return False
        uids = [snapshot.uids[row] for row in rows_of(rows)]
        for one in await self._reading.fetch(_FLAGS, uids):
            if one.flags != snapshot.flags[snapshot.row_of(one.uid)]:
                get_logger().warning("flags.outdated", account=snapshot.account, mailbox=snapshot.mailbox, uid=one.uid)
                return True
        return False

    async def everything(self, request: FactRequest) -> Answer:
        """All messages of the mailbox with their flags, and more of what is asked for where the server was asked.

        ``complete`` has the rest, for the messages that come into the snapshot.
        """
        kept, state = self._kept, self._state
        if kept is None or not request.flags:
            return told(request, await self._reading.fetch(request))
        if state is not None and not request.labels:
            names: Sequence[tuple[Sequence[int], Sequence[str]]] | None = None
            with kept.forgiving():
                names = kept.names()
            answer = await self._followed(request, state) if names is not None else None
            if names is not None and answer is not None:
                answer.names = names
                return answer
        return await self._flags_of_all(request)

    async def beyond(self, request: FactRequest, *, after_uid: int, also: Iterable[UID]) -> Answer:
        """The messages beyond a UID, and these; ``complete`` has the rest of what is asked for."""
        bare = self._bare(request)
        fetches = [self._reading.fetch_from(request, UID(after_uid + 1))]
        if uids := sorted(also):
            fetches.append(self._reading.fetch(bare, uids))
        new, *old = await asyncio.gather(*fetches)
        return _together((bare, old[0] if old else []), (request, new))

    async def complete(self, snapshot: Snapshot, request: FactRequest, answer: Answer) -> None:
        """What was asked for and is not in the answer."""
        known = {one.uid for asked, facts in answer.told if asked == request for one in facts}
        if self._kept is not None and (rest := [uid for uid in snapshot.uids if uid not in known]):
            await self.fill(snapshot, request, rest)

    async def fill(self, snapshot: Snapshot, request: FactRequest, uids: Sequence[UID]) -> None:
        """Facts of these messages, ascending, into the snapshot."""
        if self._kept is not None:
            self._recall(snapshot, request, uids)
            request, uids = _lacking(snapshot, request, uids)
            if not uids:
                return
        everything = len(uids) == len(snapshot.uids) == snapshot.status.messages
        snapshot.add(request, await self._reading.fetch(request, None if everything else uids))

    async def keep(self, snapshot: Snapshot) -> None:
        """Keep what has been learned, at the end of a survey, however it ends."""
        kept, learned = self._kept, self._learned
        if kept is None:
            return
        for fact in snapshot.facts:
            if fact.kind in KEPT:
                self._learn(snapshot, fact)
        with kept.forgiving():
            known = {uid for uids, _ in kept.names() for uid in uids}
            new = () if known.issuperset(snapshot.uids) else zip(snapshot.uids, snapshot.object_ids, strict=True)
            named = [(uid, name) for uid, name in new if name and uid not in known]
            learned.names = ([uid for uid, _ in named], [name for _, name in named])
            await asyncio.to_thread(kept.keep, learned)
        kept.close()

    def _learn(self, snapshot: Snapshot, fact: Fact) -> None:
        column = snapshot.column(fact)
        rows = [
            row
            for row in rows_of(snapshot.known(fact) & ~self._recalled.get(fact, 0))
            # What could not be read may have been a fault of the moment.
            if column[row] is not None and not isinstance(column[row], Unreadable)
        ]
        if rows:
            uids = [snapshot.uids[row] for row in rows]
            self._learned.columns.append((fact, uids, [column[row] for row in rows]))

    def _recall(self, snapshot: Snapshot, request: FactRequest, uids: Sequence[UID]) -> None:
        assert self._kept is not None  # noqa: S101 -- whoever calls has looked
        for fact in facts_requested(request):
            if fact.kind in KEPT:
                before = snapshot.known(fact)
                with self._kept.forgiving():
                    for found, values in self._kept.column(fact, uids):
                        snapshot.put(fact, found, values, among=uids)
                self._recalled[fact] = self._recalled.get(fact, 0) | (snapshot.known(fact) & ~before)

    def _state_to_follow(self) -> FlagState | None:
        state = None
        if self._kept is not None:
            with self._kept.forgiving():
                self._kept.begin(uidnext=self._status.uidnext if self._just_opened else None)
                state = self._kept.state()
        return state if state is not None and self._may_follow(state) else None

    def _may_follow(self, state: FlagState) -> bool:
        """Whether what has changed since can be asked: nothing there may have gone back in time."""
        status, highest = self._status, self._live().highest_modseq
        if status.uidnext is None or highest is None or highest < state.highest_modseq:
            return False
        return status.uidnext >= state.uidnext or not self._just_opened

    def _live(self) -> MailboxStatus:
        return self.reader.opened or self._status

    async def _followed(self, request: FactRequest, state: FlagState) -> Answer | None:
        """Everything, from what it was; None where that cannot be: the mailbox is not the one that was seen."""
        status, is_new = self._status, self._just_opened
        before = self._live()
        # "no two messages ... the same UID", and they ascend: no arrival, and as many as there were, are the same ones.
        no_arrival = is_new and status.uidnext == state.uidnext
        has_lost = no_arrival and status.messages != len(state.uids)
        try:
            changed, arrived, there = await asyncio.gather(
                _nothing()
                if is_new and status.highest_modseq == state.highest_modseq
                else self.reader.fetch_changed(_FLAGS, since=state.highest_modseq, below=UID(state.uidnext)),
                _nothing() if no_arrival else self._reading.fetch_from(request, UID(state.uidnext)),
                self.reader.search_as_written("ALL") if has_lost else _nothing(),
            )
        except MessagesUnreadable:
            return None
        if not has_lost and self._live().messages != len(state.uids) + len(arrived):
            has_lost, there = True, await self.reader.search_as_written("ALL")
        uids, flags, modseqs = state.uids, list(state.flags), list(state.modseqs)
        row_of = {uid: row for row, uid in enumerate(uids)} if changed or has_lost else {}
        if any(one.uid not in row_of for one in changed) or any(
            uid < state.uidnext and uid not in row_of for uid in there
        ):
            return None
        for one in changed:
            flags[row_of[one.uid]], modseqs[row_of[one.uid]] = one.flags or frozenset(), one.modseq or 0
        if has_lost:
            left = [uid in there for uid in uids]
            flags, modseqs = list(compress(flags, left)), list(compress(modseqs, left))
            uids = list(compress(uids, left))
        answer = Answer(
            uids=[*map(UID, uids), *(one.uid for one in arrived)],
            told=[(request, arrived)],
            kept=[(FLAGS, uids, flags), (MODSEQ, uids, [modseq or None for modseq in modseqs])],
        )
        changes = len(changed) + len(arrived) + len(state.uids) - len(uids)
        if changes and not self.unread and (is_new or changes * _WORTH_KEEPING > len(uids)):
            self._learn_state([*zip(uids, flags, modseqs, strict=True), *_flagged(arrived)], before=before)
        self._learned.present = answer.uids
        return answer

    async def _flags_of_all(self, request: FactRequest) -> Answer:
        """Everything, from the server; what is kept besides the flags is not asked for again."""
        assert self._kept is not None  # noqa: S101 -- whoever calls has looked
        before, bare = self._live(), self._bare(request)
        if bare == request:
            answer = told(request, await self._reading.fetch(request))
        else:
            first_new = UID(self._kept.last_uid + 1)
            old, new = await asyncio.gather(self._reading.fetch(bare), self._reading.fetch_from(request, first_new))
            answer = _together((bare, old), (request, new))
        if request.modseq and not self.unread:
            flagged = {triple[0]: triple for _, facts in answer.told for triple in _flagged(facts)}
            self._learn_state([flagged[uid] for uid in answer.uids], before=before)
        self._learned.present = answer.uids
        return answer

    def _bare(self, request: FactRequest) -> FactRequest:
        """What of a request has to be asked anew each time; all of it where nothing of it is kept."""
        facts = facts_requested(request)
        if self._kept is None or not any(self._kept.has(fact) for fact in facts):
            return request
        return request_for(fact for fact in facts if fact.kind not in KEPT)

    def _learn_state(self, now: Iterable[tuple[int, frozenset[str], int]], *, before: MailboxStatus) -> None:
        """``before`` is how the mailbox was before it was read: what has changed meanwhile will be told again."""
        triples = list(now)
        uids = [uid for uid, _, _ in triples]
        if before.uidnext is None or before.highest_modseq is None:
            return
        self._learned.state = FlagState(
            uids=uids,
            flags=[flags for _, flags, _ in triples],
            modseqs=[modseq for _, _, modseq in triples],
            highest_modseq=before.highest_modseq,
            # Of the messages that come, each has a greater UID than all before.
            uidnext=max(before.uidnext, uids[-1] + 1 if uids else 1),
        )


def told(request: FactRequest, facts: Sequence[MessageFacts]) -> Answer:
    """What the server has told, as an answer."""
    return Answer(uids=[one.uid for one in facts], told=[(request, facts)])


def distrusting(
    source: Callable[[MailReader, MailboxStatus], FactSource],
) -> Callable[[MailReader, MailboxStatus], FactSource]:
    """The same source, which asks for all flags anew."""

    def anew(reader: MailReader, status: MailboxStatus) -> FactSource:
        made = source(reader, status)
        made.distrust()
        return made

    return anew


def _together(*parts: tuple[FactRequest, Sequence[MessageFacts]]) -> Answer:
    return Answer(uids=sorted({one.uid for _, facts in parts for one in facts}), told=list(parts))


async def _nothing() -> tuple[()]:
    return ()


def _flagged(facts: Iterable[MessageFacts]) -> list[tuple[int, frozenset[str], int]]:
    return [(one.uid, one.flags or frozenset(), one.modseq or 0) for one in facts]


def _lacking(snapshot: Snapshot, request: FactRequest, uids: Sequence[UID]) -> tuple[FactRequest, Sequence[UID]]:
    """What of a request the snapshot does not know yet, and of which messages."""
    asked = snapshot.mask_of_uids(uids)
    unknown = {fact: asked & ~snapshot.known(fact) for fact in facts_requested(request)}
    rows = 0
    for mask in unknown.values():
        rows |= mask
    return request_for(fact for fact, mask in unknown.items() if mask), [snapshot.uids[row] for row in rows_of(rows)]
