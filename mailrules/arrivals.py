"""What the daemon does with one mailbox that stays open: judge what arrives, guarded, and act."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules import upkeep
from mailrules.client.imap_store import connect_reader
from mailrules.engine import carry_out, recover_open_steps
from mailrules.errors import CommandRefused
from mailrules.journal.records import Position, RunKind
from mailrules.logs import get_logger
from mailrules.plan.blast_radius import hold_untried
from mailrules.plan.guards import hold_excess, hold_whole_mailbox
from mailrules.plan.planner import IDENTITY_FIELDS
from mailrules.plan.shadow import rules_in_shadow
from mailrules.planning import (
    mailbox_steps_of,
    others_of,
    read_directory,
    surroundings_of,
    unjudged,
    whole_plan,
    without_gone,
)
from mailrules.renumbered import last_uid, renumbered
from mailrules.rules.conditions import Cause
from mailrules.searching import sweep_of, trust_of
from mailrules.session import accounts_reached, also_connected
from mailrules.survey import survey_mailbox
from mailrules.trials import note_shadow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.engine import RunReport
    from mailrules.mailbox.store import MailboxStatus, MailReader, MailStore
    from mailrules.narrowing import SearchTrust, Sweep
    from mailrules.plan.blast_radius import Tried
    from mailrules.plan.directory import Directory
    from mailrules.plan.plan import Plan
    from mailrules.rules.rule import MailboxRef, Rule
    from mailrules.session import Session
    from mailrules.survey import Selection


RECENT_TARGETS = 4
"""So many of the mailboxes that mail last went to are looked at beside new mail, to save a round trip."""


class Watch:
    """One mailbox that stays open: judges what arrives there, guarded, as the daemon does."""

    def __init__(
        self, session: Session, store: MailStore, ref: MailboxRef, *, directory: Directory, status: MailboxStatus
    ) -> None:
        self._session, self._store, self._ref = session, store, ref
        self._directory, self._status = directory, status
        self._recent_targets: dict[str, None] = {}
        self._next_tidying = session.now()
        self._told_held: frozenset[str] = frozenset()
        self._trust: SearchTrust | None = None

    @classmethod
    async def begin(cls, session: Session, store: MailStore, ref: MailboxRef, *, backlog: bool = False) -> Watch:
        """Recover what an earlier run left open, open the mailbox and take its position.

        Without ``backlog``, mail that was there before the first watch counts as judged.
        """
        await recover_open_steps(session, {ref.account: store})
        directory = await _read_directory(session, store, ref)
        status = await _open(session, store, directory.server_name(ref.mailbox), backlog=backlog)
        return cls(session, store, ref, directory=directory, status=status)

    async def judge_arrivals(self) -> RunReport:
        """Judge and act on the mail that is new since the position, and on what was held before."""
        await self._stay_open()
        rules = tuple(
            rule
            for rule in self._session.configuration.rules.for_mailbox(self._ref)
            if any(event.kind == "new" for event in rule.events)
        )
        selection = await unjudged(self._session.journal, self._ref.account, self._status)
        return await self._judge(rules, selection)

    async def judge_due(self, rules: Sequence[Rule]) -> RunReport:
        """Judge all mail of the mailbox by the rules whose schedule is due; positions stay."""
        await self._stay_open()
        return await self._judge(rules, None)

    async def _sweep(self) -> Sweep:
        """How all mail may be swept, by what this connection has taught of its server."""
        if self._trust is None:
            self._trust = await trust_of(self._session, self._ref.account)
        return await sweep_of(self._session.journal, self._trust, self._status)

    async def _stay_open(self) -> None:
        """Reading up on what no answer proved opens other mailboxes; come back to ours then.

        Raises ReadOnlyMode where the kill switch is on.
        """
        self._session.journal.kill_switch.check()
        if self._session.now() >= self._next_tidying:
            self._next_tidying = self._session.now() + upkeep.EVERY
            await upkeep.tidy(self._session, {self._ref.account: self._store})
        opened = self._store.opened
        if opened is None or opened.mailbox != self._status.mailbox or opened.read_only:
            self._status = await _open(self._session, self._store, self._status.mailbox, backlog=False)

    async def _judge(self, rules: Sequence[Rule], selection: Selection | None) -> RunReport:
        history = await self._session.journal.history(rules=rules, now=self._session.now())
        cause = Cause.SCHEDULE if selection is None else Cause.NEW
        surroundings = surroundings_of(self._session, self._directory, history, describe=IDENTITY_FIELDS, cause=cause)
        sweep = await self._sweep() if selection is None else None
        planner, targets = await asyncio.gather(
            survey_mailbox(
                self._store, self._status, rules, surroundings=surroundings, selection=selection, sweep=sweep
            ),
            asyncio.gather(*(self._look_at(name) for name in self._recent_targets)),
        )
        if sweep is not None:
            await self._session.journal.remember_untruths(sweep.trust.learned)
        whole_rules = self._session.configuration.rules
        acting = surroundings.acting(rules)
        tried = hold_untried(
            planner.finish(),
            acting,
            await self._session.journal.rule_runs(self._ref),
            rules_hash=whole_rules.hash,
            mailbox_messages=self._status.messages,
        )
        await self._session.journal.know_rules({self._ref: tried.known}, rules_hash=whole_rules.hash)
        guarded = hold_excess(hold_whole_mailbox(tried.plan, history), acting, history)
        if selection is None:
            guarded = replace(guarded, final_uids=(), moves_position=False)
        else:
            guarded = replace(guarded, final_uids=tuple(sorted({*guarded.final_uids, *selection.without})))
            guarded = await without_gone(self._session.journal, guarded, seen=planner.uids, selection=selection)
        steps, warnings = await mailbox_steps_of(self._store, [planner], self._directory)
        steps = tuple(step for step in steps if step.rule not in tried.held_rules)
        self._tell_held(tried)
        plan = replace(
            whole_plan(self._session, [guarded], steps=steps, warnings=warnings),
            shadow_rules=rules_in_shadow(rules, history.sights, now=surroundings.environment.now),
        )
        report = await carry_out(
            self._session,
            plan,
            {self._ref.account: self._store},
            kind=RunKind.DAEMON,
            known={self._ref.account: {status.mailbox: status for status in targets if status is not None}},
        )
        await note_shadow(self._session, plan)
        if steps or any(step.create for _, _, step in plan.steps()):
            self._directory = await _read_directory(self._session, self._store, self._ref)
        self._remember_targets(plan)
        return report

    def _tell_held(self, tried: Tried) -> None:
        """Once for each rule until it acts: what waits is judged again with every arrival."""
        for rule in sorted(tried.held_rules - self._told_held):
            count = sum(one.kind == "held" and one.rule == rule for one in tried.plan.findings)
            get_logger().warning(
                "rule.held", account=self._ref.account, mailbox=self._ref.mailbox, rule=rule, messages=count
            )
        self._told_held = tried.held_rules

    async def _look_at(self, target: str) -> MailboxStatus | None:
        try:
            return await self._store.status(target)
        except CommandRefused:  # deleted since; who wants to move there is told when it is tried
            return None

    def _remember_targets(self, plan: Plan) -> None:
        named = {step.to: None for _, _, step in plan.steps() if not step.account and self._directory.exists(step.to)}
        kept = {name: None for name in self._recent_targets if name not in named and self._directory.exists(name)}
        self._recent_targets = dict(list({**named, **kept}.items())[:RECENT_TARGETS])


async def _read_directory(session: Session, store: MailStore, ref: MailboxRef) -> Directory:
    """The account's mailboxes, and those of the accounts that its rules reach, which are asked for this alone."""
    directory = await read_directory(session.configuration, store)
    names = accounts_reached(session, [ref])
    if not names:
        return directory
    readers: dict[str, MailReader] = {ref.account: store}
    async with also_connected(session, readers, names, connect_reader) as reached:
        return replace(directory, others=await others_of(session, reached, [ref]))


async def _open(session: Session, store: MailStore, mailbox: str, *, backlog: bool) -> MailboxStatus:
    """Open a mailbox and see that it has a position in its present UIDVALIDITY."""
    status = await store.open(mailbox)
    position = await session.journal.position(store.account, mailbox)
    if position is None:
        newest = 0 if backlog else await last_uid(store, status)
        await session.journal.save_position(
            Position(account=store.account, mailbox=mailbox, uidvalidity=status.uidvalidity, last_uid=newest)
        )
    # A new UIDVALIDITY under an old position: rules never run again over old mail because of it.
    elif anew := await renumbered(session.journal, store, status):
        if anew.lost:
            uids = [one.uid for one in anew.lost]
            get_logger().warning("held.forgotten", account=store.account, mailbox=mailbox, uids=uids)
        await session.journal.renumber(anew.position, anew.found)
    return status
