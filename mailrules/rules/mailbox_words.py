"""What rights, identifiers, metadata entries and quotas look like in rule files, for actions and for policies."""

from __future__ import annotations

import re

RESOURCES = {"storage": "STORAGE", "messages": "MESSAGE"}
MAX_VALUE_CHARACTERS = 1_000
# RFC 5464 section 3.1: no wildcards, no double or final slash.
ENTRY = re.compile(r"/(?:private|shared)(?:/[A-Za-z0-9._:+-]{1,60}){1,8}")
# RFC 4314 section 2.1, n of RFC 5257, and the obsolete c and d; servers may define digits.
RIGHTS = "lrswipkxteancd0123456789"
IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


def plain_rights(rights: str) -> str:
    """Rights in one order and without the virtual ones (RFC 4314 section 2.1.1), for comparing."""
    return "".join(sorted(set(rights) - set("cd")))
