"""Does an author's name or domain pretend to be somebody else's?"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.mailbox.address import Address

_SHOWN_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}")
_GENERIC_ENDINGS = frozenset(
    {"app", "bank", "biz", "com", "dev", "edu", "email", "example", "gov", "info", "int", "mil", "net", "org", "shop"}
)
_SHORT_SECOND_LEVEL = 3
_LONGEST_NAME = 1_000

# Whole words of these scripts are ordinary; mixed with another script in one word they are not.
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "HEBREW", "ARABIC", "CHEROKEE", "THAI", "DEVANAGARI")
_LOOKS_LATIN = frozenset("аеорсхуіјѕһԁԛԝӏьгтпвкмнзбαονρτυικηχ")
"""Cyrillic and Greek letters whose small forms pass for Latin ones or digits."""


def pretence(author: Address) -> str:
    """What is pretended, in words for a person; "" for an author who seems to be what they say."""
    for label in author.domain.split("."):
        scripts = sorted({script for character in label if (script := _script(character))})
        if len(scripts) > 1:
            return f"the domain {author.domain} mixes {' and '.join(one.capitalize() for one in scripts)} letters"
        letters = [character for character in label if character.isalpha()]
        if len(letters) > 1 and all(character in _LOOKS_LATIN for character in letters):
            return f"the domain {author.domain} is spelled in letters that look like Latin ones"
    for shown in _SHOWN_DOMAIN.findall(author.name[:_LONGEST_NAME].lower()):
        if _is_domain(shown) and author.domain and _organisation(shown) != _organisation(author.domain):
            return f"the name shows {shown}, the address is at {author.domain}"
    return ""


def is_at(author: Address, domains: frozenset[str]) -> bool:
    """Whether the author's domain is one of these or below one of them."""
    labels = author.domain.split(".")
    return any(".".join(labels[start:]) in domains for start in range(len(labels)))


def _script(character: str) -> str:
    name = unicodedata.name(character, "")
    return next((script for script in _SCRIPTS if name.startswith(script)), "")


def _is_domain(text: str) -> bool:
    """Keeps ``Dr.Smith`` and ``J.R. Hartley`` apart from ``bank.example`` and ``bank.de``."""
    *_, second, last = text.split(".")
    return last in _GENERIC_ENDINGS or (len(last) == 2 and len(second) > _SHORT_SECOND_LEVEL)


def _organisation(domain: str) -> str:
    """The part of a domain that one organisation owns, by rule of thumb: ``bank.example``, ``bank.co.uk``."""
    labels = domain.split(".")
    count = 3 if len(labels) > 2 and len(labels[-2]) <= _SHORT_SECOND_LEVEL and len(labels[-1]) == 2 else 2
    return ".".join(labels[-count:])
