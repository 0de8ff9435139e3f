"""Which messages can a server's SEARCH leave out, so that what a rule acts on stays the same?

Each condition compiles to two searches: ``over``, for which a truthful server returns at least the messages that the
condition holds for or is unknowable for, and ``under``, for which it returns only messages that the condition holds
for. Where nothing is certain these are ALL and nothing. The query itself is never negated: what ``not`` leaves is
what lies outside ``under`` (rule-language, "One answer everywhere").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from mailrules.imap.search_keys import (
    All,
    AllOf,
    AnyOf,
    Contains,
    Dated,
    DateField,
    HasFlag,
    HeaderContains,
    Larger,
    Not,
    SearchKey,
    Smaller,
)
from mailrules.imap.search_text import SearchTextError, parse_search_text, search_text
from mailrules.mailbox.flags import fold_flag
from mailrules.rules import conditions
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailboxInfo, MailboxStatus
    from mailrules.rules.conditions import Environment, Node, Origin
    from mailrules.rules.rule import Rule

EVERYTHING: Final[SearchKey] = All()
NOTHING: Final[SearchKey] = Not(All())

MAX_SEARCH_CHARACTERS = 900
"""A longer search narrows nothing: some servers take lines of 1,000 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and when bounds are to hold: the mailbox, the occasion, and whether searches for text are trusted."""

    environment: Environment
    account: str
    info: MailboxInfo
    status: MailboxStatus
    trusts_text: bool = False

    @property
    def origins(self) -> Mapping[UID, Origin]:
        """Where messages of this mailbox were before, as far as we brought them."""
        return self.environment.origins.get((self.account, self.status.mailbox, self.status.uidvalidity), {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedPlace:
    """The mailbox, and the keys of SEARCH that its server is not asked."""

    place: Place
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """``over`` finds every message that a condition is not false for; ``under`` only those that it is true for."""

    over: SearchKey = EVERYTHING
    under: SearchKey = NOTHING

    @property
    def is_exact(self) -> bool:
        """Whether the search says what the condition says, which then is unknowable for no message."""
        return self.over == self.under


UNBOUNDED: Final = Bounds()


@runtime_checkable
class BoundedTest(Protocol):
    """A leaf test that can say what a server may search for in its stead."""

    def search_bounds(self, place: Place) -> Bounds:
        """What it answers for any message of this mailbox; to be certain of it is the test's own affair."""
        ...


def exact(key: SearchKey) -> Bounds:
    """The bounds of a test that a server answers by this key as we do."""
    return Bounds(over=key, under=key)


def certain(*, holds: bool) -> Bounds:
    """The bounds of a test with one answer for all messages of the mailbox."""
    return exact(EVERYTHING if holds else NOTHING)


def bounds_of(node: Node, place: Place, *, refused: Collection[str] = ()) -> Bounds:
    """The bounds of a condition; keys named in ``refused`` are not asked of this server (see ``key_name``)."""
    match node:
        case conditions.Leaf():
            return _of_test(node.test, place, refused)
        case conditions.All() | conditions.AnyOf():
            parts = [bounds_of(part, place, refused=refused) for part in node.parts]
            join = both if isinstance(node, conditions.All) else either
            return Bounds(over=join(one.over for one in parts), under=join(one.under for one in parts))
        case conditions.Not():
            part = bounds_of(node.part, place, refused=refused)
            return _without_refused(Bounds(over=negated(part.under), under=negated(part.over)), refused)
        case conditions.Named():
            return bounds_of(node.part, place, refused=refused)
        case conditions.Always():
            return certain(holds=True)


def rule_over(rule: Rule, place: Place, *, refused: Collection[str] = ()) -> SearchKey:
    """What finds every message that a rule acts on, or has something to say about."""
    bounds = bounds_of(rule.condition, place, refused=refused)
    if not bounds.is_exact:
        # Where the condition is unknowable the rule is reported, and bars later ones, whatever its branches say.
        return bounds.over
    branches = (bounds_of(branch.condition, place, refused=refused).over for branch in rule.branches)
    return both((bounds.over, either(branches)))


def sweep_search(rules: Sequence[Rule], place: Place, *, refused: Collection[str] = ()) -> SearchKey:
    """The one search of a mailbox: what lies outside it gets no steps by any of these rules, and no findings.

    ``EVERYTHING`` where that narrows nothing, or cannot be written.
    """
    found: list[SearchKey] = []
    for rule in rules:
        over = rule_over(rule, place, refused=refused)
        if over == EVERYTHING:
            return EVERYTHING
        found.append(over)
    union = either(found)
    return union if is_writable(union) else EVERYTHING


def is_writable(key: SearchKey) -> bool:
    """Whether a server is asked this: short enough, and read back as it was meant."""
    if key in (EVERYTHING, NOTHING):
        return True
    try:
        text = search_text(key)
        return len(text) <= MAX_SEARCH_CHARACTERS and search_text(parse_search_text(text)) == text
    except SearchTextError:
        return False


def both(keys: Iterable[SearchKey]) -> SearchKey:
    """What all of these find; all messages where there are none."""
    parts = _joined(keys, AllOf, absorbing=NOTHING, neutral=EVERYTHING)
    # Of two keys that differ in a number alone the narrower says all; an alternative to a part adds nothing to it.
    merged = _merged(parts, choose=min)
    if _has_opposites(merged) or _leaves_no_room(merged):
        return NOTHING
    kept = [one for slot, one in merged.items() if not _is_implied(one, AnyOf, beside=merged.keys() - {slot})]
    return _one_of(kept, AllOf, empty=EVERYTHING)


