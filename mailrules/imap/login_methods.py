"""Which ways to log in are there, which does a server allow, and which is the best of them?"""

from __future__ import annotations

from enum import StrEnum


class LoginMethod(StrEnum):
    """The LOGIN command or a mechanism of AUTHENTICATE, as ``mechanism`` in the settings names it.

    The SCRAM ones stand for their -PLUS too, which is used where the server offers it and TLS gives what it needs.
    """

    LOGIN = "login"
    PLAIN = "plain"
    SASL_LOGIN = "sasl-login"
    CRAM_MD5 = "cram-md5"
    SCRAM_SHA_1 = "scram-sha-1"
    SCRAM_SHA_256 = "scram-sha-256"
    EXTERNAL = "external"
    XOAUTH2 = "xoauth2"
    OAUTHBEARER = "oauthbearer"

    @property
    def mechanism(self) -> str:
        """The registered name of the mechanism; "" for the command."""
        if self is LoginMethod.LOGIN:
            return ""
        return "LOGIN" if self is LoginMethod.SASL_LOGIN else self.value.upper()

    @property
    def proves_server(self) -> bool:
        """Whether the server has to show that it knows the password, too."""
        return self in {LoginMethod.SCRAM_SHA_1, LoginMethod.SCRAM_SHA_256}


_BY_PASSWORD = (LoginMethod.SCRAM_SHA_256, LoginMethod.SCRAM_SHA_1, LoginMethod.PLAIN, LoginMethod.LOGIN)


def choose_login_method(capabilities: frozenset[str], *, wanted: str = "") -> LoginMethod | None:
    """The way to log in: what the settings want if the server offers it, else the best on offer for a password.

    SCRAM comes first, which does not tell the password; then AUTHENTICATE PLAIN, which carries any UTF-8, then LOGIN.
    CRAM-MD5, EXTERNAL and tokens are never guessed: only the settings know. None means that
    the server allows no such login here, for example because of LOGINDISABLED (RFC 9051 section 7.2.2).
    """
    preferred = (LoginMethod(wanted),) if wanted else _BY_PASSWORD
    return next((method for method in preferred if is_allowed(method, capabilities)), None)


def is_allowed(method: LoginMethod, capabilities: frozenset[str]) -> bool:
    """Whether the server offers this way here and now."""
    if method is LoginMethod.LOGIN:
        return "LOGINDISABLED" not in capabilities
    offered = f"AUTH={method.mechanism}"
    return offered in capabilities or (method.proves_server and f"{offered}-PLUS" in capabilities)
