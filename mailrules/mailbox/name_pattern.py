"""Which mailboxes a pattern means: ``*`` stands for any characters, ``%`` for any within one level, as in LIST."""

from __future__ import annotations

import re
from functools import lru_cache

from mailrules.values import dataclass

WILDCARDS = "*%"


@dataclass(frozen=True, slots=True, order=True)
class MailboxPattern:
    """A mailbox name as a person writes it (``/`` between levels), with or without wildcards.

    INBOX has no case (RFC 9051 section 5.1), which ``pattern_of`` has seen to.
    """

    text: str

    @property
    def is_literal(self) -> bool:
        """Whether it means one mailbox."""
        return not set(self.text) & set(WILDCARDS)

    @property
    def literal_prefix(self) -> str:
        """What stands before the first wildcard."""
        return self.text[: next((at for at, one in enumerate(self.text) if one in WILDCARDS), len(self.text))]

    def matches(self, name: str) -> bool:
        """Whether it means this mailbox, written in the same way."""
        name = _with_inbox(name)
        return name == self.text if self.is_literal else _expression(self.text).fullmatch(name) is not None

    def overlaps(self, other: MailboxPattern) -> bool:
        """Whether some name could be meant by both."""
        mine, others = self.text, other.text
        seen, open_places = {(0, 0)}, [(0, 0)]
        while open_places:
            here, there = open_places.pop()
            if (here, there) == (len(mine), len(others)):
                return True
            for place in _next_places(mine[here:], others[there:]):
                reached = (here + place[0], there + place[1])
                if reached not in seen:
                    seen.add(reached)
                    open_places.append(reached)
        return False

    def covers(self, other: MailboxPattern) -> bool:
        """Whether it surely means all that the other one means; False where that is not plain to see."""
        if other.is_literal or self.text == other.text:
            return self.text == other.text or (other.is_literal and self.matches(other.text))
        return self.text == self.literal_prefix + "*" and other.literal_prefix.startswith(self.literal_prefix)

    def __str__(self) -> str:
        return self.text


def pattern_of(written: str) -> MailboxPattern:
    """The pattern that a person has written."""
    return MailboxPattern(_with_inbox(written))


@lru_cache(maxsize=1_000)
def _expression(pattern: str) -> re.Pattern[str]:
    words = {"*": ".*", "%": "[^/]*"}
    return re.compile("".join(words.get(one) or re.escape(one) for one in pattern), re.DOTALL)


def _with_inbox(name: str) -> str:
    head, slash, rest = name.partition("/")
    return "INBOX" + slash + rest if head.upper() == "INBOX" else name


def _next_places(mine: str, others: str) -> list[tuple[int, int]]:
    """How far both may be read on from here, where a wildcard is left or takes one character of the other."""
    one, other = mine[:1], others[:1]
    if one and one not in WILDCARDS and other and other not in WILDCARDS:
        return [(1, 1)] if one == other else []
    places = [(1, 0)] if one and one in WILDCARDS else []
    places += [(0, 1)] if other and other in WILDCARDS else []
    if (other and one == "*") or (other and one == "%" and other != "/"):
        places.append((0, 1))
    if (one and other == "*") or (one and other == "%" and one != "/"):
        places.append((1, 0))
    return places
