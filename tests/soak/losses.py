"""What becomes of many tasks when the network cuts their connections again and again at random bytes?

Every answer has to show whose it is, see ``work``. An APPEND leaves its subject in the server's memory, which tells
afterwards whether it was done, and once. The same seed cuts each connection at the same byte.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

from mailrules.client.connect import connect
from mailrules.client.pool import Pool
from mailrules.client.supervisor import Supervisor
from mailrules.errors import ConnectionFailed, ConnectionLost
from mailrules.secret import Secret
from mailrules.settings import SecretReference
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import CutAfterReceived, CutAfterSent, Ending
from tests.client.clocks import Clock
from tests.soak.work import BOXES, box_name, new_account, opening, random_work, tidy, times_appended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mailrules.client.async_client import AsyncClient
    from mailrules.settings import AccountSettings
    from tests.soak.work import Work

SUPERVISED, POOLED = 3, 5
CANCELLED = 0.05
"""So many of the commands are cancelled in the middle."""
_AHEAD = 40
_PAGE_KIB = 4


class MixedUp(Exception):
    """A command was answered with another one's data, done twice, or done when it said that it was not."""


@dataclass
class Tally:
    """What happened; ``kib_early`` and ``kib_late`` are memory in use after a fifth of the losses and at the end."""

    losses: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    kib_early: int = 0
    kib_late: int = 0
    tasks_left: int = 0
    descriptors_left: int = 0


async def soak(losses: int, *, seed: int) -> Tally:
    """Run until so many connections were lost. Raises MixedUp."""
    tally = Tally()
    tasks, descriptors, started = len(asyncio.all_tasks()), _descriptors(), monotonic()
    async with ImapServer(new_account()) as server:
        await _Soak(server, tally, losses=losses, seed=seed).run()
    gc.collect()
    tally.seconds = monotonic() - started
    tally.tasks_left = len(asyncio.all_tasks()) - tasks
    tally.descriptors_left = _descriptors() - descriptors
    return tally


class _Soak:
    def __init__(self, server: ImapServer, tally: Tally, *, losses: int, seed: int) -> None:
        self._server, self._tally, self._losses, self._seed = server, tally, losses, seed
        self._account = replace(server.settings(SecretReference(kind="env", value="unused")), connections=SUPERVISED)

    async def run(self) -> None:
        async with Pool(now=monotonic, connect=self._connect) as pool, asyncio.TaskGroup() as group:
            for number in range(SUPERVISED):
                group.create_task(self._supervised(number))
            for number in range(POOLED):
                group.create_task(self._pooled(pool, number))

    @property
    def _is_over(self) -> bool:
        return self._tally.losses >= self._losses

    # -- connections that do not last -----------------------------------------------------------------

    async def _connect(self, account: AccountSettings) -> AsyncClient:
        made = self._server._connection_count
        self._server.faults[:] = [_cut(self._seed, made + ahead) for ahead in range(1, _AHEAD)]
        self._server.commands_seen.clear()
        tidy(self._server.mail)
        try:
            return await connect(account, resolve_secret=self._secret)
        except ConnectionFailed:
            self._note_loss("while connecting")
            raise

    async def _secret(self, _: SecretReference) -> Secret:
        return Secret(self._server.mail.password)

    def _note_loss(self, when: str) -> None:
        self._tally.losses += 1
        self._tally.counts[f"lost {when}"] += 1
        if self._tally.losses == max(1, self._losses // 5):
            self._tally.kib_early = _resident_kib()
        self._tally.kib_late = _resident_kib()

    # -- tasks ----------------------------------------------------------------------------------------

    async def _supervised(self, number: int) -> None:
        """One supervisor with one box, until the end."""
        random, clock, seen = Random(f"{self._seed} supervised {number}"), Clock(), 1
        supervisor = Supervisor(
            lambda: self._connect(self._account), random=random.random, now=clock.now, wait=clock.wait
        )
        while not self._is_over:
            try:
                await self._one(supervisor.run, random, number, number, must_open=supervisor.opened is None)
            except ConnectionLost:
                self._tally.counts["told of a loss"] += 1
            clock.waits.clear()
            while seen < supervisor.connections:
                seen += 1
                self._note_loss("under a supervisor")
        await supervisor.close()

    async def _pooled(self, pool: Pool, number: int) -> None:
        """A task that borrows a connection for a few commands, again and again."""
        random = Random(f"{self._seed} pooled {number}")
        while not self._is_over:
            box = random.randrange(BOXES)
            try:
                async with pool.lend(self._account, mailbox=box_name(box)) as client:
                    selected = client.selected
                    must_open = selected is None or selected.mailbox != box_name(box)
                    for _ in range(random.randrange(1, 6)):
                        await self._one(client.run, random, box, SUPERVISED + number, must_open=must_open)
                        must_open = False
            except ConnectionFailed:
                continue  # counted where it happened
            except ConnectionLost:
                self._note_loss("in a pool")

    async def _one(
        self, run: Callable[[Any], Awaitable[object]], random: Random, box: int, worker: int, *, must_open: bool
    ) -> None:
        """One command on the box, which is opened before where it must be."""
        if must_open:
            await self._ask(run, opening(box), cancel_after=None)
        work = random_work(random, box, worker=worker)
        cancel_after = random.randrange(6) if random.random() < CANCELLED else None
        await self._ask(run, work, cancel_after=cancel_after)

    async def _ask(self, run: Callable[[Any], Awaitable[object]], work: Work, *, cancel_after: int | None) -> None:
        """Run the command, or cancel it after so many steps of the loop, and look at what it gives."""
        asking = asyncio.ensure_future(run(work.command))
        try:
            if cancel_after is not None:
                for _ in range(cancel_after):
                    await asyncio.sleep(0)
                asking.cancel()
            await asyncio.wait({asking})
        finally:
            asking.cancel()
        if asking.cancelled():
            self._tally.counts["cancelled"] += 1
            return
        self._check(work, asking)
        self._tally.counts[work.name] += 1

    def _check(self, work: Work, asked: asyncio.Future[object]) -> None:
        done = times_appended(self._server.mail, work.appended) if work.appended else None
        error = asked.exception()
        if isinstance(error, ConnectionLost) and done is not None and done > error.may_have_run:
            raise MixedUp(f"{work.name} is done {done} times, and told: {error}")
        if error is not None:
            raise error
        shown = work.shown(asked.result())
        if shown != work.expected or done not in {None, 1}:
            raise MixedUp(f"{work.command}: {shown!r} and not {work.expected!r}; done {done} times")


def _cut(seed: int, connection: int) -> CutAfterSent | CutAfterReceived:
    random = Random(f"{seed} cut {connection}")
    ending = random.choice((Ending.CLOSE, Ending.RESET, Ending.HALF_CLOSE))
    if random.random() < 0.5:
        return CutAfterSent(byte_count=int(random.expovariate(1 / 1500)), connection=connection, ending=ending)
    return CutAfterReceived(byte_count=int(random.expovariate(1 / 700)), connection=connection, ending=ending)


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_KIB
