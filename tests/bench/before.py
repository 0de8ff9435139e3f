"""The program as it was before all the promises about crashes were kept, out of this repository's own history."""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from tests.bench.contenders import REPOSITORY, configuration_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bench.contenders import Place

COMMIT = "4af8a165b99cdae8ebc43690c06ac025d014cdab"
"""The last one without kill switch, reply codes, recovery on every server, lease, ledger by content and outbox."""

_NEWER_SETTINGS = "  first_run: act\n"
"""What only later programs know; this one acted at once anyway."""


def unpack(folder: Path) -> Path:
    """The sources of that commit in a folder of their own. RuntimeError where the history does not go back so far."""
    done = subprocess.run(
        ["git", "archive", "--format=tar", COMMIT, "mailrules"], cwd=REPOSITORY, capture_output=True, check=False
    )
    if done.returncode:
        cure = "this clone is shallow: git fetch --unshallow"
        raise RuntimeError(f"the program as it was before is not at hand: {done.stderr.decode().strip()}; {cure}")
    tree = folder / "before"
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(tree, filter="data")
    return tree


def command(tree: Path, place: Place) -> list[str]:
    """Its ``run --once`` with a state directory that is new."""
    config, state = place.folder / f"{place.user}.yaml", place.folder / f"{place.user}-state"
    config.write_text(configuration_of(place).replace(_NEWER_SETTINGS, ""))
    # -P: the folder in which the contenders run holds the program of today.
    program = ["env", f"PYTHONPATH={tree}", sys.executable, "-P", "-m", "mailrules"]
    return [*program, "-c", str(config), "--state-dir", str(state), "run", "--once", "--yes"]
