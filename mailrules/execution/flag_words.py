"""Do a message's flags hold what a step wanted? Flags compare without case (RFC 9051 section 2.3.2)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def flags_hold(present: frozenset[str], wanted: frozenset[str], *, removed: bool) -> bool:
    """Whether all of ``wanted`` are there, or with ``removed``, none."""
    there = folded(present)
    return there.isdisjoint(folded(wanted)) if removed else there >= folded(wanted)


def same_flags(one: frozenset[str], other: frozenset[str]) -> bool:
    r"""Whether both are the same flags, ``\Recent`` aside, which no client sets."""
    return folded(one) - {"\\recent"} == folded(other) - {"\\recent"}


def unkept(wanted: Iterable[str], permanent: frozenset[str] | None) -> tuple[str, ...]:
    """The flags that this mailbox would not keep (PERMANENTFLAGS); none if the server did not say."""
    if permanent is None:
        return ()
    kept = folded(permanent)
    may_be_made = "\\*" in kept
    return tuple(
        flag for flag in wanted if flag.lower() not in kept and not (may_be_made and not flag.startswith("\\"))
    )


@lru_cache(maxsize=1024)  # a mailbox has few sets of flags, and many messages with each
def folded(flags: frozenset[str]) -> frozenset[str]:
    """In the one spelling that compares."""
    return frozenset(flag.lower() for flag in flags)
