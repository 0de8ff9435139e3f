"""What a real Dovecot sends is read whole, what we write it takes, and its usual shapes take the fast path."""

from __future__ import annotations

import socket
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.imap.fetch_data import FetchData, read_usual_fetch
from mailrules.imap.framing import Framer
from mailrules.imap.limits import DEFAULT_LIMITS
from mailrules.imap.mailbox_data import ListData
from mailrules.imap.parser import parse_response
from mailrules.imap.response_codes import AppendUid
from mailrules.imap.responses import Continuation, Malformed, Status, Tagged
from mailrules.imap.search_data import SearchData
from mailrules.imap.search_keys import All, AllOf, AnyOf, Contains, Dated, DateField, HeaderContains, Not, TextField
from mailrules.imap.search_nodes import search_nodes as nodes_of
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import (
    AString,
    Atom,
    BodySection,
    Flag,
    Literal,
    MailboxNode,
    Node,
    ParenthesisedList,
    Quoted,
    SequenceSetNode,
    write_command,
)
from tests.servers.dovecot import HOST, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.imap.framing import Frame
    from mailrules.imap.parser import Response
    from tests.servers.dovecot import DovecotAccount

MESSAGE = b"""From: "Zo\xc3\xab \\"Z\\" Example" <zoe@example.org>
To: team: a@example.org, b@example.org;, undisclosed-recipients:;
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= and {5}
Date: Tue, 2 Jan 2024 03:04:05 +0100
Message-ID: <1@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/plain; charset=utf-8

Hello
--b
Content-Type: message/rfc822
Content-Disposition: attachment; filename="inner.eml"

Subject: inner
Content-Type: multipart/alternative; boundary="c"

--c

one
--c
Content-Type: text/html

<p>two
--c--
--b--
""".replace(b"\n", b"\r\n")
EVERYTHING = ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "MODSEQ", "X-GUID", "ENVELOPE", "BODYSTRUCTURE")


