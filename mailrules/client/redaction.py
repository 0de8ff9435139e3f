"""In which spellings could a credential appear in what a server says, and how does text look without it?"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from mailrules.client.proxy import basic_credentials
from mailrules.imap.sasl import Plain
from mailrules.imap.sasl_oauth import XOAuth2

if TYPE_CHECKING:
    from mailrules.secret import Secret

HIDDEN = "***"


def spellings_of(secret: Secret, *, user: str) -> tuple[str, ...]:
    """The secret as it is, quoted for LOGIN, and in base64 as AUTHENTICATE and HTTP proxies have it; longest first."""
    clear = secret.reveal()
    turns = (clear.encode(), Plain(user, secret).initial_response(), XOAuth2(user, secret).initial_response())
    quoted = clear.replace("\\", "\\\\").replace('"', '\\"')
    encoded = (base64.b64encode(turn).decode() for turn in turns)
    spellings = {clear, quoted, *encoded, basic_credentials(user, secret)}
    return tuple(sorted(spellings, key=len, reverse=True))


def without(spellings: tuple[str, ...], text: str) -> str:
    """``text`` with ``***`` for each spelling."""
    for spelling in spellings:
        text = text.replace(spelling, HIDDEN)
    return text
