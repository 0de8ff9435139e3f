"""Every documented method of the drop-in, driven against a real Dovecot."""

from __future__ import annotations

import hashlib
import ssl
import sys
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.client import imaplib
from mailrules.testing.builders import SampleMessage, message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.dovecot import DovecotAccount

THREE = [SampleMessage(content=message(subject=f"number {number}")) for number in (3, 1, 2)]


@pytest.fixture
def box(dovecot: DovecotAccount) -> Iterator[imaplib.IMAP4]:
    """Logged in, INBOX open with three messages."""
    dovecot.fill("INBOX", THREE)
    with imaplib.IMAP4(dovecot.host, dovecot.port, timeout=20) as connection:
        connection.login(dovecot.user, dovecot.password)
        connection.select()
        yield connection


def test_a_session_begins_and_ends(dovecot: DovecotAccount) -> None:
    connection = imaplib.IMAP4(dovecot.host, dovecot.port, timeout=20)
    assert (connection.state, connection.PROTOCOL_VERSION) == ("NONAUTH", "IMAP4REV1")
    assert connection.welcome.startswith(b"* OK [CAPABILITY")
    assert "STARTTLS" in connection.capabilities
    assert connection.socket() is connection.sock

    assert connection.login(dovecot.user, dovecot.password)[0] == "OK"

    # What is offered has changed with the login, and we know it.
    assert (connection.state, "STARTTLS" in connection.capabilities) == ("AUTH", False)
    assert "MOVE" in connection.capabilities
    assert connection.capability()[0] == connection.CAPABILITY()[0] == connection.noop()[0] == "OK"
    assert connection.logout()[0] == "BYE"
    assert connection.state == "LOGOUT"


