"""The sans-IO connection: greeting, gate, literals, layers, attribution, and what wrong servers do to it."""

from __future__ import annotations

import pytest

from mailrules.errors import CommandRefused, ConnectionLost, LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.connection import Connection
from mailrules.imap.copy_commands import CopiedMessages, UidCopy, UidMove
from mailrules.imap.events import (
    CommandCompleted,
    CommandFailed,
    CompressionAgreed,
    Disregarded,
    Ended,
    Greeted,
    TlsAgreed,
    UntaggedReceived,
)
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.limits import Limits
from mailrules.imap.list_commands import List
from mailrules.imap.mailbox_commands import Create, Select, Status
from mailrules.imap.message_commands import StoreChange, UidFetch, UidSearch, UidStore
from mailrules.imap.sasl import Plain
from mailrules.imap.sasl_oauth import XOAuth2
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import (
    Authenticate,
    Capability,
    Compress,
    Enable,
    Id,
    Idle,
    Login,
    Logout,
    Noop,
    StartTls,
)
from mailrules.imap.states import State
from mailrules.imap.writer import BodySection
from mailrules.secret import Secret
from tests.imap_connection.exchange import ask, authenticated, greeted, outcome_of, selected, sent

LOW, HIGH = SequenceSet.of((1, 2, 3)), SequenceSet.of((7, 8))
FLAGS = (FetchItem.FLAGS,)


# -- greeting


def test_nothing_may_be_sent_before_the_greeting():
    connection = Connection()

    with pytest.raises(LocalProtocolError, match="waiting for the greeting"):
        connection.submit(Noop())

    assert sent(connection) == b""


def test_the_greeting_tells_the_capabilities():
    connection = Connection()

    events = connection.receive_data(b"* OK [CAPABILITY IMAP4rev1 IDLE] hi\r\n")

    assert [type(event) for event in events] == [Greeted]
    assert connection.state is State.NOT_AUTHENTICATED
    assert connection.capabilities == frozenset({"IMAP4REV1", "IDLE"})
    assert connection.capabilities_are_current


def test_a_greeting_without_capabilities_leaves_them_to_be_asked():
    connection = Connection()
    connection.receive_data(b"* OK\r\n")

    assert not connection.capabilities_are_current
    assert ask(connection, Capability(), b"* CAPABILITY IMAP4rev1 X\r\nTAG OK\r\n")[1] == connection.capabilities
    assert connection.capabilities_are_current


def test_preauth_is_logged_in_already():
    connection = greeted(status="PREAUTH")

    assert connection.state is State.AUTHENTICATED
    with pytest.raises(LocalProtocolError, match="LOGIN"):
        connection.submit(Login("u", Secret("p")))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"* NO go away\r\n",
        b"* CAPABILITY IMAP4rev1\r\n",
        b"\x15\x03\x01\x00\x02\x02\x0a\r\n",
        b"220 smtp.example.org ESMTP\r\n",
    ],
)
def test_a_server_that_greets_otherwise_is_left(data):
    connection = Connection()

    events = connection.receive_data(data)

    assert [type(event) for event in events] == [Ended]
    assert "does not greet" in events[0].reason
    assert connection.state is State.LOGOUT


def test_bye_for_a_greeting_is_told_in_the_servers_words():
    assert Connection().receive_data(b"* BYE too many connections\r\n") == [
        Ended(reason="the server refused the connection: too many connections")
    ]


def test_an_end_before_the_greeting():
    assert Connection().receive_eof() == [Ended(reason="the server closed the connection before any greeting")]


# -- the gate


def test_disjoint_work_goes_out_together_and_the_rest_is_held():
    connection = selected("MOVE")

    connection.submit(UidFetch(LOW, FLAGS))
    connection.submit(UidMove(HIGH, "t"))
    connection.submit(UidStore(LOW, StoreChange.ADD, ("x",)))
    connection.submit(UidFetch(LOW, FLAGS))

    assert sent(connection) == b"A3 UID FETCH 1:3 (FLAGS)\r\nA4 UID MOVE 7:8 t\r\n"
    connection.receive_data(b"A3 OK\r\n")
    assert sent(connection) == b"A5 UID STORE 1:3 +FLAGS (x)\r\n"
    connection.receive_data(b"A4 OK\r\nA5 OK\r\n")
    assert sent(connection) == b"A6 UID FETCH 1:3 (FLAGS)\r\n"


