"""One run of a configured program with a message on its standard input: no shell, bounded in time and output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from mailrules.client.child_end import kill
from mailrules.execution.effects import EffectOutcome
from mailrules.logs import clean_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

MAX_OUTPUT_BYTES = 64 << 10
"""A program that writes more is ended, as one that takes too long is."""

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: the program's word that it did nothing and that later is better."""

_SHOWN_CHARACTERS = 200
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


async def run(
    command: Sequence[str],
    message: Path,
    *,
    environment: Mapping[str, str],
    seconds: float,
    begin: Callable[[], Awaitable[None]],
) -> EffectOutcome:
    """Run a program; its exit status is the verdict. ``begin`` is awaited before it starts.

    Raises what leaves the outcome unknown: it was ended by a signal, by us for taking too long or writing too
    much, or by somebody else.
    """
    with message.open("rb") as stdin:
        await begin()
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=stdin,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={**_ENVIRONMENT, **environment},
                cwd="/",
                # A group of its own, so that what it started ends with it.
                start_new_session=True,
            )
        except OSError as error:
            words = error.strerror or str(error)
            return EffectOutcome(done=False, detail=f"{command[0]} did not start: {words}", retry_seconds=0.0)
    try:
        async with asyncio.timeout(seconds):
            output = await _output(process)
            status = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await kill(process)
    if status < 0:
        raise OSError(f"{command[0]} was ended by signal {-status}")
    words = clean_text(f"exit status {status}: {output.decode('utf-8', 'replace')}").strip(": ")[:_SHOWN_CHARACTERS]
    if status == 0:
        return EffectOutcome(done=True, detail=words)
    return EffectOutcome(done=False, detail=words, retry_seconds=0.0 if status == TRY_AGAIN else None)


async def _output(process: asyncio.subprocess.Process) -> bytes:
    """What the program writes until it closes its output. Raises OSError for more than it may."""
    output = b""
    assert process.stdout is not None  # noqa: S101 -- a pipe was asked for
    while piece := await process.stdout.read(MAX_OUTPUT_BYTES):
        output += piece
        if len(output) > MAX_OUTPUT_BYTES:
            raise OSError(f"it wrote more than {MAX_OUTPUT_BYTES >> 10} KiB")
    return output
