"""How two rule sets are compared on the real mailboxes: each mailbox read once, judged twice, nothing changed."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_reader
from mailrules.errors import CommandRefused, PlanRefused
from mailrules.mailbox.message import FactRequest, header_fact
from mailrules.mailbox.rows import rows_of
from mailrules.plan.difference import Described, difference
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.plan.shadow import rules_in_shadow
from mailrules.planning import (
    incomplete,
    mailbox_steps_of,
    others_of,
    read_directory,
    surroundings_of,
    unjudged,
    whole_plan,
)
from mailrules.policies import policies_in, survey_policies
from mailrules.searching import sweep_of, told_of_searches, trust_of
from mailrules.session import accounts_in, connected
from mailrules.survey import Selection, Side, survey_twice
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.mailbox.store import MailboxStatus, MailReader
    from mailrules.plan.difference import Difference
    from mailrules.plan.directory import Directory
    from mailrules.plan.history import History
    from mailrules.plan.plan import MailboxPlan, MailboxStep, Plan
    from mailrules.plan.planner import MailboxPlanner
    from mailrules.rules.rule import MailboxRef
    from mailrules.session import ReadingSession, Scope
    from mailrules.settings import AccountSettings


@dataclass(slots=True, kw_only=True)
class _Side:
    """One rule set, and what its plan is made of so far."""

    session: ReadingSession
    history: History
    plans: list[MailboxPlan] = field(default_factory=list)
    steps: list[MailboxStep] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def has(self, ref: MailboxRef) -> bool:
        """Whether this side knows the mailbox's account, so that rules of it can be judged there."""
        return ref.account in self.session.configuration.accounts

    def tell_shadow(self) -> None:
        """Of rules that only report no difference is told."""
        now = self.session.now()
        for one in rules_in_shadow(self.session.configuration.rules.rules, self.history.sights, now=now):
            self.warnings.append(
                f"rule {one.rule!r} only reports until {one.until:%Y-%m-%d %H:%M} (`shadow`), so it is left out here; "
                "dry-run shows what it would do"
            )

    def plan(self) -> Plan:
        return whole_plan(self.session, self.plans, steps=self.steps, warnings=self.warnings)


async def compare(old: ReadingSession, new: ReadingSession, *, scope: Scope) -> Difference:
    """What ``new`` would do otherwise than ``old`` now. Opens mailboxes with EXAMINE, as a preview does.

    Raises PlanRefused where the two mean different accounts by one name.
    """
    sides = (await _side(old), await _side(new))
    described: dict[tuple[str, str, UID], Described] = {}
    async with connected(_accounts(old, new, scope), connect_reader) as readers:
        for account, reader in readers.items():
            named = [ref for side in sides for ref in side.session.configuration.rules.mailboxes]
            refs = [ref for ref in dict.fromkeys(named) if ref.account == account and scope.includes(ref)]
            await _compare_account(sides, reader, readers, refs, scope=scope, described=described)

    def describe(account: str, mailbox: str, uid: UID) -> Described:
        return described.get((account, mailbox, uid), Described("", "", "", None))

    return difference(sides[0].plan(), sides[1].plan(), describe=describe, rule=scope.rule)


async def _side(session: ReadingSession) -> _Side:
    rules = session.configuration.rules.rules
    return _Side(session=session, history=await session.journal.history(rules=rules, now=session.now()))


def _accounts(old: ReadingSession, new: ReadingSession, scope: Scope) -> tuple[AccountSettings, ...]:
    accounts = {one.name: one for one in accounts_in(old, scope)}
    for one in accounts_in(new, scope):
        other = accounts.get(one.name, one)
        if (other.host, other.port, other.user) != (one.host, one.port, one.user):
            raise PlanRefused(
                f"account {one.name!r} is {other.user} at {other.host} in the old file and {one.user} at {one.host} in "
                "the new one; give the two accounts different names"
            )
        accounts[one.name] = one
    return tuple(accounts.values())


