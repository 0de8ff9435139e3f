"""Turns that exchanges seldom take: each would go unnoticed for long if it were wrong."""

from __future__ import annotations

import random

import pytest

from mailrules.errors import LocalProtocolError
from mailrules.imap.annotation_commands import AnnotationAttribute, UidFetchAnnotations, UidStoreAnnotation
from mailrules.imap.append_commands import Append
from mailrules.imap.connection import Connection
from mailrules.imap.copy_commands import UidExpunge
from mailrules.imap.events import Ended
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.list_commands import ListExtended
from mailrules.imap.mailbox_commands import Create, Select, Status
from mailrules.imap.message_commands import StoreChange, UidFetch, UidSearch, UidStore
from mailrules.imap.metadata_commands import SetMetadata
from mailrules.imap.pipelining import may_overlap
from mailrules.imap.search_commands import Part, UidFetchPart, UidSearchSave, UidStoreFound
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from mailrules.imap.writer import BodySection
from tests.imap_connection.exchange import ask, authenticated, outcome_of, selected, sent

SEVEN = SequenceSet.of((7,))


def test_annotations_of_other_messages_are_not_those_asked_for():
    _, told = ask(
        selected("ANNOTATE-EXPERIMENT-1"),
        UidFetchAnnotations(SEVEN, ("/comment",)),
        b"* 1 FETCH (FLAGS (\\Seen))\r\n"
        b'* 2 FETCH (UID 8 ANNOTATION (/comment (value.priv "b")))\r\n'
        b"* 3 FETCH (UID 7 FLAGS ())\r\n"
        b'* 3 FETCH (UID 7 ANNOTATION (/comment (value.priv "a")))\r\nTAG OK x\r\n',
    )

    assert dict(told) == {7: {"/comment": {"value.priv": "a"}}}


def test_a_page_has_no_messages_outside_its_set():
    _, told = ask(
        selected("PARTIAL"),
        UidFetchPart(SEVEN, (FetchItem.FLAGS,), Part(1, 2)),
        b"* 1 FETCH (FLAGS (\\Seen))\r\n* 2 FETCH (UID 8 FLAGS ())\r\n* 3 FETCH (UID 7 FLAGS ())\r\nTAG OK x\r\n",
    )

    assert [one.uid for one in told] == [7]


COMMENT = ("/comment", ((AnnotationAttribute.PRIVATE, "x"),))


