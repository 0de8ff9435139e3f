"""ANNOTATE-EXPERIMENT-1: the examples of RFC 5257, sections 4.2 to 4.9.

ANNOTATE as a parameter of SELECT (4.2) and in APPEND (4.7) and SORT (4.9) is not written by us; of these sections
only what the server answers is here.
"""

from __future__ import annotations

import pytest

from mailrules.imap.annotation_commands import UidFetchAnnotations, UidStoreAnnotation
from mailrules.imap.message_commands import UidSearch
from mailrules.imap.response_codes import WordsCode
from mailrules.imap.search_data import SearchData, SortData
from mailrules.imap.search_keys import Annotated, AnnotationAttribute
from mailrules.imap.sequence_set import SequenceSet
from tests.imap_connection.exchange import selected
from tests.imap_wire.rfc_examples.example import Example, play, words_of, written

OFFERS = "ANNOTATE-EXPERIMENT-1"
VALUE, PRIVATE, SHARED = AnnotationAttribute.VALUE, AnnotationAttribute.PRIVATE, AnnotationAttribute.SHARED
ONE = SequenceSet.of([1])

FETCHED = [
    (
        "4.3",
        """
           C: a FETCH 1 (ANNOTATION (/comment value))
           S: * 1 FETCH (ANNOTATION (/comment
                                       (value.priv "My comment"
                                        value.shared "Group note")))
           S: a OK Fetch complete
        """,
        {"/comment": {"value.priv": "My comment", "value.shared": "Group note"}},
    ),
    (
        "4.3",
        """
           C: a UID FETCH 1123 (UID ANNOTATION
                                (/* (value.priv size.priv)))
           S: * 12 FETCH (UID 1123 ANNOTATION
                  (/comment (value.priv "My comment"
                                       size.priv "10")
                   /altsubject (value.priv "Rhinoceroses!"
                                       size.priv "13")
                   /vendor/foobar/label.priv
                                       (value.priv "label43"
                                        size.priv "7")
                   /vendor/foobar/personality
                                       (value.priv "Tallulah Bankhead"
                                        size.priv "17")))
           S: a OK Fetch complete
        """,
        {
            "/comment": {"value.priv": "My comment", "size.priv": "10"},
            "/altsubject": {"value.priv": "Rhinoceroses!", "size.priv": "13"},
            "/vendor/foobar/label.priv": {"value.priv": "label43", "size.priv": "7"},
            "/vendor/foobar/personality": {"value.priv": "Tallulah Bankhead", "size.priv": "17"},
        },
    ),
    (
        "4.3",
        """
           C: a FETCH 1 (ANNOTATION (/% value.shared))
           S: * 1 FETCH (ANNOTATION
              (/comment (value.shared "Patch Mangler")
               /altsubject (value.shared "Patches?  We don't
               need no steenkin patches!")))
           S: a OK Fetch complete
        """,
        {
            "/comment": {"value.shared": "Patch Mangler"},
            "/altsubject": {"value.shared": "Patches?  We don't need no steenkin patches!"},
        },
    ),
    (
        "4.3",
        """
           C: a FETCH 1 (ANNOTATION
                ((/comment /altsubject) value.priv))
           S: * 1 FETCH (ANNOTATION
                (/comment (value.priv "What a chowder-head")
                 /altsubject (value.priv "How to crush beer cans")))
           S: a OK Fetch complete
        """,
        {
            "/comment": {"value.priv": "What a chowder-head"},
            "/altsubject": {"value.priv": "How to crush beer cans"},
        },
    ),
    (
        "4.4",
        """
           C: a FETCH 1 (ANNOTATION (/comment value))
           S: * 1 FETCH (ANNOTATION (/comment
                                      (value.priv "My comment"
                                       value.shared NIL)))
           S: a OK Fetch complete
        """,
        {"/comment": {"value.priv": "My comment", "value.shared": None}},
    ),
    (
        "4.4",
        """
           C: a FETCH 1 (ANNOTATION
                ((/comment /altsubject) value))
           S: * 1 FETCH (ANNOTATION
                (/comment (value.priv "My comment"
                                     value.shared NIL)
                 /altsubject (value.priv "My subject"
                                     value.shared NIL)))
           S: a OK Fetch complete
        """,
        {
            "/comment": {"value.priv": "My comment", "value.shared": None},
            "/altsubject": {"value.priv": "My subject", "value.shared": None},
        },
    ),
    (
        "4.4",
        """
           C: a FETCH 1 (ANNOTATION
                           (/comment (value size)))
           S: * 1 FETCH (ANNOTATION
                           (/comment
                               (value.priv "My comment"
                                value.shared NIL
                                size.priv "10"
                                size.shared "0")))
           S: a OK Fetch complete
        """,
        {"/comment": {"value.priv": "My comment", "value.shared": None, "size.priv": "10", "size.shared": "0"}},
    ),
    (
        "4.4, without the parenthesis too many",
        r"""
           C: a STORE 1 +FLAGS (\Seen)
           S: * 1 FETCH (FLAGS (\Seen))
                         ANNOTATION (/comment))
           S: a OK STORE complete
        """,
        {"/comment": {}},
    ),
]
# What we ask for names the UID too, and puts the entries and the attributes in parentheses each.
ASKED = {
    UidFetchAnnotations(ONE, ("/comment",)): ("FETCH 1 (ANNOTATION (/comment value))", ["(/comment)", "(value)"]),
    UidFetchAnnotations(ONE, ("/%",), (SHARED,)): (
        "FETCH 1 (ANNOTATION (/% value.shared))",
        ["(/%)", "(value.shared)"],
    ),
    UidFetchAnnotations(ONE, ("/comment", "/altsubject"), (PRIVATE,)): (
        "FETCH 1 (ANNOTATION ((/comment /altsubject) value.priv))",
        ["(/comment /altsubject)", "(value.priv)"],
    ),
}
STORED = {
    UidStoreAnnotation(ONE, "/comment", ((PRIVATE, "My new comment"),)): """
           C: a STORE 1 ANNOTATION (/comment
                                    (value.priv "My new comment"))
           S: a OK Store complete
    """,
    UidStoreAnnotation(ONE, "/comment", ((SHARED, None),)): """
           C: a STORE 1 ANNOTATION (/comment
                                    (value.shared NIL))
           S: a OK Store complete
    """,
    UidStoreAnnotation(ONE, "/comment", ((PRIVATE, "My new comment"), (SHARED, "foo's bar"))): """
           C: a STORE 1 ANNOTATION (/comment
                                    (value.priv "My new comment"
                                     value.shared "foo's bar"))
           S: a OK Store complete
    """,
}
SEARCHED = {
    UidSearch(Annotated("/comment", VALUE, "IMAP4")): (
        """
           C: a SEARCH ANNOTATION /comment value "IMAP4"
           S: * SEARCH 2 3 5 7 11 13 17 19 23
           S: a OK Search complete
        """,
        (2, 3, 5, 7, 11, 13, 17, 19, 23),
    ),
    UidSearch(Annotated("*", PRIVATE, "IMAP4")): (
        """
           C: a SEARCH ANNOTATION * value.priv "IMAP4"
           S: * SEARCH 1 2 3 5 8 13 21 34
           S: a OK Search complete
        """,
        (1, 2, 3, 5, 8, 13, 21, 34),
    ),
}


