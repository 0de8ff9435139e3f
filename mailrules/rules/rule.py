"""What a compiled rule file is: rules, their branches and actions, and the examples beside them."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from mailrules.rules.conditions import Cause
from mailrules.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.diagnostics import Location
    from mailrules.mailbox.message import Fact
    from mailrules.mailbox.whole_mail import WholeMail
    from mailrules.rules.conditions import Node
    from mailrules.rules.policies import Policy
    from mailrules.rules.templates import Template


class Conflict(StrEnum):
    """What happens to a second disposition of one message (rule-language, meaning 8)."""

    FIRST = "first"
    LAST = "last"
    FAN_OUT = "fan-out"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class MailboxRef:
    """A mailbox of an account, written ``account/mailbox`` in a rule file."""

    account: str
    mailbox: str

    def __str__(self) -> str:
        return f"{self.account}/{self.mailbox}"


class ActionValue(Protocol):
    """What any compiled action can be asked, whoever registered it (see ``plan.actions``)."""

    @property
    def disposes(self) -> bool:
        """Whether it ends the message's stay (move, trash, delete, archive, keep)."""
        ...

    @property
    def targets(self) -> tuple[Template, ...]:
        """The mailbox names it may act on, for lint and for reading captures."""
        ...

    @property
    def needs(self) -> tuple[Fact, ...]:
        """Facts it needs for a matched message, beyond those of the conditions."""
        ...


@runtime_checkable
class LateAction(Protocol):
    """An action that does something later than when the message comes in, so that its rule needs a schedule."""

    @property
    def acts_late(self) -> bool: ...


@runtime_checkable
class AccompaniedAction(Protocol):
    """An action that needs a rule of its own to bring to an end what it began."""

    def companion(self, rule: Rule, use: ActionUse) -> Rule:
        """The rule that comes after all others of the files; ``use`` is where the action stands in ``rule``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionUse:
    """One entry of ``do``."""

    name: str
    value: ActionValue
    where: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One arm of ``choose``; a plain rule has one branch whose condition is ``Always``."""

    condition: Node
    actions: tuple[ActionUse, ...]
    where: Location

    @property
    def disposes(self) -> bool:
        return any(use.value.disposes for use in self.actions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """At most ``max_messages`` changed by one rule within ``per`` in the daemon (meaning 11)."""

    max_messages: int = 200
    per: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """For how long a rule only reports, from when it was first seen as it stands; ``digest`` is of what it does."""

    lasts: timedelta
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """When a rule is due: ``new`` mail, daily ``at`` "HH:MM" local time, or ``every`` interval."""

    kind: str
    at: str = ""
    every: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """``stop`` None means auto: stop after a branch that disposes (meaning 4)."""

    name: str
    where: Location
    mailboxes: tuple[MailboxRef, ...]
    condition: Node
    branches: tuple[Branch, ...]
    events: tuple[Event, ...] = (Event(kind="new"),)
    stop: bool | None = None
    skip_if_unknowable: bool = False
    conflict: Conflict = Conflict.FIRST
    guard: Guard = Guard()
    is_enabled: bool = True
    """A disabled rule is checked like any other, and then left out of the ``RuleSet``."""
    may_loop: bool = False
    """The author knows that its moves may lead in a circle."""
    may_lack_mailboxes: bool = False
    """It is nothing wrong if a mailbox of it does not exist (yet)."""
    tests_ambiguity: bool = False
    """Whether a condition asks for ``ambiguous``, so that the rule may throw such a message away."""
    first_run_acts: bool = False
    """Whether the daemon lets it act in a mailbox where it never has, without a person having seen what it does."""
    shadow: Shadow | None = None
    """Present while it may still be new: whether it reports or acts is decided by ``plan.shadow``."""
    sees_deleted: bool = False
    """Whether a condition names the \\Deleted flag, so that such messages are visible to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenAttachment:
    """An attachment of an example's message."""

    file_name: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An example's message as a person describes it; ``rules.examples`` makes real bytes of it.

    ``received`` and ``sent`` are as written: a date, an instant, or an age such as ``40d``; "" for now. ``headers``
    are further fields in order; one that is named there replaces the usual one.
    """

    headers: tuple[tuple[str, str], ...]
    body: str = ""
    size_bytes: int | None = None
    received: str = ""
    sent: str = ""
    flags: frozenset[str] = frozenset()
    attachments: tuple[GivenAttachment, ...] = ()
    mailbox: str = ""
    """As written; "" for the first mailbox of the rules."""
    special_use: frozenset[str] = frozenset()
    now: datetime | None = None
    """None for when the message came, where it is a file, else for ``rules.examples.USUAL_NOW``."""
    cause: Cause = Cause.RUN
    from_mailbox: str = ""
    saved: str = ""
    """As ``received``; "" where the server does not tell."""
    labels: frozenset[str] = frozenset()
    found_by: frozenset[str] = frozenset()
    """The server's searches that find the message, as written in the rules."""
    earlier: tuple[Given, ...] = ()
    """The messages that lie before it in the mailbox, oldest first."""
    whole: WholeMail | None = None
    """The message itself, from a file; what describes it otherwise is then left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What an example wants of the plan; None is not looked at. Mailboxes as the user wrote them."""

    matched: tuple[str, ...] | None = None
    not_matched: tuple[str, ...] | None = None
    flags: frozenset[str] | None = None
    keywords: frozenset[str] | None = None
    mailbox: str | None = None
    copies: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One entry of ``tests``: a message, and what should happen to it.

    ``only_file`` "" judges by all rules; for a rule pack it is the pack's file, whose rules alone
    are judged, so that a user's own rules cannot fail a pack's tests.
    """

    name: str
    where: Location
    given: Given
    expect: Expectation
    only_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Compiled rules in file order. ``hash`` changes whenever the meaning might."""

    rules: tuple[Rule, ...]
    hash: str
    allow: frozenset[str] = frozenset()
    examples: tuple[Example, ...] = ()
    files: tuple[str, ...] = ()
    """Every file that was read, lists and packs included: what a reload watches."""
    policies: tuple[Policy, ...] = ()
    """What is declared of mailboxes, whatever mail comes."""

    @property
    def mailboxes(self) -> tuple[MailboxRef, ...]:
        """All mailboxes that rules name under ``in``, each once, in file order."""
        return tuple(dict.fromkeys(ref for rule in self.rules for ref in rule.mailboxes))

    def may_lack(self, ref: MailboxRef) -> bool:
        """Whether it is nothing wrong if this mailbox does not exist."""
        return all(rule.may_lack_mailboxes for rule in self.for_mailbox(ref))

    def for_mailbox(self, ref: MailboxRef) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.rules if ref in rule.mailboxes)
