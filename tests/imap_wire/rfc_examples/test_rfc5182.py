"""SEARCHRES: the examples of RFC 5182, sections 2.2 to 2.4."""

from __future__ import annotations

from datetime import date

import pytest

from mailrules.errors import CommandRefused
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import SearchReturn, StoreChange, UidSearch
from mailrules.imap.response_codes import BadCharsetCode
from mailrules.imap.search_commands import (
    UidCopyFound,
    UidFetchFound,
    UidSearchFor,
    UidSearchSave,
    UidStoreFound,
)
from mailrules.imap.search_data import ESearchData, SearchData
from mailrules.imap.search_keys import AllOf, Contains, Dated, DateField, HasFlag, LastResult, Not, Smaller, TextField
from mailrules.imap.sequence_set import parse_sequence_set
from mailrules.imap.writer import BodySection, SectionText
from tests.imap_connection.exchange import selected
from tests.imap_wire.rfc_examples.example import Example, play, words_of

ALL, COUNT, MIN, MAX = SearchReturn.ALL, SearchReturn.COUNT, SearchReturn.MIN, SearchReturn.MAX
OFFERS = "ESEARCH SEARCHRES"
NOT_SMITH = Not(Contains(TextField.FROM, "Smith"))
SINCE_2006 = AllOf((Dated(DateField.SINCE, date(2006, 2, 12)), NOT_SMITH))
FLAGGED = AllOf((HasFlag("\\Flagged"), Dated(DateField.SINCE, date(1994, 2, 1)), NOT_SMITH))
ERIC = AllOf((Dated(DateField.SINCE, date(2006, 10, 28)), Contains(TextField.FROM, "Eric")))
HEADERS = (FetchItem.UID, FetchItem.INTERNALDATE, FetchItem.FLAGS, BodySection(text=SectionText.HEADER))
# RFC822.HEADER is what RFC 3501 calls equivalent to BODY.PEEK[HEADER], and IMAP4rev2 does not have it.
NO_RFC822 = {"RFC822.HEADER": "BODY.PEEK[HEADER]"}