def either(keys: Iterable[SearchKey]) -> SearchKey:
    """What any of these finds; no message where there are none."""
    parts = _joined(keys, AnyOf, absorbing=EVERYTHING, neutral=NOTHING)
    merged = _merged(parts, choose=max)
    opposites = {_slot(one): one for one in map(negated, merged.values())}
    if _has_opposites(merged) or _leaves_no_room(opposites):
        return EVERYTHING
    kept = [one for slot, one in merged.items() if not _is_implied(one, AllOf, beside=merged.keys() - {slot})]
    return _one_of(kept, AnyOf, empty=NOTHING)


def negated(key: SearchKey) -> SearchKey:
    """What the key does not find. Sound for an exact key, and from one kind of bound to the other.

    NOT stands before flags and UIDs alone. Dovecot 2.3 takes ``NOT BEFORE`` beside other dates for something else, and
    drops from an OR what has a key in common with another part, though it is under a NOT.
    """
    match key:
        case Not(inner):
            return inner
        case Dated(DateField.BEFORE, day):
            return Dated(DateField.SINCE, day)
        case Dated(DateField.SINCE, day):
            return Dated(DateField.BEFORE, day)
        case Larger(size):
            return Smaller(size + 1)
        case Smaller(size):
            return Larger(size - 1) if size else EVERYTHING
        case AllOf(keys):
            return either(map(negated, keys))
        case AnyOf(keys):
            return both(map(negated, keys))
    return Not(key)


def key_name(key: SearchKey) -> str:
    """The word under which a key that is no combination is known to persons: ``BEFORE``, ``KEYWORD``, ``FROM``."""
    match key:
        case Contains(field) | Dated(field):
            return str(field.value)
        case HeaderContains():
            return "HEADER"
    return search_text(key).split(" ", 1)[0]


def keys_in(key: SearchKey) -> Iterator[SearchKey]:
    """The keys that combine no others, each as often as it stands there."""
    match key:
        case Not(inner):
            yield from keys_in(inner)
        case AnyOf(keys) | AllOf(keys):
            for one in keys:
                yield from keys_in(one)
        case _:
            yield key


def _of_test(test: object, place: Place, refused: Collection[str]) -> Bounds:
    if not isinstance(test, BoundedTest):
        return UNBOUNDED
    return _without_refused(test.search_bounds(place), refused)


def _without_refused(found: Bounds, refused: Collection[str]) -> Bounds:
    return Bounds(
        over=EVERYTHING if _is_refused(found.over, refused) else found.over,
        under=NOTHING if _is_refused(found.under, refused) else found.under,
    )


def _is_refused(key: SearchKey, refused: Collection[str]) -> bool:
    return bool(refused) and any(key_name(one) in refused for one in keys_in(key))


def _joined(
    keys: Iterable[SearchKey], kind: type[AllOf | AnyOf], *, absorbing: SearchKey, neutral: SearchKey
) -> dict[SearchKey, None]:
    """The parts, each once, those of the same kind opened; ``absorbing`` alone if it is among them."""
    parts: dict[SearchKey, None] = {}
    for key in keys:
        parts |= dict.fromkeys(key.keys if isinstance(key, kind) else (key,))
    parts.pop(neutral, None)
    return {absorbing: None} if absorbing in parts else parts


def _merged(parts: dict[SearchKey, None], *, choose: Callable[..., SearchKey]) -> dict[object, SearchKey]:
    """The parts by what they are about; of those that differ in a number alone the one chosen by how much it finds."""
    merged: dict[object, SearchKey] = {}
    for key in parts:
        slot = _slot(key)
        merged[slot] = choose(merged.get(slot, key), key, key=_breadth)
    return merged


def _slot(key: SearchKey) -> object:
    match key:
        case Dated(DateField.BEFORE | DateField.SINCE as field):
            return field
        case Larger() | Smaller():
            return type(key)
        case HasFlag(flag):
            return HasFlag, fold_flag(flag)
        case Not(inner):
            return Not, _slot(inner)
    return key


def _breadth(key: SearchKey) -> int:
    """The more of two keys of one kind finds, the larger."""
    match key:
        case Dated(DateField.BEFORE, day):
            return day.toordinal()
        case Dated(day=day):
            return -day.toordinal()
        case Smaller(size):
            return size
        case Larger(size):
            return -size
    return 0


def _has_opposites(merged: dict[object, SearchKey]) -> bool:
    """Whether one part finds exactly what another does not."""
    return any((Not, slot) in merged for slot in merged)


def _leaves_no_room(merged: dict[object, SearchKey]) -> bool:
    """Whether no message can be found by all of these, for its day or its size."""
    before, since = merged.get(DateField.BEFORE), merged.get(DateField.SINCE)
    larger, smaller = merged.get(Larger), merged.get(Smaller)
    no_day = isinstance(before, Dated) and isinstance(since, Dated) and since.day >= before.day
    no_size = isinstance(larger, Larger) and isinstance(smaller, Smaller) and smaller.size_bytes - larger.size_bytes < 2
    return no_day or no_size


def _is_implied(key: SearchKey, kind: type[AllOf | AnyOf], *, beside: Set[object]) -> bool:
    """Whether a combination has a part that stands beside it, so that it says nothing more."""
    if not isinstance(key, kind):
        return False
    numbered = (Dated, Larger, Smaller)  # beside one with another number
    return any(_slot(part) in beside for part in key.keys if not isinstance(part, numbered))


def _one_of(parts: Sequence[SearchKey], kind: type[AllOf | AnyOf], *, empty: SearchKey) -> SearchKey:
    if not parts:
        return empty
    return parts[0] if len(parts) == 1 else kind(tuple(parts))
