"""Whether the servers can do what the rules ask: mailboxes that are missing, extensions and rights that are lacking.

Pure: what a server told comes in as ``Told``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.diagnostics import Diagnostic, Severity
from mailrules.execution.promises import Sureness, promises
from mailrules.imap.fetch_items import GMAIL, SAVE_DATE
from mailrules.imap.mailbox_commands import CREATE_SPECIAL_USE
from mailrules.imap.metadata_commands import METADATA
from mailrules.imap.quota_commands import QUOTA
from mailrules.mailbox.message import FactKind
from mailrules.mailbox.settings_of_mailbox import Setting
from mailrules.plan.actions import (
    AddFlags,
    AppendNote,
    CopyTo,
    CreateMailbox,
    Delete,
    Expire,
    MoveTo,
    MoveToSpecialUse,
    RemoveFlags,
    RenameMailbox,
    SetLabels,
    SetOfMailbox,
    SetRights,
    Snooze,
    SubscribeMailbox,
    UnsubscribeMailbox,
)
from mailrules.plan.plan import StepKind
from mailrules.policies import lacking
from mailrules.rules.policies import Subject
from mailrules.rules.reads import leaves_of
from mailrules.rules.reporter import did_you_mean
from mailrules.rules.server_tests import GMAIL_PREFIX
from mailrules.rules.server_tests import QUOTA as QUOTA_USE
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from mailrules.diagnostics import Location
    from mailrules.imap.command import Extension
    from mailrules.mailbox.message import Fact
    from mailrules.mailbox.store import Particulars
    from mailrules.plan.directory import Directory
    from mailrules.rules.policies import Claim, Policy
    from mailrules.rules.rule import ActionUse, MailboxRef, Rule, RuleSet
    from mailrules.rules.templates import Template

_LEAVES = (MoveTo, MoveToSpecialUse, Snooze, Delete, Expire)
_TRANSFERS = (MoveTo, MoveToSpecialUse, Snooze)
_RIGHT_OF_FLAG = {"\\seen": "s", "\\deleted": "t"}
_TOLD_BY = {FactKind.SAVED: SAVE_DATE, FactKind.LABELS: GMAIL}
_SUBJECT_OF = {Setting.METADATA: Subject.METADATA, Setting.QUOTA: Subject.QUOTA}
_RIGHT_WORDS = {
    "r": "read it",
    "s": "change \\Seen there",
    "w": "change flags there",
    "i": "put messages into it",
    "t": "mark messages in it as deleted",
    "e": "expunge messages of it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one server said. ``rights`` are our own by server name, of the mailboxes that were asked about."""

    capabilities: frozenset[str]
    directory: Directory
    rights: Mapping[str, Particulars]


def mailboxes_to_ask(rules: RuleSet, directory: Directory) -> tuple[str, ...]:
    """The existing mailboxes of an account, by server name, whose rights the rules depend on."""
    names: dict[str, None] = {}
    for rule in rules.rules:
        for ref in rule.mailboxes:
            if ref.account == directory.account:
                names[directory.server_name(ref.mailbox)] = None
            for use in _uses(rule):
                place = _target(use, ref, {directory.account: directory, **directory.others})
                if place is not None and place[0] == directory.account:
                    names[place[1]] = None
    return tuple(name for name in names if name and directory.exists(name))


def misfits(rules: RuleSet, told: Mapping[str, Told], *, silent: Collection[str] = ()) -> list[Diagnostic]:
    """What of the rules and policies cannot be done as things are.

    Accounts that were not asked are left out, and ``silent`` names those that did not answer.
    """
    check = _Check(rules, told, silent)
    return [*check.of_rules(), *check.of_policies()]


