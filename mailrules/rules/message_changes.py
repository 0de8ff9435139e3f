"""What would a message have to be like for one condition to give the other answer?

Each change is tried on a copy of what is known of the message before it is offered, so that what is said is true.
"""

from __future__ import annotations

from email.utils import format_datetime
from typing import TYPE_CHECKING, TypeAlias

from mailrules.mailbox.ambiguity import ONCE_FIELDS
from mailrules.mailbox.spam_score import SCORE_FIELDS
from mailrules.rules.address_tests import AddressTest
from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.auth_tests import AUTH_RESULTS, AuthTest
from mailrules.rules.conditions import judge_leaf
from mailrules.rules.occasion_changes import occasion_changes
from mailrules.rules.related_tests import SAMENESS_FIELDS, THREAD_FIELDS, DuplicateTest, FirstSeenTest, ThreadTest
from mailrules.rules.sample_address import address_line
from mailrules.rules.sample_number import number_within, number_without, times_within
from mailrules.rules.sample_parts import parts_holding
from mailrules.rules.sample_text import text_holding, text_not_holding
from mailrules.rules.score_tests import SpamScoreTest
from mailrules.rules.server_tests import QUOTA, QuotaTest, QuotaUse, SearchTest
from mailrules.rules.situation import (
    AnswerIs,
    BodyIs,
    FlagsAre,
    HeaderIs,
    LabelsAre,
    PartsAre,
    SizeIs,
    TimeIs,
)
from mailrules.rules.spelling import number
from mailrules.rules.structure_tests import AttachmentTest, described, is_attachment
from mailrules.rules.text_tests import ANYWHERE_FIELDS, AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, LabelTest, SizeTest, TimeSource, TimeTest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.mailbox.message import Part
    from mailrules.rules.conditions import Leaf, LeafTest
    from mailrules.rules.situation import Alteration, Situation
    from mailrules.rules.text_match import TextMatch

Change: TypeAlias = "tuple[str, tuple[Alteration, ...]]"
"""What would be so, in words after "if", and as values."""

_LOOKED_AT = 20
_SHOWN = 120
_OTHER_ADDRESS = "someone.else@elsewhere.invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageChange:
    """What would have to be so for the condition ``of``; ``text`` says it, with words of mail, uncleaned.

    ``alterations`` are the same as values, to be tried with ``Situation.altered``.
    """

    of: str
    text: str
    alterations: tuple[Alteration, ...]


def nearest_alteration(leaf: Leaf, situation: Situation, *, wanted: bool) -> MessageChange | None:
    """The first change of the message, or of the occasion, after which the leaf's answer is ``wanted``."""
    for text, alterations in _changes(leaf.test, situation, wanted=wanted):
        altered = situation.altered(alterations)
        bit = 1 << altered.row
        truth = judge_leaf(leaf.test, altered.snapshot, bit, altered.environment)
        if truth.known & bit and bool(truth.true & bit) is wanted:
            return MessageChange(of=leaf.text, text=text, alterations=tuple(alterations))
    return None


def _changes(test: LeafTest, situation: Situation, *, wanted: bool) -> Iterator[Change]:
    snapshot, row = situation.snapshot, situation.row
    match test:
        case TextTest(field=field):
            yield from _of_field(test, snapshot.header_values(field, row), wanted=wanted)
        case BodyTest():
            body = snapshot.body(row)
            for text in _texts(test.matches, body if isinstance(body, str) else "", wanted=wanted):
                yield f"its text were {_quoted(text)}", (BodyIs(text=text),)
            yield "it had a text", (BodyIs(text="some text"),)
            yield "it had no text", (BodyIs(text=""),)
        case AnywhereTest():
            yield from _anywhere(test, situation, wanted=wanted)
        case AddressTest():
            yield from _of_addresses(test, situation, wanted=wanted)
        case FlagTest(flags=flags):
            carried = snapshot.flags[row] or frozenset()
            if wanted:
                yield f"it carried {flags[0]}", (FlagsAre(flags=carried | {flags[0]}),)
            else:
                named = {flag.lower() for flag in flags}
                gone = sorted(flag for flag in carried if flag.lower() in named)
                yield f"it did not carry {' and '.join(gone)}", (FlagsAre(flags=carried - set(gone)),)
        case LabelTest(labels=labels):
            present = snapshot.labels[row]
            others = present if isinstance(present, frozenset) else frozenset()
            if wanted:
                label = min(labels)
                yield f"it had the label {label}", (LabelsAre(labels=others | {label}),)
            else:
                left = frozenset(one for one in others if one.removeprefix("\\").casefold() not in labels)
                yield f"it did not have the label {' and '.join(sorted(others - left))}", (LabelsAre(labels=left),)
        case AttachmentTest():
            present_parts = snapshot.structure[row]
            for parts in parts_holding(test, present_parts if isinstance(present_parts, tuple) else (), wanted=wanted):
                yield _told_parts(test, parts), (PartsAre(parts=parts),)
        case _:
            yield from _of_values(test, situation, wanted=wanted)


