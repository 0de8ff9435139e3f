"""How do client and server prove to each other that they know a password without telling it (SCRAM, RFC 5802)?"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from enum import Enum
from typing import TYPE_CHECKING, Final

from mailrules.errors import RemoteProtocolError
from mailrules.imap.sasl import Mechanism
from mailrules.imap.saslprep import saslprep
from mailrules.imap.shown import shown
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.secret import Secret

FEWEST_ITERATIONS: Final = 4096
"""RFC 5802 section 5.1 and RFC 7677 section 4 ask at least this of servers; a thief's work is that much harder."""
MOST_ITERATIONS: Final = 1_000_000
"""More would keep the client busy for seconds on a stranger's word."""


class ScramHash(Enum):
    """The hash function, by the word in the mechanism's name."""

    SHA_1 = "sha1"
    SHA_256 = "sha256"

    @property
    def mechanism(self) -> str:
        return "SCRAM-SHA-1" if self is ScramHash.SHA_1 else "SCRAM-SHA-256"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelBinding:
    """What ties the exchange to this very TLS connection: ``tls-server-end-point`` (RFC 5929) and its data.

    ``is_used`` names the mechanism with -PLUS. Where it is False the server did not offer that, and is told that
    the client could have: a server that did offer it then knows that somebody in between took the offer out.
    """

    data: bytes
    is_used: bool = True


class Scram(Mechanism):
    """SCRAM-SHA-1 (RFC 5802), SCRAM-SHA-256 (RFC 7677) and their -PLUS; believes only a server that knows the password.

    ``nonce`` has to be new for each exchange, of printable ASCII without a comma. Raises LocalProtocolError for a
    name or password that SASLprep does not allow.
    """

    def __init__(
        self, user: str, password: Secret, *, nonce: str, hashed: ScramHash, binding: ChannelBinding | None = None
    ) -> None:
        name = saslprep(user, what="user name").replace("=", "=3D").replace(",", "=2C")
        self._password = saslprep(password.reveal(), what="password").encode()
        self._hash, self._nonce = hashed, nonce
        self._is_plus = binding is not None and binding.is_used
        self._header, self._binding = _gs2_header(binding)
        self._bare = f"n={name},r={nonce}"
        self._signature = b""  # what the server has to say in the end; b"" before it is known
        self._is_proved = False

    @property
    def name(self) -> str:
        return self._hash.mechanism + ("-PLUS" if self._is_plus else "")

    def initial_response(self) -> bytes:
        return (self._header + self._bare).encode()

    def answer(self, challenge: bytes) -> bytes | None:
        try:
            if not self._signature:
                return self._prove(challenge.decode())
            self._check_server(challenge.decode())
        except (RemoteProtocolError, UnicodeDecodeError) as error:
            self.complaint = str(error)
            return None
        return b""

    def doubt(self) -> str:
        if self._is_proved:
            return ""
        return f"the server has not proved that it knows the password ({self.name}, RFC 5802 section 3)"

    def _prove(self, server_first: str) -> bytes:
        fields = _fields(server_first)
        salt, iterations = self._salt_and_iterations(fields)
        nonce = fields.get("r", "")
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise _refused("the server's nonce does not go on from ours", nonce)
        bound = base64.b64encode(self._header.encode() + self._binding).decode()
        without_proof = f"c={bound},r={nonce}"
        signed = f"{self._bare},{server_first},{without_proof}".encode()

        salted = hashlib.pbkdf2_hmac(self._hash.value, self._password, salt, iterations)
        client_key = self._hmac(salted, b"Client Key")
        signature = self._hmac(hashlib.new(self._hash.value, client_key).digest(), signed)
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        self._signature = self._hmac(self._hmac(salted, b"Server Key"), signed)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def _check_server(self, server_final: str) -> None:
        fields = _fields(server_final)
        if "e" in fields:
            raise _refused("the server refuses", fields["e"])
        if not hmac.compare_digest(_from_base64(fields.get("v", "")), self._signature):
            raise _refused("the server does not know the password: it may be somebody else's", "", section="section 3")
        self._is_proved = True

    def _salt_and_iterations(self, fields: dict[str, str]) -> tuple[bytes, int]:
        if "m" in fields:
            raise _refused("the server demands an extension of SCRAM (m=)", fields["m"])
        salt, told = _from_base64(fields.get("s", "")), fields.get("i", "")
        if not salt or not told.isascii() or not told.isdigit() or len(told) > 10:
            raise _refused("the server's first message lacks a salt or an iteration count", f"i={told}")
        if not FEWEST_ITERATIONS <= int(told) <= MOST_ITERATIONS:
            allowed = f"{FEWEST_ITERATIONS} to {MOST_ITERATIONS}"
            raise _refused(f"the server asks for {int(told)} iterations; {allowed} are accepted", f"i={told}")
        return salt, int(told)

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.new(key, message, self._hash.value).digest()


def _gs2_header(binding: ChannelBinding | None) -> tuple[str, bytes]:
    """How the exchange begins (RFC 5802 section 7, ``gs2-header``), and the data that it is bound to."""
    if binding is None:
        return "n,,", b""
    return ("p=tls-server-end-point,,", binding.data) if binding.is_used else ("y,,", b"")


def _fields(message: str) -> dict[str, str]:
    """``r=...,s=...`` by letter; of a letter that comes twice the first holds."""
    fields: dict[str, str] = {}
    for field in message.split(","):
        letter, _, value = field.partition("=")
        fields.setdefault(letter, value)
    return fields


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _refused("the server's message is not SCRAM: bad base64 in it", text) from None


def _refused(what: str, sent: str, *, section: str = "section 5.1") -> RemoteProtocolError:
    """Nothing that the server sends here is a secret: a salt and nonces without the password open nothing."""
    return RemoteProtocolError(what, sent=shown(sent), rfc=f"RFC 5802 {section}")
