"""Whether the notes of ``append`` could breed: one that is judged by the rule that writes it gets a note of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mailrules.mailbox.name_pattern import MailboxPattern, pattern_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import ActionUse, Rule
    from mailrules.settings import AccountSettings

_WAYS = frozenset({"append", "copy", "move"})


class _Way(NamedTuple):
    """How a message gets from a mailbox that a rule watches into another one."""

    start: tuple[str, str]
    account: str
    to: MailboxPattern
    rule: Rule
    use: ActionUse

    def leads_to(self, place: tuple[str, str]) -> bool:
        return self.account == place[0] and self.to.matches(place[1])


def check_appends(rules: Sequence[Rule], *, accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    """Report each ``append`` whose notes can come before the rule that writes them, whatever its conditions say.

    A note is another message than the one it is about, so conditions of the way there exclude nothing.
    """
    if not any(use.name == "append" for rule in rules for branch in rule.branches for use in branch.actions):
        return
    ways = tuple(way for rule in rules if not rule.may_loop for way in _ways(rule, accounts))
    told = set()
    for way in ways:
        if way.use.name == "append" and id(way.use) not in told and _comes_back(way, ways):
            told.add(id(way.use))
            message = f"its notes can come back to {'/'.join(way.start)}, where this rule writes notes about them"
            cure = "append to a mailbox that no rule brings there, or write may_loop: true"
            reporter.error(way.use.where, message, cure=cure)


def _ways(rule: Rule, accounts: Mapping[str, AccountSettings]) -> Iterator[_Way]:
    for use in (use for branch in rule.branches for use in branch.actions if use.name in _WAYS):
        for target in use.value.targets:
            name = target.render({}, delimiter="") if target.is_literal else target.literal_prefix + "*"
            for ref in rule.mailboxes:
                account, slash, mailbox = name.partition("/")
                crosses = bool(slash) and account in accounts and account != ref.account
                to = pattern_of(mailbox if crosses else name)
                yield _Way((ref.account, ref.mailbox), account if crosses else ref.account, to, rule, use)


def _comes_back(first: _Way, ways: Sequence[_Way]) -> bool:
    reached, open_ways = {first}, [first]
    while open_ways:
        way = open_ways.pop()
        if way.leads_to(first.start):
            return True
        for after in ways:
            if after not in reached and way.leads_to(after.start):
                reached.add(after)
                open_ways.append(after)
    return False
