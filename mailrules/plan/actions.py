"""What an action means, as a value: rule text compiled, not yet applied to a message.

The planner turns these into steps. Each says whether it disposes of the message, which mailbox
names it may act on, and which facts it needs (the ``ActionValue`` protocol of ``rules.rule``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from mailrules.mailbox.message import header_fact
from mailrules.plan.identity import CONTENT_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.message import Fact
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
class CopyTo(_Marking):
    """``copy``: ``create`` allows making the target mailbox."""

    to: Template
    create: bool = False

    @property
    def targets(self) -> tuple[Template, ...]:
        return (self.to,)

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (*self.to.needs, *_LEDGER_FACTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveTo(_Marking):
    """``move``."""

    disposes: ClassVar[bool] = True
    to: Template
    create: bool = False

    @property
    def targets(self) -> tuple[Template, ...]:
        return (self.to,)


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveToSpecialUse(_Marking):
    """``trash`` and ``archive``: the mailbox comes from the account's settings or special use."""

    disposes: ClassVar[bool] = True
    use: str
    """``"trash"`` or ``"archive"``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(_Marking):
    """``delete``: for ever; the file must ``allow: [delete]``."""

    disposes: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep(_Marking):
    """``keep``: stays where it is, and no later rule is asked."""

    disposes: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMailbox(_Marking):
    """``create``: the mailbox exists afterwards."""

    mailbox: Template

    @property
    def targets(self) -> tuple[Template, ...]:
        return (self.mailbox,)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscribeMailbox(_Marking):
    """``subscribe``: the mailbox is subscribed afterwards."""

    mailbox: Template

    @property
    def targets(self) -> tuple[Template, ...]:
        return (self.mailbox,)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRights(_Marking):
    """``setacl``: identifier to rights letters; ``""`` takes the identifier's rights away.

    Mailbox, identifiers and rights are literals (rule-language, meaning 13).
    """

    mailbox: str
    rights: tuple[tuple[str, str], ...]


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
