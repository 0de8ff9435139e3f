"""How do the SASL mechanisms PLAIN and XOAUTH2 answer, and which way to log in does a server allow?"""

from __future__ import annotations

import base64
import binascii
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mailrules.secret import Secret


class LoginMethod(StrEnum):
    """The LOGIN command or a mechanism of AUTHENTICATE, as ``mechanism`` in the settings names it."""

    LOGIN = "login"
    PLAIN = "plain"
    XOAUTH2 = "xoauth2"


class Mechanism(Protocol):
    """One authentication exchange; bytes are not yet in base64."""

    @property
    def name(self) -> str:
        """The mechanism's registered name."""
        ...

    def initial_response(self) -> bytes:
        """What the client says first."""
        ...

    def answer(self, challenge: bytes) -> bytes:
        """What the client says to a challenge after its initial response."""
        ...


class Plain:
    """PLAIN (RFC 4616), acting as oneself."""

    name = "PLAIN"

    def __init__(self, user: str, password: Secret) -> None:
        self._user, self._password = user, password

    def initial_response(self) -> bytes:
        return f"\0{self._user}\0{self._password.reveal()}".encode()

    def answer(self, challenge: bytes) -> bytes:
        """PLAIN has one turn only: an empty line lets the server refuse."""
        del challenge
        return b""


class XOAuth2:
    """XOAUTH2, as Google and Microsoft document it; ``complaint`` is the server's last word."""

    name = "XOAUTH2"

    def __init__(self, user: str, token: Secret) -> None:
        self._user, self._token = user, token
        self.complaint = ""

    def initial_response(self) -> bytes:
        return f"user={self._user}\x01auth=Bearer {self._token.reveal()}\x01\x01".encode()

    def answer(self, challenge: bytes) -> bytes:
        """A challenge is a refusal told in JSON; the empty answer asks for the tagged NO."""
        self.complaint = explain_xoauth2_refusal(challenge)
        return b""


def explain_xoauth2_refusal(challenge: bytes) -> str:
    """The refusal ``{"status": "401", "schemes": "bearer", "scope": ...}`` in words, "" if it says nothing.

    Some servers send the JSON in base64 once more.
    """
    try:
        told = json.loads(_undo_second_base64(challenge[:4096]))
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    status, scope = str(told.get("status", "")), str(told.get("scope", ""))
    words = {"400": "the token is malformed or has expired", "401": "the token is not accepted or has expired"}
    said = words.get(status, f"status {status}" if status else "")
    return said + (f"; it needs the scope {scope}" if said and scope else "")


def choose_login_method(capabilities: frozenset[str], *, wanted: str = "") -> LoginMethod | None:
    """The way to log in: what the settings want if the server offers it, else the best on offer.

    A bare password goes by AUTHENTICATE PLAIN, which carries any UTF-8, else by LOGIN. XOAUTH2 is
    never guessed, since only the settings know that the secret is a token. None means that
    the server allows no such login here, for example because of LOGINDISABLED (RFC 9051 section 7.2.2).
    """
    preferred = (LoginMethod(wanted),) if wanted else (LoginMethod.PLAIN, LoginMethod.LOGIN)
    for method in preferred:
        if method is LoginMethod.LOGIN:
            if "LOGINDISABLED" not in capabilities:
                return method
        elif f"AUTH={method.name}" in capabilities:
            return method
    return None


def _undo_second_base64(challenge: bytes) -> bytes:
    if challenge.lstrip()[:1] == b"{":
        return challenge
    try:
        return base64.b64decode(challenge, validate=True)
    except binascii.Error:
        return challenge