@pytest.mark.parametrize(("section", "text", "annotations"), FETCHED)
def test_what_is_told_of_annotations(section, text, annotations):
    known_wrong = {"(\\Seen)) ANNOTATION": "(\\Seen) ANNOTATION"}

    told, _ = Example(section=section, text=text, elided=known_wrong).responses()

    assert told.extras.annotations == annotations


@pytest.mark.parametrize("command", ASKED)
def test_what_is_asked_for(command):
    theirs, (entries, attributes) = ASKED[command]
    inner = theirs[theirs.index("ANNOTATION (") + len("ANNOTATION ") : -1]

    ours = written(command, selected(OFFERS))

    assert words_of(ours) == words_of(theirs.replace(inner, f"({entries} {attributes})").replace("(ANN", "(UID ANN"))


@pytest.mark.parametrize("command", STORED)
def test_what_is_stored(command):
    assert play(Example(section="4.5", text=STORED[command]), command, offers=OFFERS) == [None]


@pytest.mark.parametrize("command", SEARCHED)
def test_what_is_searched(command):
    text, found = SEARCHED[command]

    assert play(Example(section="4.8", text=text), command, offers=OFFERS) == [found]


def test_what_the_server_says_where_we_do_not_ask():
    opened = Example(section="4.2", text="S: * OK [ANNOTATIONS 20480 NOPRIVATE]").responses()
    ordered = Example(section="4.9", text="S: * SORT 2 3 4 5 1 11 10 6 7 9 8").responses()
    refused = Example(section="4.5", text="S: a NO [ANNOTATE TOOBIG]\nS: a NO [ANNOTATE TOOMANY]").responses()

    assert [one.code for one in opened] == [
        WordsCode(name="ANNOTATIONS", arguments=b"20480 NOPRIVATE", words=("20480", "NOPRIVATE"))
    ]
    assert ordered == [SortData(uids=(2, 3, 4, 5, 1, 11, 10, 6, 7, 9, 8))]
    assert [one.code.words for one in refused] == [("TOOBIG",), ("TOOMANY",)]
    assert Example(section="4.8", text=SEARCHED[UidSearch(Annotated("*", PRIVATE, "IMAP4"))][0]).responses()[0] == (
        SearchData(uids=(1, 2, 3, 5, 8, 13, 21, 34))
    )
