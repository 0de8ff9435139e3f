"""One account in memory, a journal on a disk in memory, and the real pipeline between them, from start to kill -9."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import sqlite3
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, BinaryIO, TypeVar
from unittest.mock import patch  # to put working code in a name's place; nothing is mocked

import structlog

from mailrules import engine
from mailrules.errors import CommandRefused, ConnectionFailed, ConnectionLost, JournalError, RemoteProtocolError
from mailrules.execution.effects import EffectOutcome
from mailrules.hookspecs import hookimpl
from mailrules.journal.database import Database
from mailrules.journal.journal import Journal
from mailrules.plan.actions import Effect
from mailrules.plan.document import plan_digest, plan_to_json
from mailrules.plugin_manager import PluginManager
from mailrules.rules.loader import load_configuration
from mailrules.rules.registry import ActionSpec
from mailrules.session import Session
from tests.torture.cases import PROFILES, contents_of
from tests.torture.judge import Evidence, PersonLog
from tests.torture.recording import JournalWatcher, Killed, RecordingReader, RecordingStore
from tests.torture.wire import WireLog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping

    from mailrules.engine import RunReport
    from mailrules.execution.effects import Attempt as OutboxAttempt
    from mailrules.execution.effects import EffectCall, Prepared
    from mailrules.plan.plan import Plan
    from mailrules.rules.loader import LoadedConfiguration
    from mailrules.settings import AccountSettings
    from mailrules.testing.memory_faults import MemoryFault
    from tests.torture.cases import Case
    from tests.torture.recording import Refusal, Strike

T = TypeVar("T")

NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
_MEMORY_DISK = Path("/dev/shm")


@dataclass(slots=True, kw_only=True)
class Death:
    """At which write of the journal we are killed, 0 for never, and whether that write is still done."""

    at_write: int = 0
    is_written: bool = False
    writes: int = 0


@dataclass
class Sink:
    """Where outside effects arrive: the receiver of ``ring``."""

    calls: list[EffectCall] = field(default_factory=list)
    lost_answer: int = 0
    """The receiver has the call of this number, and we are not told."""


class World:
    """Everything a suite needs. ``close`` it in the end; time moves by a second at each look."""

    journal_type: type[Journal] = Journal
    """What a broken one is put in place of."""
    store_type: type[RecordingStore] = RecordingStore
    reader_type: type[RecordingStore] = RecordingReader

    def __init__(self, case: Case, profile: str = "all") -> None:
        self.case, self.profile, self.capabilities = case, profile, PROFILES[profile]
        self.mail = case.deliver()
        self.before = contents_of(self.mail, case)
        self.wire, self.sink, self.person = WireLog(), Sink(), PersonLog()
        self.outputs: list[str] = []
        self.folder = Path(tempfile.mkdtemp(prefix="torture-", dir=_MEMORY_DISK if _MEMORY_DISK.is_dir() else None))
        self.path = self.folder / "journal.sqlite"
        shutil.copyfile(_empty_journal(), self.path)
        self.path.chmod(0o600)
        self.watcher = JournalWatcher(self.path)
        self.is_dead = False
        self.death = Death()
        self.fails_from, self.failure = 0, ""
        """From which write of the journal on the disk fails, and in which words of SQLite's."""
        self.before_write: Callable[[int], None] | None = None
        self.strike: Strike | None = None
        self.refusal: Refusal | None = None
        self.faults: list[MemoryFault] = []
        self.between: Callable[[str], None] | None = None
        """Acts for somebody else before each of our commands."""
        self.unfinished: list[Callable[[], Awaitable[None]]] = []
        """Commands that the server's old processes are still to carry out."""
        self.stores: list[RecordingStore] = []
        self.journal: Journal | None = None
        self._clock = NOON

    # Our own process.

    async def run(self) -> RunReport | None:
        """One run of the program's, on a connection of its own; None if it was killed."""
        return await self._alive(lambda session: engine.run_once(session, confirm=_yes))

    async def run_through(self) -> None:
        """The same, where the connection may be lost, or all be refused, even before there is a plan."""
        with suppress(ConnectionLost, ConnectionFailed, CommandRefused, RemoteProtocolError):
            await self.run()

    async def preview(self) -> Plan | None:
        return await self._alive(engine.preview)

    async def save_plan(self) -> str:
        """What ``dry-run --save`` writes."""

        async def saved(session: Session) -> str:
            plan = await engine.preview(session)
            document = plan_to_json(plan)
            await session.journal.remember_plan(plan_digest(document), created=plan.created)
            return document

        document = await self._alive(saved)
        assert document is not None
        return document

    async def apply(self, document: str) -> RunReport | None:
        return await self._alive(lambda session: engine.apply_plan(session, document))

    async def undo(self, run: str) -> RunReport | None:
        return await self._alive(lambda session: engine.undo(session, run, confirm=_yes_to_both))

    async def restart(self) -> None:
        """A new process: what the old one had in memory is gone."""
        if self.journal is not None:
            await self.journal.close()
            self.journal = None
        self.is_dead, self.death, self.fails_from = False, Death(), 0
        self.strike, self.refusal, self.faults = None, None, []

    def kill(self) -> None:
        """Kill -9. Raises Killed."""
        self.is_dead = True
        raise Killed

    async def close(self) -> None:
        if self.journal is not None:
            await self.journal.close()
        self.watcher.close()
        shutil.rmtree(self.folder)

    def now(self) -> datetime:
        self._clock += timedelta(seconds=1)
        return self._clock

    def step_clock(self, by: timedelta) -> None:
        """Somebody sets the clock."""
        self._clock += by

    async def wait(self, seconds: float) -> None:
        """The settle wait: no time passes, but what the old connection's process still does is done now."""
        unfinished, self.unfinished = self.unfinished, []
        for act in unfinished:
            await act()

    def before_call(self, name: str) -> None:
        if self.between is not None:
            self.between(name)

    async def connect(self, settings: AccountSettings) -> RecordingStore:
        store = self.store_type(self, strike=self.strike, refusal=self.refusal, faults=self.faults)
        self.strike, self.refusal, self.faults = None, None, []
        self.stores.append(store)
        return store

    async def connect_reader(self, settings: AccountSettings) -> RecordingStore:
        return self.reader_type(self)

    async def perform(self, call: EffectCall) -> EffectOutcome:
        """The receiver's side of an outside effect."""
        if self.is_dead:
            raise Killed
        self.wire.say(0, f"({call.effect} for UID {call.uid})")
        self.sink.calls.append(call)
        if len(self.sink.calls) == self.sink.lost_answer:
            raise TimeoutError("no answer")
        return EffectOutcome(done=True)

    async def prepare_post(self, call: EffectCall, _source: object, file: BinaryIO, _settings: object) -> Prepared:
        """What the outbox is to send."""
        raise NotImplementedError  # a world without an outbox is never asked; ``posting`` has one

    async def attempt_post(self, attempt: OutboxAttempt) -> EffectOutcome:
        """The receiver's side of what goes through the outbox."""
        raise NotImplementedError  # as above

    def replacements(self) -> Iterable[tuple[object, str, object]]:
        """What of the program a broken one does otherwise: module, name, what is there instead."""
        return ()

    @property
    def rules(self) -> str:
        """The configuration."""
        return self.case.rules

    def in_session(self) -> dict[str, object]:
        """What a run is given besides."""
        return {}

    # Seen from outside.

    def evidence(self, *, is_preview: bool = False, recent_before: Mapping[str, set[int]] | None = None) -> Evidence:
        """All that the judge may look at."""
        return Evidence(
            case=self.case,
            has_uidplus="UIDPLUS" in self.capabilities,
            before=self.before,
            after=contents_of(self.mail, self.case),
            wire=self.wire,
            effects=tuple((call.rule, call.message_id) for call in self.sink.calls),
            outputs="\n".join([*self.outputs, *self._kept()]),
            person=self.person,
            doubtful=tuple(self.watcher.doubtful()),
            own_rights={one.name: one.rights.get(self.mail.user, "") for one in self.mail.mailboxes.values()},
            is_preview=is_preview,
            recent_changed=recent_before is not None
            and recent_before != {name: mailbox.recent for name, mailbox in self.mail.mailboxes.items()},
        )

    def evidence_of_mail(self) -> object:
        """What is in the mailboxes now."""
        return contents_of(self.mail, self.case)

    def _kept(self) -> Iterator[str]:
        """What is on the journal's disk, as far as it is text."""
        for path in (self.path, self.path.with_name(f"{self.path.name}-wal")):
            if path.exists():
                yield path.read_bytes().decode("latin-1")

    async def _alive(self, act: Callable[[Session], Awaitable[T]]) -> T | None:
        if self.journal is None:
            database = _Disk(self, self.path)
            await database.open()
            self.journal = self.journal_type(database)
        configuration, plugins = _loaded(self.rules, self)
        session = Session(
            configuration=configuration,
            plugins=plugins,
            journal=self.journal,
            now=self.now,
            wait=self.wait,
            connect=self.connect,
            connect_reader=self.connect_reader,
            **self.in_session(),
        )
        asyncio.get_running_loop().set_exception_handler(_forget_the_dead)
        with self._in_place():
            try:
                return await act(session)
            except BaseException as error:
                if not self.is_dead or not _holds(error, Killed):
                    raise
                return None

    @contextmanager
    def _in_place(self) -> Iterator[None]:
        """Let the engine connect to us, and let us read what it logs."""
        structlog.configure(processors=[self._note], cache_logger_on_first_use=False)
        try:
            with ExitStack() as stack:
                stack.enter_context(patch.object(engine, "connect_store", self.connect))
                stack.enter_context(patch.object(engine, "connect_reader", self.connect_reader))
                for module, name, replacement in self.replacements():
                    stack.enter_context(patch.object(module, name, replacement))
                yield
        finally:
            structlog.reset_defaults()

    def _note(self, _logger: object, _method: str, line: MutableMapping[str, object]) -> MutableMapping[str, object]:
        self.outputs.append(repr(dict(line)))
        raise structlog.DropEvent