def test_a_command_that_is_held_is_not_overtaken_by_one_that_conflicts_with_it():
    connection = selected("MOVE")

    connection.submit(UidFetch(LOW, FLAGS))
    connection.submit(UidStore(LOW, StoreChange.ADD, ("x",)))
    connection.submit(UidFetch(SequenceSet.starting_at(1), FLAGS))
    connection.submit(Status("t"))

    assert sent(connection) == b"A3 UID FETCH 1:3 (FLAGS)\r\nA6 STATUS t (MESSAGES UIDNEXT UIDVALIDITY)\r\n"


def test_after_a_refused_select_nothing_acts_in_the_wrong_mailbox():
    connection = selected("MOVE")
    connection.submit(Select("gone"))
    move = connection.submit(UidMove(LOW, "t"))
    again = connection.submit(Select("INBOX"))
    connection.submit(UidMove(HIGH, "t"))
    assert sent(connection) == b"A3 SELECT gone\r\n"

    events = connection.receive_data(b"A3 NO no such mailbox\r\n")

    with pytest.raises(LocalProtocolError, match="UID MOVE needs a connection that is selected"):
        outcome_of(move, events)
    assert connection.selected is None
    assert sent(connection) == b"A5 SELECT INBOX\r\n"
    connection.receive_data(f"* 1 EXISTS\r\n{again} OK\r\n".encode())
    assert sent(connection) == b"A6 UID MOVE 7:8 t\r\n"


def test_after_a_refused_login_nothing_goes_out_that_needs_one():
    connection = greeted()
    connection.submit(Login("u", Secret("p")))
    listing = connection.submit(List())
    sent(connection)

    events = connection.receive_data(b"A1 NO [AUTHENTICATIONFAILED] wrong\r\n")

    with pytest.raises(LocalProtocolError, match="LIST"):
        outcome_of(listing, events)
    assert sent(connection) == b""
    assert connection.capabilities_are_current


def test_a_capability_lost_at_login_is_noticed_when_the_command_would_go_out():
    connection = greeted("ID")
    connection.submit(Login("u", Secret("p")))
    asked = connection.submit(Id())
    sent(connection)

    events = connection.receive_data(b"A1 OK [CAPABILITY IMAP4rev1] in\r\n")

    with pytest.raises(MissingCapability, match="RFC 2971"):
        outcome_of(asked, events)


def test_other_commands_beside_select_do_not_disturb_the_mailbox_that_opens():
    connection = authenticated("ID")
    connection.submit(Id())
    connection.submit(Select("INBOX"))
    assert sent(connection) == b"A2 ID NIL\r\nA3 SELECT INBOX\r\n"

    connection.receive_data(b"* 4 EXISTS\r\nA2 OK\r\n* OK [UIDVALIDITY 9] x\r\nA3 OK [READ-WRITE] x\r\n")

    assert connection.selected is not None
    assert (connection.selected.exists, connection.selected.uidvalidity) == (4, 9)


def test_no_mailbox_counts_as_open_while_another_one_opens():
    connection = selected()
    connection.submit(Select("b"))

    assert connection.selected is None


def test_a_cancelled_command_that_is_held_is_never_sent():
    connection = selected("MOVE")
    connection.submit(UidFetch(LOW, FLAGS))
    connection.cancel(connection.submit(UidMove(LOW, "t")))
    sent(connection)

    connection.receive_data(b"A3 OK\r\n")

    assert sent(connection) == b""


def test_a_cancelled_select_that_is_held_goes_out_since_later_commands_rest_on_it():
    connection = selected("MOVE")
    connection.submit(UidFetch(LOW, FLAGS))
    connection.cancel(connection.submit(Select("b")))
    connection.submit(UidMove(LOW, "t"))
    sent(connection)

    connection.receive_data(b"A3 OK\r\n")
    assert sent(connection) == b"A4 SELECT b\r\n"
    connection.receive_data(b"A4 NO\r\n")
    assert sent(connection) == b""


