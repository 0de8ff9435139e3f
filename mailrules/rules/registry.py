"""Which condition and action words exist; filled from plugins, handed to the loader as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.rules.source import SourceValue
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mailrules.diagnostics import Diagnostic
    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.rule import ActionValue


__all__ = ["ActionSpec", "CompileContext", "ConditionSpec", "NoticedLists", "Registry", "SourceValue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileContext:
    """What a factory may use: the lists of the file, what the main file allows and names, and where to report.

    ``report`` collects a diagnostic; a factory that reported an error returns None.
    """

    lists: Mapping[str, tuple[str, ...]]
    allow: frozenset[str]
    report: Callable[[Diagnostic], None]
    webhooks: frozenset[str] = frozenset()
    main_file: str = ""
    """The file that may grant what included ones may not; its name as in the places of its values."""
    packs: frozenset[str] = frozenset()
    """The files of rule packs: what a stranger wrote moves mail at most."""


class NoticedLists(Mapping[str, tuple[str, ...]]):
    """The lists of the file, which remember those that were asked for (``used``)."""

    def __init__(self, lists: Mapping[str, tuple[str, ...]]) -> None:
        self._lists = lists
        self.used: set[str] = set()

    def __getitem__(self, name: str) -> tuple[str, ...]:
        self.used.add(name)
        return self._lists[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionSpec:
    """A condition word. ``compile`` gets its options as written and answers with a leaf test.

    ``schema`` is the JSON Schema of its options, for editors; ``summary`` is one line of help.
    """

    name: str
    compile: Callable[[SourceValue, CompileContext], LeafTest | None]
    summary: str
    schema: Mapping[str, object] = field(default_factory=dict)
    plugin: str = "mailrules"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """An action word; ``compile`` may answer with several values for one word."""

    name: str
    compile: Callable[[SourceValue, CompileContext], Sequence[ActionValue] | None]
    summary: str
    schema: Mapping[str, object] = field(default_factory=dict)
    plugin: str = "mailrules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All words by name."""

    conditions: Mapping[str, ConditionSpec]
    actions: Mapping[str, ActionSpec]