@dataclass(frozen=True, slots=True)
class _Check:
    rules: RuleSet
    told: Mapping[str, Told]
    silent: Collection[str]

    def of_rules(self) -> Iterator[Diagnostic]:
        for rule in self.rules.rules:
            for ref in rule.mailboxes:
                if ref.account not in self.told:
                    continue
                yield from self._source(rule, ref)
                yield from self._conditions(rule, ref)
                for use in _uses(rule):
                    yield from self._action(rule, ref, use)

    def of_policies(self) -> Iterator[Diagnostic]:
        for policy in self.rules.policies:
            if policy.account not in self.told:
                continue
            account = self.told[policy.account]
            missing = lacking(account.capabilities)
            for claim in policy.claims:
                if claim.subject is Subject.SPECIAL_USE:
                    yield from self._use(policy, claim)
                elif claim.subject in missing:
                    reason = missing[claim.subject]
                    yield _warning(
                        claim.where, f"{claim.subject} cannot be set: {reason}", "leave it out for this account"
                    )
            written = str(policy.pattern)
            if policy.pattern.is_literal and not policy.says(Subject.CREATE):
                yield from self._missing(policy.where, policy.account, account.directory.server_name(written))

    def _use(self, policy: Policy, claim: Claim) -> Iterator[Diagnostic]:
        """A use is given to a mailbox when it is made, or, by the few servers that keep it so, as metadata."""
        told = self.told[policy.account]
        info = told.directory.mailboxes.get(told.directory.server_name(str(policy.pattern)))
        if info is not None and claim.value in info.special_use:
            return
        if not CREATE_SPECIAL_USE.is_offered(told.capabilities):
            reason = f"the server has no {CREATE_SPECIAL_USE.capability} ({CREATE_SPECIAL_USE.rfc})"
        elif info is not None and not METADATA.is_offered(told.capabilities):
            reason = "the server tells what a mailbox is for only when it is made, and this one exists"
        else:
            return
        yield _warning(claim.where, f"{claim.subject} cannot be set: {reason}", "leave it out for this account")

    def _source(self, rule: Rule, ref: MailboxRef) -> Iterator[Diagnostic]:
        name = self.told[ref.account].directory.server_name(ref.mailbox)
        if not rule.may_lack_mailboxes:
            yield from self._missing(rule.where, ref.account, name)
        yield from self._rights(rule.where, ref.account, name, "r")

    def _conditions(self, rule: Rule, ref: MailboxRef) -> Iterator[Diagnostic]:
        """What only some servers tell: elsewhere such a condition is unknowable, for every message."""
        offered = self.told[ref.account].capabilities
        for node in (rule.condition, *(branch.condition for branch in rule.branches)):
            for leaf, _ in leaves_of(node):
                for fact in leaf.test.needs:
                    extension = _extension_for(fact)
                    if extension is not None and not extension.is_offered(offered):
                        reason = f"the server has no {extension.capability} ({extension.rfc})"
                        message = f"`{leaf.name}` cannot be known in {ref.account}: {reason}"
                        cure = "look at something else, or write `if_unknowable: skip` in the rule"
                        yield _warning(leaf.where, message, cure)

    def _action(self, rule: Rule, ref: MailboxRef, use: ActionUse) -> Iterator[Diagnostic]:
        account, value = self.told[ref.account], use.value
        source = account.directory.server_name(ref.mailbox)
        if isinstance(value, _LEAVES):
            yield from self._rights(use.where, ref.account, source, "te")
            kind = StepKind.MOVE if isinstance(value, _TRANSFERS) else StepKind.DELETE
            promise = promises(account.capabilities, [kind])[kind]
            if promise.sureness is Sureness.REFUSED:
                yield _warning(use.where, f"{use.name} is refused in {ref.account}: {promise.reason}", "")
            elif {"MOVE", "UIDPLUS"} - account.capabilities and "IMAP4REV2" not in account.capabilities:
                yield _notice(use.where, f"{use.name} is {promise.sureness} in {ref.account}: {promise.reason}")
        elif isinstance(value, AddFlags | RemoveFlags):
            needed = dict.fromkeys(_RIGHT_OF_FLAG.get(flag.lower(), "w") for flag in value.flags)
            yield from self._rights(use.where, ref.account, source, "".join(needed))
        elif isinstance(value, SetLabels) and "X-GM-EXT-1" not in account.capabilities:
            yield _notice(
                use.where, f"the server of {ref.account} has no labels (X-GM-EXT-1); keywords take their place"
            )
        elif isinstance(value, SetRights | SetOfMailbox):
            subject = Subject.RIGHTS if isinstance(value, SetRights) else _SUBJECT_OF[value.setting]
            if reason := lacking(account.capabilities).get(subject):
                yield _warning(use.where, f"{use.name} cannot be done in {ref.account}: {reason}", "")
        yield from self._place(rule, ref, use)

    def _place(self, rule: Rule, ref: MailboxRef, use: ActionUse) -> Iterator[Diagnostic]:
        place = _target(use, ref, {name: one.directory for name, one in self.told.items()}, silent=self.silent)
        if place is None:
            return
        account, name = place
        if isinstance(use.value, MoveToSpecialUse) and not name:
            message = f"{account} has no mailbox for {use.value.use}: none is marked so by the server"
            yield _warning(use.where, message, f"write {use.value.use}: MAILBOX under the account")
            return
        creates = isinstance(use.value, Snooze | CreateMailbox) or getattr(use.value, "create", False)
        if not creates and not rule.may_lack_mailboxes:
            yield from self._missing(use.where, account, name)
        if isinstance(use.value, CopyTo | AppendNote | MoveTo | MoveToSpecialUse | Snooze):
            yield from self._rights(use.where, account, name, "i")

    def _missing(self, where: Location, account: str, name: str) -> Iterator[Diagnostic]:
        directory = self.told[account].directory
        if directory.exists(name) or name in self._created(account):
            return
        if name in directory.mailboxes:
            yield _warning(where, f'"{name}" of {account} only holds other mailboxes, and no messages', "")
            return
        names = {one.lower(): one for one, info in directory.mailboxes.items() if info.selectable}
        near = did_you_mean(name, names)
        nearest = next((written for lower, written in names.items() if near == f'did you mean "{lower}"?'), "")
        cure = f'did you mean "{nearest}"?' if nearest else "create it, or name another one"
        yield _warning(where, f'there is no mailbox "{name}" in {account}', cure)

    def _created(self, account: str) -> frozenset[str]:
        """What rules and policies make, by server name."""
        directory = self.told[account].directory
        names = {
            str(one.pattern)
            for one in self.rules.policies
            if one.account == account and one.pattern.is_literal and one.says(Subject.CREATE)
        }
        for rule in self.rules.rules:
            if any(ref.account == account for ref in rule.mailboxes):
                for use in _uses(rule):
                    makes = isinstance(use.value, CreateMailbox | Snooze) or getattr(use.value, "create", False)
                    names |= {one.text for one in use.value.targets if makes and one.is_literal}
                    names |= {use.value.to} if isinstance(use.value, RenameMailbox) else set()
        return frozenset(directory.server_name(name) for name in names)

    def _rights(self, where: Location, account: str, name: str, needed: str) -> Iterator[Diagnostic]:
        if account not in self.told or name not in self.told[account].rights:
            return
        told = self.told[account].rights[name]
        if told.refusal:
            yield _notice(where, f'our rights on "{name}" of {account} are not told: {told.refusal}')
            return
        held = told.own_rights
        # The d of RFC 2086 stands for t, e and x (RFC 4314 section 2.1.1).
        held += "te" if "d" in held else ""
        for right in needed:
            if right not in held:
                message = f'we may not {_RIGHT_WORDS[right]}: no right {right} on "{name}" of {account}'
                yield _warning(where, message, "let its owner grant it")


