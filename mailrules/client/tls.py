"""How are bytes protected by TLS, whatever carries them, and what does a failed handshake mean?"""

from __future__ import annotations

import ssl
from pathlib import Path

from mailrules.errors import ConnectionFailed, ConnectionLost

_RECORD_BYTES = 16 << 10


class TLSLayer:
    """TLS over bytes that somebody else moves: ``ssl.MemoryBIO`` on both sides, no socket.

    One layer serves implicit TLS and STARTTLS alike. Plain bytes that were injected before the
    handshake cannot be taken for the server's words: they reach the TLS parser and fail there.
    """

    def __init__(self, context: ssl.SSLContext, *, server_name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)

    def shake_hands(self) -> bool:
        """Go on with the handshake; True when it is done. Raises ssl.SSLError when it fails."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    @property
    def server_certificate(self) -> bytes | None:
        """What the server showed, in DER; None before the handshake."""
        return self._tls.getpeercert(binary_form=True)

    def to_send(self) -> bytes:
        """Encrypted bytes that must go out: handshake, alerts, key updates and data."""
        return self._outgoing.read()

    def encode(self, data: bytes) -> bytes:
        """Encrypt ``data``; the result holds whatever else was due."""
        self._tls.write(data)
        return self._outgoing.read()

    def feed(self, data: bytes) -> None:
        """Take encrypted bytes from the network."""
        self._incoming.write(data)

    def decode(self, *, max_bytes: int) -> bytes:
        """The next plain bytes, at most ``max_bytes``; b"" when more input is needed or TLS has ended."""
        chunks: list[bytes] = []
        left = max_bytes
        try:
            while left > 0 and (chunk := self._tls.read(min(left, _RECORD_BYTES))):
                chunks.append(chunk)
                left -= len(chunk)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        except ssl.SSLError as error:
            if not chunks:
                raise ConnectionLost(f"TLS broke off: {reason_of(error)}") from error
        return b"".join(chunks)


def client_context(*, ca_file: str = "") -> ssl.SSLContext:
    """Verification of name and chain, TLS 1.2 or newer; ``ca_file`` is trusted besides the system's."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file:
        path = Path(ca_file).expanduser()
        try:
            context.load_verify_locations(cafile=path)
        except ssl.SSLError as error:
            raise ConnectionFailed(f"ca_file {path} holds no certificates in PEM form ({reason_of(error)})") from error
        except OSError as error:
            raise ConnectionFailed(f"ca_file {path} cannot be read ({error.strerror})") from error
    return context


def explain_handshake(error: ssl.SSLError, *, server_name: str) -> str:
    """Why the handshake failed and what to do, for people."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = error.verify_message or reason_of(error)
        return (
            f"the certificate is not verified for {server_name}: {reason}; use a name that the certificate "
            "carries, or set ca_file to the PEM file of the authority that signed it"
        )
    if error.reason in {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}:
        return (
            "the server answers without TLS; this looks like a plain port: set security: starttls "
            "(usual port 143), or use the TLS port (usual 993)"
        )
    return reason_of(error)


def reason_of(error: ssl.SSLError) -> str:
    """OpenSSL's reason in words, without its source file and line."""
    return (error.reason or str(error)).replace("_", " ").lower()
