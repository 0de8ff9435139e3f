"""How a time stands in the journal: UTC, ISO 8601, always with microseconds, so text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=64)  # all verdicts of a batch carry one time
def to_text(moment: datetime) -> str:
    """The stored form of an aware datetime."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def from_text(text: str) -> datetime:
    """The stored time, in UTC."""
    return datetime.fromisoformat(text)
