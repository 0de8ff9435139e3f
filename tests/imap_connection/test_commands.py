"""Every command: the bytes it sends and the result it reads."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from mailrules.errors import CommandRefused, LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.imap.access_commands import DeleteAcl, GetAcl, MyRights, SetAcl
from mailrules.imap.append_commands import Append
from mailrules.imap.copy_commands import CopiedMessages, UidCopy, UidExpunge, UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.list_commands import List, ListExtended, ListNamespaces, Lsub
from mailrules.imap.mailbox_commands import Create, Delete, Examine, Select, Status, Subscribe, Unselect, Unsubscribe
from mailrules.imap.mailbox_data import StatusData, StatusItem
from mailrules.imap.message_commands import SearchReturn, StoreChange, UidFetch, UidSearch, UidStore
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_keys import AllOf, AnyOf, Contains, HasFlag, Not, OlderThan, TextField, Uids
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Capability, Enable, Id, Noop
from mailrules.imap.writer import BodySection
from tests.imap_connection.exchange import ask, authenticated, greeted, selected, sent

UIDS = SequenceSet.of((4, 5, 9))
UNSEEN = Not(HasFlag("\\Seen"))


def test_capability_is_upper_case_and_may_come_in_the_code():
    assert ask(greeted(), Capability(), b"* CAPABILITY imap4rev1 Move\r\nTAG OK\r\n") == (
        b"TAG CAPABILITY\r\n",
        frozenset({"IMAP4REV1", "MOVE"}),
    )
    assert ask(greeted(), Capability(), b"TAG OK [CAPABILITY IDLE] x\r\n")[1] == frozenset({"IDLE"})


def test_capability_without_an_answer_is_an_error():
    with pytest.raises(RemoteProtocolError, match="CAPABILITY"):
        ask(greeted(), Capability(), b"TAG OK\r\n")


def test_noop_wants_only_the_ok():
    assert ask(greeted(), Noop(), b"TAG OK\r\n") == (b"TAG NOOP\r\n", None)


def test_id_sends_pairs_and_reads_pairs():
    wire, told = ask(
        greeted("ID"), Id((("name", "mailrules"), ("version", "1"))), b'* ID ("Name" "Dovecot")\r\nTAG OK\r\n'
    )

    assert wire == b'TAG ID ("name" "mailrules" "version" "1")\r\n'
    assert told == {"name": "Dovecot"}


def test_id_may_say_nothing_both_ways():
    assert ask(greeted("ID"), Id(), b"* ID NIL\r\nTAG OK\r\n") == (b"TAG ID NIL\r\n", None)
    assert ask(greeted("ID"), Id(), b"TAG OK\r\n")[1] is None


def test_enable_gives_what_is_enabled_even_if_the_server_does_not_say():
    connection = authenticated("ENABLE QRESYNC")

    wire, enabled = ask(connection, Enable(("CONDSTORE", "QRESYNC")), b"* ENABLED QRESYNC\r\nTAG OK\r\n")

    assert wire == b"TAG ENABLE CONDSTORE QRESYNC\r\n"
    assert enabled == frozenset({"QRESYNC"})
    assert ask(connection, Enable(("CONDSTORE",)), b"TAG OK\r\n")[1] == frozenset()  # iCloud


@pytest.mark.parametrize(
    ("capabilities", "wire"),
    [
        ("", b'TAG LIST "" "*"\r\n'),
        ("SPECIAL-USE", b'TAG LIST "" "*"\r\n'),
        ("LIST-EXTENDED", b'TAG LIST "" "*" RETURN (SUBSCRIBED)\r\n'),
        ("LIST-EXTENDED SPECIAL-USE", b'TAG LIST "" "*" RETURN (SPECIAL-USE SUBSCRIBED)\r\n'),
    ],
)
def test_list_asks_for_what_the_server_understands(capabilities, wire):
    sent_bytes, mailboxes = ask(
        authenticated(capabilities),
        List(),
        b'* LIST (\\HasNoChildren \\Trash) "/" "Bin &AOQ-"\r\n* LSUB () "/" other\r\n* LIST () NIL inbox\r\nTAG OK\r\n',
    )

    assert sent_bytes == wire
    assert [(one.mailbox, one.delimiter) for one in mailboxes] == [("Bin ä", "/"), ("INBOX", "")]
    assert "\\trash" in mailboxes[0].attributes


def test_list_may_be_asked_plainly_of_a_server_that_answers_nothing_to_return():
    connection = authenticated("LIST-EXTENDED")
    assert ask(connection, List(), b"TAG OK\r\n")[1] == ()

    wire, mailboxes = ask(connection, List("a%", is_plain=True), b'* LIST () "/" ab\r\nTAG OK\r\n')

    assert wire == b'TAG LIST "" "a%"\r\n'
    assert [one.mailbox for one in mailboxes] == ["ab"]


def test_lsub_claims_its_own_lines_only():
    wire, mailboxes = ask(authenticated(), Lsub(), b'* LIST () "/" a\r\n* LSUB () "/" b\r\nTAG OK\r\n')

    assert wire == b'TAG LSUB "" "*"\r\n'
    assert [one.mailbox for one in mailboxes] == ["b"]


def test_namespace():
    wire, told = ask(
        authenticated("NAMESPACE"), ListNamespaces(), b'* NAMESPACE (("" "/")) NIL (("pub/" "/"))\r\nTAG OK\r\n'
    )

    assert wire == b"TAG NAMESPACE\r\n"
    assert (told.personal[0].delimiter, told.other_users, told.shared[0].prefix) == ("/", (), "pub/")


def test_namespace_without_an_answer_is_an_error():
    with pytest.raises(RemoteProtocolError, match="NAMESPACE"):
        ask(authenticated("NAMESPACE"), ListNamespaces(), b"TAG OK\r\n")


def test_status_asks_for_modseq_where_there_is_condstore():
    wire, told = ask(
        authenticated("CONDSTORE"),
        Status("Füße"),
        b"* STATUS other (MESSAGES 9)\r\n"
        b"* STATUS F&APwA3w-e (MESSAGES 2 UIDNEXT 7 UIDVALIDITY 3 HIGHESTMODSEQ 88)\r\nTAG OK\r\n",
    )

    assert wire == b"TAG STATUS F&APwA3w-e (MESSAGES UIDNEXT UIDVALIDITY HIGHESTMODSEQ)\r\n"
    assert (told.mailbox, told.messages, told.uidnext, told.uidvalidity, told.highest_modseq) == ("Füße", 2, 7, 3, 88)


def test_status_is_whole_though_notify_tells_of_the_mailbox_in_the_same_moment():
    _, told = ask(
        authenticated(),
        Status("Archive"),
        b"* STATUS Archive (UIDVALIDITY 3 HIGHESTMODSEQ 87)\r\n"
        b"* STATUS Archive (MESSAGES 2 UIDNEXT 7 UIDVALIDITY 3)\r\n"
        b"* STATUS Archive (MESSAGES 0 UIDVALIDITY 3 HIGHESTMODSEQ 88)\r\nTAG OK\r\n",
    )

    assert told == StatusData(mailbox="Archive", messages=0, uidnext=7, uidvalidity=3, highest_modseq=88)

    _, (listed,) = ask(
        authenticated("LIST-EXTENDED LIST-STATUS"),
        ListExtended(status=(StatusItem.MESSAGES, StatusItem.UIDNEXT)),
        b'* LIST () "/" Archive\r\n* STATUS Archive (MESSAGES 2 UIDNEXT 7)\r\n'
        b"* STATUS Archive (UIDVALIDITY 3 HIGHESTMODSEQ 88)\r\nTAG OK\r\n",
    )

    assert listed.status == StatusData(mailbox="Archive", messages=2, uidnext=7, uidvalidity=3, highest_modseq=88)


def test_status_of_inbox_is_found_in_any_case():
    wire, told = ask(authenticated(), Status("inbox"), b"* STATUS InBox (MESSAGES 2)\r\nTAG OK\r\n")

    assert wire == b"TAG STATUS inbox (MESSAGES UIDNEXT UIDVALIDITY)\r\n"
    assert (told.mailbox, told.messages) == ("inbox", 2)


def test_status_of_another_mailbox_only_is_an_error():
    with pytest.raises(RemoteProtocolError, match="Work"):
        ask(authenticated(), Status("Work"), b"* STATUS other (MESSAGES 9)\r\nTAG OK\r\n")


def test_select_tells_all_about_the_mailbox():
    connection = authenticated("CONDSTORE")

    wire, opened = ask(
        connection,
        Select("a b"),
        b"* FLAGS (\\Seen $x)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n* 17 EXISTS\r\n* 0 RECENT\r\n"
        b"* OK [UNSEEN 2] x\r\n* OK [UIDVALIDITY 11] x\r\n* OK [UIDNEXT 99] x\r\n* OK [HIGHESTMODSEQ 5] x\r\n"
        b"TAG OK [READ-WRITE] done\r\n",
    )

    assert wire == b'TAG SELECT "a b" (CONDSTORE)\r\n'
    assert (opened.mailbox, opened.exists, opened.uidvalidity, opened.uidnext, opened.highest_modseq) == (
        "a b",
        17,
        11,
        99,
        5,
    )
    assert opened.flags == frozenset({"\\Seen", "$x"})
    assert opened.permanent_flags == frozenset({"\\Seen", "\\*"})
    assert not opened.read_only
    assert connection.selected is not None
    assert connection.selected.opened() == opened


def test_examine_is_read_only_whatever_the_server_says_of_it():
    wire, opened = ask(authenticated(), Examine("INBOX"), b"* 1 EXISTS\r\nTAG OK done\r\n")

    assert wire == b"TAG EXAMINE INBOX\r\n"
    assert opened.read_only


def test_select_may_turn_out_to_be_read_only():
    assert ask(authenticated(), Select("INBOX"), b"TAG OK [READ-ONLY] done\r\n")[1].read_only


def test_what_comes_before_closed_is_about_the_old_mailbox():
    _, opened = ask(
        selected(), Select("b"), b"* 99 EXISTS\r\n* OK [CLOSED] x\r\n* 2 EXISTS\r\nTAG OK [READ-WRITE] x\r\n"
    )

    assert opened.exists == 2


@pytest.mark.parametrize(
    ("command", "wire"),
    [
        (Delete("x"), b"TAG DELETE x\r\n"),
        (Subscribe("x"), b"TAG SUBSCRIBE x\r\n"),
        (Unsubscribe("x"), b"TAG UNSUBSCRIBE x\r\n"),
        (SetAcl("x", "bob", "lrs"), b"TAG SETACL x bob lrs\r\n"),
        (SetAcl("x", "anyone", "-w"), b"TAG SETACL x anyone -w\r\n"),
        (DeleteAcl("x", "a b"), b'TAG DELETEACL x "a b"\r\n'),
    ],
)
def test_commands_that_only_succeed_or_not(command, wire):
    assert ask(authenticated("ACL"), command, b"TAG OK done\r\n") == (wire, None)


def test_a_refusal_carries_status_code_and_words():
    with pytest.raises(CommandRefused) as refused:
        ask(authenticated(), Create("x"), b"TAG NO [alreadyexists] It is there\r\n")

    error = refused.value
    assert (error.command, error.status, error.code, error.text) == ("CREATE", "NO", "ALREADYEXISTS", "It is there")


def test_unselect_leaves_no_mailbox_open_and_the_capabilities_current():
    connection = selected("UNSELECT")

    assert ask(connection, Unselect(), b"TAG OK\r\n") == (b"TAG UNSELECT\r\n", None)
    assert connection.selected is None
    assert connection.capabilities_are_current


def test_acl_and_rights():
    connection = authenticated("ACL")

    assert ask(connection, GetAcl("x"), b"* ACL y bob a\r\n* ACL x bob lrs anyone l\r\nTAG OK\r\n")[1].entries == {
        "bob": "lrs",
        "anyone": "l",
    }
    assert ask(connection, MyRights("x"), b"* MYRIGHTS x lrswa\r\nTAG OK\r\n") == (b"TAG MYRIGHTS x\r\n", "lrswa")


@pytest.mark.parametrize("command", [GetAcl("x"), MyRights("x")])
def test_rights_without_an_answer_are_an_error(command):
    with pytest.raises(RemoteProtocolError, match="'x'"):
        ask(authenticated("ACL"), command, b"TAG OK\r\n")


def test_append_sends_flags_date_and_literal():
    moment = datetime(1996, 7, 1, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7)))

    wire, told = ask(
        authenticated("LITERAL+"),
        Append("Sent", b"From: x\r\n\r\nhi", ("\\Seen", "$k"), moment),
        b"TAG OK [APPENDUID 38505 3955] done\r\n",
    )

    assert wire == (b'TAG APPEND Sent (\\Seen $k) " 1-Jul-1996 02:44:25 -0700" {13+}\r\nFrom: x\r\n\r\nhi\r\n')
    assert told is not None
    assert (told.uidvalidity, tuple(told.uids)) == (38505, (3955,))


@pytest.mark.parametrize("code", [b"", b"[APPENDUID 1 1:2]", b"[APPENDUID 1 1:*]", b"[APPENDUID x y]"])
def test_append_without_one_uid_confirms_nothing(code):
    assert ask(authenticated("LITERAL+"), Append("x", b"y"), b"TAG OK %b done\r\n" % code)[1] is None


def test_fetch_sends_typed_items_and_never_sets_seen():
    items = (
        *FetchItem,
        BodySection(header_fields=("From", "List-Id")),
        BodySection(part="1.2"),
        BodySection(),
    )

    wire, _ = ask(selected("CONDSTORE OBJECTID PREVIEW SAVEDATE X-GM-EXT-1"), UidFetch(UIDS, items), b"TAG OK\r\n")

    assert wire == (
        b"TAG UID FETCH 4:5,9 (UID FLAGS INTERNALDATE RFC822.SIZE MODSEQ ENVELOPE BODYSTRUCTURE EMAILID THREADID "
        b"PREVIEW SAVEDATE X-GUID X-GM-MSGID X-GM-THRID X-GM-LABELS BODY.PEEK[HEADER.FIELDS (From List-Id)] "
        b"BODY.PEEK[1.2] BODY.PEEK[])\r\n"
    )


def test_fetch_gives_one_value_for_each_message_and_the_last_word_counts():
    _, messages = ask(
        selected(),
        UidFetch(UIDS, (FetchItem.FLAGS, BodySection(part="1"))),
        b"* 2 FETCH (UID 5 FLAGS ())\r\n* 1 FETCH (UID 4 FLAGS () BODY[1] {2}\r\nab)\r\n"
        b"* 2 FETCH (UID 5 BODY[1] {1}\r\nc)\r\n* 1 FETCH (UID 4 FLAGS (\\Seen))\r\n* 7 FETCH (UID 8 FLAGS ())\r\n"
        b"* 3 FETCH (FLAGS (\\Seen))\r\nTAG OK\r\n",
    )

    assert [(one.uid, one.flags, dict(one.sections)) for one in messages] == [
        (4, frozenset({"\\Seen"}), {"1": b"ab"}),
        (5, frozenset(), {"1": b"c"}),
    ]


def test_fetch_to_a_sink_keeps_nothing():
    seen: list[int | None] = []

    _, messages = ask(
        selected(),
        UidFetch(UIDS, (FetchItem.FLAGS,), lambda one: seen.append(one.uid)),
        b"* 2 FETCH (UID 5 FLAGS ())\r\n* 1 FETCH (UID 4 FLAGS ())\r\nTAG OK\r\n",
    )

    assert (seen, messages) == ([5, 4], ())


def test_fetch_from_a_uid_on_takes_the_last_message_that_the_server_gives_anyway():
    connection = selected()

    wire, messages = ask(
        connection,
        UidFetch(SequenceSet.starting_at(100), (FetchItem.FLAGS,)),
        b"* 10 FETCH (UID 99 FLAGS ())\r\nTAG OK\r\n",
    )

    assert wire == b"TAG UID FETCH 100:* (FLAGS)\r\n"
    assert [one.uid for one in messages] == [99]
    assert not connection.has_news


def test_store_confirms_only_what_the_echo_shows():
    wire, result = ask(
        selected("CONDSTORE"),
        UidStore(UIDS, StoreChange.ADD, ("\\Flagged", "work"), unchanged_since=12),
        b"* 1 FETCH (UID 4 FLAGS (\\Flagged Work) MODSEQ (20))\r\n* 2 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (13))\r\n"
        b"* 3 FETCH (UID 9 FLAGS (\\Flagged work) MODSEQ (14))\r\nTAG OK [MODIFIED 5,9] conditional\r\n",
    )

    assert wire == b"TAG UID STORE 4:5,9 (UNCHANGEDSINCE 12) +FLAGS (\\Flagged work)\r\n"
    assert [(one.uid, one.modseq) for one in result.confirmed] == [(4, 20)]
    assert tuple(result.modified) == (5, 9)


def test_store_may_remove_flags():
    wire, result = ask(
        selected(),
        UidStore(UIDS, StoreChange.REMOVE, ("\\Seen",)),
        b"* 1 FETCH (UID 4 FLAGS (\\Draft))\r\n* 2 FETCH (UID 5 FLAGS (\\SEEN))\r\n* 3 FETCH (UID 9)\r\nTAG OK\r\n",
    )

    assert wire == b"TAG UID STORE 4:5,9 -FLAGS (\\Seen)\r\n"
    assert [one.uid for one in result.confirmed] == [4]
    assert not result.modified


def test_copy_is_confirmed_by_the_tagged_code():
    wire, copied = ask(selected(), UidCopy(UIDS, "a b"), b"TAG OK [COPYUID 38505 4:5,9 30:32] done\r\n")

    assert wire == b'TAG UID COPY 4:5,9 "a b"\r\n'
    assert copied == CopiedMessages(uidvalidity=38505, uids={4: 30, 5: 31, 9: 32})


def test_move_is_confirmed_by_untagged_codes_in_pieces():
    connection = selected("MOVE")

    wire, moved = ask(
        connection,
        UidMove(UIDS, "x"),
        b"* OK [COPYUID 7 4:5 30:31] x\r\n* 1 EXPUNGE\r\n* 1 EXPUNGE\r\n"
        b"* OK [COPYUID 7 9 40] x\r\n* 2 EXPUNGE\r\nTAG OK\r\n",
    )

    assert wire == b"TAG UID MOVE 4:5,9 x\r\n"
    assert moved == CopiedMessages(uidvalidity=7, uids={4: 30, 5: 31, 9: 40})
    assert connection.selected is not None
    assert connection.selected.exists == 7
    assert not connection.has_news  # our own doing


@pytest.mark.parametrize(
    "codes",
    [
        [],
        [b"COPYUID 7 4 30:31"],
        [b"COPYUID 7 4:5 30"],
        [b"COPYUID 7 4:6 30:32"],
        [b"COPYUID 7 4,20 30:31"],
        [b"COPYUID 7 1:4294967295 1:4294967295"],
        [b"COPYUID 7 4 30", b"COPYUID 8 5 31"],
        [b"COPYUID 7 4 30", b"COPYUID 7 4 31"],
        [b"COPYUID 7 4 30", b"COPYUID 7 5 30"],
    ],
)
def test_a_copyuid_that_does_not_fit_confirms_nothing(codes):
    *untagged, last = codes or [b"X"]
    answer = b"".join(b"* OK [%b] x\r\n" % code for code in untagged) + b"TAG OK [%b] x\r\n" % last

    assert ask(selected("MOVE"), UidMove(UIDS, "x"), answer)[1] == CopiedMessages()
    if len(codes) < 2:
        assert ask(selected(), UidCopy(UIDS, "x"), answer)[1] == CopiedMessages()


def test_expunge_names_the_messages_whose_numbers_are_known():
    connection = selected("UIDPLUS")
    ask(
        connection,
        UidStore(UIDS, StoreChange.ADD, ("\\Deleted",)),
        b"* 4 FETCH (UID 4 FLAGS (\\Deleted))\r\n* 5 FETCH (UID 5 FLAGS (\\Deleted))\r\nTAG OK\r\n",
    )

    wire, gone = ask(connection, UidExpunge(UIDS), b"* 4 EXPUNGE\r\n* 4 EXPUNGE\r\n* 7 EXPUNGE\r\nTAG OK\r\n")

    assert wire == b"TAG UID EXPUNGE 4:5,9\r\n"
    assert gone == (4, 5)


def test_expunge_reads_vanished():
    _, gone = ask(selected("UIDPLUS"), UidExpunge(UIDS), b"* VANISHED (EARLIER) 4\r\n* VANISHED 5,9,12\r\nTAG OK\r\n")

    assert gone == (5, 9)


@pytest.mark.parametrize(
    "command",
    [
        UidStore(SequenceSet.starting_at(1), StoreChange.ADD, ("\\Deleted",)),
        UidCopy(SequenceSet.starting_at(1), "x"),
        UidMove(SequenceSet.starting_at(1), "x"),
        UidExpunge(SequenceSet.starting_at(1)),
    ],
)
def test_what_changes_messages_takes_exact_uids(command):
    connection = selected("MOVE UIDPLUS")

    with pytest.raises(LocalProtocolError, match="exact UIDs"):
        connection.submit(command)

    assert sent(connection) == b""


def test_search_is_ascending_and_may_come_in_pieces_or_not_at_all():
    key = AllOf((UNSEEN, Uids(UIDS)))

    assert ask(selected(), UidSearch(key), b"* SEARCH 9 4\r\n* SEARCH 5\r\nTAG OK\r\n") == (
        b"TAG UID SEARCH NOT SEEN UID 4:5,9\r\n",
        (4, 5, 9),
    )
    assert ask(selected(), UidSearch(UNSEEN), b"* SEARCH\r\nTAG OK\r\n")[1] == ()
    assert ask(selected(), UidSearch(UNSEEN), b"TAG OK\r\n")[1] == ()


def test_search_names_its_charset_unless_told_not_to():
    key = Contains(TextField.SUBJECT, "Grüße")

    named, _ = ask(selected("LITERAL+"), UidSearch(key), b"TAG OK\r\n")
    unnamed, _ = ask(selected("LITERAL+"), UidSearch(key, names_charset=False), b"TAG OK\r\n")

    assert named == "TAG UID SEARCH CHARSET UTF-8 SUBJECT {7+}\r\nGrüße\r\n".encode()
    assert unnamed == "TAG UID SEARCH SUBJECT {7+}\r\nGrüße\r\n".encode()


def test_a_plain_search_asks_for_the_extensions_of_its_keys():
    with pytest.raises(MissingCapability, match=r"UID SEARCH needs WITHIN \(RFC 5032\)"):
        selected().submit(UidSearch(AnyOf((Not(OlderThan(60)), UNSEEN))))


def test_a_search_answer_that_cannot_be_read_is_not_taken_for_no_messages():
    with pytest.raises(RemoteProtocolError, match="SEARCH"):
        ask(selected(), UidSearch(UNSEEN), b"* SEARCH 1 x 2\r\nTAG OK\r\n")


def test_search_return_takes_the_answer_with_its_tag():
    wire, told = ask(
        selected("ESEARCH"),
        UidSearchFor(UNSEEN, (SearchReturn.ALL, SearchReturn.COUNT)),
        b'* ESEARCH (TAG "A99") UID ALL 1\r\n* ESEARCH (TAG "TAG") UID ALL 2:4,9 COUNT 4\r\nTAG OK\r\n',
    )

    assert wire == b"TAG UID SEARCH RETURN (ALL COUNT) NOT SEEN\r\n"
    assert told.all_uids is not None
    assert (tuple(told.all_uids), told.count) == ((2, 3, 4, 9), 4)


@pytest.mark.parametrize("answer", [b"", b'* ESEARCH (TAG "TAG") UID ALL x\r\n'])
def test_search_return_without_a_readable_answer_is_an_error(answer):
    with pytest.raises(RemoteProtocolError, match="UID SEARCH RETURN"):
        ask(selected("ESEARCH"), UidSearchFor(UNSEEN), answer + b"TAG OK\r\n")


@pytest.mark.parametrize(
    ("command", "extension"),
    [
        (UidMove(UIDS, "x"), "MOVE"),
        (UidExpunge(UIDS), "UIDPLUS"),
        (GetAcl("x"), "ACL"),
        (UidSearchFor(UNSEEN), "ESEARCH"),
        (Unselect(), "UNSELECT"),
    ],
)
def test_a_lacking_extension_is_named_and_nothing_is_sent(command, extension):
    connection = selected()

    with pytest.raises(MissingCapability, match=rf"needs {extension} \(RFC \d+\)"):
        connection.submit(command)

    assert sent(connection) == b""


def test_imap4rev2_has_move_built_in():
    assert ask(selected("IMAP4rev2"), UidMove(UIDS, "x"), b"TAG OK\r\n")[0] == b"TAG UID MOVE 4:5,9 x\r\n"


@pytest.mark.parametrize("text", ["a\r\nA9 DELETE INBOX", "a\0b", "a\nb"])
def test_line_ends_in_an_argument_never_become_a_command(text):
    connection = authenticated("ACL")

    with pytest.raises(LocalProtocolError):
        connection.submit(SetAcl("x", text, "l"))

    assert sent(connection) == b""
    assert ask(connection, Subscribe(text), b"TAG OK\r\n")[0].count(b"\n") == 1  # encoded, as other odd characters
