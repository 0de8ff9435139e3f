"""Servers of the world, by name, and the whole client on them."""

from __future__ import annotations

import asyncio

import pytest

from mailrules.client.blocking_connect import connect_blocking
from mailrules.client.line_cutting import is_too_long, pieces_of_command
from mailrules.client.message_fallbacks import MoveAnywhere
from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.errors import CommandRefused, ConnectionLost, MissingCapability
from mailrules.imap.copy_commands import UidCopy, UidExpunge, UidMove
from mailrules.imap.list_commands import List, ListNamespaces
from mailrules.imap.mailbox_commands import Examine, Select
from mailrules.imap.message_commands import FetchItem, SearchReturn, StoreChange, UidFetch, UidStore
from mailrules.imap.quirks import command_line_bytes
from mailrules.imap.search_commands import Part, UidFetchPart
from mailrules.imap.search_keys import AllOf, Contains, HasFlag, Not, TextField, Uids
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Enable, Id, Noop
from mailrules.imap.writer import BodySection
from mailrules.mailbox.message import UID, FactRequest
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_faults import AtCommand, Refuse, Silence
from mailrules.testing.server_profiles import PROFILES
from tests.odd_servers.conftest import SECRET


def account_of(count: int) -> MailAccount:
    account = MailAccount()
    small = message(body="")
    for _ in range(count):
        account.add("INBOX", small)
    return account


@pytest.mark.parametrize("profile", PROFILES)
async def test_the_store_works_on_every_server(clients, profile):
    server = await clients.serve(ImapServer(account_of(3), profile=profile))
    store = await clients.store(server)

    listed = await store.list_mailboxes()
    await store.open("INBOX")
    facts = await store.fetch(FactRequest(flags=True, size=True, whole=True))
    await store.store_flags([UID(1)], add=frozenset({"\\Seen"}))
    await store.copy([UID(1), UID(2)], "Archive")

    assert {one.name for one in listed} >= {"INBOX", "Archive"}
    assert [one.uid for one in facts] == [1, 2, 3]
    assert len(server.mail["Archive"].messages) == 2


LINES = [("uw", 1000), ("yahoo", 1000), ("courier", 16_384), ("gmail", 16_000), ("exchange", 10_000)]


@pytest.mark.parametrize(("profile", "most"), LINES)
async def test_scattered_uids_are_cut_to_the_lines_that_the_server_takes(clients, profile, most):
    account = account_of(4_000)
    uids = tuple(UID(uid) for uid in range(1, 4_000, 2))
    server = await clients.serve(ImapServer(account, profile=profile))
    store = await clients.store(server)
    await store.open("INBOX")

    facts = await store.fetch(FactRequest(flags=True), uids)
    stored = await store.store_flags(uids, add=frozenset({"\\Flagged"}))
    copied = await store.copy(uids, "Archive")

    assert [one.uid for one in facts] == list(uids)
    assert [one.uid for one in stored.confirmed] == list(uids)
    assert list(copied.uids) == list(uids)
    assert len(account["Archive"].messages) == 2_000
    needed = len(SequenceSet.of(uids).to_bytes()) / most
    assert server.commands_seen.count("UID COPY") >= needed


@pytest.mark.parametrize(("profile", "most"), [("uw", 1000), ("exchange", 10_000)])
async def test_both_clients_and_procedures_cut_what_they_send(clients, profile, most):
    uids = SequenceSet.of(range(1, 4_000, 2))
    whole = tuple(uids)
    server = await clients.serve(ImapServer(account_of(4_000), profile=profile))
    server.capabilities -= {"MOVE"}
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))

    listed = [one.uid async for one in client.fetch(uids, (FetchItem.UID,), messages_per_command=4_000)]
    fetched = await client.run(UidFetch(uids, (FetchItem.UID,)))
    stored = await client.run(UidStore(uids, StoreChange.ADD, ("\\Flagged",)))
    again = await asyncio.to_thread(blocking_uids, server, uids)
    moved = await client.run(MoveAnywhere(uids, "Archive"))

    assert tuple(listed) == tuple(one.uid for one in fetched) == tuple(one.uid for one in stored.confirmed) == whole
    assert again == (whole, whole, 4_000)
    assert tuple(moved.uids) == whole
    assert len(server.mail["INBOX"].messages) == 2_000
    assert server.commands_seen.count("UID STORE") >= 2 * len(uids.to_bytes()) / most


def blocking_uids(server: ImapServer, uids: SequenceSet) -> tuple[tuple[int, ...], tuple[int, ...], int]:
    """What the blocking client says of the same: in its loop, in a command, and of commands side by side."""
    with connect_blocking(server.settings(SECRET)) as client:
        client.run(Examine("INBOX"))
        iterated = tuple(one.uid for one in client.fetch(uids, (FetchItem.UID,), messages_per_command=4_000))
        fetched = tuple(one.uid for one in client.run(UidFetch(uids, (FetchItem.UID,))))
        both = client.run_all([UidFetch(uids, (FetchItem.UID,)), UidFetch(uids, (FetchItem.UID, FetchItem.FLAGS))])
        return iterated, fetched, sum(len(one) for one in both)


