"""What of bad input do people learn, and what becomes of the connection?

The places that raise are read from the source, and the kinds of responses from the parser's tables, so that none is
left out.
"""

from __future__ import annotations

import ast
import re
from base64 import b64encode
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mailrules.imap
from mailrules.errors import CommandRefused, ConnectionLost, RemoteProtocolError
from mailrules.imap import parser
from mailrules.imap.access_commands import GetAcl
from mailrules.imap.connection import Connection
from mailrules.imap.events import CommandCompleted, CommandFailed, Ended, Greeted, UntaggedReceived
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.framing import Frame
from mailrules.imap.limits import Limits
from mailrules.imap.message_commands import UidFetch, UidSearch
from mailrules.imap.parser import parse_response
from mailrules.imap.responses import Malformed
from mailrules.imap.scram import Scram, ScramHash
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_keys import All
from mailrules.imap.sections import RESPONSES
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Authenticate, Capability, Idle, Noop, StartTls
from mailrules.imap.shown import MOST_WORDS, SHOWN_BYTES
from mailrules.imap.states import State
from mailrules.imap.url_commands import GenUrlAuth
from mailrules.secret import Secret
from tests.imap_connection.exchange import ask, greeted, selected, sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailrules.imap.command import Command

TOKEN = "91354a473744909de610943775f92038"
SIGNED = f"imap://joe@example.com/INBOX/;uid=20;URLAUTH=user+fred:INTERNAL:{TOKEN}"
LONG = "x" * 5000
SECTION = r"RFC [0-9]{4,5} section [0-9]+(\.[0-9]+)*"
MOST_SAID = 4 * SHOWN_BYTES + MOST_WORDS + 300

# -- each place that raises -----------------------------------------------------------------------


def _parts(node: ast.expr) -> str:
    """The words of an f-string or string as a pattern, with ``.*`` for what is filled in."""
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(_parts(part) for part in node.values)
    return ".*"


