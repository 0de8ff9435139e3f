"""What takes more than one command, or lives on the server, over connections that are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.mailbox_fallbacks import ListAnywhere
from mailrules.client.message_fallbacks import MoveAnywhere
from mailrules.client.pool import Pool
from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.client.supervisor import Supervisor
from mailrules.errors import AuthenticationFailed, ConnectionLost, MailboxReset, SearchResultLost
from mailrules.imap.append_commands import Append
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.followed_search import FollowedSearch
from mailrules.imap.list_commands import ListExtended
from mailrules.imap.mailbox_commands import Examine, Select
from mailrules.imap.mailbox_data import StatusItem
from mailrules.imap.message_commands import SearchReturn, StoreChange, UidFetch, UidStore
from mailrules.imap.response_codes import Code
from mailrules.imap.responses import StatusResponse
from mailrules.imap.search_commands import UidFetchFound, UidSearchFor, UidSearchSave
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import All, HasFlag, LastResult
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from mailrules.imap.watch_commands import CancelUpdate, UidSearchWatched
from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, Bye, Drop, DropBeforeTagged
from tests.client.clocks import Clock
from tests.client.scripted import PASSWORD, conversation, scripted_server, settings
from tests.client.test_login import scram_server

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator

    from mailrules.imap.parser import Untagged
    from mailrules.settings import AccountSettings, SecretReference
    from tests.client.scripted import Script
    from tests.servers.dovecot import DovecotAccount

FLAGGED = HasFlag("\\Flagged")
ONE, TWO = SequenceSet.of((1,)), SequenceSet.of((2,))
BOTH = SequenceSet.of((1, 2))


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    """Two messages in INBOX; MOVE, LIST-STATUS and ESEARCH take several commands."""
    async with ImapServer(capabilities=without("MOVE", "LIST-STATUS", "ESEARCH")) as server:
        for subject in ("one", "two"):
            server.mail.add("INBOX", message(subject=subject))
        yield server


@pytest.fixture
async def supervisor(server: ImapServer, memory_secret: SecretReference) -> AsyncIterator[Supervisor]:
    async with supervise(server.settings(memory_secret)) as supervisor:
        await supervisor.run(Select("INBOX"))
        yield supervisor


def supervise(account: AccountSettings, heard: list[Untagged] | None = None) -> Supervisor:
    clock = Clock()
    on_untagged = None if heard is None else heard.append
    return Supervisor.of_account(account, random=lambda: 0.5, now=clock.now, wait=clock.wait, on_untagged=on_untagged)


# -- procedures


async def test_steps_that_only_ask_are_repeated_side_by_side(server: ImapServer, supervisor: Supervisor) -> None:
    server.faults.append(AtCommand(command="STATUS", nth=2, reaction=DropBeforeTagged()))

    listed = await supervisor.run(ListAnywhere(ListExtended(status=(StatusItem.MESSAGES,))))

    counts = {one.mailbox: one.status.messages for one in listed if one.status}
    assert counts == {"INBOX": 2, "Archive": 0, "Junk": 0, "Trash": 0}
    assert supervisor.connections == 2


async def test_a_search_goes_on_over_a_lost_connection(server: ImapServer, supervisor: Supervisor) -> None:
    server.faults.append(AtCommand(command="UID SEARCH", reaction=Drop()))

    found = await supervisor.run(SearchAnywhere(All(), (SearchReturn.COUNT,)))

    assert found.count == 2


async def test_a_move_without_move_is_carried_out_step_by_step(server: ImapServer, supervisor: Supervisor) -> None:
    moved = await supervisor.run(MoveAnywhere(ONE, "Archive"))

    assert dict(moved.uids) == {1: 1}
    assert list(server.mail["INBOX"].messages) == [2]


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("UID COPY", "UID COPY may have been carried out"),
        ("UID STORE", "UID STORE may have been carried out"),
        ("UID EXPUNGE", "UID EXPUNGE may have been carried out"),
    ],
)
async def test_a_step_that_changes_something_is_never_repeated(
    server: ImapServer, supervisor: Supervisor, step: str, told: str
) -> None:
    server.faults.append(AtCommand(command=step, reaction=Drop()))

    with pytest.raises(ConnectionLost, match=told) as lost:
        await supervisor.run(MoveAnywhere(ONE, "Archive"))

    assert lost.value.may_have_run
    assert server.commands_seen.count(step) == 1


async def test_a_procedure_does_not_go_on_in_a_mailbox_whose_uids_mean_something_else(
    server: ImapServer, supervisor: Supervisor
) -> None:
    def renew(line: bytes) -> bool:
        server.mail.change_uidvalidity("INBOX")
        return bool(line)

    server.faults.append(AtCommand(command="UID SEARCH", reaction=Bye(), when=renew))

    with pytest.raises(MailboxReset, match="UIDs mean other messages"):
        await supervisor.run(SearchAnywhere(All()))
    assert server.commands_seen.count("UID SEARCH") == 1


async def test_without_an_open_mailbox_no_step_is_sent(server: ImapServer, memory_secret: SecretReference) -> None:
    async with supervise(server.settings(memory_secret)) as supervisor:
        with pytest.raises(MailboxReset):
            await supervisor.run(MoveAnywhere(ONE, "Archive"))

    assert "UID COPY" not in server.commands_seen


async def test_long_sets_are_cut_and_each_piece_repeated(server: ImapServer, memory_secret: SecretReference) -> None:
    account = server.mail
    for number in range(3, 1_000):
        account.add("INBOX", message(subject=str(number), body=""))
    server.greeting = "OK IMAP4rev1 2007e.404 at 20"  # UW takes 1,000 bytes
    server.faults.append(AtCommand(command="UID FETCH", nth=2, reaction=Drop()))
    uids = SequenceSet.of(range(1, 1_000, 2))
    async with supervise(server.settings(memory_secret)) as supervisor:
        await supervisor.run(Examine("INBOX"))
        fetched = await supervisor.run(UidFetch(uids, (FetchItem.UID,)))

    assert [one.uid for one in fetched] == list(uids)
    assert server.commands_seen.count("UID FETCH") > 2


# -- what the server keeps for one connection


async def cut(supervisor: Supervisor) -> None:
    client = supervisor._lifeline.client
    assert client is not None
    await client.close()


async def test_a_saved_result_is_not_taken_for_another(dovecot: DovecotAccount) -> None:
    async with supervise(dovecot.settings()) as supervisor:
        await supervisor.run(Append("INBOX", message()))
        await supervisor.run(Select("INBOX"))
        await supervisor.run(UidSearchSave(All()))
        (fetched,) = await supervisor.run(UidFetchFound((FetchItem.UID,)))
        await cut(supervisor)

        with pytest.raises(SearchResultLost, match="search again"):
            await supervisor.run(UidFetchFound((FetchItem.UID,)))
        with pytest.raises(SearchResultLost):
            await supervisor.run(UidSearchFor(LastResult()))
        await supervisor.run(UidSearchSave(All()))
        (again,) = await supervisor.run(UidFetchFound((FetchItem.UID,)))
        await supervisor.run(Select("Archive"))
        nothing = await supervisor.run(UidFetchFound((FetchItem.UID,)))

    assert fetched.uid == again.uid == 1
    assert nothing == ()


async def test_a_watched_search_goes_on_under_its_name_and_tells_what_was_missed(dovecot: DovecotAccount) -> None:
    heard: list[Untagged] = []
    account = dovecot.settings()
    async with supervise(account, heard) as supervisor:
        for number in range(3):
            await supervisor.run(Append("INBOX", message(subject=str(number))))
        await supervisor.run(Select("INBOX"))
        await supervisor.run(UidStore(ONE, StoreChange.ADD, ("\\Flagged",)))
        watched = await supervisor.run(UidSearchWatched(FLAGGED, (SearchReturn.COUNT,)))
        followed = FollowedSearch(watched)
        first = tuple(followed.uids)
        async with await connect(account) as other:
            await other.run(Select("INBOX"))
            await cut(supervisor)
            await other.run(UidStore(TWO, StoreChange.ADD, ("\\Flagged",)))
            await other.run(UidStore(ONE, StoreChange.REMOVE, ("\\Flagged",)))
            await supervisor.run(Noop())
            for response in heard:
                followed.apply(response)
            over_the_gap = tuple(followed.uids)
            heard.clear()
            await other.run(UidStore(SequenceSet.of((3,)), StoreChange.ADD, ("\\Flagged",)))
            await supervisor.run(Noop())
            for response in heard:
                followed.apply(response)
            after = tuple(followed.uids)
        await supervisor.run(CancelUpdate((watched.tag,)))
        await cut(supervisor)
        heard.clear()
        await supervisor.run(UidStore(ONE, StoreChange.ADD, ("\\Flagged",)))
        await supervisor.run(Noop())

    assert (first, watched.found.count) == ((1,), 1)
    assert over_the_gap == (2,)
    assert after == (2, 3)
    assert not [one for one in heard if isinstance(one, ESearchData)]


CAPABILITIES = b"CAPABILITY IMAP4rev1 ESEARCH CONTEXT=SEARCH SEARCHRES SASL-IR AUTH=PLAIN"
GREETING = b"* OK [" + CAPABILITIES + b"] hi\r\n"
LOGIN = (b"AUTHENTICATE PLAIN AGFsaWNlAHBhc3M=", b"$ OK [" + CAPABILITIES + b"] in\r\n")
SELECT = (b"SELECT INBOX", b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n$ OK in\r\n")
SEARCH = b"UID SEARCH RETURN (UPDATE ALL) FLAGGED"


@pytest.mark.parametrize(
    "answer",
    [
        b'* NO [NOUPDATE "$"] too many\r\n* ESEARCH (TAG "$") UID ALL 1\r\n$ OK\r\n',
        b"$ NO no\r\n",
    ],
)
async def test_a_search_that_the_new_connection_does_not_follow_ends_with_noupdate(
    monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    early = b'* ESEARCH (TAG "$") UID ADDTO (0 2)\r\n'
    begun = (SEARCH, b'* ESEARCH (TAG "$") UID ALL 1\r\n$ OK\r\n' + early)
    scripts = [
        conversation(GREETING, LOGIN, SELECT, begun, (b"NOOP", b"* BYE for now\r\n")),
        conversation(GREETING, LOGIN, SELECT, (SEARCH, answer), (b"NOOP", b"$ OK\r\n")),
        conversation(GREETING, LOGIN, SELECT, (b"NOOP", b"$ OK\r\n")),
    ]
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    heard: list[Untagged] = []
    async with scripted_server(in_turn(scripts)) as port, supervise(settings(port), heard) as supervisor:
        await supervisor.run(Select("INBOX"))
        watched = await supervisor.run(UidSearchWatched(FLAGGED))
        await supervisor.run(Noop())
        ended = [one.code for one in heard if isinstance(one, StatusResponse) and one.code]
        await cut(supervisor)
        await supervisor.run(Noop())

    assert watched.found.all_uids == BOTH  # with what came right behind the OK
    assert [(code.name, code.text) for code in ended if code.name == Code.NO_UPDATE] == [("NOUPDATE", watched.tag)]


async def test_a_watched_search_of_the_saved_result_cannot_begin_again(monkeypatch: pytest.MonkeyPatch) -> None:
    search = b"UID SEARCH RETURN (UPDATE ALL) UID $"
    begun = (search, b'* ESEARCH (TAG "$") UID ALL 1\r\n$ OK\r\n')
    scripts = [
        conversation(GREETING, LOGIN, SELECT, begun, (b"NOOP", b"* BYE for now\r\n")),
        conversation(GREETING, LOGIN, SELECT, (b"NOOP", b"$ OK\r\n")),
    ]
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    heard: list[Untagged] = []
    async with scripted_server(in_turn(scripts)) as port, supervise(settings(port), heard) as supervisor:
        await supervisor.run(Select("INBOX"))
        watched = await supervisor.run(UidSearchWatched(LastResult()))
        await supervisor.run(Noop())

    assert [one.code.text for one in heard if isinstance(one, StatusResponse) and one.code] == [watched.tag]


# -- logins


def in_turn(scripts: list[Script]) -> Script:
    left = iter(scripts)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(left)(reader, writer)

    return serve


def scram_and_then_plain() -> Script:
    """SCRAM is offered to the first connection, and only PLAIN to later ones."""
    only_plain = conversation(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n")
    return in_turn([scram_server("SCRAM-SHA-256", offered="AUTH=PLAIN AUTH=SCRAM-SHA-256"), only_plain])


async def test_a_supervisor_never_logs_in_by_a_weaker_way_than_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", PASSWORD)
    async with scripted_server(scram_and_then_plain()) as port:
        clock = Clock()
        supervisor = Supervisor.of_account(settings(port), random=lambda: 0.5, now=clock.now, wait=clock.wait)
        await supervisor.start()
        await cut(supervisor)

        with pytest.raises(AuthenticationFailed, match="offered scram-sha-256 before"):
            await supervisor._lifeline._attempt()


async def test_a_pool_never_logs_in_by_a_weaker_way_than_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", PASSWORD)
    async with scripted_server(scram_and_then_plain()) as port, Pool(now=Clock().now) as pool:
        async with pool.lend(settings(port)) as client:
            await client.close()

        with pytest.raises(AuthenticationFailed, match="offered scram-sha-256 before"):
            async with pool.lend(settings(port)):
                pass
