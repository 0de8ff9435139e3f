"""Which commands of extensions may be in flight together, and what a hostile server makes of their answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.errors import IMAPError
from mailrules.imap.append_commands import MultiAppend, NewMessage, UidReplace
from mailrules.imap.copy_commands import UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.message_commands import StoreChange, UidFetch, UidFetchChanges, UidStore, UidStoreLabels
from mailrules.imap.pipelining import may_overlap
from mailrules.imap.resync import Resync
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Enable, Noop
from mailrules.imap.url_commands import GenUrlAuth, GetJmapAccess, ResetKey, UrlFetch
from mailrules.imap.watch_commands import CancelUpdate, EventGroup, Notify, NotifyNone, UidSearchWatched, Watched
from mailrules.imap.watch_commands import WatchEvent as Event
from tests.imap_connection.exchange import ask, outcome_of, selected, sent

LOW, HIGH = SequenceSet.of((1, 2, 3)), SequenceSet.of((7, 8))
FETCH = UidFetch(LOW, (FetchItem.FLAGS,))
CHANGES = UidFetchChanges(HIGH, (FetchItem.FLAGS,), 5)
NOTIFY = Notify((EventGroup(Watched.PERSONAL, (Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE)),), with_status=True)
WATCHED = UidSearchWatched(All())
SIGN = GenUrlAuth(("imap://x",))
APPENDS = MultiAppend("t", (NewMessage(b"x"),))
REPLACE = UidReplace(2, "t", b"x")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(APPENDS, APPENDS), (APPENDS, FETCH), (REPLACE, CHANGES), (WATCHED, WATCHED), (WATCHED, FETCH), (SIGN, FETCH),
     (GetJmapAccess(), FETCH), (CancelUpdate(("A1",)), FETCH), (UidStoreLabels(LOW, StoreChange.ADD, ("x",)), CHANGES)],
)  # fmt: skip
def test_these_may_be_in_flight_together(earlier, later):
    assert may_overlap(earlier, later)
    assert may_overlap(later, earlier)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [(CHANGES, FETCH), (CHANGES, CHANGES), (REPLACE, FETCH), (REPLACE, UidMove(LOW, "t")), (NOTIFY, Status("a")),
     (NOTIFY, NotifyNone()), (SIGN, SIGN), (SIGN, UrlFetch(("u",))), (ResetKey(), UrlFetch(("u",))),
     (Enable(("QRESYNC",)), Select("a", Resync(uidvalidity=1, modseq=1))),
     (UidStoreLabels(LOW, StoreChange.ADD, ("x",)), FETCH)],
)  # fmt: skip
def test_these_wait_for_each_other(earlier, later):
    assert not may_overlap(earlier, later)
    assert not may_overlap(later, earlier)


CAPABILITIES = (
    "CONDSTORE QRESYNC MULTIAPPEND REPLACE NOTIFY CONTEXT=SEARCH URLAUTH JMAPACCESS X-GM-EXT-1 MOVE UIDPLUS LITERAL+"
)
COMMANDS = (
    FETCH, CHANGES, NOTIFY, NotifyNone(), WATCHED, SIGN, UrlFetch(("u",)), ResetKey("a"), GetJmapAccess(),
    APPENDS, REPLACE, CancelUpdate(("A1",)), UidStoreLabels(LOW, StoreChange.ADD, ("x",)),
    UidStore(LOW, StoreChange.REPLACE, ("x",), 5), Select("b", Resync(uidvalidity=5, modseq=1)),
)  # fmt: skip
WORDS = st.sampled_from(
    rb"""VANISHED (EARLIER) 1:3 * 4294967295 FETCH UIDFETCH (UID 7) (MODSEQ (9)) (X-GM-LABELS (x)) ESEARCH UID ALL
    (TAG "A3") ADDTO REMOVEFROM (0 1:4294967295) COUNT STATUS INBOX (MESSAGES 1) GENURLAUTH URLFETCH "u" NIL OK NO
    JMAPACCESS [CLOSED] [MESSAGELIMIT 2 5] [APPENDUID 1 2:9] [NOUPDATE "A3"] [URLMECH INTERNAL] [MODIFIED 1:9]
    [HIGHESTMODSEQ 4] [UIDVALIDITY 5] EXISTS EXPUNGE LIST (\NoAccess) {3} "x" ( )""".split()
)
LINES = st.lists(st.lists(WORDS, max_size=6).map(b" ".join), max_size=8)


@given(command=st.sampled_from(COMMANDS), lines=LINES, code=st.lists(WORDS, max_size=3).map(b" ".join))
def test_no_answer_makes_a_command_raise_anything_undocumented(command, lines, code):
    connection = selected(CAPABILITIES)
    connection.receive_data(b"* ENABLED QRESYNC\r\n")
    tag = connection.submit(command)
    sent(connection)

    events = connection.receive_data(b"".join(b"* " + line.replace(b"{3}", b"x") + b"\r\n" for line in lines))
    events += connection.receive_data(f"{tag} OK ".encode() + code + b" done\r\n")

    try:
        outcome_of(tag, events)
    except IMAPError:
        return
    if connection.state.name in {"SELECTED", "AUTHENTICATED"}:
        assert ask(connection, Noop(), b"TAG OK\r\n")[1] is None