def _raised() -> Iterator[str]:
    """The words of each RemoteProtocolError of the protocol core, as a pattern."""
    for path in sorted(Path(mailrules.imap.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in {"RemoteProtocolError", "_refused"} and not isinstance(node.args[0], ast.Name):
                yield _parts(node.args[0])
            elif called == "_fail":
                what, limit = node.args[0], next(one.value for one in node.keywords if one.arg == "limit")
                yield f"{_parts(what)} of .* bytes is over .*; raise limits.{_parts(limit)} to accept it"


PLACES = tuple(dict.fromkeys(_raised()))


def _told(error: RemoteProtocolError) -> str:
    """Its words, after a look at its three parts."""
    assert re.fullmatch(SECTION, error.rfc)
    assert str(error).endswith(f"({error.rfc})")
    assert error.sent in str(error)
    return str(error)


def _usable(connection: Connection) -> None:
    tag = connection.submit(Noop())
    assert sent(connection) == f"{tag} NOOP\r\n".encode()
    assert CommandCompleted(tag=tag, result=None) in connection.receive_data(f"{tag} OK x\r\n".encode())


def _closed(connection: Connection, events: list[object], waiting: set[str]) -> str:
    """The reason, which each command was told."""
    assert isinstance(events[-1], Ended)
    lost = [one for one in events if isinstance(one, CommandFailed)]
    assert {one.tag for one in lost} == waiting
    assert {str(one.error) for one in lost} <= {events[-1].reason}
    assert all(isinstance(one.error, ConnectionLost) for one in lost)
    assert connection.state is State.LOGOUT
    assert not sent(connection)
    assert not connection.receive_data(b"* OK x\r\n")
    assert re.search(rf"\({SECTION}\)$", events[-1].reason)
    return events[-1].reason


def _fails(command: Command[object], answer: bytes, *, capabilities: str = "") -> str:
    connection = selected(capabilities)
    with pytest.raises(RemoteProtocolError) as raised:
        ask(connection, command, answer)
    _usable(connection)
    return _told(raised.value)


def _ends(command: Command[object], answer: bytes, *, connection: Connection | None = None) -> str:
    connection = connection or selected("IDLE")
    tag = connection.submit(command)
    sent(connection)
    return _closed(connection, connection.receive_data(answer.replace(b"TAG", tag.encode())), {tag})


def _greets(answer: bytes) -> str:
    connection = Connection()
    return _closed(connection, connection.receive_data(answer), set())


def _too_much(answer: bytes, **limits: int) -> str:
    limited = Connection(limits=Limits(**limits))
    assert isinstance(limited.receive_data(b"* PREAUTH in\r\n")[0], Greeted)
    return _ends(Noop(), answer, connection=limited)


def _unreadable(answer: str) -> str:
    connection = selected()
    (event,) = connection.receive_data(answer.encode() + b"\r\n")
    assert isinstance(event, UntaggedReceived)
    assert isinstance(event.response, Malformed)
    assert re.fullmatch(SECTION, event.response.rfc)
    _usable(connection)
    return event.response.reason


def _streams(size: int) -> str:
    limited = Connection(limits=Limits(streamed_bytes=5))
    limited.receive_data(b"* PREAUTH in\r\n")
    limited._framer.offers_content = True  # as a command that streams makes it
    return _closed(limited, limited.receive_data(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % size), set())


SALT = "s=QSXCR+Q6sek8bf92"


def _scram(*challenges: str) -> str:
    mechanism = Scram("me", Secret("pw"), nonce="abc", hashed=ScramHash.SHA_1)
    connection = greeted("AUTH=SCRAM-SHA-1 SASL-IR")
    tag = connection.submit(Authenticate(mechanism))
    sent(connection)
    for challenge in challenges:
        connection.receive_data(b"+ " + b64encode(challenge.encode()) + b"\r\n")
        said = sent(connection)
    assert said == b"*\r\n"
    (failed,) = connection.receive_data(f"{tag} BAD cancelled\r\n".encode())
    assert isinstance(failed, CommandFailed)
    assert isinstance(failed.error, CommandRefused)
    _usable(connection)
    assert re.search(rf"\({SECTION}\)$", mechanism.complaint)
    return mechanism.complaint


FOUND = UidSearchFor(All())
SCENARIOS: dict[str, Callable[[], str]] = {
    "no data for CAPABILITY": partial(_fails, Capability(), b"TAG OK " + LONG.encode() + b"\r\n"),
    "no data": partial(_fails, GetAcl("INBOX"), b"TAG OK " + LONG.encode() + b"\r\n", capabilities="ACL"),
    "unreadable data": partial(
        _fails, GetAcl("INBOX"), b"* ACL INBOX (" + SIGNED.encode() + b"\r\nTAG OK x\r\n", capabilities="ACL"
    ),
    "no ESEARCH": partial(_fails, FOUND, b"TAG OK " + SIGNED.encode() + b"\r\n", capabilities="ESEARCH"),
    "unreadable ESEARCH": partial(
        _fails,
        FOUND,
        b'* ESEARCH (TAG "TAG") UID ALL ' + LONG.encode() + b"\r\nTAG OK x\r\n",
        capabilities="ESEARCH",
    ),
    "unreadable ESEARCH to a plain search": partial(
        _fails, UidSearch(All()), b'* ESEARCH (TAG "TAG") UID ALL ' + LONG.encode() + b"\r\nTAG OK x\r\n"
    ),
    "unreadable SEARCH": partial(_fails, UidSearch(All()), b"* SEARCH " + LONG.encode() + b"\r\nTAG OK x\r\n"),
    "more than a mailbox holds": partial(
        _fails, UidSearch(All()), b'* ESEARCH (TAG "TAG") UID ALL 1:4294967295\r\nTAG OK x\r\n'
    ),
    "other URLs": partial(
        _fails,
        GenUrlAuth(("imap://joe@example.com/INBOX/;uid=20;URLAUTH=user+fred",)),
        f'* GENURLAUTH "{SIGNED}" "{SIGNED}"\r\nTAG OK x\r\n'.encode(),
        capabilities="URLAUTH",
    ),
    "a set that is none": partial(_unreadable, f"* VANISHED {LONG}"),
    "a number that is none": partial(_unreadable, "* VANISHED 9999999999"),
    "no greeting": partial(_greets, b"SSH-2.0-OpenSSH_9.6 " + LONG.encode() + b"\r\n"),
    "the mailbox behind is lost": partial(
        _ends, Noop(), b"TAG BAD User is authenticated but not connected. " + SIGNED.encode() + b"\r\n"
    ),
    "OK before +": partial(_ends, Idle(), b"TAG OK " + SIGNED.encode() + b"\r\n"),
    "OK without a proof": lambda: _ends(
        Authenticate(Scram("me", Secret("pw"), nonce="abc", hashed=ScramHash.SHA_1)),
        b"TAG OK in\r\n",
        connection=greeted("AUTH=SCRAM-SHA-1 SASL-IR"),
    ),
    "bytes behind STARTTLS": lambda: _ends(
        StartTls(), b"TAG OK go\r\n* OK " + LONG.encode() + b"\r\n", connection=greeted("STARTTLS")
    ),
    "a reply that is none": partial(_ends, Noop(), b"TAG BYE " + SIGNED.encode() + b"\r\n"),
    "a long line": partial(_too_much, b"* OK " + SIGNED.encode() + LONG.encode() + b"\r\n", line_bytes=1000),
    "a long line of data": partial(
        _too_much, b"* SEARCH" + b" 1" * 5000 + b"\r\n", line_bytes=99, data_line_bytes=1000
    ),
    "a long literal": partial(_too_much, b"* LIST () NIL {1001}\r\n", literal_bytes=1000),
    "a long response": partial(_too_much, b"* SEARCH" + b" 1" * 5000 + b"\r\n", response_bytes=1000),
    "a long response with literals": partial(_too_much, b"* LIST () NIL {1001}\r\n", response_bytes=1000),
    "a long literal to come in pieces": partial(_streams, 6),
    "SCRAM: e=": partial(_scram, f"r=abcd,{SALT},i=4096", f"e={LONG}"),
    "SCRAM: no nonce of ours": partial(_scram, f"r={LONG},{SALT},i=4096"),
    "SCRAM: a wrong proof": partial(_scram, f"r=abcd,{SALT},i=4096", "v=AAAA"),
    "SCRAM: an extension": partial(_scram, f"m={LONG},r=abcd,{SALT},i=4096"),
    "SCRAM: no salt": partial(_scram, "r=abcd,s=,i=4096"),
    "SCRAM: few iterations": partial(_scram, f"r=abcd,{SALT},i=1"),
    "SCRAM: bad base64": partial(_scram, f"r=abcd,s=!{LONG},i=4096"),
}


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_what_was_sent_is_told_shortened_and_without_secrets_and_the_connection_is_usable_or_closed(scenario):
    told = scenario()

    assert len(told) <= MOST_SAID
    assert told.isprintable()
    assert TOKEN not in told


def test_each_place_that_raises_has_a_scenario():
    told = [scenario() for scenario in SCENARIOS.values()]

    assert len(PLACES) >= 20
    assert [place for place in PLACES if not any(re.match(place, one, re.DOTALL) for one in told)] == []


# -- each kind of response ------------------------------------------------------------------------

DAMAGE = {"an open list": "(", "an open string": '"x', "a stray end": ")", "a token": SIGNED, "control": "\x1b[2J\0"}
TAKES_ANYTHING = {"CAPABILITY", "ENABLED"}  # words, and nothing else


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("name", sorted(set(parser._READERS) - TAKES_ANYTHING))
def test_a_response_that_cannot_be_read_says_which_section_speaks_of_it(name, damage):
    connection = selected()
    events = connection.receive_data(f"* {name} ((((({damage} {LONG}\r\n".encode())

    (event,) = [one for one in events if isinstance(one, UntaggedReceived)]
    assert isinstance(event.response, Malformed), "the damage is none"
    assert event.response.rfc == RESPONSES[name]
    _bounded(event.response.reason)
    _usable(connection)


@pytest.mark.parametrize("name", ["EXISTS", "EXPUNGE", "FETCH", "RECENT", "UIDFETCH"])
def test_a_number_that_is_none_says_which_section_speaks_of_it(name):
    (event,) = selected().receive_data(f"* 9999999999 {name} (FLAGS ())\r\n".encode())

    assert isinstance(event.response, Malformed)
    assert event.response.rfc == RESPONSES[name]


DAMAGED_VALUES = (f'((("{SIGNED}" {LONG})))', f'"{SIGNED} {LONG}"', LONG, "5", "()")


@pytest.mark.parametrize("item", [*(one.value for one in FetchItem), "ANNOTATION", "BINARY.SIZE[1]"])
def test_an_attribute_that_cannot_be_read_leaves_the_others(item):
    connection = selected()
    unreadable = []
    for value in DAMAGED_VALUES:
        answer = f"* 1 FETCH ({item} {value} UID 7 RFC822.SIZE 5)\r\nTAG OK x\r\n".encode()
        _, (result,) = ask(connection, UidFetch(SequenceSet.of((7,)), (FetchItem.SIZE,)), answer)
        assert result.uid == 7
        unreadable += result.malformed.values()

    assert unreadable
    for malformed in unreadable:
        assert re.match(r"RFC [0-9]+ section|Gmail IMAP Extensions$", malformed.rfc)
        _bounded(malformed.reason)
    _usable(connection)


@given(
    st.sampled_from([b"", b"* ", b"* 1 ", b"+ ", b"A1 ", *(f"* {name} ".encode() for name in parser._READERS)]),
    st.binary(max_size=200),
)
def test_whatever_cannot_be_read_is_told_in_bounded_words(start, rest):
    response = parse_response(Frame(start + rest))

    found = [response] if isinstance(response, Malformed) else []
    found += response.malformed.values() if isinstance(response, FetchData) else ()
    for one in found:
        _bounded(one.reason)
        assert one.rfc


def test_the_words_of_bye_are_bounded_and_escaped():
    connection = selected()

    reason = connection.receive_data(b"* BYE \x1b[2J" + SIGNED.encode() + LONG.encode() + b"\r\n")[-1].reason

    _bounded(reason)
    assert "\\x1b[2J" in reason


def _bounded(words: str) -> None:
    assert words
    assert words.isprintable()
    assert len(words) <= MOST_WORDS + 50
    assert TOKEN not in words


def test_every_kind_of_response_has_its_section():
    numbered = {"EXISTS", "EXPUNGE", "FETCH", "RECENT", "UIDFETCH"}

    assert set(RESPONSES) == set(parser._READERS) | numbered
    assert all(re.fullmatch(SECTION, one) or name == "ANNOTATION" for name, one in RESPONSES.items())
