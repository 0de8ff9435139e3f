"""What does a search of Gmail ask, and how do our rules ask it?

Gmail finds words by an index of its own (``from:ann`` finds ann@a.example, ``subject:offer`` a word, not a part of
one), so only Gmail says what a search finds: it becomes a ``gmail`` condition with the text as it was written. What
is about flags and Message-IDs alone is asked by conditions of ours, which mean the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from mailrules.exchange.imported import Plain, condition_of_all, condition_of_any, negated
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_NESTING: Final = 30
MAX_QUERY_CHARACTERS: Final = 1_000
"""As many as a ``gmail`` condition takes."""

MAX_SEARCH_CHARACTERS: Final = 50_000
"""Over what a filter holds; a longer one than a condition takes is divided."""

_TOKEN: Final = re.compile(r'(?P<space>\s+)|(?P<phrase>"[^"]*")|(?P<mark>[(){}])|(?P<word>[^\s(){}"]+)|(?P<broken>")')
_CLOSING: Final = {"(": ")", "{": "}"}
_FLAGS: Final[dict[str, Plain]] = {
    "read": {"flag": "seen"}, "unread": {"not": {"flag": "seen"}},
    "starred": {"flag": "flagged"},
}  # fmt: skip


class QueryError(ValueError):
    """The search cannot be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A piece of a search. ``kind`` is term, not, and, or.

    ``text`` is the piece as it was written, brackets included. A term has a ``word`` (the operator before the
    colon, lower case, "" for none) and a ``value``, or ``parts`` with the one group behind the colon.
    """

    kind: str
    text: str
    word: str = ""
    value: str = ""
    parts: tuple[Query, ...] = ()
    is_group: bool = False
    """Whether one pair of brackets is around all of it."""

    @property
    def as_part(self) -> str:
        """The text so that it can stand beside others: ``a OR b`` in brackets."""
        is_closed = self.kind in {"term", "not"} or self.is_group
        return self.text if is_closed else f"({self.text})"


def parse_query(text: str) -> Query:
    """Read a search as one types it into Gmail. Raises QueryError."""
    clean = " ".join(text.split())
    if not clean:
        raise QueryError("this search is empty")
    if not clean.isprintable():
        raise QueryError("this search has control characters")
    if len(clean) > MAX_SEARCH_CHARACTERS:
        raise QueryError(f"a search of {len(clean):,} characters, over {MAX_SEARCH_CHARACTERS:,}")
    return _Reader(clean).whole()


def under(word: str, query: Query) -> Query:
    """The search ``word:(...)``."""
    is_plain = query.kind == "term" and not query.word
    group = query.text if is_plain or query.is_group else f"({query.text})"
    value = query.value if is_plain else ""
    return Query(kind="term", text=f"{word}:{group}", word=word, value=value, parts=() if is_plain else (query,))


def none_of(query: Query) -> Query:
    """The search for what has none of these: ``-{a b}``, as Gmail writes "Doesn't have"."""
    parts = query.parts if query.kind == "and" and not query.is_group else (query,)
    any_part = parts[0] if len(parts) == 1 else _braces(parts)
    inner = f"({any_part.text})" if any_part.kind == "not" else any_part.as_part
    return Query(kind="not", text=f"-{inner}", parts=(any_part,))


def condition_of(queries: Sequence[Query]) -> Plain:
    """The condition that holds where Gmail finds the message by all of these. Raises QueryError for one too long."""
    conditions: list[Plain] = []
    for_gmail: list[Query] = []
    for query in _conjuncts(queries):
        own = _own(query)
        if own is None:
            for_gmail.append(query)
        else:
            conditions.append(own)
    if for_gmail:
        conditions.insert(0, _asked(for_gmail))
    return condition_of_all(conditions)


def _conjuncts(queries: Sequence[Query]) -> list[Query]:
    """All that has to hold: the parts of each ``a b``."""
    return [part for query in queries for part in (_conjuncts(query.parts) if query.kind == "and" else [query])]


def _own(query: Query) -> Plain | None:
    """The same in conditions of ours, None where only Gmail can tell."""
    match query.kind:
        case "term" if query.word == "is" and query.value.lower() in _FLAGS:
            return _FLAGS[query.value.lower()]
        case "term" if query.word == "rfc822msgid" and query.value:
            return {"message_id": {"equals": f"<{query.value.strip('<>')}>"}}
        case "term":
            return None
    parts = [_own(part) for part in query.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    match query.kind:
        case "not":
            return negated(known[0])
        case "and":
            return condition_of_all(known)
        case _:
            return condition_of_any(known)


def _asked(queries: Sequence[Query]) -> Plain:
    """One ``gmail`` condition, or several where the search is longer than it may be."""
    text = " ".join(query.as_part for query in queries) if len(queries) > 1 else queries[0].text
    if len(text) <= MAX_QUERY_CHARACTERS:
        return {"gmail": text}
    if len(queries) > 1:
        return condition_of_all([_asked([query]) for query in queries])
    query = queries[0]
    match query.kind:
        case "and":
            return condition_of_all([_asked([part]) for part in query.parts])
        case "or":
            return condition_of_any([_asked([chunk]) for chunk in _chunks(query.parts)])
        case "not":
            return negated(_asked([query.parts[0]]))
        case "term" if query.parts and query.parts[0].kind in {"and", "or"}:
            inner = query.parts[0]
            spread = tuple(under(query.word, part) for part in inner.parts)
            joined = (" OR " if inner.kind == "or" else " ").join(part.text for part in spread)
            return _asked([Query(kind=inner.kind, text=joined, parts=spread)])
    raise QueryError(f"a search of {len(text):,} characters cannot be divided into ones of {MAX_QUERY_CHARACTERS:,}")


def _chunks(parts: Sequence[Query]) -> list[Query]:
    """Neighbours together as far as they fit: ``{a b c}``."""
    chunks: list[list[Query]] = [[]]
    length = 2
    for part in parts:
        length += len(part.as_part) + 1
        if chunks[-1] and length > MAX_QUERY_CHARACTERS:
            chunks.append([])
            length = len(part.as_part) + 3
        chunks[-1].append(part)
    return [chunk[0] if len(chunk) == 1 else _braces(chunk) for chunk in chunks]


def _braces(parts: Sequence[Query]) -> Query:
    text = "{" + " ".join(part.as_part for part in parts) + "}"
    return Query(kind="or", text=text, parts=tuple(parts), is_group=True)


class _Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int


class _Reader:
    """Reads tokens; what stands side by side has to hold together, ``OR`` binds its neighbours."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [
            _Token(match.lastgroup or "", match[0], match.start(), match.end())
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "space"
        ]
        if any(token.kind == "broken" for token in self._tokens):
            raise QueryError('a quotation mark is open: " is there an odd number of times')
        self._index = 0

    def whole(self) -> Query:
        query = self._sequence("", depth=0)
        if self._index < len(self._tokens):
            raise QueryError(f"{self._tokens[self._index].text!r} closes nothing")
        return query

    def _sequence(self, closing: str, *, depth: int) -> Query:
        """Pieces up to a closing bracket or the end; in braces any of them has to hold."""
        if depth > MAX_NESTING:
            raise QueryError(f"brackets within each other over {MAX_NESTING} deep")
        groups: list[list[Query]] = []
        is_or = False
        while self._index < len(self._tokens) and self._tokens[self._index].text not in {")", "}"}:
            token = self._tokens[self._index]
            if token.kind == "word" and token.text in {"OR", "|", "AND"}:
                self._index += 1
                is_or = token.text != "AND" and bool(groups)
                continue
            item = self._item(depth=depth)
            if is_or:
                groups[-1].append(item)
            else:
                groups.append([item])
            is_or = False
        if not groups:
            raise QueryError("brackets with nothing in them" if closing else "this search is empty")
        items = [_joined("or", group, " OR ") for group in groups]
        return _joined("or" if closing == "}" else "and", items, " ")

    def _item(self, *, depth: int) -> Query:
        token = self._next()
        if token.kind == "mark":
            return self._group(token, depth=depth)
        if token.kind == "phrase":
            return Query(kind="term", text=token.text, value=token.text.strip('"'))
        if token.text.startswith("-"):
            return self._negation(token, depth=depth)
        word, colon, value = token.text.partition(":")
        if colon and not value and self._is_adjacent(token):
            behind = self._item(depth=depth + 1)
            text = self._text[token.start : token.start + len(token.text)] + behind.text
            parts = (behind,) if behind.kind != "term" or behind.word else ()
            return Query(kind="term", text=text, word=word.lower(), value=behind.value, parts=parts)
        if colon and word.isidentifier():
            return Query(kind="term", text=token.text, word=word.lower(), value=value)
        return Query(kind="term", text=token.text, value=token.text)

    def _negation(self, token: _Token, *, depth: int) -> Query:
        if depth > MAX_NESTING:
            raise QueryError(f"brackets within each other over {MAX_NESTING} deep")
        rest = token.text.lstrip("-")
        if (len(token.text) - len(rest)) > 1:
            raise QueryError(f"{token.text!r}: one minus sign is enough")
        if not rest and not self._is_adjacent(token):
            return Query(kind="term", text=token.text, value=token.text)  # a dash between words
        if rest:
            self._index -= 1
            self._tokens[self._index] = _Token("word", rest, token.start + 1, token.end)
        part = self._item(depth=depth + 1)
        return Query(kind="not", text=f"-{part.text}", parts=(part,))

    def _group(self, opening: _Token, *, depth: int) -> Query:
        closing = _CLOSING.get(opening.text, "")
        if not closing:
            raise QueryError(f"{opening.text!r} closes nothing")
        inner = self._sequence(closing, depth=depth + 1)
        if self._index >= len(self._tokens) or self._tokens[self._index].text != closing:
            raise QueryError(f"{opening.text!r} is not closed")
        end = self._next()
        text = self._text[opening.start : end.end]
        if inner.kind in {"and", "or"} and not inner.is_group:
            return Query(kind=inner.kind, text=text, parts=inner.parts, is_group=True)
        return Query(kind="and", text=text, parts=(inner,), is_group=True)

    def _is_adjacent(self, token: _Token) -> bool:
        """Whether the next token follows without a space."""
        return self._index < len(self._tokens) and self._tokens[self._index].start == token.end and (
            self._tokens[self._index].text not in {")", "}"}
        )  # fmt: skip

    def _next(self) -> _Token:
        self._index += 1
        return self._tokens[self._index - 1]


def _joined(kind: str, parts: Sequence[Query], separator: str) -> Query:
    if len(parts) == 1:
        return parts[0]
    return Query(kind=kind, text=separator.join(part.as_part for part in parts), parts=tuple(parts))
