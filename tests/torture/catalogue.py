"""The rows of the fault catalogue that are tried in memory, with how much of each is tried when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.torture.answers import Answers
from tests.torture.cases import BULK, CASES, CROSSING, PROFILES
from tests.torture.crossings import Crossings
from tests.torture.cuts import Cuts, Losses, Resets
from tests.torture.disks import Disks
from tests.torture.kills import Kills
from tests.torture.others import Others
from tests.torture.places import Places
from tests.torture.posting import Posting
from tests.torture.previews import Previews
from tests.torture.saved import Saved
from tests.torture.silences import Silences
from tests.torture.slow_tls import SlowTls
from tests.torture.takebacks import TakeBacks
from tests.torture.twins import Twins
from tests.torture.undoing import Undoing
from tests.torture.watching import Watching

if TYPE_CHECKING:
    from tests.torture.suites import Point, Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: ``in_test`` points of it in ``make test``, ``in_torture`` in ``make torture``."""

    suite: Suite
    in_test: int
    in_torture: int
    cases: tuple[str, ...] = tuple(name for name in CASES if name not in {BULK, CROSSING})
    profiles: tuple[str, ...] = tuple(PROFILES)

    async def points(self) -> list[Point]:
        """All of them."""
        return await self.suite.points([CASES[name] for name in self.cases], self.profiles)


_ALL = 1_000_000
"""More than there are of any."""
_SHORT = ("flags", "copies", "moves", "deletes")
_TWO_SERVERS = ("all", "no-move-uidplus")

SUITES: tuple[Row, ...] = (
    Row(suite=Kills(), in_test=200, in_torture=5_000),
    Row(suite=Answers(), in_test=300, in_torture=_ALL),
    Row(suite=Resets(), in_test=500, in_torture=_ALL),
    Row(suite=Losses(), in_test=60, in_torture=3_000),
    Row(suite=Cuts(), in_test=5_000, in_torture=_ALL),
    Row(suite=Silences(), in_test=20, in_torture=_ALL, cases=("everything", "copies"), profiles=_TWO_SERVERS),
    Row(suite=SlowTls(), in_test=6, in_torture=_ALL, cases=("flags", "moves"), profiles=("all",)),
    # About every second point finds the letter where the other client wants it.
    Row(suite=Others(), in_test=400, in_torture=10_000),
    Row(suite=TakeBacks(), in_test=10, in_torture=_ALL, cases=("everything", "flags", "deletes", "effects")),
    Row(suite=Posting(), in_test=30, in_torture=_ALL, cases=("effects", "everything"), profiles=_TWO_SERVERS),
    Row(suite=Crossings(), in_test=30, in_torture=_ALL, cases=(CROSSING,)),
    Row(suite=Watching(), in_test=40, in_torture=2_000),
    Row(suite=Saved(), in_test=60, in_torture=_ALL),
    Row(suite=Previews(), in_test=56, in_torture=_ALL),
    Row(suite=Places(), in_test=36, in_torture=_ALL),
    Row(suite=Disks(), in_test=60, in_torture=_ALL),
    Row(suite=Twins(), in_test=10, in_torture=500, cases=_SHORT),
    Row(suite=Undoing(), in_test=100, in_torture=2_200),
)


def suite_named(name: str) -> Suite:
    """The suite of this name. Raises ValueError."""
    for row in SUITES:
        if row.suite.name == name:
            return row.suite
    raise ValueError(f"no suite is called {name!r}; there are {', '.join(row.suite.name for row in SUITES)}")
