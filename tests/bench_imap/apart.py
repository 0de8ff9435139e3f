"""How is a contender run in a process of its own?"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).parents[2]
PATIENCE_SECONDS = 120


def measured(command: list[str], environment: Mapping[str, str] | None = None) -> tuple[float, int]:
    """The seconds and the count of messages that the command prints. Raises CalledProcessError if it fails."""
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    seconds, count = done.stdout.split()
    return float(seconds), int(count)
