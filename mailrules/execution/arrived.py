"""Before an original is removed: is its copy really there, and with the keywords that the original had?

A person may have removed the copy of a move that was broken off, and Dovecot, killed in the middle of one, has
lost the keywords of what was on its way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.batches import DELETED
from mailrules.execution.flag_words import flags_hold, unkept
from mailrules.execution.identity import (
    IDENTITY_REQUEST,
    identities_of_facts,
    identities_of_intent,
    is_certain,
    keywords_of,
)
from mailrules.execution.places import NOWHERE, look_into
from mailrules.execution.reply_codes import explain
from mailrules.execution.session import Session
from mailrules.journal.records import CommandIntent, Operation, StepIntent, StepState, StepVerdict
from mailrules.journal.taken_back import TAKEN_BACK
from mailrules.mailbox.message import UID, FactRequest
from mailrules.plan.plan import StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from mailrules.journal.journal import Journal
    from mailrules.journal.records import RunId, StepId, StepRecord
    from mailrules.mailbox.message import MessageFacts
    from mailrules.mailbox.store import MailStore


# Dovecot 2.3 shows "unknown-0" for the letter "a" in a maildir file's name where dovecot-keywords has lost its name.
_STAND_IN = re.compile(r"unknown-\d{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """One message of a move, found in the target. ``wanted`` are the keywords that the original had."""

    record: StepRecord
    uidvalidity: int
    facts: MessageFacts
    wanted: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Halfway steps sorted out: what may be finished now, what the others are, and what arrived."""

    finishable: tuple[StepRecord, ...]
    verdicts: tuple[StepVerdict, ...]
    arrived: tuple[Arrived, ...]


async def check_halfway(
    store: MailStore, records: Sequence[StepRecord], *, now: datetime, others: Mapping[str, MailStore]
) -> Checked:
    """Look at originals and copies of ``halfway`` steps that an earlier run left. Raises ConnectionLost.

    ``others`` are connections to the accounts that messages went to from this one.
    """
    finishable: list[StepRecord] = []
    verdicts: list[StepVerdict] = []
    arrived: list[Arrived] = []
    for mailbox, group in groupby(sorted(records, key=_mailbox), key=_mailbox):
        steps = list(group)
        status = await look_into(store, mailbox)
        if isinstance(status, CommandRefused):
            verdicts += [_verdict(one, StepState.HALFWAY, explain(status), now=now) for one in steps]
            continue
        uids = sorted({one.intent.uid for one in steps} - {NOWHERE})
        originals: dict[UID, frozenset[str]] = {}
        if uids and status is not None:
            found = await store.fetch(FactRequest(flags=True), uids)
            originals = {one.uid: one.flags or frozenset() for one in found}
        moves = [one for one in steps if one.intent.command.kind is StepKind.MOVE]
        for record in steps:
            if record not in moves:
                verdict = _of_delete(record, originals.get(record.intent.uid), now=now)
                (finishable.append(record) if verdict is None else verdicts.append(verdict))
        for (account, target), of_target in groupby(sorted(moves, key=_target), key=_target):
            there = store if account == store.account else others.get(account)
            checked = await _check_copies(
                there, target, list(of_target), originals=originals, now=now, crosses=there is not store
            )
            finishable += checked.finishable
            verdicts += checked.verdicts
            arrived += checked.arrived
    return Checked(finishable=tuple(finishable), verdicts=tuple(verdicts), arrived=tuple(arrived))


