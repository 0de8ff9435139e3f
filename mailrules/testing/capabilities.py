"""Which capabilities can the test kit's servers offer, and so also take away?"""

from __future__ import annotations

EVERY_CAPABILITY = frozenset(
    {
        "IMAP4REV1",  # RFC 3501
        "ACL",  # RFC 4314
        "CHILDREN",  # RFC 3348
        "CONDSTORE",  # RFC 7162
        "ENABLE",  # RFC 5161
        "ESEARCH",  # RFC 4731
        "ID",  # RFC 2971
        "IDLE",  # RFC 2177
        "LIST-EXTENDED",  # RFC 5258
        "LIST-STATUS",  # RFC 5819
        "LITERAL+",  # RFC 7888
        "MOVE",  # RFC 6851
        "NAMESPACE",  # RFC 2342
        "OBJECTID",  # RFC 8474
        "SASL-IR",  # RFC 4959
        "SPECIAL-USE",  # RFC 6154
        "UIDPLUS",  # RFC 4315
        "UNSELECT",  # RFC 3691
    }
)
"""All that the in-memory server and the memory store know, in upper case."""


def without(*names: str) -> frozenset[str]:
    """All capabilities but these: ``without("MOVE", "UIDPLUS")``. Raises ValueError for an unknown one."""
    taken_away = frozenset(name.upper() for name in names)
    if unknown := taken_away - EVERY_CAPABILITY:
        raise ValueError(f"no such capability to take away: {', '.join(sorted(unknown))}")
    return EVERY_CAPABILITY - taken_away
