"""What the drop-in sends byte by byte, and what it makes of a server that says odd things."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mailrules.client import imaplib
from mailrules.client.imaplib_arguments import astring, fetch_parts, list_pattern, mailbox, message_set, parenthesised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CAPABILITY = (b"CAPABILITY", b"* CAPABILITY IMAP4rev1 STARTTLS ENABLE IDLE\r\n$ OK done\r\n")
LOGIN = (b'LOGIN ann "pass"', b"$ OK [CAPABILITY IMAP4rev1 ENABLE IDLE] welcome\r\n")
SELECT = (b"SELECT INBOX", b"* 3 EXISTS\r\n* 0 RECENT\r\n$ OK [READ-WRITE] open\r\n")


@contextmanager
def server(*turns: tuple[bytes, bytes], greeting: bytes = b"* OK ready\r\n") -> Iterator[int]:
    """Greets, then reads a line and answers it, turn by turn; ``$`` is the tag. What differs fails the test."""
    surprises: list[tuple[bytes, bytes]] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.settimeout(20)
            connection.sendall(greeting)
            tag = b""
            for expected, answer in turns:
                line = lines.readline().removesuffix(b"\r\n")
                first, _, rest = line.partition(b" ")
                if rest == expected and line != expected:
                    tag = first
                elif line != expected:
                    surprises.append((expected, line))
                    return
                connection.sendall(answer.replace(b"$", tag))
            lines.read()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, name="scripted server")
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(20)
    assert surprises == []


@contextmanager
def session(*turns: tuple[bytes, bytes], selected: bool = False) -> Iterator[imaplib.IMAP4]:
    begin = (CAPABILITY, LOGIN, *((SELECT,) if selected else ()))
    with server(*begin, *turns) as port:
        connection = imaplib.IMAP4("127.0.0.1", port, timeout=20)
        try:
            connection.login("ann", "pass")
            if selected:
                connection.select()
            yield connection
        finally:
            connection.shutdown()


def test_commands_that_no_server_of_ours_has() -> None:
    turns = (
        (b"PROXYAUTH bob", b"$ OK you are bob\r\n"),
        (b'GETANNOTATION INBOX "/comment" "value.shared"', b'* ANNOTATION INBOX "/comment" (x y)\r\n$ OK\r\n'),
        (b'SETANNOTATION "A B" "/comment" ("value.shared" "x")', b"$ OK done\r\n"),
        (b'GETQUOTA ""', b'* QUOTA "" (STORAGE 10 512)\r\n$ OK done\r\n'),
        (b"GETQUOTAROOT INBOX", b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 10 512)\r\n$ OK done\r\n'),
        (b'SETQUOTA "" (STORAGE 512)', b'* QUOTA "" (STORAGE 10 512)\r\n$ OK done\r\n'),
    )
    with session(*turns) as box:
        assert box.proxyauth("bob") == ("OK", [b"you are bob"])
        assert box.getannotation("INBOX", '"/comment"', '"value.shared"') == ("OK", [b'INBOX "/comment" (x y)'])
        assert box.setannotation("A B", '"/comment"', '("value.shared" "x")') == ("OK", [None])
        assert box.getquota("") == ("OK", [b'"" (STORAGE 10 512)'])
        assert box.getquotaroot("INBOX") == ("OK", [[b'INBOX ""'], [b'"" (STORAGE 10 512)']])
        assert box.setquota("", "STORAGE 512") == ("OK", [b'"" (STORAGE 10 512)'])


def test_partial_is_the_command_of_rfc_1730() -> None:
    turn = (b"PARTIAL 1 RFC822 1 5", b"* 1 FETCH (RFC822 {5}\r\nhello)\r\n$ OK done\r\n")
    with session(turn, selected=True) as box:
        assert box.partial("1", "RFC822", "1", "5") == ("OK", [(b"1 (RFC822 {5}", b"hello"), b")"])


def test_literals_of_a_response_are_pairs_in_their_order() -> None:
    answer = (
        b"* 1 FETCH (BODY[1] {3}\r\na\r\n BODY[2] {0}\r\n BODY[3] {2+}\r\n))\r\n)\r\n"
        b"* 2 FETCH (BODY[1] {1}\r\nz\r\n)\r\n"  # a blank line after the literal
        b"$ OK done {5}\r\n"
    )
    with session((b"FETCH 1:2 (BODY)", answer), selected=True) as box:
        assert box.fetch("1:2", "BODY") == (
            "OK",
            [
                (b"1 (BODY[1] {3}", b"a\r\n"),
                (b" BODY[2] {0}", b""),
                (b" BODY[3] {2+}", b"))"),
                b")",
                (b"2 (BODY[1] {1}", b"z"),
                b")",
            ],
        )


def test_memory_is_not_taken_on_the_servers_word() -> None:
    turn = (b"FETCH 1 (BODY[])", b"* 1 FETCH (BODY[] {4000000000000000000}\r\nhello")
    with server(CAPABILITY, LOGIN, SELECT, turn) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=60)
        box.login("ann", "pass")
        box.select()
        box.sock.settimeout(0.3)

        with pytest.raises(TimeoutError):
            box.fetch("1", "(BODY[])")

        # The rest may still come, so nothing else is sent on this connection.
        with pytest.raises(imaplib.IMAP4.abort, match="given up: timed out"):
            box.noop()
        with pytest.raises(imaplib.IMAP4.abort):
            box.logout()
        assert box.state == "LOGOUT"


def test_bytes_behind_starttls_end_the_connection() -> None:
    injected = (b"STARTTLS", b"$ OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL\r\n")
    with server(CAPABILITY, injected) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)

        with pytest.raises(imaplib.IMAP4.abort, match="came without TLS"):
            box.starttls()

        with pytest.raises(imaplib.IMAP4.abort, match="given up"):
            box.noop()
        box.shutdown()


def test_capabilities_are_asked_for_where_the_login_does_not_tell() -> None:
    login = (b'LOGIN ann "pass"', b"$ OK welcome\r\n")
    told = (b"CAPABILITY", b"* CAPABILITY IMAP4rev1 MOVE\r\n$ OK done\r\n")
    with server(CAPABILITY, login, told) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)
        box.login("ann", "pass")

        assert box.capabilities == ("IMAP4REV1", "MOVE")
        box.shutdown()


def test_strings_that_cannot_be_quoted_wait_as_literals() -> None:
    turns = (
        CAPABILITY,
        (b"LOGIN {4}", b"+ go\r\n"),
        ("jün {3}".encode(), b"+ go\r\n"),
        ("pä".encode(), LOGIN[1]),
    )
    with server(*turns) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)

        assert box.login("jün", "pä")[0] == "OK"
        box.shutdown()


def test_a_message_goes_as_rfc_9755_has_it_once_the_server_has_enabled_utf8() -> None:
    turns = (
        (b"ENABLE UTF8=ACCEPT", b"* ENABLED UTF8=ACCEPT\r\n$ OK done\r\n"),
        ('APPEND "Entwürfe" UTF8 (~{6}'.encode(), b"+ go\r\n"),
        (b"a: b", b""),
        (b")", b"$ OK done\r\n"),
    )
    with session(*turns) as box:
        assert box.enable("UTF8=ACCEPT")[0] == "OK"
        assert box.utf8_enabled

        assert box.append("Entwürfe", None, None, b"a: b\n")[0] == "OK"


def test_a_refused_literal_is_not_sent() -> None:
    turns = ((b"APPEND Nowhere {6}", b"$ NO [TRYCREATE] no\r\n"), (b"NOOP", b"$ OK done\r\n"))
    with session(*turns) as box:
        assert box.append("Nowhere", None, None, b"a: b\r\n") == ("NO", [b"[TRYCREATE] no"])
        assert box.response("TRYCREATE") == ("TRYCREATE", [b""])
        assert box.noop()[0] == "OK"


def test_a_bye_is_an_abort_and_a_bad_an_error() -> None:
    with session((b"NOOP", b"$ BAD what\r\n"), (b"NOOP", b"* BYE tired\r\n")) as box:
        with pytest.raises(imaplib.IMAP4.error, match="NOOP command error: BAD"):
            box.noop()
        with pytest.raises(imaplib.IMAP4.abort, match="tired"):
            box.noop()


def test_logout_of_a_connection_that_is_closed_is_an_abort() -> None:
    with server(CAPABILITY) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)
        box.shutdown()

        with pytest.raises(imaplib.IMAP4.abort, match="socket error"):
            box.logout()
        with pytest.raises(imaplib.IMAP4.abort, match="given up"):
            box.logout()


@pytest.mark.parametrize(
    "call",
    [
        lambda box: box.create(5),
        lambda box: box.create(None),
        lambda box: box.uid("COPY", "1", 5),
        lambda box: box.copy("1", 1 << 62),
        lambda box: box.xatom("NOOP", 5),
    ],
)
def test_a_number_in_the_place_of_text_is_told_as_such_and_not_sent(call: Callable[[imaplib.IMAP4], object]) -> None:
    with session((b"CREATE ab", b"$ OK done\r\n"), (b"CREATE cd", b"$ OK done\r\n"), selected=True) as box:
        with pytest.raises(TypeError, match="bytes-like"):
            call(box)

        assert box.create(bytearray(b"ab"))[0] == "OK"  # type: ignore[arg-type] # like bytes, as imaplib takes it
        assert box.create(memoryview(b"cd"))[0] == "OK"  # type: ignore[arg-type] # like bytes, too


def test_a_reply_to_nobodys_command_ends_the_connection() -> None:
    with session((b"NOOP", b"XYZ1 OK done\r\n")) as box, pytest.raises(imaplib.IMAP4.abort, match="unexpected tagged"):
        box.noop()


def test_idle_keeps_half_a_line_over_a_timeout() -> None:
    turns = ((b"IDLE", b"+ idling\r\n* 4 EXI"), (b"DONE", b"STS\r\n$ OK done\r\n"))
    with session(*turns, selected=True) as box:
        with box.idle(duration=0.1) as idler:
            assert list(idler) == []

        assert box.response("EXISTS") == ("EXISTS", [b"3", b"4"])


def test_idle_that_is_denied_leaves_the_connection_usable() -> None:
    turns = ((b"IDLE", b"$ NO not now\r\n"), (b"NOOP", b"$ OK done\r\n"))
    with session(*turns, selected=True) as box:
        with pytest.raises(imaplib.IMAP4.error, match="idle denied"), box.idle():
            pass

        assert box.noop()[0] == "OK"


def test_a_password_that_the_server_repeats_is_covered(capsys: pytest.CaptureFixture[str]) -> None:
    login = (b'LOGIN ann "sesame"', b'$ BAD what is "sesame"\r\n')
    with server(CAPABILITY, login) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)
        with pytest.raises(imaplib.IMAP4.error):
            box.login("ann", "sesame")
        box.print_log()
        box.shutdown()

    shown = capsys.readouterr().err
    assert "what is" in shown
    assert "sesame" not in shown


def test_subclasses_may_bring_a_stream_of_their_own() -> None:
    class Canned(imaplib.IMAP4):
        def open(self, host: str = "", port: int = 143, timeout: float | None = None) -> None:
            del host, port, timeout
            self.sent = b""
            self.left = [b"* PREAUTH ready\r\n", b"* CAPABILITY IMAP4rev1\r\n", b"", b""]

        def readline(self) -> bytes:
            line = self.left.pop(0)
            return line or self.sent.split()[-2] + b" OK done\r\n"

        def send(self, data: bytes) -> None:
            self.sent += data

        def shutdown(self) -> None:
            self.left.clear()

    box = Canned()

    assert (box.state, box.capabilities, box.noop()) == ("AUTH", ("IMAP4REV1",), ("OK", [b"done"]))


@pytest.mark.parametrize(
    ("write", "value", "expected"),
    [
        (astring, "INBOX", b"INBOX"),
        (astring, "", b'""'),
        (astring, "two words", b'"two words"'),
        (astring, '"two words"', b'"two words"'),
        (astring, '"two" words"', rb'"\"two\" words\""'),
        (astring, r'"back\slash"', rb'"\"back\\slash\""'),
        (astring, "(a (b) c)", b"(a (b) c)"),
        (astring, "(a) b (c)", b'"(a) b (c)"'),
        (astring, '(a "(")', b'(a "(")'),
        (astring, "(a", b'"(a"'),
        (mailbox, "a&b", b"a&b"),
        (mailbox, "ä", b"&AOQ-"),
        (list_pattern, "a%*", b"a%*"),
        (list_pattern, "a b*", b'"a b*"'),
        (parenthesised, r"\Seen", rb"(\Seen)"),
        (parenthesised, r"(\Seen)", rb"(\Seen)"),
        (parenthesised, [r"\Seen", "[x]"], rb"(\Seen [x])"),
        (fetch_parts, "FULL", b"FULL"),
        (fetch_parts, "FLAGS UID", b"(FLAGS UID)"),
        (fetch_parts, "FLAGS (CHANGEDSINCE 5)", b"FLAGS (CHANGEDSINCE 5)"),
        (fetch_parts, ["FLAGS", "BODY[HEADER.FIELDS (TO)]"], b"(FLAGS BODY[HEADER.FIELDS (TO)])"),
        (message_set, "1,3:*", b"1,3:*"),
        (message_set, 7, b"7"),
        (message_set, [1, (3, 5), 8], b"1,3:5,8"),
        (message_set, [(4, None), range(1, 3)], b"1:2,4:*"),
        (message_set, range(1, 8, 3), b"1,4,7"),
    ],
)
def test_an_argument_is_written_so_that_it_means_itself(
    write: Callable[[object], object], value: object, expected: bytes
) -> None:
    assert write(value) == expected


@pytest.mark.parametrize(
    ("write", "value"),
    [
        (message_set, []),
        (message_set, 0),
        (message_set, [2**32]),
        (message_set, ["1"]),
        (parenthesised, ["two words"]),
        (parenthesised, [")"]),
        (fetch_parts, []),
    ],
)
def test_what_has_no_form_is_refused(write: Callable[[object], object], value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        write(value)
