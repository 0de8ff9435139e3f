"""CONDSTORE and QRESYNC (RFC 7162): what is sent, what is told, and what the open mailbox then knows."""

from __future__ import annotations

import pytest

from mailrules.errors import LocalProtocolError, MissingCapability
from mailrules.imap.copy_commands import UidExpunge
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Examine, Select
from mailrules.imap.message_commands import StoreChange, UidFetch, UidFetchChanges, UidStore
from mailrules.imap.resync import Changes, Resync
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.session_commands import Enable, Noop
from tests.imap_connection.exchange import ask, authenticated, selected

BOTH = "ENABLE CONDSTORE QRESYNC"
FLAGS = (FetchItem.FLAGS,)


def uids(text: bytes) -> SequenceSet:
    return parse_sequence_set(text)


def resyncing(capabilities: str = BOTH):
    """A connection that is logged in and has QRESYNC enabled."""
    connection = authenticated(capabilities)
    ask(connection, Enable(("QRESYNC",)), b"* ENABLED QRESYNC\r\nTAG OK\r\n")
    return connection


def test_select_resyncs_and_tells_what_changed():
    # RFC 7162 section 3.2.5.1
    wire, opened = ask(
        resyncing(),
        Select("INBOX", Resync(uidvalidity=67890007, modseq=90060115194045000, known_uids=uids(b"41:211,214:541"))),
        b"* OK [CLOSED]\r\n* 100 EXISTS\r\n* 11 RECENT\r\n* OK [UIDVALIDITY 67890007] UIDVALIDITY\r\n"
        b"* OK [UIDNEXT 600] Predicted next UID\r\n"
        b"* OK [HIGHESTMODSEQ 90060115205545359] Highest mailbox mod-sequence\r\n"
        b"* OK [UNSEEN 7] There are some unseen messages in the mailbox\r\n"
        b"* FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)\r\n"
        b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] Permanent flags\r\n"
        b"* VANISHED (EARLIER) 41,43:116,118,120:211,214:540\r\n"
        b"* 49 FETCH (UID 117 FLAGS (\\Seen \\Answered) MODSEQ (90060115194045001))\r\n"
        b"* 50 FETCH (UID 119 FLAGS (\\Draft $MDNSent) MODSEQ (90060115194045308))\r\n"
        b"* 51 FETCH (UID 541 FLAGS (\\Seen $Forwarded) MODSEQ (90060115194045001))\r\n"
        b"TAG OK [READ-WRITE] mailbox selected\r\n",
    )

    assert wire == b"TAG SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))\r\n"
    assert (opened.exists, opened.highest_modseq) == (100, 90060115205545359)
    assert opened.changes is not None
    assert opened.changes.vanished == uids(b"41,43:116,118,120:211,214:540")
    assert [(one.uid, one.modseq) for one in opened.changes.messages] == [
        (117, 90060115194045001),
        (119, 90060115194045308),
        (541, 90060115194045001),
    ]


def test_another_uidvalidity_tells_no_changes():
    # RFC 7162 section 3.2.5
    wire, opened = ask(
        resyncing(),
        Select("INBOX", Resync(uidvalidity=67890007, modseq=20050715194045000, known_uids=uids(b"41,43:211,214:541"))),
        b"* 464 EXISTS\r\n* 3 RECENT\r\n* OK [UIDVALIDITY 3857529045] UIDVALIDITY\r\n"
        b"* OK [UIDNEXT 550] Predicted next UID\r\n* OK [HIGHESTMODSEQ 90060128194045007] Highest\r\n"
        b"TAG OK [READ-WRITE] Sorry, UIDVALIDITY mismatch\r\n",
    )

    assert wire == b"TAG SELECT INBOX (QRESYNC (67890007 20050715194045000 41,43:211,214:541))\r\n"
    assert (opened.uidvalidity, opened.changes) == (3857529045, None)


def test_a_sample_of_sequence_numbers_goes_along():
    # RFC 7162 section 3.2.5.2
    known = Resync(
        uidvalidity=67890007,
        modseq=90060115194045000,
        known_uids=uids(b"1:29997"),
        sampled_numbers=uids(b"5000,7500,9000,9990:9999"),
        sampled_uids=uids(b"15000,22500,27000,29970,29973,29976,29979,29982,29985,29988,29991,29994,29997"),
    )

    wire, opened = ask(resyncing(), Examine("INBOX", known), b"* OK [UIDVALIDITY 67890007] x\r\nTAG OK\r\n")

    assert wire == (
        b"TAG EXAMINE INBOX (QRESYNC (67890007 90060115194045000 1:29997 (5000,7500,9000,9990:9999 15000,"
        b"22500,27000,29970,29973,29976,29979,29982,29985,29988,29991,29994,29997)))\r\n"
    )
    assert opened.changes == Changes()