EXAMPLE_1 = Example(
    section="2.2",
    text="""
            C: A282 SEARCH RETURN (SAVE) FLAGGED SINCE 1-Feb-1994
                NOT FROM "Smith"
            S: A282 OK SEARCH completed, result saved
    """,
)
EXAMPLE_2 = Example(
    section="2.2",
    text="""
            C: A282 SEARCH RETURN (SAVE) FLAGGED SINCE 1-Feb-1994
                NOT FROM "Smith"
            C: A283 FETCH $ (UID INTERNALDATE FLAGS RFC822.HEADER)
            S: A282 OK SEARCH completed
            S: * 2 FETCH (UID 14 ...
            S: * 84 FETCH (UID 100 ...
            S: * 882 FETCH (UID 1115 ...
            S: A283 OK completed
    """,
    elided={" ...": " FLAGS ())"},
)
EXAMPLE_3 = Example(
    section="2.2",
    text="""
            C: A300 SEARCH RETURN (SAVE) SINCE 1-Jan-2004
                NOT FROM "Smith"
            S: A300 OK SEARCH completed
            C: A301 UID SEARCH UID $ SMALLER 4096
            S: * SEARCH 17 900 901
            S: A301 OK completed
    """,
)
EXAMPLE_5 = Example(
    section="2.2",
    text="""
            S: B283 NO [BADCHARSET UTF-8] KOI8-R is not supported
    """,
)
EXAMPLE_6 = Example(
    section="2.2",
    text="""
            C: E282 SEARCH RETURN (SAVE) SINCE 28-Oct-2006
                NOT FROM "Eric"
            C: E283 COPY $ "Other Messages"
            //The "$" contains no messages
            S: E282 OK SEARCH completed
            S: E283 OK COPY completed, nothing copied
    """,
)
EXAMPLE_7 = Example(
    section="2.3",
    text=r"""
            C: F282 SEARCH RETURN (SAVE) KEYWORD $Junk
            C: F283 COPY $ "Junk"
            C: F284 STORE $ +FLAGS.Silent (\Deleted)
            S: F282 OK SEARCH completed
            S: F283 OK COPY completed
            S: F284 OK STORE completed
    """,
)
EXAMPLE_8 = Example(
    section="2.3",
    text="""
            C: G282 SEARCH RETURN (SAVE) KEYWORD $Junk
            C: G283 SEARCH RETURN (ALL) SINCE 28-Oct-2006
                FROM "Eric"
            //The server can execute the two SEARCH commands
            //in any order, as they don't have any dependency.
            //Note that the second command is making use of
            //the [ESEARCH] extension.
            S: * ESEARCH (TAG "G283") ALL 3:15,27,29:103
            S: G283 OK SEARCH completed
            S: G282 OK SEARCH completed
    """,
)
EXAMPLE_9 = Example(
    section="2.3",
    text="""
               C: H282 SEARCH RETURN (SAVE) KEYWORD $Junk
               S: H282 OK SEARCH completed
    """,
)
# The first line of Example 10, whose response carries the tag of the next command, is not among these.
EXAMPLE_10 = {
    (ALL,): Example(
        section="2.4",
        text="""
              C: C283 SEARCH RETURN (ALL SAVE) SINCE 12-Feb-2006
                  NOT FROM "Smith"
              S: * ESEARCH (TAG "C283") ALL 2,10:15,21
            //$ value is 2,10:15,21
              S: C283 OK SEARCH completed
        """,
    ),
    (MIN,): Example(
        section="2.4",
        text="""
              C: C284 SEARCH RETURN (SAVE MIN) SINCE 12-Feb-2006
                  NOT FROM "Smith"
              S: * ESEARCH (TAG "C284") MIN 2
            //$ value is 2
              S: C284 OK SEARCH completed
        """,
    ),
    (MAX, MIN): Example(
        section="2.4",
        text="""
              C: C285 SEARCH RETURN (MAX SAVE MIN) SINCE
                  12-Feb-2006 NOT FROM "Smith"
              S: * ESEARCH (TAG "C285") MIN 2 MAX 21
            //$ value is 2,21
              S: C285 OK SEARCH completed
        """,
    ),
    (MAX, MIN, COUNT): Example(
        section="2.4",
        text="""
              C: C286 SEARCH RETURN (MAX SAVE MIN COUNT)
                  SINCE 12-Feb-2006 NOT FROM "Smith"
              S: * ESEARCH (TAG "C286") MIN 2 MAX 21 COUNT 8
            //$ value is 2,10:15,21
              S: C286 OK SEARCH completed
        """,
    ),
    (ALL, MIN): Example(
        section="2.4",
        text="""
              C: C286 SEARCH RETURN (ALL SAVE MIN) SINCE
                  12-Feb-2006 NOT FROM "Smith"
              S: * ESEARCH (TAG "C286") MIN 2 ALL 2,10:15,21
            //$ value is 2,10:15,21
              S: C286 OK SEARCH completed
        """,
    ),
}
FOUND = parse_sequence_set(b"2,10:15,21")
TOLD = {
    (ALL,): {"all_uids": FOUND},
    (MIN,): {"minimum": 2},
    (MAX, MIN): {"minimum": 2, "maximum": 21},
    (MAX, MIN, COUNT): {"minimum": 2, "maximum": 21, "count": 8},
    (ALL, MIN): {"minimum": 2, "all_uids": FOUND},
}


def test_example_1():
    (told,) = play(EXAMPLE_1, UidSearchSave(FLAGGED), offers=OFFERS)

    assert told == ESearchData(tag="A3", is_uid=True)


def test_example_2_may_be_pipelined_by_the_rfc_and_is_not_by_us():
    """What the second command stands on is known when the first is answered: we wait for that."""
    save, fetch = EXAMPLE_2.client()
    connection = selected(OFFERS, exists=1000)

    before = Example(section="2.2", text=f"C: a {save}\nS: a OK SEARCH completed")
    (told,) = play(before, UidSearchSave(FLAGGED), on=connection)
    after = Example(section="2.2", text="\n".join((f"C: a {fetch}", *_lines(EXAMPLE_2)[1:-1], "S: a OK completed")))
    (fetched,) = play(after, UidFetchFound(HEADERS), on=connection, instead=NO_RFC822)

    assert told.all_uids is None
    assert [one.uid for one in fetched] == [14, 100, 1115]


