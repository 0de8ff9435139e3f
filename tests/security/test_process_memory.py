"""What other processes, and what a crash, could show of the secrets that a run holds."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.client.connect import connect
from mailrules.settings import SecretReference
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_faults import AtCommand, Silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PASSWORD = "planted-8c1f2a77"
DUMPABLE = """
import ctypes
from mailrules.cli.core_dumps import keep_memory_private
keep_memory_private()
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def password_program(folder: Path) -> Path:
    """A password manager: it prints the password, and notes that it was asked."""
    program = folder / "password-manager"
    program.write_text(f"#!/bin/sh\necho asked >> {folder}/asked\ncat {folder}/password\n")
    program.chmod(0o700)
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o600)
    return program


@asynccontextmanager
async def run_that_hangs_in_its_login(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A real ``mailrules run`` that has sent its password and waits for ever."""
    silent = AtCommand(command="AUTHENTICATE", reaction=Silence())
    async with ImapServer(MailAccount(password=PASSWORD), faults=[silent]) as server:
        (folder / "mailrules.yaml").write_text(
            f"version: 1\naccounts: {{home: {{host: 127.0.0.1, port: {server.port}, security: none, user: ann,"
            f" secret: {{command: {password_program(folder)}}}}}}}\n"
            "rules: [{name: a, in: [home/INBOX], if: {subject: x}, do: [{flag: seen}]}]\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mailrules", "--config", str(folder / "mailrules.yaml"),
            "--state-dir", str(folder / "state"), "run", "--once", "--yes",
            stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                while "AUTHENTICATE" not in server.commands_seen:  # noqa: ASYNC110 -- nobody has an event for it
                    await asyncio.sleep(0.01)
            yield process
        finally:
            process.kill()
            await process.wait()


async def test_a_run_that_has_sent_its_password_shows_it_in_no_argument_and_leaves_no_core(tmp_path: Path) -> None:
    async with run_that_hangs_in_its_login(tmp_path) as process:
        lines, environment, limits = _shown(process.pid)

    assert b"mailrules" in lines[str(process.pid)]
    assert [name for name, line in lines.items() if PASSWORD.encode() in line] == []
    assert PASSWORD.encode() not in environment
    (core,) = [line.split() for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core[4] == "0"


def _shown(pid: int) -> tuple[dict[str, bytes], bytes, str]:
    """The command lines of all processes; the environment of this one, as far as others may see it; its limits."""
    lines = {}
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            lines[one.name] = (one / "cmdline").read_bytes()
    environment = b""
    with contextlib.suppress(PermissionError):  # a process that may not be traced shows its own to root alone
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    return lines, environment, Path(f"/proc/{pid}/limits").read_text()


async def test_the_process_is_left_out_of_core_dumps_that_go_to_a_program(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DUMPABLE, stdout=asyncio.subprocess.PIPE, cwd=tmp_path
    )

    told, _ = await process.communicate()

    assert told.strip() == b"0"


async def test_a_secret_is_asked_for_anew_for_each_connection_and_none_is_kept(tmp_path: Path) -> None:
    """A token that is renewed elsewhere is the new one here; there is no refresh token to be kept."""
    reference = SecretReference(kind="command", value=str(password_program(tmp_path)))
    async with ImapServer(MailAccount(password=PASSWORD)) as server:
        for _ in range(3):
            await (await connect(server.settings(reference))).close()

    assert (tmp_path / "asked").read_text().split() == ["asked"] * 3
