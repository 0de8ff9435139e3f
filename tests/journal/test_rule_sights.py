"""When a rule with `shadow` was first seen is kept as long as it does the same, whatever the clock says later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.journal.journal import KEPT
from mailrules.journal.reader import JournalReader
from mailrules.plan.history import Sight
from mailrules.rules.rule import Shadow
from tests.journal.builders import NOON, rule
from tests.journal.sample import load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.journal.journal import Journal
    from mailrules.rules.rule import Rule

WEEK = timedelta(days=7)
LATER = NOON + timedelta(days=1)


def in_shadow(digest: str = "d1", *, lasts: timedelta = WEEK, name: str = "lists") -> Rule:
    return replace(rule(name), shadow=Shadow(lasts=lasts, digest=digest))


async def sights(reader: JournalReader) -> Mapping[str, Sight]:
    return (await reader.history(rules=[in_shadow()], now=NOON)).sights


async def test_the_first_sight_stays(journal: Journal) -> None:
    await journal.see_rules([in_shadow(), in_shadow(name="other"), rule("old")], now=NOON)
    await journal.see_rules([in_shadow(lasts=2 * WEEK)], now=LATER)

    assert await sights(journal) == {"lists": Sight("d1", NOON), "other": Sight("d1", NOON)}


async def test_a_rule_that_does_something_else_is_new(journal: Journal) -> None:
    await journal.see_rules([in_shadow()], now=NOON)
    await journal.see_rules([in_shadow("d2")], now=LATER)
    await journal.see_rules([in_shadow()], now=LATER + WEEK)

    assert await sights(journal) == {"lists": Sight("d1", LATER + WEEK)}


async def test_a_rule_without_its_shadow_is_forgotten(journal: Journal) -> None:
    await journal.see_rules([in_shadow()], now=NOON)
    await journal.see_rules([rule()], now=LATER)

    assert await sights(journal) == {}


async def test_a_rule_of_another_configuration_keeps_its_sight(journal: Journal) -> None:
    await journal.see_rules([in_shadow()], now=NOON)
    await journal.see_rules([], now=LATER)
    await journal.see_rules([in_shadow()], now=LATER)

    assert await sights(journal) == {"lists": Sight("d1", NOON)}


async def test_a_clock_that_is_set_back_changes_no_sight(journal: Journal) -> None:
    await journal.see_rules([in_shadow()], now=LATER)
    await journal.see_rules([in_shadow()], now=NOON)

    assert await sights(journal) == {"lists": Sight("d1", LATER)}


async def test_a_sight_is_never_too_old_to_be_kept(journal: Journal) -> None:
    await journal.see_rules([in_shadow()], now=NOON)

    await journal.prune(now=NOON + 2 * KEPT)

    assert await sights(journal) == {"lists": Sight("d1", NOON)}


async def test_they_are_only_read_where_a_rule_has_a_shadow(journal: Journal) -> None:
    await journal.see_rules([in_shadow()], now=NOON)

    assert (await journal.history(rules=[rule()], now=NOON)).sights == {}


async def test_a_journal_of_before_has_seen_none(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.sqlite3"
    load(Path(__file__).parent / "schemas" / "0010.sql", path)

    reader = await JournalReader.open(path)

    assert await sights(reader) == {}
    await reader.close()
