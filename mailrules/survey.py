"""How one mailbox is read and planned: the planner's needs, answered by a store until none is left."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.mailbox_reading import Thing, Unread, read_things
from mailrules.logs import get_logger
from mailrules.mailbox.message import FLAGS, RECEIVED, SIZE, UID, FactRequest, MessageFacts, Unreadable, header_fact
from mailrules.mailbox.rows import rows_of
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo, Rights
from mailrules.narrowing import narrow, place_of, searched_place
from mailrules.plan.facts import SMALL_MAILBOX, facts_named, facts_related, first_request, request_for
from mailrules.plan.mailbox_steps import rights_steps
from mailrules.plan.plan import StepKind
from mailrules.plan.planner import IDENTITY_FIELDS, LeftOut, MailboxPlanner
from mailrules.recall import FactSource, distrusting, told
from mailrules.server_facts import is_server_fact, server_facts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from mailrules.hookspecs import Enricher
    from mailrules.mailbox.store import MailboxStatus, MailReader
    from mailrules.narrowing import Kept, SearchTrust, Sweep
    from mailrules.plan.directory import Directory
    from mailrules.plan.explanation import MessageExplanation
    from mailrules.plan.facts import Need
    from mailrules.plan.history import History
    from mailrules.plan.mailbox_steps import WantedRights, WantedSetting
    from mailrules.plan.past_moves import MessageIdentity, PastMove
    from mailrules.plan.plan import MailboxPlan, MailboxStep
    from mailrules.plan.why_not import Standing
    from mailrules.recall import Answer
    from mailrules.rules.conditions import Environment
    from mailrules.rules.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which messages of a mailbox are judged; all of them by default.

    ``after_uid`` with ``also`` are the new ones and those still pending; ``without`` are left out;
    ``newest`` cuts to so many, ``since`` to those that the server got from then on, or at a time that it does not tell.
    """

    after_uid: int | None = None
    also: frozenset[UID] = frozenset()
    without: frozenset[UID] = frozenset()
    newest: int | None = None
    since: datetime | None = None

    def of(self, uids: Iterable[UID]) -> tuple[UID, ...]:
        """Those of some messages, ascending, that are judged."""
        chosen = [
            uid
            for uid in sorted(uids)
            if uid not in self.without and (self.after_uid is None or uid > self.after_uid or uid in self.also)
        ]
        return tuple(chosen if self.newest is None else chosen[-self.newest :])

    def of_snapshot(self, snapshot: Snapshot) -> tuple[UID, ...]:
        """Those of a snapshot, whose times are known where ``since`` asks for them, that are judged."""
        since = self.since
        if since is None:
            return self.of(snapshot.uids)
        received = zip(snapshot.uids, snapshot.received, strict=True)
        return self.of(uid for uid, time in received if not isinstance(time, datetime) or time >= since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a judgement needs besides the mailbox and its rules."""

    directory: Directory
    environment: Environment
    history: History
    enrichers: Mapping[str, Enricher] = field(default_factory=dict)
    past_moves: Callable[[Sequence[str]], Awaitable[Mapping[MessageIdentity, Sequence[PastMove]]]] | None = None
    """Asks the journal for our moves of messages with these Message-IDs; None where there is no journal."""
    describe_fields: Sequence[str] = IDENTITY_FIELDS
    source: Callable[[MailReader, MailboxStatus], FactSource] = FactSource
    """Answers requests for facts; by default from the server alone."""
    acts: bool = False
    """Whether the plan is going to be carried out, so that no flag of the past may decide anything."""


async def survey_mailbox(
    reader: MailReader,
    status: MailboxStatus,
    rules: Sequence[Rule],
    *,
    surroundings: Surroundings,
    selection: Selection | None = None,
    sweep: Sweep | None = None,
) -> MailboxPlanner:
    """Read the open mailbox as far as its rules need, and return the planner, ready to ``finish``.

    With ``sweep`` the server's SEARCH may leave out messages that nothing would be done with.
    """
    asked = selection = selection or Selection()
    relates = bool(facts_related(rules))
    # A few new messages are asked for as they come; what is kept pays where the mailbox is looked through.
    looks_through = selection.after_uid is None or relates
    source = surroundings.source(reader, status) if looks_through else FactSource(reader, status)
    if surroundings.acts and FLAGS in facts_related(rules):
        source.distrust()  # flags of any message may decide about another, and only those acted on are asked again
    sides = (Side(rules=rules, surroundings=surroundings),)
    kept = await _narrowed(reader, status, sides, selection=selection, sweep=sweep, source=source)
    if kept is not None:
        selection = Selection(after_uid=kept.last_uid, also=kept.uids)
    request = first_request(
        rules,
        messages=status.messages if selection.after_uid is None or relates else min(status.messages, SMALL_MAILBOX),
        modseq=status.highest_modseq is not None,
        also_header_fields=surroundings.describe_fields,
    )
    if selection.since is not None:
        # What decides which messages are judged comes first, and the rest for those alone.
        request = replace(request, received=True, header_fields=request.header_fields if relates else ())
    if selection.after_uid is None or relates:
        answer = await source.everything(request)
    else:
        answer = await source.beyond(request, after_uid=selection.after_uid, also=selection.also)
        answer = answer.without(selection.without)
    left_out = LeftOut() if kept is None else kept.left_out(reader.opened or status, read=len(answer.uids))
    if not relates and selection.since is None:
        answer = answer.newest(selection.newest)
    snapshot = _snapshot(reader.account, status, answer, surroundings=surroundings)
    try:
        await source.complete(snapshot, request, answer)
        judged = selection.of_snapshot(snapshot) if relates or selection.since is not None else None
        planner = _planner(rules, snapshot, surroundings=surroundings, judged=judged)
        await _gather(planner, source, snapshot, surroundings)
        misled = surroundings.acts and await source.has_misled(snapshot, planner.acted_on)
    finally:
        await source.keep(snapshot)
    if misled:
        anew = replace(surroundings, source=distrusting(surroundings.source))
        return await survey_mailbox(reader, status, rules, surroundings=anew, selection=asked, sweep=sweep)
    planner.leave_unread({uid: source.unread[uid] for uid in selection.of(source.unread)})
    planner.left_out = left_out
    return planner


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of two rule sets that are compared, and what it is judged with."""

    rules: Sequence[Rule]
    surroundings: Surroundings


async def survey_twice(
    reader: MailReader,
    status: MailboxStatus,
    sides: tuple[Side, Side],
    *,
    selection: Selection | None = None,
    sweep: Sweep | None = None,
) -> tuple[tuple[MailboxPlanner, MailboxPlanner], Snapshot]:
    """Judge the open mailbox by two rule sets over the same facts, each of them fetched once; ready to ``finish``.

    With ``sweep`` messages may be left out with which neither would do anything.
    """
    selection = selection or Selection()
    rules = [rule for side in sides for rule in side.rules]
    request = first_request(
        rules,
        messages=status.messages,
        modseq=status.highest_modseq is not None,
        also_header_fields=sides[0].surroundings.describe_fields,
    )
    if selection.since is not None:
        request = replace(request, received=True)
    relates = bool(facts_related(rules))
    source = sides[0].surroundings.source(reader, status)
    kept = await _narrowed(reader, status, sides, selection=selection, sweep=sweep, source=source)
    if kept is not None:
        selection = Selection(after_uid=kept.last_uid, also=kept.uids)
    if selection.after_uid is None or relates:
        answer = await source.everything(request)
    else:
        answer = await source.beyond(request, after_uid=selection.after_uid, also=selection.also)
    left_out = LeftOut() if kept is None else kept.left_out(reader.opened or status, read=len(answer.uids))
    snapshot = _snapshot(
        reader.account,
        status,
        answer if relates or selection.since is not None else answer.newest(selection.newest),
        surroundings=sides[0].surroundings,
    )
    planners: list[MailboxPlanner] = []
    try:
        await source.complete(snapshot, request, answer)
        judged = selection.of_snapshot(snapshot)
        for side in sides:
            # The snapshot has what the first side asked for; the second one only asks for what is left.
            planners.append(_planner(side.rules, snapshot, surroundings=side.surroundings, judged=judged))
            await _gather(planners[-1], source, snapshot, side.surroundings)
    finally:
        await source.keep(snapshot)
    for planner in planners:
        planner.leave_unread({uid: source.unread[uid] for uid in selection.of(source.unread)})
        planner.left_out = left_out
    return (planners[0], planners[1]), snapshot


async def explain_mail(
    reader: MailReader,
    status: MailboxStatus,
    rules: Sequence[Rule],
    *,
    uid: UID,
    surroundings: Surroundings,
    standing: Standing | None = None,
    remedies_for: str = "",
    trust: SearchTrust | None = None,
    finish: Callable[[MailboxPlan], Awaitable[MailboxPlan]] | None = None,
) -> MessageExplanation | None:
    """Explain one message of the open mailbox with every fact that the rules name; None if it is gone.

    ``finish`` is given its plan, to say of it what is only known beyond the mailbox.
    """
    from mailrules.plan.explanation import explain_message  # noqa: PLC0415 -- only `explain` needs all of it

    request = request_for([FLAGS, SIZE, RECEIVED, *facts_named(rules), *map(header_fact, surroundings.describe_fields)])
    facts = await reader.fetch(request, [uid])
    if not facts:
        return None
    answers = [(request, facts)]
    if (others := request_for(facts_related(rules))) != FactRequest():
        answers.insert(0, (others, await reader.fetch(others)))
    snapshot = _snapshot(reader.account, status, told(*answers[0]), surroundings=surroundings)
    planner = _planner(rules, snapshot, surroundings=surroundings, judged=[uid])
    for further in answers[1:]:
        snapshot.add(*further)
        planner.added()
    await _gather(planner, FactSource(reader, status), snapshot, surroundings)
    plan = planner.finish()
    return explain_message(
        rules,
        snapshot,
        uid=uid,
        environment=surroundings.environment,
        acting=planner.acting,
        plan=plan if finish is None else await finish(plan),
        standing=standing,
        remedies_for=remedies_for,
        searched=None
        if trust is None
        else searched_place(reader, status, surroundings.directory, surroundings.environment, trust),
    )


async def survey_rights(
    reader: MailReader, wanted: Sequence[WantedRights], *, directory: Directory
) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    """SETACL steps for the mailboxes whose rights differ, and warnings. GETACL is sent for all at once.

    A mailbox that does not exist (yet) has no rights to compare; the executor compares again. One whose
    rights the server does not show is left as it is, with a warning.
    """
    names = tuple(dict.fromkeys(one.mailbox for one in wanted))
    existing = [name for name in names if directory.exists(name)]
    answers = await asyncio.gather(*(_rights_of(reader, name) for name in existing))
    current = {answer.mailbox: answer.entries for answer in answers if isinstance(answer, Rights)}
    refused = {name: answer for name, answer in zip(existing, answers, strict=True) if isinstance(answer, str)}
    readable = [one for one in wanted if one.mailbox not in refused]
    steps, warnings = rights_steps(readable, current, directory=directory)
    unread = (f"the rights of {name!r} are left as they are: {reason}" for name, reason in refused.items())
    return steps, (*warnings, *unread)


async def survey_settings(
    reader: MailReader, wanted: Sequence[WantedSetting], *, directory: Directory
) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    """Steps for the values that differ, and warnings for those that the server does not show."""
    steps, warnings = [], []
    things = {one: Thing(StepKind(one.setting.value), one.mailbox, one.name) for one in wanted}
    readings = await read_things(reader, [thing for thing in things.values() if directory.exists(thing.mailbox)])
    for one, thing in things.items():
        found = readings.get(thing)
        if found is None:
            warnings.append(f"{one.name} of {one.mailbox!r} is left as it is: there is no such mailbox")
        elif isinstance(found, Unread):
            warnings.append(f"{one.name} of {one.mailbox!r} is left as it is: {found.error}")
        elif found.value != one.value:
            steps.append(one.step(account=directory.account, was=found.value))
    return tuple(steps), tuple(warnings)


async def _narrowed(
    reader: MailReader,
    status: MailboxStatus,
    sides: Sequence[Side],
    *,
    selection: Selection,
    sweep: Sweep | None,
    source: FactSource,
) -> Kept | None:
    """What has to be read for these rules where all mail is judged, and the server may narrow that; None for all."""
    if sweep is None or selection != Selection() or source.knows_flags:
        return None
    if any(facts_related(side.rules) for side in sides):
        return None
    asking = [
        (side.rules, place_of(reader, status, side.surroundings.directory, side.surroundings.environment, sweep.trust))
        for side in sides
    ]
    return await narrow(reader, status, asking, sweep=sweep)


async def _rights_of(reader: MailReader, mailbox: str) -> Rights | str:
    """The rights, or the server's words where it refuses to show them."""
    try:
        return await reader.get_rights(mailbox)
    except CommandRefused as refused:
        return str(refused)


def _snapshot(account: str, status: MailboxStatus, answer: Answer, *, surroundings: Surroundings) -> Snapshot:
    directory = surroundings.directory
    info = directory.mailboxes.get(status.mailbox) or MailboxInfo(name=status.mailbox, delimiter=directory.delimiter)
    snapshot = Snapshot(account=account, info=info, status=status, uids=answer.uids)
    answer.put_into(snapshot)
    return snapshot


def _planner(
    rules: Sequence[Rule], snapshot: Snapshot, *, surroundings: Surroundings, judged: Collection[UID] | None = None
) -> MailboxPlanner:
    return MailboxPlanner(
        rules,
        snapshot,
        directory=surroundings.directory,
        environment=surroundings.environment,
        history=surroundings.history,
        describe_fields=surroundings.describe_fields,
        judged=judged,
    )


async def _gather(planner: MailboxPlanner, source: FactSource, snapshot: Snapshot, surroundings: Surroundings) -> None:
    while (need := planner.next_need()) is not None:
        await _answer(need, source, snapshot, surroundings.enrichers)
        planner.added()
    moving = planner.moving()
    if moving and surroundings.past_moves is not None:
        planner.remember(await surroundings.past_moves(moving))


async def _answer(need: Need, source: FactSource, snapshot: Snapshot, enrichers: Mapping[str, Enricher]) -> None:
    uids = [snapshot.uids[row] for row in rows_of(need.rows)]
    if need.enricher and is_server_fact(need.enricher):
        snapshot.add_enriched(need.enricher, await server_facts(need.enricher, source.reader, uids))
        return
    if need.enricher:
        await _enrich(enrichers[need.enricher], source, snapshot, uids)
        return
    await source.fill(snapshot, need.request, uids)


async def _enrich(enricher: Enricher, source: FactSource, snapshot: Snapshot, uids: Sequence[UID]) -> None:
    """Ask an enricher about these messages, with the facts it reads; no answer is an unreadable one."""
    rows = snapshot.mask_of(snapshot.row_of(uid) for uid in uids)
    lacking = request_for(fact for fact in enricher.needs if rows & ~snapshot.known(fact))
    if lacking != FactRequest():
        await source.fill(snapshot, lacking, uids)
    no_answer = Unreadable(reason=f"enricher {enricher.name!r} gave no answer")
    try:
        answers = await enricher.enrich([_facts_of(snapshot, snapshot.row_of(uid)) for uid in uids])
    except Exception as error:  # noqa: BLE001 -- a plugin's call: its failure makes the fact unknowable, nothing else
        get_logger().error(
            "plugin.failed", plugin=enricher.name, hook="mailrules_enrichers", error=type(error).__name__
        )
        answers = {}
    snapshot.add_enriched(enricher.name, {uid: answers.get(uid, no_answer) for uid in uids})


def _facts_of(snapshot: Snapshot, row: int) -> MessageFacts:
    """One message's facts as an enricher gets them; the header is put together from its known fields."""
    header = b"".join(
        name.encode() + b":" + value + b"\r\n" for name in snapshot.headers for value in snapshot.raw_header(name, row)
    )
    return MessageFacts(
        uid=snapshot.uids[row],
        flags=snapshot.flags[row],
        size_bytes=snapshot.size_bytes[row],
        received=snapshot.received[row],
        modseq=snapshot.modseq[row],
        header=header,
        structure=snapshot.structure[row],
        texts=snapshot.texts[row],
        object_id=snapshot.object_ids[row],
    )
