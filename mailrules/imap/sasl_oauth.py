"""How does a client log in with a token: OAUTHBEARER (RFC 7628), and XOAUTH2 that was there before it?"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final

from mailrules.imap.sasl import Mechanism
from mailrules.imap.shown import shown_words

if TYPE_CHECKING:
    from mailrules.secret import Secret

_MEANINGS: Final = {
    "400": "the token is malformed or has expired",
    "401": "the token is not accepted or has expired",
    "invalid_token": "the token is not accepted or has expired",
    "invalid_request": "the token is malformed or has expired",
    "insufficient_scope": "the token may not be used for IMAP",
}


class XOAuth2(Mechanism):
    """XOAUTH2, as Google and Microsoft document it; ``complaint`` is the server's last word."""

    name = "XOAUTH2"

    def __init__(self, user: str, token: Secret) -> None:
        self._user, self._token = user, token

    def initial_response(self) -> bytes:
        return f"user={self._user}\x01auth=Bearer {self._token.reveal()}\x01\x01".encode()

    def answer(self, challenge: bytes) -> bytes:
        """A challenge is a refusal told in JSON; the empty answer asks for the tagged NO."""
        self.complaint = explain_refusal(challenge)
        return b""


class OAuthBearer(Mechanism):
    """OAUTHBEARER (RFC 7628); ``host`` and ``port`` are those that the client connected to."""

    name = "OAUTHBEARER"

    def __init__(self, user: str, token: Secret, *, host: str = "", port: int = 0) -> None:
        self._user, self._token, self._host, self._port = user, token, host, port

    def initial_response(self) -> bytes:
        # A comma and "=" in a name would end it (RFC 5801 section 4, saslname).
        user = self._user.replace("=", "=3D").replace(",", "=2C")
        place = (f"host={self._host}\x01" if self._host else "") + (f"port={self._port}\x01" if self._port else "")
        return f"n,a={user},\x01{place}auth=Bearer {self._token.reveal()}\x01\x01".encode()

    def answer(self, challenge: bytes) -> bytes:
        """A challenge is a refusal told in JSON; "the client MUST then send ... a single %x01" (section 3.2.3)."""
        self.complaint = explain_refusal(challenge)
        return b"\x01"


def explain_refusal(challenge: bytes) -> str:
    """The refusal ``{"status": "invalid_token", "scope": ...}`` in words, "" if it says nothing.

    Some servers send the JSON in base64 once more.
    """
    try:
        told = json.loads(_undo_second_base64(challenge[:4096]))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    status, scope = str(told.get("status", "")), str(told.get("scope", ""))
    said = _MEANINGS.get(status, f"status {status}" if status else "")
    return shown_words(said + (f"; it needs the scope {scope}" if said and scope else ""))


def _undo_second_base64(challenge: bytes) -> bytes:
    if challenge.lstrip()[:1] == b"{":
        return challenge
    try:
        return base64.b64decode(challenge, validate=True)
    except binascii.Error:
        return challenge