def test_a_wrong_password_is_an_error_and_is_shown_nowhere(
    dovecot: DovecotAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    with imaplib.IMAP4(dovecot.host, dovecot.port, timeout=20) as connection:
        connection.debug = 5
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            connection.login(dovecot.user, 'not "this" one')
        connection.debug = 0
        connection.noop()
        connection.print_log()

    shown = capsys.readouterr().err
    assert "LOGIN ***" in shown
    assert "not" not in shown.replace("NotAuth", "")


def test_login_plain_takes_any_password(dovecot: DovecotAccount) -> None:
    with imaplib.IMAP4(dovecot.host, dovecot.port, timeout=20) as connection:
        assert connection.login_plain(dovecot.user, dovecot.password)[0] == "OK"
        assert connection.state == "AUTH"

    with (
        imaplib.IMAP4(dovecot.host, dovecot.port, timeout=20) as connection,
        pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"),
    ):
        connection.login_plain(dovecot.user, "pässwörd")


def test_starttls_and_implicit_tls(dovecot: DovecotAccount) -> None:
    context = ssl.create_default_context(cafile=str(dovecot.ca_file))
    with imaplib.IMAP4("localhost", dovecot.port, timeout=20) as connection:
        assert connection.starttls(context)[0] == "OK"
        assert isinstance(connection.sock, ssl.SSLSocket)
        assert "STARTTLS" not in connection.capabilities
        with pytest.raises(imaplib.IMAP4.abort, match="already established"):
            connection.starttls(context)
        connection.login(dovecot.user, dovecot.password)

    with imaplib.IMAP4_SSL("localhost", dovecot.tls_port, ssl_context=context, timeout=20) as connection:
        assert connection.ssl() is connection.sock
        assert connection.authenticate("PLAIN", lambda _: f"\0{dovecot.user}\0{dovecot.password}".encode())[0] == "OK"


def test_a_command_is_the_connection(dovecot: DovecotAccount) -> None:
    relay = (
        "import os,socket,sys,threading;"
        f"s=socket.create_connection(('127.0.0.1',{dovecot.port}));"
        "t=threading.Thread(target=lambda:[s.sendall(d) for d in iter(lambda:os.read(0,4096),b'')]);"
        "t.daemon=True;t.start();"
        "[os.write(1,d) for d in iter(lambda:s.recv(4096),b'')]"
    )
    with imaplib.IMAP4_stream(f'{sys.executable} -c "{relay}"') as connection:
        connection.login(dovecot.user, dovecot.password)

        assert connection.select() == ("OK", [b"0"])
        with pytest.raises(imaplib.IMAP4.error, match="requires a socket"):
            connection.idle(duration=1)


def test_mailboxes_with_any_name(box: imaplib.IMAP4) -> None:
    for name in ("Two words", 'Qu"ote', "Entwürfe", "(round)x", "Old"):
        assert box.create(name)[0] == "OK", name
    assert box.rename("Old", "New one")[0] == "OK"
    assert box.subscribe("Two words")[0] == "OK"

    listed = b"\n".join(box.list()[1])
    assert b'"Two words"' in listed
    assert b"Entw&APw-rfe" in listed
    assert b'"New one"' in listed
    assert box.list("", "Two*")[1] == [b'(\\HasNoChildren) "/" "Two words"']
    assert box.lsub()[1] == [b'() "/" "Two words"']
    assert box.select('"Two words"')[0] == box.select("Two words")[0] == box.select("Entw&APw-rfe")[0] == "OK"
    assert box.status("Two words", "(MESSAGES)") == ("OK", [b'"Two words" (MESSAGES 0)'])
    assert box.status("Two words", ["MESSAGES"]) == ("OK", [b'"Two words" (MESSAGES 0)'])
    assert box.unsubscribe("Two words")[0] == box.delete("Two words")[0] == "OK"
    assert box.select("Two words")[0] == "NO"
    assert box.state == "AUTH"
    assert box.namespace()[0] == "OK"


def test_rights(box: imaplib.IMAP4) -> None:
    assert box.setacl("INBOX", "user=bo", "lr")[0] == "OK"
    assert b" lr" in box.getacl("INBOX")[1][0]
    assert box.deleteacl("INBOX", "user=bo")[0] == "OK"
    assert b"INBOX" in box.myrights("INBOX")[1][0]


def test_messages_are_stored_copied_moved_and_expunged(box: imaplib.IMAP4) -> None:
    assert box.store("1", "+FLAGS", r"\Flagged")[1] == [b"1 (FLAGS (\\Flagged))"]
    assert box.store([1, (2, 3)], "+FLAGS.SILENT", [r"\Seen", "$Label"])[0] == "OK"
    assert box.copy("1:2", "Archive")[0] == "OK"
    assert box.move(1, "Archive")[0] == "OK"
    assert box.move([2], "Archive", uid=True)[0] == "OK"
    assert box.uid("MOVE", "99", "Archive")[0] == "OK"
    assert box.uid("STORE", "3", "+FLAGS", r"(\Deleted)")[0] == "OK"
    assert box.response("EXPUNGE") == ("EXPUNGE", [b"1", b"1"])
    assert box.expunge([4], uid=True) == ("OK", [None])
    assert box.expunge() == ("OK", [b"1"])
    assert box.check()[0] == box.close()[0] == "OK"
    assert box.state == "AUTH"
    assert box.select("Archive")[1] == [b"4"]
    assert box.unselect()[0] == "OK"


def test_messages_are_fetched_in_the_documented_shape(box: imaplib.IMAP4) -> None:
    assert box.fetch("1", "(UID FLAGS)") == ("OK", [b"1 (UID 1 FLAGS ())"])
    typ, data = box.fetch("1:2", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] UID)")
    assert typ == "OK"
    assert [item if isinstance(item, bytes) else item[1] for item in data] == [
        *(b"Subject: number 3\r\n\r\n", b")"),
        *(b"Subject: number 1\r\n\r\n", b")"),
    ]
    assert data[0][0] == b"1 (UID 1 BODY[HEADER.FIELDS (SUBJECT)] {21}"
    assert box.fetch(range(1, 3), ["FLAGS"], uid=True)[1][0] == b"1 (UID 1 FLAGS ())"
    assert imaplib.ParseFlags(box.uid("fetch", b"2", "(FLAGS)")[1][0]) == ()
    moment = imaplib.Internaldate2tuple(box.fetch("1", "INTERNALDATE")[1][0])
    assert moment is not None


def test_messages_are_appended(box: imaplib.IMAP4) -> None:
    when = datetime(2024, 5, 17, 10, 0, tzinfo=UTC)

    assert box.append("Archive", r"(\Seen)", imaplib.Time2Internaldate(when), b"Subject: x\n\ny\n")[0] == "OK"
    assert box.append("Archive", [r"\Seen", "two"], when, b"Subject: y\r\n\r\n")[0] == "OK"

    box.select("Archive")
    _, data = box.fetch("1", "(INTERNALDATE FLAGS BODY.PEEK[])")
    assert data[0][1] == b"Subject: x\r\n\r\ny\r\n"
    assert b'"17-May-2024 10:00:00 +0000"' in data[0][0]


