"""Watching many mailboxes by NOTIFY, IDLE and polling: one interface, and no change is missed on the way."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.supervisor import Supervisor
from mailrules.client.watch import MailboxChange, MailboxWatch, WatchMethod, plan_methods
from mailrules.errors import AuthenticationFailed
from mailrules.imap.append_commands import Append
from mailrules.imap.mailbox_commands import Create, Delete, Select
from mailrules.imap.message_commands import StoreChange, UidStore
from mailrules.imap.sequence_set import SequenceSet
from mailrules.testing.builders import message
from mailrules.testing.capabilities import with_more, without
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, Refuse
from tests.client.clocks import Clock, until
from tests.client.scripted import scripted_server, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.settings import AccountSettings, SecretReference
    from tests.servers.dovecot import DovecotAccount

INBOX, ARCHIVE, JUNK = "INBOX", "Archive", "Junk"
ALL = (INBOX, ARCHIVE, JUNK)


class Bell:
    """A wait that ends when the test rings."""

    def __init__(self) -> None:
        self.waiting = 0
        self._rung = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.waiting += 1
        await self._rung.wait()
        self._rung.clear()

    def ring(self) -> None:
        self._rung.set()


@asynccontextmanager
async def watching(
    account: AccountSettings, mailboxes: Sequence[str], *, connections: int = 3, bell: Bell | None = None
) -> AsyncIterator[MailboxWatch]:
    clock = Clock()

    def supervise(hear: Callable[[Untagged], None]) -> Supervisor:
        return Supervisor(
            lambda: connect(account), random=lambda: 0.5, now=clock.now, wait=clock.wait, on_untagged=hear
        )

    wait = (bell or Bell()).wait
    async with MailboxWatch(supervise, mailboxes, connections=connections, wait=wait) as watch:
        yield watch


async def changed(watch: MailboxWatch) -> list[str]:
    async with asyncio.timeout(60):
        return [change.mailbox for change in await watch.changed()]


@pytest.mark.parametrize(
    ("capabilities", "connections", "expected"),
    [
        ({"NOTIFY", "IDLE"}, 1, "NNN"),
        ({"IDLE"}, 3, "III"),
        ({"IDLE"}, 2, "IPP"),
        ({"IDLE"}, 1, "PPP"),
        ({"IMAP4REV2"}, 5, "III"),
        (set(), 5, "PPP"),
    ],
)
def test_the_method_follows_capabilities_and_budget(capabilities: set[str], connections: int, expected: str) -> None:
    methods = plan_methods(frozenset(capabilities), ALL, connections=connections)

    assert "".join(methods[name].name[0] for name in ALL) == expected


def test_one_mailbox_is_watched_by_idle_even_where_there_is_notify() -> None:
    assert plan_methods(frozenset({"NOTIFY", "IDLE"}), [INBOX], connections=1) == {INBOX: WatchMethod.IDLE}


async def test_idle_tells_of_each_mailbox_on_its_own_connection(memory_secret: SecretReference) -> None:
    async with ImapServer() as server, watching(server.settings(memory_secret), ALL) as watch:
        await until(lambda: server.commands_seen.count("IDLE") == 3)
        assert set(watch.methods.values()) == {WatchMethod.IDLE}

        for name in (ARCHIVE, JUNK, INBOX):
            server.mail.add(name, message())
            assert await changed(watch) == [name]


@pytest.mark.parametrize("taken_away", [(), ("LIST-STATUS",), ("CONDSTORE",)])
async def test_the_rest_is_polled_on_one_connection(memory_secret: SecretReference, taken_away: tuple[str]) -> None:
    bell = Bell()
    async with (
        ImapServer(capabilities=without(*taken_away)) as server,
        watching(server.settings(memory_secret), ALL, connections=2, bell=bell) as watch,
    ):
        await until(lambda: bell.waiting == 1 and "IDLE" in server.commands_seen)
        assert server.commands_seen.count("AUTHENTICATE") == 2
        assert ("STATUS" in server.commands_seen) is (taken_away == ("LIST-STATUS",))

        server.mail.add(JUNK, message())
        bell.ring()

        assert await changed(watch) == [JUNK]


async def test_a_poll_that_shows_no_change_tells_nothing(memory_secret: SecretReference) -> None:
    bell = Bell()
    async with (
        ImapServer(capabilities=without("IDLE")) as server,
        watching(server.settings(memory_secret), ALL, bell=bell) as watch,
    ):
        for rounds in (1, 2, 3):
            await until(lambda rounds=rounds: bell.waiting == rounds)
            bell.ring()

        assert await watch.changed(timeout_seconds=0) == ()


async def test_a_mailbox_that_goes_and_comes_is_told(memory_secret: SecretReference) -> None:
    bell = Bell()
    async with ImapServer(capabilities=without("IDLE")) as server:
        server.mail.create("Box")
        async with watching(server.settings(memory_secret), ["Box", INBOX], bell=bell) as watch:
            await until(lambda: bell.waiting == 1)
            server.mail.delete("Box")
            bell.ring()
            (gone,) = await watch.changed()
            await until(lambda: bell.waiting == 2)
            bell.ring()
            await until(lambda: bell.waiting == 3)

            assert gone.mailbox == "Box"
            assert "STATUS refused" in gone.refusal
            assert await watch.changed(timeout_seconds=0) == ()


async def test_a_new_uidvalidity_is_told_as_a_reset(memory_secret: SecretReference) -> None:
    bell = Bell()
    async with (
        ImapServer(capabilities=without("IDLE")) as server,
        watching(server.settings(memory_secret), ALL, bell=bell) as watch,
    ):
        await until(lambda: bell.waiting == 1)
        server.mail[INBOX].uidvalidity += 1
        bell.ring()

        assert await watch.changed() == (MailboxChange(mailbox=INBOX, is_reset=True),)


async def test_a_reset_under_idle_is_told_and_watching_goes_on(memory_secret: SecretReference) -> None:
    async with ImapServer() as server, watching(server.settings(memory_secret), [INBOX]) as watch:
        await until(lambda: "IDLE" in server.commands_seen)
        server.mail[INBOX].uidvalidity += 1
        server.drop_connections()

        assert await watch.changed() == (MailboxChange(mailbox=INBOX, is_reset=True),)
        server.mail.add(INBOX, message())
        assert await changed(watch) == [INBOX]


async def test_changes_while_the_network_was_cut_are_not_missed(memory_secret: SecretReference) -> None:
    async with ImapServer() as server, watching(server.settings(memory_secret), ALL) as watch:
        await until(lambda: server.commands_seen.count("IDLE") == 3)
        server.drop_connections()
        server.mail.add(ARCHIVE, message())

        assert await changed(watch) == [ARCHIVE]


async def test_a_mailbox_that_cannot_be_opened_is_told_and_tried_again(memory_secret: SecretReference) -> None:
    bell = Bell()
    async with (
        ImapServer() as server,
        watching(server.settings(memory_secret), ["Later"], bell=bell) as watch,
    ):
        (told,) = await watch.changed()
        assert "EXAMINE refused" in told.refusal

        server.mail.create("Later")
        bell.ring()
        await until(lambda: "IDLE" in server.commands_seen)
        server.mail.add("Later", message())
        assert await changed(watch) == ["Later"]


@pytest.mark.parametrize("command", ["STATUS", "LIST", "EXAMINE", "IDLE"])
@pytest.mark.parametrize(
    "refusal", [Refuse(code="UNAVAILABLE"), Refuse(text="Suggested Backoff Time: 90000 milliseconds")]
)
async def test_a_server_that_wants_to_be_left_alone_is_watched_afterwards(
    memory_secret: SecretReference, command: str, refusal: Refuse
) -> None:
    async with ImapServer(capabilities=without("LIST-STATUS") if command == "STATUS" else without()) as server:
        server.faults.append(AtCommand(command=command, reaction=refusal))
        bell = Bell()
        async with watching(server.settings(memory_secret), ALL, connections=2, bell=bell) as watch:
            await until(lambda: bell.waiting > 0 and "IDLE" in server.commands_seen)
            for name in ALL:
                server.mail.add(name, message())
            bell.ring()
            seen: set[str] = set()
            while seen < set(ALL):
                seen |= set(await changed(watch))
                bell.ring()


async def test_changes_of_one_mailbox_are_told_as_one_and_iterated(memory_secret: SecretReference) -> None:
    async with ImapServer() as server, watching(server.settings(memory_secret), ALL) as watch:
        await until(lambda: server.commands_seen.count("IDLE") == 3)
        for _ in range(5):
            server.mail.add(INBOX, message())

        async for change in watch:
            assert change == MailboxChange(mailbox=INBOX)
            break


async def test_a_login_that_is_refused_is_raised_where_changes_are_awaited(memory_secret: SecretReference) -> None:
    async with ImapServer() as server, watching(server.settings(memory_secret), [INBOX]) as watch:
        await until(lambda: "IDLE" in server.commands_seen)
        server.faults.extend(AtCommand(command="AUTHENTICATE", reaction=Refuse(), nth=n) for n in range(2, 9))
        server.drop_connections()

        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                await watch.changed()


async def test_notify_watches_all_on_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    capabilities = b"[CAPABILITY IMAP4rev1 NOTIFY IDLE]"
    go_on, connections = asyncio.Event(), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        number = connections
        writer.write(b"* OK " + capabilities + b" hi\r\n")
        while line := await reader.readline():
            tag, _, command = line.strip().partition(b" ")
            if command.startswith(b"LOGIN"):
                writer.write(tag + b" OK " + capabilities + b" in\r\n")
            elif command.startswith(b"NOTIFY SET"):
                events = b"(MAILBOXES (INBOX Archive Junk) (MessageNew MessageExpunge FlagChange MailboxName))"
                assert command == b"NOTIFY SET STATUS " + events
                writer.write(b"* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY 9)\r\n")
                writer.write(b"* STATUS Archive (MESSAGES 5 UIDNEXT 6 UIDVALIDITY 9)\r\n")
                writer.write(b'* LIST (\\NoAccess) "/" Junk\r\n' + tag + b" OK\r\n")
            elif command == b"IDLE":
                writer.write(b"+ idling\r\n")
                if number == 1:
                    writer.write(b"* STATUS INBOX (MESSAGES 2 UIDNEXT 3)\r\n")
                    await go_on.wait()
                    return
            elif command == b"DONE":
                pass
            else:
                mailbox = command.split()[1]
                writer.write(b"* STATUS %b (MESSAGES 6 UIDNEXT 7 UIDVALIDITY 9)\r\n%b OK\r\n" % (mailbox, tag))

    async with scripted_server(serve) as port, watching(settings(port), ALL, connections=1) as watch:
        told = {change.mailbox: change for change in await watch.changed()}
        if INBOX not in told:
            told |= {change.mailbox: change for change in await watch.changed()}
        assert set(watch.methods.values()) == {WatchMethod.NOTIFY}
        assert told[INBOX] == MailboxChange(mailbox=INBOX)
        assert "does not let us" in told[JUNK].refusal

        go_on.set()  # the connection ends; meanwhile Archive has changed too
        assert ARCHIVE in await changed(watch)
        assert connections == 2


async def test_after_an_overflow_everything_may_have_changed_and_notify_is_said_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 5465 section 5.8: from NOTIFICATIONOVERFLOW on the server tells nothing more, as after NOTIFY NONE."""
    monkeypatch.setenv("MAILRULES_TEST_SECRET", "pass")
    capabilities = b"[CAPABILITY IMAP4rev1 NOTIFY IDLE]"
    overflow, bell, notified, messages = asyncio.Event(), Bell(), 0, 1

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal notified
        writer.write(b"* OK " + capabilities + b" hi\r\n")
        idling = b""
        while line := await reader.readline():
            tag, _, command = line.strip().partition(b" ")
            if command.startswith(b"LOGIN"):
                writer.write(tag + b" OK " + capabilities + b" in\r\n")
            elif command.startswith(b"NOTIFY SET"):
                notified += 1
                for name in (b"INBOX", b"Archive"):
                    writer.write(b"* STATUS %b (MESSAGES %d UIDNEXT 2 UIDVALIDITY 9)\r\n" % (name, messages))
                writer.write(tag + b" OK\r\n")
            elif command == b"IDLE":
                idling = tag
                writer.write(b"+ idling\r\n")
                await overflow.wait()
                overflow.clear()
                writer.write(b"* OK [NOTIFICATIONOVERFLOW] too much to tell\r\n")
            elif line.strip() == b"DONE":
                writer.write(idling + b" OK\r\n")

    async with scripted_server(serve) as port, watching(settings(port), (INBOX, ARCHIVE), bell=bell) as watch:
        await until(lambda: notified == 1)
        overflow.set()
        assert set(await changed(watch)) == {INBOX, ARCHIVE}
        await until(lambda: notified == 2)
        assert bell.waiting == 0

        messages = 2  # told by the STATUS of the next NOTIFY
        overflow.set()
        assert set(await changed(watch)) == {INBOX, ARCHIVE}
        await until(lambda: bell.waiting == 1)
        assert notified == 2
        bell.ring()
        await until(lambda: notified == 3)
        assert set(await changed(watch)) == {INBOX, ARCHIVE}


