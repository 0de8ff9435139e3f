"""How does a search that is written in IMAP's words become typed keys, and the reverse (RFC 9051 section 6.4.4)?

What is written never reaches the wire itself: each word is read, and the keys are written anew by the writer.
"""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Final

from mailrules.errors import RemoteProtocolError
from mailrules.imap.search_keys import (
    All,
    AllOf,
    AnyOf,
    Arrival,
    Arrived,
    Contains,
    Dated,
    DateField,
    EmailId,
    Fuzzy,
    HasFlag,
    HeaderContains,
    Larger,
    Not,
    OlderThan,
    SearchKey,
    Smaller,
    TextField,
    ThreadId,
    Uids,
    YoungerThan,
)
from mailrules.imap.sequence_set import parse_sequence_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_TEXT_CHARACTERS: Final = 4_000
MAX_LEVELS: Final = 20

_TOKEN = re.compile(r'\s*(?:(?P<sign>[()])|"(?P<quoted>(?:[^"\\]|\\["\\])*)"|(?P<word>[^\s()"]+))')
_DATE = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FLAGS = ("ANSWERED", "DELETED", "DRAFT", "FLAGGED", "SEEN")
_KEYWORD = re.compile(r"[!#$&'+,\-./0-9:;<=>?@A-Z\[^_`a-z|}~]{1,100}")
_FIELD_NAME = re.compile(r"[!-9;-~]{1,76}")
_OBJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
_NUMBER = re.compile(r"[0-9]{1,18}")


class SearchTextError(ValueError):
    """The text is no search; the message says why."""


def parse_search_text(text: str) -> SearchKey:
    """Read a search such as ``OR FROM "ann" (UNSEEN LARGER 1000)``. Raises SearchTextError.

    Sequence numbers are no key, since they change; nor is what needs an earlier command (``$``).
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise SearchTextError(f"a search of {len(text):,} characters, over {MAX_TEXT_CHARACTERS:,}")
    if any(character in text for character in "\r\n\0"):
        raise SearchTextError("a search is one line")
    return _Reader(_tokens(text)).whole()


def search_text(key: SearchKey) -> str:
    """The key as ``parse_search_text`` reads it. Raises SearchTextError for one that text cannot say."""
    match key:
        case AllOf(keys) if keys:
            return " ".join(map(_operand, keys))
        case AnyOf(keys) if keys:
            middle = len(keys) // 2
            halves = (AnyOf(keys[:middle]), AnyOf(keys[middle:]))
            return _operand(keys[0]) if not middle else f"OR {search_text(halves[0])} {search_text(halves[1])}"
        case Not(inner):
            return f"NOT {_operand(inner)}"
        case Fuzzy(inner):
            return f"FUZZY {_operand(inner)}"
        case All():
            return "ALL"
        case HasFlag(flag):
            return flag[1:].upper() if flag.startswith("\\") else f"KEYWORD {flag}"
        case Dated(field, day):
            return f"{field.value} {day.day}-{_MONTHS[day.month - 1].capitalize()}-{day.year:04d}"
        case Contains(field, text):
            return f"{field.value} {_quoted(text)}"
        case HeaderContains(name, text):
            return f"HEADER {name} {_quoted(text)}"
        case Uids(uids) if uids:
            return f"UID {uids.to_bytes().decode()}"
        case Arrived(arrival):
            return arrival.value
        case Larger(number) | Smaller(number) | OlderThan(number) | YoungerThan(number):
            return f"{_WITH_VALUE[type(key)]} {number}"
        case EmailId(name) | ThreadId(name):
            return f"{_WITH_VALUE[type(key)]} {name}"
    raise SearchTextError(f"a search for {type(key).__name__} has no text")


class _Token:
    """A word, a quoted string or a parenthesis."""

    def __init__(self, text: str, *, is_quoted: bool) -> None:
        self.text, self.is_quoted = text, is_quoted

    def is_sign(self, sign: str) -> bool:
        return not self.is_quoted and self.text == sign


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        found = _TOKEN.match(stripped, position)
        if found is None:
            raise SearchTextError(f"a quotation mark at character {position + 1} has no other")
        quoted = found["quoted"]
        if quoted is not None:
            tokens.append(_Token(re.sub(r"\\(.)", r"\1", quoted), is_quoted=True))
        else:
            tokens.append(_Token(found["sign"] or found["word"], is_quoted=False))
        position = found.end()
    return tokens


class _Reader:
    """Reads keys off the tokens; its depth is bounded by ``MAX_LEVELS``."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens, self._position = tokens, 0

    def whole(self) -> SearchKey:
        keys = []
        while self._position < len(self._tokens):
            keys.append(self._key(level=0))
        return _all_of(keys)

    def _key(self, *, level: int) -> SearchKey:
        if level > MAX_LEVELS:
            raise SearchTextError(f"this search is nested deeper than {MAX_LEVELS} levels")
        token = self._next("a search key")
        if token.is_quoted:
            raise SearchTextError(f'a search key is expected, not the text "{token.text}"')
        if token.text == "(":
            return self._group(level=level)
        word = token.text.upper()
        match word:
            case "NOT":
                return Not(self._key(level=level + 1))
            case "OR":
                return AnyOf((self._key(level=level + 1), self._key(level=level + 1)))
            case "FUZZY":
                return Fuzzy(self._key(level=level + 1))
        if word in _PLAIN:
            return _PLAIN[word]
        if word in _WITH_TEXT:
            return _WITH_TEXT[word](self._next(f"what {word} looks for").text)
        if word == "HEADER":
            name = self._next("the name of a header field").text
            if not _FIELD_NAME.fullmatch(name):
                raise SearchTextError(f'"{name}" is no name of a header field')
            return HeaderContains(name, self._next("what HEADER looks for").text)
        if re.fullmatch(r"[0-9*:,]+", word):
            raise SearchTextError(f'the message numbers "{token.text}" change; write UID {token.text}')
        raise SearchTextError(f'unknown search key "{token.text}"')

    def _group(self, *, level: int) -> SearchKey:
        keys = []
        while not (self._position < len(self._tokens) and self._tokens[self._position].is_sign(")")):
            keys.append(self._key(level=level + 1))
        self._position += 1
        return _all_of(keys)

    def _next(self, wanted: str) -> _Token:
        if self._position >= len(self._tokens):
            raise SearchTextError(f"the search ends where {wanted} is expected")
        token = self._tokens[self._position]
        if token.is_sign(")"):
            raise SearchTextError(f'{wanted} is expected, not ")"')
        self._position += 1
        return token


