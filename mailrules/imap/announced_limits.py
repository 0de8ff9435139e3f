"""Which limits does a server announce among its capabilities?"""

from __future__ import annotations

import re

_NUMBER = re.compile(r"[0-9]{1,19}")


def append_limit(offered: frozenset[str]) -> int | None:
    """The largest message that APPEND takes, in bytes (APPENDLIMIT=n, RFC 7889); 0 takes none.

    None where the server tells no limit for all mailboxes; with a bare APPENDLIMIT, STATUS tells that of each.
    """
    return _number("APPENDLIMIT", offered)


def message_limit(offered: frozenset[str]) -> int | None:
    """How many messages one FETCH, SEARCH, STORE, COPY, MOVE, APPEND or UID EXPUNGE may touch (RFC 9738)."""
    return _number("MESSAGELIMIT", offered)


def save_limit(offered: frozenset[str]) -> int | None:
    """How many messages one COPY, MOVE or APPEND may make (SAVELIMIT=n, RFC 9738); MESSAGELIMIT is meant too."""
    announced = (_number("SAVELIMIT", offered), message_limit(offered))
    return min((limit for limit in announced if limit is not None), default=None)


def _number(name: str, offered: frozenset[str]) -> int | None:
    start = f"{name}="
    told = (capability.removeprefix(start) for capability in offered if capability.startswith(start))
    return min((int(number) for number in told if _NUMBER.fullmatch(number)), default=None)
