"""What do the rules do: digests, of all files and of one rule with all that it names, which change when that might.

Comments, and how YAML or TOML spells it, do not count; nor does it for one rule where it stands.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from mailrules.rules.schema import DefaultsModel
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mailrules.rules.source import SourceValue

_NOT_DONE = frozenset({"shadow", "enabled"})
"""Keys of a rule that say when it acts, and nothing of what it then does."""


def digest_of_files(files: Iterable[SourceValue], *, lists: Mapping[str, tuple[str, ...]]) -> str:
    """A digest of all that can change a decision; the tests beside the rules do not."""
    meaning = [{key: value.plain() for key, value in file.mapping.items() if key != "tests"} for file in files]
    text = json.dumps([meaning, lists], sort_keys=False, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanings:
    """All that rules can name: conditions, lists, rules whose conditions they reuse, and the defaults."""

    conditions: Mapping[str, SourceValue]
    lists: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, SourceValue]
    defaults: SourceValue | None = None

    @classmethod
    def of(
        cls,
        files: Sequence[SourceValue],
        *,
        conditions: Mapping[str, SourceValue],
        lists: Mapping[str, tuple[str, ...]],
    ) -> Meanings:
        """Those of all rules of these files, of which the first one has the defaults."""
        sources = [file.mapping["rules"] for file in files if "rules" in file.mapping]
        rules = [rule for source in sources if source.is_list for rule in source.items if "name" in rule.mapping]
        return cls(
            conditions=conditions,
            lists=lists,
            rules={rule.mapping["name"].text: rule for rule in rules},
            defaults=files[0].mapping.get("defaults"),
        )

    def digest(self, rule: SourceValue) -> str:
        """SHA-256 in hexadecimal.

        A text that happens to be called like a condition or a list counts as naming it: the digest then changes more
        often than it has to, and never less.
        """
        entries = {key: value for key, value in rule.mapping.items() if key not in _NOT_DONE}
        if self.defaults is not None:
            known = {field.alias or name for name, field in DefaultsModel.model_fields.items()}
            usual = self.defaults.mapping.items()
            entries |= {key: value for key, value in usual if key in known and key not in entries}
        reached: dict[str, object] = {}
        for key in sorted(entries):
            reached[f"rule {key}"] = _meaning(entries[key])
            self._reach(entries[key], reached, in_rules=key == "matched_by")
        text = json.dumps(sorted(reached.items()), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def _reach(self, value: SourceValue, reached: dict[str, object], *, in_rules: bool) -> None:
        """Add what the value names, what that names, and so on; each once, so that circles end."""
        for word, names_rule in _words(value, in_rules=in_rules):
            if word in self.conditions and f"condition {word}" not in reached:
                reached[f"condition {word}"] = _meaning(self.conditions[word])
                self._reach(self.conditions[word], reached, in_rules=False)
            if word in self.lists:
                reached[f"list {word}"] = list(self.lists[word])
            if names_rule and word in self.rules and f"matched by {word}" not in reached:
                conditions = tuple(_conditions_of(self.rules[word]))
                reached[f"matched by {word}"] = [_meaning(one) for one in conditions]
                for condition in conditions:
                    self._reach(condition, reached, in_rules=False)


def _meaning(value: SourceValue) -> object:
    """The value without places; a number as it was written, since `subject: 007` means that text."""
    if value.is_mapping:
        return [[key, _meaning(entry)] for key, entry in value.mapping.items()]
    if value.is_list:
        return [_meaning(item) for item in value.items]
    return value.value if value.value is None or isinstance(value.value, str | bool) else [value.text]


def _words(value: SourceValue, *, in_rules: bool) -> Iterator[tuple[str, bool]]:
    """Every key and text within the value, and whether it stands under `matched_by`."""
    if value.is_mapping:
        for key, entry in value.mapping.items():
            yield key, False
            yield from _words(entry, in_rules=in_rules or key == "matched_by")
    elif value.is_list:
        for item in value.items:
            yield from _words(item, in_rules=in_rules)
    elif isinstance(value.value, str):
        yield value.value, in_rules
    else:
        yield value.text, in_rules


def _conditions_of(rule: SourceValue) -> Iterator[SourceValue]:
    """What `matched_by` asks of a rule: its condition, and those of its branches."""
    if "if" in rule.mapping:
        yield rule.mapping["if"]
    if "choose" in rule.mapping:
        for branch in rule.mapping["choose"].items:
            yield from (branch.mapping[key] for key in ("if", "else") if key in branch.mapping)
