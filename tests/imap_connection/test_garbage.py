"""Whatever a server sends, the connection answers with events and never raises."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailrules.imap.copy_commands import UidMove
from mailrules.imap.events import CommandCompleted, CommandFailed, Ended
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Idle
from mailrules.imap.states import State
from tests.imap_connection.exchange import selected, sent

SCRAPS = (
    b"* ",
    b"+ ",
    b"A3 ",
    b"A4 ",
    b"A5 ",
    b"OK",
    b"NO",
    b"BYE",
    b" [COPYUID 1 7:8 1:2] x",
    b" [CLOSED]",
    b" [CAPABILITY IMAP4rev1]",
    b"1 FETCH (UID 1 FLAGS (",
    b"3 EXPUNGE",
    b"VANISHED 1:*",
    b"EXISTS",
    b"18446744073709551616",
    b"{3}",
    b")",
    b'"',
    b"\r\n",
    b"\0\xff",
)


@given(st.lists(st.sampled_from(SCRAPS) | st.binary(max_size=8), max_size=40), st.integers(1, 30))
def test_no_bytes_make_the_connection_raise_or_forget_a_command(pieces, size):
    data = b"".join(pieces)
    connection = selected("MOVE IDLE")
    waiting = {
        connection.submit(UidFetch(SequenceSet.of((1, 2)), (FetchItem.FLAGS,))),
        connection.submit(UidMove(SequenceSet.of((7, 8)), "t")),
        connection.submit(Idle()),
    }

    events = [one for start in range(0, len(data), size) for one in connection.receive_data(data[start : start + size])]
    sent(connection)
    events += connection.receive_eof()

    ends = [one.tag for one in events if isinstance(one, CommandCompleted | CommandFailed)]
    assert set(ends) == waiting
    assert len(ends) == len(waiting)
    assert isinstance(events[-1], Ended)
    assert connection.state is State.LOGOUT
