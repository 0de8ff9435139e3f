"""Accounts are checked so that a password neither stands in the file nor leaves unprotected."""

from __future__ import annotations

import pytest

from mailrules.settings import (
    AccountSettings,
    ClientCertificate,
    ProxyKind,
    ProxySettings,
    SecretReference,
    Security,
    Timeouts,
    is_loopback,
    stays_here,
)
from tests.rules.loading import diagnostics_in, load


def _account(options: str) -> AccountSettings:
    return load(f"version: 1\naccounts:\n  home: {options}\n").accounts["home"]


def test_a_short_account_has_the_usual_settings() -> None:
    account = _account("{host: imap.example.org, user: me, secret: {keyring: mail}}")

    assert (account.name, account.port, account.security) == ("home", 993, Security.TLS)
    assert account.secret == SecretReference(kind="keyring", value="mail")
    assert (account.connections, account.compress, account.timeouts) == (3, None, Timeouts())
    assert str(account.where) == "main.yaml:3:9"


def test_every_setting_arrives() -> None:
    account = _account(
        "{host: h.example, port: 1993, security: starttls, user: me, secret: {env: E}, ca_file: ca.pem,"
        " mechanism: plain, compress: false, trash: Bin, archive: All, limits: {connections: 1}, insecure: true,"
        " timeouts: {connect: 1s, tls: 2s, greeting: 3s, login: 4s, command: 5s, idle_renew: 6m}}"
    )

    assert (account.port, account.security, account.ca_file, account.mechanism) == (
        1993,
        Security.STARTTLS,
        "ca.pem",
        "plain",
    )
    assert (account.compress, account.trash, account.archive, account.connections) == (False, "Bin", "All", 1)
    assert account.insecure
    assert account.timeouts == Timeouts(
        connect_seconds=1, tls_seconds=2, greeting_seconds=3, login_seconds=4, command_seconds=5, idle_renew_seconds=360
    )


def test_a_certificate_stands_in_for_a_secret() -> None:
    account = _account(
        "{host: h, user: me, mechanism: external, client_certificate: {certificate: me.pem, key: me.key}}"
    )

    assert account.client_certificate == ClientCertificate(certificate_file="me.pem", key_file="me.key")
    assert (account.secret, account.mechanism) == (None, "external")


@pytest.mark.parametrize("command", ["\"ssh -q h 'my imapd'\"", "[ssh, -q, h, my imapd]"])
def test_a_tunnel_needs_neither_host_nor_secret(command: str) -> None:
    account = _account(f"{{user: me, tunnel: {{command: {command}}}}}")

    assert account.tunnel == ("ssh", "-q", "h", "my imapd")
    assert account.secret is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{kind: socks5, host: p}", ProxySettings(kind=ProxyKind.SOCKS5, host="p", port=1080)),
        ("{kind: http, host: p}", ProxySettings(kind=ProxyKind.HTTP, host="p", port=8080)),
        (
            "{kind: http, host: p, port: 3128, user: u, secret: {env: P}}",
            ProxySettings(
                kind=ProxyKind.HTTP, host="p", port=3128, user="u", secret=SecretReference(kind="env", value="P")
            ),
        ),
    ],
)
def test_a_proxy_arrives(options: str, expected: ProxySettings) -> None:
    assert _account(f"{{host: h, user: u, secret: {{env: E}}, proxy: {options}}}").proxy == expected


@pytest.mark.parametrize("security", ["starttls", "none"])
def test_the_port_without_implicit_tls_is_143(security: str) -> None:
    assert _account(f"{{host: localhost, user: me, secret: {{env: E}}, security: {security}}}").port == 143


