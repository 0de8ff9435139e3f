"""The transcript keeps lines in order, hides credentials, and stays within its bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.client.async_client import AsyncClient
from mailrules.client.connect import connect
from mailrules.client.redaction import spellings_of
from mailrules.client.supervisor import Supervisor
from mailrules.client.transcript import Transcript, parse_transcript
from mailrules.errors import ConnectionLost
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.sasl import Plain
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Authenticate, Capability, Logout, Noop
from mailrules.imap.writer import BodySection
from mailrules.secret import Secret
from mailrules.settings import SecretReference
from mailrules.testing.builders import SampleMessage, message
from mailrules.testing.capabilities import without
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_faults import AtCommand, Drop
from mailrules.testing.transcripts import ReplayedStream
from tests.client.clocks import Clock

if TYPE_CHECKING:
    from mailrules.settings import AccountSettings
    from tests.servers.dovecot import DovecotAccount


def test_lines_of_both_sides_come_in_order_however_they_are_cut() -> None:
    transcript = Transcript()

    transcript.received(b"* OK rea")
    transcript.received(b"dy\r\n* CAP")
    transcript.sent(b"A1 NOOP\r\n", secret=False)
    transcript.received(b"ABILITY IMAP4rev1\r\nA1 OK\r\n")

    assert str(transcript).splitlines() == [
        "S: * OK ready",
        "C: A1 NOOP",
        "S: * CAPABILITY IMAP4rev1",
        "S: A1 OK",
    ]


def test_what_the_client_marks_as_secret_is_not_kept() -> None:
    transcript = Transcript()

    transcript.sent(b"A1 LOGIN ", secret=False)
    transcript.sent(b'alice "open sesame"', secret=True)
    transcript.sent(b"\r\n", secret=False)
    transcript.sent(b"AGFsaWNlAG9wZW4gc2VzYW1l\r\n", secret=True)
    transcript.sent(b"A2 NOOP\r\n", secret=False)

    assert str(transcript).splitlines() == ["C: A1 LOGIN ***", "C: ***", "C: A2 NOOP"]


def test_a_server_that_repeats_the_password_does_not_reveal_it() -> None:
    transcript = Transcript()
    transcript.hide(["open sesame"])

    transcript.received(b"A1 BAD cannot parse: LOGIN alice op")
    transcript.received(b"en sesame\r\n")

    assert str(transcript) == "S: A1 BAD cannot parse: LOGIN alice ***"


SIGNED = (
    b"imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred:internal:91354a473744909de610943775f92038"
)
COVERED = SIGNED.replace(b"91354a473744909de610943775f92038", b"***")


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000])
@pytest.mark.parametrize(
    "line",
    [
        b'* URLFETCH "%b" {28}',
        b'* URLFETCH "%b" NIL "%b" "x"',
        b"* URLFETCH %b NIL",
        b'* GENURLAUTH "%b"',
        b'* genurlauth "%b" "%b"',
        b"%b",
        b'* NO not "%b" any more',
    ],
)
def test_the_tokens_of_signed_urls_are_covered_and_nothing_else(line: bytes, chunk_bytes: int) -> None:
    transcript = Transcript()
    data = line.replace(b"%b", SIGNED) + b"\r\n"

    for start in range(0, len(data), chunk_bytes):
        transcript.received(data[start : start + chunk_bytes])

    assert [one.text for one in transcript.lines] == [line.replace(b"%b", COVERED)]


def test_a_url_that_is_not_signed_stays() -> None:
    transcript = Transcript()
    lines = b"* OK [BADURL /INBOX;UIDVALIDITY=7/;UID=20/;SECTION=1.2] x\r\n* OK imap://a@b/c;urlauth=anonymous x\r\n"

    transcript.received(lines)

    assert b"".join(one.data for one in transcript.lines) == lines


def test_the_keys_that_sign_are_covered() -> None:
    transcript = Transcript()

    transcript.received(b"a33 OK [URLMECH INTERNAL XSAMPLE=P34OKhO7VEkCbsiYY8rGEg== Y=ab] done a=b\r\n")

    assert [one.text for one in transcript.lines] == [b"a33 OK [URLMECH INTERNAL XSAMPLE=*** Y=***] done a=b"]


def test_a_token_that_the_length_limit_cuts_is_covered_too() -> None:
    transcript = Transcript(max_line_bytes=100)

    transcript.received(b'* URLFETCH "' + b"imap://a/" + b"x" * 60 + b";urlauth=anonymous:internal:" + b"abc123" * 200)
    transcript.received(b'" NIL\r\n')

    assert b"abc" not in transcript.lines[0].text


def test_control_and_eight_bit_bytes_are_shown_escaped() -> None:
    transcript = Transcript()

    transcript.received(b"* OK \x1b[2J \xff\r\n")

    assert str(transcript) == "S: * OK \\x1b[2J \\xff"


def test_the_oldest_lines_go_when_it_is_full() -> None:
    transcript = Transcript(max_bytes=30)

    for number in range(10):
        transcript.received(b"* line %d..\r\n" % number)

    assert [line.text for line in transcript.lines] == [b"* line 7..", b"* line 8..", b"* line 9.."]
    assert str(transcript).startswith("(7 earlier lines dropped)\n")


def test_a_line_without_end_takes_bounded_memory_and_is_cut() -> None:
    transcript = Transcript(max_line_bytes=10)

    for _ in range(1000):
        transcript.received(b"x" * 1000)
    transcript.received(b"\r\nnext\r\n")

    assert [line.text for line in transcript.lines] == [b"xxxxxxxxxx...", b"next"]


def test_a_secret_that_the_length_limit_cuts_in_two_is_not_shown_in_half() -> None:
    transcript = Transcript(max_line_bytes=20)
    transcript.hide(["open sesame"])

    transcript.received(b"open sesame" * 3 + b"open sesame" + b"more\r\nnext\r\n")

    # 40 bytes are kept of the line, which end in the middle of the fourth.
    assert [line.text for line in transcript.lines] == [b"*****...", b"next"]


@pytest.mark.parametrize(
    "data",
    [
        b"* OK ready\r\n",
        b"* 1 FETCH (BODY[] {14}\r\na\nb\r\nc\rd\0\xff\x1be)\r\n",
        b"\r\n\n\r\r\n",
        b'* LIST (\\Seen \\x41 \\x5cx41 \\xzz) "\\\\" x\r\n',
        b"A1 OK \\x0a\r\n",
    ],
)
def test_what_is_written_is_read_back_byte_by_byte(data: bytes) -> None:
    transcript = Transcript()
    transcript.received(data)

    lines = parse_transcript(str(transcript))

    assert lines == transcript.lines
    assert b"".join(line.data for line in lines) == data


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=30)), max_size=8))
def test_any_bytes_are_read_back(pieces: list[tuple[bool, bytes]]) -> None:
    transcript = Transcript()
    for is_client, data in pieces:
        if is_client:
            transcript.sent(data, secret=False)
        else:
            transcript.received(data)

    assert parse_transcript(str(transcript)) == transcript.lines


def test_what_is_no_transcript_is_refused() -> None:
    assert parse_transcript("(7 earlier lines dropped)\n\n") == ()
    with pytest.raises(ValueError, match="no line of a transcript: 'X: y'"):
        parse_transcript("C: A1 NOOP\nX: y")


def test_a_new_connection_does_not_go_on_in_the_last_ones_line() -> None:
    transcript = Transcript()

    transcript.received(b"* OK read")
    transcript.begin()
    transcript.received(b"* OK ready\r\n")

    assert str(transcript).splitlines() == ["S: * OK read", "S: * OK ready"]


LITERAL_PASSWORD = "pässword"


async def logged_in_through(account: AccountSettings, transcript: Transcript, *, times: int = 1) -> None:
    clock = Clock()

    async def connect_once() -> AsyncClient:
        return await connect(account, transcript=transcript)

    async with Supervisor(connect_once, random=lambda: 0.5, now=clock.now, wait=clock.wait) as supervisor:
        for _ in range(times):
            await supervisor.run(Noop())


@pytest.mark.parametrize("mechanism", ["login", "plain", "xoauth2"])
@pytest.mark.parametrize("taken_away", [(), ("LITERAL+", "SASL-IR")])
async def test_every_login_of_a_long_connection_is_redacted(
    monkeypatch: pytest.MonkeyPatch, mechanism: str, taken_away: tuple[str, ...]
) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", LITERAL_PASSWORD)
    transcript = Transcript()
    mail = MailAccount(password=LITERAL_PASSWORD)
    drops = [AtCommand(command="NOOP", reaction=Drop(), nth=number) for number in (1, 2)]
    async with ImapServer(mail, capabilities=without(*taken_away), faults=drops) as server:
        account = server.settings(SecretReference(kind="env", value="MAILRULES_TEST_SECRET"))
        await logged_in_through(replace(account, mechanism=mechanism), transcript)

    shown = b"".join(line.text for line in transcript.lines)
    for spelling in spellings_of(Secret(LITERAL_PASSWORD), user=mail.user):
        assert spelling.encode() not in shown
    verb = b"LOGIN ***" if mechanism == "login" else b"AUTHENTICATE ***"
    assert shown.count(verb) == 3


async def test_a_compressed_connection_is_recorded_as_what_was_said(dovecot: DovecotAccount) -> None:
    transcript = Transcript()
    client = await connect(replace(dovecot.settings(), compress=True), transcript=transcript)
    await client.run(Noop())  # COMPRESS goes behind it
    await client.run(Noop())
    await client.close()

    assert transcript.lines[-2].text.endswith(b"NOOP")
    assert any(line.text.endswith(b"COMPRESS DEFLATE") for line in transcript.lines)
    assert dovecot.password.encode() not in b"".join(line.text for line in transcript.lines if line.side == "client")


# -- a transcript is a test


async def test_a_recorded_conversation_with_dovecot_replays(dovecot: DovecotAccount) -> None:
    transcript = Transcript()
    dovecot.fill("INBOX", [SampleMessage(content=message(body="one\r\ntwo\r\n"))])

    async def converse(client: AsyncClient) -> object:
        opened = await client.run(Select("INBOX"))
        fetched = await client.run(UidFetch(SequenceSet.of((1,)), (FetchItem.UID, BodySection())))
        await client.run(Logout())
        return opened, fetched

    client = await connect(dovecot.settings(), transcript=transcript)
    live = await converse(client)
    await client.close()

    stream = ReplayedStream(str(transcript))
    async with AsyncClient(stream) as client:
        await client.run(Authenticate(Plain("anybody", Secret("else"))))
        assert await converse(client) == live
    assert stream.is_over


async def test_a_client_that_says_something_else_is_told() -> None:
    stream = ReplayedStream("S: * PREAUTH [CAPABILITY IMAP4rev1] hi\nC: A1 NOOP\nS: A1 OK done\n")
    async with AsyncClient(stream) as client:
        with pytest.raises(ConnectionLost, match=r"the client said b'A1 CAPABILITY.*and C: A1 NOOP in the transcript"):
            await client.run(Capability())