async def _compare_account(
    sides: tuple[_Side, _Side],
    reader: MailReader,
    readers: Mapping[str, MailReader],
    refs: Sequence[MailboxRef],
    *,
    scope: Scope,
    described: dict[tuple[str, str, UID], Described],
) -> None:
    knowing = [side for side in sides if reader.account in side.session.configuration.accounts]
    # A side without the account has no rules there; the other one's names for its mailboxes are as good.
    directories = {id(side): await _directory(side, reader, readers, refs) for side in knowing}
    usual = next(iter(directories.values()))
    planners: dict[int, list[MailboxPlanner]] = {id(side): [] for side in sides}
    journal, trust = knowing[-1].session.journal, await trust_of(knowing[-1].session, reader.account)
    for ref in refs:
        rule_sets = [side.session.configuration.rules for side in sides]
        name = usual.server_name(ref.mailbox)
        if all(rules.may_lack(ref) for rules in rule_sets) and not usual.exists(name):
            continue
        try:
            status = await reader.open(name)
        except CommandRefused as refused:
            for side in sides:
                side.plans.append(incomplete(ref, str(refused)))
            continue
        made, snapshot = await survey_twice(
            reader,
            status,
            _survey_sides(sides, ref, directories, usual),
            selection=await _selection(sides[1].session, status, reader.account, scope=scope),
            sweep=None if scope.only_new else await sweep_of(journal, trust, status, rule=scope.rule),
        )
        plans = [planner.finish() for planner in made]
        for side, planner, plan in zip(sides, made, plans, strict=True):
            planners[id(side)].append(planner)
            side.plans.append(plan)
        described |= await _described(reader, snapshot, plans)
    knowing[-1].warnings += told_of_searches(knowing[-1].plans, trust)
    for side in knowing:
        side.tell_shadow()
        steps, warnings = await mailbox_steps_of(reader, planners[id(side)], directories[id(side)])
        policies = policies_in(side.session.configuration.rules.policies, scope)
        declared = await survey_policies(reader, policies, directory=directories[id(side)])
        side.steps += [*declared.steps, *steps]
        side.warnings += [*declared.warnings, *declared.left_out, *warnings]


async def _directory(
    side: _Side, reader: MailReader, readers: Mapping[str, MailReader], refs: Sequence[MailboxRef]
) -> Directory:
    directory = await read_directory(side.session.configuration, reader)
    return replace(directory, others=await others_of(side.session, readers, refs))


def _survey_sides(
    sides: tuple[_Side, _Side], ref: MailboxRef, directories: Mapping[int, Directory], usual: Directory
) -> tuple[Side, Side]:
    made = []
    for side, other in (sides, sides[::-1]):
        judging = side if side.has(ref) else other
        directory = directories.get(id(judging), usual)
        surroundings = surroundings_of(judging.session, directory, judging.history, describe=DISPLAY_FIELDS)
        rules = side.session.configuration.rules.for_mailbox(ref) if side.has(ref) else ()
        made.append(Side(rules=rules, surroundings=surroundings))
    return made[0], made[1]


async def _selection(session: ReadingSession, status: MailboxStatus, account: str, *, scope: Scope) -> Selection:
    if not scope.only_new:
        return Selection(newest=scope.newest, since=scope.since)
    return replace(await unjudged(session.journal, account, status), newest=scope.newest, since=scope.since)


async def _described(
    reader: MailReader, snapshot: Snapshot, plans: Sequence[MailboxPlan]
) -> dict[tuple[str, str, UID], Described]:
    """What a person knows the messages by of which either plan says something."""
    uids = {one.uid for plan in plans for one in plan.messages} | {one.uid for plan in plans for one in plan.findings}
    rows = snapshot.mask_of_uids(uids)
    lacking = rows
    for name in DISPLAY_FIELDS:
        lacking &= snapshot.known(header_fact(name))
    if missing := [snapshot.uids[row] for row in rows_of(rows & ~lacking)]:
        request = FactRequest(header_fields=DISPLAY_FIELDS)
        snapshot.add(request, await reader.fetch(request, missing))
    received = {one.uid: one.received for plan in plans for one in plan.messages}
    described = {}
    for row in rows_of(rows):
        uid = snapshot.uids[row]
        message_id, subject, sender = (snapshot.header_value(name, row) for name in DISPLAY_FIELDS)
        described[snapshot.account, snapshot.mailbox, uid] = Described(message_id, subject, sender, received.get(uid))
    return described
