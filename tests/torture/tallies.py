"""How often was what tried, and what was found: added up over tests and processes, printed at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.suites import Tally

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable

PROPERTY = "torture"
"""Under this name a test's report carries its tally, also from another process."""


def tally_of(reports: Iterable[object]) -> Tally:
    """The sum of what the tests' reports carry."""
    whole = Tally()
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == PROPERTY and getattr(report, "when", "") == "call":
                whole.tried.update(value["tried"])
                whole.found.update(value["found"])
    return whole


def summary_lines(tally: Tally) -> list[str]:
    """What is printed: how much was tried of what, then what was broken."""
    if not tally.tried:
        return []
    found: Counter[str] = tally.found
    tried = [f"{noun} tried: {count:,}" for noun, count in sorted(tally.tried.items())]
    others = [f"{what}: {count}" for what, count in sorted(found.items()) if what not in {"doubled", "lost"}]
    return [", ".join(tried), f"effects doubled: {found['doubled']}, messages lost: {found['lost']}", *others]
