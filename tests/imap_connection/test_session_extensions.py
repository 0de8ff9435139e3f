"""What changes a session: IMAP4rev2, UTF-8, languages, and logging out to log in again."""

from __future__ import annotations

import pytest

from mailrules.errors import CommandRefused, LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.imap.language_commands import Comparator, Language
from mailrules.imap.language_data import ComparatorData
from mailrules.imap.list_commands import List
from mailrules.imap.mailbox_commands import Create, Select, Status
from mailrules.imap.message_commands import UidSearch
from mailrules.imap.metadata_commands import SetMetadata
from mailrules.imap.search_keys import Contains, HasFlag, TextField
from mailrules.imap.session_commands import Compress, Enable, Login, Unauthenticate
from mailrules.imap.states import State
from mailrules.secret import Secret
from tests.imap_connection.exchange import ask, authenticated, greeted, outcome_of, selected, sent

# -- UTF-8 in names


@pytest.mark.parametrize("extension", ["UTF8=ACCEPT", "IMAP4rev2"])
def test_names_are_utf8_from_enabled_on(extension):
    connection = authenticated(f"ENABLE {extension}")
    assert ask(connection, Create("Entwürfe"), b"TAG OK\r\n")[0] == b"TAG CREATE Entw&APw-rfe\r\n"

    ask(connection, Enable((extension,)), b"* ENABLED %b\r\nTAG OK\r\n" % extension.encode())

    wire, (told,) = ask(connection, List(is_plain=True), '* LIST () "/" "Entwürfe & mehr"\r\nTAG OK\r\n'.encode())
    assert told.mailbox == "Entwürfe & mehr"
    assert ask(connection, Create(told.mailbox), b"TAG OK\r\n")[0] == 'TAG CREATE "Entwürfe & mehr"\r\n'.encode()
    assert wire == b'TAG LIST "" "*"\r\n'


def test_imap4rev2_answers_search_by_esearch():
    # RFC 9051 section 6.4.4
    connection = selected("IMAP4rev2")

    wire, found = ask(
        connection,
        UidSearch(HasFlag("\\Flagged")),
        b'* ESEARCH (TAG "TAG") UID ALL 2,10:11\r\nTAG OK SEARCH completed\r\n',
    )

    assert (wire, found) == (b"TAG UID SEARCH FLAGGED\r\n", (2, 10, 11))
    assert ask(connection, UidSearch(HasFlag("\\Seen")), b'* ESEARCH (TAG "TAG") UID\r\nTAG OK\r\n')[1] == ()


@pytest.mark.parametrize("found", [b"1:4294967295", b"5:*"])
def test_a_few_bytes_do_not_become_billions_of_messages(found):
    with pytest.raises(RemoteProtocolError, match="more than 10000000 messages"):
        ask(selected(), UidSearch(HasFlag("\\Seen")), b'* ESEARCH (TAG "TAG") UID ALL %b\r\nTAG OK\r\n' % found)


def test_search_names_no_charset_once_utf8_is_enabled():
    """RFC 9755 section 3: "it MUST NOT issue a SEARCH command that contains a charset specification"."""
    connection = authenticated("ENABLE UTF8=ACCEPT")
    ask(connection, Enable(("UTF8=ACCEPT",)), b"* ENABLED UTF8=ACCEPT\r\nTAG OK\r\n")
    ask(connection, Select("INBOX"), b"* 1 EXISTS\r\nTAG OK\r\n")
    search = UidSearch(Contains(TextField.SUBJECT, "Grüße"))

    assert ask(connection, search, b"* SEARCH 1\r\nTAG OK\r\n") == (
        'TAG UID SEARCH SUBJECT "Grüße"\r\n'.encode(),
        (1,),
    )
    other = selected("LITERAL+")
    wire, _ = ask(other, search, b"* SEARCH 1\r\nTAG OK\r\n")
    assert wire == b"TAG UID SEARCH CHARSET UTF-8 SUBJECT {7+}\r\nGr\xc3\xbc\xc3\x9fe\r\n"


def test_a_server_without_imap4rev1_speaks_utf8_unasked():
    connection = greeted(status="PREAUTH")
    connection.receive_data(b"* CAPABILITY IMAP4rev2\r\n")

    assert ask(connection, Create("Entwürfe"), b"TAG OK\r\n")[0] == 'TAG CREATE "Entwürfe"\r\n'.encode()


def test_nothing_that_may_hold_a_name_is_sent_while_enable_is_under_way():
    connection = authenticated("ENABLE UTF8=ACCEPT")
    enable, create = connection.submit(Enable(("UTF8=ACCEPT",))), connection.submit(Create("ä"))
    assert sent(connection) == b"A2 ENABLE UTF8=ACCEPT\r\n"

    events = connection.receive_data(b"* ENABLED UTF8=ACCEPT\r\nA2 OK\r\n")

    assert outcome_of(enable, events) == {"UTF8=ACCEPT"}
    assert sent(connection) == f'{create} CREATE "ä"\r\n'.encode()


