"""How are bytes protected by TLS, whatever carries them, and what does a failed handshake mean?"""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from mailrules.errors import ConnectionFailed, ConnectionLost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.settings import AccountSettings, ClientCertificate

_RECORD_BYTES = 16 << 10

_contexts: WeakValueDictionary[tuple[object, ...], ssl.SSLContext] = WeakValueDictionary()
"""A context holds every certificate that is trusted, most of a MiB: connections that live together share one."""


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


def tls_layer(account: AccountSettings) -> TLSLayer:
    """TLS that is verified for the account's host, not shaken hands yet. Raises ConnectionFailed."""
    return TLSLayer(_shared_context(account.ca_file, account.client_certificate), server_name=account.host)


@contextlib.contextmanager
def explained(account: AccountSettings, *, place: str) -> Iterator[None]:
    """Around a handshake: whatever ends it becomes a ConnectionFailed that says why; TimeoutError is its deadline."""
    try:
        yield
    except TimeoutError:
        raise ConnectionFailed(
            f"{place}: TLS: no handshake in {account.timeouts.tls_seconds:g} seconds; is this a TLS port (usual 993)? "
            "A plain port (usual 143) needs security: starttls"
        ) from None
    except EOFError:
        raise ConnectionFailed(f"{place}: TLS: the server hung up during the handshake") from None
    except ConnectionLost as error:
        raise ConnectionFailed(f"{place}: TLS: the handshake broke off ({error})") from error
    except ssl.SSLError as error:
        raise ConnectionFailed(f"{place}: TLS: {explain_handshake(error, server_name=account.host)}") from error


def client_context(*, ca_file: str = "", certificate: ClientCertificate | None = None) -> ssl.SSLContext:
    """Verification of name and chain, TLS 1.2 or newer; ``ca_file`` is trusted besides the system's.

    ``certificate`` is shown to a server that asks. Raises ConnectionFailed for files that hold no such thing.
    """
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
    if certificate is not None:
        _load(certificate, context)
    return context


def _load(certificate: ClientCertificate, context: ssl.SSLContext) -> None:
    file, key = (Path(name).expanduser() for name in (certificate.certificate_file, certificate.key_file))

    def no_passphrase() -> bytes:
        # Without this OpenSSL would ask at the terminal.
        raise ConnectionFailed(f"client_certificate: the key {key} has a passphrase; keep it without one, mode 0600")

    try:
        context.load_cert_chain(file, key, password=no_passphrase)
    except ssl.SSLError as error:
        raise ConnectionFailed(
            f"client_certificate: {file} and {key} are no certificate and its key in PEM form ({reason_of(error)})"
        ) from error
    except OSError as error:
        raise ConnectionFailed(f"client_certificate: {file} or {key} cannot be read ({error.strerror})") from error


def _shared_context(ca_file: str, certificate: ClientCertificate | None) -> ssl.SSLContext:
    """The context of those who trust and show the same, while one of them lives; a changed file makes a new one."""
    system = ssl.get_default_verify_paths()
    shown = () if certificate is None else (certificate.certificate_file, certificate.key_file)
    own = [str(Path(file).expanduser()) for file in (ca_file, *shown) if file]
    files = [*own, system.cafile, system.capath]
    key = (bool(ca_file), *((file, _version_of(file)) for file in files if file))
    context = _contexts.get(key)
    if context is None:
        context = _contexts[key] = client_context(ca_file=ca_file, certificate=certificate)
    return context


def _version_of(file: str) -> tuple[int, ...]:
    try:
        state = Path(file).stat()
    except OSError:
        return ()  # reading it will tell what is wrong, if anything is
    return state.st_ino, state.st_size, state.st_mtime_ns


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
    if (error.reason or "").startswith(("TLSV13_ALERT_CERTIFICATE", "SSLV3_ALERT_", "TLSV1_ALERT_UNKNOWN_CA")):
        return f"{reason_of(error)}; the server does not take our certificate, see client_certificate"
    return reason_of(error)


def reason_of(error: ssl.SSLError) -> str:
    """OpenSSL's reason in words, without its source file and line."""
    return (error.reason or str(error)).replace("_", " ").lower()