def _operand(key: SearchKey) -> str:
    """A key that is one argument of another: several in a row need parentheses."""
    return f"({search_text(key)})" if isinstance(key, AllOf) and len(key.keys) > 1 else search_text(key)


def _quoted(text: str) -> str:
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'


def _all_of(keys: list[SearchKey]) -> SearchKey:
    if not keys:
        raise SearchTextError("this search asks for nothing")
    return keys[0] if len(keys) == 1 else AllOf(tuple(keys))


def _matched(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise SearchTextError(f'"{text}" is no {what}')
    return text


def _number(text: str) -> int:
    return int(_matched(_NUMBER, text, "number"))


def _day(text: str) -> date:
    found = _DATE.fullmatch(text)
    try:
        if found and found[2].lower() in _MONTHS:
            return date(int(found[3]), _MONTHS.index(found[2].lower()) + 1, int(found[1]))
    except ValueError:
        pass
    raise SearchTextError(f'"{text}" is no date; write 1-Feb-2026')


def _uids(text: str) -> SearchKey:
    try:
        return Uids(parse_sequence_set(text.encode("ascii", "replace")))
    except RemoteProtocolError:
        raise SearchTextError(f'"{text}" is no set of UIDs; write 1:4,7') from None


def _dated(field: DateField) -> Callable[[str], SearchKey]:
    return lambda text: Dated(field, _day(text))


def _contains(field: TextField) -> Callable[[str], SearchKey]:
    return lambda text: Contains(field, text)


_PLAIN: Mapping[str, SearchKey] = {
    "ALL": All(),
    **{word: HasFlag(f"\\{word.capitalize()}") for word in _FLAGS},
    **{f"UN{word}": Not(HasFlag(f"\\{word.capitalize()}")) for word in _FLAGS},
    **{arrival.value: Arrived(arrival) for arrival in Arrival},
}
_WITH_TEXT: Mapping[str, Callable[[str], SearchKey]] = {
    **{field.value: _contains(field) for field in TextField},
    **{field.value: _dated(field) for field in DateField},
    "KEYWORD": lambda text: HasFlag(_matched(_KEYWORD, text, "keyword")),
    "UNKEYWORD": lambda text: Not(HasFlag(_matched(_KEYWORD, text, "keyword"))),
    "LARGER": lambda text: Larger(_number(text)),
    "SMALLER": lambda text: Smaller(_number(text)),
    "OLDER": lambda text: OlderThan(_number(text)),
    "YOUNGER": lambda text: YoungerThan(_number(text)),
    "EMAILID": lambda text: EmailId(_matched(_OBJECT_ID, text, "object's name")),
    "THREADID": lambda text: ThreadId(_matched(_OBJECT_ID, text, "object's name")),
    "UID": _uids,
}
_WITH_VALUE: Mapping[type, str] = {
    Larger: "LARGER",
    Smaller: "SMALLER",
    OlderThan: "OLDER",
    YoungerThan: "YOUNGER",
    EmailId: "EMAILID",
    ThreadId: "THREADID",
}
