"""By what a message of ours is known again: constant Message-IDs, and a loop mark that only we can make."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

LOOP_FIELD = "X-Mailrules-Loop"


def derived_id(*parts: str) -> str:
    """The same 32 hexadecimal digits for the same parts: content key, rule, action, recipient."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def message_id(identity: str, *, sender: str) -> str:
    """The Message-ID of what we send: constant, so that a receiver that got it twice can tell."""
    return f"<{identity}@{sender.rpartition('@')[2]}>"


def loop_mark(identity: str, *, key: bytes) -> str:
    """The value of LOOP_FIELD in mail of ours; nobody else can make one for another identity."""
    return f"{identity}.{_seal(identity, key=key)}"


def carries_our_mark(values: Iterable[str], *, key: bytes) -> bool:
    """Whether one of the values of LOOP_FIELD is a mark of ours, so that the mail has come round."""
    for value in values:
        identity, _, seal = value.strip().partition(".")
        if hmac.compare_digest(seal.encode("utf-8", "replace"), _seal(identity, key=key).encode()):
            return True
    return False


def boundary(identity: str, *, key: bytes) -> str:
    """A MIME boundary that a stranger could not have put into the message that it encloses."""
    return f"=_{_seal('boundary ' + identity, key=key)}"


def _seal(identity: str, *, key: bytes) -> str:
    return hmac.new(key, identity.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:40]
