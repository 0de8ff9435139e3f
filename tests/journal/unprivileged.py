"""How a test meets files that it may not write, although it may run as root."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534


@contextmanager
def unprivileged_folder() -> Iterator[Path]:
    """A folder of an ordinary user, who we are until the end."""
    folder = Path(tempfile.mkdtemp(prefix="mailrules-test-"))
    is_root = os.geteuid() == 0
    group = os.getegid()
    if is_root:
        os.chown(folder, NOBODY, NOBODY)
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
            os.setegid(group)
        shutil.rmtree(folder)
