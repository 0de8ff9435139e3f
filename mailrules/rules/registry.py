"""Which condition and action words exist; filled from plugins, handed to the loader as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailrules.diagnostics import Diagnostic, Location
    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.rule import ActionValue


class SourceValue(Protocol):
    """A value as loaded from YAML or TOML, with its place: see ``rules.loader``.

    ``value`` is a plain str, int, float, bool, None, a tuple of SourceValue, or a dict from str
    to SourceValue; ``at`` is where it stands.
    """

    @property
    def value(self) -> object: ...

    @property
    def at(self) -> Location: ...

    def plain(self) -> object:
        """The value as ordinary lists, dicts and scalars, without places."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileContext:
    """What a factory may use: the lists of the file, what it allows, and where to report.

    ``report`` collects a diagnostic; a factory that reported an error returns None.
    """

    lists: Mapping[str, tuple[str, ...]]
    allow: frozenset[str]
    report: Callable[[Diagnostic], None]


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
