"""How a whole plan comes about: every mailbox that the rules name and the scope includes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.declared import survey_rights, survey_settings
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.foresight import with_declined
from mailrules.imap.quirks import trash_kept_days
from mailrules.logs import get_logger
from mailrules.plan.directory import directory_of
from mailrules.plan.filters import only_once, only_rule
from mailrules.plan.guards import hold_deletions
from mailrules.plan.plan import MailboxPlan, Plan, StepKind
from mailrules.plan.shadow import rules_in_shadow
from mailrules.policies import policies_in, survey_policies
from mailrules.recall import FactSource
from mailrules.renumbered import renumbered
from mailrules.rules.conditions import Cause, Environment
from mailrules.searching import sweep_of, told_of_searches, trust_of
from mailrules.session import Session, accounts_reached
from mailrules.survey import Selection, Surroundings, survey_mailbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from mailrules.journal.reader import JournalReader
    from mailrules.journal.records import Pending, Position
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailboxStatus, MailReader
    from mailrules.plan.directory import Directory
    from mailrules.plan.history import History
    from mailrules.plan.plan import MailboxStep, Step
    from mailrules.plan.planner import MailboxPlanner
    from mailrules.plan.search_truth import Untruth
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.rules.rule import MailboxRef, Rule
    from mailrules.session import ReadingSession, Scope
    from mailrules.settings import AccountSettings
    from mailrules.targets import Targets


async def plan_accounts(
    session: ReadingSession,
    readers: Mapping[str, MailReader],
    *,
    scope: Scope,
    describe: Sequence[str],
    renew: Callable[[Position, Sequence[Pending]], Awaitable[None]] | None = None,
    targets: Targets | None = None,
) -> Plan:
    """Plan every mailbox that the rules name and the scope includes, account after account.

    ``renew`` is given the position that replaces one which a new UIDVALIDITY has voided, with its pending messages.
    ``targets`` learns beside the reading how the mailboxes stand to which the rules move or copy.
    """
    plans: list[MailboxPlan] = []
    steps: list[MailboxStep] = []
    warnings: list[str] = []
    untruths: list[Untruth] = []
    left_out: list[str] = []
    shadow_steps: list[MailboxStep] = []
    listed: list[tuple[AccountSettings, Collection[str]]] = []
    rules = session.configuration.rules
    history = await session.journal.history(rules=rules.rules, now=session.now())
    for account, reader in readers.items():
        refs = [ref for ref in rules.mailboxes if ref.account == account and scope.includes(ref)]
        directory, _ = await asyncio.gather(read_directory(session.configuration, reader), _open_ahead(reader, refs))
        directory = replace(directory, others=await others_of(session, readers, refs))
        surroundings = surroundings_of(session, directory, history, describe=describe)
        planners = []
        trust = await trust_of(session, account)
        for ref in refs:
            if rules.may_lack(ref) and not directory.exists(directory.server_name(ref.mailbox)):
                continue
            try:
                status = await _open(reader, directory.server_name(ref.mailbox))
            except CommandRefused as refused:
                if not surroundings.acting(rules.for_mailbox(ref)):
                    warnings.append(f"{ref}: {refused}; what rules in shadow would do there is not known")
                    continue
                plans.append(incomplete(ref, f"{refused}; make the mailbox, or correct `in` in the rules"))
                continue
            selection = Selection(newest=scope.newest, since=scope.since)
            sweep = None if scope.only_new else await sweep_of(session.journal, trust, status, rule=scope.rule)
            anew = await renumbered(session.journal, reader, status)
            warnings += _told_of_lost(anew.lost if anew else ())
            if scope.only_new:
                selection = (
                    await unjudged(session.journal, account, status)
                    if anew is None
                    # Rules never run again over old mail because of a new UIDVALIDITY: what is there counts as judged.
                    else Selection(after_uid=anew.position.last_uid, also=anew.position.pending)
                )
                selection = replace(selection, newest=scope.newest, since=scope.since)
                if renew is not None and anew is not None:
                    await renew(anew.position, anew.found)
            judged_by = rules.for_mailbox(ref)
            acting = surroundings.acting(judged_by)
            planner, _ = await asyncio.gather(
                survey_mailbox(reader, status, judged_by, surroundings=surroundings, selection=selection, sweep=sweep),
                _look_at(targets, reader, acting, directory, opened=status.mailbox),
            )
            planners.append(planner)
            plan = await without_gone(session.journal, planner.finish(), seen=planner.uids, selection=selection)
            plan = only_rule(plan, scope.rule) if scope.rule else plan
            plans.append(await with_declined(session, reader, plan))
        untruths += trust.learned
        warnings += told_of_searches(plans, trust)
        listed.append((session.configuration.accounts[account], directory.mailboxes))
        new_steps, new_warnings = await mailbox_steps_of(reader, planners, directory)
        declared = await survey_policies(reader, policies_in(rules.policies, scope), directory=directory)
        steps += [step for step in (*declared.steps, *new_steps) if scope.rule in {"", step.rule}]
        warnings += (*declared.warnings, *new_warnings)
        shadow_steps += await _shadow_mailbox_steps(reader, planners, directory)
        left_out += declared.left_out
        warnings += marks_only(reader.capabilities, plans, account=account)
        warnings += emptied_trash(session, reader, plans, directory=directory)
    if session.facts is not None:
        session.facts.forget_missing(listed, now=session.now())
    whole = whole_plan(session, plans, steps=steps, warnings=warnings)
    asked = [rule for rule in rules.rules if scope.rule in {"", rule.name} and any(map(scope.includes, rule.mailboxes))]
    return replace(
        whole,
        left_out=tuple(left_out),
        untruths=tuple(untruths),
        shadow_rules=rules_in_shadow(asked, history.sights, now=whole.created),
        shadow_mailbox_steps=tuple(step for step in shadow_steps if scope.rule in {"", step.rule}),
    )


async def _shadow_mailbox_steps(
    reader: MailReader, planners: Sequence[MailboxPlanner], directory: Directory
) -> tuple[MailboxStep, ...]:
    """What rules in shadow would change of mailboxes; nothing where the server does not tell what there is."""
    in_shadow = [planner.in_shadow for planner in planners if planner.in_shadow is not None]
    try:
        steps, _ = await mailbox_steps_of(reader, in_shadow, directory)
    except (CommandRefused, MissingCapability) as refusal:
        get_logger().warning("shadow.unknown", account=directory.account, error=str(refusal))
        return ()
    return steps


async def without_gone(
    journal: JournalReader, plan: MailboxPlan, *, seen: Collection[UID], selection: Selection
) -> MailboxPlan:
    """The plan, passing also messages that were to be judged again and are no longer there."""
    if selection.newest is not None or selection.since is not None:
        return plan
    position = await journal.position(plan.account, plan.mailbox)
    if position is None or position.uidvalidity != plan.uidvalidity:
        return plan
    gone = position.pending.difference(seen)
    return replace(plan, final_uids=tuple(sorted(gone.union(plan.final_uids)))) if gone else plan


async def _open_ahead(reader: MailReader, refs: Sequence[MailboxRef]) -> None:
    """Open the first mailbox in the turn that lists them all, if its name does not wait for the delimiter."""
    if refs and "/" not in refs[0].mailbox:
        with contextlib.suppress(CommandRefused):  # it is tried again, and told then
            await reader.open(refs[0].mailbox)


async def _look_at(
    targets: Targets | None, reader: MailReader, rules: Sequence[Rule], directory: Directory, *, opened: str
) -> None:
    if targets is not None:
        await targets.look_at(reader, rules, directory, opened=opened)


async def _open(reader: MailReader, mailbox: str) -> MailboxStatus:
    opened = reader.opened
    return opened if opened is not None and opened.mailbox == mailbox else await reader.open(mailbox)


async def mailbox_steps_of(
    reader: MailReader, planners: Sequence[MailboxPlanner], directory: Directory
) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    wanted_settings = tuple(dict.fromkeys(one for planner in planners for one in planner.wanted_settings()))
    settings, left_as_they_are = await survey_settings(reader, wanted_settings, directory=directory)
    renames = [planner.renames() for planner in planners]
    left_as_they_are += tuple(dict.fromkeys(warning for _, warnings in renames for warning in warnings))
    steps = [
        *(step for planner in planners for step in planner.mailbox_steps()),
        *settings,
        *(step for renamed, _ in renames for step in renamed),
    ]
    wanted = [one for planner in planners for one in planner.wanted_rights()]
    if not wanted:
        return tuple(dict.fromkeys(steps)), left_as_they_are
    try:
        rights, warnings = await survey_rights(reader, wanted, directory=directory)
    except MissingCapability as missing:
        told = f"account {directory.account!r}: rights are left as they are: {missing}"
        return tuple(dict.fromkeys(steps)), (*left_as_they_are, told)
    return tuple(dict.fromkeys([*steps, *rights])), (*left_as_they_are, *warnings)


def marks_only(capabilities: frozenset[str], plans: Sequence[MailboxPlan], *, account: str) -> list[str]:
    """Said beforehand: without UIDPLUS what is to be removed is only marked, for nothing else may be expunged."""
    if "UIDPLUS" in capabilities or "IMAP4REV2" in capabilities:
        return []
    has_move = "MOVE" in capabilities
    return [
        f"{account}/{one.mailbox}: the server has no UIDPLUS (RFC 4315), so what is removed from there keeps \\Deleted"
        " and stays until somebody expunges it"
        for one in plans
        if one.account == account
        and any(_marks(step, has_move=has_move) for message in one.messages for step in message.steps)
    ]


def emptied_trash(
    session: ReadingSession, reader: MailReader, plans: Sequence[MailboxPlan], *, directory: Directory
) -> list[str]:
    """Said beforehand: what the provider will remove from the trash by itself (rule-language, meaning 14)."""
    settings = session.configuration.accounts[directory.account]
    days = settings.trash_days
    if days is None:
        days = trash_kept_days(settings.host, reader.capabilities)
    if not (days and directory.trash):
        return []
    count = sum(
        any(step.kind is StepKind.MOVE and step.to == directory.trash for step in message.steps)
        for one in plans
        if one.account == directory.account
        for message in one.messages
    )
    if not count:
        return []
    mail = "this message" if count == 1 else f"these {count} messages"
    until = f"the provider empties {directory.trash} after {days} days"
    return [f"{directory.account}: {until}; only until then undo brings {mail} back"]


def _marks(step: Step, *, has_move: bool) -> bool:
    return step.kind is StepKind.DELETE or (step.kind is StepKind.MOVE and (bool(step.account) or not has_move))


def whole_plan(
    session: ReadingSession, plans: Sequence[MailboxPlan], *, steps: Sequence[MailboxStep], warnings: Sequence[str]
) -> Plan:
    return Plan(
        created=session.now(),
        rules_hash=session.configuration.rules.hash,
        mailboxes=hold_deletions(only_once(plans), session.configuration.deletion, now=session.now()),
        mailbox_steps=tuple(steps),
        warnings=tuple(dict.fromkeys(warnings)),
    )


async def others_of(
    session: ReadingSession, readers: Mapping[str, MailReader], refs: Iterable[MailboxRef]
) -> dict[str, Directory]:
    """The directories of the accounts that the rules of these mailboxes move or copy to; all have to be connected."""
    return {
        name: await read_directory(session.configuration, readers[name]) for name in accounts_reached(session, refs)
    }


async def read_directory(configuration: LoadedConfiguration, reader: MailReader) -> Directory:
    """The mailboxes of the reader's account, as its server and its settings name them."""
    settings = configuration.accounts[reader.account]
    return directory_of(
        await reader.list_mailboxes(),
        account=reader.account,
        user=settings.user,
        trash=settings.trash,
        archive=settings.archive,
        junk=settings.junk,
    )


