"""Is the journal well: whole, ours, with room to grow, and what does a person have to do about it?"""

from __future__ import annotations

import os
import shutil
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import JournalError
from mailrules.file_trust import distrust
from mailrules.journal.lock import lock_holder
from mailrules.journal.migrations import all_migrations
from mailrules.journal.opening import schema_of, wal_path
from mailrules.journal.reader import JournalReader
from mailrules.journal.records import StepState
from mailrules.values import dataclass

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.journal.health import JournalHealth

LEAST_FREE_BYTES = 64 * 1024 * 1024
LARGE_LOG_BYTES = 64 * 1024 * 1024
"""SQLite folds its log into the file at 4 MB; more than this means that a reader has held it open for long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFinding:
    """``is_bad`` is what keeps runs from working or loses something; the rest is good to know."""

    kind: str
    """``missing unreadable damage orphans schema permissions disk log open given_up backups``."""
    message: str
    cure: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """``health`` is None where the file cannot be read. Sizes are in bytes; ``log_bytes`` is SQLite's log beside it."""

    path: Path
    findings: tuple[JournalFinding, ...]
    schema: int = 0
    health: JournalHealth | None = None
    log_bytes: int = 0
    free_disk_bytes: int = 0

    @property
    def is_well(self) -> bool:
        return not any(one.is_bad for one in self.findings)


async def check_up(path: Path) -> Checkup:
    """Look at the journal and its surroundings; nothing is made or changed."""
    before = _look_around(path)
    if any(one.kind == "missing" for one in before.findings):
        return before
    findings = list(before.findings)
    health: JournalHealth | None = None
    schema = 0
    try:
        schema = schema_of(path)
        reader = await JournalReader.open(path)
        try:
            health = await reader.health()
            findings += _contents(health) + await _steps(path, reader)
        finally:
            await reader.close()
    except JournalError as error:
        what, _, cure = str(error).partition("; ")
        findings.append(JournalFinding(kind="unreadable", message=what, cure=cure, is_bad=True))
    if 0 < schema < all_migrations()[-1].version:
        findings.append(
            JournalFinding(
                kind="schema",
                message=f"its schema is {schema}, this mailrules writes {all_migrations()[-1].version}",
                cure="nothing to do: the next run upgrades it, and keeps a copy beside it",
            )
        )
    return replace(before, findings=tuple(findings), schema=schema, health=health)


def _look_around(path: Path) -> Checkup:
    """What can be told without opening the journal."""
    if not path.exists():
        nothing_yet = JournalFinding(kind="missing", message=f"there is no {path} yet; the first run makes it")
        return Checkup(path=path, findings=(nothing_yet,))
    findings = _permissions(path)
    free_bytes = shutil.disk_usage(path.parent).free
    if free_bytes < LEAST_FREE_BYTES:
        findings.append(
            JournalFinding(
                kind="disk",
                message=f"only {free_bytes} bytes are free beside the journal",
                cure=f"free some space in {path.parent}; a run stops before it sends what it cannot journal",
                is_bad=True,
            )
        )
    log_bytes = wal_path(path).stat().st_size if wal_path(path).exists() else 0
    if log_bytes > LARGE_LOG_BYTES:
        findings.append(
            JournalFinding(
                kind="log",
                message=f"SQLite's log {wal_path(path).name} has {log_bytes} bytes",
                cure="end whatever has held the journal open to read for long; the next run folds it in",
            )
        )
    findings += _backups(path)
    return Checkup(path=path, findings=tuple(findings), log_bytes=log_bytes, free_disk_bytes=free_bytes)


def _permissions(path: Path) -> list[JournalFinding]:
    findings = []
    for file in (path.parent, path, wal_path(path), path.with_name(f"{path.name}-shm"), path.parent / "lock"):
        if not file.exists():
            continue
        if reason := distrust(file):
            what, _, cure = reason.partition("; ")
            findings.append(JournalFinding(kind="permissions", message=what, cure=cure, is_bad=True))
        elif not os.access(file, os.W_OK, effective_ids=True):
            findings.append(
                JournalFinding(
                    kind="permissions",
                    message=f"{file} cannot be written by this user, so only what reads works",
                    cure="make it writable for the user that mailrules runs as, or look as that user",
                    is_bad=True,
                )
            )
        elif file is not path.parent and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
            findings.append(
                JournalFinding(
                    kind="permissions",
                    message=f"{file} can be read by others (mode {mode:04o}); it names people's mail",
                    cure=f"chmod 600 {file}",
                )
            )
    return findings


def _contents(health: JournalHealth) -> list[JournalFinding]:
    findings = [
        JournalFinding(
            kind="damage",
            message=line,
            cure="restore the file from a backup, or move it away: its undo history and ledger are then lost",
            is_bad=True,
        )
        for line in health.damage
    ]
    findings += [
        JournalFinding(
            kind="orphans",
            message=f"{count} {words}",
            cure="restore the file from a backup; something else than mailrules has written to it",
            is_bad=True,
        )
        for words, count in health.orphans
    ]
    return findings


async def _steps(path: Path, reader: JournalReader) -> list[JournalFinding]:
    findings = []
    in_doubt = await reader.in_doubt()
    given_up = [one for one in in_doubt if one.state in {StepState.AMBIGUOUS, StepState.GIVEN_UP}]
    open_steps = len(in_doubt) - len(given_up)
    if open_steps:
        is_at_work = lock_holder(path.parent) is not None
        cure = "nothing to do: a run is at work" if is_at_work else "the next run settles what reading can settle"
        findings.append(JournalFinding(kind="open", message=f"{open_steps} steps have no final verdict", cure=cure))
    if given_up:
        message = f"{len(given_up)} steps were given up"
        findings.append(JournalFinding(kind="given_up", message=message, cure="look at them: mailrules unknown"))
    return findings


def _backups(path: Path) -> list[JournalFinding]:
    names = sorted(one.name for one in path.parent.glob(f"{path.name}.schema-*"))
    if not names:
        return []
    message = f"copies from before an upgrade are kept: {', '.join(names)}"
    return [JournalFinding(kind="backups", message=message, cure="remove them once the new version has proved itself")]
