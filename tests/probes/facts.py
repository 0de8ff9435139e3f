"""What was seen of the facts, added up over tests and processes, and printed at the end of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

PROPERTY = "fact"
"""Under this name a test's report carries what it saw, also from another process."""


def fact_lines(reports: Iterable[object]) -> list[str]:
    """One line for each fact and server, in the order of the failure model."""
    seen = {
        str(value)
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY
    }
    return sorted(seen)
