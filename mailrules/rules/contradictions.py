"""Which mailbox policies contradict each other, or what a rule does: nobody could satisfy both, so both are named."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mailrules.mailbox.name_pattern import MailboxPattern, pattern_of
from mailrules.mailbox.settings_of_mailbox import Setting
from mailrules.rules.mailbox_words import plain_rights
from mailrules.rules.policies import Claim, Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.rules.policies import Policy
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import ActionUse, Rule


@runtime_checkable
class _WritesRights(Protocol):
    """``plan.actions.SetRights``."""

    @property
    def mailbox(self) -> str: ...

    @property
    def rights(self) -> tuple[tuple[str, str], ...]: ...


@runtime_checkable
class _WritesSetting(Protocol):
    """``plan.actions.SetOfMailbox``."""

    @property
    def setting(self) -> Setting: ...

    @property
    def mailbox(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def value(self) -> str: ...


def check_contradictions(policies: Sequence[Policy], rules: Sequence[Rule], *, reporter: Reporter) -> None:
    """Report each pair that wants different things of what may be the same mailbox."""
    if not policies:
        return
    for one, other in combinations(policies, 2):
        if one.account == other.account and one.may_mean(other.pattern) and other.may_mean(one.pattern):
            for claim in other.claims:
                against = _against(claim, one)
                if against is not None:
                    _tell(claim, against, policy=one, reporter=reporter)
    for rule in rules:
        for use in (use for branch in rule.branches for use in branch.actions):
            for account in dict.fromkeys(ref.account for ref in rule.mailboxes):
                for pattern, claim in _claims_of(use):
                    _check_claim(claim, pattern, account=account, policies=policies, reporter=reporter)


def _check_claim(
    claim: Claim, pattern: MailboxPattern, *, account: str, policies: Sequence[Policy], reporter: Reporter
) -> None:
    for policy in policies:
        if policy.account == account and policy.may_mean(pattern):
            against = _against(claim, policy)
            if against is not None:
                _tell(claim, against, policy=policy, reporter=reporter)
                return


def _against(claim: Claim, policy: Policy) -> Claim | None:
    """What the policy says that cannot be so beside ``claim``."""
    named = [one for one in policy.claims if (one.subject, one.name) == (claim.subject, claim.name)]
    if named:
        return next((one for one in named if _plain(one) != _plain(claim)), None)
    if claim.subject is Subject.RIGHTS and claim.value:
        return next((one for one in policy.claims if one.subject is Subject.OTHERS), None)
    if claim.subject is Subject.OTHERS:
        return next((one for one in policy.claims if one.subject is Subject.RIGHTS and one.value), None)
    return None


def _plain(claim: Claim) -> str:
    return plain_rights(claim.value) if claim.subject is Subject.RIGHTS else claim.value


def _tell(claim: Claim, against: Claim, *, policy: Policy, reporter: Reporter) -> None:
    what = f"{claim.subject} of {claim.name}" if claim.name else str(claim.subject)
    message = f'this contradicts {policy.name} at {against.where}: {what} is "{claim.value}" here, '
    if claim.subject is against.subject and claim.name == against.name:
        message += f'and "{against.value}" there'
    elif against.subject is Subject.OTHERS:
        message = f"this contradicts {policy.name} at {against.where}, which leaves rights to nobody but those it names"
    else:
        message = f"this contradicts {policy.name} at {against.where}, which gives rights to {against.name}"
    reporter.error(claim.where, message, cure="say it in one place, or put the mailbox under except")


def _claims_of(use: ActionUse) -> Iterator[tuple[MailboxPattern, Claim]]:
    """What an action of a rule brings about, as a policy would say it, and for which mailboxes."""
    value = use.value
    if isinstance(value, _WritesRights):
        for identifier, rights in value.rights:
            yield pattern_of(value.mailbox), _claim(use, Subject.RIGHTS, identifier, rights)
    elif isinstance(value, _WritesSetting):
        subject = Subject.METADATA if value.setting is Setting.METADATA else Subject.QUOTA
        yield pattern_of(value.mailbox), _claim(use, subject, value.name, value.value)
    elif use.name in {"subscribe", "unsubscribe_mailbox"}:
        is_subscribed = "true" if use.name == "subscribe" else "false"
        for target in value.targets:
            prefix = target.literal_prefix
            pattern = pattern_of(prefix if target.is_literal else prefix + "*")
            yield pattern, _claim(use, Subject.SUBSCRIBED, "", is_subscribed)


def _claim(use: ActionUse, subject: Subject, name: str, value: str) -> Claim:
    return Claim(subject=subject, name=name, value=value, where=use.where)
