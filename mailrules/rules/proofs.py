"""Which claims no message can fulfil together, and so which conditions can never hold, or always do.

What is proved is certain; where nothing is proved there may still be no such message. Two claims are only looked at
together where they are about the same thing, so thousands of them take no longer than looking at each.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.mailbox.flags import fold_flag
from mailrules.rules.address_tests import AddressTest
from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.conditions import Cause
from mailrules.rules.formula import Claim, Every, Some, conjuncts
from mailrules.rules.impossible import is_impossible, says_something
from mailrules.rules.related_tests import DuplicateTest, FirstSeenTest
from mailrules.rules.spans import Span, spans_of
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.surrounding_tests import WEEKDAYS, AccountTest, EventTest, NowTest
from mailrules.rules.text_match import TextOperator
from mailrules.rules.text_tests import BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, LabelTest, MailboxTest, SizeTest

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from mailrules.rules.conditions import LeafTest
    from mailrules.rules.formula import Formula

MAX_CLAIMS = 20_000
"""So many claims are looked at for one condition; beyond that nothing is proved any more."""

_YES, _NO = Span(low=1, high=1), Span(low=0, high=0)


def contradiction(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Claims out of these that no message fulfils, mostly two; () where none are found."""
    found = _Gathered()
    for claim in claims:
        if claim.holds and is_impossible(claim.test):
            return (claim,)
        clash = found.add(claim)
        if clash:
            return (*clash, claim)
    return ()


def never(formula: Formula, *, given: tuple[Claim, ...] = ()) -> tuple[Claim, ...] | None:
    """Claims that show why no message fulfils the formula, where ``given`` holds too; None where some may."""
    return _Search().never(formula, given)


def always(formula_of_contrary: Formula) -> bool:
    """Whether a condition holds for every message; asked with the formula of when it is false.

    Only what can never be unknowable counts.
    """
    return is_certain(formula_of_contrary) and never(formula_of_contrary) is not None


class _Search:
    """One proof within a bound."""

    def __init__(self) -> None:
        self._left = MAX_CLAIMS

    def never(self, formula: Formula, given: tuple[Claim, ...]) -> tuple[Claim, ...] | None:
        claims, choices = conjuncts(formula)
        known = (*given, *claims)
        self._left -= len(known) + 1
        if self._left < 0:
            return None
        if clash := contradiction(known):
            return clash
        for choice in choices:
            why: tuple[Claim, ...] = ()
            for part in choice.parts:
                proof = self.never(part, known)
                if proof is None:
                    break
                why = why or proof
            else:
                return why
        return None


class _Gathered:
    """Claims that are to hold together, by what they are about. ``add`` answers with what the new one clashes with."""

    def __init__(self) -> None:
        self._tests: dict[tuple[LeafTest, bool], Claim] = {}
        self._spans: dict[Hashable, list[tuple[Span, Claim]]] = {}
        self._wanted: dict[str, list[tuple[frozenset[str], Claim]]] = {}
        self._refused: dict[str, dict[str, Claim]] = {}
        self._words: dict[Hashable, list[tuple[frozenset[str], Claim]]] = {}

    def add(self, claim: Claim) -> tuple[Claim, ...]:
        return self._opposite(claim) or self._apart(claim) or self._flags(claim) or self._other_word(claim)

    def _opposite(self, claim: Claim) -> tuple[Claim, ...]:
        try:
            self._tests.setdefault((claim.test, claim.holds), claim)
        except TypeError:  # a plugin's test that has no hash
            return ()
        other = self._tests.get((claim.test, not claim.holds))
        contrary = _contrary(claim.test)
        if other is None and claim.holds and contrary is not None:
            other = self._tests.get((contrary, True))
        return (other,) if other else ()

    def _apart(self, claim: Claim) -> tuple[Claim, ...]:
        for axis, span in (*spans_of(claim), *_presence(claim)):
            earlier = self._spans.setdefault(axis, [])
            # Spans on a line all meet where each two do, so the narrowest ends are enough.
            for other, other_claim in earlier:
                if other_claim is not claim and span.both(other).is_empty:
                    return (other_claim,)
            if not any(other.lies_in(span) for other, _ in earlier):
                earlier.append((span, claim))
        return ()

    def _flags(self, claim: Claim) -> tuple[Claim, ...]:
        """One claim asks for any of some flags, and others refuse each of these."""
        match claim.test:
            case FlagTest(flags=flags):
                kind, words = "flag", frozenset(map(fold_flag, flags))
            case LabelTest(labels=labels):
                kind, words = "label", labels
            case _:
                return ()
        wanted = self._wanted.setdefault(kind, [])
        refused = self._refused.setdefault(kind, {})
        if claim.holds:
            wanted.append((words, claim))
        else:
            refused.update(dict.fromkeys(words, claim))
        for these, one in [(words, claim)] if claim.holds else wanted:
            if all(word in refused for word in these):
                others = (one, *(refused[word] for word in sorted(these)))
                return tuple(dict.fromkeys(other for other in others if other is not claim))
        return ()

    def _other_word(self, claim: Claim) -> tuple[Claim, ...]:
        """What has one value at a time cannot be two."""
        for key, words in _one_of(claim):
            allowed = words
            for more, other in self._words.setdefault(key, []):
                allowed &= more
                if not allowed:
                    return (other,)
            self._words[key].append((words, claim))
        return ()