def test_a_cancelled_command_in_flight_is_drained():
    connection = selected()
    seen: list[object] = []
    tag = connection.submit(UidFetch(LOW, FLAGS, seen.append))
    sent(connection)

    connection.cancel(tag)
    events = connection.receive_data(b"* 1 FETCH (UID 1 FLAGS ())\r\nA3 OK\r\n")

    assert seen == []
    assert events == [CommandCompleted(tag=tag, result=())]
    assert ask(connection, Noop(), b"TAG OK\r\n")[0] == b"TAG NOOP\r\n"


def test_what_waited_for_a_cancelled_command_goes_out():
    connection = selected()
    connection.submit(UidFetch(LOW, FLAGS))
    store = connection.submit(UidStore(LOW, StoreChange.ADD, ("x",)))
    connection.submit(UidFetch(LOW, FLAGS))
    assert sent(connection) == b"A3 UID FETCH 1:3 (FLAGS)\r\n"

    connection.cancel(store)

    assert sent(connection) == b"A5 UID FETCH 1:3 (FLAGS)\r\n"


@pytest.mark.parametrize("ends", [False, True])
def test_each_caller_is_told_of_its_own_command_only(ends):
    connection = authenticated("IDLE ID")
    connection.submit(Status("x"))
    connection.submit(Idle())
    bad = connection.submit(Id((("name", "a\r\nb"),)))

    connection.finish_idle()  # and the bad one waits for IDLE no more
    connection.submit(Status("y"))
    events = connection.receive_eof() if ends else connection.receive_data(b"* OK hi\r\n")

    with pytest.raises(LocalProtocolError, match="CR, LF and NUL"):
        outcome_of(bad, events)


# -- literals


def test_a_literal_waits_for_its_plus_and_holds_everything_behind_it():
    connection = authenticated()
    connection.submit(Append("t", b"hello"))
    connection.submit(Status("x"))
    assert sent(connection) == b"A2 APPEND t {5}\r\n"

    connection.receive_data(b"+ go\r\n")
    assert sent(connection) == b"hello\r\nA3 STATUS x (MESSAGES UIDNEXT UIDVALIDITY)\r\n"


def test_every_literal_of_a_command_has_its_own_plus():
    connection = greeted()
    tag = connection.submit(Login("ü", Secret("ö")))
    pieces = connection.data_to_send()
    assert [(piece.data, piece.is_secret) for piece in pieces] == [(b"A1 LOGIN ", False), (b"{2}\r\n", True)]

    connection.receive_data(b"+ \r\n")
    assert [(piece.data, piece.is_secret) for piece in connection.data_to_send()] == [("ü {2}\r\n".encode(), True)]
    connection.receive_data(b"+\r\n")
    assert [(piece.data, piece.is_secret) for piece in connection.data_to_send()] == [("ö\r\n".encode(), True)]
    assert outcome_of(tag, connection.receive_data(b"A1 OK\r\n")) is None


def test_no_instead_of_plus_abandons_the_literal():
    connection = authenticated()
    tag = connection.submit(Append("t", b"hello"))
    connection.submit(Create("t"))
    sent(connection)

    events = connection.receive_data(b"A2 NO [TRYCREATE] no such mailbox\r\n")

    with pytest.raises(CommandRefused, match="TRYCREATE"):
        outcome_of(tag, events)
    assert sent(connection) == b"A3 CREATE t\r\n"


def test_ok_instead_of_plus_ends_the_connection():
    connection = authenticated()
    tag = connection.submit(Append("t", b"hello"))
    sent(connection)

    events = connection.receive_data(b"A2 OK done\r\n")

    with pytest.raises(ConnectionLost, match="OK to APPEND before"):
        outcome_of(tag, events)
    assert sent(connection) == b""