def _extension_for(fact: Fact) -> Extension | None:
    if fact.kind is FactKind.ENRICHED:
        if fact.name == QUOTA_USE.name:
            return QUOTA
        return GMAIL if fact.name.startswith(GMAIL_PREFIX) else None
    return _TOLD_BY.get(fact.kind)


def _uses(rule: Rule) -> Iterator[ActionUse]:
    return (use for branch in rule.branches for use in branch.actions)


def _target(
    use: ActionUse, ref: MailboxRef, directories: Mapping[str, Directory], *, silent: Collection[str] = ()
) -> tuple[str, str] | None:
    """Account and server name that an action is sure to act on; None where a message decides, or nobody was asked."""
    value = use.value
    if isinstance(value, MoveToSpecialUse):
        return (ref.account, directories[ref.account].special(value.use)) if ref.account in directories else None
    template = _template(value)
    if template is None or not template.is_literal:
        return None
    account, name = ref.account, template.text
    head, slash, rest = name.partition("/")
    if slash and rest and head != account and (head in directories or head in silent):
        account, name = head, rest
    return (account, directories[account].server_name(name)) if account in directories else None


def _template(value: object) -> Template | None:
    if isinstance(value, CopyTo | AppendNote | MoveTo | Snooze):
        return value.to
    if isinstance(value, CreateMailbox | SubscribeMailbox | UnsubscribeMailbox):
        return value.mailbox
    return None


def _warning(where: Location, message: str, cure: str) -> Diagnostic:
    return Diagnostic(where=where, severity=Severity.WARNING, message=message, cure=cure)


def _notice(where: Location, message: str) -> Diagnostic:
    return Diagnostic(where=where, severity=Severity.NOTICE, message=message)
