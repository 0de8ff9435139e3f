"""How is a program ended whose output is a pipe to us, whatever it has written and nobody reads any more?"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

_SECONDS: Final = 5.0
_PIECE_BYTES: Final = 1 << 16


async def kill(process: asyncio.subprocess.Process) -> None:
    """End the program, and wait for it, though not for what it started and left behind with its output.

    asyncio tells the end of a program when its pipes have been read to their end, which a reader that has
    paused never does. Nobody else may be reading.
    """
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SECONDS):
            while process.stdout is not None and await process.stdout.read(_PIECE_BYTES):
                pass
            await process.wait()
