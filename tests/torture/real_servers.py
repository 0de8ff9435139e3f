"""A real Dovecot whose process for our connection is killed, or stopped and continued while we recover."""

from __future__ import annotations

import imaplib
import os
import re
import secrets
import signal
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_store
from mailrules.testing.builders import A_DAY, SampleMessage
from tests.servers.mailbox_state import read_mailboxes
from tests.servers.server_account import ServerAccount
from tests.torture.cases import CASES, Copy
from tests.torture.judge import Finding, judge
from tests.torture.relay import Relay
from tests.torture.suites import story_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.client.imap_store import ImapStore
    from mailrules.settings import AccountSettings
    from tests.servers.dovecot import Dovecot, DovecotAccount
    from tests.torture.cases import Case, Contents, Letter
    from tests.torture.judge import Evidence
    from tests.torture.suites import Tally

SERVER_KILLS, OLD_PROCESSES = "server kills", "old processes"
FULL_SERVERS = "full servers"
MOST_MESSAGES = 30
FILLER = "Filler"
WRITING = ("UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE", "CREATE", "SUBSCRIBE", "SETACL")
_SPELLED = {flag.lower(): flag for flag in ("\\Seen", "\\Flagged", "\\Deleted", "$Work", "$Old", "\\Answered")}


class DovecotWorld(World):
    """A world on an account of a real Dovecot, behind a relay."""

    def __init__(self, case: Case, account: DovecotAccount) -> None:
        super().__init__(case)
        self.account = account
        self.relay: Relay | None = None
        self.stopped: list[int] = []
        ServerAccount.fill(
            account,
            "INBOX",
            [
                SampleMessage(content=self.content_of(one), flags=one.flags, received=A_DAY)
                for one in case.letters
                for _ in range(one.times)
            ],
        )
        self.before = self.seen()

    def content_of(self, letter: Letter) -> bytes:
        """What is in INBOX for it."""
        return letter.content

    async def connect(self, settings: AccountSettings) -> ImapStore:
        assert self.relay is not None
        here = self.account.settings(name=settings.name, port=self.relay.port)
        return await connect_store(replace(here, compress=False))

    async def wait(self, seconds: float) -> None:
        """The old process goes on, and has done what it had to do before any time has passed."""
        self.go_on()
        if self.relay is not None:
            await self.relay.finish()

    def go_on(self) -> None:
        for process_id in self.stopped:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGCONT)
        self.stopped.clear()

    def seen(self) -> Contents:
        """What the mailboxes hold, by letters."""
        account = self.account
        told = read_mailboxes(host=account.host, port=account.port, user=account.user, password=account.password)
        return {
            name: Counter(
                Copy(
                    _named(one.message_id),
                    frozenset(_SPELLED.get(flag, flag) for flag in one.flags - {"\\recent"}),
                )
                for one in messages
            )
            for name, messages in told.items()
        }

    def evidence(self, **more: object) -> Evidence:
        return replace(super().evidence(**more), after=self.seen(), own_rights={})

    def unlock(self) -> None:
        """What a killed process held locked, Dovecot takes for abandoned after two minutes."""
        for name in self.account.server.maildir(self.account.user).rglob("*.lock"):
            name.unlink(missing_ok=True)

    def processes(self) -> Iterator[int]:
        """The server's processes that have files of this account open."""
        home = str(self.account.server.maildir(self.account.user))
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if any(str(one.readlink()).startswith(home) for one in (process / "fd").iterdir()):
                    yield int(process.name)
            except OSError:  # it has ended meanwhile, or is not ours to look into
                continue

    async def close(self) -> None:
        self.go_on()
        await super().close()


def _named(message_id: str) -> str:
    found = re.search(r"<(m\d+)\.", message_id)
    return found[1] if found else message_id


async def commands_of(world: DovecotWorld) -> list[str]:
    """The commands of an undisturbed run."""
    async with Relay(world.account.port) as world.relay:
        await world.run()
        return list(world.relay.commands)


