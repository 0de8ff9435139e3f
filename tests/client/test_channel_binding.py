"""The data of tls-server-end-point, held against certificates made by others."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from mailrules.client.channel_binding import tls_server_end_point

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ELLIPTIC = ec.generate_private_key(ec.SECP256R1())
EDWARDS = ed25519.Ed25519PrivateKey.generate()


def certificate(key, algorithm) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1000)
    builder = builder.not_valid_before(datetime(2025, 1, 1, tzinfo=UTC)).not_valid_after(
        datetime(2035, 1, 1, tzinfo=UTC)
    )
    return builder.sign(key, algorithm).public_bytes(Encoding.DER)


@pytest.mark.parametrize("key", [RSA, ELLIPTIC])
@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        (hashes.SHA224(), "sha224"),
        (hashes.SHA256(), "sha256"),
        (hashes.SHA384(), "sha384"),
        (hashes.SHA512(), "sha512"),
    ],
)
def test_the_hash_is_that_of_the_signature(key, algorithm, name) -> None:
    der = certificate(key, algorithm)

    assert tls_server_end_point(der) == hashlib.new(name, der).digest()


def test_a_signature_without_a_hash_function_binds_nothing() -> None:
    assert tls_server_end_point(certificate(EDWARDS, None)) is None


@given(st.binary(max_size=100))
def test_what_is_no_certificate_binds_nothing(data: bytes) -> None:
    assert tls_server_end_point(data) is None


def test_every_cut_of_a_certificate_binds_nothing() -> None:
    der = certificate(ELLIPTIC, hashes.SHA256())

    assert all(tls_server_end_point(der[:length]) is None for length in range(len(der)))


def test_the_certificates_of_our_tests_can_be_bound() -> None:
    pem = trustme.CA().issue_cert("localhost").cert_chain_pems[0].bytes()

    assert tls_server_end_point(x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))