def surroundings_of(
    session: ReadingSession,
    directory: Directory,
    history: History,
    *,
    describe: Sequence[str],
    cause: Cause = Cause.RUN,
) -> Surroundings:
    settings = session.configuration.accounts[directory.account]
    environment = Environment(
        now=session.now(),
        cause=cause,
        origins=history.origins,
        authserv_ids=settings.authserv_ids,
        own_addresses=settings.own_addresses,
        known_senders=history.senders,
    )

    def source(reader: MailReader, status: MailboxStatus) -> FactSource:
        kept = session.facts.open(settings, status, now=session.now()) if session.facts else None
        return FactSource(reader, status, kept, just_opened=cause is Cause.RUN)

    return Surroundings(
        directory=directory,
        environment=environment,
        history=history,
        enrichers=session.plugins.enrichers(),
        past_moves=session.journal.past_moves,
        describe_fields=describe,
        source=source,
        acts=isinstance(session, Session),
    )


async def unjudged(journal: JournalReader, account: str, status: MailboxStatus) -> Selection:
    """The messages beyond the mailbox's position in its UIDVALIDITY, and the pending ones; all where there is none."""
    position = await journal.position(account, status.mailbox)
    if position is None:
        return Selection()
    ours = await journal.placed_by_us(
        account, status.mailbox, uidvalidity=status.uidvalidity, after_uid=position.last_uid
    )
    return Selection(after_uid=position.last_uid, also=position.pending, without=ours)


def _told_of_lost(lost: Sequence[Pending]) -> list[str]:
    if not lost:
        return []
    named = "; ".join(f"UID {one.uid} ({one.rule}: {one.reason})" if one.rule else f"UID {one.uid}" for one in lost[:5])
    more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    told = f"{lost[0].account}/{lost[0].mailbox}: the server numbers its messages anew (UIDVALIDITY)"
    return [f"{told}, so what was to be judged again is not known any more and stays as it is: {named}{more}"]


def incomplete(ref: MailboxRef, reason: str) -> MailboxPlan:
    """The plan of a mailbox that could not be read."""
    return MailboxPlan(
        account=ref.account,
        mailbox=ref.mailbox,
        uidvalidity=0,
        messages=(),
        judged=0,
        complete=False,
        incomplete_reason=reason,
    )
