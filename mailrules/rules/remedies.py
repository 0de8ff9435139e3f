"""What is the smallest change, of a rule or of a message, after which the rule matches?

Of a failing ``all`` every failing part has to change, of an ``any`` the one that is nearest, of a ``not`` the
inverse. Whatever is found is tried on the whole rule before it is told.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.rules.conditions import All, Always, AnyOf, Leaf, Named, Not, leaves
from mailrules.rules.explain import NodeTruth, explain_node
from mailrules.rules.message_changes import MessageChange, nearest_alteration
from mailrules.rules.reads import captures_of, flags_read
from mailrules.rules.rule_changes import WITHOUT, Manner, RuleChange, nearest_spelling
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.rules.conditions import Node
    from mailrules.rules.explain import NodeExplanation
    from mailrules.rules.situation import Situation

MOST_CHANGES = 5
"""More changes than this are another rule, or another message."""
_MANY_MESSAGES = 2_000
"""What a message shares with so many others is not tried out."""
_MOST_LEAVES = 300
"""Of so many failing conditions of one rule another spelling is looked for, since looking takes time."""
_MAX_TEXT = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Changes of the rule, all of them together, and the same of the message; () where none is known."""

    rule: tuple[RuleChange, ...] = ()
    message: tuple[MessageChange, ...] = ()


def remedy_for(
    condition: Node, branches: Sequence[Node], situation: Situation, *, captures: frozenset[str] = frozenset()
) -> Remedy:
    """What would make a rule match that does not; ``captures`` are names that its actions read from its regexes."""
    every = [leaf for node in (condition, *branches) for leaf in leaves(node)]
    situation = situation.for_leaves(every)
    if _matches(condition, branches, situation):
        return Remedy()
    search = _RuleSearch(situation, captures=captures)
    found = search.cheapest(condition, branches)
    changes: tuple[RuleChange, ...] = ()
    if found is not None and len(found.edits) <= MOST_CHANGES:
        edited = [_edited(node, found.edits) for node in (condition, *branches)]
        whole = [node if node is not None else Always() for node in edited]
        if _matches(whole[0], whole[1:], situation):
            changes = tuple(dict.fromkeys(change for _, change in found.edits.values()))
    return Remedy(rule=changes, message=_of_message(condition, branches, situation))


def _of_message(condition: Node, branches: Sequence[Node], situation: Situation) -> tuple[MessageChange, ...]:
    if len(situation.snapshot.uids) > _MANY_MESSAGES:
        return ()
    changes: list[MessageChange] = []
    altered = situation
    # One change may undo another, where two conditions read the same field: then what is left is tried again.
    for _ in range(3):
        found = _MessageSearch(altered).fewest(condition, branches)
        if not found:
            return ()
        changes += found
        if len(changes) > MOST_CHANGES:
            return ()
        altered = altered.altered([one for change in found for one in change.alterations])
        if _matches(condition, branches, altered):
            return tuple(changes)
    return ()


@dataclass(frozen=True, slots=True)
class _Edit:
    """Nodes by identity: what stands instead, None for nothing; and how that is told."""

    edits: Mapping[int, tuple[Node | None, RuleChange]] = field(default_factory=dict)
    cost: int = 0

    def __add__(self, other: _Edit) -> _Edit:
        return _Edit({**self.edits, **other.edits}, self.cost + other.cost)


