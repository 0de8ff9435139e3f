"""The in-memory server's profiles: what a client sees of Gmail, iCloud, Exchange and others."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_profiles import PROFILES
from mailrules.testing.threaded_server import serve_in_thread
from tests.replay.conversation import RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def connect() -> Iterator[Callable[[str], RawClient]]:
    """Makes a client of a server of this profile, with two messages in INBOX, one empty and one large."""
    with ExitStack() as open_things:

        def make(profile: str) -> RawClient:
            account = MailAccount()
            account.add("INBOX", message(body=""))
            account.add("INBOX", message(body="x" * 1_860_000))
            server = open_things.enter_context(serve_in_thread(ImapServer(account, profile=profile)))
            return open_things.enter_context(closing(RawClient(server.port)))

        yield make


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_can_be_worked_with_once_id_was_sent(connect: Callable[[str], RawClient], name: str) -> None:
    client = connect(name)

    assert client.ask(b"LOGIN ann pass")[-1].startswith(b"t1 OK")
    client.ask(b"ID NIL")
    opened = client.ask(b"SELECT INBOX")
    fetched = client.ask(b"UID FETCH 1 (FLAGS BODY.PEEK[])")

    assert opened[-1].startswith(b"t3 OK")
    assert len(fetched) == 2
    assert PROFILES[name].name == name
    assert PROFILES[name].capabilities <= EVERY_CAPABILITY
    assert PROFILES[name].sentence.endswith(".")


def test_an_unknown_profile_is_told_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="no profile is called 'gmial'; there are gmail, icloud"):
        ImapServer(profile="gmial")


def test_a_running_server_takes_a_profile(imap_server: ImapServer) -> None:
    imap_server.behave_like("163.com")

    with closing(RawClient(imap_server.port)) as client:
        client.ask(b"LOGIN ann pass")
        refused = client.ask(b"SELECT INBOX")
        client.ask(b'ID ("name" "test")')
        opened = client.ask(b"SELECT INBOX")

    assert refused == [b"t2 NO SELECT Unsafe Login. Please contact kefu@188.com for help\r\n"]
    assert opened[-1].startswith(b"t4 OK")


def test_gmail_tells_its_capabilities_untagged_before_the_ok(connect: Callable[[str], RawClient]) -> None:
    answers = connect("gmail").ask(b"LOGIN ann pass")

    assert answers[0].startswith(b"* CAPABILITY IMAP4rev1 ")
    assert answers[1:] == [b"t1 OK ann@example.org authenticated (Success)\r\n"]


def test_icloud_enables_without_a_word_and_has_no_rfc822(connect: Callable[[str], RawClient]) -> None:
    client = connect("icloud")
    client.ask(b"LOGIN ann pass")

    assert client.ask(b"ENABLE CONDSTORE") == [b"t2 OK Enabled.\r\n"]
    client.ask(b"SELECT INBOX")
    assert client.ask(b"UID FETCH 1 (RFC822)")[0] == b"* 1 FETCH (UID 1)\r\n"
    assert b"BODY[] {" in client.ask(b"UID FETCH 1 (BODY.PEEK[])")[0]


def test_mail_ru_writes_large_sizes_in_floating_point(connect: Callable[[str], RawClient]) -> None:
    client = connect("mail.ru")
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")

    answers = client.ask(b"UID FETCH 1:2 RFC822.SIZE")

    assert b"e+" not in answers[0]
    assert b"RFC822.SIZE 1.86" in answers[1]
    assert b"e+06" in answers[1]


def test_yandex_writes_nothing_for_an_empty_part(connect: Callable[[str], RawClient]) -> None:
    client = connect("yandex")
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")

    assert client.ask(b"UID FETCH 1 BODY.PEEK[TEXT]")[0] == b"* 1 FETCH (UID 1 BODY[TEXT] )\r\n"


@pytest.mark.parametrize(
    ("name", "line_bytes"),
    [("uw", 1000), ("yahoo", 1000), ("courier", 16_384), ("gmail", 16_000), ("exchange", 10_000)],
)
def test_a_line_that_is_too_long_is_refused(connect: Callable[[str], RawClient], name: str, line_bytes: int) -> None:
    client = connect(name)
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")
    fitting = b"UID FETCH " + b"1," * ((line_bytes - 20) // 2) + b"1 UID"
    fitting = fitting.ljust(line_bytes)

    assert client.ask(fitting)[-1].split()[1] == b"OK"
    assert client.ask(fitting + b" ")[-1].split()[1] == b"BAD"


def test_exchange_ends_status_in_a_space_and_knows_one_charset(connect: Callable[[str], RawClient]) -> None:
    client = connect("exchange")
    client.ask(b"LOGIN ann pass")

    assert client.ask(b"STATUS INBOX (MESSAGES)")[0] == b"* STATUS INBOX (MESSAGES 2) \r\n"
    client.ask(b"SELECT INBOX")
    assert client.ask(b"UID SEARCH CHARSET UTF-8 TEXT x") == [
        b"t4 NO [BADCHARSET (US-ASCII)] The specified charset is not supported.\r\n"
    ]


def test_hmailserver_refuses_descending_ranges_only(connect: Callable[[str], RawClient]) -> None:
    client = connect("hmailserver")
    client.ask(b"LOGIN ann pass")
    client.ask(b"SELECT INBOX")

    assert client.ask(b"UID FETCH 2:1 UID")[-1].startswith(b"t3 BAD")
    assert len(client.ask(b"UID FETCH 1:2,5:* UID")) == 3


def test_strato_lists_nothing_where_it_is_asked_to_return_more(connect: Callable[[str], RawClient]) -> None:
    client = connect("strato")
    client.ask(b"LOGIN ann pass")

    assert client.ask(b'LIST "" * RETURN (SUBSCRIBED)') == [b"t2 OK LIST completed\r\n"]
    assert len(client.ask(b'LIST "" *')) == 5


def test_exchange_2003_drops_the_connection_at_namespace(connect: Callable[[str], RawClient]) -> None:
    client = connect("exchange-2003")
    client.ask(b"LOGIN ann pass")

    client.send(b"x NAMESPACE\r\n")

    assert client.read() == b""
