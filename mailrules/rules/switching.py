"""Which one line of a file turns a rule off, or on again, and leaves every other byte as it is?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.reporter import Reporter
from mailrules.rules.toml_source import read_toml
from mailrules.rules.yaml_source import read_yaml

if TYPE_CHECKING:
    from mailrules.diagnostics import Location
    from mailrules.rules.source import SourceValue


class NotSwitched(Exception):
    """The rule cannot be switched by changing one line; the text says why."""


def switched(text: str, source: SourceValue, *, index: int, on: bool) -> str:
    """The file's ``text``, read before as ``source``, with rule number ``index`` on or off; the same text if it is so.

    Raises NotSwitched. What comes out has been read again: it differs in that rule's ``enabled`` alone.
    """
    rule = source.mapping["rules"].items[index]
    if _is_on(rule) == on:
        return text
    is_toml = rule.at.file.endswith(".toml")
    said = rule.mapping.get("enabled")
    if said is None:
        changed = _with_line(text, rule, "enabled = false" if is_toml else "enabled: false")
    else:
        changed = _with_other_word(text, rule.key_at("enabled"), said.at, on=on)
    again = (read_toml if is_toml else read_yaml)(changed, file=rule.at.file, reporter=Reporter())
    if again is None or _told(again, index) != (_told(source, index)[0], on):
        raise NotSwitched("it is written in a way that one line does not change")
    return changed


def _is_on(rule: SourceValue) -> bool:
    return "enabled" not in rule.mapping or rule.mapping["enabled"].value is not False


def _told(source: SourceValue, index: int) -> tuple[object, bool]:
    """All that a file says but for the one word, and that word."""
    rules = source.mapping["rules"]
    others = [
        {key: value.plain() for key, value in rule.mapping.items() if number != index or key != "enabled"}
        for number, rule in enumerate(rules.items)
    ]
    rest = {key: value.plain() for key, value in source.mapping.items() if key != "rules"}
    return (rest, others), index < len(rules.items) and _is_on(rules.items[index])


def _with_line(text: str, rule: SourceValue, words: str) -> str:
    """The rule with a word more: a line of its own under its name, or within the braces of a rule on one line."""
    lines = text.splitlines(keepends=True)
    first = rule.at
    if lines[first.line - 1][first.column - 1 :].startswith("{"):
        lines[first.line - 1] = _spliced(lines[first.line - 1], first.column, 0, f"{words}, ")
        return "".join(lines)
    name = rule.key_at("name")
    line = lines[name.line - 1]
    bare = line.rstrip("\r\n\x85\u2028\u2029")
    end = line[len(bare) :] or "\n"
    added = " " * (name.column - 1) + words
    lines[name.line - 1] = bare + end + added + (end if line != bare else "")
    return "".join(lines)


def _with_other_word(text: str, key: Location, value: Location, *, on: bool) -> str:
    """The rule with the other truth; where ``enabled: false`` has its line to itself, the line goes."""
    lines = text.splitlines(keepends=True)
    line = lines[value.line - 1]
    if on and key.line == value.line and line.replace(" ", "").rstrip() in {"enabled:false", "enabled=false"}:
        del lines[value.line - 1]
        return "".join(lines)
    before, after = ("false", "true") if on else ("true", "false")
    if not line[value.column - 1 :].startswith(before):
        raise NotSwitched(f"its `enabled` is not written as {before}")
    lines[value.line - 1] = _spliced(line, value.column - 1, len(before), after)
    return "".join(lines)


def _spliced(line: str, start: int, length: int, words: str) -> str:
    return line[:start] + words + line[start + length :]