class _Truths:
    """What each part of a rule's conditions is for the message: each condition is walked once."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._found: dict[int, NodeTruth] = {}

    def of(self, node: Node) -> NodeTruth:
        if id(node) not in self._found:
            situation = self._situation
            self._put(node, explain_node(node, situation.snapshot, situation.row, situation.environment))
        return self._found[id(node)]

    def _put(self, node: Node, explained: NodeExplanation) -> None:
        self._found[id(node)] = explained.truth
        match node:
            case All(parts=parts) | AnyOf(parts=parts):
                for part, its in zip(parts, explained.parts, strict=True):
                    self._put(part, its)
            case Not(part=part) | Named(part=part):
                self._put(part, explained.parts[0])
            case Leaf() | Always():
                pass


class _RuleSearch:
    """The cheapest edits of a rule that give its nodes the answers that are wanted."""

    def __init__(self, situation: Situation, *, captures: frozenset[str]) -> None:
        self._situation, self._captures = situation, captures
        self._truths = _Truths(situation)
        self._known: dict[tuple[int, bool], _Edit | None] = {}
        self._leaves_left = _MOST_LEAVES

    def cheapest(self, condition: Node, branches: Sequence[Node]) -> _Edit | None:
        of_condition = self._fix(condition, within="", wanted=True)
        if of_condition is None:
            return None
        found: list[_Edit] = []
        for place, branch in enumerate(branches):
            # The first branch that holds is taken; one that cannot be told keeps the later ones from it.
            before = [self._fix(earlier, within="", wanted=False) for earlier in branches[:place]]
            chosen = self._fix(branch, within="", wanted=True)
            if chosen is not None and None not in before:
                found.append(sum((one for one in before if one is not None), chosen))
        best = min(found, key=lambda one: one.cost, default=None)
        return None if best is None else of_condition + best

    def _fix(self, node: Node, *, within: str, wanted: bool) -> _Edit | None:
        key = (id(node), wanted)
        if key not in self._known:
            self._known[key] = self._found(node, within=within, wanted=wanted)
        return self._known[key]

    def _found(self, node: Node, *, within: str, wanted: bool) -> _Edit | None:
        if self._truths.of(node) == (NodeTruth.TRUE if wanted else NodeTruth.FALSE):
            return _Edit()
        match node:
            case Leaf():
                return self._of_leaf(node, within=within, wanted=wanted)
            case All(parts=parts):
                return (self._every if wanted else self._one)(parts, within=within, wanted=wanted)
            case AnyOf(parts=parts):
                return (self._one if wanted else self._every)(parts, within=within, wanted=wanted)
            case Not(part=part):
                return self._fix(part, within=within, wanted=not wanted)
            case Named(name=name) if name.startswith("matched_by"):
                return None  # it is another rule that would have to change
            case Named(name=name, part=part):
                return self._fix(part, within=name, wanted=wanted)
            case Always():
                return None

    def _of_leaf(self, leaf: Leaf, *, within: str, wanted: bool) -> _Edit | None:
        if self._is_kept(leaf) or not self._leaves_left:
            return None
        self._leaves_left -= 1
        spelling = nearest_spelling(leaf, self._situation, wanted=wanted)
        if spelling is None:
            return None
        other = Leaf(name=leaf.name, text=spelling.text, where=leaf.where, test=spelling.test)
        node: Node = AnyOf(parts=(leaf, other)) if spelling.manner is Manner.ALSO else other
        change = RuleChange(of=leaf.text, manner=spelling.manner, text=spelling.text, within=within)
        return _Edit({id(leaf): (node, change)}, spelling.cost)

    def _one(self, parts: Sequence[Node], *, within: str, wanted: bool) -> _Edit | None:
        """The nearest part; none that would have to say the opposite, where others stand beside it."""
        fixed = (self._fix(part, within=within, wanted=wanted) for part in parts)
        found = [one for one in fixed if one is not None and (one.cost <= WITHOUT or len(parts) == 1)]
        return min(found, key=lambda one: one.cost, default=None)

    def _every(self, parts: Sequence[Node], *, within: str, wanted: bool) -> _Edit | None:
        """Each part either fixed, or left out, if that is nearer and another one is left."""
        found, left_out = _Edit(), 0
        for part in parts:
            fixed = self._fix(part, within=within, wanted=wanted)
            if (fixed is None or fixed.cost > WITHOUT) and left_out + 1 < len(parts) and not self._is_kept(part):
                change = RuleChange(of=node_text(part), manner=Manner.WITHOUT, within=within)
                fixed = _Edit({id(part): (None, change)}, WITHOUT)
                left_out += 1
            if fixed is None:
                return None
            found += fixed
        return found

    def _is_kept(self, node: Node) -> bool:
        """Whether the rule's actions read a capture of it."""
        if not self._captures:
            return False
        named = captures_of(node)
        return named is None or bool(named & self._captures)


