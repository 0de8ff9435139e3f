"""What of a server's certificate ties a login to the TLS connection (``tls-server-end-point``, RFC 5929 section 4)?"""

from __future__ import annotations

import hashlib
from typing import Final

# By the content of the OBJECT IDENTIFIER. "If the certificate's signatureAlgorithm uses a single hash function, and
# that hash function is either MD5 or SHA-1, then use SHA-256".
_RSA: Final = bytes.fromhex("2a864886f70d0101")
_ECDSA: Final = bytes.fromhex("2a8648ce3d04")
_HASHES: Final = {
    _RSA + b"\x04": "sha256",
    _RSA + b"\x05": "sha256",
    _RSA + b"\x0b": "sha256",
    _RSA + b"\x0c": "sha384",
    _RSA + b"\x0d": "sha512",
    _RSA + b"\x0e": "sha224",
    _ECDSA + b"\x01": "sha256",
    _ECDSA + b"\x03\x01": "sha224",
    _ECDSA + b"\x03\x02": "sha256",
    _ECDSA + b"\x03\x03": "sha384",
    _ECDSA + b"\x03\x04": "sha512",
}
_SEQUENCE, _OBJECT_IDENTIFIER = 0x30, 0x06


def tls_server_end_point(certificate: bytes) -> bytes | None:
    """The hash of a certificate in DER by the hash function of its own signature.

    None where the RFC defines none: signatures without one hash function, such as Ed25519, and PSS.
    """
    try:
        name = _HASHES.get(_signature_algorithm(certificate))
    except (IndexError, ValueError):
        return None
    return hashlib.new(name, certificate).digest() if name else None


def _signature_algorithm(certificate: bytes) -> bytes:
    """Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, ... }, ... }."""
    inside, _ = _content(certificate, 0, tag=_SEQUENCE)
    _, after_tbs = _content(certificate, inside, tag=_SEQUENCE)
    algorithm, _ = _content(certificate, after_tbs, tag=_SEQUENCE)
    start, end = _content(certificate, algorithm, tag=_OBJECT_IDENTIFIER)
    return certificate[start:end]


def _content(data: bytes, position: int, *, tag: int) -> tuple[int, int]:
    """Where the content of the element at ``position`` begins and ends (DER)."""
    if data[position] != tag:
        raise ValueError(f"tag {data[position]} where {tag} should be")
    length, start = data[position + 1], position + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size])
        start += size
    if start + length > len(data):
        raise ValueError("an element that does not end")
    return start, start + length
