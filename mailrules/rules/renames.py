"""What renaming mailboxes does to the rest of the file: circles of names, and names that are gone afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from mailrules.mailbox.name_pattern import pattern_of
from mailrules.rules.policies import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.rules.policies import Policy
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import ActionUse, Rule


@runtime_checkable
class _Renames(Protocol):
    """``plan.actions.RenameMailbox``."""

    @property
    def mailbox(self) -> str: ...

    @property
    def to(self) -> str: ...


class _Rename(NamedTuple):
    """One rename of an account."""

    account: str
    old: str
    new: str
    rule: Rule
    use: ActionUse


def check_renames(rules: Sequence[Rule], policies: Sequence[Policy], *, reporter: Reporter) -> None:
    """Errors where two cannot both have their way, warnings where something is looked for under an old name."""
    renames = tuple(_renames(rules))
    for number, one in enumerate(renames):
        for other in renames[:number]:
            _check_same(one, other, reporter)
        _check_circle(renames, number, reporter)
        for policy in policies:
            if policy.account == one.account and policy.says(Subject.CREATE) and policy.pattern == pattern_of(one.old):
                message = f'the policy {policy.name} at {policy.where} makes "{one.old}" again'
                reporter.error(one.use.where, message, cure="take one of the two out")
        for rule in rules:
            _warn_of_old_name(one, rule, reporter)


def _renames(rules: Sequence[Rule]) -> Iterator[_Rename]:
    for rule in rules:
        for use in (use for branch in rule.branches for use in branch.actions):
            if use.name == "rename" and isinstance(use.value, _Renames):
                for account in dict.fromkeys(ref.account for ref in rule.mailboxes):
                    yield _Rename(account, use.value.mailbox, use.value.to, rule, use)


def _check_same(one: _Rename, other: _Rename, reporter: Reporter) -> None:
    if (one.account, one.old) == (other.account, other.old) and one.new != other.new:
        message = f'{_place(other)} renames "{other.old}" to "{other.new}"'
        reporter.error(one.use.where, message, cure="rename it in one rule")


def _check_circle(renames: Sequence[_Rename], number: int, reporter: Reporter) -> None:
    """Whether a rename leads back to itself over those before it: then the names never come to rest."""
    start = renames[number]
    reached, open_ways = {start}, [start]
    while open_ways:
        one = open_ways.pop()
        for other in renames[: number + 1]:
            if not _feeds(one, other):
                continue
            if other == start:
                message = f'{_place(one)} renames "{one.old}" to "{one.new}", so the names would not come to rest'
                reporter.error(start.use.where, message, cure="take one of the two out")
                return
            if other not in reached:
                reached.add(other)
                open_ways.append(other)


def _feeds(one: _Rename, other: _Rename) -> bool:
    """Whether what one has renamed is, or holds, or lies in what the other renames."""
    is_near = _is_at_or_below(one.new, other.old) or _is_at_or_below(other.old, one.new)
    return one.account == other.account and is_near


def _place(rename: _Rename) -> str:
    return f'the rule "{rename.rule.name}" at {rename.use.where}'


def _warn_of_old_name(rename: _Rename, rule: Rule, reporter: Reporter) -> None:
    watched = [ref for ref in rule.mailboxes if ref.account == rename.account]
    if any(_is_at_or_below(ref.mailbox, rename.old) for ref in watched):
        message = f'the rule "{rule.name}" watches "{rename.old}", which has another name then'
        reporter.warning(rename.use.where, message, cure=f"let it watch {rename.account}/{rename.new}")
    targets = [
        target
        for use in (use for branch in rule.branches for use in branch.actions)
        if use.name in {"move", "copy", "create"}
        for target in use.value.targets
    ]
    if watched and any(_is_at_or_below(target.literal_prefix, rename.old) for target in targets):
        message = f'the rule "{rule.name}" puts mail into "{rename.old}", which has another name then'
        reporter.warning(rename.use.where, message, cure=f"let it name {rename.new}")


def _is_at_or_below(name: str, other: str) -> bool:
    return name == other or name.startswith(other + "/")