async def restore_keywords(
    journal: Journal, store: MailStore, arrived: Iterable[Arrived], *, now: Callable[[], datetime]
) -> None:
    """Set again what arrived without any keyword, and had some; each command is journalled.

    What has a keyword is left alone: a person may have changed it since. Raises ConnectionLost.
    """
    lacking = [one for one in arrived if one.wanted and has_lost_keywords(one.facts)]
    for (run, target), group in groupby(sorted(lacking, key=_run_and_target), key=_run_and_target):
        session = Session(run=run, store=store, journal=journal, now=now)
        status = await store.open(target)
        by_wanted: defaultdict[frozenset[str], list[Arrived]] = defaultdict(list)
        for one in group:
            if one.uidvalidity == status.uidvalidity:
                by_wanted[one.wanted.difference(unkept(one.wanted, status.permanent_flags))].append(one)
        # First away with the stand-ins, whose places new names would take.
        by_stand_in: defaultdict[frozenset[str], list[Arrived]] = defaultdict(list)
        for one in (message for messages in by_wanted.values() for message in messages):
            by_stand_in[keywords_of(one.facts.flags or ())].append(one)
        for stand_ins, messages in by_stand_in.items():
            if stand_ins:
                await _change_keywords(session, target, stand_ins, messages, removes=True)
        for wanted, messages in by_wanted.items():
            if wanted:
                await _change_keywords(session, target, wanted, messages, removes=False)


def has_lost_keywords(facts: MessageFacts) -> bool:
    """Whether a message has no keyword, or only those that Dovecot shows for names that it has lost."""
    return all(_STAND_IN.fullmatch(keyword) for keyword in keywords_of(facts.flags or ()))


async def keywords_before(journal: Journal, records: Iterable[StepRecord]) -> Mapping[StepId, frozenset[str]]:
    """The keywords that messages had when their move was sent, by the move's step: as planned from, and as
    the steps before it left them.
    """
    wanted: dict[StepId, frozenset[str]] = {}
    for run, group in groupby(sorted(records, key=lambda one: one.run), key=lambda one: one.run):
        moves = list(group)
        flags = {(_mailbox(one), one.intent.uid, one.id): set(one.intent.prior_flags) for one in moves}
        by_message: defaultdict[tuple[str, UID], list[StepId]] = defaultdict(list)
        for mailbox, uid, step in flags:
            by_message[mailbox, uid].append(step)
        for earlier in await journal.steps_of(run):
            is_mark = earlier.intent.command.kind in {StepKind.ADD_FLAGS, StepKind.REMOVE_FLAGS}
            if not is_mark or earlier.state is not StepState.APPLIED:
                continue
            place = (_mailbox(earlier), earlier.intent.uid)
            for step in by_message.get(place, ()):
                there = flags[(*place, step)]
                if earlier.intent.command.removes_flags:
                    there.difference_update(earlier.intent.flags)
                else:
                    there.update(earlier.intent.flags)
        wanted.update({step: keywords_of(there) for (_, _, step), there in flags.items()})
    return wanted


async def _check_copies(
    store: MailStore | None,
    target: str,
    records: Sequence[StepRecord],
    *,
    originals: Mapping[UID, frozenset[str]],
    now: datetime,
    crosses: bool,
) -> Checked:
    if store is None:
        detail = f"{records[0].intent.command.target}: the account is not connected"
        kept = [_verdict(one, StepState.HALFWAY, detail, now=now) for one in records]
        return Checked(finishable=(), verdicts=tuple(kept), arrived=())
    status = await look_into(store, target)
    if isinstance(status, CommandRefused):
        kept = [_verdict(one, StepState.HALFWAY, explain(status), now=now) for one in records]
        return Checked(finishable=(), verdicts=tuple(kept), arrived=())
    uidvalidity = status.uidvalidity if status is not None else 0
    is_reset = any(one.target_uidvalidity != uidvalidity for one in records)
    copies: list[MessageFacts] = []
    if status is not None:
        uids = sorted({UID(one.target_uid) for one in records})
        copies = await (store.fetch_from(IDENTITY_REQUEST, UID(1)) if is_reset else store.fetch(IDENTITY_REQUEST, uids))
    finishable, verdicts, arrived = [], [], []
    for record in records:
        copy = _copy_of(record, copies, is_reset=is_reset, crosses=crosses)
        flags = originals.get(record.intent.uid)
        if copy is not None:
            if is_reset:
                record = replace(record, target_uidvalidity=uidvalidity, target_uid=copy.uid)  # noqa: PLW2901 -- found again
            finishable.append(record)
            wanted = frozenset[str]() if crosses else keywords_of(flags or ())
            arrived.append(Arrived(record=record, uidvalidity=uidvalidity, facts=copy, wanted=wanted))
        elif flags is None:
            detail = f"the message is neither in {record.intent.command.mailbox} nor in {target} any more"
            verdicts.append(_verdict(record, StepState.VANISHED, detail, now=now))
        elif flags_hold(flags, frozenset({DELETED}), removed=False):
            detail = (
                f"the copy is no longer in {target}, and the original carries \\Deleted;"
                " take the flag away to keep the message"
            )
            verdicts.append(_verdict(record, StepState.AMBIGUOUS, detail, now=now))
        else:
            detail = f"the copy is no longer in {target}; the message stays where it is"
            verdicts.append(_verdict(record, StepState.NOT_APPLIED, detail, now=now))
    return Checked(finishable=tuple(finishable), verdicts=tuple(verdicts), arrived=tuple(arrived))


