"""Which messages of an open mailbox a sweep does not have to read, as its server's SEARCH says; and may it be believed?

Only mail that has been judged before is narrowed: what lies beyond the mailbox's position, or is pending, is read in
any case. What a search has not been tried by on this connection, for this mailbox and today, is tried
on messages whose facts are fetched.
"""

from __future__ import annotations

import asyncio
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from mailrules.errors import CommandRefused, MessageLimitReached, MissingCapability, RemoteProtocolError
from mailrules.imap.search_keys import Uids
from mailrules.imap.search_text import search_text
from mailrules.imap.sequence_set import SequenceSet
from mailrules.logs import get_logger
from mailrules.mailbox.message import UID, FactRequest
from mailrules.mailbox.store import MailboxInfo
from mailrules.plan.planner import LeftOut
from mailrules.plan.search_truth import (
    ALWAYS_TRIED,
    MOST_TEXTS,
    WHOLE,
    Untruth,
    contradicting,
    halving,
    name_of,
    probes,
    sample_request,
    sample_uids,
    words_of,
)
from mailrules.rules.bounds import (
    EVERYTHING,
    NOTHING,
    Place,
    SearchedPlace,
    both,
    either,
    is_writable,
    keys_in,
    sweep_search,
)
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from mailrules.imap.search_keys import SearchKey
    from mailrules.journal.records import Position
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailboxStatus, MailReader
    from mailrules.plan.directory import Directory
    from mailrules.rules.conditions import Environment
    from mailrules.rules.rule import Rule

R = TypeVar("R")

_REFUSALS = (CommandRefused, MessageLimitReached, MissingCapability, RemoteProtocolError)
WORTH_A_SEARCH = 200
"""In a mailbox with fewer messages, reading them all costs no more than asking which."""
MOST_FOUND = 0.5
"""If a search leaves out less than half of a mailbox, reading it whole costs no more than naming what is found."""
TRIED_EVERY = timedelta(days=1)
FEW_LEFT_OUT = 10
"""If fewer of the tried messages were left out, the server is asked which messages there are."""
MOST_OTHERS = 60
"""So many of those are tried then."""


