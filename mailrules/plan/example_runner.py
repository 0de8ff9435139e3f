"""What the rules really do with the examples beside them: the planner, run on one message each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.diagnostics import Location
from mailrules.mailbox.message import FactRequest
from mailrules.mailbox.snapshot import Snapshot
from mailrules.plan.directory import imagined_directory
from mailrules.plan.facts import first_request
from mailrules.plan.history import History
from mailrules.plan.plan import StepKind
from mailrules.plan.planner import DISPLAY_FIELDS, IDENTITY_FIELDS, MailboxPlanner
from mailrules.rules.examples import (
    ExampleOutcome,
    compare,
    example_enriched,
    example_environment,
    example_facts,
    example_mailbox,
    example_now,
    example_snapshot,
    example_uid,
)
from mailrules.rules.rule import Example, Expectation, Given, MailboxRef
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import datetime

    from mailrules.mailbox.whole_mail import WholeMail
    from mailrules.plan.plan import MailboxPlan, Step
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.rules.rule import Rule, RuleSet
    from mailrules.settings import AccountSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleResult:
    """One example; ``failures`` says what differs, a sentence each, empty when it holds."""

    example: Example
    failures: tuple[str, ...]


def run_examples(configuration: LoadedConfiguration) -> tuple[ExampleResult, ...]:
    """Judge every example as ``run --once`` would judge such a message, without a server."""
    rules, accounts = configuration.rules, configuration.accounts
    return tuple(
        ExampleResult(example=example, failures=_failures(example, rules, accounts)) for example in rules.examples
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailResult:
    """What the rules do with one message on disk, judged in ``ref`` at ``now``."""

    name: str
    ref: MailboxRef
    now: datetime
    matched: tuple[str, ...]
    plan: MailboxPlan
    sender: str
    subject: str


def run_on_mail(
    configuration: LoadedConfiguration,
    name: str,
    mail: WholeMail,
    *,
    mailbox: str = "",
    now: datetime | None = None,
) -> MailResult | None:
    """Judge a message on disk as an example's, by all rules; None where no rule watches the mailbox."""
    rules = configuration.rules
    given = Given(headers=(), whole=mail, mailbox=mailbox, now=now)
    where = Location(file=name)
    example = Example(name=name, where=where, given=given, expect=Expectation())
    ref = example_mailbox(example, mailboxes=rules.mailboxes)
    if ref is None:
        return None
    planner, snapshot = _judged(example, rules.for_mailbox(ref), ref, accounts=configuration.accounts)
    described = Snapshot(account=ref.account, info=snapshot.info, status=snapshot.status, uids=snapshot.uids)
    request = FactRequest(header_fields=DISPLAY_FIELDS)
    described.add(request, example_facts(example, request, now=example_now(given)))
    return MailResult(
        name=name,
        ref=ref,
        now=example_now(given),
        matched=_matched(planner),
        plan=planner.finish(),
        sender=described.header_value("from", 0),
        subject=described.header_value("subject", 0),
    )


def _failures(example: Example, rules: RuleSet, accounts: Mapping[str, AccountSettings]) -> tuple[str, ...]:
    considered = tuple(rule for rule in rules.rules if example.only_file in {"", rule.where.file})
    refs = tuple(dict.fromkeys(ref for rule in considered for ref in rule.mailboxes))
    ref = example_mailbox(example, mailboxes=refs)
    if ref is None:
        return ("no rule watches the mailbox that this example names",)
    watching = [rule for rule in considered if ref in rule.mailboxes]
    failures = compare(example.expect, _outcome(example, watching, ref, accounts=accounts))
    if not failures:
        return ()
    asked, known = {rule.name for rule in watching}, {rule.name for rule in considered}
    return (*failures, *(_why_not_asked(one, ref, known) for one in example.expect.matched or () if one not in asked))


def _why_not_asked(rule: str, ref: MailboxRef, known: Collection[str]) -> str:
    if rule in known:
        return f'rule "{rule}" does not watch {ref}, where this message lies; say under given where: mailbox: ...'
    return f'rule "{rule}" is switched off, or stands in another file than this pack'


def _outcome(
    example: Example, rules: Sequence[Rule], ref: MailboxRef, *, accounts: Mapping[str, AccountSettings]
) -> ExampleOutcome:
    planner, _ = _judged(example, rules, ref, accounts=accounts)
    plan = planner.finish()
    return ExampleOutcome(
        matched=_matched(planner),
        mailbox=_final_mailbox(plan, ref),
        flags=_final_flags(plan, example.given.flags),
        copies=tuple(_target(step, ref) for step in _steps(plan) if step.kind == StepKind.COPY),
        notes=tuple(f"rule {one.rule!r} is {one.kind}: {one.reason}" for one in plan.findings),
    )


def _matched(planner: MailboxPlanner) -> tuple[str, ...]:
    return tuple(dict.fromkeys(acting.rule.name for acting in planner.acting))


def _judged(
    example: Example, rules: Sequence[Rule], ref: MailboxRef, *, accounts: Mapping[str, AccountSettings]
) -> tuple[MailboxPlanner, Snapshot]:
    """A planner that has every fact of the example's message that it needs."""
    settings = accounts.get(ref.account)
    directory = imagined_directory(ref.account, settings, others=accounts)
    snapshot = example_snapshot(example, ref)
    environment = example_environment(example, snapshot, settings=settings)
    now = environment.now
    uid = example_uid(example)
    request = first_request(rules, messages=1, modseq=False, also_header_fields=IDENTITY_FIELDS)
    snapshot.add(request, example_facts(example, request, now=now))
    planner = MailboxPlanner(
        rules, snapshot, directory=directory, environment=environment, history=History(), judged=[uid]
    )
    while (need := planner.next_need()) is not None:
        if not need.enricher:
            snapshot.add(need.request, example_facts(example, need.request, now=now))
        elif (told := example_enriched(example, need.enricher)) is not None:
            snapshot.add_enriched(need.enricher, {uid: told})
        # Without its plugin's source another fact stays open, and its row is gone.
        planner.added()
    return planner, snapshot


def _steps(plan: MailboxPlan) -> Iterator[Step]:
    return (step for message in plan.messages for step in message.steps)


def _final_mailbox(plan: MailboxPlan, ref: MailboxRef) -> MailboxRef:
    moves = [_target(step, ref) for step in _steps(plan) if step.kind == StepKind.MOVE]
    return moves[-1] if moves else ref


def _target(step: Step, ref: MailboxRef) -> MailboxRef:
    if step.account:
        return MailboxRef(account=step.account, mailbox=step.to.removeprefix(step.account + "/"))
    return MailboxRef(account=ref.account, mailbox=step.to)


def _final_flags(plan: MailboxPlan, flags: frozenset[str]) -> frozenset[str]:
    by_name = {flag.lower(): flag for flag in flags}
    for step in _steps(plan):
        if step.kind == StepKind.ADD_FLAGS:
            by_name |= {flag.lower(): flag for flag in step.flags}
        elif step.kind == StepKind.REMOVE_FLAGS:
            by_name = {name: flag for name, flag in by_name.items() if name not in {one.lower() for one in step.flags}}
    return frozenset(by_name.values())
