"""How searches of Gmail are read, joined and divided, without changing what they ask."""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING

import pytest

from mailrules.exchange.gmail_query import (
    MAX_NESTING,
    MAX_QUERY_CHARACTERS,
    Query,
    QueryError,
    condition_of,
    none_of,
    parse_query,
    under,
)

if TYPE_CHECKING:
    from mailrules.exchange.imported import Plain

WORDS = ("ann", "bob", "offer", "news", "from:ann", "list:x.example", '"two words"', "has:attachment", "is:read")


def holds(query: Query, found: frozenset[str]) -> bool:
    """Whether a search finds a message that has these words, by the page on Gmail's search operators."""
    match query.kind:
        case "not":
            return not holds(query.parts[0], found)
        case "and":
            return all(holds(part, found) for part in query.parts)
        case "or":
            return any(holds(part, found) for part in query.parts)
        case "term" if query.parts:
            return holds(query.parts[0], found)
        case _:
            return query.text in found


def condition_holds(condition: Plain, found: frozenset[str]) -> bool:
    """The same of one of our conditions, its ``gmail`` parts read again."""
    if condition == "always":
        return True
    assert isinstance(condition, dict)
    ((word, value),) = condition.items()
    match word, value:
        case "all", list():
            return all(condition_holds(one, found) for one in value)
        case "any", list():
            return any(condition_holds(one, found) for one in value)
        case "not", _:
            return not condition_holds(value, found)
        case "flag", "seen":
            return "is:read" in found
        case "gmail", str():
            assert len(value) <= MAX_QUERY_CHARACTERS
            return holds(parse_query(value), found)
    raise AssertionError(condition)


def search(random: Random, *, depth: int) -> tuple[str, str | tuple[object, ...]]:
    """A search, and what it means as nested tuples."""
    kind = random.choice(("term", "term", "and", "or", "braces", "not")) if depth else "term"
    if kind == "term":
        word = random.choice(WORDS)
        return word, word
    if kind == "not":
        text, meaning = search(random, depth=depth - 1)
        return (f"-{text}" if meaning == text else f"-({text})"), ("not", meaning)
    parts = [search(random, depth=depth - 1) for _ in range(random.randint(2, 3))]
    texts = [text if meaning == text or meaning[0] == "not" else f"({text})" for text, meaning in parts]
    meanings = tuple(meaning for _, meaning in parts)
    if kind == "braces":
        return "{" + " ".join(texts) + "}", ("or", *meanings)
    return (" " if kind == "and" else " OR ").join(texts), (kind, *meanings)


def meant(meaning: object, found: frozenset[str]) -> bool:
    if isinstance(meaning, str):
        return meaning in found
    assert isinstance(meaning, tuple)
    kind, *parts = meaning
    match kind:
        case "not":
            return not meant(parts[0], found)
        case "and":
            return all(meant(part, found) for part in parts)
        case _:
            return any(meant(part, found) for part in parts)


@pytest.mark.parametrize("seed", range(5))
def test_generated_searches_and_their_conditions_ask_what_was_meant(seed: int) -> None:
    random = Random(seed)
    for _ in range(100):
        parts = [search(random, depth=3) for _ in range(random.randint(1, 3))]
        negative = search(random, depth=2)
        queries = [*(parse_query(text) for text, _ in parts), none_of(parse_query(negative[0]))]
        condition = condition_of(queries)
        for _ in range(8):
            found = frozenset(random.sample(WORDS, random.randint(0, len(WORDS))))

            unwanted = parse_query(negative[0])
            wanted_none = unwanted.parts if unwanted.kind == "and" and not unwanted.is_group else (unwanted,)
            expected = all(meant(meaning, found) for _, meaning in parts)
            expected = expected and not any(holds(part, found) for part in wanted_none)

            assert condition_holds(condition, found) == expected, (parts, negative, condition)


@pytest.mark.parametrize("joiner", [" OR ", " "])
def test_a_search_that_is_too_long_is_divided_where_that_changes_nothing(joiner: str) -> None:
    words = [f"w{number}@example.org" for number in range(100)]
    query = under("from", parse_query(joiner.join(words)))

    condition = condition_of([query])

    assert isinstance(condition, dict)
    assert condition.keys() == {"any" if joiner == " OR " else "all"}
    assert set(re.findall(r"w\d+@example.org", str(condition))) == set(words)


def test_a_word_that_is_too_long_is_refused() -> None:
    with pytest.raises(QueryError, match="cannot be divided"):
        condition_of([parse_query("x" * (MAX_QUERY_CHARACTERS + 1))])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("is:unread", {"not": {"flag": "seen"}}),
        ("{is:read is:starred}", {"any": [{"flag": "seen"}, {"flag": "flagged"}]}),
        ("rfc822msgid:<a@b>", {"message_id": {"equals": "<a@b>"}}),
        ("-is:starred larger:5M", {"all": [{"gmail": "larger:5M"}, {"not": {"flag": "flagged"}}]}),
        ("{is:read x}", {"gmail": "{is:read x}"}),
        ("a   OR\tb", {"gmail": "a OR b"}),
        ("from:(a@b.example -c) -{d e}", {"gmail": "from:(a@b.example -c) -{d e}"}),
        ('subject:"x y" - z', {"gmail": 'subject:"x y" - z'}),
    ],
)
def test_what_is_ours_is_asked_by_us_and_the_rest_of_gmail_as_written(text: str, wanted: Plain) -> None:
    assert condition_of([parse_query(text)]) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ('a "b', "quotation mark"),
        ("(a", "not closed"),
        ("a)", "closes nothing"),
        ("{a)", "not closed"),
        ("()", "nothing in them"),
        ("--a", "one minus"),
        ("a\x00b", "control"),
        ("(" * 40 + "a" + ")" * 40, f"over {MAX_NESTING} deep"),
        ("-(" * 40 + "a" + ")" * 40, f"over {MAX_NESTING} deep"),
        ("from:(" * 40 + "a" + ")" * 40, f"over {MAX_NESTING} deep"),
        ("a " * 50_000, "over 50,000"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, why: str) -> None:
    with pytest.raises(QueryError, match=why):
        parse_query(text)