@pytest.mark.parametrize(
    ("capability", "size", "waits"),
    [("LITERAL+", 5000, False), ("LITERAL-", 4096, False), ("LITERAL-", 4097, True), ("", 1, True)],
)
def test_literals_wait_unless_the_server_allows_otherwise(capability, size, waits):
    connection = authenticated(capability)

    connection.submit(Append("t", b"x" * size))

    assert sent(connection).endswith(b"}\r\n") is waits


def test_a_plus_for_nobody_is_disregarded():
    connection = selected()
    tag = connection.submit(UidFetch(LOW, FLAGS))

    events = connection.receive_data(b"+ what\r\nA3 OK\r\n")

    assert isinstance(events[0], Disregarded)
    assert outcome_of(tag, events) == ()


# -- login


def test_the_arguments_of_login_are_secret_and_nothing_else_is():
    connection = greeted()

    connection.submit(Login("me", Secret("p w")))

    assert [(piece.data, piece.is_secret) for piece in connection.data_to_send()] == [
        (b"A1 LOGIN ", False),
        (b'me "p w"\r\n', True),
    ]


def test_authenticate_sends_the_initial_response_at_once_where_it_may():
    connection = greeted("SASL-IR AUTH=PLAIN")

    tag = connection.submit(Authenticate(Plain("me", Secret("pw"))))

    assert [(piece.data, piece.is_secret) for piece in connection.data_to_send()] == [
        (b"A1 AUTHENTICATE ", False),
        (b"PLAIN AG1lAHB3\r\n", True),
    ]
    assert outcome_of(tag, connection.receive_data(b"A1 OK\r\n")) is None
    assert connection.state is State.AUTHENTICATED


def test_authenticate_without_sasl_ir_waits_for_the_empty_challenge():
    connection = greeted("AUTH=PLAIN")
    connection.submit(Authenticate(Plain("me", Secret("pw"))))
    assert sent(connection) == b"A1 AUTHENTICATE PLAIN\r\n"

    connection.receive_data(b"+ \r\n")

    assert [(piece.data, piece.is_secret) for piece in connection.data_to_send()] == [(b"AG1lAHB3\r\n", True)]


def test_xoauth2_answers_the_error_with_an_empty_line():
    connection = greeted("SASL-IR AUTH=XOAUTH2")
    mechanism = XOAuth2("me", Secret("token"))
    tag = connection.submit(Authenticate(mechanism))
    assert sent(connection) == b"A1 AUTHENTICATE XOAUTH2 dXNlcj1tZQFhdXRoPUJlYXJlciB0b2tlbgEB\r\n"

    connection.receive_data(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n")
    assert sent(connection) == b"\r\n"
    events = connection.receive_data(b"A1 NO [AUTHENTICATIONFAILED] bad\r\n")

    with pytest.raises(CommandRefused, match="AUTHENTICATIONFAILED"):
        outcome_of(tag, events)
    assert "not accepted" in mechanism.complaint


def test_a_challenge_that_is_not_base64_cancels_the_login():
    connection = greeted("SASL-IR AUTH=PLAIN")
    connection.submit(Authenticate(Plain("me", Secret("pw"))))
    sent(connection)

    connection.receive_data(b"+ %%%\r\n")

    assert sent(connection) == b"*\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"* CAPABILITY IMAP4rev1 MOVE\r\nA1 OK in\r\n",
        b"A1 OK [CAPABILITY IMAP4rev1 MOVE] in\r\n",
        b"* OK [CAPABILITY IMAP4rev1 MOVE] x\r\nA1 OK in\r\n",
    ],
)
def test_capabilities_that_come_with_the_login_replace_the_old_ones(answer):
    connection = greeted("LOGINDISABLED2")
    connection.submit(Login("u", Secret("p")))

    connection.receive_data(answer)

    assert connection.capabilities == frozenset({"IMAP4REV1", "MOVE"})
    assert connection.capabilities_are_current


def test_a_login_that_tells_no_capabilities_makes_the_old_ones_stale():
    connection = greeted("X")
    connection.submit(Login("u", Secret("p")))

    connection.receive_data(b"A1 OK in\r\n")
    assert not connection.capabilities_are_current
    ask(connection, Create("t"), b"TAG OK\r\n")
    assert not connection.capabilities_are_current


