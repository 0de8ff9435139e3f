"""Which filters does Thunderbird's ``msgFilterRules.dat`` hold?

Lines ``name="value"``; each ``name`` begins a filter. Values and conditions are read as Thunderbird reads them
(nsMsgFilterList::LoadValue and ParseCondition), its ways with backslashes included.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final

from mailrules.exchange.imported import ExchangeError
from mailrules.values import dataclass

VERSIONS: Final = ("8", "9")
MAX_FILTERS: Final = 10_000
MAX_TERMS: Final = 1_000
MAX_ATTRIBUTES: Final = 1_000
_ATTRIBUTE: Final = re.compile(r"[ \t\r\n]*(?P<name>[A-Za-z]{1,40})[ \t]*=[ \t]*\"|(?P<end>[ \t\r\n]*\Z)")
_HEAD: Final = ("version", "logging")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One line."""

    name: str
    value: str
    line: int


@dataclass(slots=True, kw_only=True)
class FilterText:
    """One filter: its attributes in order, the name first, and its text."""

    attributes: list[Attribute] = field(default_factory=list)
    source: str = ""

    @property
    def line(self) -> int:
        return self.attributes[0].line


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterFile:
    """``head`` are the attributes before the first filter."""

    head: tuple[Attribute, ...]
    filters: tuple[FilterText, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term of a condition: ``subject,contains,x``. ``is_header``: the attribute is a header field's name."""

    attribute: str
    operator: str
    value: str
    is_header: bool = False


class ConditionError(ValueError):
    """The condition cannot be read; the message says why."""


def read_filter_file(text: str) -> FilterFile:
    """The filters in their order. Raises ExchangeError with the line of what is no such file."""
    head: list[Attribute] = []
    filters: list[FilterText] = []
    starts: list[int] = []
    position, line = 0, 1
    while True:
        found = _ATTRIBUTE.match(text, position)
        if found is None:
            line += len(text[position:]) - len(text[position:].lstrip("\r\n"))
            raise ExchangeError('a line such as name="value" is expected here; is the file cut short?', line=line)
        if found["end"] is not None:
            break
        line += found[0].count("\n")
        value, end = _value(text, found.end(), line=line)
        attribute = Attribute(name=found["name"], value=value, line=line)
        if attribute.name == "name":
            if len(filters) >= MAX_FILTERS:
                raise ExchangeError(f"over {MAX_FILTERS:,} filters; divide the file", line=line)
            filters.append(FilterText())
            starts.append(found.start("name"))
        (filters[-1].attributes if filters else head).append(attribute)
        if filters and len(filters[-1].attributes) > MAX_ATTRIBUTES:
            raise ExchangeError(f"a filter of over {MAX_ATTRIBUTES:,} lines; divide it", line=line)
        position = end
    for one, start, end in zip(filters, starts, [*starts, len(text)][1:], strict=True):
        one.source = text[start:end].strip()
    _check_head(head)
    return FilterFile(head=tuple(head), filters=tuple(filters))


def read_condition(text: str) -> tuple[str, list[Term]]:
    """``all`` or ``any``, and the terms; no terms where all messages are meant. Raises ConditionError."""
    if text.strip() == "ALL":
        return "all", []
    joiners: list[str] = []
    terms: list[Term] = []
    position = 0
    while text[position:].strip():
        opening = re.compile(r"\s*(AND|OR)\s*\(").match(text, position)
        if opening is None:
            raise ConditionError(f"`AND (` or `OR (` is expected before {text[position : position + 30]!r}")
        end = _end_of_term(text, opening.end())
        joiners.append(opening[1])
        terms.append(_term(text[opening.end() : end].replace('\\"', '"')))
        if len(terms) > MAX_TERMS:
            raise ConditionError(f"over {MAX_TERMS:,} terms")
        position = end + 1
    if not terms:
        raise ConditionError("it is empty")
    if len(set(joiners)) > 1:
        raise ConditionError("AND and OR stand side by side, which Thunderbird itself does not write")
    return ("all" if joiners[0] == "AND" else "any"), terms


def _check_head(head: list[Attribute]) -> None:
    if not head or head[0].name != "version":
        raise ExchangeError('this is no msgFilterRules.dat: it does not begin with version="9"')
    if head[0].value not in VERSIONS:
        cure = "open the filters in a current Thunderbird and close them, so that it writes them anew"
        raise ExchangeError(
            f"version {head[0].value!r}, and {' and '.join(VERSIONS)} are read; {cure}", line=head[0].line
        )
    for one in head:
        if one.name not in _HEAD:
            raise ExchangeError(f"{one.name!r} stands before the first filter's name", line=one.line)


def _value(text: str, start: int, *, line: int) -> tuple[str, int]:
    """The value, and where its line goes on. A quotation mark or the line's end closes it."""
    pieces: list[str] = []
    position = start
    while position < len(text):
        character = text[position]
        if character == "\\":
            following = text[position + 1 : position + 2]
            if following == '"':
                pieces.append('"')
                position += 2
            elif following == "\\":
                pieces.append("\\" + text[position + 2 : position + 3])  # whatever comes behind is taken as it is
                position += 3
            else:
                pieces.append("\\" + following)
                position += 2
            continue
        if character == '"':
            return "".join(pieces), position + 1
        if character in "\r\n":
            break
        pieces.append(character)
        position += 1
    raise ExchangeError("a value in quotation marks is not closed; is the file cut short?", line=line)


def _end_of_term(text: str, start: int) -> int:
    is_quoted = False
    position = start
    while position < len(text):
        character = text[position]
        if character == "\\" and text.startswith('"', position + 1):
            position += 1
        elif character == ")" and not is_quoted:
            return position
        elif character == '"':
            is_quoted = not is_quoted
        position += 1
    raise ConditionError("a bracket is not closed")


def _term(text: str) -> Term:
    """``subject,contains,x``; a header field stands in quotation marks."""
    text = text.lstrip()
    is_header = text.startswith('"')
    attribute, comma, rest = text[1:].partition('"') if is_header else text.partition(",")
    if is_header:
        _, comma, rest = rest.partition(",")
    operator, second, value = rest.partition(",")
    if not comma or not second:
        raise ConditionError(f"a term of three parts is expected, not {text[:40]!r}")
    value = value.lstrip()
    if value.startswith('"'):
        value = value[1:].removesuffix('"')
    return Term(
        attribute=attribute.strip() if is_header else attribute.strip().lower(),
        operator=operator.strip().lower(),
        value=value,
        is_header=is_header,
    )