def test_short_literals_need_not_wait_for_an_imap4rev2_server():
    connection = authenticated("IMAP4rev2 METADATA")

    wire, _ = ask(connection, SetMetadata("INBOX", (("/private/comment", b"a\r\nb"),)), b"TAG OK\r\n")

    assert wire == b"TAG SETMETADATA INBOX (/private/comment {4+}\r\na\r\nb)\r\n"


def test_an_imap4rev2_select_without_recent_and_with_list_is_read():
    # RFC 9051 section 6.3.2
    _, opened = ask(
        authenticated("IMAP4rev2"),
        Select("INBOX"),
        b"* 172 EXISTS\r\n* OK [UIDVALIDITY 3857529045] UIDs valid\r\n* OK [UIDNEXT 4392] Predicted next UID\r\n"
        b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
        b"* OK [PERMANENTFLAGS (\\Deleted \\Seen \\*)] Limited\r\n"
        b'* LIST () "/" INBOX ("OLDNAME" ("inbox"))\r\nTAG OK [READ-WRITE] SELECT completed\r\n',
    )

    assert (opened.exists, opened.uidnext, opened.mailbox) == (172, 4392, "INBOX")


# -- UNAUTHENTICATE


def test_unauthenticate_leads_back_to_before_the_login():
    connection = selected("UNAUTHENTICATE ENABLE UTF8=ACCEPT")

    assert ask(connection, Unauthenticate(), b"TAG OK now unauthenticated\r\n") == (b"TAG UNAUTHENTICATE\r\n", None)

    assert (connection.state, connection.selected) == (State.NOT_AUTHENTICATED, None)
    assert not connection.capabilities_are_current
    ask(connection, Login("other", Secret("pw")), b"TAG OK [CAPABILITY IMAP4rev1] in\r\n")
    assert connection.state is State.AUTHENTICATED


def test_what_was_enabled_ends_with_the_login():
    connection = authenticated("UNAUTHENTICATE ENABLE UTF8=ACCEPT")
    ask(connection, Enable(("UTF8=ACCEPT",)), b"* ENABLED UTF8=ACCEPT\r\nTAG OK\r\n")
    ask(connection, Unauthenticate(), b"TAG OK\r\n")
    ask(connection, Login("other", Secret("pw")), b"TAG OK in\r\n")

    assert ask(connection, Create("ä"), b"TAG OK\r\n")[0] == b"TAG CREATE &AOQ-\r\n"


def test_a_compressed_connection_does_not_unauthenticate():
    connection = authenticated("UNAUTHENTICATE COMPRESS=DEFLATE")
    connection.submit(Compress())
    connection.receive_data(b"A2 OK\r\n")
    connection.resume()

    with pytest.raises(LocalProtocolError, match="RFC 8437"):
        connection.submit(Unauthenticate())

    assert ask(connection, Status("x"), b"* STATUS x (MESSAGES 1)\r\nTAG OK\r\n")[1].messages == 1


# -- languages


def test_languages_as_in_rfc_5255():
    connection = authenticated("LANGUAGE I18NLEVEL=2")

    assert ask(connection, Language(), b"* LANGUAGE (EN DE IT i-default)\r\nTAG OK\r\n") == (
        b"TAG LANGUAGE\r\n",
        ("EN", "DE", "IT", "i-default"),
    )
    assert ask(
        connection,
        Language(("FR-CA", "EN-CA")),
        b"* LANGUAGE (EN)\r\nTAG OK Now speaking English\r\n",
    ) == (b"TAG LANGUAGE FR-CA EN-CA\r\n", ("EN",))
    with pytest.raises(CommandRefused, match="Unsupported language MUL"):
        ask(connection, Language(("MUL",)), b"TAG NO Unsupported language MUL\r\n")


def test_comparators_as_in_rfc_5255():
    connection = authenticated("I18NLEVEL=2")

    assert ask(
        connection,
        Comparator(("cz;*", "i;basic")),
        b"* COMPARATOR i;basic\r\nTAG OK Will use i;basic for collation\r\n",
    ) == (b'TAG COMPARATOR "cz;*" i;basic\r\n', ComparatorData(active="i;basic"))
    _, told = ask(connection, Comparator(), b"* COMPARATOR i;basic (i;basic cz;std)\r\nTAG OK\r\n")
    assert told == ComparatorData(active="i;basic", matching=("i;basic", "cz;std"))


@pytest.mark.parametrize(
    ("command", "missing"),
    [(Language(), "LANGUAGE"), (Comparator(), "I18NLEVEL=2"), (Unauthenticate(), "UNAUTHENTICATE")],
)
def test_what_a_server_lacks_is_named(command, missing):
    with pytest.raises(MissingCapability, match=missing):
        authenticated("I18NLEVEL=1").submit(command)
