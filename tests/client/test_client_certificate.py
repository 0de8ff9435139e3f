"""The certificate that we show by TLS: its key is ours alone, and nothing is asked at the terminal."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from mailrules.client.blocking_connect import connect_blocking
from mailrules.client.connect import connect
from mailrules.client.tls import client_context
from mailrules.errors import ConnectionFailed, SecretError
from tests.client.scripted import settings
from tests.servers.dovecot import write_certificate

if TYPE_CHECKING:
    from mailrules.settings import AccountSettings, ClientCertificate


@pytest.fixture
def certificate(tmp_path: Path) -> ClientCertificate:
    return write_certificate(trustme.CA().issue_cert("ann@example.org"), tmp_path, name="ann")


def account(certificate: ClientCertificate) -> AccountSettings:
    return settings(1, client_certificate=certificate)  # nothing listens there, and nothing is to be tried


def test_a_certificate_and_its_key_are_loaded(certificate: ClientCertificate) -> None:
    context = client_context(certificate=certificate)

    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_is_open_to_others_is_refused(certificate: ClientCertificate, mode: int) -> None:
    Path(certificate.key_file).chmod(mode)

    with pytest.raises(SecretError, match="open to others"):
        asyncio.run(connect(account(certificate)))


def test_the_blocking_client_refuses_it_too(certificate: ClientCertificate) -> None:
    Path(certificate.key_file).chmod(0o644)

    with pytest.raises(SecretError, match="open to others"):
        connect_blocking(account(certificate))


def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(certificate: ClientCertificate) -> None:
    key = Path(certificate.key_file)
    private = load_pem_private_key(key.read_bytes(), None)
    locked = BestAvailableEncryption(b"open sesame")
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked))

    with pytest.raises(ConnectionFailed, match="has a passphrase"):
        client_context(certificate=certificate)


def test_files_that_do_not_belong_together_are_told(certificate: ClientCertificate, tmp_path: Path) -> None:
    other = write_certificate(trustme.CA().issue_cert("bob@example.org"), tmp_path, name="bob")

    with pytest.raises(ConnectionFailed, match="no certificate and its key"):
        client_context(certificate=replace(certificate, key_file=other.key_file))
    with pytest.raises(ConnectionFailed, match="cannot be read"):
        client_context(certificate=replace(certificate, certificate_file=str(tmp_path / "nowhere.pem")))