@pytest.mark.parametrize("line_bytes", [1_000, 8_000])
def test_what_cannot_be_cut_stays_whole(line_bytes):
    scattered = SequenceSet.of(range(1, 40_000, 2))
    part = UidFetchPart(scattered, (FetchItem.UID,), Part(1, 10))

    assert is_too_long(UidFetch(scattered, (FetchItem.UID,)), offered=frozenset(), line_bytes=line_bytes)
    assert not is_too_long(part, offered=frozenset(), line_bytes=line_bytes)
    assert not is_too_long(UidFetch(SequenceSet.starting_at(1), ()), offered=frozenset(), line_bytes=line_bytes)


@pytest.mark.parametrize("missing", [-1, 0, 1])
def test_a_command_is_cut_only_where_it_has_to_be(missing):
    command = UidCopy(SequenceSet.of(range(1, 4_000, 2)), "Archive")
    line_bytes = len(b"A1234567890 UID COPY %b Archive\r\n" % command.uids.to_bytes()) - missing

    pieces = list(pieces_of_command(command, offered=frozenset(), line_bytes=line_bytes))

    assert is_too_long(command, offered=frozenset(), line_bytes=line_bytes) is (missing > 0)
    assert len(pieces) == 1 + (missing > 0)


async def test_a_hundred_thousand_uids_are_cut_by_bytes_for_each_kind_of_server():
    uids = SequenceSet.of(range(1, 200_000, 2))
    for line_bytes in (1_000, 8_000, 16_000, 60_000):
        moves = pieces_of_command(UidMove(uids, "Archive"), offered=frozenset(), line_bytes=line_bytes)
        pieces = [move.uids for move in moves]

        longest = max(len(b"A1234567890 UID MOVE %b Archive\r\n" % piece.to_bytes()) for piece in pieces)
        assert line_bytes - 20 <= longest <= line_bytes
        assert sum(piece.count for piece in pieces) == 100_000


@pytest.mark.parametrize(
    ("greeting", "most"),
    [
        ("Courier-IMAP ready.", 16 * 1024),
        ("Gimap ready for requests", 16 * 1024),
        ("Dovecot ready.", 64 * 1024),
        ("mail.example.org IMAP4rev1 2007e.404 at now", 1_000),
        ("IMAP4rev1 imapgate-0.7 imap.mail.yahoo.com", 1_000),
        ("some server", 8_000),
    ],
)
def test_no_server_is_sent_more_than_it_takes(greeting, most):
    assert most * 0.9 <= command_line_bytes(server_name="", greeting=greeting) <= most


async def test_pieces_join_as_one_result(clients):
    server = await clients.serve(ImapServer(account_of(1_500), profile="uw"))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))
    uids = SequenceSet.of(range(1, 1_500, 2))
    turns = client.counters.turns

    fetched = await client.run(UidFetch(uids, (FetchItem.UID,)))
    assert client.counters.turns == turns + 1, "what only reads goes side by side"
    stored = await client.run(UidStore(uids, StoreChange.ADD, ("\\Deleted",)))
    copied = await client.run(UidCopy(uids, "Archive"))
    gone = await client.run(UidExpunge(uids))

    assert [one.uid for one in fetched] == [one.uid for one in stored.confirmed] == list(uids) == list(gone)
    assert list(copied.uids) == list(uids)
    assert server.commands_seen.count("UID EXPUNGE") > 3


async def test_a_refused_piece_is_raised(clients):
    refusal = AtCommand(command="UID COPY", nth=2, reaction=Refuse(code="OVERQUOTA"))
    server = await clients.serve(ImapServer(account_of(1_500), faults=[refusal], profile="uw"))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))

    with pytest.raises(CommandRefused, match="OVERQUOTA"):
        await client.run(UidCopy(SequenceSet.of(range(1, 1_500, 2)), "Archive"))
    assert server.commands_seen.count("UID COPY") == 2


@pytest.mark.parametrize("profile", ["uw", "yahoo"])
async def test_searches_among_many_uids_are_cut(clients, profile):
    """By ESEARCH on UW, by SEARCH on Yahoo; where UTF-8 is refused, and the texts are looked for here, too."""
    account = account_of(1_500)
    account["INBOX"].set_flags(7, frozenset({"\\Flagged"}))
    account["INBOX"].set_flags(1_401, frozenset({"\\Flagged"}))
    charset = Refuse(code="BADCHARSET (US-ASCII)")
    refusal = AtCommand(command="UID SEARCH", nth=None, reaction=charset, when=lambda line: not line.isascii())
    literals = AtCommand(command="UID SEARCH", nth=None, reaction=charset, when=lambda line: b"CHARSET" in line)
    server = await clients.serve(ImapServer(account, faults=[refusal, literals], profile=profile))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))
    among = Uids(SequenceSet.of(range(1, 1_500, 2)))
    returned = (SearchReturn.ALL, SearchReturn.MIN, SearchReturn.MAX, SearchReturn.COUNT)

    flagged = await client.run(SearchAnywhere(AllOf((among, HasFlag("\\Flagged"))), returned))
    every = await client.run(SearchAnywhere(among, returned))
    greeting = await client.run(SearchAnywhere(AllOf((among, Not(Contains(TextField.SUBJECT, "Grüße")))), returned))

    assert (tuple(flagged.all_uids), flagged.minimum, flagged.maximum, flagged.count) == ((7, 1_401), 7, 1_401, 2)
    for found in (every, greeting):
        assert tuple(found.all_uids) == tuple(among.uids)
        assert (found.minimum, found.maximum, found.count) == (1, 1_499, 750)