def test_example_3():
    save, search = EXAMPLE_3.client()
    _, found, _ = EXAMPLE_3.responses()

    assert words_of(save) == words_of('SEARCH RETURN (SAVE) SINCE 1-Jan-2004 NOT FROM "Smith"')
    assert found == SearchData(uids=(17, 900, 901))
    command = UidSearch(AllOf((LastResult(), Smaller(4096))))
    assert play(
        Example(section="2.2", text=f"C: a {search}\nS: * SEARCH 17 900 901\nS: a OK completed"), command, offers=OFFERS
    ) == [(17, 900, 901)]


def test_example_5():
    """Only the refusal: no command of ours writes KOI8-R."""
    (refusal,) = EXAMPLE_5.responses()

    assert refusal.code == BadCharsetCode(arguments=b"UTF-8", charsets=("UTF-8",))


def test_example_6():
    key = AllOf((Dated(DateField.SINCE, date(2006, 10, 28)), Not(Contains(TextField.FROM, "Eric"))))

    told, copied = _one_after_the_other(EXAMPLE_6, UidSearchSave(key), UidCopyFound("Other Messages"))

    assert (told.all_uids, copied) == (None, None)


def test_example_7():
    """``.Silent`` is not written by ``UidStoreFound``: the echo tells what was changed."""
    outcomes = _one_after_the_other(
        EXAMPLE_7,
        UidSearchSave(HasFlag("$Junk")),
        UidCopyFound("Junk"),
        UidStoreFound(StoreChange.ADD, ("\\Deleted",)),
        instead={".Silent": ""},
    )

    assert outcomes[1:] == [None, ()]


def test_example_8():
    saved, told = play(EXAMPLE_8, UidSearchSave(HasFlag("$Junk")), UidSearchFor(ERIC), offers=OFFERS)

    assert saved.all_uids is None
    assert told.all_uids == parse_sequence_set(b"3:15,27,29:103")


def test_example_9():
    (told,) = play(EXAMPLE_9, UidSearchSave(HasFlag("$Junk")), offers=OFFERS)

    assert told.all_uids is None


@pytest.mark.parametrize("returned", EXAMPLE_10)
def test_example_10(returned):
    """Options have no order (RFC 4466 section 2.6.1); we write SAVE first."""
    example = EXAMPLE_10[returned]
    options = " ".join(returned)
    (line,) = example.client()
    theirs = line[line.index("(") : line.index(")") + 1]

    (told,) = play(example, UidSearchSave(SINCE_2006, returned), offers=OFFERS, instead={theirs: f"(SAVE {options})"})

    assert sorted(theirs.strip("()").split()) == sorted(["SAVE", *returned])
    assert told == ESearchData(tag="A3", **TOLD[returned])


def test_a_result_that_is_refused():
    """Section 2.5 has no example; this is its rule."""
    refused = Example(section="2.5", text="C: a UID SEARCH RETURN (SAVE) FLAGGED\nS: a NO [NOTSAVED] Too many")

    (error,) = play(refused, UidSearchSave(HasFlag("\\Flagged")), offers=OFFERS)

    assert isinstance(error, CommandRefused)
    assert error.code == "NOTSAVED"


def _lines(example):
    return [f"S: {line}" for line in example.server().decode().splitlines()]


def _one_after_the_other(example, *commands, instead=None):
    """The commands of an example that pipelines, each sent when the one before is answered."""
    connection = selected(OFFERS)
    outcomes = []
    for line, reply, command in zip(example.client(), example.server().decode().splitlines(), commands, strict=True):
        text = f"C: a {line}\nS: a {reply.partition(' ')[2]}"
        outcomes += play(Example(section=example.section, text=text), command, on=connection, instead=instead)
    return outcomes
