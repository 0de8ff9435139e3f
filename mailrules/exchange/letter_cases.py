"""How is a text written out in every case of its letters, for a comparison that knows only ASCII's?"""

from __future__ import annotations

import sys
from functools import cache
from itertools import product

from mailrules.mailbox.text import compose, fold


def spellings(text: str, *, at_most: int) -> list[str] | None:
    """All texts that our comparison takes for this one and that differ beyond ASCII; None if there are too many.

    The case of ASCII letters is left as it is.
    """
    choices = [
        (character,) if character.isascii() else _alike().get(fold(character), (character,)) for character in text
    ]
    count = 1
    for choice in choices:
        count *= len(choice)
        if count > at_most:
            return None
    return list(dict.fromkeys(compose("".join(one)) for one in product(*choices)))


@cache
def _alike() -> dict[str, tuple[str, ...]]:
    """Characters beyond ASCII by what they fold to, which itself is among them."""
    found: dict[str, list[str]] = {}
    for number in range(0x80, min(sys.maxunicode, 0x1FFFF) + 1):
        character = chr(number)
        folded = character.casefold()
        if folded != character:
            found.setdefault(folded, [folded]).append(character)
    return {folded: tuple(dict.fromkeys(characters)) for folded, characters in found.items()}
