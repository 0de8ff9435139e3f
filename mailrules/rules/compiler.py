"""Which messages a condition holds for: all rules' conditions over one snapshot, leaf by leaf.

Each leaf is judged once for all rows that have its facts, and again only for rows that gain them;
everything above the leaves is arithmetic on masks. Literals of all leaves on one header field are
looked for in one pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.conditions import (
    All,
    Always,
    AnyOf,
    CapturingTest,
    Leaf,
    Named,
    Not,
    ReasonedTest,
    ScanningTest,
    judge_leaf,
    leaves,
)
from mailrules.rules.literal_scan import scan_for_literals
from mailrules.rules.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mailrules.mailbox.columns import JoinedText
    from mailrules.mailbox.message import Fact
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment, LeafTest, Node

_SEEN_CHARACTERS = 80


class Judge:
    """Judges ``nodes`` and their parts over one snapshot. After ``snapshot.add``, call ``refresh``."""

    def __init__(self, snapshot: Snapshot, environment: Environment, nodes: Sequence[Node]) -> None:
        self._snapshot = snapshot
        self._environment = environment
        # By identity: comparing tests would compare lists of thousands of addresses.
        self._truths: dict[int, tuple[LeafTest, Truth]] = {}
        self._scanning: dict[Fact, list[ScanningTest]] = {}
        self._scanned: set[Fact] = set()
        for leaf in {id(leaf.test): leaf for node in nodes for leaf in leaves(node)}.values():
            if isinstance(leaf.test, ScanningTest):
                for fact in leaf.test.needs:
                    self._scanning.setdefault(fact, []).append(leaf.test)

    def refresh(self) -> None:
        """Take notice of facts that the snapshot has gained."""
        self._scanned.clear()

    def judge(self, node: Node, rows: int) -> Truth:
        """The truth of a condition for ``rows``; what it says of other rows may be incomplete."""
        match node:
            case Leaf():
                return self._judge_leaf(node.test, rows)
            case All():
                truth = Truth(rows, rows)
                for part in node.parts:
                    truth &= self.judge(part, rows & ~truth.false)
                return truth
            case AnyOf():
                truth = Truth(rows, 0)
                for part in node.parts:
                    truth |= self.judge(part, rows & ~truth.true)
                return truth
            case Not():
                return ~self.judge(node.part, rows)
            case Named():
                return self.judge(node.part, rows)
            case Always():
                return Truth(rows, rows)

    def missing(self, node: Node, rows: int) -> dict[Fact, int]:
        """The facts that could still decide the condition, and the rows that lack each."""
        missing: dict[Fact, int] = {}
        self._collect_missing(node, rows, missing)
        return missing

    def captures(self, node: Node, row: int) -> Mapping[str, str]:
        """Named groups of the first regex with any, in file order, that holds for a row, not under ``not``."""
        return self.capturing(node, 1 << row)(row)

    def capturing(self, node: Node, rows: int) -> Callable[[int], Mapping[str, str]]:
        """The same for many rows: the tree is walked once."""
        tests = [
            (leaf.test, _bytes_of(mask))
            for leaf, mask in self._positive_leaves(node, rows)
            if isinstance(leaf.test, CapturingTest)
        ]

        def captures(row: int) -> Mapping[str, str]:
            for test, mask in tests:
                found = test.captures(self._snapshot, row) if _has_row(mask, row) else None
                if found is not None:
                    return found
            return {}

        return captures

    def reason(self, node: Node, row: int) -> str:
        """Why the condition is true for a row, for people: ``list_id matched <list1.example.org>``."""
        return self.reasons(node, 1 << row)(row)

    def reasons(self, node: Node, rows: int) -> Callable[[int], str]:
        """The same for many rows: the tree is walked once, and each row only asks its leaves what they saw."""
        positive = [(leaf, _bytes_of(mask)) for leaf, mask in self._positive_leaves(node, rows)]

        def reason(row: int) -> str:
            saw = {
                f"{leaf.name} matched {_shortened(leaf.test.seen(self._snapshot, row))}": None
                for leaf, mask in positive
                if _has_row(mask, row)
            }
            return " and ".join(saw)

        return reason

    def unknowable_reason(self, node: Node, row: int) -> str:
        """Why the condition is unknowable for a row; "" where it is not."""
        if not self.judge(node, 1 << row).unknowable >> row & 1:
            return ""
        match node:
            case Leaf():
                why = node.test.why_unknowable(self._snapshot, row) if isinstance(node.test, ReasonedTest) else ""
                return f"{node.name}: {why or 'cannot be evaluated'}"
            case All() | AnyOf():
                reasons = (self.unknowable_reason(part, row) for part in node.parts)
                return next((reason for reason in reasons if reason), "")
            case Not() | Named():
                return self.unknowable_reason(node.part, row)
            case Always():
                return ""

    def _judge_leaf(self, test: LeafTest, rows: int) -> Truth:
        _, truth = self._truths.get(id(test), (test, Truth(0, 0)))
        todo = truth.open(rows)
        for fact in test.needs:
            todo &= self._snapshot.known(fact)
        if todo:
            for fact in test.needs:
                self._scan(fact)
            answer = judge_leaf(test, self._snapshot, todo, self._environment)
            truth = Truth(truth.known | answer.known, truth.true | answer.true, truth.unknowable | answer.unknowable)
            self._truths[id(test)] = test, truth
        return truth

    def _scan(self, fact: Fact) -> None:
        """Look for the literals of all leaves that read this fact, in one pass."""
        if fact in self._scanned:
            return
        self._scanned.add(fact)
        by_column: dict[int, tuple[JoinedText, list[str]]] = {}
        for test in self._scanning.get(fact, ()):
            joined, literals = test.scanned(self._snapshot, fact)
            by_column.setdefault(id(joined), (joined, []))[1].extend(literals)
        for joined, literals in by_column.values():
            scan_for_literals(joined, literals)

    def _collect_missing(self, node: Node, rows: int, missing: dict[Fact, int]) -> None:
        rows = self.judge(node, rows).open(rows)
        if not rows:
            return
        match node:
            case Leaf():
                for fact in node.test.needs:
                    if lacking := rows & ~self._snapshot.known(fact):
                        missing[fact] = missing.get(fact, 0) | lacking
            case All() | AnyOf():
                # Where the whole is open, any open part may settle it.
                for part in node.parts:
                    self._collect_missing(part, rows, missing)
            case Not() | Named():
                self._collect_missing(node.part, rows, missing)
            case Always():
                pass

    def _positive_leaves(self, node: Node, rows: int) -> Iterator[tuple[Leaf, int]]:
        """The leaves in file order that make the condition true, each with those of ``rows``; none under ``not``."""
        rows &= self.judge(node, rows).true
        if not rows:
            return
        match node:
            case Leaf():
                yield node, rows
            case All() | AnyOf():
                for part in node.parts:
                    yield from self._positive_leaves(part, rows)
            case Named():
                yield from self._positive_leaves(node.part, rows)
            case Not() | Always():
                pass


def _bytes_of(mask: int) -> bytes:
    """A mask for looking at single rows: shifting an integer would cost its whole length each time."""
    return mask.to_bytes((mask.bit_length() + 7) // 8, "little")


def _has_row(mask: bytes, row: int) -> bool:
    return row >> 3 < len(mask) and bool(mask[row >> 3] >> (row & 7) & 1)


def _shortened(text: str) -> str:
    return text if len(text) <= _SEEN_CHARACTERS else text[: _SEEN_CHARACTERS - 1] + "…"
