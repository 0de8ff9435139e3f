"""The in-memory server itself: its switches, its logins, its clients side by side, and what garbage does to it."""

from __future__ import annotations

import asyncio
import imaplib
import socket
import ssl
from base64 import b64encode
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_session import LARGEST_LITERAL, LARGEST_LITERAL_BEFORE_LOGIN
from mailrules.testing.server_wire import LONGEST_LINE
from mailrules.testing.threaded_server import serve_in_thread
from tests.replay.conversation import RawClient, Step

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client(imap_server: ImapServer) -> Iterator[RawClient]:
    """A client that has said nothing yet."""
    with closing(RawClient(imap_server.port)) as client:
        yield client


def status(answers: list[bytes]) -> bytes:
    """``OK``, ``NO`` or ``BAD``, with the response code's name if there is one."""
    words = answers[-1].split(b" ")
    return b" ".join(words[1:3]).rstrip(b"]") if words[2].startswith(b"[") else words[1]


@pytest.mark.parametrize(
    ("capability", "command"),
    [
        ("MOVE", b"UID MOVE 1 Archive"),
        ("UIDPLUS", b"UID EXPUNGE 1"),
        ("ACL", b"GETACL INBOX"),
        ("CONDSTORE", b"UID FETCH 1 (MODSEQ)"),
        ("CONDSTORE", b"UID FETCH 1 (FLAGS) (CHANGEDSINCE 1)"),
        ("CONDSTORE", b"STATUS INBOX (HIGHESTMODSEQ)"),
        ("ESEARCH", b"UID SEARCH RETURN (ALL) ALL"),
        ("IDLE", b"IDLE"),
        ("NAMESPACE", b"NAMESPACE"),
        ("ID", b"ID NIL"),
        ("ENABLE", b"ENABLE CONDSTORE"),
        ("UNSELECT", b"UNSELECT"),
        ("LIST-EXTENDED", b'LIST "" * RETURN (SUBSCRIBED)'),
    ],
)
def test_what_is_taken_away_is_neither_announced_nor_understood(capability: str, command: bytes) -> None:
    account = MailAccount()
    account.add("INBOX", message())

    with (
        serve_in_thread(ImapServer(account, capabilities=without(capability))) as server,
        closing(RawClient(server.port)) as client,
    ):
        client.ask(b"LOGIN ann pass")
        announced = client.ask(b"CAPABILITY")[0].split()[2:]
        client.ask(b"SELECT INBOX")
        answer = client.ask(command)

    assert capability.encode() not in announced
    assert {name.decode().upper() for name in announced} == EVERY_CAPABILITY - {capability}
    assert status(answer) == b"BAD"


def test_without_uidplus_no_code_tells_where_messages_went() -> None:
    account = MailAccount()
    account.add("INBOX", message())

    with (
        serve_in_thread(ImapServer(account, capabilities=without("UIDPLUS"))) as server,
        closing(RawClient(server.port)) as client,
    ):
        client.ask(b"LOGIN ann pass")
        client.ask(b"SELECT INBOX")
        answers = client.ask(b"UID COPY 1 Archive") + client.ask(b"UID MOVE 1 Archive")

    assert not any(b"COPYUID" in answer for answer in answers)
    assert len(account["Archive"].messages) == 2


def test_without_special_use_no_mailbox_is_marked(imap_server: ImapServer, client: RawClient) -> None:
    imap_server.capabilities = without("SPECIAL-USE")
    client.ask(b"LOGIN ann pass")

    answers = client.ask(b'LIST "" *')

    assert not any(b"\\Trash" in answer for answer in answers)


@pytest.mark.parametrize(
    "command",
    [
        b"LOGIN ann wrong",
        b"LOGIN nobody pass",
        b"AUTHENTICATE PLAIN " + b64encode(b"\0ann\0wrong"),
    ],
)
def test_a_wrong_login_is_refused_by_code(client: RawClient, command: bytes) -> None:
    assert status(client.ask(command)) == b"NO [AUTHENTICATIONFAILED"
    assert status(client.ask(b"SELECT INBOX")) == b"BAD"


def test_xoauth2_takes_the_token_and_explains_a_refusal_in_a_continuation(client: RawClient) -> None:
    def token(secret: bytes) -> bytes:
        return b64encode(b"user=ann\1auth=Bearer " + secret + b"\1\1")

    refused = client.say(Step(command=b"AUTHENTICATE XOAUTH2 " + token(b"old"), continued=(b"\r\n",)))
    accepted = client.say(Step(command=b"AUTHENTICATE XOAUTH2", continued=(token(b"pass") + b"\r\n",)))

    assert refused[0].startswith(b"+ ")
    assert status(refused) == b"NO [AUTHENTICATIONFAILED"
    assert status(accepted) == b"OK [CAPABILITY"


def test_starttls_protects_and_a_password_in_the_clear_is_refused() -> None:
    authority = trustme.CA()
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)

    with (
        serve_in_thread(ImapServer(tls=server_side, requires_tls=True)) as server,
        imaplib.IMAP4("localhost", server.port) as client,
    ):
        announced = client.capabilities
        with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            client.login("ann", "pass")
        client.starttls(client_side)
        logged_in, _ = client.login("ann", "pass")

    assert {"STARTTLS", "LOGINDISABLED"} <= set(announced)
    assert logged_in == "OK"


