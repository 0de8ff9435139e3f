"""How does a term of a Thunderbird filter become a condition?

What Thunderbird compares with what is in nsMsgSearchTerm and nsMsgLocalSearch of comm-central.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from mailrules.exchange.imported import Plain, condition_of_all, condition_of_any, negated
from mailrules.rules.flags import is_keyword

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.exchange.thunderbird_file import Term

FORWARDED: Final = "$Forwarded"
_OPERATORS: Final = {
    "contains": "contains", "doesn't contain": "contains", "is": "equals", "isn't": "equals",
    "begins with": "starts_with", "ends with": "ends_with",
}  # fmt: skip
_NEGATIVE: Final = frozenset({"doesn't contain", "isn't", "isn't in ab", "doesn't match"})
_ADDRESSES: Final = {
    "from": ("From",), "to": ("To",), "cc": ("Cc",), "to or cc": ("To", "Cc"),
    "all addresses": ("From", "To", "Cc", "Bcc"),
}  # fmt: skip
_STATUS: Final[dict[str, Plain]] = {
    "read": {"flag": "seen"},
    "replied": {"flag": "answered"},
    "flagged": {"flag": "flagged"},
    "forwarded": {"keyword": FORWARDED},
    "replied and forwarded": {"any": [{"flag": "answered"}, {"keyword": FORWARDED}]},
}
_PRIORITIES: Final = ("highest", "high", "normal", "low", "lowest")
_JUNK: Final[Plain] = {"keyword": ["$Junk", "Junk"]}
_IS_JUNK: Final = "2"
_NO_DATE: Final = "a message whose date cannot be read is left alone, and Thunderbird takes another date"
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,76}")


class Translated(NamedTuple):
    """A condition; ``how`` tells how it differs, "" where it is exact."""

    condition: Plain
    how: str = ""


class TermRefused(Exception):
    """The term cannot be said; the message says why."""


def condition_of_term(term: Term) -> Translated:
    """The condition for one term. Raises TermRefused."""
    if term.is_header:
        return _header(term)
    if term.attribute in _ADDRESSES:
        return _addresses(term)
    translate = _TRANSLATIONS.get(term.attribute)
    if translate is None:
        raise TermRefused(f"{term.attribute!r} is of an add-on, or of another version, and not known")
    return translate(term)


def _subject(term: Term) -> Translated:
    value, operator = _text(term), _operator(term)
    found = Translated(_signed(term, {"subject": {operator: value}}))
    starts = operator in {"equals", "starts_with"} or value.lower().startswith("re")
    return found._replace(how="Thunderbird leaves a `Re:` out of the subject first") if starts else found


def _header(term: Term) -> Translated:
    if not _FIELD_NAME.fullmatch(term.attribute):
        raise TermRefused(f"{term.attribute!r} is no name of a header field")
    if term.operator in {"is empty", "isn't empty"}:
        how = "" if term.operator == "is empty" else "Thunderbird takes an absent field for one that is not empty"
        return Translated({"header": {"name": term.attribute, "empty": term.operator == "is empty"}}, how)
    return Translated(_signed(term, {"header": {"name": term.attribute, _operator(term): _text(term)}}))


def _addresses(term: Term) -> Translated:
    """``contains`` looks at the whole field, every other operator at each name and each address."""
    names = _ADDRESSES[term.attribute]
    words = [name.lower() for name in names]
    if term.operator in {"is in ab", "isn't in ab"}:
        raise TermRefused("address books are not read; put the people into a list, and ask with `in`")
    if term.operator in {"is empty", "isn't empty"}:
        how = "of several recipients Thunderbird looks for an empty name or address"
        parts: list[Plain] = [{word: {"empty": term.operator == "is empty"}} for word in words]
        return Translated((condition_of_all if term.operator == "is empty" else condition_of_any)(parts), how)
    value, operator = _text(term), _operator(term)
    if term.operator == "contains":
        fields: list[Plain] = [{"header": {"name": name, operator: value}} for name in names]
        return Translated(condition_of_any(fields))
    return Translated(_signed(term, condition_of_any([{word: {operator: value}} for word in words])))


def _body(term: Term) -> Translated:
    how = "`body` is the text that a reader sees, and Thunderbird looks at its lines one by one"
    return Translated(_signed(term, {"body": {_operator(term): _text(term)}}), how)


def _date(term: Term) -> Translated:
    day = _day(term.value)
    how = "a day is one in the sender's zone, and in Thunderbird one in yours"
    match term.operator:
        case "is before":
            return Translated({"sent": {"before": day}}, how)
        case "is after":
            return Translated({"sent": {"after": day}}, how)
        case "is" | "isn't":
            return Translated(_signed(term, {"sent": {"on": day}}), how)
    raise _no_operator(term)


def _age(term: Term) -> Translated:
    days = _number(term)
    match term.operator:
        case "is greater than":
            return Translated({"sent": {"older_than": f"{days}d"}}, _NO_DATE)
        case "is less than":
            return Translated({"sent": {"newer_than": f"{days}d"}}, _NO_DATE)
    raise TermRefused("an age is not compared with one day; use `is greater than` or `is less than`")


def _size(term: Term) -> Translated:
    """In KB, rounded down; what is smaller counts as one."""
    number = _number(term)
    match term.operator:
        case "is greater than":
            return Translated("always" if number == 0 else {"size": {"at_least": (number + 1) * 1024}})
        case "is less than":
            return Translated({"not": "always"} if number < 2 else {"size": {"under": number * 1024}})
        case "is" if number == 0:
            return Translated({"not": "always"})
        case "is":
            bounds: dict[str, Plain] = {"under": (number + 1) * 1024}
            return Translated({"size": bounds if number == 1 else {"at_least": number * 1024, **bounds}})
    raise _no_operator(term)


def _priority(term: Term) -> Translated:
    name = term.value.lower()
    if name not in _PRIORITIES:
        raise TermRefused(f"{term.value!r} is no priority that a message names")
    position = _PRIORITIES.index(name)
    wanted = {
        "is": [position],
        "isn't": [position],
        "is higher than": list(range(position)),
        "is lower than": list(range(position + 1, len(_PRIORITIES))),
    }.get(term.operator)
    if wanted is None:
        raise _no_operator(term)
    how = "only X-Priority is read, and without it a message has the priority normal"
    normal = _PRIORITIES.index("normal")
    condition: Plain = {"not": "always"}
    if normal in wanted:
        others = [str(number + 1) for number in range(len(_PRIORITIES)) if number not in wanted]
        condition = negated({"header": {"name": "X-Priority", "starts_with": list(others)}})
    elif wanted:
        digits: list[Plain] = [str(number + 1) for number in wanted]
        condition = {"header": {"name": "X-Priority", "starts_with": digits}}
    return Translated(_signed(term, condition), how)


def _status(term: Term) -> Translated:
    condition = _STATUS.get(term.value.lower())
    if condition is None:
        raise TermRefused(f"the status {term.value!r} is known to Thunderbird alone")
    if term.operator not in {"is", "isn't"}:
        raise _no_operator(term)
    return Translated(_signed(term, condition))


def _tag(term: Term) -> Translated:
    if term.operator in {"is empty", "isn't empty"}:
        raise TermRefused("which keywords are tags is known to Thunderbird alone; name them")
    if not is_keyword(term.value):
        raise TermRefused(f"{term.value!r} is no keyword that a server could store")
    how = "" if "contain" in term.operator else "Thunderbird looks at all tags of a message together"
    if _operator(term) not in {"contains", "equals"}:
        raise _no_operator(term)
    return Translated(_signed(term, {"keyword": term.value}), how)


def _junk(term: Term) -> Translated:
    if term.operator not in {"is", "isn't"}:
        raise TermRefused("whether Thunderbird has looked for junk is known to it alone")
    how = "Thunderbird's own filter does not run here; what carries a keyword for junk counts"
    is_junk = (term.value.strip() == _IS_JUNK) == (term.operator == "is")
    return Translated(_JUNK if is_junk else negated(_JUNK), how)


def _junk_score(term: Term) -> Translated:
    del term
    raise TermRefused("Thunderbird's own scores are not known; `spam_score` reads the server's")


def _attachment(term: Term) -> Translated:
    if term.operator not in {"is", "isn't"}:
        raise _no_operator(term)
    return Translated({"attachment": term.operator == "is"}, "Thunderbird goes by the Content-Type of the message")


_TRANSLATIONS: Final[dict[str, Callable[[Term], Translated]]] = {
    "subject": _subject,
    "body": _body,
    "date": _date,
    "age in days": _age,
    "size": _size,
    "priority": _priority,
    "status": _status,
    "tag": _tag,
    "junk status": _junk,
    "junk percent": _junk_score,
    "junk score origin": _junk_score,
    "has attachment status": _attachment,
}


def _signed(term: Term, condition: Plain) -> Plain:
    return negated(condition) if term.operator in _NEGATIVE else condition


def _operator(term: Term) -> str:
    operator = _OPERATORS.get(term.operator)
    if operator is None:
        raise _no_operator(term)
    return operator


def _no_operator(term: Term) -> TermRefused:
    return TermRefused(f"`{term.operator}` is no operator for it that is known")


def _text(term: Term) -> str:
    if not term.value.strip():
        raise TermRefused("an empty text is contained in everything")
    return term.value


def _number(term: Term) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", term.value.strip()):
        raise TermRefused(f"a number is expected, not {term.value!r}")
    return int(term.value)


def _day(text: str) -> str:
    """``1-Feb-2026``, whatever language this program speaks."""
    found = re.fullmatch(r"\s*([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})\s*", text)
    try:
        if found is None:
            raise ValueError(text)
        month = _MONTHS.index(found[2].lower()) + 1
        return f"{datetime(int(found[3]), month, int(found[1])):%Y-%m-%d}"  # noqa: DTZ001 -- a day of a calendar
    except ValueError as error:
        raise TermRefused(f"a day such as 1-Feb-2026 is expected, not {text!r}") from error
