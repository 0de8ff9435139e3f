"""How one mailbox is read and planned: the planner's needs, answered by a store until none is left."""

from __future__ import annotations

from dataclasses import field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, MessageLimitReached, MissingCapability, RemoteProtocolError
from mailrules.gathering import gather
from mailrules.logs import get_logger
from mailrules.mailbox.message import FLAGS, RECEIVED, SIZE, UID, FactRequest, header_fact
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo
from mailrules.narrowing import narrow, place_of, searched_place
from mailrules.plan.facts import SMALL_MAILBOX, facts_named, facts_related, first_request, request_for
from mailrules.plan.planner import IDENTITY_FIELDS, LeftOut, MailboxPlanner
from mailrules.plan.shadow import rules_in_shadow, rules_that_act
from mailrules.plan.shadow_planner import ShadowPlanner
from mailrules.recall import FactSource, distrusting, told
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from mailrules.gathering import PastMoves
    from mailrules.hookspecs import Enricher
    from mailrules.mailbox.store import MailboxStatus, MailReader
    from mailrules.narrowing import Kept, SearchTrust, Sweep
    from mailrules.plan.directory import Directory
    from mailrules.plan.explanation import MessageExplanation
    from mailrules.plan.history import History
    from mailrules.plan.plan import MailboxPlan
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
    past_moves: PastMoves | None = None
    """Asks the journal for our moves of messages with these Message-IDs; None where there is no journal."""
    describe_fields: Sequence[str] = IDENTITY_FIELDS
    source: Callable[[MailReader, MailboxStatus], FactSource] = FactSource
    """Answers requests for facts; by default from the server alone."""
    acts: bool = False
    """Whether the plan is going to be carried out, so that no flag of the past may decide anything."""

    def acting(self, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """Those that act; the others are in shadow and only report."""
        return rules_that_act(rules, self.history.sights, now=self.environment.now)


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

    With ``sweep`` the server's SEARCH may leave out messages that nothing would be done with. Rules in shadow are
    judged when the others have been, and cannot change what comes of those.
    """
    asked = selection or Selection()
    acting = surroundings.acting(rules)
    relates = bool(facts_related(rules))
    # A few new messages are asked for as they come; what is kept pays where the mailbox is looked through.
    looks_through = asked.after_uid is None or relates
    source = surroundings.source(reader, status) if looks_through else FactSource(reader, status)
    if surroundings.acts and FLAGS in facts_related(acting):
        source.distrust()  # flags of any message may decide about another, and only those acted on are asked again
    sides = (Side(rules=rules, surroundings=surroundings),)
    begun = await _begin(reader, status, sides, selection=asked, sweep=sweep, source=source)
    snapshot = begun.snapshot
    try:
        await source.complete(snapshot, begun.request, begun.answer)
        planner = _planner(acting, snapshot, surroundings=surroundings, judged=begun.judged())
        await _gather(planner, source, snapshot, surroundings)
        misled = surroundings.acts and await source.has_misled(snapshot, planner.acted_on)
        if not misled:
            begun.hand_over(planner, source)
            if len(acting) < len(rules):
                planner.settle()
                await _judge_shadow(planner, rules, source, begun, surroundings=surroundings)
    finally:
        await source.keep(snapshot)
    if misled:
        anew = replace(surroundings, source=distrusting(surroundings.source))
        return await survey_mailbox(reader, status, rules, surroundings=anew, selection=asked, sweep=sweep)
    return planner


async def _judge_shadow(
    settled: MailboxPlanner, rules: Sequence[Rule], source: FactSource, begun: _Begun, *, surroundings: Surroundings
) -> None:
    """Judge by the rules in shadow beside the others, or note that they ask for what the server does not give."""
    shadow = [one.rule for one in rules_in_shadow(rules, surroundings.history.sights, now=surroundings.environment.now)]
    snapshot, unread_before = begun.snapshot, frozenset(source.unread)
    try:
        related = request_for(facts_related([rule for rule in rules if rule.name in shadow]))
        if related != FactRequest():
            await source.fill(snapshot, related, snapshot.uids)
        planner = _shadow_planner(rules, shadow, snapshot, surroundings=surroundings, judged=begun.judged())
        await _gather(planner, source, snapshot, surroundings)
    except (CommandRefused, MessageLimitReached, MissingCapability, RemoteProtocolError) as refusal:
        get_logger().warning(
            "shadow.unknown", account=snapshot.account, mailbox=snapshot.mailbox, rules=shadow, error=str(refusal)
        )
        settled.shadow_left_out = str(refusal)
    else:
        settled.in_shadow = planner
        unread = [(uid, reason) for uid, reason in sorted(source.unread.items()) if uid not in unread_before]
        if unread:
            uid, reason = unread[0]
            settled.shadow_left_out = f"{len(unread)} of the messages cannot be read, first UID {uid}: {reason}"


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

    With ``sweep`` messages may be left out with which neither would do anything. Rules in shadow do nothing for either.
    """
    source = sides[0].surroundings.source(reader, status)
    begun = await _begin(reader, status, sides, selection=selection or Selection(), sweep=sweep, source=source)
    snapshot = begun.snapshot
    planners: list[MailboxPlanner] = []
    try:
        await source.complete(snapshot, begun.request, begun.answer)
        for side in sides:
            # The snapshot has what the first side asked for; the second one only asks for what is left.
            acting = side.surroundings.acting(side.rules)
            planners.append(_planner(acting, snapshot, surroundings=side.surroundings, judged=begun.judged()))
            await _gather(planners[-1], source, snapshot, side.surroundings)
    finally:
        await source.keep(snapshot)
    for planner in planners:
        begun.hand_over(planner, source)
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
    planner = _planner(surroundings.acting(rules), snapshot, surroundings=surroundings, judged=[uid])
    for further in answers[1:]:
        snapshot.add(*further)
        planner.added()
    await _gather(planner, FactSource(reader, status), snapshot, surroundings)
    shadow = rules_in_shadow(rules, surroundings.history.sights, now=surroundings.environment.now)
    if shadow:
        names = [one.rule for one in shadow]
        planner.in_shadow = _shadow_planner(rules, names, snapshot, surroundings=surroundings, judged=[uid])
        await _gather(planner.in_shadow, FactSource(reader, status), snapshot, surroundings)
    plan = planner.finish()
    return explain_message(
        rules,
        snapshot,
        uid=uid,
        environment=surroundings.environment,
        acting=(*planner.acting, *(planner.in_shadow.acting if planner.in_shadow is not None else ())),
        shadow=shadow,
        plan=plan if finish is None else await finish(plan),
        standing=standing,
        remedies_for=remedies_for,
        searched=None
        if trust is None
        else searched_place(reader, status, surroundings.directory, surroundings.environment, trust),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A mailbox of which the first facts were read; ``relates``: conditions look at other messages too."""

    snapshot: Snapshot
    request: FactRequest
    answer: Answer
    selection: Selection
    left_out: LeftOut
    relates: bool

    def judged(self) -> tuple[UID, ...] | None:
        """The messages to be judged, None for all that were read."""
        return self.selection.of_snapshot(self.snapshot) if self.relates or self.selection.since is not None else None

    def hand_over(self, planner: MailboxPlanner, source: FactSource) -> None:
        """Tell the planner of what was not read."""
        planner.leave_unread({uid: source.unread[uid] for uid in self.selection.of(source.unread)})
        planner.left_out = self.left_out


async def _begin(
    reader: MailReader,
    status: MailboxStatus,
    sides: Sequence[Side],
    *,
    selection: Selection,
    sweep: Sweep | None,
    source: FactSource,
) -> _Begun:
    rules = [rule for side in sides for rule in side.rules]
    relates = bool(facts_related(rules))
    acting = [rule for side in sides for rule in side.surroundings.acting(side.rules)]

    def first(*, messages: int) -> FactRequest:
        return first_request(
            acting,
            messages=messages,
            modseq=status.highest_modseq is not None,
            also_header_fields=sides[0].surroundings.describe_fields,
        )

    few = first(messages=min(status.messages, SMALL_MAILBOX))
    narrowed = await _narrowed(
        reader,
        status,
        sides,
        selection=selection,
        sweep=sweep,
        source=source,
        read=lambda kept: source.beyond(few, after_uid=kept.last_uid, also=kept.uids),
    )
    if narrowed is not None:
        kept, answer = narrowed
        return _Begun(
            snapshot=_snapshot(reader.account, status, answer, surroundings=sides[0].surroundings),
            request=few,
            answer=answer,
            selection=Selection(after_uid=kept.last_uid, also=kept.uids),
            left_out=kept.left_out(reader.opened or status, read=len(answer.uids)),
            relates=relates,
        )
    is_whole = selection.after_uid is None or relates
    request = first(messages=status.messages) if is_whole else few
    if selection.since is not None:
        # What decides which messages are judged comes first, and the rest for those alone.
        request = replace(request, received=True, header_fields=request.header_fields if relates else ())
    if is_whole:
        answer = await source.everything(request)
    else:
        answer = await source.beyond(request, after_uid=selection.after_uid or 0, also=selection.also)
        answer = answer.without(selection.without)
    if not relates and selection.since is None:
        answer = answer.newest(selection.newest)
    snapshot = _snapshot(reader.account, status, answer, surroundings=sides[0].surroundings)
    return _Begun(
        snapshot=snapshot, request=request, answer=answer, selection=selection, left_out=LeftOut(), relates=relates
    )


async def _narrowed(
    reader: MailReader,
    status: MailboxStatus,
    sides: Sequence[Side],
    *,
    selection: Selection,
    sweep: Sweep | None,
    source: FactSource,
    read: Callable[[Kept], Awaitable[Answer]],
) -> tuple[Kept, Answer] | None:
    """What has to be read for these rules where all mail is judged, and the server may narrow that; None for all."""
    if sweep is None or selection != Selection() or source.knows_flags:
        return None
    if any(facts_related(side.rules) for side in sides):
        return None
    asking = [
        (side.rules, place_of(reader, status, side.surroundings.directory, side.surroundings.environment, sweep.trust))
        for side in sides
    ]
    return await narrow(reader, status, asking, sweep=sweep, read=read)


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


def _shadow_planner(
    rules: Sequence[Rule],
    shadow: Collection[str],
    snapshot: Snapshot,
    *,
    surroundings: Surroundings,
    judged: Collection[UID] | None = None,
) -> ShadowPlanner:
    return ShadowPlanner(
        rules,
        snapshot,
        shadow=shadow,
        directory=surroundings.directory,
        environment=surroundings.environment,
        history=surroundings.history,
        describe_fields=surroundings.describe_fields,
        judged=judged,
    )


async def _gather(planner: MailboxPlanner, source: FactSource, snapshot: Snapshot, surroundings: Surroundings) -> None:
    await gather(planner, source, snapshot, enrichers=surroundings.enrichers, past_moves=surroundings.past_moves)