def test_idle_tells_of_mail_that_arrives(imap_server: ImapServer, client: RawClient) -> None:
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")
    client.send(b"x IDLE\r\n")
    assert client.read_some(20) == b"+ idling\r\n"

    imap_server.mail.add("INBOX", message())

    assert client.read_some(50) == b"* 1 EXISTS\r\n* 1 RECENT\r\n"
    client.send(b"DONE\r\n")
    assert client.read_some(50) == b"x OK Idle completed.\r\n"


def test_a_connection_may_end_within_idle(imap_server: ImapServer, client: RawClient) -> None:
    client.ask(b"LOGIN ann pass")
    client.send(b"x IDLE\r\n")
    client.read_some(20)

    client.close()

    with closing(RawClient(imap_server.port)) as another:
        assert status(another.ask(b"NOOP")) == b"OK"


def test_an_expunged_message_keeps_its_number_until_the_session_is_told(
    imap_server: ImapServer, client: RawClient
) -> None:
    for number in (1, 2):
        imap_server.mail.add("INBOX", message(subject=f"number {number}"))
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")
    imap_server.mail["INBOX"].remove(1)

    fetched = client.ask(b"FETCH 1:2 UID")
    told = client.ask(b"NOOP")

    assert fetched[0] == b"* 2 FETCH (UID 2)\r\n"
    assert status(fetched) == b"NO [EXPUNGEISSUED"
    assert told[0] == b"* 1 EXPUNGE\r\n"


def test_rights_are_obeyed(imap_server: ImapServer, client: RawClient) -> None:
    imap_server.mail.add("INBOX", message())
    imap_server.mail["Archive"].rights["ann"] = "la"
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")

    assert status(client.ask(b"UID COPY 1 Archive")) == b"NO [NOPERM"
    assert status(client.ask(b"EXAMINE Archive")) == b"NO [NOPERM"
    assert status(client.ask(b"SETACL Archive ann lrswipkxtea")) == b"OK"
    assert status(client.ask(b"EXAMINE Archive")) == b"OK [READ-ONLY"


@pytest.mark.parametrize(
    "command",
    [
        b"SEARCH " + b"(" * 30_000,
        b"SEARCH " + b"NOT " * 15_000 + b"ALL",
        b"SEARCH " + b"OR ALL " * 9_000 + b"ALL",
        b'LIST "" ' + b"*a" * 20_000,
        b'FETCH 1 "unfinished',
        b"FETCH 1 )",
        b"FETCH 1 BODY[" + b"1." * 5_000 + b"1]",
        b"FETCH 1 BODY.PEEK[HEADER.FIELDS",
        b"FETCH 1 BODY.PEEK[HEADER.FIELDS (a",
        b"FETCH 1 BODY[]<99999999999999999999999999999999999999999999.1>",
        b"STORE 1 (UNCHANGEDSINCE) FLAGS (a)",
        b"STORE 99999999999 FLAGS (a)",
        b"UID",
        b"",
        b"\xff\x00 \x80",
    ],
)
def test_hostile_commands_are_answered_and_the_session_goes_on(
    imap_server: ImapServer, client: RawClient, command: bytes
) -> None:
    imap_server.mail.add("INBOX", message())
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")

    answers = client.ask(command)

    assert answers[-1].split()[1] in {b"OK", b"BAD"}
    assert status(client.ask(b"NOOP")) == b"OK"


def test_a_line_beyond_the_limit_ends_the_session(client: RawClient) -> None:
    client.send(b"x NOOP " + b"y" * LONGEST_LINE + b"\r\n")

    assert client.read() == b"* BYE Line too long\r\n"


def test_a_literal_beyond_the_limit_is_refused_before_it_is_sent(client: RawClient) -> None:
    refused = client.ask(b"LOGIN ann {%d}" % (LARGEST_LITERAL_BEFORE_LOGIN + 1))
    accepted = client.say(Step(command=b"LOGIN ann {4}", continued=(b"pass\r\n",)))

    assert refused == [b"t1 BAD [TOOBIG] Literal too large\r\n"]
    assert status(accepted) == b"OK [CAPABILITY"


def test_a_literal_that_nobody_can_refuse_ends_the_session(client: RawClient) -> None:
    client.ask(b"LOGIN ann pass")
    client.send(b"x APPEND INBOX {%d+}\r\n" % (LARGEST_LITERAL + 1))

    assert client.read() == b"* BYE Literal too large\r\n"


@given(lines=st.lists(st.binary(max_size=40).filter(lambda line: b"{" not in line), max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_garbage_takes_the_server_down(imap_server: ImapServer, lines: list[bytes]) -> None:
    with closing(RawClient(imap_server.port)) as client:
        client.send(b"a LOGIN ann pass\r\nb SELECT INBOX\r\n")
        client.send(b"".join(line + b"\r\n" for line in lines))
        client.send(b"\r\nDONE\r\nz LOGOUT\r\n")

        assert b"BYE" in client.read()


async def test_an_answer_in_pieces_does_not_wait_for_acknowledgements() -> None:
    accepted: asyncio.Queue[socket.socket] = asyncio.Queue()

    class Watched(ImapServer):
        async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.put_nowait(writer.get_extra_info("socket"))
            await super()._serve(reader, writer)

    async with Watched(MailAccount()) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)

        assert (await accepted.get()).getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        writer.close()
        await writer.wait_closed()
