"""A real Dovecot whose mail is on a disk that gets full before any command of a run, with so much room left.

A point is STORAGE and ``N-bytes-ROOM`` or ``N-files-ROOM``: before the N-th command (0: before the first connection)
all room is taken but so much, or all files but so many; with ``-later`` nothing happens for a while before. Then
the disk has room again, and the next run has to end as one that nothing has disturbed.
"""

from __future__ import annotations

import asyncio
import imaplib
import io
import os
import re
import shutil
import subprocess
from collections import Counter
from contextlib import ExitStack, redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.cli.exit_status import ExitStatus, leaves, status_of
from mailrules.cli.output import Output
from mailrules.cli.run_view import show_report
from mailrules.client.imap_store import ImapStore, connect_store
from mailrules.errors import MailrulesError
from tests.servers.dovecot import Dovecot, OnSmallDisk
from tests.servers.mailbox_state import mailbox_names
from tests.servers.small_disk import PAGE_BYTES
from tests.torture.cases import ACCOUNT, BULK, CASES, CROSSING, DELETED, Copy
from tests.torture.crossings import WORK
from tests.torture.judge import Broken, Finding, judge
from tests.torture.real_servers import WRITING, DovecotWorld, new_account
from tests.torture.relay import Relay
from tests.torture.suites import Attempt, Point, story_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from mailrules.settings import AccountSettings
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.small_disk import SmallDisk
    from tests.torture.cases import Case, Contents, Letter
    from tests.torture.judge import Evidence

STORAGES: dict[str, tuple[str, OnSmallDisk]] = {
    "maildir": ("maildir", OnSmallDisk(links_copies=False, indexes_elsewhere=True)),
    "maildir-links": ("maildir", OnSmallDisk()),
    "sdbox": ("sdbox", OnSmallDisk()),
    "mdbox": ("mdbox", OnSmallDisk()),
    "limited": ("maildir", OnSmallDisk(links_copies=False, indexes_elsewhere=True, stands_in=True)),
}
"""How mail is kept; ``limited`` is what stands in for a disk where the kernel grants none."""
DISK_CASES = (BULK, "everything", "copies", "moves", "flags", "deletes", CROSSING)
_WRITING = (*WRITING, "APPEND")
_NAMELESS = (b"\\Recent", b"unknown-")
"""No flags of ours. Dovecot lets a keyword count whose name it could not note, and calls it so when it is asked."""
_WORDS_OF_FULL = ("No space left on device", "File too large", "Not enough disk space")
"""What Dovecot logs when it has come upon a full disk, or upon the limit that stands in for it."""
_REASON = re.compile(
    r": NO |the connection was lost|closed the connection|receiving failed|vanished: |the server says OK"
)
"""The server's words are told, or what it showed: a maildir may look empty in the first session after it was full."""
_TAKEN_BACK = (
    "SELECT s.state, c.operation, c.mailbox, s.uid, s.message_id, s.rule FROM steps s"
    " JOIN commands c ON c.id = s.command WHERE c.kind = 'delete' AND s.detail LIKE '%took it back%'"
)
_KEYWORDS = {"$Work", "$Old"}
_FLAGS = _KEYWORDS | {"\\Seen", "\\Flagged", "\\Deleted"}
_PAGES = (0, 1, 5, 20)
_LATER, _SESSIONS = "later", 4
_CLEAN_SECONDS = 2.5
"""After so long without a change Dovecot trusts what it knows of a maildir until a folder's time of change moves."""
_FILES = (0, 3)
_LINES = 150
"""So long are bodies that one takes up more room than all that is noted about it."""