async def test_who_a_server_is_may_be_known_by_id_alone(clients):
    """Its greeting and capabilities tell nothing; once ID was asked, every command is cut for it."""
    server = await clients.serve(ImapServer(account_of(1_500), profile="yahoo"))
    server.greeting = "OK {capabilities} ready"
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))
    uids = SequenceSet.of(range(1, 1_500, 2))
    with pytest.raises(CommandRefused, match="too long"):
        await client.run(UidFetch(uids, (FetchItem.UID,)))

    await client.run(Id((("name", "test"),)))

    assert (client.server_name, client.line_bytes) == ("Yahoo! Mail", 1_000)
    assert [one.uid for one in await client.run(UidFetch(uids, (FetchItem.UID,)))] == list(uids)


async def test_a_name_with_an_ampersand_reaches_a_server_that_never_answers_the_quoted_form(clients):
    account = MailAccount()
    account.create("Tom & Jerry")
    quoted = AtCommand(command="*", nth=None, reaction=Silence(), when=lambda line: b'"' in line and b"&-" in line)
    server = await clients.serve(ImapServer(account, faults=[quoted]))
    client = await clients.log_in(server)

    opened = await client.run(Select("Tom & Jerry"))

    assert opened.mailbox == "Tom & Jerry"


async def test_icloud_enables_without_a_word_and_gives_the_whole_message(clients):
    account = account_of(1)
    server = await clients.serve(ImapServer(account, profile="icloud"))
    client = await clients.log_in(server)

    assert await client.run(Enable(("CONDSTORE",))) == frozenset()
    await client.run(Select("INBOX"))
    (fetched,) = await client.run(UidFetch(SequenceSet.of((1,)), (FetchItem.UID, BodySection())))

    assert fetched.sections[""] == account["INBOX"].messages[1].content


async def test_strato_is_asked_again_without_return(clients):
    server = await clients.serve(ImapServer(profile="strato"))
    server.mail.subscriptions.add("Archive")
    store = await clients.store(server)

    listed = await store.list_mailboxes()

    assert await store.client.run(List()) == ()
    assert {one.name: one.subscribed for one in listed} == {
        "Archive": True,
        "INBOX": False,
        "Junk": False,
        "Trash": False,
    }


async def test_163_is_told_by_id_who_we_are_before_and_after_the_login(clients):
    server = await clients.serve(ImapServer(profile="163.com"))
    strict = AtCommand(command="AUTHENTICATE", nth=None, reaction=Refuse(text="Unsafe Login"), until="ID")
    server.faults.append(strict)

    client = await clients.log_in(server)
    await client.run(Select("INBOX"))

    assert server.commands_seen == ["CAPABILITY", "ID", "AUTHENTICATE", "CAPABILITY", "ID", "SELECT"]


async def test_gmail_needs_no_second_question_for_its_capabilities(clients):
    server = await clients.serve(ImapServer(profile="gmail"))

    client = await clients.log_in(server)

    assert {"MOVE", "ESEARCH"} <= client.capabilities
    assert server.commands_seen == ["CAPABILITY", "AUTHENTICATE"]


async def test_hmailserver_never_sees_a_descending_range(clients):
    server = await clients.serve(ImapServer(account_of(9), profile="hmailserver"))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))

    fetched = await client.run(UidFetch(SequenceSet.of((9, 8, 7, 3, 2, 1)), (FetchItem.UID,)))

    assert [one.uid for one in fetched] == [1, 2, 3, 7, 8, 9]


async def test_exchange_2003_is_never_asked_for_its_namespaces(clients):
    server = await clients.serve(ImapServer(profile="exchange-2003"))
    client = await clients.log_in(server)

    with pytest.raises(MissingCapability, match="NAMESPACE"):
        await client.run(ListNamespaces())
    await client.run(Noop())
    assert "NAMESPACE" not in server.commands_seen


async def test_a_lost_backend_costs_the_connection_and_nothing_hangs(clients):
    lost = Refuse(status="BAD", text="User is authenticated but not connected.")
    server = await clients.serve(ImapServer(profile="exchange", faults=[AtCommand(command="SELECT", reaction=lost)]))
    client = await clients.log_in(server)

    with pytest.raises(ConnectionLost, match="authenticated but not connected"):
        await asyncio.wait_for(client.run(Select("INBOX")), 5)