def test_what_is_told_before_closed_is_about_the_mailbox_before():
    _, opened = ask(
        resyncing(),
        Select("b", Resync(uidvalidity=5, modseq=7)),
        b"* VANISHED (EARLIER) 1:9\r\n* 1 FETCH (UID 3 FLAGS ())\r\n* OK [CLOSED] x\r\n* 2 EXISTS\r\n"
        b"* OK [UIDVALIDITY 5] x\r\n* 2 FETCH (UID 4 FLAGS ())\r\nTAG OK\r\n",
    )

    assert opened.changes is not None
    assert ([one.uid for one in opened.changes.messages], bool(opened.changes.vanished)) == ([4], False)


@pytest.mark.parametrize(
    "wrong",
    [
        Resync(uidvalidity=0, modseq=1),
        Resync(uidvalidity=1, modseq=0),
        Resync(uidvalidity=1, modseq=1, known_uids=SequenceSet.starting_at(1)),
        Resync(uidvalidity=1, modseq=1, sampled_numbers=uids(b"1:2"), sampled_uids=uids(b"5")),
    ],
)
def test_a_resync_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(LocalProtocolError):
        ask(resyncing(), Select("INBOX", wrong), b"TAG OK\r\n")


def test_qresync_has_to_be_offered_and_enabled():
    resync = Resync(uidvalidity=1, modseq=1)

    with pytest.raises(MissingCapability, match=r"SELECT needs QRESYNC \(RFC 7162\)"):
        ask(authenticated("CONDSTORE"), Select("a", resync), b"TAG OK\r\n")
    with pytest.raises(LocalProtocolError, match=r"SELECT: run Enable\(\('QRESYNC',\)\) first"):
        ask(authenticated(BOTH), Select("a", resync), b"TAG OK\r\n")


def test_fetch_may_ask_for_what_changed_only():
    # RFC 7162 section 3.2.6, example 1
    wire, messages = ask(
        selected("CONDSTORE"),
        UidFetch(uids(b"300:500"), FLAGS, changed_since=12345),
        b"* 1 FETCH (UID 404 MODSEQ (65402) FLAGS (\\Seen))\r\n* 2 FETCH (UID 406 MODSEQ (75403) FLAGS (\\Deleted))\r\n"
        b"* 4 FETCH (UID 408 MODSEQ (29738) FLAGS ($NoJunk $AutoJunk $MDNSent))\r\nTAG OK FETCH completed\r\n",
    )

    assert wire == b"TAG UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345)\r\n"
    assert [(one.uid, one.modseq) for one in messages] == [(404, 65402), (406, 75403), (408, 29738)]


def test_fetch_may_ask_for_what_is_gone_too():
    # RFC 7162 section 3.2.6
    connection = selected(BOTH)
    connection.receive_data(b"* ENABLED QRESYNC\r\n")

    wire, changes = ask(
        connection,
        UidFetchChanges(uids(b"300:500"), FLAGS, 12345),
        b"* VANISHED (EARLIER) 300:310,405,411\r\n"
        b"* 1 FETCH (UID 404 MODSEQ (65402) FLAGS (\\Seen))\r\n* 2 FETCH (UID 406 MODSEQ (75403) FLAGS (\\Deleted))\r\n"
        b"* 4 FETCH (UID 408 MODSEQ (29738) FLAGS ($NoJunk $AutoJunk $MDNSent))\r\n"
        b"* VANISHED 412\r\n* 5 FETCH (UID 501 FLAGS ())\r\nTAG OK FETCH completed\r\n",
    )

    assert wire == b"TAG UID FETCH 300:500 (FLAGS) (CHANGEDSINCE 12345 VANISHED)\r\n"
    assert changes.vanished == uids(b"300:310,405,411")
    assert [one.uid for one in changes.messages] == [404, 406, 408]
    assert connection.selected is not None
    assert connection.selected.exists == 9  # of ten; EARLIER ones were not counted any more


@pytest.mark.parametrize(
    "command",
    [
        UidFetch(uids(b"1"), FLAGS, changed_since=1),
        UidFetch(uids(b"1"), (FetchItem.MODSEQ,)),
        UidStore(uids(b"1"), StoreChange.ADD, ("x",), 1),
    ],
)
def test_a_server_without_condstore_is_not_asked(command):
    with pytest.raises(MissingCapability, match=r"needs CONDSTORE \(RFC 7162\)"):
        ask(selected(), command, b"TAG OK\r\n")

    assert ask(selected("QRESYNC"), command, b"TAG OK\r\n")[0].startswith(b"TAG UID ")


