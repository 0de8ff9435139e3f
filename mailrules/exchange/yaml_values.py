"""How is another tool's YAML read so that each value keeps its line?

From libyaml's events, by a stack of our own, so that depth in a file is never depth in our calls. Aliases are followed
as far as the file stays small with them; tags and a name that stands twice are errors.
"""

from __future__ import annotations

import re
from typing import Final

import yaml

from mailrules.exchange.imported import ExchangeError
from mailrules.exchange.sourced import Scalar, Sourced

MAX_NESTING: Final = 40
MAX_VALUES: Final = 100_000
_TRUTH: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NOTHING: Final = frozenset({"", "~", "null"})
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_PLAIN_TAGS: Final = frozenset({None, "!", "tag:yaml.org,2002:str"})


def read_yaml_values(text: str) -> Sourced:
    """The one document of a text. Raises ExchangeError with the line of what cannot be read."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "a character that may not stand in it"
        line = min(mark.line, text.count("\n")) + 1 if mark else 1
        raise ExchangeError(f"this is no YAML: {problem}; is the file cut short?", line=line) from error
    if builder.root is None:
        raise ExchangeError("the file is empty")
    return builder.root


class _Open:
    """A mapping or list that is not complete yet."""

    def __init__(self, source: Sourced, anchor: str | None) -> None:
        self.source, self.anchor = source, anchor
        self.key: Sourced | None = None
        self.size = 1


class _Builder:
    """Takes events one after the other."""

    def __init__(self) -> None:
        self.root: Sourced | None = None
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Sourced, int]] = {}
        self._values = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                raise ExchangeError("a second document begins here; import one at a time", line=line)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._check_tag(event, line)
                if len(self._open) >= MAX_NESTING:
                    raise ExchangeError(f"values within each other over {MAX_NESTING} deep", line=line)
                empty: dict[str, Sourced] | list[Sourced] = {} if isinstance(event, yaml.MappingStartEvent) else []
                self._open.append(_Open(Sourced(empty, line), event.anchor))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                closed = self._open.pop()
                self._add(closed.source, anchor=closed.anchor, size=closed.size)
            case yaml.ScalarEvent():
                self._check_tag(event, line)
                value = _resolved(event.value) if event.implicit[0] else event.value
                self._add(Sourced(value, line), anchor=event.anchor, size=1)
            case yaml.AliasEvent():
                if event.anchor not in self._anchors:
                    raise ExchangeError(f"nothing complete is called &{event.anchor} before this", line=line)
                value_before, size = self._anchors[event.anchor]
                self._add(value_before, anchor=None, size=size)

    def _check_tag(self, event: yaml.NodeEvent, line: int) -> None:
        tag = getattr(event, "tag", None)
        if tag not in _PLAIN_TAGS:
            raise ExchangeError(f"the tag {tag} is not read; write the value without it", line=line)

    def _add(self, source: Sourced, *, anchor: str | None, size: int) -> None:
        self._values += size
        if self._values > MAX_VALUES:
            raise ExchangeError(f"over {MAX_VALUES:,} values; divide the file", line=source.line)
        if anchor:
            self._anchors[anchor] = (source, size)
        if not self._open:
            self.root = source
            return
        holder = self._open[-1]
        holder.size += size
        if isinstance(holder.source.value, list):
            holder.source.value.append(source)
        elif holder.key is None:
            holder.key = source
        elif isinstance(holder.source.value, dict):
            name = _name(holder.key)
            if name in holder.source.value:
                before = holder.source.value[name].line
                raise ExchangeError(f"{name!r} stands twice, in line {before} too", line=holder.key.line)
            holder.source.value[name] = source
            holder.key = None


def _name(key: Sourced) -> str:
    if isinstance(key.value, dict | list) or key.value == "<<":
        raise ExchangeError("a name is expected here; write merged keys out", line=key.line)
    return key.value if isinstance(key.value, str) else str(key.value).lower()


def _resolved(text: str) -> Scalar:
    """What a word without quotes means."""
    if text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if text.lower() in _NOTHING:
        return None
    return int(text) if _INTEGER.fullmatch(text) else text
