"""How rules that nobody has seen at work in a mailbox come to be known there, and how they are told from the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.logs import get_logger
from mailrules.plan.blast_radius import changed_rules
from mailrules.plan.shadow import rules_that_act
from mailrules.plan.why_not import Standing

if TYPE_CHECKING:
    from mailrules.mailbox.message import UID
    from mailrules.plan.plan import Plan
    from mailrules.rules.rule import MailboxRef
    from mailrules.session import ReadingSession, Scope, Session


async def changed_in_scope(session: ReadingSession, scope: Scope) -> tuple[str, ...]:
    """The rules that have not acted as the files stand now, in some mailbox that the scope includes."""
    rules = session.configuration.rules
    sights = await session.journal.sights()
    found: set[str] = set()
    for ref in rules.mailboxes:
        if scope.includes(ref):
            seen = await session.journal.rule_runs(ref)
            acting = rules_that_act(rules.for_mailbox(ref), sights, now=session.now())
            found |= changed_rules(acting, seen, rules_hash=rules.hash)
    return tuple(sorted(found if not scope.rule else found & {scope.rule}))


async def standing_of(session: ReadingSession, ref: MailboxRef, uid: UID, *, uidvalidity: int) -> Standing:
    """What the journal says of one message, and of the rules that look at its mailbox."""
    journal, rules = session.journal, session.configuration.rules.for_mailbox(ref)
    position = await journal.position(ref.account, ref.mailbox)
    is_current = position is not None and position.uidvalidity == uidvalidity
    pending = [
        one for one in await journal.pending() if (one.account, one.mailbox, one.uid) == (ref.account, ref.mailbox, uid)
    ]
    seen = await journal.rule_runs(ref)
    history = await journal.history(rules=rules, now=session.now())
    return Standing(
        pending={one.rule: one.reason for one in pending if is_current and one.rule},
        untried=frozenset(rule.name for rule in rules if rule.name not in seen),
        used_up=frozenset(
            rule.name
            for rule in rules
            if rule.name not in history.approved and history.changed.get(rule.name, 0) >= rule.guard.max_messages
        ),
    )


async def know_confirmed(session: Session, scope: Scope, plan: Plan) -> None:
    """A person has confirmed this plan of everything in scope: what they have seen is known from now on.

    Of a plan that is not complete nobody has seen all, and what is in shadow has not acted.
    """
    rules = session.configuration.rules
    if not plan.complete or scope.newest is not None:
        return
    shadow = {one.rule for one in plan.shadow_rules}
    names = {
        ref: tuple(
            rule.name for rule in rules.for_mailbox(ref) if scope.rule in {"", rule.name} and rule.name not in shadow
        )
        for ref in rules.mailboxes
        if scope.includes(ref)
    }
    await session.journal.know_rules(names, rules_hash=rules.hash)


async def note_shadow(session: Session, plan: Plan) -> None:
    """Keep what rules in shadow would have done by this plan, and tell of what is new."""
    ends = {one.rule: one.until for one in plan.shadow_rules}
    for (rule, account, mailbox), messages in (await session.journal.note_shadow(plan, now=session.now())).items():
        get_logger().info(
            "shadow.noted",
            account=account,
            mailbox=mailbox,
            rule=rule,
            messages=messages,
            # It may have ended since: then the rule acts on what comes next.
            until=ends[rule].isoformat(timespec="minutes") if rule in ends else None,
        )


async def know_applied(session: Session, plan: Plan) -> None:
    """A person has applied this plan: the rules that act in it are known, as they stood when it was made."""
    acting = plan.count_by_rule()
    accounts = {one.account for one in plan.mailboxes}
    await know_rules(session, [*acting], accounts=accounts, rules_hash=plan.rules_hash)


async def know_rules(session: Session, names: list[str], *, accounts: set[str], rules_hash: str) -> None:
    """Make these rules known in all their mailboxes of these accounts."""
    rules = session.configuration.rules
    known: dict[MailboxRef, list[str]] = {}
    for ref in rules.mailboxes:
        if ref.account in accounts:
            known[ref] = [rule.name for rule in rules.for_mailbox(ref) if rule.name in names]
    await session.journal.know_rules(known, rules_hash=rules_hash)
