"""One logical connection: made anew, led where it was, and nothing done twice or in another mailbox."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.lifeline import MOST_REFUSALS
from mailrules.client.supervisor import MOST_REPEATS, Supervisor
from mailrules.errors import (
    AuthenticationFailed,
    CommandRefused,
    ConnectionFailed,
    ConnectionLost,
    LocalProtocolError,
    MailboxReset,
)
from mailrules.imap.append_commands import Append
from mailrules.imap.copy_commands import UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Examine, Select, Status, Unselect
from mailrules.imap.message_commands import StoreChange, UidFetch, UidStore
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Capability, Enable, Logout, Noop
from mailrules.imap.watch_commands import EventGroup, Notify, NotifyNone, Watched, WatchEvent
from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, Bye, Drop, DropBeforeTagged, Refuse, Silence
from tests.client.clocks import Clock, until
from tests.client.scripted import conversation, conversing_server, scripted_server, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mailrules.imap.parser import Untagged
    from mailrules.imap.selected_mailbox import OpenedMailbox
    from mailrules.settings import AccountSettings, SecretReference
    from tests.servers.dovecot import DovecotAccount

ONE = SequenceSet.of((1,))
FETCH = UidFetch(ONE, (FetchItem.UID, FetchItem.FLAGS))
STORE = UidStore(ONE, StoreChange.ADD, ("\\Flagged",))


@pytest.fixture
def clock() -> Clock:
    return Clock()


def supervise(
    account: AccountSettings | Callable[[], AccountSettings],
    clock: Clock,
    *,
    on_reopened: Callable[[OpenedMailbox], None] | None = None,
    on_untagged: Callable[[Untagged], None] | None = None,
) -> Supervisor:
    return Supervisor(
        lambda: connect(account() if callable(account) else account),
        random=lambda: 0.5,
        now=clock.now,
        wait=clock.wait,
        on_reopened=on_reopened,
        on_untagged=on_untagged,
    )


@asynccontextmanager
async def supervised(
    memory_secret: SecretReference, clock: Clock, *faults: AtCommand, capabilities: frozenset[str] | None = None
) -> AsyncIterator[tuple[Supervisor, ImapServer]]:
    """A supervisor of a server with one message in INBOX, which is open."""
    async with ImapServer(capabilities=capabilities if capabilities is not None else without()) as server:
        server.mail.add("INBOX", message())
        server.faults.extend(faults)
        async with supervise(server.settings(memory_secret), clock) as supervisor:
            await supervisor.run(Select("INBOX"))
            yield supervisor, server


# -- what is repeated, and what is not


@pytest.mark.parametrize("reaction", [Drop(), DropBeforeTagged(), DropBeforeTagged(untagged=False), Bye()])
async def test_a_fetch_that_is_lost_is_answered_by_the_next_connection(
    memory_secret: SecretReference, clock: Clock, reaction: Drop | DropBeforeTagged | Bye
) -> None:
    async with supervised(memory_secret, clock, AtCommand(command="UID FETCH", reaction=reaction)) as (supervisor, _):
        (fetched,) = await supervisor.run(FETCH)

        assert fetched.uid == 1
        assert supervisor.connections == 2


@pytest.mark.parametrize("reaction", [Drop(), DropBeforeTagged()])
async def test_a_store_that_is_lost_is_not_repeated_and_says_that_it_may_have_been_carried_out(
    memory_secret: SecretReference, clock: Clock, reaction: Drop | DropBeforeTagged
) -> None:
    async with supervised(memory_secret, clock, AtCommand(command="UID STORE", reaction=reaction)) as (
        supervisor,
        server,
    ):
        with pytest.raises(ConnectionLost, match="UID STORE may have been carried out") as lost:
            await supervisor.run(STORE)

        assert lost.value.may_have_run
        assert server.commands_seen.count("UID STORE") == 1
        await supervisor.run(FETCH)  # and the connection goes on


async def test_an_append_of_which_the_literal_was_not_sent_was_not_carried_out(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    async with (
        conversing_server(
            b"* OK [CAPABILITY IMAP4rev1] hi\r\n",
            (b"LOGIN alice pass", b"$ OK [CAPABILITY IMAP4rev1] in\r\n"),
            (b"APPEND INBOX {14}", b"* BYE not now\r\n"),
        ) as port,
        supervise(settings(port), clock) as supervisor,
    ):
        with pytest.raises(ConnectionLost, match="APPEND was not carried out") as lost:
            await supervisor.run(Append("INBOX", b"Subject: x\r\n\r\n"))

    assert not lost.value.may_have_run


async def test_a_fetch_with_a_sink_is_not_repeated(memory_secret: SecretReference, clock: Clock) -> None:
    fault = AtCommand(command="UID FETCH", reaction=DropBeforeTagged())
    async with supervised(memory_secret, clock, fault) as (supervisor, _):
        told: list[object] = []

        with pytest.raises(ConnectionLost):
            await supervisor.run(UidFetch(ONE, (FetchItem.FLAGS,), told.append))

        assert len(told) == 1


async def test_a_command_that_ends_every_connection_is_given_up(memory_secret: SecretReference, clock: Clock) -> None:
    faults = [AtCommand(command="STATUS", reaction=Drop(), nth=n) for n in range(1, MOST_REPEATS + 2)]
    async with supervised(memory_secret, clock, *faults) as (supervisor, server):
        with pytest.raises(ConnectionLost, match="STATUS may have been carried out"):
            await supervisor.run(Status("INBOX"))

        assert server.commands_seen.count("STATUS") == MOST_REPEATS + 1
        await supervisor.run(Noop())


async def test_all_tasks_share_the_new_connection(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock, AtCommand(command="UID FETCH", reaction=Drop())) as (supervisor, _):
        answers = await asyncio.gather(*(supervisor.run(FETCH) for _ in range(20)))

        assert [one.uid for (one,) in answers] == [1] * 20
        assert supervisor.connections == 2


@pytest.mark.parametrize("command", [Logout()])
async def test_what_makes_or_ends_a_connection_is_the_supervisors_own(
    memory_secret: SecretReference, clock: Clock, command: Logout
) -> None:
    async with supervised(memory_secret, clock) as (supervisor, _):
        with pytest.raises(LocalProtocolError, match="LOGOUT makes or ends a connection"):
            await supervisor.run(command)


# -- which mailbox a command means


async def test_the_mailbox_is_opened_again_the_same_way(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        await supervisor.run(Examine("Archive"))
        server.drop_connections()
        server.commands_seen.clear()
        await supervisor.run(Noop())

        assert supervisor.opened is not None
        assert [name for name in server.commands_seen if name in {"SELECT", "EXAMINE"}] == ["EXAMINE"]


async def test_another_uidvalidity_stops_every_command_that_rests_on_the_old_one(
    memory_secret: SecretReference, clock: Clock
) -> None:
    fault = AtCommand(command="UID FETCH", reaction=Drop())
    async with supervised(memory_secret, clock, fault) as (supervisor, server):
        server.mail["INBOX"].uidvalidity += 1

        with pytest.raises(MailboxReset, match="UIDs mean other messages"):
            await supervisor.run(FETCH)
        with pytest.raises(MailboxReset, match="nothing was sent"):
            await supervisor.run(STORE)
        with pytest.raises(MailboxReset):
            await supervisor.idle(timeout_seconds=1)
        assert "UID STORE" not in server.commands_seen
        await supervisor.run(Select("INBOX"))
        assert (await supervisor.run(FETCH))[0].uid == 1


async def test_a_mailbox_that_is_gone_is_told(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        server.mail.create("Box")
        await supervisor.run(Select("Box"))
        server.mail.delete("Box")
        server.drop_connections()

        with pytest.raises(MailboxReset, match="Box could not be opened again"):
            await supervisor.run(FETCH)
        await supervisor.run(Noop())


async def test_without_an_open_mailbox_nothing_is_sent(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        await supervisor.run(Unselect())

        with pytest.raises(MailboxReset, match="it was closed"):
            await supervisor.run(FETCH)
        with pytest.raises(CommandRefused):
            await supervisor.run(Select("No such mailbox"))
        with pytest.raises(MailboxReset, match="SELECT did not succeed"):
            await supervisor.run(FETCH)
        assert "UID FETCH" not in server.commands_seen


async def test_a_repeated_command_does_not_follow_a_task_that_opens_another_mailbox(
    memory_secret: SecretReference, clock: Clock
) -> None:
    fault = AtCommand(command="UID FETCH", reaction=Drop())
    async with supervised(memory_secret, clock, fault) as (supervisor, server):
        server.mail.add("Archive", message(subject="of another mailbox"))
        fetching = asyncio.create_task(supervisor.run(UidFetch(ONE, (FetchItem.UID, FetchItem.ENVELOPE))))
        opening = asyncio.create_task(supervisor.run(Select("Archive")))

        await opening
        (fetched,) = await fetching
        assert fetched.envelope is not None
        assert fetched.envelope.subject != b"of another mailbox"
        with pytest.raises(MailboxReset, match="another mailbox was opened"):
            await supervisor._run(FETCH, rests_on=replace(supervisor.opened, mailbox="INBOX"))


# -- what is said again


async def test_settings_and_notify_are_said_again_and_the_mailbox_is_resynced(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    capabilities = b"CAPABILITY IMAP4rev1 ENABLE QRESYNC CONDSTORE NOTIFY UTF8=ACCEPT SASL-IR AUTH=PLAIN IDLE"
    greeting = b"* OK [" + capabilities + b"] hi\r\n"
    login = (b"AUTHENTICATE PLAIN AGFsaWNlAHBhc3M=", b"$ OK [" + capabilities + b"] in\r\n")
    notify = b"NOTIFY SET (MAILBOXES (a b) (MessageNew MessageExpunge))"
    opened = b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n* OK [HIGHESTMODSEQ 50] x\r\n$ OK in\r\n"
    resynced = (
        b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n* OK [HIGHESTMODSEQ 60] x\r\n"
        b"* VANISHED (EARLIER) 4:5\r\n* 1 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (60))\r\n$ OK in\r\n"
    )
    scripts = iter(
        [
            conversation(
                greeting,
                login,
                (b"ENABLE QRESYNC", b"* ENABLED QRESYNC\r\n$ OK\r\n"),
                (b"ENABLE UTF8=ACCEPT", b"* ENABLED UTF8=ACCEPT\r\n$ OK\r\n"),
                (notify, b"$ OK\r\n"),
                (b"SELECT INBOX (CONDSTORE)", opened),
                (b"UID FETCH 1 (UID FLAGS)", b"* BYE for now\r\n"),
            ),
            conversation(
                greeting,
                login,
                (b"ENABLE UTF8=ACCEPT QRESYNC", b"* ENABLED UTF8=ACCEPT QRESYNC\r\n$ OK\r\n"),
                (notify, b"$ OK\r\n"),
                (b"SELECT INBOX (QRESYNC (7 50))", resynced),
                (b"UID FETCH 1 (UID FLAGS)", b"* 1 FETCH (UID 1 FLAGS ())\r\n$ OK\r\n"),
                (b"NOTIFY NONE", b"$ OK\r\n* BYE again\r\n"),
            ),
            conversation(
                greeting,
                login,
                (b"ENABLE UTF8=ACCEPT QRESYNC", b"* ENABLED UTF8=ACCEPT QRESYNC\r\n$ OK\r\n"),
                (b"SELECT INBOX (QRESYNC (7 60))", resynced),
                (b"NOOP", b"$ OK\r\n"),
            ),
        ]
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await next(scripts)(reader, writer)

    reopened: list[OpenedMailbox] = []
    async with scripted_server(serve) as port, supervise(settings(port), clock, on_reopened=reopened.append) as one:
        await one.run(Enable(("UTF8=ACCEPT",)))
        events = (WatchEvent.MESSAGE_NEW, WatchEvent.MESSAGE_EXPUNGE)
        await one.run(Notify((EventGroup(Watched.MAILBOXES, events, ("a", "b")),)))
        await one.run(Select("INBOX"))
        assert [fetched.uid for fetched in await one.run(FETCH)] == [1]
        await one.run(NotifyNone())
        await one.run(Noop())

    assert [mailbox.highest_modseq for mailbox in reopened] == [60, 60]
    changes = reopened[0].changes
    assert changes is not None
    assert [changed.uid for changed in changes.messages] == [3]
    assert list(changes.vanished) == [4, 5]


# -- watching


async def test_idle_goes_on_over_lost_connections_and_then_tells_the_change(
    memory_secret: SecretReference, clock: Clock
) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        idling = asyncio.create_task(supervisor.idle(timeout_seconds=20))
        for number in (1, 2, 3):
            await until(lambda number=number: server.commands_seen.count("IDLE") >= number)
            server.drop_connections()
        await until(lambda: server.commands_seen.count("IDLE") >= 4)
        assert not idling.done()

        server.mail.add("INBOX", message())

        assert await idling
        assert supervisor.connections == 4


async def test_what_arrived_while_there_was_no_connection_is_told(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        server.drop_connections()
        server.mail.add("INBOX", message())

        assert await supervisor.idle(timeout_seconds=20)


async def test_without_condstore_a_reconnection_is_a_change(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock, capabilities=without("CONDSTORE")) as (supervisor, server):
        server.drop_connections()

        assert await supervisor.idle(timeout_seconds=20)


async def test_without_idle_the_server_is_polled(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock, capabilities=without("IDLE")) as (supervisor, server):
        idling = asyncio.create_task(supervisor.idle(timeout_seconds=20))
        await until(lambda: "NOOP" in server.commands_seen)
        server.mail.add("INBOX", message())

        assert await idling
        assert set(clock.waits) == {60.0}


async def test_idle_over_a_half_open_socket_ends_by_its_deadline_and_goes_on(
    memory_secret: SecretReference, clock: Clock
) -> None:
    async with ImapServer(faults=[AtCommand(command="IDLE", reaction=Silence())]) as server:
        server.mail.add("INBOX", message())
        account = server.settings(memory_secret)
        impatient = replace(account.timeouts, command_seconds=1.0, idle_renew_seconds=0.1)
        async with supervise(replace(account, timeouts=impatient), clock) as supervisor:
            await supervisor.run(Select("INBOX"))
            server.mail.add("INBOX", message())

            async with asyncio.timeout(60):
                assert await supervisor.idle(timeout_seconds=60)

        assert supervisor.connections == 2


async def test_idle_says_no_when_the_time_is_over(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock) as (supervisor, _):
        assert not await supervisor.idle(timeout_seconds=0.02)


# -- the pace


async def test_attempts_come_at_doubling_distances_and_a_stable_connection_starts_anew(
    memory_secret: SecretReference, clock: Clock
) -> None:
    async with ImapServer() as server:
        account, refused = server.settings(memory_secret), [False]

        def where() -> AccountSettings:
            refused.append(refused[-1])
            return replace(account, port=1) if len(refused) in range(3, 7) else account

        async with supervise(where, clock) as supervisor:
            clock.seconds += 100
            server.drop_connections()
            await supervisor.run(Noop())
            assert clock.waits == [1.0, 2.0, 4.0, 8.0, 16.0]
            assert isinstance(supervisor.last_failure, ConnectionFailed)
            server.drop_connections()  # at once: this one was not stable
            await supervisor.run(Noop())
            assert clock.waits[5:] == [32.0]
            clock.seconds += 60
            server.drop_connections()
            await supervisor.run(Noop())
            assert clock.waits[6:] == [1.0]


@pytest.mark.parametrize(
    ("code", "text", "seconds"),
    [
        ("", "Request is throttled. Suggested Backoff Time: 299768 milliseconds", 299.768),
        ("UNAVAILABLE", "later", 30.0),
        ("INUSE", "locked", 10.0),
    ],
)
async def test_a_throttled_command_is_repeated_when_the_server_wants_it(
    memory_secret: SecretReference, clock: Clock, code: str, text: str, seconds: float
) -> None:
    refusal = AtCommand(command="STATUS", reaction=Refuse(status="NO" if code else "BAD", code=code, text=text))
    async with supervised(memory_secret, clock, refusal) as (supervisor, _):
        await supervisor.run(Status("INBOX"))

        assert clock.waits == [seconds]


async def test_a_throttled_change_is_refused_and_what_follows_waits(
    memory_secret: SecretReference, clock: Clock
) -> None:
    refusal = AtCommand(command="UID MOVE", reaction=Refuse(text="Suggested Backoff Time: 5000 milliseconds"))
    async with supervised(memory_secret, clock, refusal) as (supervisor, server):
        with pytest.raises(CommandRefused):
            await supervisor.run(UidMove(ONE, "Archive"))
        assert clock.waits == []

        await supervisor.run(Noop())

        assert clock.waits == [5.0]
        assert server.commands_seen.count("UID MOVE") == 1


@pytest.mark.parametrize("code", ["LIMIT", "OVERQUOTA", "NOPERM"])
async def test_what_waiting_does_not_help_is_refused_at_once(
    memory_secret: SecretReference, clock: Clock, code: str
) -> None:
    async with supervised(memory_secret, clock, AtCommand(command="STATUS", reaction=Refuse(code=code))) as (one, _):
        with pytest.raises(CommandRefused, match=code):
            await one.run(Status("INBOX"))

        assert clock.waits == []


async def test_a_server_that_throttles_for_ever_is_given_up(memory_secret: SecretReference, clock: Clock) -> None:
    faults = [AtCommand(command="STATUS", reaction=Refuse(code="UNAVAILABLE"), nth=n) for n in range(1, 9)]
    async with supervised(memory_secret, clock, *faults) as (supervisor, _):
        with pytest.raises(CommandRefused, match="UNAVAILABLE"):
            await supervisor.run(Status("INBOX"))

        assert clock.waits == [30.0] * MOST_REPEATS


async def test_a_throttled_login_waits_as_long_as_the_server_wants(
    memory_secret: SecretReference, clock: Clock
) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        server.faults.append(AtCommand(command="AUTHENTICATE", nth=2, reaction=Refuse(code="LIMIT")))
        server.drop_connections()

        await supervisor.run(Noop())

        assert clock.waits == [1.0, 60.0]


# -- the login


async def test_the_first_login_that_is_refused_is_told_at_once(memory_secret: SecretReference, clock: Clock) -> None:
    async with ImapServer(faults=[AtCommand(command="AUTHENTICATE", reaction=Refuse())]) as server:
        with pytest.raises(AuthenticationFailed):
            await supervise(server.settings(memory_secret), clock).start()

        assert clock.waits == []


async def test_a_login_that_is_refused_is_not_tried_for_ever(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        server.faults.extend(AtCommand(command="AUTHENTICATE", reaction=Refuse(), nth=n) for n in range(2, 20))
        server.drop_connections()

        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                await supervisor.run(Noop())

        assert server.commands_seen.count("AUTHENTICATE") == 1 + MOST_REFUSALS


async def test_a_login_that_is_refused_now_and_then_is_tried_again(
    memory_secret: SecretReference, clock: Clock
) -> None:
    async with supervised(memory_secret, clock) as (supervisor, server):
        server.faults.extend(AtCommand(command="AUTHENTICATE", reaction=Refuse(), nth=n) for n in (2, 3, 5, 6))

        for _ in range(2):
            server.drop_connections()
            await supervisor.run(Noop())

        assert supervisor.connections == 3


async def test_a_closed_supervisor_connects_no_more(memory_secret: SecretReference, clock: Clock) -> None:
    async with supervised(memory_secret, clock) as (supervisor, _):
        await supervisor.close()
        await supervisor.close()

        with pytest.raises(ConnectionLost, match="the supervisor was closed"):
            await supervisor.run(Capability())


async def test_a_real_dovecot_is_supervised(dovecot: DovecotAccount, clock: Clock) -> None:
    reopened: list[OpenedMailbox] = []
    account = dovecot.settings()
    async with supervise(account, clock, on_reopened=reopened.append) as supervisor:
        await supervisor.run(Append("INBOX", message()))
        await supervisor.run(Select("INBOX"))
        client = supervisor._lifeline.client
        assert client is not None
        async with await connect(account) as other:
            await other.run(Select("INBOX"))
            await other.run(STORE)
        await client.close()

        (fetched,) = await supervisor.run(FETCH)

    assert "\\Flagged" in (fetched.flags or ())
    assert [mailbox.mailbox for mailbox in reopened] == ["INBOX"]
    assert [changed.uid for changed in reopened[0].changes.messages] == [1]