def test_utf8_names_travel_as_they_are_once_enabled():
    connection = authenticated("ENABLE UTF8=ACCEPT")
    ask(connection, Enable(("UTF8=ACCEPT",)), b"* ENABLED UTF8=ACCEPT\r\nTAG OK\r\n")

    wire, told = ask(connection, Status("ä"), '* STATUS "ä" (MESSAGES 1)\r\nTAG OK\r\n'.encode())

    assert wire == 'TAG STATUS "ä" (MESSAGES UIDNEXT UIDVALIDITY)\r\n'.encode()
    assert told.mailbox == "ä"


# -- layers


def test_starttls_makes_what_was_told_before_worthless():
    connection = greeted("STARTTLS AUTH=PLAIN")
    tag = connection.submit(StartTls())
    assert sent(connection) == b"A1 STARTTLS\r\n"

    events = connection.receive_data(b"A1 OK [CAPABILITY IMAP4rev1 AUTH=EVIL] go\r\n")

    assert events == [TlsAgreed(), CommandCompleted(tag=tag, result=None)]
    assert connection.capabilities == frozenset()
    assert not connection.capabilities_are_current


def test_nothing_goes_out_between_the_ok_of_starttls_and_the_handshake():
    connection = greeted("STARTTLS")
    connection.submit(StartTls())
    connection.submit(Login("u", Secret("p")))
    sent(connection)

    connection.receive_data(b"A1 OK\r\n")
    assert sent(connection) == b""
    assert connection.resume() == []
    assert sent(connection) == b"A2 LOGIN u p\r\n"


def test_what_waits_for_tls_never_goes_out_without_it():
    connection = greeted("STARTTLS")
    connection.submit(StartTls())
    login = connection.submit(Login("u", Secret("p")))
    sent(connection)

    events = connection.receive_data(b"A1 NO not today\r\n")

    with pytest.raises(LocalProtocolError, match="in the clear"):
        outcome_of(login, events)
    assert sent(connection) == b""


@pytest.mark.parametrize("behind", [b"* CAPABILITY IMAP4rev1\r\n", b"A2 OK\r\n", b"x", b"\r\n"])
def test_bytes_behind_the_ok_of_starttls_end_the_connection(behind):
    connection = greeted("STARTTLS")
    tag = connection.submit(StartTls())

    events = connection.receive_data(b"A1 OK go\r\n" + behind)

    with pytest.raises(ConnectionLost, match="without TLS"):
        outcome_of(tag, events)
    assert isinstance(events[-1], Ended)


def test_an_ok_for_starttls_before_it_was_sent_is_disregarded():
    connection = greeted("STARTTLS")

    events = connection.receive_data(b"A1 OK go\r\n")

    assert [type(event) for event in events] == [Disregarded]
    assert connection.capabilities


def test_bytes_behind_the_ok_of_compress_are_compressed_already():
    connection = authenticated("COMPRESS=DEFLATE")
    tag = connection.submit(Compress())
    assert sent(connection) == b"A2 COMPRESS DEFLATE\r\n"

    events = connection.receive_data(b"A2 OK go\r\n\x01\x02\r\n")

    assert events == [CompressionAgreed(received=b"\x01\x02\r\n"), CommandCompleted(tag=tag, result=None)]
    connection.resume()
    assert ask(connection, Noop(), b"TAG OK\r\n")[0] == b"TAG NOOP\r\n"


def test_what_went_before_compress_is_answered_on_either_side_of_its_ok():
    connection = authenticated("COMPRESS=DEFLATE")
    before, behind, compress = connection.submit(Noop()), connection.submit(Noop()), connection.submit(Compress())
    held = connection.submit(Noop())
    assert sent(connection) == b"A2 NOOP\r\nA3 NOOP\r\nA4 COMPRESS DEFLATE\r\n"

    events = connection.receive_data(b"A2 OK\r\nA4 OK go\r\n\x01\x02")
    connection.resume()
    events += connection.receive_data(b"A3 OK\r\n")

    assert events == [
        CommandCompleted(tag=before, result=None),
        CompressionAgreed(received=b"\x01\x02"),
        CommandCompleted(tag=compress, result=None),
        CommandCompleted(tag=behind, result=None),
    ]
    assert sent(connection) == b"A5 NOOP\r\n"
    assert held == "A5"