@pytest.mark.parametrize(
    ("options", "diagnostic"),
    [
        ("{host: h, user: u, secret: hunter2}", "3:36: error: a secret does not belong in this file; "),
        ("{host: h, user: u, password: hunter2}", "3:28: error: a password does not belong in this file; "),
        ("{host: h, user: u}", '3:9: error: the account "home" has no secret; '),
        (
            "{host: h, user: u, mechanism: external}",
            '3:39: error: the account "home" has nothing to show for external; ',
        ),
        (
            "{tunnel: {command: a}, user: u, client_certificate: {certificate: c, key: k}}",
            "3:61: error: only TLS can show a certificate; ",
        ),
        (
            "{host: h, user: u, secret: {env: A}, client_certificate: {certificate: c}}",
            "3:66: error: ",
        ),
        ("{host: h, user: u, secret: {}}", "3:36: error: a secret has exactly one source; "),
        ("{host: h, user: u, secret: {env: A, file: b}}", "3:36: error: a secret has exactly one source; "),
        ("{host: h, user: u, secret: {oauth: google}}", "3:37: error: oauth is not available in this version; "),
        ("{host: h, user: u, secret: {envv: A}}", '3:37: error: unknown key "envv" in "secret"; did you mean "env"?'),
        ("{user: u, secret: {env: A}}", '3:9: error: the account "home" needs either host or tunnel; '),
        (
            "{user: u, secret: {env: A}, host: h, tunnel: {command: a}}",
            '3:9: error: the account "home" needs either host or tunnel; ',
        ),
        ("{host: h, user: u, secret: {env: A}, security: ssl}", "3:56: error: 'tls', 'starttls' or 'none' is expected"),
        (
            "{host: h, user: u, secret: {env: A}, port: 0}",
            "3:52: error: this should be greater than or equal to 1, not 0",
        ),
        ("{host: h, user: u, secret: {env: A}, timeouts: {login: soon}}", '3:64: error: "soon" is not a duration; '),
        ('{user: u, tunnel: {command: "a \'b"}}', "3:37: error: this command has an open quote: No closing quotation"),
        (
            "{host: h, user: u, secret: {env: A}, proxy: 'socks5://p:1080'}",
            "3:53: error: a proxy is a mapping; write proxy: {kind: socks5",
        ),
        (
            "{host: h, user: u, secret: {env: A}, proxy: {kind: socks4, host: p}}",
            "3:60: error: 'socks5' or 'http' is expected",
        ),
        (
            "{host: h, user: u, secret: {env: A}, proxy: {kind: http}}",
            '3:53: error: "proxy" lacks the key "host"; add host',
        ),
        (
            "{host: h, user: u, secret: {env: A}, proxy: {kind: http, host: p, user: me}}",
            "3:53: error: a proxy has user and secret, or neither; add the other one",
        ),
        (
            "{host: h, user: u, secret: {env: A}, proxy: {kind: http, host: p, user: me, password: hunter2}}",
            "3:85: error: a password does not belong in this file; ",
        ),
        (
            "{host: h, user: u, secret: {env: A}, proxy: {kind: http, host: p, user: me, secret: hunter2}}",
            "3:93: error: a secret does not belong in this file; ",
        ),
        (
            "{user: u, tunnel: {command: a}, proxy: {kind: http, host: p}}",
            "3:48: error: a tunnel has no proxy; let the tunnel's command use the proxy, or use host",
        ),
        (
            "{host: localhost, user: u, secret: {env: A}, security: none, proxy: {kind: socks5, host: p}}",
            "3:64: error: the password would cross the network to localhost unprotected; use security: tls; or add",
        ),
        (
            "{host: h, user: u, secret: {env: A}, security: none}",
            "3:56: error: the password would cross the network to h unprotected; use security: tls; or add insecure",
        ),
    ],
)
def test_a_mistake_in_an_account_has_its_place(options: str, diagnostic: str) -> None:
    found = diagnostics_in(f"version: 1\naccounts:\n  home: {options}\n")

    first = f"main.yaml:{diagnostic}"
    assert found[0].startswith(first)
    assert [one for one in found[1:] if "has no secret" not in one] == []
    assert "hunter2" not in "".join(found)


def test_an_account_name_may_not_hold_a_slash() -> None:
    (found,) = diagnostics_in("version: 1\naccounts: {a/b: {host: h, user: u, secret: {env: E}}}\n")

    assert '"a/b" is no account name; choose a name without "/"' in found


def test_insecure_accepts_an_unprotected_connection() -> None:
    assert _account("{host: h, user: u, secret: {env: A}, security: none, insecure: true}").insecure


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost.example", False),
        ("10.0.0.1", False),
        ("h", False),
    ],
)
def test_loopback_is_this_machine_only(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "proxy_host", "expected"),
    [
        ("localhost", None, True),
        ("localhost", "127.0.0.1", True),
        ("localhost", "proxy.example", False),
        ("mail.example", "127.0.0.1", False),
    ],
)
def test_what_goes_through_another_machines_proxy_leaves_this_one(
    host: str, proxy_host: str | None, expected: bool
) -> None:
    proxy = proxy_host and ProxySettings(kind=ProxyKind.SOCKS5, host=proxy_host, port=1080)

    assert stays_here(host, proxy or None) is expected
