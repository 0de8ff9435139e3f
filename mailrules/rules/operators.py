"""How the operators under a field are written: text, numbers and times, read from a rule into values.

For the built-in conditions, and for plugins whose conditions take the same operators. Each reader
reports every mistake it finds and answers None after one.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, TypeVar

from mailrules.diagnostics import Diagnostic
from mailrules.rules.patterns import PatternError
from mailrules.rules.pitfalls import warn_of_pitfalls
from mailrules.rules.quantities import QuantityError, parse_duration, parse_moment
from mailrules.rules.reporter import did_you_mean
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.value_tests import NumberBounds
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import timedelta

    from mailrules.rules.registry import CompileContext
    from mailrules.rules.source import SourceValue

TEXT_OPERATORS = tuple(str(operator) for operator in TextOperator)
TEXT_KEYS = (*TEXT_OPERATORS, "in", "exists", "empty", "case")
NUMBER_KEYS = ("at_least", "at_most", "over", "under", "equals")
TIME_KEYS = ("older_than", "newer_than", "before", "after", "on")

_NUMBER = re.compile(r"[-+]?[0-9]{1,9}(?:\.[0-9]{1,6})?")

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextOptions:
    """The operators under one text field; all hold together."""

    matches: tuple[TextMatch, ...] = ()
    exists: bool | None = None
    empty: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeOptions:
    """The operators under ``received`` or ``sent``; all hold together."""

    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    before: date | datetime | None = None
    after: date | datetime | None = None
    on: date | None = None


def report_error(source: SourceValue, message: str, *, cure: str = "", context: CompileContext) -> None:
    """Report a mistake at a value."""
    context.report(Diagnostic(where=source.at, message=message, cure=cure))


def check_keys(source: SourceValue, known: Collection[str], *, word: str, context: CompileContext) -> bool:
    """Whether a mapping has only known keys, and at least one; reports otherwise."""
    unknown = [key for key in source.mapping if key not in known]
    for key in unknown:
        where, message = source.key_at(key), f'unknown operator "{key}" under {word}'
        context.report(Diagnostic(where=where, message=message, cure=did_you_mean(key, known)))
    if not source.mapping:
        report_error(source, f"{word} has no operator", cure=f"known here: {', '.join(known)}", context=context)
    return bool(source.mapping) and not unknown


def read_text_options(
    source: SourceValue,
    context: CompileContext,
    *,
    word: str,
    bare: TextOperator = TextOperator.CONTAINS,
    other_keys: Collection[str] = (),
) -> TextOptions | None:
    """The operators under a text field. ``bare`` is what a value or list without operator means.

    ``other_keys`` are keys that the caller reads itself.
    """
    if not source.is_mapping:
        match = read_match(source, context, operator=bare)
        return None if match is None else TextOptions(matches=(match,))
    is_good = check_keys(source, (*TEXT_KEYS, *other_keys), word=word, context=context)
    match_case = read_case(source, context)
    exists = read_flag(source, "exists", context)
    empty = read_flag(source, "empty", context)
    matches: list[TextMatch | None] = []
    for key, value in source.mapping.items():
        if key in TEXT_OPERATORS:
            matches.append(read_match(value, context, operator=TextOperator(key), match_case=match_case))
        elif key == "in":
            matches.append(_read_in(value, context, match_case=match_case))
    found = tuple(match for match in matches if match is not None)
    if not is_good or len(found) < len(matches):
        return None
    return TextOptions(matches=found, exists=exists, empty=empty)


def read_match(
    source: SourceValue, context: CompileContext, *, operator: TextOperator, match_case: bool = False
) -> TextMatch | None:
    """One operator with its value or list of values."""
    values = read_texts(source, context)
    if values is None:
        return None
    match = make_match(values, source, context, operator=operator, match_case=match_case)
    if match is not None:
        warn_of_pitfalls(source, match, context)
    return match


def make_match(
    values: Iterable[str], source: SourceValue, context: CompileContext, *, operator: TextOperator, match_case: bool
) -> TextMatch | None:
    """A match of these values, or None after reporting a pattern that does not compile."""
    try:
        return TextMatch(operator=operator, values=tuple(values), match_case=match_case)
    except PatternError as error:
        report_error(source, f"this {operator} does not compile: {error}", context=context)
        return None


def read_one_match(source: SourceValue, context: CompileContext, *, word: str, bare: TextOperator) -> TextMatch | None:
    """One text operator where several, ``exists`` or ``empty`` would say nothing."""
    options = read_text_options(source, context, word=word, bare=bare)
    if options is None:
        return None
    if len(options.matches) != 1 or options.exists is not None or options.empty is not None:
        report_error(source, f"{word} takes one operator", cure=f"write {word}: {{glob: 'a*'}}", context=context)
        return None
    return options.matches[0]


def read_words(
    source: SourceValue, context: CompileContext, *, known: Collection[str], noun: str
) -> tuple[str, ...] | None:
    """A word or a list of words, each out of ``known``; case does not matter."""
    if read_texts(source, context) is None:
        return None
    words = [item.text.lower() for item in source.items]
    unknown = [item for item in source.items if item.text.lower() not in known]
    for item in unknown:
        report_error(item, f'unknown {noun} "{item.text}"', cure=did_you_mean(item.text, known), context=context)
    return None if unknown else tuple(dict.fromkeys(words))


def read_texts(source: SourceValue, context: CompileContext) -> tuple[str, ...] | None:
    """A text or a list of texts, none of them empty; numbers count as they were written."""
    if not source.items:
        report_error(source, "this list is empty, so it can never hold", cure="add a value", context=context)
        return None
    is_good = True
    for item in source.items:
        if item.is_mapping or item.is_list or isinstance(item.value, bool) or item.value is None:
            cure = f"quote it: '{item.text}'" if isinstance(item.value, bool) else ""
            report_error(item, f"text is expected here, not {item.kind}", cure=cure, context=context)
            is_good = False
        elif not item.text.strip():
            cure = "use exists or empty to ask for the field itself"
            report_error(item, "an empty text is contained in everything", cure=cure, context=context)
            is_good = False
    return tuple(item.text for item in source.items) if is_good else None


def read_list(source: SourceValue, context: CompileContext) -> tuple[str, ...] | None:
    """``in``: a list's name, or the values themselves in brackets."""
    if source.is_list:
        return read_texts(source, context)
    if not isinstance(source.value, str):
        cure = "write in: my_list, or in: [a, b]"
        report_error(source, f"a list's name is expected here, not {source.kind}", cure=cure, context=context)
        return None
    values = context.lists.get(source.value)
    if values is None:
        cure = did_you_mean(source.value, context.lists) or f"add {source.value} under lists, or write in: [...]"
        report_error(source, f'there is no list "{source.value}"', cure=cure, context=context)
    return values


