"""Lines that end at any byte: of what we send, and of what we are answered.

``resets``: ``sent-N`` resets the connection when the server has read N bytes of a whole session; ``losses``: ``got-N``
ends it when the server has sent N. ``cuts``: ``answer-N`` plays a recorded session to our protocol core alone and ends
it after N bytes; then what was wholly told is told as in the whole session, and nothing else counts as done.
"""

from __future__ import annotations

from collections import deque
from copy import deepcopy
from typing import TYPE_CHECKING
from unittest.mock import patch  # to put working code in a name's place; nothing is mocked

from mailrules.client import carrier
from mailrules.errors import ConnectionLost
from mailrules.imap.connection import Connection
from mailrules.imap.events import CommandCompleted, CommandFailed
from mailrules.imap.session_commands import Logout
from mailrules.testing.server_faults import CutAfterReceived, CutAfterSent, Ending
from tests.torture.judge import Broken, Finding
from tests.torture.outcomes import Outcomes
from tests.torture.sockets import SocketWorld
from tests.torture.suites import Attempt, Point

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.imap.command import Command
    from mailrules.imap.events import Event
    from mailrules.testing.server_faults import Fault
    from tests.torture.cases import Case

_ENDINGS = (Ending.RESET, Ending.CLOSE, Ending.HALF_CLOSE)


class Resets:
    """The suite with a socket and the whole program: every byte of ours."""

    name, noun = "resets", "resets"
    _way = "sent"

    def __init__(self) -> None:
        self._outcomes = Outcomes()

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                session = await recorded(case, profile)
                count = session.sent if self._way == "sent" else session.received
                points += [
                    Point(suite=self.name, case=case, profile=profile, what=f"{self._way}-{number}")
                    for number in range(1, count + 1)
                ]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = SocketWorld(point.case, point.profile, self._fault(int(point.what.split("-")[1])))
        await world.start()
        try:
            await world.run_through()
            return await self._outcomes.lived_through(world, point, world.run_through)
        finally:
            await world.close()

    def _fault(self, count: int) -> Fault:
        return CutAfterReceived(byte_count=count, ending=Ending.RESET)


class Losses(Resets):
    """The same for every byte of the server's."""

    name, noun = "losses", "lost lines"
    _way = "got"

    def _fault(self, count: int) -> Fault:
        return CutAfterSent(byte_count=count, ending=_ENDINGS[count % len(_ENDINGS)])


class Cuts:
    """The suite of the protocol core alone."""

    name, noun = "cuts", "cuts of answers"

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                session = await recorded(case, profile)
                points += [
                    Point(suite=self.name, case=case, profile=profile, what=f"answer-{number}")
                    for number in range(1, session.received + 1)
                ]
        return points

    async def attempt(self, point: Point) -> Attempt:
        session = await recorded(point.case, point.profile)
        findings = session.cut(int(point.what.split("-")[1]))
        return Attempt(findings=findings, story=session.story if findings else "")


class Session:
    """A connection's commands and what came in, in order."""

    def __init__(self) -> None:
        self.steps: list[Command[object] | bytes] = []
        self.sent = 0
        self._whole: _Playing | None = None
        self._playing: _Playing | None = None

    @property
    def received(self) -> int:
        return sum(len(step) for step in self.steps if isinstance(step, bytes))

    @property
    def story(self) -> str:
        return "\n".join(repr(step)[:200] for step in self.steps)

    def cut(self, count: int) -> list[Finding]:
        """What is wrong with how the core takes the first ``count`` bytes and then the end."""
        if self._whole is None:
            self._whole = _Playing(self.steps)
            self._whole.go_on(self.received)
        # Ascending cuts go on where the last one was, on the same connection.
        if self._playing is None or self._playing.position > count:
            self._playing = _Playing(self.steps)
        self._playing.go_on(count)
        told = self._playing.at_the_end()
        # BYE and the end are the answer to LOGOUT.
        completed = {event.tag for event in told if isinstance(event, CommandCompleted)} - self._playing.farewells
        expected = [event for position, event in self._whole.told if position <= count]
        wholly = {event.tag for event in expected if isinstance(event, CommandCompleted)} - self._playing.farewells
        refused = {event.tag for event in expected if isinstance(event, CommandFailed)}
        findings = [
            Finding(what=Broken.DOUBLED, words=f"command {tag} counts as done, though its answer was cut off")
            for tag in sorted(completed - wholly)
        ]
        findings += [
            Finding(what=Broken.UNDONE, words=f"command {tag} was wholly answered, and does not count")
            for tag in sorted(wholly - completed)
        ]
        findings += [
            Finding(what=Broken.UNDONE, words=f"command {event.tag} failed by {event.error!r}")
            for event in told
            if isinstance(event, CommandFailed)
            and not isinstance(event.error, ConnectionLost)
            and event.tag not in refused
        ]
        return findings


