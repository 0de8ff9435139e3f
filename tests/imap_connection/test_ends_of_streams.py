"""Wherever the stream ends or the server says BYE, each command learns of it once and nothing more goes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.errors import ConnectionLost, LocalProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.connection import Connection
from mailrules.imap.content_commands import UidFetchContent
from mailrules.imap.events import CommandCompleted, CommandFailed, Ended
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.sasl import Plain
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Authenticate, Compress, Idle, Login, Noop, StartTls
from mailrules.imap.states import State
from mailrules.imap.writer import BodySection
from mailrules.secret import Secret
from tests.imap_connection.exchange import authenticated, greeted, selected, sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.imap.command import Command
    from mailrules.imap.events import Tag

SEVEN = SequenceSet.of((7,))
FETCH = UidFetch(SEVEN, (FetchItem.FLAGS,))


def _at(connection: Connection, *commands: Command[object], then: bytes = b"") -> tuple[Connection, set[Tag]]:
    """The connection with these commands under way, and the server's beginning of an answer."""
    tags = {connection.submit(command) for command in commands}
    sent(connection)
    over = {one.tag for one in connection.receive_data(then) if isinstance(one, CommandCompleted | CommandFailed)}
    sent(connection)
    return connection, tags - over


def _content() -> UidFetchContent:
    return UidFetchContent(SEVEN, BodySection(), lambda _: lambda _: None)


MOMENTS: dict[str, Callable[[], tuple[Connection, set[Tag]]]] = {
    "before the greeting": lambda: _at(Connection()),
    "within the greeting": lambda: _at(Connection(), then=b"* OK [CAPABI"),
    "greeted": lambda: _at(greeted()),
    "LOGIN under way": lambda: _at(greeted(), Login("me", Secret("pw"))),
    "the password's literal awaited": lambda: _at(greeted(), Login("me", Secret("p\u00e4"))),
    "AUTHENTICATE before its +": lambda: _at(greeted("AUTH=PLAIN"), Authenticate(Plain("me", Secret("pw")))),
    "AUTHENTICATE behind its +": lambda: _at(
        greeted("AUTH=PLAIN"), Authenticate(Plain("me", Secret("pw"))), then=b"+ \r\n"
    ),
    "STARTTLS under way": lambda: _at(greeted("STARTTLS"), StartTls()),
    "STARTTLS agreed": lambda: _at(greeted("STARTTLS"), StartTls(), then=b"A1 OK go\r\n"),
    "COMPRESS agreed": lambda: _at(authenticated("COMPRESS=DEFLATE"), Compress(), Noop(), then=b"A2 OK go\r\n"),
    "authenticated": lambda: _at(authenticated()),
    "SELECT under way, another behind": lambda: _at(
        authenticated(), Select("INBOX"), FETCH, then=b"* 10 EXISTS\r\n* OK [UIDVAL"
    ),
    "selected": lambda: _at(selected()),
    "many under way": lambda: _at(selected(), *[FETCH] * 40),
    "within a line": lambda: _at(selected(), FETCH, then=b"* 1 FETCH (UID 7 FLA"),
    "within a line end": lambda: _at(selected(), FETCH, then=b"* 1 FETCH (UID 7 FLAGS ())\r"),
    "within a literal": lambda: _at(selected(), FETCH, then=b"* 1 FETCH (UID 7 BODY[TEXT] {10}\r\nabc"),
    "within streamed content": lambda: _at(selected(), _content(), then=b"* 1 FETCH (UID 7 BODY[] {10}\r\nabc"),
    "behind streamed content": lambda: _at(selected(), _content(), then=b"* 1 FETCH (UID 7 BODY[] {3}\r\nabc"),
    "a literal awaits its +": lambda: _at(selected(), Append("x", b"hello"), Noop()),
    "the last line behind a literal": lambda: _at(selected(), Append("x", b"hello"), then=b"+ go\r\n"),
    "IDLE before its +": lambda: _at(selected("IDLE"), Idle()),
    "IDLE": lambda: _at(selected("IDLE"), Idle(), then=b"+ idling\r\n* 11 EXISTS\r\n"),
    "IDLE with a command behind": lambda: _at(selected("IDLE"), Idle(), Noop(), then=b"+ idling\r\n"),
}
ENDS: dict[str, Callable[[Connection], list[object]]] = {
    "the stream": lambda connection: connection.receive_eof(),
    "the driver": lambda connection: connection.abort("no more"),
}


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_each_command_learns_of_the_end_once(moment, end):
    connection, waiting = moment()

    events = end(connection)

    failed = [one for one in events if isinstance(one, CommandFailed)]
    assert [type(one) for one in events] == [CommandFailed] * len(failed) + [Ended]
    assert sorted(one.tag for one in failed) == sorted(waiting)
    assert all(isinstance(one.error, ConnectionLost) for one in failed)
    _is_over(connection)


@pytest.mark.parametrize("moment", [one for name, one in MOMENTS.items() if not name.startswith(("within", "behind"))])
def test_bye_ends_it_too_unless_a_layer_is_to_be_put_in_first(moment):
    connection, waiting = moment()

    events = connection.receive_data(b"* BYE enough\r\n* BYE enough\r\n+ more\r\nA1 OK x\r\n")
    if not any(isinstance(one, Ended) for one in events):
        assert events == []  # STARTTLS and COMPRESS: what comes now is for the layer
        events = connection.abort("no more")

    failed = [one for one in events if isinstance(one, CommandFailed)]
    assert sorted(one.tag for one in failed) == sorted(waiting)
    assert isinstance(events[-1], Ended)
    _is_over(connection)


def _is_over(connection: Connection) -> None:
    assert connection.state is State.LOGOUT
    assert sent(connection) == b""
    assert connection.receive_data(b"+ go\r\n* OK x\r\nA3 OK x\r\n") == []
    assert (connection.receive_eof(), connection.abort("again"), connection.resume()) == ([], [], [])
    assert connection.selected is None
    assert not connection.awaits_reply
    assert connection.content_wanted is None
    assert not connection.finish_idle()
    with pytest.raises(LocalProtocolError, match="ended"):
        connection.submit(Noop())
    assert sent(connection) == b""
