"""A snapshot gains facts, knows which it has, and keeps the first answer."""

from datetime import UTC, datetime

from mailrules.mailbox.address import Address
from mailrules.mailbox.headers import MAX_HEADER_BYTES
from mailrules.mailbox.message import (
    FLAGS,
    MODSEQ,
    RECEIVED,
    SIZE,
    STRUCTURE,
    TEXT,
    UID,
    Fact,
    FactKind,
    FactRequest,
    MessageFacts,
    Part,
    Unreadable,
    header_fact,
)

from .samples import EVERYTHING, empty_snapshot, header_snapshot

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TEXT_PART = Part(number="1", type="text", subtype="plain")


def test_what_was_asked_and_answered_is_known() -> None:
    snapshot = empty_snapshot(3)

    snapshot.add(
        EVERYTHING,
        [
            MessageFacts(
                uid=UID(2),
                flags=frozenset(),
                size_bytes=7,
                received=NOON,
                modseq=5,
                structure=(TEXT_PART,),
                texts=((TEXT_PART, b"hi"),),
                object_id="E2",
            ),
            MessageFacts(uid=UID(9), flags=frozenset()),
        ],
    )

    assert [snapshot.known(fact) for fact in (FLAGS, SIZE, RECEIVED, MODSEQ, STRUCTURE, TEXT)] == [0b010] * 6
    assert snapshot.known(header_fact("subject")) == 0
    assert (snapshot.size_bytes, snapshot.object_ids, snapshot.row_of(UID(2))) == ([None, 7, None], ["", "E2", ""], 1)
    assert (snapshot.body(1), snapshot.body(0)) == ("hi", None)


def test_what_was_answered_unasked_is_not_known() -> None:
    snapshot = empty_snapshot(1)

    snapshot.add(FactRequest(size=True), [MessageFacts(uid=UID(1), flags=frozenset(), size_bytes=None)])

    assert (snapshot.known(FLAGS), snapshot.known(SIZE), snapshot.flags) == (0, 0, [None])


def test_the_first_answer_stays() -> None:
    snapshot = empty_snapshot(1)
    request = FactRequest(flags=True, header_fields=("Subject",))

    for flag, subject in (("\\Seen", b"one"), ("\\Deleted", b"two")):
        facts = MessageFacts(uid=UID(1), flags=frozenset({flag}), header=b"Subject: " + subject)
        snapshot.add(request, [facts])

    assert snapshot.flags == [frozenset({"\\Seen"})]
    assert snapshot.header_values("SUBJECT", 0) == ("one",)


def test_columns_notice_facts_that_came_later() -> None:
    snapshot = header_snapshot("Subject: one\n", fields=["subject"])
    two = empty_snapshot(2)
    request = FactRequest(flags=True, size=True, received=True, text=True, header_fields=("From", "Date"))

    seen = []
    for number in (1, 2):
        facts = MessageFacts(
            uid=UID(number),
            flags=frozenset({"A"}),
            size_bytes=number,
            received=NOON,
            texts=((TEXT_PART, b"hi"),),
            header=b"From: a@x.org\nDate: 1 May 2026 12:00:00 +0000",
        )
        two.add(request, [facts])
        columns = two.columns
        seen.append(
            {
                columns.flag_rows("a"),
                columns.sizes.all,
                columns.received.instants.all,
                columns.sent.days.all,
                columns.body.present,
                columns.addresses("from").present,
                columns.header("from").filled,
            }
        )

    assert seen == [{0b01}, {0b11}]
    assert snapshot.columns.header("subject") is snapshot.columns.header("subject")


def test_accessors_tell_absent_from_present() -> None:
    snapshot = header_snapshot(
        "Subject: =?utf-8?q?=C3=BC?=\nSubject: b\nFrom: A <a@x.org>, b@x.org\nFrom: c@x.org\n",
        "X: y\n",
        fields=["Subject", "from"],
    )

    assert snapshot.raw_header("Subject", 0) == (b"=?utf-8?q?=C3=BC?=", b"b")
    assert snapshot.header_values("subject", 0) == ("ü", "b")
    assert snapshot.first_address("from", 0) == Address(name="A", local="a", domain="x.org")
    assert len(snapshot.addresses("from", 0)) == 3
    assert (snapshot.header_values("subject", 1), snapshot.first_address("from", 1)) == ((), None)
    assert (snapshot.header_values("date", 0), snapshot.sent(0)) == ((), None)


def test_the_date_must_be_there_once_and_be_one() -> None:
    snapshot = header_snapshot(
        "Date: 1 May 2026 12:00:00 +0000\n", "X: y\n", "Date: never\n", "Date: 1 May 2026\nDate: x\n", fields=["date"]
    )

    assert snapshot.sent(0) == NOON
    assert [isinstance(snapshot.sent(row), Unreadable) for row in (1, 2, 3)] == [True] * 3


def test_the_limit_of_header_bytes_is_exact() -> None:
    lines = [b"Subject: ".ljust(size, b"a") for size in (MAX_HEADER_BYTES, MAX_HEADER_BYTES + 1)]
    snapshot = header_snapshot(*lines, fields=["subject"])

    assert len(snapshot.header_values("subject", 0)) == 1
    assert snapshot.header_values("subject", 1) == ()
    assert snapshot.known(header_fact("subject")) == 0b11
    assert snapshot.columns.header("subject").unreadable_mask == 0b10
    assert "262,145 bytes" in snapshot.columns.header("subject").unreadable[1]


def test_an_unreadable_header_spoils_the_fields_that_were_asked_for() -> None:
    snapshot = empty_snapshot(1)
    snapshot.add(
        FactRequest(header_fields=("date",)), [MessageFacts(uid=UID(1), header=Unreadable(reason="cut short"))]
    )

    assert snapshot.sent(0) == Unreadable(reason="cut short")
    assert snapshot.columns.sent.unreadable == {0: "cut short"}


def test_enrichers_answers_are_facts() -> None:
    snapshot = empty_snapshot(2)

    snapshot.add_enriched("reputation", {UID(2): 7, UID(5): 1})

    assert snapshot.enriched == {"reputation": [None, 7]}
    assert snapshot.known(Fact(FactKind.ENRICHED, "reputation")) == 0b10
