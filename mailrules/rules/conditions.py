"""The condition tree that rule text becomes, and what a leaf of it can be asked.

Combinators are data; leaves carry a ``LeafTest``, which judges whole columns. The tree holds no
snapshot and no clock: both come in when it is judged.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mailrules.diagnostics import Location
    from mailrules.mailbox.columns import JoinedText
    from mailrules.mailbox.message import UID, Fact
    from mailrules.mailbox.snapshot import Snapshot


class Cause(StrEnum):
    """Why rules are judged: new mail, a rule's own schedule, or because a person asked."""

    NEW = "new"
    SCHEDULE = "schedule"
    RUN = "run"


class Origin(NamedTuple):
    """Where mailrules brought a message from: the mailbox of before, by which rule, and when."""

    mailbox: str
    rule: str
    moved: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What a judgement reads besides the snapshot: the time, aware, in the user's zone, and the occasion.

    ``origins`` tells where mailrules itself brought messages from: account, mailbox and UIDVALIDITY to UID to
    what is known of its coming. ``authserv_ids`` are the servers whose Authentication-Results the user
    believes, ``own_addresses`` his own (folded), ``known_senders`` the senders that the journal knows, each with the
    first message (digests, see ``related_tests``).
    """

    now: datetime
    cause: Cause = Cause.RUN
    origins: Mapping[tuple[str, str, int], Mapping[UID, Origin]] = field(default_factory=dict)
    authserv_ids: frozenset[str] = frozenset()
    own_addresses: frozenset[str] = frozenset()
    known_senders: Mapping[str, str] = field(default_factory=dict)

    def origins_in(self, snapshot: Snapshot) -> Mapping[UID, Origin]:
        """Where the messages of one mailbox were before, as far as we brought them."""
        return self.origins.get((snapshot.account, snapshot.mailbox, snapshot.status.uidvalidity), {})


class LeafTest(Protocol):
    """One compiled condition on one field, for a whole snapshot at once."""

    @property
    def needs(self) -> tuple[Fact, ...]:
        """The facts it reads; a row that lacks one of them stays open."""
        ...

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        """The truth for ``rows``; may answer for more rows where that costs nothing."""
        ...

    def seen(self, snapshot: Snapshot, row: int) -> str:
        """The decoded value that it looked at in one row, for ``explain``; uncleaned text."""
        ...


@runtime_checkable
class CapturingTest(Protocol):
    """A leaf test that can hold regexes with named groups."""

    def captures(self, snapshot: Snapshot, row: int) -> Mapping[str, str] | None:
        """Named groups of the first regex with any, for a row that the test holds for."""
        ...


@runtime_checkable
class ScanningTest(Protocol):
    """A leaf test that looks for literals, which one pass can find together with other tests'."""

    @property
    def needs(self) -> tuple[Fact, ...]: ...

    def scanned(self, snapshot: Snapshot, fact: Fact) -> tuple[JoinedText, Sequence[str]]:
        """The joined texts of the column that one of its facts becomes, and the folded literals."""
        ...


@runtime_checkable
class ReasonedTest(Protocol):
    """A leaf test that can say why a row is unknowable."""

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        """For people; "" where the row is not unknowable."""
        ...


@runtime_checkable
class RelatingTest(Protocol):
    """A leaf test whose answer for one message depends on the other messages of the mailbox."""

    @property
    def related(self) -> tuple[Fact, ...]:
        """The facts that it reads of every message of the mailbox, of the first pass over it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """``name`` is the condition's word (``subject``); ``text`` is it as the user wrote it."""

    name: str
    text: str
    where: Location
    test: LeafTest


@dataclass(frozen=True, slots=True, kw_only=True)
class All:
    """True when all parts are; an empty one is true."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """True when one part is; an empty one is false."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    part: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Always:
    """True for every message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A use of a named condition; judged as its part, shown by its name."""

    name: str
    part: Node


Node = Leaf | All | AnyOf | Not | Always | Named


def leaves(node: Node) -> Iterator[Leaf]:
    """All leaves of a condition, in file order."""
    match node:
        case Leaf():
            yield node
        case All() | AnyOf():
            for part in node.parts:
                yield from leaves(part)
        case Not() | Named():
            yield from leaves(node.part)
        case Always():
            pass


def judge_leaf(test: LeafTest, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
    """A test's answer, held to the contract: open where a fact is missing, and nowhere else.

    A row that has every fact and still gets no answer is unknowable, so nothing acts on it.
    """
    ready = snapshot.all_rows
    for fact in test.needs:
        ready &= snapshot.known(fact)
    answer = test.judge(snapshot, rows & ready, environment)
    known, unknowable = answer.known & ready, answer.unknowable & ready
    return Truth(known, answer.true & known, unknowable | (rows & ready & ~known))