def _of_values(test: LeafTest, situation: Situation, *, wanted: bool) -> Iterator[Change]:
    snapshot, row = situation.snapshot, situation.row
    match test:
        case SizeTest(bounds=bounds):
            size = (number_within if wanted else number_without)(bounds, snapshot.size_bytes[row] or 0, is_whole=True)
            if size is not None:
                yield f"it had {int(size):,} bytes", (SizeIs(size_bytes=int(size)),)
        case SpamScoreTest(bounds=bounds):
            score = (number_within if wanted else number_without)(bounds, 0, is_whole=False)
            if score is not None:
                alone = tuple(HeaderIs(name=name, values=()) for name in SCORE_FIELDS if name != SCORE_FIELDS[0])
                score_is = HeaderIs(name=SCORE_FIELDS[0], values=(number(score),))
                yield f"its spam score were {number(score)}", (score_is, *alone)
            yield "it had no spam score", tuple(HeaderIs(name=name, values=()) for name in SCORE_FIELDS)
        case TimeTest():
            yield from occasion_changes(test, situation, wanted=wanted)
            yield from _of_time(test, situation, wanted=wanted)
        case AuthTest(wanted=asked):
            yield from _of_auth(asked, situation, wanted=wanted)
        case SearchTest():
            finds = "found it" if wanted else "did not find it"
            what = "Gmail's search" if test.is_gmail else "the server's SEARCH"
            yield f"{what} {finds}", (AnswerIs(name=test.needs[0].name, value=wanted),)
        case QuotaTest():
            yield from _of_quota(test, wanted=wanted)
        case DuplicateTest() | FirstSeenTest() | ThreadTest() | AmbiguousTest():
            yield from _of_relations(test, situation)
        case _:
            yield from occasion_changes(test, situation, wanted=wanted)


def _of_field(test: TextTest, values: Sequence[str], *, wanted: bool) -> Iterator[Change]:
    name, title = test.field, _title(test.field)
    for place, value in enumerate(values or ("",)):
        for text in _texts(test.matches, value, wanted=wanted):
            others = (*values[:place], text, *values[place + 1 :])
            yield f"its {title} were {_quoted(text)}", (HeaderIs(name=name, values=others if wanted else (text,)),)
    if not test.matches:
        yield f"it had a {title}", (HeaderIs(name=name, values=("something",)),)
    yield f"it had no {title}", (HeaderIs(name=name, values=()),)
    yield f"its {title} were empty", (HeaderIs(name=name, values=("",)),)


def _anywhere(test: AnywhereTest, situation: Situation, *, wanted: bool) -> Iterator[Change]:
    snapshot, row = situation.snapshot, situation.row
    subject = snapshot.header_value("subject", row)
    if wanted:
        for text in _texts(test.matches, subject, wanted=True):
            yield f"its Subject were {_quoted(text)}", (HeaderIs(name="subject", values=(text,)),)
        return
    alterations: list[Alteration] = []
    for name in ANYWHERE_FIELDS:
        kept = [text for text in snapshot.header_values(name, row) if not all(one.holds(text) for one in test.matches)]
        alterations.append(HeaderIs(name=name, values=tuple(kept)))
    body = snapshot.body(row)
    if isinstance(body, str) and all(match.holds(body) for match in test.matches):
        alterations.append(BodyIs(text=text_not_holding(test.matches, body) or ""))
    yield "nothing that a reader sees had that in it", tuple(alterations)


def _of_addresses(test: AddressTest, situation: Situation, *, wanted: bool) -> Iterator[Change]:
    snapshot, row = situation.snapshot, situation.row
    # A broken field beside it would leave the answer unknowable.
    cleared = tuple(HeaderIs(name=name, values=()) for name in test.fields)
    field = test.fields[0]
    if wanted and test.matches:
        for address in (*test.addresses(snapshot, row)[:_LOOKED_AT], None):
            line = address_line(test.matches, address)
            if line is not None:
                kept = tuple(snapshot.header_values(field, row)) if len(test.fields) > 1 else ()
                told = f"its {_title(field)} were {line}"
                yield told, (HeaderIs(name=field, values=(line,)),)
                yield told, (*cleared, HeaderIs(name=field, values=(*kept, line)))
                yield told, (*cleared, HeaderIs(name=field, values=(line,)))
                return
    titles = " or ".join(map(_title, test.fields))
    yield f"it had no {titles}", cleared
    yield f"its {_title(field)} were {_OTHER_ADDRESS}", (*cleared, HeaderIs(name=field, values=(_OTHER_ADDRESS,)))
    yield f"its {_title(field)} were empty", (*cleared, HeaderIs(name=field, values=("",)))


