"""Logging in to real servers by each mechanism that they have."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.client.blocking_connect import connect_blocking
from mailrules.client.connect import connect
from mailrules.client.login_memory import LoginMemory
from mailrules.errors import AuthenticationFailed, ConnectionFailed
from mailrules.imap.session_commands import Noop
from mailrules.settings import SecretReference, Security
from tests.servers.dovecot import TOKEN_KEY, Dovecot, write_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailrules.settings import AccountSettings
    from tests.servers.cyrus import Cyrus

DOVECOT = ("scram-sha-256", "scram-sha-1", "cram-md5", "plain", "sasl-login", "login")
CYRUS = ("scram-sha-256", "scram-sha-1", "cram-md5", "plain", "sasl-login", "login")
TOKENS = ("oauthbearer", "xoauth2")


@pytest.fixture(scope="module")
def dovecot_with_all() -> Iterator[Dovecot]:
    with Dovecot(mechanisms="plain login cram-md5 scram-sha-1 scram-sha-256 oauthbearer xoauth2 external") as server:
        yield server


async def log_in(settings: AccountSettings, *, memory: LoginMemory | None = None) -> None:
    client = await connect(settings, memory=memory)
    await client.run(Noop())
    await client.close()


def token_for(user: str) -> str:
    """A JWT (RFC 7519) that says who its bearer is."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": user, "email": user, "iat": 1, "exp": 2**31 - 1})
    ]
    signature = hmac.new(TOKEN_KEY, b".".join(parts), hashlib.sha256).digest()
    return b".".join((*parts, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()


@pytest.mark.parametrize("mechanism", DOVECOT)
async def test_dovecot_lets_us_in_and_refuses_others(
    dovecot_with_all: Dovecot, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(dovecot_with_all.account("ann").settings(), mechanism=mechanism)

    await log_in(settings)

    monkeypatch.setenv("WRONG_SECRET", "wrong")
    with pytest.raises(AuthenticationFailed):
        await log_in(replace(settings, secret=SecretReference(kind="env", value="WRONG_SECRET")))


@pytest.mark.parametrize("mechanism", CYRUS)
async def test_cyrus_lets_us_in_and_refuses_others(
    cyrus_server: Cyrus, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(cyrus_server.account("logins").settings(security=Security.TLS), mechanism=mechanism)

    await log_in(settings)

    monkeypatch.setenv("WRONG_SECRET", "wrong")
    with pytest.raises(AuthenticationFailed):
        await log_in(replace(settings, secret=SecretReference(kind="env", value="WRONG_SECRET")))


@pytest.mark.parametrize("mechanism", TOKENS)
async def test_dovecot_takes_a_token_and_explains_why_not(
    dovecot_with_all: Dovecot, mechanism: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", token_for("ann"))
    monkeypatch.setenv("FORGED", token_for("ann")[:-4] + "AAAA")
    secret = SecretReference(kind="env", value="TOKEN")
    account = dovecot_with_all.account("ann")
    settings = replace(account.settings(security=Security.TLS), mechanism=mechanism, secret=secret)

    await log_in(settings)

    with pytest.raises(AuthenticationFailed, match="not accepted or has expired"):
        await log_in(replace(settings, secret=SecretReference(kind="env", value="FORGED")))


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
async def test_dovecot_goes_by_our_certificate(dovecot_with_all: Dovecot, security: Security) -> None:
    account = dovecot_with_all.account("cert-ann").settings(security=security)
    certificate = dovecot_with_all.issue_certificate("cert-ann")
    shown = replace(account, secret=None, mechanism="external", client_certificate=certificate)

    await log_in(shown)
    with await asyncio.to_thread(connect_blocking, shown) as client:
        client.run(Noop())

    with pytest.raises(AuthenticationFailed, match="login of cert-ann"):
        await log_in(replace(shown, client_certificate=None))
    with pytest.raises(AuthenticationFailed):
        await log_in(replace(shown, user="somebody-else"))


async def test_a_certificate_of_another_authority_is_not_taken(dovecot_with_all: Dovecot, tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("ann@example.org", common_name="ann")
    account = dovecot_with_all.account("ann").settings(security=Security.TLS)
    stranger = replace(
        account,
        secret=None,
        mechanism="external",
        client_certificate=write_certificate(issued, tmp_path, name="stranger"),
    )

    with pytest.raises((AuthenticationFailed, ConnectionFailed)):
        await log_in(stranger)


async def test_scram_is_what_is_chosen_and_remembered(dovecot_with_all: Dovecot) -> None:
    memory = LoginMemory()
    settings = dovecot_with_all.account("ann").settings(security=Security.TLS)

    await log_in(settings, memory=memory)

    assert [method.value for method in memory.seen.values()] == ["scram-sha-256"]
