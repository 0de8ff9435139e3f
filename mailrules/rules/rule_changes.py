"""How would one condition of a rule have to read for its answer to be the other one?

The nearest spelling first: another word, another operator, another bound. Each is confirmed on the message before
it is offered, so that what is said is true.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.mailbox.flags import fold_flag
from mailrules.mailbox.text import fold
from mailrules.rules.address_changes import SEEN, address_changes, is_long
from mailrules.rules.address_tests import AddressTest
from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.auth_tests import AUTH_RESULTS, AuthTest
from mailrules.rules.conditions import judge_leaf
from mailrules.rules.flags import SYSTEM_FLAGS, is_keyword
from mailrules.rules.near_text import MAX_VALUES, Nearer, nearer_match, without_holding
from mailrules.rules.nearer_bounds import bounds_with, bounds_without, times_with, times_without
from mailrules.rules.related_tests import DuplicateTest, FirstSeenTest, ThreadTest, thread_size
from mailrules.rules.score_tests import SpamScoreTest, score_of
from mailrules.rules.server_tests import QUOTA, QuotaTest, QuotaUse
from mailrules.rules.spelling import spelled
from mailrules.rules.structure_tests import AttachmentTest
from mailrules.rules.surrounding_tests import AccountTest, EventTest, NowTest, SpecialUseTest
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, LabelTest, MailboxTest, SizeTest, TimeTest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mailrules.mailbox.message import Part
    from mailrules.rules.conditions import Leaf, LeafTest
    from mailrules.rules.situation import Situation

BOUND, WITHOUT, OPPOSITE, OTHER_FLAG = 1, 4, 5, 5
"""How far a change is from what was meant; ``WITHOUT`` is that of leaving the condition out."""


_LOOKED_AT = 20
_MAX_SPELLED = 300


class Manner(StrEnum):
    """``instead``: it reads otherwise. ``also``: it or the other one. ``without``: it is left out."""

    INSTEAD = "instead"
    ALSO = "also"
    WITHOUT = "without"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """One condition of a rule, and how it would have to read.

    ``text`` is in the rule language, with words of mail, uncleaned; "" for ``WITHOUT``. ``within`` names the named
    condition that it stands in.
    """

    of: str
    manner: Manner
    text: str = ""
    within: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """A test that could stand instead of a leaf's own, or beside it."""

    test: LeafTest
    text: str
    manner: Manner
    cost: int


def nearest_spelling(leaf: Leaf, situation: Situation, *, wanted: bool) -> Spelling | None:
    """The nearest change of a leaf after which its answer for the message is ``wanted``; None where none is known."""
    for test, cost in sorted(_tests(leaf.test, situation, wanted=wanted), key=lambda one: one[1]):
        if not _answers(test, situation, wanted=wanted):
            continue
        manner = Manner.ALSO if wanted and _is_long(leaf.test) else Manner.INSTEAD
        text = spelled(leaf.name, test)
        if text is not None and len(text) <= _MAX_SPELLED:
            return Spelling(test=test, text=text, manner=manner, cost=cost)
    return None