async def strike(world: DovecotWorld, *, at: int, kills: bool) -> tuple[list[Finding], str, bool]:
    """Do it at this command; what the judge finds after the next run, the story, and whether it struck."""
    struck: list[int] = []

    async def act(relay: Relay) -> None:
        struck.extend(world.processes())
        if not kills:
            world.stopped += struck
            relay.lose()
        for process_id in struck:
            with suppress(ProcessLookupError):
                os.kill(process_id, signal.SIGKILL if kills else signal.SIGSTOP)

    try:
        async with Relay(world.account.port, at=at, act=act) as world.relay:
            await world.run_through()
            said = world.relay.commands[at - 1 : at]
            world.wire.say(0, f"({'killed' if kills else 'stopped'} {struck} at {said})")
            if kills:
                world.unlock()
            await world.run_through()
            await world.wait(0)
        # Killed in a MOVE, Dovecot keeps the message and may lose the list of the mailbox's keywords.
        world.person.may_have |= {"$Work", "$Old"} if kills else set()
        findings = judge(world.evidence())
        return findings, story_of(world) if findings else "", bool(struck)
    finally:
        await world.close()


async def overflow(world: DovecotWorld, *, room: int) -> tuple[list[Finding], str]:
    """A run on a server that has room for so many more messages, and one when there is room again."""
    try:
        async with Relay(world.account.port) as world.relay:
            await world.run_through()
            world.wire.say(0, f"(there was room for {room} more; now there is more room)")
            empty(world.account, FILLER)
            world.before.pop(FILLER)
            findings = judge(world.evidence(), is_settled=False)
            await world.run_through()
        findings = findings or judge(world.evidence())
        return findings, story_of(world) if findings else ""
    finally:
        await world.close()


def filled(case: Case, account: DovecotAccount, *, room: int) -> DovecotWorld:
    """A world on an account that may hold ``MOST_MESSAGES``, and holds all but ``room`` of them."""
    count = MOST_MESSAGES - sum(one.times for one in case.letters) - room
    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        client.create(FILLER)
    ServerAccount.fill(
        account, FILLER, [SampleMessage(content=b"Subject: %d\r\n\r\n" % number) for number in range(count)]
    )
    return DovecotWorld(case, account)


def empty(account: DovecotAccount, mailbox: str) -> None:
    """Remove the mailbox with all that is in it."""
    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        client.delete(mailbox)


async def try_overflows(server: Dovecot, *, tally: Tally, cases: Sequence[str], rooms: Sequence[int]) -> list[str]:
    """Every case with each ``room``; the failures."""
    failures = []
    for name in cases:
        for room in rooms:
            findings, story = await overflow(filled(CASES[name], new_account(server), room=room), room=room)
            tally.tried[FULL_SERVERS] += 1
            tally.found.update(str(one.what) for one in findings)
            if findings:
                failures.append("\n".join([f"{FULL_SERVERS}, {name}, room for {room}", *map(str, findings), story]))
    return failures


async def try_processes(server: Dovecot, noun: str, *, count: int, tally: Tally) -> list[str]:
    """Do to the server's process ``count`` times what ``noun`` says, at every writing command in turn; the failures."""
    case = CASES["everything"]
    undisturbed = DovecotWorld(case, new_account(server))
    try:
        commands = await commands_of(undisturbed)
    finally:
        await undisturbed.close()
    places = [number for number, name in enumerate(commands, 1) if name in WRITING]
    failures = []
    for attempt in range(count):
        world = DovecotWorld(case, new_account(server))
        at = places[attempt % len(places)]
        findings, story, struck = await strike(world, at=at, kills=noun == SERVER_KILLS)
        tally.tried[noun] += struck
        tally.found.update(str(one.what) for one in findings)
        if findings:
            failures.append("\n".join([f"{noun}, at command {at}", *map(str, findings), story]))
    return failures


def new_account(server: Dovecot) -> DovecotAccount:
    return server.account(f"user-{secrets.token_hex(6)}")