class Session:
    """Just enough of a client: one command at a time, and everything that it was answered."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._framer = Framer()
        self._frame()

    def run(self, *nodes: Node) -> list[Frame]:
        """The frames before the tagged OK, and that one. A refusal fails the test."""
        frames: list[Frame] = []
        for fragment in write_command("A1", nodes):
            self._connection.sendall(fragment)
            while True:
                frames.append(self._frame())
                response = parse_response(frames[-1])
                assert not isinstance(response, Malformed), response
                if isinstance(response, Continuation):
                    break
                if isinstance(response, Tagged):
                    assert response.status is Status.OK, response
                    return frames
        raise AssertionError("more fragments were sent than were asked for")

    def _frame(self) -> Frame:
        while (frame := self._framer.next_response()) is None:
            self._framer.feed(self._connection.recv(7))  # cut small on purpose
        return frame


@pytest.fixture
def session(dovecot: DovecotAccount) -> Iterator[Session]:
    with socket.create_connection((HOST, dovecot.server.port), timeout=10) as connection:
        session = Session(connection)
        session.run(Atom("LOGIN"), AString(dovecot.user), AString(PASSWORD))
        yield session


def responses(frames: list[Frame]) -> list[Response]:
    return [parse_response(frame) for frame in frames]


def append(session: Session, mailbox: str) -> Response:
    flags = ParenthesisedList((Flag("\\Seen"), Flag("$Label1")))
    moment = Quoted(" 2-Jan-2024 03:04:05 +0100")
    return responses(session.run(Atom("APPEND"), MailboxNode(mailbox), flags, moment, Literal(MESSAGE)))[-1]


def test_a_message_is_appended_and_every_attribute_of_it_read_back(session):
    appended = append(session, "INBOX")
    assert isinstance(appended, Tagged)
    assert isinstance(appended.code, AppendUid)
    assert appended.code.uids == SequenceSet.of([1])
    session.run(Atom("SELECT"), MailboxNode("INBOX"), ParenthesisedList((Atom("CONDSTORE"),)))

    items = ParenthesisedList((*map(Atom, EVERYTHING), BodySection(), BodySection(part="1"), BodySection(part="9")))
    everything = Atom("UID"), Atom("FETCH"), SequenceSetNode(SequenceSet.of([1])), items
    fetched = responses(session.run(*everything))[0]

    assert isinstance(fetched, FetchData)
    assert not fetched.malformed
    assert fetched.uid == 1
    assert fetched.flags is not None
    assert fetched.flags >= {"\\Seen", "$Label1"}
    assert fetched.internal_date == datetime(2024, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert fetched.size_bytes == len(MESSAGE)
    assert fetched.object_id
    assert fetched.sections[""] == MESSAGE
    assert fetched.sections["1"] == b"Hello"
    assert fetched.envelope is not None
    assert fetched.envelope.subject == b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= and {5}"
    assert fetched.envelope.from_[0].name == b'Zo\xc3\xab "Z" Example'
    assert [one.mailbox for one in fetched.envelope.to][:3] == [b"team", b"a", b"b"]
    assert [f"{part.number} {part.type}/{part.subtype}" for part in fetched.body_structure or ()] == [
        " multipart/mixed",
        "1 text/plain",
        "2 message/rfc822",
        "2.TEXT multipart/alternative",
        "2.1 text/plain",
        "2.2 text/html",
    ]


def test_each_part_number_of_the_structure_can_be_fetched(session):
    append(session, "INBOX")
    session.run(Atom("EXAMINE"), MailboxNode("INBOX"))

    sections = [BodySection(part=number) for number in ("1", "2", "2.1", "2.2")]
    fetched = responses(session.run(Atom("FETCH"), Atom("1"), ParenthesisedList(tuple(sections))))[0]

    assert isinstance(fetched, FetchData)
    assert {number: content[:7] for number, content in fetched.sections.items()} == {
        "1": b"Hello",
        "2": b"Subject",
        "2.1": b"one",
        "2.2": b"<p>two",
    }


def test_what_a_mailbox_is_read_by_takes_the_fast_path(session):
    append(session, "INBOX")
    session.run(Atom("SELECT"), MailboxNode("INBOX"), ParenthesisedList((Atom("CONDSTORE"),)))

    header = BodySection(header_fields=("FROM", "SUBJECT"))
    items = ParenthesisedList((*map(Atom, EVERYTHING[:6]), header))
    frame = session.run(Atom("UID"), Atom("FETCH"), SequenceSetNode(SequenceSet.starting_at(1)), items)[0]

    fetched = read_usual_fetch(frame, limits=DEFAULT_LIMITS)
    assert fetched is not None
    assert fetched.header_fields is not None
    assert b"Subject: =?utf-8?q?" in fetched.header_fields
    assert fetched.modseq
    assert fetched.object_id


@pytest.mark.parametrize("name", ["Entwürfe", "Tom & Jerry", "R&D", 'a"b', "(x) {5}", "日本語 %*", "back\\slash"])
def test_mailbox_names_come_back_as_they_were_sent(session, name):
    session.run(Atom("CREATE"), MailboxNode(name))

    listed = responses(session.run(Atom("LIST"), Quoted(""), Quoted("*")))

    assert name in {one.mailbox for one in listed if isinstance(one, ListData)}
    append(session, name)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (All(), (1,)),
        (Contains(TextField.SUBJECT, "and {5}"), (1,)),
        (Contains(TextField.SUBJECT, 'quote " and \\'), ()),
        (AllOf((HeaderContains("Message-ID", ""), Dated(DateField.SENT_ON, date(2024, 1, 2)))), (1,)),
        (Not(AnyOf((Contains(TextField.FROM, "zoe"), Contains(TextField.TO, "nobody"), All()))), ()),
    ],
)
def test_searches_are_understood(session, key, found):
    append(session, "INBOX")
    session.run(Atom("EXAMINE"), MailboxNode("INBOX"))

    answer = responses(session.run(Atom("UID"), Atom("SEARCH"), *nodes_of(key)))[0]

    assert answer == SearchData(uids=found)
