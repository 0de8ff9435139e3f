"""What can a server search for in the stead of a text, where an account trusts its searches for text?

Nothing of it is certain: servers miss what stands in broken encodings, over a line's end, or in words that their index
cuts otherwise. So these bounds are for accounts with ``search: trusted`` alone, and only from above: what a server
finds is judged here, and what it misses is left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.imap.search_keys import Contains, HeaderContains, TextField
from mailrules.rules.bounds import EVERYTHING, both, either
from mailrules.rules.text_match import TextOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailrules.imap.search_keys import SearchKey
    from mailrules.rules.text_match import TextMatch

SHORTEST: Final = 3
"""So many plain characters in a row are needed: shorter texts are in most mail, and some servers refuse them."""

_PLAIN = re.compile(rf"[!#-'*+,\-./0-9:;=?@A-Z\[\]^_`a-z{{|}}~]{{{SHORTEST},}}")
"""Printable ASCII without white space, quotes, backslash, and the signs that stand around addresses and comments."""
_LITERAL = frozenset(
    {TextOperator.EQUALS, TextOperator.CONTAINS, TextOperator.STARTS_WITH, TextOperator.ENDS_WITH},
)
_FIELDS: Final = {
    "from": TextField.FROM,
    "to": TextField.TO,
    "cc": TextField.CC,
    "bcc": TextField.BCC,
    "subject": TextField.SUBJECT,
}


def in_field(name: str) -> Callable[[str], SearchKey]:
    """The search for a text in a header field, by its lower-case name."""
    field = _FIELDS.get(name)
    return (lambda text: HeaderContains(name, text)) if field is None else (lambda text: Contains(field, text))


def in_body(text: str) -> SearchKey:
    """The search for a text in the message's body."""
    return Contains(TextField.BODY, text)


def anywhere(text: str) -> SearchKey:
    """The search for a text in header and body."""
    return Contains(TextField.TEXT, text)


def matches_over(matches: Iterable[TextMatch], search: Callable[[str], SearchKey]) -> SearchKey:
    """What finds the texts that all of these operators hold for, as far as it can be searched for."""
    return both(values_over(match.values, search) for match in matches if match.operator in _LITERAL)


def values_over(values: Iterable[str], search: Callable[[str], SearchKey]) -> SearchKey:
    """What finds the texts that hold one of these; ``EVERYTHING`` where one of them has no plain part to look for."""
    keys = []
    for value in values:
        part = max(_PLAIN.findall(value), key=len, default="")
        if not part:
            return EVERYTHING
        keys.append(search(part))
    return either(keys)
