"""Searches on servers that know no ESEARCH, and on those that know no UTF-8."""

from __future__ import annotations

import pytest

from mailrules.client.fallbacks import Progress
from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.message_commands import SearchReturn, UidFetch, UidSearch
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import (
    All,
    AllOf,
    AnyOf,
    Contains,
    HasFlag,
    HeaderContains,
    Not,
    OlderThan,
    SearchKey,
    TextField,
    Uids,
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
    progress = refused_twice(AllOf((FLAGGED, Not(GREETINGS))), "ESEARCH")

    tell_subjects(progress)

    assert only(progress) == UidSearchFor(AllOf((FLAGGED, Not(Uids(SequenceSet.of([1]))))), EVERYTHING)


def test_a_text_that_no_message_has_finds_nothing() -> None:
    progress = refused_twice(AnyOf((FLAGGED, HeaderContains("Subject", "süß"))))

    tell_subjects(progress)

    assert only(progress) == UidSearch(AnyOf((FLAGGED, Not(All()))))


@pytest.mark.parametrize("field", [TextField.BODY, TextField.TEXT])
def test_bodies_are_not_fetched_for_a_search(field: TextField) -> None:
    progress = begun(Contains(field, "grüße"))
    progress.take([BAD_CHARSET])

    with pytest.raises(CommandRefused, match="BADCHARSET"):
        progress.take([BAD_CHARSET])


def test_another_refusal_is_raised() -> None:
    progress = begun(GREETINGS)

    with pytest.raises(CommandRefused, match="NOPERM"):
        progress.take([CommandRefused("UID SEARCH", status="NO", code="NOPERM")])