def read_case(source: SourceValue, context: CompileContext) -> bool:
    """``case: match`` or ``case: ignore``; whether case matters."""
    case = source.mapping.get("case")
    if case is not None and case.value not in ("match", "ignore"):
        report_error(case, f'case is "match" or "ignore", not {case.flow_text()}', context=context)
    return case is not None and case.value == "match"


def read_flag(source: SourceValue, key: str, context: CompileContext) -> bool | None:
    """A key that takes true or false; None where it is left out."""
    if key not in source.mapping:
        return None
    value = source.mapping[key]
    if isinstance(value.value, bool):
        return value.value
    report_error(value, f"{key} takes true or false, not {value.kind}", context=context)
    return None


def read_bounds(
    source: SourceValue,
    context: CompileContext,
    *,
    word: str,
    parse: Callable[[str], float],
    bare: str = "",
) -> NumberBounds | None:
    """``at_least at_most over under equals``. ``bare`` is the operator of a value without one, "" for none."""
    if not source.is_mapping:
        if not bare or source.is_list:
            cure = f"write {word}: {{over: {source.text or '1'}}}"
            report_error(source, f"{word} needs an operator", cure=cure, context=context)
            return None
        number = read_quantity(source, context, parse=parse)
        return None if number is None else NumberBounds(**{bare: number})
    is_good = check_keys(source, NUMBER_KEYS, word=word, context=context)
    entries = {key: value for key, value in source.mapping.items() if key in NUMBER_KEYS}
    numbers = {key: read_quantity(value, context, parse=parse) for key, value in entries.items()}
    found = {key: number for key, number in numbers.items() if number is not None}
    return NumberBounds(**found) if is_good and len(found) == len(numbers) else None


def read_times(source: SourceValue, context: CompileContext, *, word: str) -> TimeOptions | None:
    """``older_than newer_than before after on``; a bare date means ``on``."""
    if not source.is_mapping:
        day = read_quantity(source, context, parse=_parse_day)
        return None if day is None else TimeOptions(on=day)
    is_good = check_keys(source, TIME_KEYS, word=word, context=context)
    entries = source.mapping

    def read(key: str, parse: Callable[[str], Q]) -> Q | None:
        nonlocal is_good
        value = read_quantity(entries[key], context, parse=parse) if key in entries else None
        is_good = is_good and (value is not None or key not in entries)
        return value

    options = TimeOptions(
        older_than=read("older_than", parse_duration),
        newer_than=read("newer_than", parse_duration),
        before=read("before", parse_moment),
        after=read("after", parse_moment),
        on=read("on", _parse_day),
    )
    return options if is_good else None


def read_quantity(source: SourceValue, context: CompileContext, *, parse: Callable[[str], Q]) -> Q | None:
    """A scalar read by ``parse``, which raises QuantityError."""
    if source.is_mapping or source.is_list or isinstance(source.value, bool) or source.value is None:
        report_error(source, f"one value is expected here, not {source.kind}", context=context)
        return None
    try:
        return parse(source.text)
    except QuantityError as error:
        report_error(source, str(error), cure=error.cure, context=context)
        return None


def parse_count(text: str) -> int:
    """A whole number. Raises QuantityError."""
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise QuantityError(f'"{text}" is not a whole number', cure="write digits only: 2")
    return int(text)


def parse_number(text: str) -> float:
    """A number, with a sign and a fraction where needed. Raises QuantityError."""
    if not _NUMBER.fullmatch(text):
        raise QuantityError(f'"{text}" is not a number', cure="write digits, with a point for fractions: 5.5")
    return float(text)


def _parse_day(text: str) -> date:
    moment = parse_moment(text)
    if isinstance(moment, datetime):
        raise QuantityError(f'"{text}" is an instant, not a day', cure="write the date alone: 2026-01-31")
    return moment


def _read_in(source: SourceValue, context: CompileContext, *, match_case: bool) -> TextMatch | None:
    values = read_list(source, context)
    if values is None:
        return None
    return make_match(values, source, context, operator=TextOperator.EQUALS, match_case=match_case)
