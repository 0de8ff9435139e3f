"""Which characters of a text could steer a terminal, or show a person something else than there is?"""

from __future__ import annotations

import unicodedata

_CATEGORIES = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def unclean(text: str) -> list[str]:
    """Each such character once, with what stands around it; a line end is none."""
    found: dict[str, str] = {}
    for place, character in enumerate(text):
        if character != "\n" and unicodedata.category(character) in _CATEGORIES:
            found.setdefault(character, f"U+{ord(character):04X} in {text[max(0, place - 20) : place + 20]!a}")
    return list(found.values())
