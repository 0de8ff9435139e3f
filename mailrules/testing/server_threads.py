"""Which messages belong to one thread, and who answers whom (RFC 5256 section 3)?"""

from __future__ import annotations

from dataclasses import field
from itertools import groupby
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMember:
    """What counts of a message; ``subject`` is the base subject, ``references`` the ids from the oldest on."""

    number: int
    sent: datetime
    subject: str
    is_reply: bool
    message_id: str
    references: tuple[str, ...]


@dataclass(eq=False, slots=True)
class _Node:
    """A message, or a place where one that is missing would stand."""

    member: ThreadMember | None = None
    parent: _Node | None = None
    children: list[_Node] = field(default_factory=list)

    @property
    def first(self) -> ThreadMember | None:
        """The message, or the first below the place."""
        node = self
        while node.member is None and node.children:
            node = node.children[0]
        return node.member

    @property
    def order(self) -> tuple[datetime, int]:
        first = self.first
        assert first is not None, "places without messages are pruned before anything is sorted"
        return first.sent, first.number

    def take(self, child: _Node) -> None:
        if child.parent is not None:
            child.parent.children.remove(child)
        child.parent = self
        self.children.append(child)

    def is_below(self, other: _Node) -> bool:
        node: _Node | None = self
        while node is not None and node is not other:
            node = node.parent
        return node is other


def by_subject(members: Sequence[ThreadMember]) -> list[_Node]:
    """ORDEREDSUBJECT: one thread a subject; its oldest message is the parent of all others."""
    ordered = sorted(members, key=lambda one: (one.subject, one.sent, one.number))
    roots = []
    for _, same in groupby(ordered, key=lambda one: one.subject):
        first, *others = (_Node(member) for member in same)
        for other in others:
            first.take(other)
        roots.append(first)
    return sorted(roots, key=lambda node: node.order)


def by_references(members: Sequence[ThreadMember]) -> list[_Node]:
    """REFERENCES: by the ids that messages name, then by subject."""
    nodes = _linked(members)
    roots = _pruned(node for node in nodes if node.parent is None)
    roots.sort(key=lambda node: node.order)
    roots = _joined_by_subject(roots)
    for node in _all_below(roots):
        node.children.sort(key=lambda child: child.order)
    return sorted(roots, key=lambda node: node.order)


def written(roots: Iterable[_Node]) -> bytes:
    """As THREAD tells it: ``(1)(2 3 (4)(5 6))``."""
    out: list[bytes] = []
    left: list[_Node | bytes] = []
    for root in reversed(list(roots)):
        left += [b")", root, b"("]
    while left:
        one = left.pop()
        if isinstance(one, bytes):
            out.append(one)
            continue
        if one.member is not None:
            out.append(b"%d" % one.member.number)
            left_of_children = b" "
        else:
            left_of_children = b""
        if len(one.children) == 1 and one.member is not None:
            left += [one.children[0], left_of_children]
        elif one.children:
            for child in reversed(one.children):
                left += [b")", child, b"("]
            left.append(left_of_children)
    return b"".join(out)


def _linked(members: Sequence[ThreadMember]) -> list[_Node]:
    """Steps 1: each message below the one it names last, and that one below the one named before it."""
    table: dict[str, _Node] = {}
    nodes: list[_Node] = []

    def place_of(message_id: str) -> _Node:
        if message_id not in table:
            table[message_id] = _Node()
            nodes.append(table[message_id])
        return table[message_id]

    for member in members:
        own = place_of(member.message_id or f"number {member.number}")
        if own.member is not None:  # an id that is used twice names the first message
            own = place_of(f"number {member.number}")
        own.member = member
        above: _Node | None = None
        for message_id in member.references:
            node = place_of(message_id)
            if above is not None and node.parent is None and not above.is_below(node):
                above.take(node)
            above = node
        if above is not None and not above.is_below(own):
            above.take(own)
    return nodes


def _pruned(roots: Iterable[_Node]) -> list[_Node]:
    """Steps 2 and 3: no places without messages, but for those that hold several threads together."""
    kept = list(roots)
    deepest_first = list(_all_below(kept))[::-1]
    for node in deepest_first:
        if node.member is not None:
            continue
        is_root = node.parent is None
        if node.children and is_root and len(node.children) > 1:
            continue
        for child in list(node.children):
            if node.parent is not None:
                node.parent.take(child)
            else:
                node.children.remove(child)
                child.parent = None
                kept.append(child)
        if node.parent is not None:
            node.parent.children.remove(node)
        else:
            kept.remove(node)
    return kept


def _joined_by_subject(roots: list[_Node]) -> list[_Node]:
    """Step 5: threads of one subject are one."""
    table: dict[str, _Node] = {}
    for root in roots:
        first = root.first
        if first is None or not first.subject:
            continue
        there = table.setdefault(first.subject, root)
        if there is not root and there.member is not None and (root.member is None or _is_better(root, there)):
            table[first.subject] = root
    kept: list[_Node] = []
    for root in roots:
        first = root.first
        there = table.get(first.subject, root) if first is not None else root
        if there is root:
            kept.append(root)
        elif there.member is None and root.member is None:
            for child in list(root.children):
                there.take(child)
        elif there.member is None or (not there.member.is_reply and root.member is not None and root.member.is_reply):
            there.take(root)
        else:
            both = _Node()
            if there in kept:
                kept[kept.index(there)] = both
            else:
                kept.append(both)
            both.take(there)
            both.take(root)
            assert first is not None
            table[first.subject] = both
    return [root for root in kept if root.parent is None]


def _is_better(root: _Node, there: _Node) -> bool:
    """Whether this one is no reply and the other one is."""
    return root.member is not None and there.member is not None and there.member.is_reply and not root.member.is_reply


def _all_below(roots: Iterable[_Node]) -> Iterator[_Node]:
    """Parents before their children."""
    left = list(roots)
    while left:
        node = left.pop()
        yield node
        left += node.children
