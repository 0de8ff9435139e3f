"""Which steps lead from an empty file to today's journal: numbered SQL files, each applied once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from mailrules.values import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """``version`` is what the file's ``user_version`` becomes."""

    version: int
    name: str
    sql: str


@cache
def all_migrations() -> tuple[Migration, ...]:
    """Ascending, numbered from 1 without a gap."""
    scripts = sorted(
        (one for one in files(__package__).iterdir() if one.name.endswith(".sql")), key=lambda one: one.name
    )
    return tuple(
        Migration(version=number, name=script.name, sql=script.read_text(encoding="utf-8"))
        for number, script in enumerate(scripts, start=1)
    )
