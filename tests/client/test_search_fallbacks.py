"""Searches on servers that know no ESEARCH, and on those that know no UTF-8."""

from __future__ import annotations

import pytest

from mailrules.client.fallbacks import Progress
from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.errors import CharsetRefused, CommandRefused, MissingCapability
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.message_commands import SearchReturn, UidFetch, UidSearch
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import (
    AllOf,
    Annotated,
    AnnotationAttribute,
    AnyOf,
    Contains,
    Gmail,
    HasFlag,
    HeaderContains,
    Not,
    OlderThan,
    SearchKey,
    TextField,
)
from mailrules.imap.sequence_set import SequenceSet

GREETINGS = Contains(TextField.SUBJECT, "grüße")
FLAGGED = HasFlag("\\Flagged")
BAD_CHARSET = CommandRefused("UID SEARCH", status="NO", code="BADCHARSET")
EVERYTHING = tuple(SearchReturn)
SUBJECTS = {1: b"Subject: =?utf-8?Q?Viele_Gr=C3=BC=C3=9Fe?=\r\n\r\n", 2: b"Subject: none\r\n\r\n", 3: b"\r\n"}


def begun(key: SearchKey, *offered: str, returned: tuple[SearchReturn, ...] = EVERYTHING) -> Progress[ESearchData]:
    return Progress(SearchAnywhere(key, returned), offered=frozenset(offered), selections=1, line_bytes=8_000)


def only(progress: Progress[ESearchData]) -> object:
    (command,) = progress.batch
    return command


def refused_twice(key: SearchKey, *offered: str) -> Progress[ESearchData]:
    progress = begun(key, *offered)
    progress.take([BAD_CHARSET])
    progress.take([BAD_CHARSET])
    return progress


def tell_subjects(progress: Progress[ESearchData]) -> None:
    """Let the fetch under way be answered."""
    command = only(progress)
    assert isinstance(command, UidFetch)
    assert command.sink is not None
    for uid, header in SUBJECTS.items():
        command.sink(FetchData(sequence_number=uid, uid=uid, sections={"HEADER.FIELDS (SUBJECT)": header}))
    progress.take([()])


def test_esearch_is_used_where_it_is_offered() -> None:
    assert only(begun(GREETINGS, "ESEARCH")) == UidSearchFor(GREETINGS, EVERYTHING)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((), ESearchData(is_uid=True, count=0)),
        ((4, 5, 9), ESearchData(is_uid=True, count=3, minimum=4, maximum=9, all_uids=SequenceSet.of([4, 5, 9]))),
    ],
)
def test_without_esearch_the_same_is_worked_out(found: tuple[int, ...], expected: ESearchData) -> None:
    progress = begun(FLAGGED)

    assert only(progress) == UidSearch(FLAGGED)
    progress.take([found])

    assert progress.result == expected


def test_only_what_was_asked_for_is_worked_out() -> None:
    progress = begun(FLAGGED, returned=(SearchReturn.COUNT,))

    progress.take([(4, 5)])

    assert progress.result == ESearchData(is_uid=True, count=2)


def test_a_key_that_the_server_lacks_is_named() -> None:
    with pytest.raises(MissingCapability, match="WITHIN"):
        begun(OlderThan(5))


def test_a_refused_charset_is_left_out() -> None:
    progress = begun(GREETINGS)
    assert only(progress) == UidSearch(GREETINGS)

    progress.take([BAD_CHARSET])

    assert only(progress) == UidSearch(GREETINGS, names_charset=False)
    progress.take([(1,)])
    assert progress.result.count == 1


def test_then_texts_of_fields_are_looked_for_here_and_the_rest_there() -> None:
    progress = refused_twice(AllOf((Not(GREETINGS), FLAGGED)), "ESEARCH")

    # What is ASCII comes first, so that less is fetched.
    assert only(progress) == UidSearch(AllOf((FLAGGED,)))
    progress.take([(1, 2, 3)])
    tell_subjects(progress)

    assert progress.result.all_uids == SequenceSet.of([2, 3])


def test_only_messages_that_can_still_be_found_are_fetched() -> None:
    progress = refused_twice(AllOf((GREETINGS, FLAGGED)))

    progress.take([(3, 7)])

    command = only(progress)
    assert isinstance(command, UidFetch)
    assert command.uids == SequenceSet.of([3, 7])


def test_nothing_is_fetched_where_nothing_can_be_found() -> None:
    progress = refused_twice(AllOf((GREETINGS, FLAGGED)))

    progress.take([()])

    assert progress.result.count == 0


def test_a_text_that_no_message_has_finds_nothing() -> None:
    progress = refused_twice(HeaderContains("Subject", "süß"))

    tell_subjects(progress)

    assert progress.result.count == 0


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        (Gmail("süß"), "Gmail"),
        (AnyOf((GREETINGS, Gmail("süß"))), "Gmail"),
        (Annotated("/comment", AnnotationAttribute.VALUE, "süß"), "Annotated"),
    ],
)
def test_what_only_the_server_could_match_is_a_clear_error(key: SearchKey, asked: str) -> None:
    def run_to_the_end() -> None:
        progress = begun(key, "X-GM-EXT-1", "ANNOTATE-EXPERIMENT-1")
        progress.take([BAD_CHARSET])
        progress.take([BAD_CHARSET])
        while not progress.is_done:
            tell_subjects(progress)

    with pytest.raises(CharsetRefused, match=rf"BADCHARSET.*{asked} with a text that is not ASCII") as caught:
        run_to_the_end()

    assert (caught.value.asked, caught.value.code, caught.value.status) == (asked, "BADCHARSET", "NO")


def test_another_refusal_is_raised() -> None:
    progress = begun(GREETINGS)

    with pytest.raises(CommandRefused, match="NOPERM"):
        progress.take([CommandRefused("UID SEARCH", status="NO", code="NOPERM")])