def test_compress_refused_leaves_the_connection_as_it_is():
    connection = authenticated("COMPRESS=DEFLATE")

    with pytest.raises(CommandRefused, match="COMPRESSIONACTIVE"):
        ask(connection, Compress(), b"TAG NO [COMPRESSIONACTIVE] TLS does\r\n")

    assert ask(connection, Noop(), b"TAG OK\r\n")[0] == b"TAG NOOP\r\n"


# -- whose answer is it?


def test_tags_that_were_never_sent_change_nothing():
    connection = selected()
    held = connection.submit(UidFetch(LOW, FLAGS)), connection.submit(UidStore(LOW, StoreChange.ADD, ("x",)))
    sent(connection)

    events = connection.receive_data(f"A99 OK\r\n{held[1]} OK\r\nA1 NO\r\n* OK hi\r\n".encode())

    assert [type(event) for event in events] == [Disregarded, Disregarded, Disregarded, UntaggedReceived]
    assert outcome_of(held[0], connection.receive_data(b"A3 OK\r\n")) == ()
    assert sent(connection).startswith(b"A4 UID STORE")


def test_fetches_in_flight_each_get_their_own_messages():
    connection = selected()
    low, high = connection.submit(UidFetch(LOW, FLAGS)), connection.submit(UidFetch(HIGH, FLAGS))

    events = connection.receive_data(
        b"* 7 FETCH (UID 7 FLAGS ())\r\n* 1 FETCH (UID 1 FLAGS ())\r\nA4 OK\r\n* 2 FETCH (UID 2 FLAGS ())\r\nA3 OK\r\n"
    )

    assert [one.uid for one in outcome_of(low, events)] == [1, 2]  # type: ignore[attr-defined] # FetchData
    assert [one.uid for one in outcome_of(high, events)] == [7]  # type: ignore[attr-defined] # FetchData


def test_an_unsolicited_fetch_inside_a_fetch_is_nobodys_and_news():
    connection = selected()
    tag = connection.submit(UidFetch(LOW, (BodySection(header_fields=("From",)),)))

    events = connection.receive_data(
        b"* 2 FETCH (UID 2 FLAGS (\\Seen))\r\n* 9 FETCH (FLAGS ())\r\n"
        b"* 1 FETCH (UID 1 BODY[HEADER.FIELDS (FROM)] {2}\r\n\r\n)\r\nA3 OK\r\n"
    )

    assert [type(event) for event in events] == [UntaggedReceived, UntaggedReceived, CommandCompleted]
    assert [one.uid for one in outcome_of(tag, events)] == [1]  # type: ignore[attr-defined] # FetchData
    assert connection.take_news()
    assert not connection.take_news()


def test_moves_in_flight_each_get_their_own_copyuid():
    connection = selected("MOVE")
    low, high = connection.submit(UidMove(LOW, "t")), connection.submit(UidMove(HIGH, "t"))

    events = connection.receive_data(
        b"* OK [COPYUID 5 7:8 20:21] x\r\n* OK [COPYUID 5 1:3 22:24] x\r\nA3 OK\r\nA4 OK\r\n"
    )

    assert outcome_of(low, events) == CopiedMessages(uidvalidity=5, uids={1: 22, 2: 23, 3: 24})
    assert outcome_of(high, events) == CopiedMessages(uidvalidity=5, uids={7: 20, 8: 21})


def test_two_status_in_flight_each_get_their_own_mailbox():
    connection = authenticated()
    first, second = connection.submit(Status("a")), connection.submit(Status("b"))

    events = connection.receive_data(b"* STATUS b (MESSAGES 2)\r\n* STATUS a (MESSAGES 1)\r\nA2 OK\r\nA3 OK\r\n")

    assert (outcome_of(first, events).messages, outcome_of(second, events).messages) == (1, 2)  # type: ignore[attr-defined] # StatusData


