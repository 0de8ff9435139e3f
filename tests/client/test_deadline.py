"""What arrives while a process is stopped is read before a deadline is judged; silence ends a wait all the same."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.deadline import Deadline
from mailrules.errors import ConnectionFailed
from mailrules.settings import Timeouts
from tests.client.scripted import PASSWORD, scripted_server, settings

if TYPE_CHECKING:
    from collections.abc import Coroutine

LONG_SECONDS = 60
GREETING = b"* OK [CAPABILITY IMAP4rev1] ready\r\n"


class StoppableLoop(asyncio.SelectorEventLoop):
    """A loop on which ``stop_for`` does what a process that is stopped sees: the clock is later all at once."""

    _lost_seconds = 0.0

    def time(self) -> float:
        return super().time() + self._lost_seconds

    def stop_for(self, seconds: float) -> None:
        self._lost_seconds += seconds


def run(main: Coroutine[None, None, None]) -> None:
    with asyncio.Runner(loop_factory=StoppableLoop) as runner:
        runner.run(main)


def stop_for(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, StoppableLoop)
    loop.stop_for(seconds)


def test_time_in_which_nothing_ran_does_not_count() -> None:
    async def main() -> None:
        answer = asyncio.get_running_loop().create_future()
        async with Deadline(LONG_SECONDS) as deadline:
            stop_for(2 * LONG_SECONDS)
            asyncio.get_running_loop().call_later(0.01, answer.set_result, None)
            await answer
        assert not deadline.expired()

    run(main())


def test_silence_ends_it_also_after_a_stop() -> None:
    deadline = Deadline(0.02)

    async def main() -> None:
        async with deadline:
            stop_for(LONG_SECONDS)
            await asyncio.get_running_loop().create_future()

    with pytest.raises(TimeoutError):
        run(main())
    assert deadline.expired()


def test_one_that_is_put_off_at_the_moment_of_its_passing_does_not_pass() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with Deadline(None) as deadline:
            deadline.restart(0)
            loop.call_later(0, deadline.restart, LONG_SECONDS)
            await asyncio.sleep(0.01)
        assert not deadline.expired()

    run(main())


@pytest.mark.parametrize("silent", [True, False])
def test_a_login_goes_on_after_a_stop_unless_the_server_is_silent(
    silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAILRULES_TEST_SECRET", PASSWORD)
    seconds = 0.1 if silent else 1.0
    timeouts = Timeouts(greeting_seconds=seconds, login_seconds=seconds, command_seconds=seconds)

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stop_for(LONG_SECONDS)
        if not silent:
            writer.write(GREETING)
            await reader.readline()
            stop_for(LONG_SECONDS)
            writer.write(b"A1 OK [CAPABILITY IMAP4rev1] welcome\r\n")
        await reader.read()

    async def main() -> None:
        async with scripted_server(hear) as port:
            account = replace(settings(port), timeouts=timeouts)
            if silent:
                with pytest.raises(ConnectionFailed, match="said nothing"):
                    await connect(account)
            else:
                await (await connect(account)).close()

    run(main())