class FullDiskWorld(DovecotWorld):
    """A world whose accounts are on one small disk; the second one's mailboxes are called ``work/...`` here."""

    store_type: type[ImapStore] = ImapStore

    def __init__(self, case: Case, server: Dovecot) -> None:
        self.work = new_account(server) if case.name == CROSSING else None
        self._names = {self.content_of(one): one.name for one in case.letters}
        self.said = ""
        self.status = ExitStatus.DONE
        super().__init__(case, new_account(server))

    @property
    def rules(self) -> str:
        line = next(one for one in self.case.rules.splitlines() if one.startswith(f"  {ACCOUNT}:"))
        return (
            self.case.rules.replace(line, f"{line}\n{line.replace(ACCOUNT, WORK, 1)}") if self.work else self.case.rules
        )

    def content_of(self, letter: Letter) -> bytes:
        return letter.content + b"and so it goes on, for many more lines than anybody reads\r\n" * _LINES

    async def connect(self, settings: AccountSettings) -> ImapStore:
        account = self.work if settings.name == WORK else self.account
        assert self.relay is not None
        assert account is not None
        here = replace(account.settings(name=settings.name, port=self.relay.port), compress=False)
        return self.store_type((await connect_store(here)).client, account=settings.name)

    async def tell(self) -> None:
        """One run, and what a person who began it is told."""
        with redirect_stdout(io.StringIO()) as told:
            try:
                report = await self.run()
                assert report is not None
                self.status = show_report(Output(color="never"), report)
            except (MailrulesError, BaseExceptionGroup) as error:
                self.status = status_of(error)
                print(*leaves(error), sep="\n")
        self.said = told.getvalue()

    def seen(self) -> Contents:
        return self._read(*self._accounts())

    def hides_mail(self) -> bool:
        """Whether a mailbox shows fewer messages than its maildir has files."""
        return self._hides_mail(*self._accounts())

    def put_in_order(self) -> None:
        """Let all be seen again that is on the disk: files of mail are all there, indexes may be torn."""
        self._put_in_order(*self._accounts())

    def copy_of_all(self) -> Contents:
        """What is on the disk, read from a copy in good order: what the original is in, the next run has to bear."""
        copies = [replace(one, user=f"{one.user}-copy") for one in self._accounts()]
        for original, copy in zip(self._accounts(), copies, strict=True):
            for folder in _folders(original):
                subprocess.run(["cp", "-a", folder, folder.with_name(copy.user)], check=True)
        self._put_in_order(*copies)
        contents = self._read(*copies)
        for copy in copies:
            _remove(copy)
        return contents

    def on_disk(self) -> str:
        """The files and their times, for whoever asks where a message is."""
        folders = [str(folder) for account in self._accounts() for folder in _folders(account)]
        listed = subprocess.run(["ls", "-lR", "--full-time", *folders], check=True, capture_output=True, text=True)
        return listed.stdout

    def evidence_between(self, after: Contents) -> Evidence:
        """What there is to judge before the next run, which first looks after what the journal calls open."""
        evidence = self.evidence()
        open_steps = tuple(("ambiguous", "move", *rest) for _, _, *rest in evidence.doubtful)
        return replace(evidence, after=after, doubtful=open_steps)

    def evidence_at_the_end(self) -> Evidence:
        """Where \\Deleted was said to be set and is not, mailrules believes that a person took it back: it stays."""
        evidence = self.evidence()
        doubtful = (*evidence.doubtful, *self._believed())
        # What was shown as gone and came back marked, it takes for done.
        return replace(evidence, doubtful=doubtful, has_uidplus=self.account.server.storage != "maildir")

    def half_deleted(self, after: Contents) -> set[str]:
        """The letters that are to be deleted and of which it believes that, or that they are."""
        ids = (message_id for *_, message_id, _ in self._believed())
        believed = {found[1] for one in ids if (found := re.match(r"<(m\d+)\.", one))}
        marked = {copy.letter for copy in after["INBOX"] if DELETED in copy.flags}
        return believed | marked & {one.name for one in self.case.letters if "delete" in one.wishes}

    def _believed(self) -> list[tuple[str, str, str, int, str, str]]:
        return [
            (str(state), str(operation), str(mailbox), int(str(uid)), str(message_id), str(rule))
            for state, operation, mailbox, uid, message_id, rule in self.watcher.rows(_TAKEN_BACK)
        ]

    def remove_mail(self) -> None:
        """Make room for the next world's."""
        for account in self._accounts():
            _remove(account)

    def _accounts(self) -> list[DovecotAccount]:
        return [one for one in (self.account, self.work) if one is not None]

    def _hides_mail(self, *accounts: DovecotAccount) -> bool:
        if self.account.server.storage != "maildir":
            return False
        files = sum(len(list(folder.iterdir())) for one in accounts for folder in _mail_folders(one))
        return sum(mailbox.total() for mailbox in self._read(*accounts).values()) < files

    def _put_in_order(self, *accounts: DovecotAccount) -> None:
        if self.account.server.storage != "maildir":
            for account in accounts:
                account.server.resync(account.user)
        # What the next delivery does: a folder's new time of change makes Dovecot look, the next session shows it.
        for _ in range(_SESSIONS):
            if not self._hides_mail(*accounts):
                break
            for folder in (folder for account in accounts for folder in _mail_folders(account)):
                os.utime(folder)

    def _read(self, *accounts: DovecotAccount) -> Contents:
        """What is there, by letters that are whole to the last byte."""
        contents: Contents = {}
        for prefix, one in zip(("", f"{WORK}/"), accounts, strict=False):
            names = mailbox_names(host=one.host, port=one.port, user=one.user, password=one.password)
            with imaplib.IMAP4(one.host, one.port) as client:
                client.login(one.user, one.password)
                contents |= {prefix + name: Counter(self._copies(client, name)) for name in sorted(names)}
        return contents

    def _copies(self, client: imaplib.IMAP4, mailbox: str) -> Iterator[Copy]:
        (count,) = client.select(f'"{mailbox}"', readonly=True)[1]
        if not int(count or 0):
            return
        status, items = client.fetch("1:*", "(FLAGS BODY.PEEK[])")
        assert status == "OK", (mailbox, items)
        for item in items:
            if isinstance(item, tuple):
                flags = {one.decode() for one in imaplib.ParseFlags(item[0]) if not one.startswith(_NAMELESS)}
                yield Copy(self._names.get(item[1], f"? {item[1][:60]!r}, {len(item[1])} bytes"), frozenset(flags))