async def test_all_mailboxes_of_a_server_with_notify_are_watched_on_one_connection(
    memory_secret: SecretReference,
) -> None:
    async with ImapServer(capabilities=with_more("NOTIFY")) as server:
        server.mail.add(ARCHIVE, message())
        async with watching(server.settings(memory_secret), ALL, connections=1) as watch:
            assert set(watch.methods.values()) == {WatchMethod.NOTIFY}
            await until(lambda: "IDLE" in server.commands_seen)
            assert await watch.changed(timeout_seconds=0) == ()

            server.mail.add(JUNK, message())
            assert await watch.changed() == (MailboxChange(mailbox=JUNK),)
            # No number of a STATUS shows this one: MODSEQ is told to those only who have enabled CONDSTORE.
            server.mail[ARCHIVE].set_flags(1, frozenset({"\\Flagged"}))
            assert await watch.changed() == (MailboxChange(mailbox=ARCHIVE),)
            server.mail[ARCHIVE].remove(1)
            assert await watch.changed() == (MailboxChange(mailbox=ARCHIVE),)

        assert server.commands_seen.count("AUTHENTICATE") == 1
        assert not {"STATUS", "LIST", "SELECT", "EXAMINE"} & set(server.commands_seen)


async def test_notify_tells_of_mailboxes_that_go_come_and_are_renamed(memory_secret: SecretReference) -> None:
    async with ImapServer(capabilities=with_more("NOTIFY")) as server:
        server.mail.create("Box").rights[server.mail.user] = "l"
        async with watching(server.settings(memory_secret), (INBOX, ARCHIVE, JUNK, "Box", "Later")) as watch:
            closed, missing = sorted(await watch.changed(), key=lambda change: change.mailbox)
            assert (closed.mailbox, closed.refusal) == ("Box", "the server does not let us watch it")
            assert (missing.mailbox, missing.refusal) == ("Later", "there is no such mailbox")
            await until(lambda: "IDLE" in server.commands_seen)

            server.mail.create("Later")
            assert await watch.changed() == (MailboxChange(mailbox="Later"),)
            server.mail.delete(ARCHIVE)
            assert await watch.changed() == (MailboxChange(mailbox=ARCHIVE, refusal="there is no such mailbox"),)
            server.mail.create(ARCHIVE)
            assert await watch.changed() == (MailboxChange(mailbox=ARCHIVE, is_reset=True),)
            server.mail.rename(JUNK, "Spam")
            assert await watch.changed() == (MailboxChange(mailbox=JUNK, refusal="the mailbox is called Spam now"),)


