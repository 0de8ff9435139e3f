"""The page about the journal agrees with the code."""

from __future__ import annotations

from pathlib import Path

from mailrules.cli.paths import JOURNAL_NAME
from mailrules.journal.journal import KEPT
from mailrules.journal.kill_switch import FILE_NAME
from mailrules.journal.lock import LOCK_NAME
from mailrules.journal.opening import backup_path, wal_path

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "journal.md").read_text(encoding="utf-8")


def test_the_page_names_the_files() -> None:
    journal = Path(JOURNAL_NAME)

    for name in (JOURNAL_NAME, wal_path(journal).name, LOCK_NAME, FILE_NAME):
        assert f"`{name}`" in PAGE
    assert f"`{backup_path(journal, 1).name.replace('1', 'N')}`" in PAGE


def test_the_page_says_how_long_things_are_kept() -> None:
    assert f"{KEPT.days} days ago are forgotten" in PAGE
