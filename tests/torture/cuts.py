"""Lines that end at any byte: of what we send, and of what we are answered.

``resets``: ``sent-N`` resets the connection when the server has read N bytes of a whole session, ``got-N`` when it has
sent N. ``cuts``: ``answer-N`` plays a recorded session to our protocol core alone and ends it after N bytes; then
what was wholly told is told as in the whole session, and nothing else counts as done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch  # to put working code in a name's place; nothing is mocked

from mailrules.client import carrier
from mailrules.errors import ConnectionLost
from mailrules.imap.connection import Connection
from mailrules.imap.events import CommandCompleted, CommandFailed
from mailrules.imap.session_commands import Logout
from mailrules.testing.server_faults import CutAfterReceived, CutAfterSent, Ending
from tests.torture.judge import Broken, Finding, judge
from tests.torture.sockets import SocketWorld
from tests.torture.suites import Attempt, Point, story_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.imap.command import Command
    from mailrules.imap.events import Event
    from tests.torture.cases import Case

_ENDINGS = (Ending.RESET, Ending.CLOSE, Ending.HALF_CLOSE)


class Resets:
    """The suite with a socket and the whole program."""

    name, noun = "resets", "resets"

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                session = await recorded(case, profile)
                whats = [f"sent-{number}" for number in range(1, session.sent + 1)]
                whats += [f"got-{number}" for number in range(1, session.received + 1)]
                points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        way, number = point.what.split("-")
        count = int(number)
        fault = (
            CutAfterReceived(byte_count=count, ending=Ending.RESET)
            if way == "sent"
            else CutAfterSent(byte_count=count, ending=_ENDINGS[count % len(_ENDINGS)])
        )
        world = SocketWorld(point.case, point.profile, fault)
        await world.start()
        try:
            await world.run_through()
            await world.run_through()
            findings = judge(world.evidence())
            return Attempt(findings=findings, story=story_of(world) if findings else "")
        finally:
            await world.close()


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
        return Attempt(findings=findings, story=session.story)


class Session:
    """A connection's commands and what came in, in order."""

    def __init__(self) -> None:
        self.steps: list[Command[object] | bytes] = []
        self.sent = 0
        self._whole: list[tuple[int, Event]] = []
        self._farewells: set[object] = set()

    @property
    def received(self) -> int:
        return sum(len(step) for step in self.steps if isinstance(step, bytes))

    @property
    def story(self) -> str:
        return "\n".join(repr(step)[:200] for step in self.steps)

    def cut(self, count: int) -> list[Finding]:
        """What is wrong with how the core takes the first ``count`` bytes and then the end."""
        self._whole = self._whole or self._play(self.received)
        told = self._play(count)
        expected = [event for position, event in self._whole if position <= count]
        # BYE and the end are the answer to LOGOUT.
        completed = {event.tag for _, event in told if isinstance(event, CommandCompleted)} - self._farewells
        wholly = {event.tag for event in expected if isinstance(event, CommandCompleted)} - self._farewells
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
            for _, event in told
            if isinstance(event, CommandFailed)
            and not isinstance(event.error, ConnectionLost)
            and event.tag not in refused
        ]
        return findings

    def _play(self, count: int) -> list[tuple[int, Event]]:
        """The events, each with how many bytes had to come for it at most."""
        connection, position, events = Connection(), 0, []
        for step in self.steps:
            if not isinstance(step, bytes):
                tag = connection.submit(step)
                if isinstance(step, Logout):
                    self._farewells.add(tag)
            elif position < count:
                for line in step[: count - position].splitlines(keepends=True):
                    position += len(line)
                    events += [(position, event) for event in connection.receive_data(line)]
            connection.data_to_send()
            if position >= count:
                break
        return events + [(position, event) for event in connection.receive_eof()]


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
