"""Annotations of messages; the examples of RFC 5257 are in tests/imap_wire/rfc_examples."""

from __future__ import annotations

import pytest

from mailrules.errors import LocalProtocolError, MissingCapability
from mailrules.imap.annotation_commands import UidFetchAnnotations, UidStoreAnnotation
from mailrules.imap.search_keys import AnnotationAttribute
from mailrules.imap.sequence_set import STAR, SequenceSet
from tests.imap_connection.exchange import ask, selected

ONE = SequenceSet.of([1])
PRIVATE, SHARED, VALUE = AnnotationAttribute.PRIVATE, AnnotationAttribute.SHARED, AnnotationAttribute.VALUE
ANNOTATE = "ANNOTATE-EXPERIMENT-1"


def test_annotations_are_fetched_by_entries_and_attributes():
    wire, told = ask(
        selected(ANNOTATE),
        UidFetchAnnotations(ONE, ("/comment", "/altsubject"), (PRIVATE, SHARED)),
        b'* 1 FETCH (UID 1 ANNOTATION (/comment (value.priv "My comment" value.shared "Group note")'
        b' /altsubject (value.priv "My subject" value.shared NIL)))\r\nTAG OK\r\n',
    )

    assert wire == b'TAG UID FETCH 1 (UID ANNOTATION (("/comment" "/altsubject") (value.priv value.shared)))\r\n'
    assert told == {
        1: {
            "/comment": {"value.priv": "My comment", "value.shared": "Group note"},
            "/altsubject": {"value.priv": "My subject", "value.shared": None},
        }
    }


def test_an_entry_that_is_told_twice_is_put_together():
    """As Cyrus 3.6 answers to patterns."""
    answer = b'* 1 FETCH (UID 1 ANNOTATION (/comment (value.priv "x") /comment (value.shared NIL)))\r\nTAG OK\r\n'

    assert ask(selected(ANNOTATE), UidFetchAnnotations(ONE, ("/*",)), answer)[1] == {
        1: {"/comment": {"value.priv": "x", "value.shared": None}}
    }


def test_annotations_that_cannot_be_read_spoil_only_themselves():
    _, told = ask(
        selected(ANNOTATE), UidFetchAnnotations(ONE, ("/*",)), b"* 1 FETCH (UID 1 ANNOTATION (/comment))\r\nTAG OK\r\n"
    )

    assert told == {}


def test_an_annotation_is_stored_or_removed():
    wire, _ = ask(
        selected(ANNOTATE),
        UidStoreAnnotation(ONE, "/comment", ((PRIVATE, "My new comment"), (SHARED, None))),
        b"TAG OK Store completed\r\n",
    )

    assert wire == b'TAG UID STORE 1 ANNOTATION (/comment (value.priv "My new comment" value.shared NIL))\r\n'


@pytest.mark.parametrize(
    "command",
    [
        UidFetchAnnotations(ONE, ()),
        UidFetchAnnotations(ONE, ("/comment",), ()),
        UidStoreAnnotation(ONE, "/comment", ()),
        UidStoreAnnotation(ONE, "/comment", ((VALUE, "x"),)),
        UidStoreAnnotation(SequenceSet(((1, STAR),)), "/comment", ((SHARED, "x"),)),
    ],
)
def test_what_cannot_be_meant_is_not_sent(command):
    with pytest.raises(LocalProtocolError):
        ask(selected(ANNOTATE), command, b"")


def test_servers_without_annotations_are_not_asked():
    with pytest.raises(MissingCapability, match="RFC 5257"):
        ask(selected(), UidFetchAnnotations(ONE, ("/comment",)), b"")
