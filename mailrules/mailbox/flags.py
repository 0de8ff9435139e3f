"""How flags are compared: without regard to case, system flags and keywords alike (RFC 9051 section 2.3.2)."""

from __future__ import annotations


def fold_flag(flag: str) -> str:
    """The form in which flags are compared."""
    return flag.lower()
