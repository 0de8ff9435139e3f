"""How the text under ``if`` becomes a condition tree: combinators, named conditions, registered words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.conditions import All, Always, AnyOf, Leaf, Named, Node, Not
from mailrules.rules.reporter import did_you_mean
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.diagnostics import Location
    from mailrules.rules.registry import CompileContext, Registry
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import Rule
    from mailrules.rules.source import SourceValue

COMBINATORS = ("all", "any", "none", "not", "always", "matched_by")
MAX_LEAVES = 10_000
MAX_NAMED_DEPTH = 16
_MAX_LEAF_TEXT = 200


@dataclass(frozen=True, slots=True)
class _Extent:
    """How large a tree is once its named conditions are written out."""

    leaves: int
    named_depth: int


class ConditionLowering:
    """Compiles conditions; a named condition is compiled once, however often it is used."""

    def __init__(
        self, *, named: Mapping[str, SourceValue], registry: Registry, context: CompileContext, reporter: Reporter
    ) -> None:
        self._sources, self._registry, self._context, self._reporter = named, registry, context, reporter
        self._compiled: dict[str, Named | None] = {}
        self._extents: dict[str, _Extent] = {}
        self._under_way: list[str] = []
        self.used: set[str] = set()
        """The named conditions that some condition uses."""
        self._earlier: dict[str, Rule] = {}
        self.rules_named: list[tuple[Rule, Location]] = []
        """The earlier rules that conditions compiled so far name by ``matched_by``, each with its place."""

    def add_rule(self, rule: Rule) -> None:
        """From now on ``matched_by`` may name this rule."""
        self._earlier.setdefault(rule.name, rule)

    def compile_named(self) -> None:
        """Compile every named condition, so that mistakes in unused ones are found too."""
        for name, source in self._sources.items():
            if name in COMBINATORS or name in self._registry.conditions:
                cure = f'choose another name, for example "my_{name}"'
                self._reporter.error(source.at, f'"{name}" is a word of the rule language', cure=cure)
            self._named(name, source)

    def compile(self, source: SourceValue) -> Node | None:
        """The tree, or None after reporting every mistake in it."""
        node = self._node(source)
        if node is None:
            return None
        leaves = self._extent(node).leaves
        if leaves > MAX_LEAVES:
            cure = "put long alternatives into a list and use in: NAME"
            self._reporter.error(source.at, f"the condition has {leaves} parts, over {MAX_LEAVES}", cure=cure)
            return None
        return node

    def _node(self, source: SourceValue) -> Node | None:
        if source.is_list:
            cure = "write all: [...] or any: [...]"
            self._reporter.broken(source.at, "a list does not say whether all or any must hold", cure=cure)
            return None
        if source.is_mapping:
            return self._mapping(source)
        if not isinstance(source.value, str):
            cure = "write if: always to match every message"
            self._reporter.broken(source.at, f"a condition is expected here, not {source.kind}", cure=cure)
            return None
        if source.value == "always":
            return Always()
        if source.value in self._sources:
            self.used.add(source.value)
            return self._named(source.value, source)
        if source.value in self._registry.conditions:
            message = f'the condition "{source.value}" needs a value'
            self._reporter.error(source.at, message, cure=f"write {source.value}: ...")
            return None
        self._unknown(source.value, source)
        return None

    def _mapping(self, source: SourceValue) -> Node | None:
        if not source.mapping:
            cure = "write if: always to match every message"
            self._reporter.error(source.at, "this condition is empty", cure=cure)
            return None
        parts = [self._entry(key, value, source) for key, value in source.mapping.items()]
        if any(part is None for part in parts):
            return None
        nodes = tuple(part for part in parts if part is not None)
        return nodes[0] if len(nodes) == 1 else All(parts=nodes)

    def _entry(self, key: str, value: SourceValue, holder: SourceValue) -> Node | None:
        where = holder.key_at(key)
        match key:
            case "all" | "any" | "none":
                return self._combination(key, value)
            case "not":
                if value.is_list:
                    message = "not takes one condition, and this is a list"
                    self._reporter.broken(value.at, message, cure="write none: [...]: none of these")
                    return None
                part = self._node(value)
                return None if part is None else Not(part=part)
            case "always":
                if value.value is not True:
                    self._reporter.error(value.at, "always takes true", cure="write if: always")
                return Always()
            case "matched_by":
                return self._matched_by(value)
            case _ if key in self._registry.conditions:
                test = self._registry.conditions[key].compile(value, self._context)
                if test is None:
                    return None
                text = f"{key}: {value.flow_text()}"
                if len(text) > _MAX_LEAF_TEXT:
                    text = text[: _MAX_LEAF_TEXT - 1] + "…"
                return Leaf(name=key, text=text, where=where, test=test)
            case _ if key in self._sources:
                return self._named_with_value(key, value)
            case _:
                self._unknown(key, holder)
                return None

    def _combination(self, word: str, value: SourceValue) -> Node | None:
        if value.is_mapping and word == "all":
            return self._mapping(value)
        if not value.is_list or not value.items:
            cure = f"write {word}: [{{subject: offer}}, {{from: a@example.org}}]"
            self._reporter.broken(value.at, f"{word} takes a list of conditions, not {value.kind}", cure=cure)
            return None
        parts = [self._node(item) for item in value.items]
        if any(part is None for part in parts):
            return None
        nodes = tuple(part for part in parts if part is not None)
        if word == "all":
            return All(parts=nodes)
        return AnyOf(parts=nodes) if word == "any" else Not(part=AnyOf(parts=nodes))

    def _matched_by(self, value: SourceValue) -> Node | None:
        """An earlier rule holds where its condition and one of its branches do, so it stands for exactly those."""
        if self._under_way:
            cure = "write matched_by in the rules themselves"
            self._reporter.error(value.at, "a named condition does not know which rules come before it", cure=cure)
            return None
        nodes: list[Node] = []
        for item in value.items:
            rule = self._earlier.get(item.text)
            if rule is None:
                cure = did_you_mean(item.text, self._earlier) or "matched_by names a rule that stands further up"
                self._reporter.error(item.at, f'there is no earlier rule "{item.text}"', cure=cure)
                return None
            self.rules_named.append((rule, item.at))
            name = f"matched_by: {rule.name}"
            node = All(parts=(rule.condition, AnyOf(parts=tuple(branch.condition for branch in rule.branches))))
            extent = self._extent(node)
            if extent.named_depth >= MAX_NAMED_DEPTH:
                message = f"rules are matched by rules over more than {MAX_NAMED_DEPTH} levels"
                self._reporter.error(item.at, message, cure="name the first of them directly")
                return None
            self._extents[name] = _Extent(extent.leaves, extent.named_depth + 1)
            nodes.append(Named(name=name, part=node))
        return nodes[0] if len(nodes) == 1 else AnyOf(parts=tuple(nodes))

    def _named_with_value(self, name: str, value: SourceValue) -> Node | None:
        if not isinstance(value.value, bool):
            message = f'the named condition "{name}" takes true or false, not {value.kind}'
            self._reporter.error(value.at, message, cure=f"write {name}: true")
            return None
        self.used.add(name)
        part = self._named(name, value)
        return part if value.value or part is None else Not(part=part)

    def _named(self, name: str, use: SourceValue) -> Named | None:
        if name in self._under_way:
            circle = " -> ".join([*self._under_way[self._under_way.index(name) :], name])
            self._reporter.broken(use.at, f"the named condition uses itself: {circle}", cure="break the circle")
            return None
        if name not in self._compiled:
            self._under_way.append(name)
            part = self.compile(self._sources[name])
            self._under_way.pop()
            self._compiled[name] = None if part is None else Named(name=name, part=part)
            if part is not None:
                inner = self._extent(part)
                self._extents[name] = _Extent(inner.leaves, inner.named_depth + 1)
                if inner.named_depth >= MAX_NAMED_DEPTH:
                    message = f"named conditions are nested deeper than {MAX_NAMED_DEPTH} levels"
                    self._reporter.error(self._sources[name].at, message, cure="join some of them")
                    self._compiled[name] = None
        return self._compiled[name]

    def _extent(self, node: Node) -> _Extent:
        match node:
            case All(parts=parts) | AnyOf(parts=parts):
                extents = [self._extent(part) for part in parts]
                return _Extent(sum(one.leaves for one in extents), max(one.named_depth for one in extents))
            case Not(part=part):
                return self._extent(part)
            case Named(name=name):
                return self._extents[name]
            case _:
                return _Extent(1, 0)

    def _unknown(self, word: str, holder: SourceValue) -> None:
        where = holder.key_at(word)
        known = [*COMBINATORS, *self._registry.conditions, *self._sources]
        self._reporter.error(where, f'unknown condition "{word}"', cure=did_you_mean(word, known))