async def test_changes_that_notify_could_not_tell_over_a_lost_connection_are_asked_for(
    memory_secret: SecretReference,
) -> None:
    async with (
        ImapServer(capabilities=with_more("NOTIFY")) as server,
        watching(server.settings(memory_secret), ALL, connections=1) as watch,
    ):
        await until(lambda: "IDLE" in server.commands_seen)
        server.drop_connections()
        server.mail.add(JUNK, message())

        assert JUNK in await changed(watch)
        assert server.commands_seen.count("NOTIFY SET") == 2
        server.mail.add(INBOX, message())
        assert await changed(watch) == [INBOX]


async def test_a_server_with_too_much_to_tell_is_told_again_what_to_watch(memory_secret: SecretReference) -> None:
    async with ImapServer(capabilities=with_more("NOTIFY")) as server:
        server.most_notifications = 2
        async with watching(server.settings(memory_secret), ALL, connections=1) as watch:
            await until(lambda: "IDLE" in server.commands_seen)
            for name in ALL:
                server.mail.add(name, message())

            assert set(await changed(watch)) == set(ALL)
            await until(lambda: server.commands_seen.count("IDLE") == 2)
            server.mail.add(JUNK, message())
            assert JUNK in await changed(watch)
        assert server.commands_seen.count("NOTIFY SET") == 2


