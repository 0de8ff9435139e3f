"""How are imported rules written? As a file for ``include``, in their order, each with the source it replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from yaml.representer import SafeRepresenter

from mailrules.exchange.imported import Exactness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.exchange.imported import Imported, ImportedRule, Plain

_WIDTH = 120
_LONGEST_FLOW = 80


def rule_file(imported: Imported, *, origin: str, mailboxes: tuple[str, ...] = ()) -> str:
    """The YAML text. ``origin`` names what was imported; ``mailboxes`` go under ``in`` of each rule."""
    counts = ", ".join(f"{imported.count(one)} {one}" for one in Exactness)
    lines = [f"# Imported from {_one_line(origin)}: {counts} constructs.", "version: 1"]
    if imported.accounts:
        lines.append("accounts:")
    for name, account in imported.accounts.items():
        lines += _block({name: account})
    if imported.rules:
        lines.append("rules:")
    for rule in imported.rules:
        lines += _rule_lines(rule, mailboxes)
    if imported.examples:
        lines.append("tests:")
        for example in imported.examples:
            lines += _item({"name": example.name, "given": example.given, "expect": example.expect})
    return "\n".join(lines) + "\n"


def _rule_lines(rule: ImportedRule, mailboxes: tuple[str, ...]) -> Iterator[str]:
    for line in rule.source.splitlines():
        yield f"  # {_printable(line)}".rstrip()
    item: dict[str, Plain] = {"name": rule.name}
    if not rule.is_enabled:
        item["enabled"] = False
    if watched := rule.mailboxes or mailboxes:
        item["in"] = list(watched)
    if rule.condition != "always" or not rule.branches:
        item["if"] = rule.condition
    if rule.branches:
        item["choose"] = [
            {"else": True, "do": list(one.actions)}
            if one.condition is None
            else {"if": one.condition, "do": list(one.actions)}
            for one in rule.branches
        ]
    else:
        item["do"] = list(rule.actions)
    if rule.stop is not None:
        item["stop"] = rule.stop
    if rule.conflict is not None:
        item["conflict"] = rule.conflict
    yield from _item(item)


def _item(value: dict[str, Plain]) -> Iterator[str]:
    """One entry of a list under a top-level key: a line a key, and values on that line where they are short."""
    node = _Representer(sort_keys=False).represent_data([value])
    entries = yaml.SequenceNode(node.tag, node.value, flow_style=False)
    _style(node.value[0])
    for line in yaml.serialize(entries, Dumper=yaml.SafeDumper, allow_unicode=True, width=_WIDTH).splitlines():
        yield f"  {line}" if line else line


def _block(value: dict[str, Plain]) -> Iterator[str]:
    """Entries of a mapping under a top-level key."""
    node = _Representer(sort_keys=False).represent_data(value)
    _style(node)
    for line in yaml.serialize(node, Dumper=yaml.SafeDumper, allow_unicode=True, width=_WIDTH).splitlines():
        yield f"  {line}" if line else line


class _Representer(SafeRepresenter):
    """Never makes an alias, which rule files do not have."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _style(node: yaml.Node) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    node.flow_style = False
    for key, value in node.value:
        if key.value == "choose":
            value.flow_style = False
            for branch in value.value:
                _style(branch)
        else:
            _shorten(value)


def _shorten(node: yaml.Node) -> None:
    """Within braces or brackets what fits into a line, the rest below each other."""
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = _length(node) <= _LONGEST_FLOW
        for child in node.value:
            for one in child if isinstance(child, tuple) else (child,):
                _shorten(one)


def _length(node: yaml.Node) -> int:
    if isinstance(node, yaml.ScalarNode):
        return len(node.value) + 2
    if isinstance(node, yaml.MappingNode):
        return sum(_length(key) + _length(value) + 2 for key, value in node.value)
    return sum(_length(one) + 2 for one in node.value)


def _one_line(text: str) -> str:
    return _printable(" ".join(text.split()))


def _printable(text: str) -> str:
    """A comment of what strangers wrote: YAML has no control characters, and a terminal shall not have them."""
    return "".join(one if one.isprintable() or one == "\t" else "\ufffd" for one in text)
