"""Which files and directories are ours alone to write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mailrules.file_trust import distrust

OURS, OUR_GROUP = os.geteuid(), os.getegid()
STRANGER, STRANGERS = OURS + 1234, OUR_GROUP + 1234
FILE, FOLDER = stat.S_IFREG, stat.S_IFDIR


def status(mode: int, *, owner: int = OURS, group: int = STRANGERS) -> os.stat_result:
    return os.stat_result((mode, 1, 1, 1, owner, group, 0, 0, 0, 0))


@pytest.mark.parametrize(
    "found",
    [
        status(FILE | 0o600),
        status(FILE | 0o644),
        status(FILE | 0o664, group=OUR_GROUP),
        status(FILE | 0o644, owner=0),
        status(FOLDER | 0o755),
        status(FOLDER | 0o1777, owner=0),
    ],
)
def test_what_only_we_or_root_can_write_is_trusted(found: os.stat_result) -> None:
    assert distrust(Path("x"), status=found) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (status(FILE | 0o602), "everybody may write to x (mode 0602); chmod o-w x"),
        (status(FILE | 0o620), f"the members of group {STRANGERS} may write to x (mode 0620); chmod g-w x"),
        (status(FILE | 0o600, owner=STRANGER), f"x belongs to user {STRANGER}, who can change it"),
        (status(FOLDER | 0o777), "everybody may write to x"),
        (status(FOLDER | 0o1777, owner=STRANGER), "belongs to user"),
    ],
)
def test_what_others_can_write_is_not_trusted_and_the_cure_is_told(found: os.stat_result, words: str) -> None:
    assert words in distrust(Path("x"), status=found)


def test_a_path_is_looked_at_where_no_status_is_given(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    assert "everybody may write" in distrust(tmp_path)