@dataclass(slots=True, kw_only=True)
class SearchTrust:
    """What is known of how one account's server searches. It learns while it is used: one for each connection."""

    account: str
    is_used: bool = True
    """Whether this account's searches narrow anything at all."""
    trusts_text: bool = False
    refused: set[str] = field(default_factory=set)
    """The keys that were answered wrongly, by name."""
    learned: list[Untruth] = field(default_factory=list)
    """Those that were found to be wrong here, to be kept in the journal."""
    tried: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """When each key, or way to combine keys, was answered truly: by mailbox, since an index may be broken, and name."""

    def is_due(self, mailbox: str, search: SearchKey, *, now: datetime) -> bool:
        """Whether this search is to be tried on facts."""
        last = (self.tried.get((mailbox, word)) for word in words_of(search))
        return any(tried is None or now - tried >= TRIED_EVERY for tried in last)

    def believe(self, mailbox: str, search: SearchKey, *, now: datetime) -> None:
        """It was tried and is true."""
        self.tried |= dict.fromkeys(((mailbox, word) for word in words_of(search)), now)

    def learn(self, untruths: Iterable[Untruth]) -> None:
        """From now on these keys are not asked."""
        for one in untruths:
            if one.key not in self.refused:
                self.refused.add(one.key)
                self.learned.append(one)
                get_logger().warning(
                    "search.untruthful", account=one.account, mailbox=one.mailbox, key=one.key, uid=one.uid
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Which judging of a whole mailbox may be narrowed: by whose word, from which position, for which rules' sake."""

    trust: SearchTrust
    position: Position | None = None
    rule: str = ""
    """Only the steps of this one are looked at; "" for all."""
    worth: int = WORTH_A_SEARCH
    """In how large a mailbox the server is asked."""
    most_found: float = MOST_FOUND
    """From which share of the mailbox on it is read whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is read of a mailbox: these messages, and all after ``last_uid``. ``search`` is what left out the others."""

    last_uid: int
    uids: frozenset[UID]
    search: SearchKey
    are_judged: bool
    """Whether the mailbox has a position, up to which all was judged before."""

    def left_out(self, status: MailboxStatus, *, read: int) -> LeftOut:
        """``status`` is of when so many messages had been read: what went before then, or came, is not left out."""
        messages = max(0, status.messages - read)
        return LeftOut(messages=messages, search=search_text(self.search), are_judged=self.are_judged)


def place_of(
    reader: MailReader, status: MailboxStatus, directory: Directory, environment: Environment, trust: SearchTrust
) -> Place:
    """Where the bounds of rules are to hold: the open mailbox of the reader."""
    return Place(
        environment=environment,
        account=reader.account,
        info=directory.mailboxes.get(status.mailbox) or MailboxInfo(name=status.mailbox, delimiter=directory.delimiter),
        status=status,
        # Gmail finds words, not what is contained in them.
        trusts_text=trust.trusts_text and "X-GM-EXT-1" not in reader.capabilities,
    )


def searched_place(
    reader: MailReader, status: MailboxStatus, directory: Directory, environment: Environment, trust: SearchTrust
) -> SearchedPlace | None:
    """The same for persons; None where nothing is narrowed."""
    if not trust.is_used or WHOLE in trust.refused:
        return None
    place = place_of(reader, status, directory, environment, trust)
    return SearchedPlace(place=place, refused=frozenset(trust.refused))


async def narrow(
    reader: MailReader,
    status: MailboxStatus,
    asking: Sequence[tuple[Sequence[Rule], Place]],
    *,
    sweep: Sweep,
    read: Callable[[Kept], Awaitable[R]],
) -> tuple[Kept, R] | None:
    """What of the open mailbox has to be read for these rules, each judged at its place, and that as ``read`` gives it.

    None if all of it has to be. What a search finds is read beside the trial of its keys, and dropped if one is wrong.
    A server that refuses to search, or answers with more than there is, narrows nothing.
    """
    trust, now = sweep.trust, asking[0][1].environment.now
    position = sweep.position if sweep.position and sweep.position.uidvalidity == status.uidvalidity else None
    last_uid = position.last_uid if position else (status.uidnext or 1) - 1
    messages = (reader.opened or status).messages  # by now: a mailbox may have been open for days
    if not trust.is_used or messages < sweep.worth or last_uid < 1:
        return None
    while (search := _search(asking, sweep)) != EVERYTHING and WHOLE not in trust.refused:
        is_due = search != NOTHING and trust.is_due(status.mailbox, search, now=now)
        sample = _Sample(reader, status, sample_uids(last_uid, now=now), now=now) if is_due else None
        try:
            found, facts = await _ask(reader, search, last_uid=last_uid, sample=sample)
        except _REFUSALS as refusal:
            _tell_refused(reader, status, refusal)
            return None
        kept = None
        if len(found) <= sweep.most_found * messages:
            uids = found | (position.pending if position else frozenset())
            kept = Kept(last_uid=last_uid, uids=uids, search=search, are_judged=position is not None)
        tried, has_read = await asyncio.gather(
            _nothing() if sample is None else sample.doubts(search, facts, found),
            _nothing() if kept is None else read(kept),
            return_exceptions=True,
        )
        if isinstance(tried, _REFUSALS):
            _tell_refused(reader, status, tried)
            return None
        if isinstance(tried, BaseException):
            raise tried
        if tried is not None and tried.untruths:
            trust.learn(tried.untruths)
            continue
        if tried is not None and tried.contradicts:
            return None
        if tried is not None:
            trust.believe(status.mailbox, search, now=now)
        if isinstance(has_read, BaseException):
            raise has_read
        return None if kept is None or has_read is None else (kept, has_read)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of trying a server on so many messages, by keys of these names."""

    messages: int
    keys: tuple[str, ...]
    untruths: tuple[Untruth, ...]


async def try_out(reader: MailReader, status: MailboxStatus, *, now: datetime) -> Trial:
    """Try the server's SEARCH on the open mailbox, by the keys that may narrow any account's sweeps."""
    sample = _Sample(reader, status, sample_uids((status.uidnext or 1) - 1, now=now), now=now)
    facts = await sample.fetch(ALWAYS_TRIED)
    keys = (*ALWAYS_TRIED, *halving(facts)) if facts else ()
    return Trial(messages=len(facts), keys=tuple(map(name_of, keys)), untruths=await sample.untruths(keys, facts))


def _search(asking: Sequence[tuple[Sequence[Rule], Place]], sweep: Sweep) -> SearchKey:
    union = either(
        sweep_search([rule for rule in rules if sweep.rule in {"", rule.name}], place, refused=sweep.trust.refused)
        for rules, place in asking
    )
    return union if is_writable(union) else EVERYTHING


async def _ask(
    reader: MailReader, search: SearchKey, *, last_uid: int, sample: _Sample | None
) -> tuple[frozenset[UID], Sequence[MessageFacts]]:
    """What a search finds up to ``last_uid``, and the facts of the sample on which it is to be tried."""
    uids = SequenceSet(((1, last_uid),))
    if search == NOTHING:
        return frozenset(), ()
    if sample is None:
        return await _find(reader, search, uids=uids), ()
    keys = tuple(keys_in(search))
    found, facts = await asyncio.gather(_find(reader, search, uids=uids), sample.fetch(keys))
    left_out = [one for one in facts if one.uid not in found]
    if len(left_out) < FEW_LEFT_OUT and len(found) < (reader.opened or sample.status).messages:
        others = await sample.fetch_others(keys, found=found, last_uid=last_uid)
        facts = [*(one for one in facts if one.uid in found), *others]
    return found, facts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubts:
    """What is wrong about the keys of a search.

    It ``contradicts`` the facts where that is so of its answer and not of any key asked again: flags have changed.
    """

    untruths: tuple[Untruth, ...] = ()
    contradicts: bool = False


class _Sample:
    """Some messages of the open mailbox, on which its server's SEARCH is tried."""

    def __init__(self, reader: MailReader, status: MailboxStatus, uids: Sequence[int], *, now: datetime) -> None:
        self._reader, self.status, self._now = reader, status, now
        self._uids = [UID(uid) for uid in uids]

    async def fetch(self, keys: Iterable[SearchKey]) -> list[MessageFacts]:
        """What has to be known of them; nothing of numbers that no message has."""
        return await self._fetch(sample_request(keys), self._uids)

    async def fetch_others(
        self, keys: Iterable[SearchKey], *, found: frozenset[UID], last_uid: int
    ) -> list[MessageFacts]:
        """The same of others that were not found, which takes asking which messages there are."""
        there = await _find(self._reader, EVERYTHING, uids=SequenceSet(((1, last_uid),)))
        others = sorted(there - found)
        chosen = others[:: max(1, len(others) // MOST_OTHERS)][:MOST_OTHERS]
        self._uids = [*(uid for uid in self._uids if uid in found), *chosen]
        return await self._fetch(sample_request(keys), chosen) if chosen else []

    async def doubts(self, search: SearchKey, facts: Sequence[MessageFacts], found: frozenset[UID]) -> _Doubts:
        """Try the keys of a search, and the answer to the whole of it, on these facts."""
        untruths = await self.untruths(probes(search, facts), facts)
        if untruths or not contradicting(search, facts, found):
            return _Doubts(untruths=untruths)
        return _Doubts(untruths=await self.untruths([search], facts), contradicts=True)

    async def untruths(self, keys: Sequence[SearchKey], facts: Sequence[MessageFacts]) -> tuple[Untruth, ...]:
        """What is wrong twice: what was found to be wrong is fetched and asked again, since flags change."""
        suspects = await self._contradicted(keys, facts)
        if not suspects:
            return ()
        uids = sorted({uid for uids, _ in suspects.values() for uid in uids})
        again = await self._fetch(sample_request(suspects), uids)
        confirmed = await self._contradicted(tuple(suspects), again)
        return tuple(
            Untruth(
                account=self._reader.account,
                key=name_of(key),
                mailbox=self.status.mailbox,
                uid=uids[0],
                search=search_text(key),
                was_found=uids[0] in found,
                seen=self._now,
            )
            for key, (uids, found) in confirmed.items()
        )

    async def _fetch(self, request: FactRequest, uids: Sequence[UID]) -> list[MessageFacts]:
        """Texts of a few only, since they are long."""
        facts = await self._reader.fetch(replace(request, text=False), uids)
        if request.text:
            of_few = [one.uid for one in facts[:: max(1, len(facts) // MOST_TEXTS)]][:MOST_TEXTS]
            texts = {one.uid: one.texts for one in await self._reader.fetch(FactRequest(text=True), of_few)}
            for one in facts:
                one.texts = texts.get(one.uid)
        return facts

    async def _contradicted(
        self, keys: Sequence[SearchKey], facts: Sequence[MessageFacts]
    ) -> dict[SearchKey, tuple[tuple[UID, ...], frozenset[UID]]]:
        """The keys whose answers are wrong about some message: about which, and what was found."""
        if not facts:
            return {}
        uids = SequenceSet.of(self._uids)
        answers = await asyncio.gather(*(_find(self._reader, key, uids=uids) for key in keys))
        pairs = zip(keys, answers, strict=True)
        return {key: (wrong, found) for key, found in pairs if (wrong := contradicting(key, facts, found))}


def _tell_refused(reader: MailReader, status: MailboxStatus, refusal: Exception) -> None:
    get_logger().warning("search.refused", account=reader.account, mailbox=status.mailbox, error=str(refusal))


async def _nothing() -> None:
    return


async def _find(reader: MailReader, search: SearchKey, *, uids: SequenceSet) -> frozenset[UID]:
    """What the server finds among these UIDs. Raises RemoteProtocolError if that is more than the mailbox has."""
    found = await reader.search_as_written(search_text(both((Uids(uids), search))))
    within = frozenset(uid for uid in found if uid in uids)
    if reader.opened is not None and len(within) > reader.opened.messages:
        raise RemoteProtocolError(
            f"SEARCH found {len(within):,} messages, and there are {reader.opened.messages:,}",
            sent="",
            rfc="RFC 9051 section 6.4.4",
        )
    return within
