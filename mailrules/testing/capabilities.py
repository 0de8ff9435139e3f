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
"""What the in-memory server and the memory store offer by themselves, in upper case."""

MORE_CAPABILITIES = frozenset(
    {
        "COMPRESS=DEFLATE",  # RFC 4978
        "CREATE-SPECIAL-USE",  # RFC 6154
        "METADATA",  # RFC 5464
        "MULTIAPPEND",  # RFC 3502
        "NOTIFY",  # RFC 5465
        "PARTIAL",  # RFC 9394
        "PREVIEW",  # RFC 8970
        "QRESYNC",  # RFC 7162
        "QUOTA",  # RFC 9208
        "QUOTA=RES-STORAGE",
        "REPLACE",  # RFC 8508
        "SAVEDATE",  # RFC 8514
        "SEARCHRES",  # RFC 5182
        "SORT",  # RFC 5256
        "STATUS=SIZE",  # RFC 8438
        "THREAD=ORDEREDSUBJECT",  # RFC 5256
        "THREAD=REFERENCES",  # RFC 5256
        "UIDONLY",  # RFC 9586
        "WITHIN",  # RFC 5032
    }
)
"""What the in-memory server knows besides, and offers where it is told to."""


def with_more(*names: str) -> frozenset[str]:
    """The usual capabilities and these; without names all there are. Raises ValueError for an unknown one."""
    added = frozenset(name.upper() for name in names) or MORE_CAPABILITIES
    if unknown := added - MORE_CAPABILITIES:
        raise ValueError(f"no such capability to add: {', '.join(sorted(unknown))}")
    return EVERY_CAPABILITY | added


def without(*names: str) -> frozenset[str]:
    """All capabilities but these: ``without("MOVE", "UIDPLUS")``. Raises ValueError for an unknown one."""
    taken_away = frozenset(name.upper() for name in names)
    if unknown := taken_away - EVERY_CAPABILITY:
        raise ValueError(f"no such capability to take away: {', '.join(sorted(unknown))}")
    return EVERY_CAPABILITY - taken_away