@pytest.mark.parametrize(
    "command",
    [
        UidFetchAnnotations(SEVEN, ("/comment",)),
        UidStoreAnnotation(SEVEN, *COMMENT),
        UidFetchPart(SEVEN, (FetchItem.FLAGS,), Part(1, 2)),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_store_to_the_same_messages_waits_and_one_to_others_does_not(command):
    same, other = (UidStore(SequenceSet.of((uid,)), StoreChange.ADD, ("\\Seen",), unchanged_since=5) for uid in (7, 9))

    assert command.touches() == SEVEN
    assert may_overlap(command, other)
    assert may_overlap(command, same) == may_overlap(UidFetch(SEVEN, (FetchItem.FLAGS,)), same)


def test_a_store_to_what_was_found_waits_for_the_save():
    connection = selected("ESEARCH SEARCHRES")
    connection.submit(UidSearchSave(All()))
    connection.submit(UidStoreFound(StoreChange.ADD, ("\\Seen",)))

    assert b"STORE" not in sent(connection)
    connection.receive_data(b"A3 OK x\r\n")
    assert sent(connection) == b"A4 UID STORE $ +FLAGS (\\Seen)\r\n"


def test_metadata_nobody_asked_for_is_no_part_of_a_list():
    connection = authenticated("LIST-EXTENDED LIST-METADATA")
    _, (inbox,) = ask(
        connection,
        ListExtended(metadata=("/shared/comment",)),
        b'* ACL INBOX me lr\r\n* LIST () "." "INBOX"\r\n* METADATA "INBOX" ("/shared/comment" "a")\r\nTAG OK x\r\n',
    )
    assert dict(inbox.metadata) == {"/shared/comment": b"a"}

    _, (inbox,) = ask(
        connection,
        ListExtended(),
        b'* LIST () "." "INBOX"\r\n* METADATA "INBOX" ("/shared/comment" "a")\r\n'
        b"* STATUS INBOX (MESSAGES 1)\r\n* MYRIGHTS INBOX lr\r\nTAG OK x\r\n",
    )
    assert (dict(inbox.metadata), inbox.status, inbox.rights) == ({}, None, None)


def test_a_value_with_nul_is_sent_as_a_binary_literal():
    wire, _ = ask(
        authenticated("METADATA LITERAL+"), SetMetadata("x", (("/shared/comment", b"a\0b"),)), b"TAG OK x\r\n"
    )

    assert wire == b"TAG SETMETADATA x (/shared/comment ~{3+}\r\na\0b)\r\n"


def test_a_limit_on_messages_does_not_touch_a_command_that_reads_none():
    connection = selected("MESSAGELIMIT=10")
    _, result = ask(connection, Noop(), b"* NO [MESSAGELIMIT 10 5] some\r\n* OK [MESSAGELIMIT 10 5] x\r\nTAG OK x\r\n")

    assert result is None


@pytest.mark.parametrize("greeting", [b"* NO no\r\n", b"* BAD bad\r\n", b"* 1 EXISTS\r\n", b"* HELLO x\r\n", b"x\r\n"])
def test_what_is_no_greeting_ends_the_connection_and_is_quoted(greeting):
    (ended,) = Connection().receive_data(greeting)

    assert isinstance(ended, Ended)
    assert ended.reason.startswith("the server does not greet as IMAP servers do: '")


def test_header_fields_are_found_behind_other_sections():
    told = FetchData(sequence_number=1, sections={"TEXT": b"t", "HEADER.FIELDS (FROM)": b"f"})

    assert told.header_fields == b"f"
    assert FetchData(sequence_number=1, sections={"TEXT": b"t"}).header_fields is None


def test_of_two_fetches_under_way_each_gets_its_own_messages_though_one_asks_for_all_from_a_uid_on():
    connection = selected()
    new = connection.submit(UidFetch(SequenceSet.starting_at(100), (FetchItem.FLAGS,)))
    old = connection.submit(UidFetch(SEVEN, (FetchItem.FLAGS,)))
    sent(connection)

    # As Dovecot answers: the data of both, then one OK after the other; the message with UID 99 is the last one.
    events = connection.receive_data(
        b"* 9 FETCH (UID 99 FLAGS ())\r\n* 3 FETCH (UID 7 FLAGS ())\r\n" + f"{new} OK x\r\n{old} OK x\r\n".encode()
    )

    assert [one.uid for one in outcome_of(old, events)] == [7]
    assert [one.uid for one in outcome_of(new, events)] == [99]


SOME = SequenceSet.of((6, 7, 8))
SIZES, CONTENT = (FetchItem.UID, FetchItem.SIZE), (FetchItem.UID, BodySection())


@pytest.mark.parametrize("is_abandoned", [False, True])
@pytest.mark.parametrize("second", [CONTENT, SIZES])
def test_of_two_fetches_of_one_message_each_gets_it_though_the_data_of_both_come_before_either_ok(second, is_abandoned):
    connection = selected()
    first_tag = connection.submit(UidFetch(SOME, SIZES))
    second_tag = connection.submit(UidFetch(SEVEN, second))
    sent(connection)
    if is_abandoned:
        connection.cancel(first_tag)

    # As Dovecot answers.
    asked = b"BODY[] {1}\r\nx" if second is CONTENT else b"RFC822.SIZE 1"
    events = connection.receive_data(
        b"* 2 FETCH (UID 6 RFC822.SIZE 5)\r\n* 3 FETCH (UID 7 RFC822.SIZE 1)\r\n* 3 FETCH (UID 7 %b)\r\n" % asked
        + f"{first_tag} OK x\r\n{second_tag} OK x\r\n".encode()
    )

    (seventh,) = outcome_of(second_tag, events)
    assert (seventh.uid, seventh.size_bytes) == (7, 1)
    assert seventh.sections == ({"": b"x"} if second is CONTENT else {})
    if not is_abandoned:
        assert [(one.uid, one.size_bytes) for one in outcome_of(first_tag, events)] == [(6, 5), (7, 1)]


def test_what_another_fetch_asked_for_is_no_change():
    connection = selected("CONDSTORE")
    changes = connection.submit(UidFetch(SOME, (FetchItem.FLAGS,), changed_since=10))
    other = connection.submit(UidFetch(SEVEN, (FetchItem.FLAGS, FetchItem.MODSEQ)))
    sent(connection)

    events = connection.receive_data(
        b"* 4 FETCH (UID 8 FLAGS () MODSEQ (11))\r\n* 3 FETCH (UID 7 FLAGS () MODSEQ (9))\r\n"
        + f"{changes} OK x\r\n{other} OK x\r\n".encode()
    )

    assert [one.uid for one in outcome_of(changes, events)] == [8]
    assert [one.uid for one in outcome_of(other, events)] == [7]


def test_a_page_of_messages_is_fetched_with_no_other_fetch_beside_it():
    page = UidFetchPart(SOME, (FetchItem.FLAGS,), Part(1, 2))

    assert not may_overlap(page, UidFetch(SEVEN, SIZES))
    assert not may_overlap(UidFetch(SEVEN, SIZES), page)


def test_one_vanished_answers_two_expunges():
    connection = selected("UIDPLUS QRESYNC")
    tags = [connection.submit(UidExpunge(SequenceSet.of(uids))) for uids in ((3,), (4, 8))]
    sent(connection)

    # As Dovecot answers.
    events = connection.receive_data(b"* VANISHED 3:4,8\r\n" + b"".join(f"{tag} OK x\r\n".encode() for tag in tags))

    assert [outcome_of(tag, events) for tag in tags] == [(3,), (4, 8)]


def test_of_two_that_ask_for_the_status_of_one_mailbox_each_gets_it():
    connection = authenticated()
    tags = [connection.submit(Status("x")) for _ in range(2)]
    sent(connection)

    events = connection.receive_data(
        b"* STATUS x (MESSAGES 1)\r\n* STATUS x (MESSAGES 1)\r\n" + b"".join(f"{tag} OK x\r\n".encode() for tag in tags)
    )

    assert [outcome_of(tag, events).messages for tag in tags] == [1, 1]


@pytest.mark.parametrize(
    "mistyped",
    [
        Create(5),
        Create(b"x"),
        Append("INBOX", bytearray(b"x")),
        UidFetch("1:*", (FetchItem.UID,)),
        UidStore("7", StoreChange.ADD, ("\\Seen",)),
        UidSearch("ALL"),
    ],
    ids=lambda command: command.name,
)
@pytest.mark.parametrize("earlier", [UidStore(SEVEN, StoreChange.ADD, ("\\Seen",)), Select("Archive")])
def test_a_mistyped_command_fails_alone_whoever_finds_it_out(mistyped, earlier):
    connection = selected()
    first = connection.submit(earlier)
    sent(connection)

    with pytest.raises(LocalProtocolError, match=f"{mistyped.name} cannot be written, .* wrong type"):
        outcome_of(connection.submit(mistyped), connection.receive_data(f"{first} OK done\r\n".encode()))

    _, result = ask(connection, Noop(), b"TAG OK done\r\n")
    assert result is None


@pytest.mark.parametrize("seed", range(20))
def test_each_of_many_fetches_gets_its_messages_however_they_overlap_and_end(seed):
    chance = random.Random(seed)
    spread = chance.choice((9, 120))  # they mostly overlap, or mostly do not
    sets = [SequenceSet(((start, start + 2),)) for start in chance.sample(range(1, spread), 3)]
    sets.append(SequenceSet.starting_at(spread))
    connection = selected()
    mailbox = range(1, spread + 4)
    asked = {connection.submit(UidFetch(uids, SIZES)): [uid for uid in mailbox if uid in uids] for uids in sets}
    sent(connection)
    answers = [(tag, uid) for tag, uids in asked.items() for uid in uids]
    chance.shuffle(answers)

    events = []
    for number, (tag, uid) in enumerate(answers, start=1):
        events += connection.receive_data(b"* %d FETCH (UID %d RFC822.SIZE %d)\r\n" % (uid, uid, uid))
        if tag not in dict(answers[number:]):
            events += connection.receive_data(f"{tag} OK x\r\n".encode())

    for tag, uids in asked.items():
        assert [one.uid for one in outcome_of(tag, events)] == uids
