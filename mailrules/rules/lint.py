"""What cannot be meant in rules that are each well-formed: between rules, and with accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mailrules.imap.quirks import trash_kept_days
from mailrules.rules.loops import check_loops
from mailrules.rules.offers import offers

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import ActionUse, Rule
    from mailrules.settings import AccountSettings


@runtime_checkable
class _WritesRights(Protocol):
    """An action on access rights (``plan.actions.SetRights``)."""

    @property
    def mailbox(self) -> str: ...

    @property
    def rights(self) -> tuple[tuple[str, str], ...]: ...


@runtime_checkable
class _GoesToSpecialUse(Protocol):
    """An action that moves to a mailbox by its use (``plan.actions.MoveToSpecialUse``)."""

    @property
    def use(self) -> str: ...


def lint(rules: Sequence[Rule], *, accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    """Report errors between rules, and warnings for what is likely not meant."""
    _check_names(rules, reporter)
    _check_targets(rules, accounts, reporter)
    _check_rights(rules, accounts, reporter)
    _warn_of_emptied_trash(rules, accounts, reporter)
    check_loops(rules, accounts=accounts, reporter=reporter)


def _check_names(rules: Sequence[Rule], reporter: Reporter) -> None:
    first: dict[str, Rule] = {}
    for rule in rules:
        if rule.name in first:
            place = first[rule.name].where
            reporter.error(
                rule.where, f'the rule "{rule.name}" exists already, at {place}', cure="rename one of the two"
            )
        first.setdefault(rule.name, rule)


def _check_targets(rules: Sequence[Rule], accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    """A target may begin with an account's name: ``work/Archive``; only moves and copies cross accounts."""
    for rule, use in _uses(rules):
        own = {ref.account for ref in rule.mailboxes}
        _check_beginnings(use, accounts, reporter)
        for target in _target_names(use):
            account, slash, mailbox = target.partition("/")
            if not slash or account not in accounts:
                continue
            if own == {account}:
                message = f'this means the mailbox "{target}" inside the account "{account}"'
                reporter.warning(use.where, message, cure=f"write {mailbox}: targets are in the rule's own account")
            elif account in own:
                message = f'"{target}" is meant in another account for a part of this rule\'s mailboxes only'
                reporter.error(use.where, message, cure="write a rule for each account")
            elif own and use.name not in {"move", "copy"}:
                message = f'{use.name} stays within an account, and "{account}" is another one'
                reporter.error(use.where, message, cure="only move and copy go to other accounts")
            elif own and not mailbox.strip("/ "):
                message = f'"{target}" names no mailbox of "{account}", so any message could choose any mailbox'
                reporter.error(use.where, message, cure=f"put a fixed name first: {account}/Sorted/...")


def _check_beginnings(use: ActionUse, accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    """No message may choose an account: the name of one could come about by a field in the first level."""
    for target in use.value.targets:
        prefix = target.literal_prefix
        reached = [name for name in accounts if name != prefix and name.startswith(prefix)]
        if reached and not target.is_literal and "/" not in prefix:
            message = f'a message could make "{target.text}" begin with the account "{reached[0]}"'
            reporter.error(use.where, message, cure=f'put a level of its own first: "Sorted/{target.text}"')


def _warn_of_emptied_trash(rules: Sequence[Rule], accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    """Moving to the trash can be undone only as long as the provider leaves it there (rule-language, meaning 14)."""
    for rule, use in _uses(rules):
        if not (offers(use.value, _GoesToSpecialUse) and use.value.use == "trash"):
            continue
        for account in sorted({ref.account for ref in rule.mailboxes} & accounts.keys()):
            settings = accounts[account]
            days = trash_kept_days(settings.host) if settings.trash_days is None else settings.trash_days
            if days:
                message = f'the provider of "{account}" empties the trash: after {days} days the mail is gone for ever'
                cure = f"move it elsewhere to keep it, or write trash_days: 0 under accounts.{account} if it is not so"
                reporter.warning(use.where, message, cure=cure)


def _check_rights(rules: Sequence[Rule], accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    wanted: dict[tuple[str, str, str], tuple[str, Rule]] = {}
    for rule, use in _uses(rules):
        if not offers(use.value, _WritesRights):
            continue
        for account in sorted({ref.account for ref in rule.mailboxes}):
            for identifier, rights in use.value.rights:
                letters = "".join(sorted(set(rights) - set("cd")))
                other, other_rule = wanted.setdefault((account, use.value.mailbox, identifier), (letters, rule))
                if other != letters:
                    message = f'the rule "{other_rule.name}" wants other rights for {identifier}: "{other}"'
                    reporter.error(use.where, message, cure="give the rights in one rule only")
                is_own = account in accounts and identifier == accounts[account].user
                if is_own and not {"a", "l"} <= set(rights):
                    message = f"this would take our own right to administer {use.value.mailbox} away"
                    reporter.error(use.where, message, cure=f"keep a and l for {identifier}, or leave it out")


def _uses(rules: Sequence[Rule]) -> Iterator[tuple[Rule, ActionUse]]:
    for rule in rules:
        for branch in rule.branches:
            for use in branch.actions:
                yield rule, use


def _target_names(use: ActionUse) -> Iterator[str]:
    for target in use.value.targets:
        yield target.literal_prefix
    if offers(use.value, _WritesRights):
        yield use.value.mailbox
