"""Who but us can write to a file or directory that we go by: rules, journal, lock, their directories."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def distrust(path: Path, *, status: os.stat_result | None = None) -> str:
    """Why what stands there cannot be trusted, and the cure; "" where only its owner, ours or root, can write to it.

    ``status`` is that of the opened file, so that nobody can swap it between the look and the reading. A group may
    write where it is the owner's own group: many systems give each person one, and files are made so.
    In a directory with the sticky bit (``/tmp``) others can add files, but not replace ours.
    """
    found = status or path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in {os.geteuid(), 0}:
        return (
            f"{path} belongs to user {found.st_uid}, who can change it; make it your own: chown {os.geteuid()} {path}"
        )
    if stat.S_ISDIR(found.st_mode) and mode & stat.S_ISVTX:
        return ""
    if mode & stat.S_IWOTH:
        return f"everybody may write to {path} (mode {mode:04o}); chmod o-w {path}"
    if mode & stat.S_IWGRP and found.st_gid not in {os.getegid(), 0}:
        return f"the members of group {found.st_gid} may write to {path} (mode {mode:04o}); chmod g-w {path}"
    return ""