class FullDisks:
    """The suite, with one server for each way to keep mail, started when it is first asked for."""

    name, noun = "full-disks", "full disks"

    def __init__(self) -> None:
        self.world_type = FullDiskWorld
        """What is tried: a broken one, too."""
        self._resources = ExitStack()
        self._servers: dict[str, Dovecot] = {}
        self._undisturbed: dict[tuple[str, Case], tuple[list[str], Contents]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, storages = [], tuple(profiles)
        for case in cases:
            for storage in storages:
                commands, _ = await self._course(storage, case)
                places = [0, *(number for number, name in enumerate(commands, 1) if name.startswith(_WRITING))]
                rooms = [f"bytes-{pages * PAGE_BYTES}" for pages in _PAGES]
                if _disk_of(self._server(storage)).is_real:
                    rooms += [f"files-{count}" for count in _FILES]
                if storage == "maildir":
                    rooms.append(f"bytes-0-{_LATER}")
                points += [
                    Point(suite=self.name, case=case, profile=storage, what=f"{place}-{room}")
                    for place in places
                    for room in rooms
                ]
        return points

    async def attempt(self, point: Point) -> Attempt:
        _, expected = await self._course(point.profile, point.case)
        server = self._server(point.profile)
        world, disk, logged = self.world_type(point.case, server), _disk_of(server), len(server.log)
        try:
            await _run_into(world, disk, point.what)
            disk.free()
            is_tried = any(words in server.log[logged:] for words in _WORDS_OF_FULL)
            first = world.said
            if server.storage != "maildir":
                world.put_in_order()
            between, on_disk = world.copy_of_all(), world.on_disk()
            # A maildir lacks keywords whose names could not be noted, though they were said to be set or copied.
            world.person.may_have |= _KEYWORDS if server.storage == "maildir" else set()
            findings = judge(world.evidence_between(between), is_settled=False) + _told(world, between, expected)
            async with Relay(server.port) as world.relay:
                await world.tell()
                if world.hides_mail():
                    world.put_in_order()
                    await world.tell()
            findings = findings or judge(world.evidence_at_the_end()) + _same(world, expected)
            story = (
                f"{story_of(world)}\nTold first:\n{first}\nOn the disk then:\n{on_disk}\nTold at last:\n{world.said}"
                f"\nOn the disk at last:\n{world.on_disk()}\nDovecot's log:\n{server.log[logged:]}"
            )
            return Attempt(findings=findings, story=story if findings else "", is_tried=is_tried)
        finally:
            disk.free()
            await world.close()
            world.remove_mail()

    async def _course(self, storage: str, case: Case) -> tuple[list[str], Contents]:
        """The commands of an undisturbed run, and how it ends."""
        if (storage, case) not in self._undisturbed:
            world = FullDiskWorld(case, self._server(storage))
            try:
                async with Relay(world.account.port) as world.relay:
                    await world.tell()
                assert world.status is ExitStatus.DONE, world.said
                self._undisturbed[storage, case] = list(world.relay.commands), world.seen()
            finally:
                await world.close()
                world.remove_mail()
        return self._undisturbed[storage, case]

    def _server(self, storage: str) -> Dovecot:
        if storage not in self._servers:
            kind, disk = STORAGES[storage]
            self._servers[storage] = self._resources.enter_context(Dovecot(storage=kind, on_small_disk=disk))
        return self._servers[storage]


async def _run_into(world: FullDiskWorld, disk: SmallDisk, what: str) -> None:
    """A run under which the disk gets full, or is."""
    at, unit, room, *later = what.split("-")

    async def fill(_relay: Relay) -> None:
        if later:
            await asyncio.sleep(_CLEAN_SECONDS)
        world.wire.say(0, f"(the disk has room for {room} {unit})")
        (disk.leave if unit == "bytes" else disk.leave_files)(int(room))

    async with Relay(world.account.port, at=int(at), act=fill) as world.relay:
        if at == "0":
            await fill(world.relay)
        await world.tell()
    world.wire.say(0, "(there is room again)")


def _folders(account: DovecotAccount) -> list[Path]:
    """What a server keeps for an account, on the small disk and beside it."""
    return [one for one in (account.server.home(account.user), account.server.indexes(account.user)) if one.exists()]


def _mail_folders(account: DovecotAccount) -> list[Path]:
    """Those of a maildir that hold files of mail."""
    maildir = account.server.maildir(account.user)
    return [folder for folder in maildir.rglob("*") if folder.name in {"cur", "new"} and folder.is_dir()]


def _remove(account: DovecotAccount) -> None:
    for folder in _folders(account):
        shutil.rmtree(folder)


def _disk_of(server: Dovecot) -> SmallDisk:
    assert server.disk is not None
    return server.disk


def _told(world: FullDiskWorld, after: Contents, expected: Contents) -> list[Finding]:
    """What is not done has to be told, and by the documented status."""
    if world.status is ExitStatus.DONE:
        difference = _difference(after, expected, but=_FLAGS if world.person.may_have else frozenset())
        return [Finding(what=Broken.UNDONE, words=f"status 0, and {difference}")] if difference else []
    if world.status not in {ExitStatus.SERVER, ExitStatus.PARTLY_DONE} or not _REASON.search(world.said):
        return [Finding(what=Broken.UNDONE, words=f"the run ended with status {world.status:d}: {world.said}")]
    return []


def _same(world: FullDiskWorld, expected: Contents) -> list[Finding]:
    """When there is room again, the next run ends as if nothing had been."""
    after = world.seen()
    # Rules see to the keywords of what is in INBOX; what has left it is not judged again.
    inbox, others = {"INBOX"}, expected.keys() - {"INBOX"}
    # Of equal letters one that is left behind looks like one that was put back, of which the judge knows.
    several = {one.name for one in world.case.letters if one.times > 1} | world.half_deleted(after)
    differences = [
        _difference(after, expected, names=inbox, without=several),
        _difference(after, expected, names=others | after.keys() - inbox, but=world.person.may_have, without=several),
    ]
    findings = [Finding(what=Broken.UNDONE, words=f"with room again, {one}") for one in differences if one]
    if world.status is not ExitStatus.DONE:
        findings.append(Finding(what=Broken.UNDONE, words=f"with room again, status {world.status:d}: {world.said}"))
    return findings


def _difference(
    found: Contents,
    expected: Contents,
    *,
    names: Set[str] | None = None,
    but: Set[str] = frozenset(),
    without: Set[str] = frozenset(),
) -> str:
    """What is too much and what is missing in these mailboxes, or all; the flags and the letters given do not count."""
    lines = []
    for name in sorted(found.keys() | expected.keys() if names is None else names):
        if name not in found or name not in expected:
            lines.append(f"{name} is {'too much' if name in found else 'missing'}")
        is_there, should_be = (
            Counter(
                copy._replace(flags=copy.flags - but)
                for copy in contents.get(name, Counter[Copy]()).elements()
                if copy.letter not in without
            )
            for contents in (found, expected)
        )
        lines += [f"too much in {name}: {one}" for one in (is_there - should_be).elements()]
        lines += [f"missing in {name}: {one}" for one in (should_be - is_there).elements()]
    return "; ".join(lines)


async def points_of(suite: FullDisks, *, in_test: bool = False) -> list[Point]:
    """All of them; for ``make test`` those of the cases and storages that say most."""
    cases = (BULK, CROSSING) if in_test else DISK_CASES
    storages = ("maildir", "sdbox", "limited") if in_test else STORAGES
    return await suite.points([CASES[name] for name in cases], storages)