def test_arrivals_during_a_command_are_news():
    connection = selected(exists=10)

    ask(connection, UidSearch(All()), b"* 10 EXISTS\r\nTAG OK\r\n")
    assert not connection.take_news()
    ask(connection, UidSearch(All()), b"* 11 EXISTS\r\n* 1 RECENT\r\nTAG OK\r\n")
    assert connection.take_news()


def test_select_answers_are_no_news_and_forget_older_ones():
    connection = selected()
    connection.receive_data(b"* 11 EXISTS\r\n")

    ask(connection, Select("b"), b"* 3 EXISTS\r\nTAG OK\r\n")

    assert not connection.has_news


def test_a_malformed_response_costs_nothing_but_itself():
    connection = selected()

    wire, copied = ask(
        connection, UidCopy(LOW, "t"), b"* 1 FETCH (((\r\n* \r\nnonsense\r\nTAG OK [COPYUID 1 1 2] x\r\n"
    )

    assert wire == b"TAG UID COPY 1:3 t\r\n"
    assert copied.uids == {1: 2}


# -- idle


def test_idle_begins_with_plus_and_ends_with_done():
    connection = selected("IDLE")
    tag = connection.submit(Idle())
    assert sent(connection) == b"A3 IDLE\r\n"
    assert connection.awaits_reply

    connection.receive_data(b"+ idling\r\n")
    assert not connection.awaits_reply
    connection.receive_data(b"* 11 EXISTS\r\n+ again\r\n")
    assert connection.has_news
    assert sent(connection) == b""

    assert connection.finish_idle()
    assert connection.finish_idle()
    assert sent(connection) == b"DONE\r\n"
    assert connection.awaits_reply
    assert outcome_of(tag, connection.receive_data(b"A3 OK done\r\n")) is None
    assert not connection.finish_idle()


def test_done_waits_for_the_plus():
    connection = selected("IDLE")
    connection.submit(Idle())
    sent(connection)

    connection.finish_idle()
    assert sent(connection) == b""
    connection.receive_data(b"+ idling\r\n")
    assert sent(connection) == b"DONE\r\n"


def test_commands_wait_until_idle_is_over():
    connection = selected("IDLE")
    connection.submit(Idle())
    connection.submit(Noop())
    connection.receive_data(b"+ idling\r\n")
    connection.finish_idle()
    assert sent(connection) == b"A3 IDLE\r\nDONE\r\n"

    connection.receive_data(b"A3 OK\r\n")

    assert sent(connection) == b"A4 NOOP\r\n"


def test_an_idle_that_is_still_held_is_not_sent_at_all():
    connection = selected("IDLE")
    connection.submit(UidFetch(LOW, FLAGS))
    connection.submit(Idle())
    sent(connection)

    assert not connection.finish_idle()
    connection.receive_data(b"A3 OK\r\n")

    assert sent(connection) == b""


def test_no_instead_of_plus_refuses_idle():
    connection = selected("IDLE")

    with pytest.raises(CommandRefused, match="IDLE refused: BAD"):
        ask(connection, Idle(), b"TAG BAD what\r\n")

    assert ask(connection, Noop(), b"TAG OK\r\n")[0] == b"TAG NOOP\r\n"


def test_bye_instead_of_plus_ends_the_connection():
    connection = selected("IDLE")

    with pytest.raises(ConnectionLost, match="the server said BYE: shutting down"):
        ask(connection, Idle(), b"* BYE shutting down\r\n")


def test_ok_instead_of_plus_is_not_idle():
    with pytest.raises(ConnectionLost, match="OK to IDLE before"):
        ask(selected("IDLE"), Idle(), b"TAG OK already\r\n")


# -- the end


def test_logout_is_done_at_bye_whatever_follows():
    connection = selected()
    tag = connection.submit(Logout())
    assert sent(connection) == b"A3 LOGOUT\r\n"

    events = connection.receive_data(b"* BYE\r\n")

    assert events[-2:] == [CommandCompleted(tag=tag, result=None), Ended(reason="logged out")]
    assert connection.receive_data(b"A3 OK\r\n") == []


