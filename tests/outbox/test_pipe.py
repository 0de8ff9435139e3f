"""A program gets the message once, without a shell, in bounded time, and its exit status is the verdict."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.outbox.world import move, pipe

if TYPE_CHECKING:
    from tests.outbox.world import World


def program(folder: Path, text: str) -> str:
    """A shell script that notes each of its runs."""
    path = folder / "program"
    path.write_text(f"#!/bin/sh\necho run >>{folder}/runs\n{text}\n")
    path.chmod(0o755)
    return str(path)


def runs(folder: Path) -> int:
    path = folder / "runs"
    return path.read_text().count("run") if path.exists() else 0


def is_gone(process: int) -> bool:
    """Whether a process has ended; its last parent may not have taken note yet."""
    status = Path(f"/proc/{process}/status")
    return not status.exists() or "(zombie)" in status.read_text()


A_FLOOD = f"""exec {sys.executable} -c '
import fcntl, os, time
fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 1 << 20)
os.write(1, b"y" * (1 << 20))
time.sleep(600)'"""
"""More at once than a reader takes before it pauses; the program is then silent, and its end is not in the pipe."""


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("exit 0", "applied"),
        ("exit 1", "given_up"),
        ("exit 75", "waiting"),
        ("kill -KILL $$", "unknown"),
        ("sleep 600", "unknown"),
        ("yes", "unknown"),
        (A_FLOOD, "unknown"),
    ],
)
async def test_each_end_has_its_state_and_only_what_asks_for_it_runs_again(
    world: World, tmp_path: Path, text: str, state: str
) -> None:
    world.deliver()
    step = pipe(program(tmp_path, text), seconds=0.5 if "sleep" in text else 10.0)

    await world.run(step, move())
    first = await world.states()
    await world.kill()
    world.pass_time(days=1)
    await world.work()

    assert (first, world.mailboxes_with_mail()) == ([state], ["Done" if state == "applied" else "INBOX"])
    assert runs(tmp_path) == (2 if state == "waiting" else 1)


async def test_a_program_that_is_not_there_is_tried_again(world: World, tmp_path: Path) -> None:
    world.deliver()

    await world.run(pipe(str(tmp_path / "missing")), move())

    assert await world.states() == ["waiting"]
    assert "did not start: No such file or directory" in (await world.details())[0]


async def test_it_gets_the_message_byte_for_byte_and_its_arguments_as_they_stand(world: World, tmp_path: Path) -> None:
    content = b"From: a@b.example\r\nSubject: \xff\r\n\r\n.\r\nbare\rcr and \x00 and \xe4\n"
    world.deliver(content=content)
    script = program(
        tmp_path, f'cat >{tmp_path}/message\nprintf "%s\\n" "$@" >{tmp_path}/arguments\nenv >{tmp_path}/env'
    )

    await world.run(pipe(script, "$(touch made-by-a-shell)", "; rm -rf *", "a b"), move())

    assert await world.states() == ["applied"]
    assert (tmp_path / "message").read_bytes() == content
    assert (tmp_path / "arguments").read_text() == "$(touch made-by-a-shell)\n; rm -rf *\na b\n"
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    own = {"PATH", "LANG", "MAILRULES_RULE", "MAILRULES_ACCOUNT", "MAILRULES_KEY"}
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == own


async def test_what_a_program_started_ends_with_it(world: World, tmp_path: Path) -> None:
    world.deliver()
    script = program(tmp_path, f"sleep 600 >/dev/null 2>&1 &\necho $! >{tmp_path}/child")

    await world.run(pipe(script), move())

    assert await world.states() == ["applied"]
    assert is_gone(int((tmp_path / "child").read_text()))
