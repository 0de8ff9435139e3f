"""How do the SASL mechanisms answer that have no module of their own: PLAIN, LOGIN, EXTERNAL and CRAM-MD5?

Everything is without I/O: what has to be random or comes from TLS is handed in. Bytes are not yet in base64.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mailrules.secret import Secret


class Mechanism(Protocol):
    """One authentication exchange; a value lives for one exchange and remembers it."""

    complaint: str = ""
    """Why the exchange failed, as far as the mechanism has learned; ""  where it has not."""

    @property
    def name(self) -> str:
        """The mechanism's registered name."""
        ...

    def initial_response(self) -> bytes | None:
        """What the client says first; None where the server begins."""
        ...

    def answer(self, challenge: bytes) -> bytes | None:
        """What the client says to a challenge. None cancels the exchange, and ``complaint`` says why."""
        ...

    def doubt(self) -> str:
        """Why an OK that comes now must not be believed; "" where it may be."""
        return ""


class Plain(Mechanism):
    """PLAIN (RFC 4616); ``acting_as`` is whose mail it is, "" for the user's own."""

    name = "PLAIN"

    def __init__(self, user: str, password: Secret, *, acting_as: str = "") -> None:
        self._user, self._password, self._acting_as = user, password, acting_as

    def initial_response(self) -> bytes:
        return f"{self._acting_as}\0{self._user}\0{self._password.reveal()}".encode()

    def answer(self, challenge: bytes) -> bytes:
        """PLAIN has one turn only: an empty line lets the server refuse."""
        del challenge
        return b""


class SaslLogin(Mechanism):
    """LOGIN, never a standard (draft-murchison-sasl-login): the server asks for the name, then for the password."""

    name = "LOGIN"

    def __init__(self, user: str, password: Secret) -> None:
        self._turns = iter((user.encode(), password.reveal().encode()))

    def initial_response(self) -> None:
        return None

    def answer(self, challenge: bytes) -> bytes | None:
        """The questions differ from server to server; only their order is the same."""
        del challenge
        turn = next(self._turns, None)
        if turn is None:
            self.complaint = "the server asks for more than a name and a password"
        return turn


class External(Mechanism):
    """EXTERNAL (RFC 4422 appendix A): the client's TLS certificate says who it is.

    ``acting_as`` is whose mail it is, "" for whomever the certificate stands for.
    """

    name = "EXTERNAL"

    def __init__(self, acting_as: str = "") -> None:
        self._acting_as = acting_as

    def initial_response(self) -> bytes:
        return self._acting_as.encode()

    def answer(self, challenge: bytes) -> bytes:
        """Servers that do not know the initial response ask for it with an empty challenge."""
        del challenge
        return self._acting_as.encode()


class CramMd5(Mechanism):
    """CRAM-MD5 (RFC 2195): the password does not travel, but nothing proves who the server is."""

    name = "CRAM-MD5"

    def __init__(self, user: str, password: Secret) -> None:
        self._user, self._password = user, password

    def initial_response(self) -> None:
        return None

    def answer(self, challenge: bytes) -> bytes:
        digest = hmac.new(self._password.reveal().encode(), challenge, "md5").hexdigest()
        return f"{self._user} {digest}".encode()
