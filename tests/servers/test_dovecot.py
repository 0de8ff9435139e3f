"""The Dovecot that tests start: what it announces, and what a filled mailbox holds."""

from __future__ import annotations

import imaplib
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailrules.testing.builders import SampleMessage, message

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount


def test_the_server_announces_what_the_tests_build_on(dovecot: DovecotAccount) -> None:
    with imaplib.IMAP4(dovecot.host, dovecot.port) as client:
        client.login(dovecot.user, dovecot.password)
        capabilities = set(client.capability()[1][0].decode().split())

    assert {"MOVE", "UIDPLUS", "CONDSTORE", "ACL", "SPECIAL-USE", "LIST-STATUS", "COMPRESS=DEFLATE"} <= capabilities
    assert {"IDLE", "ESEARCH", "LITERAL+", "NAMESPACE", "ID", "ENABLE"} <= capabilities


def test_implicit_tls_verifies_with_the_servers_authority(dovecot: DovecotAccount) -> None:
    context = ssl.create_default_context(cafile=dovecot.ca_file)

    with imaplib.IMAP4_SSL("localhost", dovecot.tls_port, ssl_context=context) as client:
        status, _ = client.login(dovecot.user, dovecot.password)

    assert status == "OK"


def test_a_filled_mailbox_keeps_uids_flags_keywords_and_dates(dovecot: DovecotAccount) -> None:
    received = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
    seen = SampleMessage(content=message(), flags=frozenset({"\\Seen", "$Label1", "work"}), received=received)
    recent = SampleMessage(content=message(subject="new"), flags=frozenset({"\\Recent"}), received=received)

    dovecot.fill("INBOX", [seen, recent], uidvalidity=42)

    with imaplib.IMAP4(dovecot.host, dovecot.port) as client:
        client.login(dovecot.user, dovecot.password)
        client.select(readonly=True)
        answer = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE RFC822.SIZE)")[1]
        uidvalidity = client.response("UIDVALIDITY")[1]
    assert uidvalidity == [b"42"]
    first, second = (line.decode() for line in answer)
    assert 'UID 1 FLAGS (\\Seen $Label1 work) INTERNALDATE "29-Feb-2024 23:59:58 +0000"' in first
    assert f"RFC822.SIZE {len(seen.content)}" in first
    assert "UID 2 FLAGS (\\Recent)" in second
