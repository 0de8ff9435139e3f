"""What earlier runs did, read from the journal beforehand and handed to the planner as a value."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from mailrules.rules.conditions import leaves
from mailrules.rules.related_tests import FirstSeenTest
from mailrules.rules.surrounding_tests import EventTest, SnoozeOverTest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.rules.conditions import Leaf, LeafTest, Origin
    from mailrules.rules.rule import Rule


class LedgerKey(NamedTuple):
    """One copy or effect that was done and is not repeated (rule-language, meaning 9).

    It stands once under each name of the message: its content key, and those of ``plan.identity``.
    """

    name: str
    rule: str
    action: str
    target: str


class Remembered(NamedTuple):
    """A copy or effect that a plan leaves out, since the ledger has it, and where its message is now."""

    names: tuple[str, ...]
    rule: str
    action: str
    target: str
    account: str
    mailbox: str
    uidvalidity: int
    uid: int


class Sight(NamedTuple):
    """When a rule with `shadow` was first seen as it stood then; ``digest`` is of what it did."""

    digest: str
    seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """``changed`` counts messages that each rule changed within its guard's window;
    ``approved`` names rules whose held mail a person released; ``ledger`` holds what was done, and
    ``unsettled`` those effects in it that wait for another attempt or for a person. ``origins`` tells
    where we brought messages from, and when: account, mailbox and UIDVALIDITY to UID to what is known of its coming.
    ``senders`` are those whose mail was judged, each with the first message (digests, ``rules.related_tests``);
    ``senders_to_renew`` are those of whom it is to be noted again that mail of theirs was judged.
    The last three are empty where no rule asks for them. ``taken_back`` names, by account, mailbox and UIDVALIDITY, the
    flags that a person took back from a message while our command was in doubt: in lower case, ``+`` or ``-`` before.
    ``sights`` tells by rule when those with `shadow` were first seen; a rule that is missing was never seen.
    """

    ledger: frozenset[LedgerKey] = frozenset()
    unsettled: frozenset[LedgerKey] = frozenset()
    changed: Mapping[str, int] = field(default_factory=dict)
    approved: frozenset[str] = frozenset()
    origins: Mapping[tuple[str, str, int], Mapping[UID, Origin]] = field(default_factory=dict)
    senders: Mapping[str, str] = field(default_factory=dict)
    senders_to_renew: frozenset[str] = frozenset()
    taken_back: Mapping[tuple[str, str, int], Mapping[UID, frozenset[str]]] = field(default_factory=dict)
    sights: Mapping[str, Sight] = field(default_factory=dict)


def asks_for_senders(rules: Iterable[Rule]) -> bool:
    """Whether a condition of these rules asks for the first mail of a sender."""
    return any(isinstance(leaf.test, FirstSeenTest) for rule in rules for leaf in _leaves(rule))


def accounts_asking_for_origins(rules: Iterable[Rule]) -> tuple[str, ...]:
    """The accounts with a rule that asks where we brought a message from."""
    asking = [rule for rule in rules if any(_asks_for_origins(leaf.test) for leaf in _leaves(rule))]
    return tuple(dict.fromkeys(ref.account for rule in asking for ref in rule.mailboxes))


def _asks_for_origins(test: LeafTest) -> bool:
    return isinstance(test, SnoozeOverTest) or (isinstance(test, EventTest) and test.from_mailbox is not None)


def _leaves(rule: Rule) -> Iterator[Leaf]:
    for node in (rule.condition, *(branch.condition for branch in rule.branches)):
        yield from leaves(node)