def _copy_of(
    record: StepRecord, copies: Sequence[MessageFacts], *, is_reset: bool, crosses: bool
) -> MessageFacts | None:
    # The ids of two servers mean nothing to each other.
    wanted = {one for one in identities_of_intent(record.intent) if not crosses or not is_certain(one)}
    for facts in copies:
        is_same = not wanted.isdisjoint(identities_of_facts(facts))
        if is_same and (is_reset or facts.uid == record.target_uid):
            return facts
    return None


def _of_delete(record: StepRecord, flags: frozenset[str] | None, *, now: datetime) -> StepVerdict | None:
    if flags is None:
        return _verdict(record, StepState.APPLIED, "", now=now)
    if not flags_hold(flags, frozenset({DELETED}), removed=False):
        return _verdict(record, StepState.NOT_APPLIED, TAKEN_BACK, now=now)
    return None


async def _change_keywords(
    session: Session, target: str, keywords: frozenset[str], messages: Sequence[Arrived], *, removes: bool
) -> None:
    first = messages[0].record.intent.command
    command = CommandIntent(
        kind=StepKind.MOVE,
        operation=Operation.STORE,
        account=first.account,
        mailbox=target,
        uidvalidity=messages[0].uidvalidity,
        flags=tuple(sorted(keywords)),
        removes_flags=removes,
        capabilities=first.capabilities,
    )
    intents = [
        StepIntent(
            command=command,
            rule=one.record.intent.rule,
            uid=one.facts.uid,
            flags=command.flags,
            reason="the server lost them while it moved the message",
            message_id=one.record.intent.message_id,
            subject=one.record.intent.subject,
            prior_flags=one.facts.flags or frozenset(),
        )
        for one in messages
    ]
    steps = await session.intend(intents)
    state, detail = StepState.UNKNOWN, ""
    proved: frozenset[UID] = frozenset()
    try:
        uids = sorted(one.facts.uid for one in messages)
        outcome = await (
            session.store.store_flags(uids, remove=keywords)
            if removes
            else session.store.store_flags(uids, add=keywords)
        )
        proved = frozenset(one.uid for one in outcome.confirmed if flags_hold(one.flags, keywords, removed=removes))
    except CommandRefused as error:
        state, detail = StepState.REFUSED, explain(error)
    await session.confirm(
        [
            StepVerdict(
                step=step,
                state=StepState.APPLIED if intent.uid in proved else state,
                judged=session.now(),
                detail=detail,
            )
            for step, intent in zip(steps, intents, strict=True)
        ]
    )


def _verdict(record: StepRecord, state: StepState, detail: str, *, now: datetime) -> StepVerdict:
    return StepVerdict(
        step=record.id,
        state=state,
        judged=now,
        detail=detail,
        target_uidvalidity=record.target_uidvalidity,
        target_uid=record.target_uid,
    )


def _mailbox(record: StepRecord) -> str:
    return record.intent.command.mailbox


def _target(record: StepRecord) -> tuple[str, str]:
    return record.intent.command.target_place


def _run_and_target(arrived: Arrived) -> tuple[RunId, str]:
    return arrived.record.run, arrived.record.intent.command.target