def _of_time(test: TimeTest, situation: Situation, *, wanted: bool) -> Iterator[Change]:
    seen = test.time(situation.snapshot, situation.row)
    for time in times_within(test, seen, now=situation.environment.now, wanted=wanted):
        told = time.isoformat(sep=" ", timespec="seconds")
        match test.source:
            case TimeSource.SENT:
                yield f"its Date were {told}", (HeaderIs(name="date", values=(format_datetime(time),)),)
            case TimeSource.RECEIVED:
                yield f"the server had got it at {told}", (TimeIs(time=time),)
            case TimeSource.SAVED:
                yield f"it had come into this mailbox at {told}", (TimeIs(time=time, is_saved=True),)


def _of_auth(asked: Sequence[tuple[str, frozenset[str]]], situation: Situation, *, wanted: bool) -> Iterator[Change]:
    believed = min(situation.environment.authserv_ids, default="")
    if not believed:
        return
    chosen = [
        (method, next((one for one in AUTH_RESULTS if (one in results) is wanted), "")) for method, results in asked
    ]
    results = "; ".join(f"{method}={result}" for method, result in chosen if result)
    told = ", ".join(f"{result} by {method.upper()}" for method, result in chosen if result)
    yield f"{believed} had found {told}", (HeaderIs(name="authentication-results", values=(f"{believed}; {results}",)),)


def _of_quota(test: QuotaTest, *, wanted: bool) -> Iterator[Change]:
    number_ = number_within if wanted else number_without
    percent = 0.0 if test.percent is None else number_(test.percent, 0, is_whole=False)
    free = float("inf") if test.free is None else number_(test.free, 0, is_whole=True)
    if percent is None or free is None:
        return
    parts = [] if test.percent is None else [f"{number(percent)} % of the quota were used"]
    parts += [] if test.free is None else [f"{int(free):,} bytes were left"]
    yield " and ".join(parts), (AnswerIs(name=QUOTA.name, value=QuotaUse(percent=percent, free_bytes=free)),)


def _of_relations(test: LeafTest, situation: Situation) -> Iterator[Change]:
    """What a message could share with others of its mailbox, or not share with them."""
    snapshot, row = situation.snapshot, situation.row
    carried = snapshot.flags[row] or frozenset()
    match test:
        case DuplicateTest():
            fresh = HeaderIs(name="message-id", values=("<one.of.its.own@elsewhere.invalid>",))
            yield "its Message-ID were one of its own", (fresh,)
            for other in range(row):
                same = tuple(
                    HeaderIs(name=name, values=snapshot.header_values(name, other)) for name in SAMENESS_FIELDS
                )
                yield f"it were the same as the message with UID {snapshot.uids[other]}", same
                return
        case FirstSeenTest():
            yield f"it were from {_OTHER_ADDRESS}", (HeaderIs(name="from", values=(_OTHER_ADDRESS,)),)
            for other in range(row):
                if (address := snapshot.first_address("from", other)) is not None:
                    yield f"it were from {address.address}", (HeaderIs(name="from", values=(address.address,)),)
                    return
        case ThreadTest(flags=flags):
            for flag in (*(flags or ()), "\\Answered"):
                yield f"it carried {flag}", (FlagsAre(flags=carried | {flag}),)
            alone = tuple(HeaderIs(name=name, values=()) for name in THREAD_FIELDS)
            yield "it were in a thread of its own", alone
            plain = FlagsAre(flags=frozenset())
            stranger = HeaderIs(name="from", values=(_OTHER_ADDRESS,))
            yield "it were in a thread of its own, from somebody else, without flags", (*alone, plain, stranger)
        case AmbiguousTest():
            yield "it had two From fields", (HeaderIs(name="from", values=("a@example.org", "b@example.org")),)
            usual = {name: snapshot.header_values(name, row)[:1] for name in ONCE_FIELDS}
            plain_from = ("a@example.org",)
            fields = tuple(
                HeaderIs(name=name, values=plain_from if name == "from" else () if name == "content-type" else values)
                for name, values in usual.items()
            )
            yield "each field of its header stood there once, with one author", fields
        case _:
            return


def _texts(matches: Sequence[TextMatch], text: str, *, wanted: bool) -> Iterator[str]:
    if matches:
        found = (text_holding if wanted else text_not_holding)(matches, text)
        if found is not None:
            yield found


def _told_parts(test: AttachmentTest, parts: Sequence[Part]) -> str:
    noun = "part" if test.every_part else "attachment"
    told = ", ".join(described(part) for part in parts if test.every_part or is_attachment(part))
    return f"it had the {noun}s {told}" if told else f"it had no {noun}"


def _title(field: str) -> str:
    return "Message-ID" if field == "message-id" else "-".join(part.capitalize() for part in field.split("-"))


def _quoted(text: str) -> str:
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return f'"{shown}"'
