"""Duplicates, threads and first mail: what a message is to the others of its mailbox."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Unreadable
from mailrules.mailbox.snapshot import Snapshot
from mailrules.plan.identity import CONTENT_FIELDS, content_key
from mailrules.rules.related_tests import (
    MAX_REFERENCES,
    SAMENESS_FIELDS,
    THREAD_FIELDS,
    DuplicateTest,
    FirstSeenTest,
    ThreadTest,
    first_messages,
)
from mailrules.rules.value_tests import NumberBounds
from tests.judging.conditions import NOW, bits, judged
from tests.mailbox.samples import empty_snapshot

FIELDS = (*SAMENESS_FIELDS, *THREAD_FIELDS)


def mailbox(*messages: str | tuple[str, str]) -> Snapshot:
    """Header blocks with `|` for line ends, some with a flag."""
    snapshot = empty_snapshot(len(messages))
    facts = []
    for number, one in enumerate(messages, 1):
        header, flags = (one, ()) if isinstance(one, str) else (one[0], (one[1],))
        block = header.replace("|", "\r\n").encode()
        facts.append(MessageFacts(uid=UID(number), header=block, flags=frozenset(flags)))
    snapshot.add(FactRequest(flags=True, header_fields=FIELDS), facts)
    return snapshot


SAME = "Message-ID: <1@a>|Date: 1|From: a@b|Received: hop2|Received: hop1"


def test_the_first_of_the_same_messages_is_no_duplicate() -> None:
    snapshot = mailbox(
        SAME,
        "Message-ID:  <1@a>|Date: 1|From: a@b|Received: another hop|Received: hop1",
        SAME.replace("hop1", "hop0"),
        "Subject: nothing to know it by",
        "Subject: nothing to know it by",
    )

    assert bits(judged(DuplicateTest(), snapshot).true, snapshot) == "01000"
    assert bits(judged(DuplicateTest(wanted=False), snapshot).true, snapshot) == "10111"
    assert DuplicateTest().seen(snapshot, 0) == "<1@a>"


def test_a_message_that_is_marked_as_deleted_makes_no_other_a_duplicate() -> None:
    snapshot = mailbox((SAME, "\\Deleted"), SAME, SAME)

    assert bits(judged(DuplicateTest(), snapshot).true, snapshot) == "001"


@given(st.lists(st.sampled_from(["", "Message-ID: <1@a>", "Date: 1", "From: a@b", "Received: x|Received: y"])))
def test_duplicates_are_messages_with_the_same_content_key(parts: list[str]) -> None:
    snapshot = mailbox(*parts)

    keys = [
        content_key(
            message_id=snapshot.raw_header("message-id", row),
            date=snapshot.raw_header("date", row),
            from_=snapshot.raw_header("from", row),
            received=snapshot.raw_header("received", row),
        )
        for row in range(len(parts))
    ]
    again = [bool(key) and key in keys[:row] for row, key in enumerate(keys)]
    assert SAMENESS_FIELDS == CONTENT_FIELDS
    assert [one == "1" for one in bits(judged(DuplicateTest(), snapshot).true, snapshot)] == again


THREADS = mailbox(
    "Message-ID: <root@a>|From: Ann <ann@a>",
    ("Message-ID: <1@a>|In-Reply-To: <root@a>|From: bob@b", "\\Flagged"),
    "Message-ID: <2@a>|References: <gone@a> <1@a>|From: ann@a",
    "Message-ID: <other@a>|From: ME@example.org",
    "Message-ID: <3@a>|In-Reply-To: your message <other@a>",
    ("Subject: alone", "\\Answered"),
)


@pytest.mark.parametrize(
    ("test", "rows"),
    [
        (ThreadTest(flags=("\\Flagged",)), "111000"),
        (ThreadTest(flags=("\\Seen", "\\Answered")), "000001"),
        (ThreadTest(participated=True), "000111"),
        (ThreadTest(participated=False), "111000"),
        (ThreadTest(count=NumberBounds(equals=3)), "111000"),
        (ThreadTest(count=NumberBounds(under=3)), "000111"),
        (ThreadTest(participated=True, count=NumberBounds(at_least=2)), "000110"),
    ],
)
def test_a_thread_answers_for_each_of_its_messages(test: ThreadTest, rows: str) -> None:
    assert bits(judged(test, THREADS).true, THREADS) == rows


def test_a_thread_shows_how_large_it_is() -> None:
    test = ThreadTest(participated=True)

    assert [test.seen(THREADS, row) for row in (0, 5)] == [
        "2 other messages of the thread in this mailbox",
        "0 other messages of the thread in this mailbox",
    ]


def test_only_the_nearest_references_of_a_long_list_count() -> None:
    far = " ".join(f"<{number}@x>" for number in range(MAX_REFERENCES + 1))
    snapshot = mailbox("Message-ID: <0@x>", "Message-ID: <1@x>", f"References: {far}")

    assert bits(judged(ThreadTest(count=NumberBounds(equals=2)), snapshot).true, snapshot) == "011"


SENDERS = mailbox(
    "From: Ann <ann@a>|Message-ID: <1@a>",
    "From: bob@b|Message-ID: <2@a>",
    "From: ANN@A|Message-ID: <3@a>",
    "Subject: from nobody",
)


def test_only_the_first_message_of_a_sender_was_seen_first() -> None:
    assert bits(judged(FirstSeenTest(), SENDERS).true, SENDERS) == "1100"
    assert bits(judged(FirstSeenTest(wanted=False), SENDERS).true, SENDERS) == "0011"
    assert [FirstSeenTest().seen(SENDERS, row) for row in (0, 3)] == ["ann@a", "no sender"]


def test_a_sender_whom_the_journal_knows_by_another_message_is_not_new() -> None:
    ann, bob = first_messages(SENDERS)
    known = replace(NOW, known_senders={ann.sender: ann.message, bob.sender: "another"})

    assert FirstSeenTest().judge(SENDERS, 0b1111, known).true == 0b0001


@pytest.mark.parametrize("test", [DuplicateTest(), ThreadTest(participated=False), FirstSeenTest()])
def test_a_header_that_cannot_be_read_relates_to_nothing(test: DuplicateTest | ThreadTest | FirstSeenTest) -> None:
    snapshot = empty_snapshot(2)
    snapshot.add(
        FactRequest(flags=True, header_fields=FIELDS),
        [
            MessageFacts(uid=UID(1), header=Unreadable(reason="big"), flags=frozenset()),
            MessageFacts(uid=UID(2), header=b"From: a@b", flags=frozenset()),
        ],
    )
    truth = judged(test, snapshot)

    assert (truth.unknowable, truth.known) == (0b01, 0b10)
    assert (test.why_unknowable(snapshot, 0), test.why_unknowable(snapshot, 1)) == ("big", "")


def test_a_sender_that_is_too_complex_to_read_is_not_known() -> None:
    snapshot = mailbox("From: " + "a@b," * 2_001)

    assert judged(FirstSeenTest(), snapshot).unknowable == 1
    assert FirstSeenTest().why_unknowable(snapshot, 0) != ""