def test_a_silent_store_is_confirmed_by_modseq():
    # After RFC 7162 section 3.1.3, example 1 and 10, in UIDs
    wire, result = ask(
        selected("CONDSTORE"),
        UidStore(uids(b"6,8"), StoreChange.ADD, ("\\Seen",), 96, is_silent=True),
        b"* 1 FETCH (UID 6 MODSEQ (103))\r\nTAG OK [MODIFIED 8] done\r\n",
    )

    assert wire == b"TAG UID STORE 6,8 (UNCHANGEDSINCE 96) +FLAGS.SILENT (\\Seen)\r\n"
    assert ([one.uid for one in result.confirmed], result.modified) == ([6], uids(b"8"))


@pytest.mark.parametrize(
    ("echo", "is_confirmed"),
    [(b"(\\Seen work)", True), (b"(work \\SEEN \\Recent)", True), (b"(\\Seen)", False), (b"(\\Seen work x)", False)],
)
def test_a_store_that_replaces_is_confirmed_by_exactly_those_flags(echo, is_confirmed):
    wire, result = ask(
        selected(),
        UidStore(uids(b"6"), StoreChange.REPLACE, ("\\Seen", "work")),
        b"* 1 FETCH (UID 6 FLAGS %b)\r\nTAG OK\r\n" % echo,
    )

    assert wire == b"TAG UID STORE 6 FLAGS (\\Seen work)\r\n"
    assert bool(result.confirmed) is is_confirmed


def modseq_after(connection, answer: bytes) -> int | None:
    ask(connection, Noop(), answer)
    assert connection.selected is not None
    return connection.selected.highest_modseq


def test_the_modseq_to_resync_from_grows_only_when_it_is_safe():
    connection = selected("CONDSTORE")

    assert modseq_after(connection, b"* 1 FETCH (UID 6 MODSEQ (103))\r\nTAG OK\r\n") is None
    assert modseq_after(connection, b"* OK [HIGHESTMODSEQ 95] x\r\nTAG OK\r\n") == 95
    # RFC 7162 section 6
    assert (
        modseq_after(
            connection,
            b"* 1 FETCH (UID 6 MODSEQ (103))\r\n* 2 FETCH (UID 7 MODSEQ (101))\r\n"
            b"* OK [HIGHESTMODSEQ 99] VANISHED reply with MODSEQ 100 is delayed\r\nTAG OK [MODIFIED 3] done\r\n",
        )
        == 99
    )
    assert (
        modseq_after(
            connection, b"* 3 FETCH (UID 8 MODSEQ (104))\r\nTAG OK [HIGHESTMODSEQ 99] Still delaying VANISHED\r\n"
        )
        == 99
    )
    assert modseq_after(connection, b"* VANISHED 8\r\nTAG OK [HIGHESTMODSEQ 104] done\r\n") == 104
    connection.receive_data(b"* 1 FETCH (UID 6 MODSEQ (110))\r\n* 2 FETCH (UID 7 MODSEQ (107))\r\n")
    assert connection.selected is not None
    assert connection.selected.highest_modseq == 104
    assert modseq_after(connection, b"TAG OK done\r\n") == 110


def test_expunge_tells_the_modseq_that_it_made():
    # RFC 7162 section 3.2.9
    connection = selected("UIDPLUS CONDSTORE")

    ask(
        connection,
        UidExpunge(uids(b"3000:3002")),
        b"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n* 3 EXPUNGE\r\nTAG OK [HIGHESTMODSEQ 20010715194045319] Ok\r\n",
    )

    assert connection.selected is not None
    assert (connection.selected.exists, connection.selected.highest_modseq) == (7, 20010715194045319)


def test_a_mailbox_may_keep_no_modseq_no_uids_and_have_an_identifier():
    _, opened = ask(
        authenticated("CONDSTORE UIDPLUS OBJECTID"),
        Select("foo"),
        b"* 1 EXISTS\r\n* OK [HIGHESTMODSEQ 5] x\r\n"
        b"* OK [NOMODSEQ] Sorry, this mailbox format doesn't support modsequences\r\n"
        b"* NO [UIDNOTSTICKY] Non-persistent UIDs\r\n"
        b"* OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Ok\r\nTAG OK [READ-WRITE] Completed\r\n",
    )

    assert (opened.highest_modseq, opened.uids_are_sticky) == (None, False)
    assert opened.mailbox_id == "F2212ea87-6097-4256-9d51-71338625"
