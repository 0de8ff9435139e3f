"""Which filters does Gmail's ``mailFilters.xml`` hold?

An Atom feed with an entry for each filter, and in it ``apps:property`` elements with a name and a value. A
document type is refused as soon as it is seen, and with it all entities: Gmail writes none.
"""

from __future__ import annotations

from dataclasses import field
from typing import Final
from xml.parsers import expat  # it expands no entity here, and a document type ends the reading
from xml.sax.saxutils import quoteattr

from mailrules.exchange.decoding import MAX_FILE_BYTES
from mailrules.exchange.imported import ExchangeError
from mailrules.values import dataclass

MAX_FILTERS: Final = 5_000
"""Gmail allows 1,000."""
MAX_NESTING: Final = 20
_ATOM: Final = "http://www.w3.org/2005/Atom"
_APPS: Final = "http://schemas.google.com/apps/2006"


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One criterion or action."""

    name: str
    value: str
    line: int


@dataclass(slots=True, kw_only=True)
class FilterEntry:
    """One filter; ``line`` is that of its entry."""

    line: int
    properties: list[Property] = field(default_factory=list)
    strange: list[Property] = field(default_factory=list)
    """Elements that Gmail does not write, by name."""

    @property
    def source(self) -> str:
        lines = [f"<apps:property name={quoteattr(one.name)} value={quoteattr(one.value)}/>" for one in self.properties]
        return "\n".join([*lines, *(f"<{one.name}>" for one in self.strange)])


def read_mail_filters(content: bytes) -> list[FilterEntry]:
    """The filters in their order. Raises ExchangeError with the line for what is no such file."""
    if len(content) > MAX_FILE_BYTES:
        raise ExchangeError(f"over {MAX_FILE_BYTES:,} bytes, which is no export of filters; divide it")
    if not content.strip():
        raise ExchangeError("the file is empty; export the filters again (Settings, Filters, Export)")
    reader = _Reader()
    try:
        reader.parser.Parse(content, True)  # noqa: FBT003 -- expat's own signature: this is all of it
    except expat.ExpatError as error:
        what = expat.ErrorString(error.code)
        raise ExchangeError(
            f"this is not well-formed XML: {what}; export the filters again", line=error.lineno
        ) from error
    if not reader.is_feed:
        raise ExchangeError("this is no mailFilters.xml: its outermost element is not an Atom feed")
    return reader.entries


class _Reader:
    """Takes expat's events."""

    def __init__(self) -> None:
        self.entries: list[FilterEntry] = []
        self.is_feed = False
        self._path: list[str] = []
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._doctype
        self.parser = parser

    def _doctype(self, *_: object) -> None:
        raise ExchangeError(
            "a document type, which Gmail does not write and which is not read here; remove it",
            line=self.parser.CurrentLineNumber,
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        line = self.parser.CurrentLineNumber
        self._path.append(name)
        if len(self._path) > MAX_NESTING:
            raise ExchangeError(f"elements within each other over {MAX_NESTING} deep", line=line)
        match self._path:
            case [_]:
                self.is_feed = name == f"{_ATOM} feed"
            case [_, _] if name == f"{_ATOM} entry":
                if len(self.entries) >= MAX_FILTERS:
                    raise ExchangeError(f"over {MAX_FILTERS:,} filters; divide the file", line=line)
                self.entries.append(FilterEntry(line=line))
            case [_, entry, _] if entry == f"{_ATOM} entry":
                self._child(name, attributes, line)

    def _child(self, name: str, attributes: dict[str, str], line: int) -> None:
        namespace, _, local = name.rpartition(" ")
        if name == f"{_APPS} property":
            one = Property(name=attributes.get("name", ""), value=attributes.get("value", ""), line=line)
            self.entries[-1].properties.append(one)
        elif namespace != _ATOM:
            self.entries[-1].strange.append(Property(name=local, value="", line=line))

    def _end(self, _: str) -> None:
        self._path.pop()