def test_messages_are_searched_sorted_and_threaded(box: imaplib.IMAP4) -> None:
    assert box.search(None, "ALL") == ("OK", [b"1 2 3"])
    assert box.search("UTF-8", "SUBJECT", '"number 1"') == ("OK", [b"2"])
    assert box.search(None, "(SUBJECT ?)", "SINCE ?", params=["number 1", date(2000, 1, 1)], uid=True)[1] == [b"2"]
    assert box.search("UTF-8", "SUBJECT ?", params=["grün"]) == ("OK", [b""])
    assert box.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT ?", params=["grün"]) == ("OK", [b""])
    box.literal = b"number 2"
    assert box.uid("SEARCH", "CHARSET", "UTF-8", "SUBJECT") == ("OK", [b"3"])
    assert box.sort("SUBJECT", "UTF-8", "ALL") == ("OK", [b"2 3 1"])
    assert box.sort(["REVERSE", "SUBJECT"], "UTF-8", "UID ?", params=[[1, (2, None)]], uid=True) == ("OK", [b"1 3 2"])
    assert box.uid("SORT", "(SUBJECT)", "UTF-8", "ALL") == ("OK", [b"2 3 1"])
    assert box.thread("REFERENCES", "UTF-8", "ALL")[0] == "OK"
    assert box.thread("ORDEREDSUBJECT", "UTF-8", "SUBJECT ?", params=["number 1"], uid=True)[1] == [b"(2)"]
    with pytest.raises(ValueError, match="parameters"):
        box.search(None, "SUBJECT ?", params=["a", "b"])


def test_idle_gives_what_happens(box: imaplib.IMAP4, dovecot: DovecotAccount) -> None:
    with imaplib.IMAP4(dovecot.host, dovecot.port, timeout=20) as other:
        other.login(dovecot.user, dovecot.password)
        with box.idle(duration=20) as idler:
            other.append("INBOX", None, None, b"Subject: new\r\n\r\n")
            while (response := next(idler))[0] != "EXISTS":
                pass
            assert response == ("EXISTS", [b"4"])
            assert list(idler.burst(0.01)) in ([], [("RECENT", [b"1"])])

    with box.idle(duration=0.05) as idler:
        assert list(idler) == []
    assert box.noop()[0] == "OK"
    assert box.sock is not None
    assert box.sock.gettimeout() == 20


def test_what_came_unasked_waits_for_response_and_recent(box: imaplib.IMAP4) -> None:
    assert box.response("UIDVALIDITY") == ("UIDVALIDITY", [b"1700000000"])
    assert box.response("UIDVALIDITY") == ("UIDVALIDITY", [None])
    assert box.recent() == ("OK", [b"0"])
    assert box.recent() == ("OK", [None])


def test_extensions(box: imaplib.IMAP4) -> None:
    typ, data = box.id({"name": 'te"st', "version": None})
    assert (typ, b"Dovecot" in data[0]) == ("OK", True)
    assert box.id()[0] == "OK"
    assert box.xatom("noop")[0] == "OK"
    box.unselect()
    assert box.enable("CONDSTORE")[0] == "OK"
    assert not box.utf8_enabled


def test_a_mailbox_that_may_not_be_written(box: imaplib.IMAP4) -> None:
    assert box.select("INBOX", readonly=True) == ("OK", [b"3"])
    assert box.is_readonly
    assert box.setacl("INBOX", "owner", "lra")[0] == "OK"

    with pytest.raises(imaplib.IMAP4.readonly, match="not writable"):
        box.select("INBOX")


@pytest.mark.parametrize("bad", ["a\r\nA1 LOGOUT", "a\nb", "a\0b", b"a\rb"])
def test_line_ends_and_nul_are_refused_and_nothing_is_sent(box: imaplib.IMAP4, bad: str | bytes) -> None:
    calls = (
        lambda: box.select(bad),
        lambda: box.list(bad, bad),
        lambda: box.search(None, bad),
        lambda: box.fetch(bad, "(FLAGS)"),
        lambda: box.store("1", bad, r"\Seen"),
        lambda: box.store("1", "+FLAGS", bad),
        lambda: box.uid("FETCH", "1", bad),
        lambda: box.xatom("NOOP", bad),
    )
    for call in calls:
        with pytest.raises(ValueError, match="CR"):
            call()

    assert box.noop()[0] == "OK"


def test_the_documented_example(dovecot: DovecotAccount) -> None:
    """The example at the end of the documentation's page, with our server and without its prompts."""
    dovecot.fill("INBOX", THREE)
    digests = []

    M = imaplib.IMAP4(host=dovecot.host, port=dovecot.port)  # noqa: N806 - the documentation's name
    M.login(dovecot.user, dovecot.password)
    M.select()
    typ, data = M.search(None, "ALL")
    for num in data[0].split():
        typ, data = M.fetch(num, "(RFC822)")
        digests.append(hashlib.sha256(data[0][1]).digest())
    M.close()
    M.logout()

    assert typ == "OK"
    assert digests == [hashlib.sha256(one.content).digest() for one in THREE]


def test_the_documented_ways_to_search_and_to_delete(box: imaplib.IMAP4) -> None:
    assert box.search(None, "FROM", '"LDJ"') == box.search(None, '(FROM "LDJ")') == ("OK", [b""])

    typ, data = box.search(None, "ALL")
    for num in data[0].split():
        box.store(num, "+FLAGS", "\\Deleted")
    box.expunge()

    assert (typ, box.search(None, "ALL")) == ("OK", ("OK", [b""]))
