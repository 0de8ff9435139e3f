"""What a condition made of one message, node by node, for ``mailrules explain``.

This walks the tree for one row on its own, without the masks of ``compiler``; a property test
holds the two together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.rules.conditions import All, Always, AnyOf, Leaf, Named, Not, ReasonedTest, judge_leaf
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment, Node


class NodeTruth(StrEnum):
    """``open``: a fact is missing. ``not needed``: a fact is missing, and the answer stands without it."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWABLE = "unknowable"
    OPEN = "open"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeExplanation:
    """``text`` is the condition as written, or the combinator's word; ``seen`` is uncleaned mail text.

    ``reason`` says why a leaf is unknowable.
    """

    text: str
    truth: NodeTruth
    seen: str = ""
    reason: str = ""
    parts: tuple[NodeExplanation, ...] = ()


def explain_node(node: Node, snapshot: Snapshot, row: int, environment: Environment) -> NodeExplanation:
    """Explain a condition for one row."""
    match node:
        case Leaf():
            return _explain_leaf(node, snapshot, row, environment)
        case All():
            parts = [explain_node(part, snapshot, row, environment) for part in node.parts]
            return _combined("all", parts, settling=NodeTruth.FALSE, otherwise=NodeTruth.TRUE)
        case AnyOf():
            parts = [explain_node(part, snapshot, row, environment) for part in node.parts]
            return _combined("any", parts, settling=NodeTruth.TRUE, otherwise=NodeTruth.FALSE)
        case Not():
            part = explain_node(node.part, snapshot, row, environment)
            return NodeExplanation(text="not", truth=_OPPOSITE.get(part.truth, part.truth), parts=(part,))
        case Named():
            part = explain_node(node.part, snapshot, row, environment)
            return NodeExplanation(text=node.name, truth=part.truth, parts=(part,))
        case Always():
            return NodeExplanation(text="always", truth=NodeTruth.TRUE)


def first_failing(explanation: NodeExplanation) -> tuple[int, ...] | None:
    """The path, by the places of parts, to the first node because of which the whole does not hold; None if it does.

    Of an ``all`` it is in the first part that fails. An ``any`` of several fails itself, since no part alone is to
    blame, and so does a ``not``. A part that is false comes before one that is unknowable.
    """
    if explanation.truth is NodeTruth.TRUE:
        return None
    path: tuple[int, ...] = ()
    node = explanation
    while node.parts and node.text != "not" and not (node.text == "any" and len(node.parts) > 1):
        truths = [part.truth for part in node.parts]
        found = next((truths.index(one) for one in _FAILING if one in truths), None)
        if found is None:
            break
        path, node = (*path, found), node.parts[found]
    return path


_FAILING = (NodeTruth.FALSE, NodeTruth.UNKNOWABLE, NodeTruth.OPEN)
_OPPOSITE = {NodeTruth.TRUE: NodeTruth.FALSE, NodeTruth.FALSE: NodeTruth.TRUE}


def _explain_leaf(leaf: Leaf, snapshot: Snapshot, row: int, environment: Environment) -> NodeExplanation:
    truth = judge_leaf(leaf.test, snapshot, 1 << row, environment)
    if truth.unknowable >> row & 1:
        reason = leaf.test.why_unknowable(snapshot, row) if isinstance(leaf.test, ReasonedTest) else ""
        return NodeExplanation(text=leaf.text, truth=NodeTruth.UNKNOWABLE, reason=reason or "cannot be evaluated")
    if not truth.known >> row & 1:
        return NodeExplanation(text=leaf.text, truth=NodeTruth.OPEN)
    holds = NodeTruth.TRUE if truth.true >> row & 1 else NodeTruth.FALSE
    return NodeExplanation(text=leaf.text, truth=holds, seen=leaf.test.seen(snapshot, row))


def _combined(text: str, parts: list[NodeExplanation], *, settling: NodeTruth, otherwise: NodeTruth) -> NodeExplanation:
    """One settling part decides; else a missing fact leaves it open, since it may still settle."""
    truths = {part.truth for part in parts}
    truth = next((one for one in (settling, NodeTruth.OPEN, NodeTruth.UNKNOWABLE) if one in truths), otherwise)
    if truth == settling:
        parts = [_not_needed(part) if part.truth == NodeTruth.OPEN else part for part in parts]
    return NodeExplanation(text=text, truth=truth, parts=tuple(parts))


def _not_needed(explanation: NodeExplanation) -> NodeExplanation:
    if explanation.truth != NodeTruth.OPEN:
        return explanation
    parts = tuple(_not_needed(part) for part in explanation.parts)
    return NodeExplanation(text=explanation.text, truth=NodeTruth.NOT_NEEDED, parts=parts)