@pytest.mark.parametrize("answer", [b"TAG OK bye\r\n", b"TAG OK bye\r\n* BYE\r\n"])
def test_logout_is_done_at_ok(answer):
    assert ask(selected(), Logout(), answer) == (b"TAG LOGOUT\r\n", None)


def test_logout_is_done_at_the_end_of_the_stream():
    connection = selected()
    tag = connection.submit(Logout())

    assert connection.receive_eof() == [CommandCompleted(tag=tag, result=None), Ended(reason="logged out")]
    assert connection.receive_eof() == []


def test_bye_without_a_reply_ends_every_command():
    connection = selected("MOVE")
    tags = [connection.submit(UidFetch(LOW, FLAGS)), connection.submit(UidMove(LOW, "t"))]

    events = connection.receive_data(b"* BYE bye\r\n* BYE bye\r\n* BYE bye\r\n")

    assert [type(event) for event in events] == [UntaggedReceived, CommandFailed, CommandFailed, Ended]
    for tag in tags:
        with pytest.raises(ConnectionLost, match="BYE"):
            outcome_of(tag, events)
    assert connection.receive_data(b"* BYE bye\r\n") == []
    with pytest.raises(LocalProtocolError, match="ended"):
        connection.submit(Noop())


def test_the_end_of_the_stream_ends_every_command():
    connection = selected()
    tag = connection.submit(UidFetch(LOW, FLAGS))

    events = connection.receive_eof()

    with pytest.raises(ConnectionLost, match="closed the connection"):
        outcome_of(tag, events)
    assert connection.abort("late") == []


def test_a_server_that_has_lost_its_mailbox_is_left():
    connection = selected()
    tags = connection.submit(UidFetch(LOW, FLAGS)), connection.submit(Status("x"))

    events = connection.receive_data(b"A3 BAD User is authenticated but not connected.\r\n")

    for tag in tags:
        with pytest.raises(ConnectionLost, match="lost the mailbox"):
            outcome_of(tag, events)


def test_a_limit_that_is_passed_ends_the_connection():
    connection = Connection(limits=Limits(line_bytes=100))
    connection.receive_data(b"* OK hi\r\n")
    tag = connection.submit(Noop())

    events = connection.receive_data(b"* OK " + b"x" * 200)

    with pytest.raises(ConnectionLost, match="line_bytes"):
        outcome_of(tag, events)


def test_a_literal_announced_with_an_absurd_size_ends_the_connection_at_once():
    connection = selected()
    tag = connection.submit(UidFetch(LOW, FLAGS))

    events = connection.receive_data(b"* 1 FETCH (BODY[] {9223372036854775808}\r\n")

    with pytest.raises(ConnectionLost, match="9223372036854775808"):
        outcome_of(tag, events)


def test_an_answer_that_lacks_what_was_asked_for_fails_its_command_only():
    connection = selected()

    with pytest.raises(RemoteProtocolError):
        ask(connection, Status("x"), b"TAG OK\r\n")

    assert ask(connection, Noop(), b"TAG OK\r\n")[0] == b"TAG NOOP\r\n"


# -- cuts


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
def test_how_the_bytes_are_cut_makes_no_difference(size):
    data = (
        b"* 2 FETCH (UID 2 FLAGS (\\Seen) BODY[1] {4}\r\n\r\n)(\r\n)\r\n* 12 EXISTS\r\n* OK [COPYUID 5 7:8 20:21] x\r\n"
        b"* 7 EXPUNGE\r\nA4 OK [X] moved\r\nA9 NO never\r\n+ nobody\r\nA3 OK done\r\n* BYE enough\r\n"
    )

    def events(cut: int) -> list[str]:
        connection = selected("MOVE")
        connection.submit(UidFetch(LOW, (FetchItem.FLAGS, BodySection(part="1"))))
        connection.submit(UidMove(HIGH, "t"))
        told = [one for start in range(0, len(data), cut) for one in connection.receive_data(data[start : start + cut])]
        return [str(one) for one in told]

    assert events(size) == events(len(data))
    assert "BYE" in events(size)[-1]
