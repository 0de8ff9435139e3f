"""How flags are compared: without regard to case, system flags and keywords alike (RFC 9051 section 2.3.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DELETED = "\\Deleted"


def fold_flag(flag: str) -> str:
    """The form in which flags are compared."""
    return flag.lower()


def fold_flags(flags: Iterable[str]) -> frozenset[str]:
    """Several flags in the form in which they are compared."""
    return frozenset(flag.lower() for flag in flags)
