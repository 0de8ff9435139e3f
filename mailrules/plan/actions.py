"""What an action means, as a value: rule text compiled, not yet applied to a message.

The planner turns these into steps. Each says whether it disposes of the message, which mailbox
names it may act on, and which facts it needs (the ``ActionValue`` protocol of ``rules.rule``).
"""

from __future__ import annotations

from dataclasses import field
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from mailrules.mailbox.message import LABELS, RECEIVED, header_fact
from mailrules.plan.identity import CONTENT_FIELDS
from mailrules.rules.ambiguity_tests import AMBIGUITY_FACTS
from mailrules.rules.conditions import Always, Leaf
from mailrules.rules.rule import ActionUse, Branch, Event, MailboxRef, Rule
from mailrules.rules.surrounding_tests import SnoozeOverTest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import time

    from mailrules.mailbox.message import Fact
    from mailrules.mailbox.settings_of_mailbox import Setting
    from mailrules.rules.templates import Template


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marking:
    disposes: ClassVar[bool] = False

    @property
    def targets(self) -> tuple[Template, ...]:
        return ()

    @property
    def needs(self) -> tuple[Fact, ...]:
        return tuple(fact for target in self.targets for fact in target.needs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToMailbox(_Marking):
    to: Template

    @property
    def targets(self) -> tuple[Template, ...]:
        return (self.to,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfMailbox(_Marking):
    mailbox: Template

    @property
    def targets(self) -> tuple[Template, ...]:
        return (self.mailbox,)


WAKE_EVERY = timedelta(minutes=5)
"""How often the daemon looks for messages whose snooze is over."""
_LEDGER_FACTS = tuple(header_fact(field_name) for field_name in CONTENT_FIELDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddFlags(_Marking):
    """``flag`` and ``keyword``: flags in IMAP spelling (``\\Seen``, ``$Important``)."""

    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveFlags(_Marking):
    """``unflag`` and ``unkeyword``."""

    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLabels(_Marking):
    """``label`` and ``unlabel``: labels where the server has them (Gmail), else keywords of the same names."""

    labels: tuple[str, ...]
    are_added: bool = True

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (LABELS,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyTo(_ToMailbox):
    """``copy``: ``create`` allows making the target mailbox."""

    create: bool = False

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (*self.to.needs, *_LEDGER_FACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendNote(_ToMailbox):
    """``append``: a message of ours about this one, put into a mailbox. ``subject`` and ``text`` may have fields."""

    subject: Template
    text: Template
    flags: tuple[str, ...] = ()
    create: bool = False

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (*self.to.needs, *self.subject.needs, *self.text.needs, *_LEDGER_FACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTo(_ToMailbox):
    """``move``."""

    disposes: ClassVar[bool] = True
    create: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveToSpecialUse(_Marking):
    """``trash``, ``archive``, ``report_spam``: the mailbox comes from the account's settings or special use."""

    disposes: ClassVar[bool] = True
    use: str
    """``"trash"``, ``"archive"`` or ``"junk"``."""

    @property
    def destroys(self) -> bool:
        """What is in the trash goes sooner or later."""
        return self.use == "trash"

    @property
    def needs(self) -> tuple[Fact, ...]:
        return AMBIGUITY_FACTS if self.destroys else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(_Marking):
    """``delete``: for ever; the file must ``allow: [delete]``."""

    disposes: ClassVar[bool] = True
    destroys: ClassVar[bool] = True

    @property
    def needs(self) -> tuple[Fact, ...]:
        return AMBIGUITY_FACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep(_Marking):
    """``keep``: stays where it is, and no later rule is asked."""

    disposes: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(_Marking):
    """``hold``: stays where it is, waits for a person, is judged again, and no later rule is asked."""

    disposes: ClassVar[bool] = True
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(_Marking):
    """``expire``: deleted for ever once the server has had it for longer than ``after``; until then it stays."""

    disposes: ClassVar[bool] = True
    acts_late: ClassVar[bool] = True
    destroys: ClassVar[bool] = True
    after: timedelta

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (RECEIVED, *AMBIGUITY_FACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze(_ToMailbox):
    """``snooze``: put away into a mailbox of its own, and brought back after ``delay`` or at the next ``until``."""

    disposes: ClassVar[bool] = True
    delay: timedelta | None = None
    until: time | None = None

    def companion(self, rule: Rule, use: ActionUse) -> Rule:
        """The rule that brings the messages back. What is due is read from the journal of moves."""
        accounts = dict.fromkeys(ref.account for ref in rule.mailboxes)
        over = SnoozeOverTest(rule=rule.name, delay=self.delay, until=self.until)
        back = ActionUse(name=use.name, value=MoveBack(), where=use.where)
        return Rule(
            name=f"{rule.name} (end of snooze)",
            where=rule.where,
            mailboxes=tuple(MailboxRef(account=account, mailbox=self.to.text) for account in accounts),
            condition=Leaf(name="snooze", text="the snooze is over", where=use.where, test=over),
            branches=(Branch(condition=Always(), actions=(back,), where=use.where),),
            events=(Event(kind="every", every=WAKE_EVERY),),
            may_loop=True,
            may_lack_mailboxes=True,
            # It only ends what its rule began, and that one has been looked at.
            first_run_acts=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveBack(_Marking):
    """To the mailbox from which we brought the message; no word of the language, but the end of a snooze."""

    disposes: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribeMailbox(_OfMailbox):
    """``unsubscribe_mailbox``: the mailbox is not subscribed afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMailbox(_OfMailbox):
    """``create``: the mailbox exists afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeMailbox(_OfMailbox):
    """``subscribe``: the mailbox is subscribed afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameMailbox(_Marking):
    """``rename``: the mailbox, with all below it, is called ``to`` afterwards. Both are literals."""

    mailbox: str
    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRights(_Marking):
    """``setacl``: identifier to rights letters; ``""`` takes the identifier's rights away.

    Mailbox, identifiers and rights are literals (rule-language, meaning 13).
    """

    mailbox: str
    rights: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetOfMailbox(_Marking):
    """``setmetadata`` and ``setquota``: one value of a mailbox is this afterwards; "" removes it. All are literals."""

    setting: Setting
    mailbox: str
    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect(_Marking):
    """A plugin's own action: carried out at most once by the handler registered under ``name``.

    ``options`` are JSON values, handed to the handler as they stand; ``facts`` are what it reads.
    ``target`` is whom or what it reaches outside: an address, an endpoint's name, a program. The ledger
    remembers each target on its own.
    """

    name: str
    target: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (*self.facts, *_LEDGER_FACTS)
