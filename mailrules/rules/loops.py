"""Whether moves can lead a message in a circle for ever (rule-language, meaning 10)."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mailrules.mailbox.flags import fold_flag
from mailrules.rules.exclusion import exclude_each_other
from mailrules.rules.formula import certain_claims
from mailrules.rules.offers import offers
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailrules.rules.formula import Claim
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import ActionUse, Branch, Rule
    from mailrules.settings import AccountSettings

MAX_WAYS = 10_000
"""So many ways along moves are tried with their conditions, for all rules together."""

Place = tuple[str, str]
"""Account and mailbox."""


@runtime_checkable
class _MovesToUse(Protocol):
    """An action that moves to what the account's settings name (``plan.actions.MoveToSpecialUse``)."""

    @property
    def use(self) -> str: ...


@runtime_checkable
class _ChangesFlags(Protocol):
    """An action on flags (``plan.actions.AddFlags``)."""

    @property
    def flags(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """One way out of a mailbox. ``to`` is a whole name, or how the names of a template begin."""

    rule: Rule
    branch: Branch
    use: ActionUse
    start: Place
    to: Place
    is_prefix: bool

    def leads_to(self, place: Place) -> bool:
        if self.to[0] != place[0]:
            return False
        return place[1].startswith(self.to[1]) if self.is_prefix else place[1] == self.to[1]


def check_loops(rules: Sequence[Rule], *, accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    """Report every move that can be part of a circle, unless its conditions or its author exclude that."""
    moves = [move for rule in rules if not rule.may_loop for move in _moves_of(rule, accounts)]
    search = _Search(moves)
    reported = set()
    for move in moves:
        circle = search.circle_from(move)
        if circle is None or id(move.use) in reported:
            continue
        reported.add(id(move.use))
        names = " -> ".join([*(one.start[1] for one in circle), circle[0].start[1]])
        others = ", ".join(f'"{name}"' for name in dict.fromkeys(one.rule.name for one in circle))
        message = f"moves can lead in a circle: {names}, by {others}"
        cure = "let the conditions exclude each other, or write may_loop: true in one of these rules"
        reporter.error(move.use.where, message, cure=cure)


class _Search:
    """Looks for circles, shortest ways first, within a bound for all of them together."""

    def __init__(self, moves: Sequence[_Move]) -> None:
        self._ways_left = MAX_WAYS
        self._by_start: dict[Place, list[_Move]] = {}
        for move in moves:
            self._by_start.setdefault(move.start, []).append(move)

    def circle_from(self, first: _Move) -> tuple[_Move, ...] | None:
        """A circle of moves that begins with this one and that one message can follow, None where there is none.

        Beyond the bound conditions are not looked at any more, so that a circle may be found that they exclude.
        """
        shortest = self._circle(first, trying_all=False)
        if shortest is None or not _is_excluded(shortest):
            return shortest
        return self._circle(first, trying_all=True)

    def _circle(self, first: _Move, *, trying_all: bool) -> tuple[_Move, ...] | None:
        ways: deque[tuple[_Move, ...]] = deque([(first,)])
        seen = {first.start}
        while ways:
            way = ways.popleft()
            # A move to the message's own mailbox is none, so a circle has two moves at least.
            closes = len(way) > 1 and way[-1].leads_to(first.start)
            if closes and not (trying_all and self._ways_left > 0 and _is_excluded(way)):
                return way
            self._ways_left -= trying_all
            visited = {move.start for move in way} if trying_all and self._ways_left > 0 else seen
            for after in self._after(way[-1]):
                if after.start not in visited:
                    ways.append((*way, after))
            seen.update(after.start for after in self._after(way[-1]))
        return None

    def _after(self, move: _Move) -> list[_Move]:
        if not move.is_prefix:
            return self._by_start.get(move.to, [])
        return [after for place, leaving in self._by_start.items() if move.leads_to(place) for after in leaving]


def _is_excluded(way: Sequence[_Move]) -> bool:
    """Whether no message can take every move of the way."""
    changing = {
        fold_flag(flag)
        for move in way
        for use in move.branch.actions
        if offers(use.value, _ChangesFlags)
        for flag in use.value.flags
    }
    claims = [claim for move in way for claim in _claims(move)]
    return exclude_each_other(claims, changing_flags=changing)


def _claims(move: _Move) -> Iterator[Claim]:
    """What is certain of a message that the branch takes: also that no branch before it did."""
    yield from certain_claims(move.rule.condition)
    for branch in move.rule.branches:
        yield from certain_claims(branch.condition, holds=branch is move.branch)
        if branch is move.branch:
            return


def _moves_of(rule: Rule, accounts: Mapping[str, AccountSettings]) -> Iterator[_Move]:
    for branch in rule.branches:
        for use in branch.actions:
            if not use.value.disposes:
                continue
            for ref in rule.mailboxes:
                for name, is_prefix in _targets(use, accounts.get(ref.account)):
                    account, slash, mailbox = name.partition("/")
                    crosses = bool(slash) and account in accounts and account != ref.account
                    to = (account, mailbox) if crosses else (ref.account, name)
                    start = (ref.account, ref.mailbox)
                    if is_prefix or to != start:  # a message is never moved to where it is
                        yield _Move(rule=rule, branch=branch, use=use, start=start, to=to, is_prefix=is_prefix)


def _targets(use: ActionUse, settings: AccountSettings | None) -> Iterator[tuple[str, bool]]:
    for target in use.value.targets:
        yield (target.text, False) if target.is_literal else (target.literal_prefix, True)
    if offers(use.value, _MovesToUse) and settings is not None:
        named = {"trash": settings.trash, "archive": settings.archive, "junk": settings.junk}.get(use.value.use, "")
        if named:
            yield named, False