async def test_a_polled_mailbox_that_comes_back_is_told(memory_secret: SecretReference) -> None:
    bell = Bell()
    async with ImapServer(capabilities=without("IDLE")) as server:
        server.mail.create("Box")
        async with watching(server.settings(memory_secret), ["Box", INBOX], bell=bell) as watch:
            await until(lambda: bell.waiting == 1)
            server.mail.delete("Box")
            bell.ring()
            assert (await watch.changed())[0].refusal
            await until(lambda: bell.waiting == 2)
            server.mail.create("Box")
            bell.ring()

            assert await watch.changed() == (MailboxChange(mailbox="Box", is_reset=True),)


async def test_leaving_the_block_ends_every_connection(memory_secret: SecretReference) -> None:
    async with ImapServer() as server:
        before = asyncio.all_tasks()
        async with watching(replace(server.settings(memory_secret), connections=3), ALL):
            await until(lambda: server.commands_seen.count("IDLE") == 3)
        await until(lambda: not server._connections)

        assert asyncio.all_tasks() == before


@pytest.mark.parametrize("mailboxes", [(INBOX,), (INBOX, ARCHIVE, JUNK)])
async def test_a_real_dovecot_is_watched(dovecot: DovecotAccount, mailboxes: tuple[str, ...]) -> None:
    async with await connect(dovecot.settings()) as other, watching(dovecot.settings(), mailboxes) as watch:
        name = mailboxes[-1]
        told: set[str] = set()
        async with asyncio.timeout(60):
            while name not in told:  # until the watch has begun, a message more changes nothing that it would tell
                await other.run(Append(name, message()))
                told = {change.mailbox for change in await watch.changed(timeout_seconds=0.2)}

        expected = WatchMethod.NOTIFY if "NOTIFY" in other.capabilities and len(mailboxes) > 1 else WatchMethod.IDLE
        assert set(watch.methods.values()) == {expected}


async def test_a_real_dovecot_tells_by_notify_of_flags_and_of_mailboxes_that_go(dovecot: DovecotAccount) -> None:
    async with await connect(dovecot.settings()) as other:
        await other.run(Create("Box"))
        async with watching(dovecot.settings(), (INBOX, ARCHIVE, "Box")) as watch, asyncio.timeout(60):
            told: set[str] = set()
            while ARCHIVE not in told:  # until the watch has begun, a message more changes nothing that it would tell
                await other.run(Append(ARCHIVE, message()))
                told = {change.mailbox for change in await watch.changed(timeout_seconds=0.2)}
            await other.run(Select(ARCHIVE))
            while await watch.changed(timeout_seconds=0.5):
                pass  # what the opening has changed (\\Recent) and what came before

            await other.run(UidStore(SequenceSet.of((1,)), StoreChange.ADD, ("\\Flagged",)))
            flagged = await changed(watch)
            await other.run(Delete("Box"))
            gone: list[MailboxChange] = []
            while not gone:  # what came before may still be told, each change for itself
                gone = [change for change in await watch.changed() if change.refusal]

    assert flagged == [ARCHIVE]
    assert [(change.mailbox, change.refusal) for change in gone] == [("Box", "there is no such mailbox")]
