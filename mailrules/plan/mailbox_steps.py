"""Which changes of mailboxes themselves a plan needs: create, subscribe and rights.

Rights are declarative (rule-language, meaning 13): what is wanted is compared with what GETACL
told, and only differences become steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mailrules.mailbox.rows import rows_of
from mailrules.plan import actions
from mailrules.plan.plan import MailboxStep, StepKind
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.mailbox.settings_of_mailbox import Setting
    from mailrules.plan.directory import Directory
    from mailrules.plan.values import Renderer
    from mailrules.plan.verdicts import Acting

_VIRTUAL_RIGHTS = frozenset("cd")
"""Obsolete rights that a server may show besides their modern parts (RFC 4314 section 2.1.1)."""

KEPT_OWN_RIGHTS = frozenset("al")
"""Without them we could neither give rights nor see the mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WantedRights:
    """One identifier's rights that a rule declares for a mailbox (server name)."""

    mailbox: str
    identifier: str
    rights: str
    rule: str


def mailbox_steps(acting: Sequence[Acting], *, directory: Directory, renderer: Renderer) -> tuple[MailboxStep, ...]:
    """CREATE, SUBSCRIBE and UNSUBSCRIBE steps for what the acting rules name and is not so yet."""
    steps: dict[tuple[StepKind, str], MailboxStep] = {}
    for one in acting:
        for use in one.branch.actions:
            match use.value:
                case actions.CreateMailbox(mailbox=target):
                    kind = StepKind.CREATE
                case actions.SubscribeMailbox(mailbox=target):
                    kind = StepKind.SUBSCRIBE
                case actions.UnsubscribeMailbox(mailbox=target):
                    kind = StepKind.UNSUBSCRIBE
                case _:
                    continue
            for row in rows_of(one.rows)[: 1 if target.is_literal else None]:
                name = renderer.name(target, rule=one.rule, row=row)
                if not _is_so(kind, name, directory):
                    step = MailboxStep(account=directory.account, mailbox=name, kind=kind, rule=one.rule.name)
                    steps.setdefault((kind, name), step)
    return tuple(steps.values())


def _is_so(kind: StepKind, name: str, directory: Directory) -> bool:
    if kind == StepKind.CREATE:
        return directory.exists(name)
    info = directory.mailboxes.get(name)
    return bool(info and info.subscribed) is (kind == StepKind.SUBSCRIBE)


def wanted_rights(acting: Iterable[Acting], *, directory: Directory) -> tuple[WantedRights, ...]:
    """The rights that the acting rules declare, each once."""
    return tuple(
        dict.fromkeys(
            WantedRights(
                mailbox=directory.server_name(use.value.mailbox),
                identifier=identifier,
                rights=rights,
                rule=one.rule.name,
            )
            for one in acting
            for use in one.branch.actions
            if isinstance(use.value, actions.SetRights)
            for identifier, rights in use.value.rights
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class WantedSetting:
    """One value that a rule declares for a mailbox (server name)."""

    setting: Setting
    mailbox: str
    name: str
    value: str
    rule: str

    def step(self, *, account: str, was: str) -> MailboxStep:
        """The step that brings it about."""
        return MailboxStep(
            account=account,
            mailbox=self.mailbox,
            kind=StepKind(self.setting.value),
            rule=self.rule,
            identifier=self.name,
            rights=self.value,
            was=was,
        )


def wanted_settings(acting: Iterable[Acting], *, directory: Directory) -> tuple[WantedSetting, ...]:
    """The values that the acting rules declare, each once; the first rule that declares one is followed."""
    wanted: dict[tuple[Setting, str, str], WantedSetting] = {}
    for one in acting:
        for use in one.branch.actions:
            if isinstance(use.value, actions.SetOfMailbox):
                value = use.value
                mailbox = directory.server_name(value.mailbox)
                wanted.setdefault(
                    (value.setting, mailbox, value.name),
                    WantedSetting(
                        setting=value.setting,
                        mailbox=mailbox,
                        name=value.name,
                        value=value.value,
                        rule=one.rule.name,
                    ),
                )
    return tuple(wanted.values())


def rights_steps(
    wanted: Sequence[WantedRights], current: Mapping[str, Mapping[str, str]], *, directory: Directory
) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    """SETACL steps for the differences, and warnings for what is refused.

    ``current`` maps mailbox to identifier to rights; a mailbox that does not exist yet is absent.
    """
    steps, warnings = [], []
    for one in wanted:
        was = current.get(one.mailbox, {}).get(one.identifier, "")
        if same_rights(was, one.rights):
            continue
        if one.identifier == directory.user and not set(one.rights) >= KEPT_OWN_RIGHTS:
            warnings.append(
                f"rule {one.rule!r} would take our own right to administer or look up {one.mailbox!r} away: left out"
            )
            continue
        steps.append(
            MailboxStep(
                account=directory.account,
                mailbox=one.mailbox,
                kind=StepKind.SETACL,
                rule=one.rule,
                identifier=one.identifier,
                rights=one.rights,
                was=was,
            )
        )
    return tuple(steps), tuple(warnings)


def same_rights(one: str, other: str) -> bool:
    """Whether two rights strings grant the same, in any order, virtual rights aside."""
    return set(one) - _VIRTUAL_RIGHTS == set(other) - _VIRTUAL_RIGHTS


class RightsDifference(NamedTuple):
    """The letters to give and the letters to take, virtual rights aside."""

    lacking: str
    surplus: str


def difference_of_rights(was: str, wanted: str) -> RightsDifference:
    """What makes ``wanted`` of ``was``, so that nobody has to write what is right already."""
    before, after = set(was) - _VIRTUAL_RIGHTS, set(wanted) - _VIRTUAL_RIGHTS
    return RightsDifference("".join(sorted(after - before)), "".join(sorted(before - after)))