class _Playing:
    """A session that is played to the core again, byte by byte as far as is asked."""

    def __init__(self, steps: Sequence[Command[object] | bytes]) -> None:
        self._all_steps, self._steps = steps, deque(steps)
        self._connection = Connection()
        self._submitted: list[Command[object]] = []
        """Commands are values, and some lead to the program that once sent them."""
        self.position = 0
        self.farewells: set[object] = set()
        self.told: list[tuple[int, CommandCompleted | CommandFailed]] = []
        """What became of each command, with how many bytes had to come for it."""

    def go_on(self, count: int) -> None:
        """Until so many bytes have come in, with every command that was sent before the next one."""
        while self._steps and self.position < count:
            step = self._steps.popleft()
            if isinstance(step, bytes):
                line = step[: min(step.find(b"\n") + 1 or len(step), count - self.position)]
                self.position += len(line)
                if rest := step[len(line) :]:
                    self._steps.appendleft(rest)
                self._notice(self._connection.receive_data(line))
            else:
                tag = self._connection.submit(step)
                self._submitted.append(step)
                if isinstance(step, Logout):
                    self.farewells.add(tag)
            self._connection.data_to_send()

    def at_the_end(self) -> list[CommandCompleted | CommandFailed]:
        """What becomes of the commands if the line ends here; it may go on afterwards."""
        events = self._twin().receive_eof()
        return [event for _, event in self.told] + [event for event in events if isinstance(event, _ENDS)]

    def _twin(self) -> Connection:
        """The connection once more, as it is now."""
        try:
            return deepcopy(self._connection, {id(one): one for one in self._submitted})
        except TypeError:  # a password is never copied: during the login it is played from the start
            again = _Playing(self._all_steps)
            again.go_on(self.position)
            return again._connection

    def _notice(self, events: Iterable[Event]) -> None:
        self.told += [(self.position, event) for event in events if isinstance(event, _ENDS)]


_ENDS = (CommandCompleted, CommandFailed)

_RECORDED: dict[tuple[Case, str], Session] = {}


async def recorded(case: Case, profile: str) -> Session:
    """The session of an undisturbed run, recorded once."""
    if (case, profile) not in _RECORDED:
        sessions: list[Session] = []

        class Recorded(Connection):
            def __init__(self, **more: object) -> None:
                super().__init__(**more)
                self.session = Session()
                sessions.append(self.session)

            def submit(self, command: Command[object]) -> object:
                self.session.steps.append(command)
                return super().submit(command)

            def data_to_send(self) -> list[object]:
                outgoing = super().data_to_send()
                self.session.sent += sum(len(one.data) for one in outgoing)
                return outgoing

            def receive_data(self, data: bytes) -> list[Event]:
                self.session.steps.append(bytes(data))
                return super().receive_data(data)

        world = SocketWorld(case, profile)
        await world.start()
        try:
            with patch.object(carrier, "Connection", Recorded):
                await world.run()
        finally:
            await world.close()
        _RECORDED[case, profile] = sessions[0]
    return _RECORDED[case, profile]