def _tests(test: LeafTest, situation: Situation, *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    """Tests that may give the wanted answer, each with its cost."""
    snapshot, row = situation.snapshot, situation.row
    match test:
        case TextTest(field=field):
            yield from _of_texts(test, snapshot.header_values(field, row), wanted=wanted)
            yield from _of_presence(test, wanted=wanted)
        case BodyTest():
            text = snapshot.body(row)
            yield from _of_texts(test, (text,) if isinstance(text, str) else (), wanted=wanted)
            yield from _of_presence(test, wanted=wanted)
        case AnywhereTest():
            yield from _of_texts(test, test.texts(snapshot, row), wanted=wanted)
        case AddressTest():
            yield from address_changes(test, test.addresses(snapshot, row), wanted=wanted)
            yield from _of_presence(test, wanted=wanted)
        case FlagTest():
            yield from _of_flags(test, snapshot.flags[row] or frozenset(), wanted=wanted)
        case LabelTest(labels=labels):
            carried = snapshot.labels[row]
            names = {fold(one.removeprefix("\\")) for one in carried} if isinstance(carried, frozenset) else set()
            for names_ in [labels - names] if not wanted else [frozenset({one}) for one in sorted(names)]:
                if names_ and names_ != labels:
                    yield LabelTest(labels=frozenset(names_)), OTHER_FLAG if wanted else BOUND
        case AttachmentTest():
            yield from _of_parts(test, test.parts(snapshot, row), wanted=wanted)
        case _:
            yield from _of_values(test, situation, wanted=wanted)


def _of_texts(
    test: TextTest | BodyTest | AnywhereTest, texts: Sequence[str], *, wanted: bool
) -> Iterator[tuple[LeafTest, int]]:
    matches = test.matches
    if not wanted:
        for place, match in enumerate(matches):
            fewer = None if len(match.values) > MAX_VALUES else without_holding(match, texts)
            if fewer is not None:
                yield replace(test, matches=(*matches[:place], fewer, *matches[place + 1 :])), BOUND
        return
    for text in texts:
        nearer = [Nearer(match, 0) if match.holds(text) else nearer_match(match, text) for match in matches]
        found = [one for one in nearer if one is not None]
        if found and len(found) == len(matches):
            yield replace(test, matches=tuple(one.match for one in found)), sum(one.cost for one in found)


def _of_presence(test: TextTest | BodyTest | AddressTest, *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    if wanted and test.exists is not None:
        yield replace(test, exists=not test.exists), OPPOSITE
    if wanted and test.empty is not None:
        yield replace(test, empty=not test.empty), OPPOSITE


def _of_flags(test: FlagTest, carried: frozenset[str], *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    if not wanted:
        folded = {fold_flag(one) for one in carried}
        kept = tuple(flag for flag in test.flags if fold_flag(flag) not in folded)
        if kept:
            yield FlagTest(flags=kept), BOUND
        return
    asks_for_flags = all(flag in SYSTEM_FLAGS.values() for flag in test.flags)
    for flag in sorted(carried):
        if (flag in SYSTEM_FLAGS.values()) is asks_for_flags and (asks_for_flags or is_keyword(flag)):
            yield FlagTest(flags=(flag,)), OTHER_FLAG


def _of_parts(test: AttachmentTest, parts: Sequence[Part], *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    if test.count is not None:
        number = sum(map(test.holds_for, parts))
        bounds = (bounds_with if wanted is test.exists else bounds_without)(test.count, number, is_whole=True)
        if bounds is not None and number:  # that there is none is hardly what is meant
            yield replace(test, count=bounds), BOUND
    if not wanted:
        return
    if not test.exists:
        yield replace(test, exists=True), OPPOSITE
        return
    for part in parts[:_LOOKED_AT]:
        texts = (
            (test.name, part.file_name),
            (test.type, part.media_type),
            (test.charset, part.parameters.get("charset", "")),
        )
        nearer = [
            None if match is None else Nearer(match, 0) if match.holds(text) else nearer_match(match, text)
            for match, text in texts
        ]
        if any(match is not None and found is None for (match, _), found in zip(texts, nearer, strict=True)):
            continue
        size = test.size and bounds_with(test.size, part.decoded_size_bytes, is_whole=True)
        cost = sum(one.cost for one in nearer if one) + (BOUND if size != test.size else 0)
        name, type_, charset = (one and one.match for one in nearer)
        yield replace(test, name=name, type=type_, charset=charset, size=size), cost


def _of_values(test: LeafTest, situation: Situation, *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    """The tests on one number, one time, or one of a few words."""
    snapshot, row = situation.snapshot, situation.row
    move = bounds_with if wanted else bounds_without
    match test:
        case SizeTest(bounds=bounds):
            size = snapshot.size_bytes[row]
            moved = None if size is None else move(bounds, size, is_whole=True)
            if moved is not None:
                yield SizeTest(bounds=moved), BOUND
        case SpamScoreTest(bounds=bounds):
            score = score_of(snapshot, row)
            moved = None if score is None else move(bounds, score, is_whole=False)
            if moved is not None:
                yield SpamScoreTest(bounds=moved), BOUND
        case TimeTest():
            yield from _of_time(test, situation, wanted=wanted)
        case QuotaTest():
            yield from _of_quota(test, snapshot.enriched.get(QUOTA.name, [None] * (row + 1))[row], wanted=wanted)
        case ThreadTest(participated=participated, count=count):
            if count is not None and (moved := move(count, thread_size(snapshot, row), is_whole=True)) is not None:
                yield replace(test, count=moved), BOUND
            if participated is not None and wanted:
                yield replace(test, participated=not participated), OPPOSITE
            if test.flags is not None and wanted:
                yield from ((replace(test, flags=(flag,)), OTHER_FLAG) for flag in SYSTEM_FLAGS.values())
        case DuplicateTest() | FirstSeenTest() | AmbiguousTest():
            if wanted:
                yield replace(test, wanted=not test.wanted), OPPOSITE
        case _:
            yield from _of_surroundings(test, situation, wanted=wanted)


def _of_time(test: TimeTest, situation: Situation, *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    time = test.time(situation.snapshot, situation.row)
    if time is None:
        return
    try:
        moved = (times_with if wanted else times_without)(test, time, now=situation.environment.now)
    except OverflowError:  # the first or the last day of the calendar
        return
    if moved is not None:
        yield moved, BOUND


def _of_quota(test: QuotaTest, use: object, *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    if not isinstance(use, QuotaUse):
        return
    move = bounds_with if wanted else bounds_without
    percent = test.percent and move(test.percent, use.percent, is_whole=False)
    free = test.free and move(test.free, use.free_bytes, is_whole=True)
    for moved in (replace(test, percent=percent), replace(test, free=free), QuotaTest(percent=percent, free=free)):
        if (moved.percent is None) is (test.percent is None) and (moved.free is None) is (test.free is None):
            yield moved, BOUND


def _of_surroundings(test: LeafTest, situation: Situation, *, wanted: bool) -> Iterator[tuple[LeafTest, int]]:
    snapshot, environment = situation.snapshot, situation.environment
    match test:
        case MailboxTest(match=match):
            yield from ((MailboxTest(match=one.match), one.cost) for one in _of_name(match, snapshot.mailbox, wanted))
        case AccountTest(match=match):
            yield from ((AccountTest(match=one.match), one.cost) for one in _of_name(match, snapshot.account, wanted))
        case SpecialUseTest(uses=uses):
            found = uses - snapshot.info.special_use if not wanted else snapshot.info.special_use
            if found:
                yield SpecialUseTest(uses=found), SEEN if wanted else BOUND
        case NowTest():
            yield from ((one, BOUND) for one in _of_now(test, environment.now, wanted=wanted))
        case EventTest(causes=causes, from_mailbox=from_mailbox):
            others = (causes or frozenset()) - {environment.cause}
            if not wanted:
                if causes is not None and others:
                    yield replace(test, causes=others), BOUND
                return
            again = replace(test, causes=None if causes is None else frozenset({environment.cause}))
            yield again, SEEN
            origin = environment.origins_in(snapshot).get(snapshot.uids[situation.row])
            if origin is not None and from_mailbox is not None:
                nearer = nearer_match(from_mailbox, origin.mailbox)
                if nearer is not None:
                    yield replace(again, from_mailbox=nearer.match), SEEN + nearer.cost
        case AuthTest(wanted=asked) if wanted:
            found_results = [(method, _result(method, situation)) for method, _ in asked]
            if all(result for _, result in found_results):
                pairs = zip(asked, found_results, strict=True)
                yield AuthTest(wanted=tuple((method, ok | {seen}) for (method, ok), (_, seen) in pairs)), SEEN
        case AuthTest(wanted=asked):
            for place, (method, ok) in enumerate(asked):
                fewer = ok - {_result(method, situation)}
                if fewer:
                    yield AuthTest(wanted=(*asked[:place], (method, fewer), *asked[place + 1 :])), BOUND
        case _:
            return


def _of_name(match: TextMatch, name: str, wanted: bool) -> Iterator[Nearer]:  # noqa: FBT001 -- the answer that is wanted
    if not wanted:
        fewer = without_holding(match, [name])
        if fewer is not None:
            yield Nearer(fewer, BOUND)
        return
    nearer = nearer_match(match, name)
    if nearer is not None:
        yield nearer
    yield Nearer(TextMatch(operator=TextOperator.EQUALS, values=(name,)), SEEN)


def _of_now(test: NowTest, now: datetime, *, wanted: bool) -> Iterator[NowTest]:
    local = now if test.zone is None else now.astimezone(test.zone)
    days = {local.weekday(), (local.weekday() - 1) % 7}  # what goes over midnight belongs to the day before
    if not wanted:
        for day in days:
            if test.weekdays - {day}:
                yield replace(test, weekdays=test.weekdays - {day})
        return
    clock = local.time().replace(second=0, microsecond=0)
    after = (local.replace(second=0, microsecond=0) + timedelta(minutes=1)).time()
    for day in days:
        yield replace(test, weekdays=test.weekdays | {day})
    if test.start is not None and test.end is not None:
        for start, end in ((test.start, after), (clock, test.end)):
            if start != end:
                yield replace(test, start=start, end=end)
                yield replace(test, start=start, end=end, weekdays=test.weekdays | days)


def _result(method: str, situation: Situation) -> str:
    """What the believed servers found by a method, "" where nobody is believed."""
    tests = ((result, AuthTest(wanted=((method, frozenset({result})),))) for result in AUTH_RESULTS)
    return next((result for result, test in tests if _answers(test, situation, wanted=True)), "")


def _answers(test: LeafTest, situation: Situation, *, wanted: bool) -> bool:
    bit = 1 << situation.row
    truth = judge_leaf(test, situation.snapshot, bit, situation.environment)
    return bool(truth.known & bit) and bool(truth.true & bit) is wanted


def _is_long(test: LeafTest) -> bool:
    match test:
        case AddressTest(matches=matches):
            return any(map(is_long, matches))
        case TextTest(matches=matches) | BodyTest(matches=matches) | AnywhereTest(matches=matches):
            return any(len(match.values) > MAX_VALUES for match in matches)
        case FlagTest(flags=values) | LabelTest(labels=values):
            return len(values) > MAX_VALUES
        case MailboxTest(match=match) | AccountTest(match=match):
            return len(match.values) > MAX_VALUES
        case _:
            return False