class _Disk(Database):
    """The journal's file, written in the one thread of the world, so that every run takes the same course."""

    def __init__(self, world: World, path: Path) -> None:
        super().__init__(path)
        self._world = world

    def _open(self) -> None:
        super()._open()
        # Who is killed here loses no memory of the machine's, so nothing has to be driven to a disk.
        self._opened().execute("PRAGMA synchronous = OFF")

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        world, death = self._world, self._world.death
        await asyncio.sleep(0)
        if world.is_dead:
            raise Killed
        death.writes += 1
        if world.fails_from and death.writes >= world.fails_from:
            raise self._explained(sqlite3.OperationalError(world.failure))
        if world.before_write is not None:
            world.before_write(death.writes)
        if death.writes == death.at_write and not death.is_written:
            world.kill()
        result = await super().write(work)
        if death.writes == death.at_write:
            world.kill()
        return result

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._world.is_dead:
            raise Killed
        return await super().read(work)

    async def _submit(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (sqlite3.Error, OSError) as error:
            raise self._explained(error) from error


async def _yes(_plan: Plan) -> bool:
    return True


async def _yes_to_both(_plan: Plan, _cannot: tuple[str, ...]) -> bool:
    return True


def _forget_the_dead(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    """What a killed process, or one without a journal, had still in hand is nobody's concern."""
    if not isinstance(context.get("exception"), Killed | JournalError):
        loop.default_exception_handler(context)


def _holds(error: BaseException, kind: type[BaseException]) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(_holds(one, kind) for one in error.exceptions)
    return isinstance(error, kind)


@cache
def _empty_journal() -> Path:
    """A journal of today's schema, made once."""
    folder = Path(tempfile.mkdtemp(prefix="torture-empty-"))
    atexit.register(shutil.rmtree, folder)
    path = folder / "journal.sqlite"
    database = Database(path)
    database._open()
    database._close()
    return path


class _Ringing:
    """The plugin behind ``ring`` and ``post``, which goes through the outbox: hands on to the world that is running."""

    def __init__(self) -> None:
        self.world: World | None = None

    @hookimpl
    def mailrules_actions(self) -> list[ActionSpec]:
        def spec(name: str) -> ActionSpec:
            def compiled(_source: object, _context: object) -> list[Effect]:
                return [Effect(name=name)]

            return ActionSpec(name=name, compile=compiled, summary=f"{name.title()}.", schema={"type": "null"})

        return [spec("ring"), spec("post")]

    @hookimpl
    def mailrules_effects(self) -> list[SimpleNamespace]:
        async def perform(call: EffectCall) -> EffectOutcome:
            assert self.world is not None
            return await self.world.perform(call)

        async def prepare(call: EffectCall, source: object, file: BinaryIO, settings: object) -> Prepared:
            assert self.world is not None
            return await self.world.prepare_post(call, source, file, settings)

        async def attempt(attempt: OutboxAttempt) -> EffectOutcome:
            assert self.world is not None
            return await self.world.attempt_post(attempt)

        return [
            SimpleNamespace(name="ring", perform=perform),
            SimpleNamespace(name="post", prepare=prepare, attempt=attempt),
        ]


def _loaded(rules: str, world: World) -> tuple[LoadedConfiguration, PluginManager]:
    configuration, plugins, ringing = compiled(rules)
    ringing.world = world
    return configuration, plugins


@cache
def compiled(rules: str) -> tuple[LoadedConfiguration, PluginManager, _Ringing]:
    plugins, ringing = PluginManager.create(), _Ringing()
    plugins.register(ringing, name="ringing")
    configuration = load_configuration(
        "rules.yaml", read=lambda _path: rules.encode(), registry=plugins.registry(), expand=lambda _pattern: ()
    )
    return configuration, plugins, ringing
