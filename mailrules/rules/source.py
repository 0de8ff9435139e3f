"""What a file said, value by value, with the place of each: the common form of YAML and TOML."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.diagnostics import Location

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceValue:
    """One value. ``at`` is its place; a mapping also knows the place of each of its keys.

    ``text`` is a scalar as it was written, so that ``subject: 007`` still means the text "007".
    """

    value: Scalar | tuple[SourceValue, ...] | dict[str, SourceValue]
    at: Location
    text: str = ""
    keys: Mapping[str, Location] = field(default_factory=dict)
    _plain: object = field(default=None, init=False, repr=False, compare=False)
    """What ``plain`` has answered: a whole file is asked for it, then each rule, then all again for the hash."""

    @property
    def mapping(self) -> Mapping[str, SourceValue]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> tuple[SourceValue, ...]:
        """The items of a list, or the value itself as the only one."""
        return self.value if isinstance(self.value, tuple) else (self,)

    @property
    def is_mapping(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, tuple)

    @property
    def kind(self) -> str:
        """The sort of value in a person's words, for messages."""
        match self.value:
            case dict():
                return "a mapping"
            case tuple():
                return "a list" if self.value else "an empty list"
            case None:
                return "nothing"
            case bool():
                return "true" if self.value else "false"
            case int() | float():
                return "a number"
            case _:
                return "text"

    def key_at(self, key: str) -> Location:
        """Where a mapping's key stands; the mapping's own place for a key that it lacks."""
        return self.keys.get(key, self.at)

    def plain(self) -> object:
        """The value as ordinary lists, dicts and scalars, without places; made once, so nobody may change it."""
        value = self.value
        if not isinstance(value, dict | tuple):
            return value
        if self._plain is None:
            plain = _plain_entries(value) if isinstance(value, dict) else [item.plain() for item in value]
            object.__setattr__(self, "_plain", plain)
        return self._plain

    def flow_text(self) -> str:
        """The value on one line, much as a person would write it."""
        match self.value:
            case dict(entries):
                return "{" + ", ".join(f"{key}: {entry.flow_text()}" for key, entry in entries.items()) + "}"
            case tuple(items):
                return "[" + ", ".join(item.flow_text() for item in items) + "]"
            case _:
                return self.text


def _plain_entries(entries: dict[str, SourceValue]) -> dict[str, object]:
    return {key: entry.plain() for key, entry in entries.items()}