def _contrary(test: LeafTest) -> LeafTest | None:
    """The test that is true exactly where this one is false."""
    match test:
        case AttachmentTest():
            return replace(test, exists=not test.exists)
        case AmbiguousTest() | DuplicateTest() | FirstSeenTest():
            return replace(test, wanted=not test.wanted)
        case _:
            return None


def _presence(claim: Claim) -> Iterator[tuple[Hashable, Span]]:
    """Whether a field is there and has content, as far as the claim says it."""
    match claim.test:
        case TextTest() | BodyTest() | AddressTest():
            test = claim.test
            thing = test.fields if isinstance(test, AddressTest) else getattr(test, "field", None)
        case _:
            return
    asked = [one for one in (("exists", test.exists), ("empty", test.empty)) if one[1] is not None]
    if not claim.holds:
        if test.matches or len(asked) != 1:
            return
        asked = [(name, not answer) for name, answer in asked if answer is not None]
    for name, answer in asked:
        if name == "exists":
            yield ("present", thing), _YES if answer else _NO
        else:
            yield ("filled", thing), _NO if answer else _YES
            if not answer:
                yield ("present", thing), _YES
    if claim.holds and test.matches:
        yield ("present", thing), _YES
        if isinstance(test, AddressTest) or any(says_something(match) for match in test.matches):
            yield ("filled", thing), _YES
    if ("exists", False) in asked:
        yield ("filled", thing), _NO


def _one_of(claim: Claim) -> Iterator[tuple[Hashable, frozenset[str]]]:
    """What has one value at a time, and the values that the claim allows."""
    match claim.test:
        case MailboxTest(match=match) | AccountTest(match=match):
            if match.operator is TextOperator.EQUALS and not match.match_case and claim.holds:
                yield type(claim.test).__name__, match.wanted_set
        case AuthTest(wanted=wanted) if claim.holds:
            yield from ((("auth", method), results) for method, results in wanted)
        case EventTest(causes=causes) if causes is not None and (claim.holds or claim.test.from_mailbox is None):
            words = frozenset(map(str, causes))
            yield "cause", words if claim.holds else frozenset(map(str, Cause)) - words
        case NowTest(start=None) if claim.holds:
            yield ("weekday", claim.test.zone), frozenset(WEEKDAYS[day] for day in claim.test.weekdays)
        case _:
            return


_CERTAIN = (FlagTest, SizeTest, AccountTest, EventTest)


def is_certain(formula: Formula) -> bool:
    """Whether no part can be unknowable."""
    match formula:
        case Claim(test=test):
            return isinstance(test, _CERTAIN)
        case Every(parts=parts) | Some(parts=parts):
            return all(map(is_certain, parts))
