"""How TOML text becomes values with places; tomllib tells no places, so the lines are searched for keys."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from mailrules.diagnostics import Location
from mailrules.rules.source import SourceValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.rules.reporter import Reporter

_MAX_DEPTH = 32
_MAX_DOTS = 100
_KEY_ENDS = re.compile(r"[=,]")
_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_KEY = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'))*)\s*=\s*"
)
_KEY_PART = re.compile(r"[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*'")

_Path = tuple[str | int, ...]


def read_toml(text: str, *, file: str, reporter: Reporter) -> SourceValue | None:
    """The file's top table, or None after a syntax error.

    A value inside an inline table or array has the place of the nearest key that starts a line.
    """
    dotted_line = _line_of_too_many_dots(text)
    if dotted_line:
        where = Location(file=file, line=dotted_line, column=1)
        reporter.error(where, f"over {_MAX_DOTS} dots in one key or text", cure="use the YAML spelling")
        return None
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        line, column = (int(place[1]), int(place[2])) if place else (text.count("\n") + 1, 1)
        message = _PLACE.sub("", str(error)).removesuffix(" (at end of document)")
        reporter.error(Location(file=file, line=line, column=column), f"this is not TOML: {message}")
        return None
    except RecursionError:
        reporter.error(Location(file=file, line=1, column=1), f"nested deeper than {_MAX_DEPTH} levels")
        return None
    return _Places(text, file=file, reporter=reporter).value(table, path=(), at=Location(file=file, line=1, column=1))


def _line_of_too_many_dots(text: str) -> int:
    """The first line with a key that would keep tomllib busy (quadratic in its dots); 0 for none."""
    for number, line in enumerate(text.split("\n"), start=1):
        if any(part.count(".") > _MAX_DOTS for part in _KEY_ENDS.split(line)):
            return number
    return 0


class _Places:
    def __init__(self, text: str, *, file: str, reporter: Reporter) -> None:
        self._reporter = reporter
        self._places = _find_keys(text, file=file)

    def value(self, plain: object, *, path: _Path, at: Location) -> SourceValue:
        _, at = self._places.get(path, (at, at))
        if len(path) > _MAX_DEPTH:
            self._reporter.error(at, f"nested deeper than {_MAX_DEPTH} levels", cure="use named conditions")
            return SourceValue(value=None, at=at)
        match plain:
            case dict():
                keys = {key: self._places.get((*path, key), (at, at))[0] for key in plain}
                entries = {key: self.value(inner, path=(*path, key), at=at) for key, inner in plain.items()}
                return SourceValue(value=entries, at=at, keys=keys)
            case list():
                items = (self.value(inner, path=(*path, index), at=at) for index, inner in enumerate(plain))
                return SourceValue(value=tuple(items), at=at)
            case datetime() | date() | time():
                return SourceValue(value=plain.isoformat(), at=at, text=plain.isoformat())
            case bool():
                return SourceValue(value=plain, at=at, text=str(plain).lower())
            case str() | int() | float():
                return SourceValue(value=plain, at=at, text=str(plain))
            case _:
                raise AssertionError(f"tomllib made a {type(plain).__name__}")


def _find_keys(text: str, *, file: str) -> Mapping[_Path, tuple[Location, Location]]:
    """For each path: where its key stands, and where its value begins."""
    places: dict[_Path, tuple[Location, Location]] = {}
    counts: dict[_Path, int] = {}
    table: _Path = ()
    for number, line in enumerate(text.split("\n"), start=1):
        content = line.lstrip()
        names, _, rest = content.partition("]")
        if content.startswith("[") and rest.lstrip("] \t\r")[:1] in ("", "#"):
            at = Location(file=file, line=number, column=len(line) - len(content) + 1)
            table = _enter(_parts(names), counts=counts, is_array=content.startswith("[["))
            for length in range(1, len(table) + 1):
                places.setdefault(table[:length], (at, at))
            continue
        key = _KEY.match(line)
        if key:
            at = Location(file=file, line=number, column=key.start(1) + 1)
            path = (*table, *_parts(key[1]))
            places.setdefault(path, (at, Location(file=file, line=number, column=key.end() + 1)))
    return places


def _enter(names: tuple[str, ...], *, counts: dict[_Path, int], is_array: bool) -> _Path:
    """The path of a table header; ``[[rules]]`` counts up, and deeper names mean its latest entry."""
    path: _Path = ()
    for index, name in enumerate(names):
        path = (*path, name)
        if is_array and index == len(names) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _KEY_PART.findall(dotted))