class _MessageSearch:
    """The fewest changes of a message that give a rule's nodes the answers that are wanted."""

    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._truths = _Truths(situation)
        self._known: dict[tuple[int, bool], tuple[MessageChange, ...] | None] = {}
        self._leaves_left = _MOST_LEAVES

    def fewest(self, condition: Node, branches: Sequence[Node]) -> tuple[MessageChange, ...] | None:
        of_condition = self._fix(condition, wanted=True)
        if of_condition is None:
            return None
        found = []
        for place, branch in enumerate(branches):
            whole = _joined(
                [*(self._fix(one, wanted=False) for one in branches[:place]), self._fix(branch, wanted=True)]
            )
            if whole is not None:
                found.append(whole)
        best = min(found, key=len, default=None)
        return None if best is None else (*of_condition, *best)

    def _fix(self, node: Node, *, wanted: bool) -> tuple[MessageChange, ...] | None:
        key = (id(node), wanted)
        if key not in self._known:
            self._known[key] = self._found(node, wanted=wanted)
        return self._known[key]

    def _found(self, node: Node, *, wanted: bool) -> tuple[MessageChange, ...] | None:
        if self._truths.of(node) == (NodeTruth.TRUE if wanted else NodeTruth.FALSE):
            return ()
        match node:
            case Leaf() if not self._leaves_left:
                return None
            case Leaf():
                self._leaves_left -= 1
                change = nearest_alteration(node, self._situation, wanted=wanted)
                return None if change is None else (change,)
            case All(parts=parts) | AnyOf(parts=parts):
                found = [self._fix(part, wanted=wanted) for part in parts]
                if isinstance(node, All) is wanted:
                    return _joined(found)
                return min((one for one in found if one is not None), key=len, default=None)
            case Not(part=part):
                return self._fix(part, wanted=not wanted)
            case Named(part=part):
                return self._fix(part, wanted=wanted)
            case Always():
                return None


def node_text(node: Node) -> str:
    """A condition on one line, as it might be written; shortened where it is long."""
    text = _text(node)
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def _text(node: Node) -> str:
    match node:
        case Leaf(text=text):
            return text
        case All(parts=parts):
            return f"all: [{', '.join(map(_text, parts))}]"
        case AnyOf(parts=parts):
            return f"any: [{', '.join(map(_text, parts))}]"
        case Not(part=part):
            return f"not: {{{_text(part)}}}"
        case Named(name=name):
            return name
        case Always():
            return "always"


def _joined(found: Iterable[tuple[MessageChange, ...] | None]) -> tuple[MessageChange, ...] | None:
    every: list[MessageChange] = []
    for one in found:
        if one is None:
            return None
        every += one
    return tuple({(one.of, one.text): one for one in every}.values())


def _edited(node: Node, edits: Mapping[int, tuple[Node | None, RuleChange]]) -> Node | None:
    """The condition with the edits made; None where nothing is left of it."""
    if id(node) in edits:
        return edits[id(node)][0]
    match node:
        case All(parts=parts) | AnyOf(parts=parts):
            kept = tuple(one for part in parts if (one := _edited(part, edits)) is not None)
            return type(node)(parts=kept) if kept or not parts else None
        case Not(part=part):
            inner = _edited(part, edits)
            return None if inner is None else Not(part=inner)
        case Named(name=name, part=part):
            inner = _edited(part, edits)
            return None if inner is None else Named(name=name, part=inner)
        case _:
            return node


def _matches(condition: Node, branches: Sequence[Node], situation: Situation) -> bool:
    """Whether a rule acts on the message: its condition holds, and the first branch that is not false does."""
    snapshot, row = situation.snapshot, situation.row
    nodes = (condition, *branches)
    is_deleted = any(flag.lower() == "\\deleted" for flag in snapshot.flags[row] or ())
    if is_deleted and not any("\\deleted" in flags_read(node) for node in nodes):
        return False

    def answer(node: Node) -> NodeTruth:
        return explain_node(node, snapshot, row, situation.environment).truth

    if answer(condition) is not NodeTruth.TRUE:
        return False
    truths = (answer(branch) for branch in branches)
    return next((truth for truth in truths if truth is not NodeTruth.FALSE), NodeTruth.FALSE) is NodeTruth.TRUE
