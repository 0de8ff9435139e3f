"""Which accounts a configuration describes, checked so that a password cannot leave unprotected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.schema import AccountModel
from mailrules.rules.validation import validated
from mailrules.settings import (
    AccountSettings,
    ProxyKind,
    ProxySettings,
    SecretReference,
    Security,
    Timeouts,
    stays_here,
)

if TYPE_CHECKING:
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.schema import ProxyModel, SecretModel, TimeoutsModel
    from mailrules.rules.source import SourceValue

_HOW_TO_KEEP_IT = 'name where it is kept: secret: {command: "pass mail/home"} (or env, file, keyring, systemd)'
_STANDARD_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}
_PROXY_PORTS = {ProxyKind.SOCKS5: 1080, ProxyKind.HTTP: 8080}


def account_settings(name: str, source: SourceValue, reporter: Reporter) -> AccountSettings | None:
    """The settings of one account, or None after reporting everything that is wrong with it."""
    where = source.at
    if not name or "/" in name:
        reporter.error(where, f'"{name}" is no account name', cure='choose a name without "/"')
    secret = source.mapping.get("secret")
    if secret is not None:
        _check_secret(secret, reporter)
    if "password" in source.mapping:
        reporter.broken(source.key_at("password"), "a password does not belong in this file", cure=_HOW_TO_KEEP_IT)
    if "proxy" in source.mapping:
        _check_proxy(source.mapping["proxy"], source, reporter)
    model = validated(AccountModel, source, reporter, what="an account")
    if model is None:
        return None
    security, proxy = Security(model.security), _proxy_settings(model.proxy)
    if (model.host is None) == (model.tunnel is None):
        reporter.error(where, f'the account "{name}" needs either host or tunnel', cure="add host: imap.example.org")
    if model.secret is None and model.tunnel is None:
        reporter.error(where, f'the account "{name}" has no secret', cure=_HOW_TO_KEEP_IT)
    if security is Security.NONE and model.host and not model.insecure and not stays_here(model.host, proxy):
        reporter.error(
            source.mapping["security"].at,
            f"the password would cross the network to {model.host} unprotected",
            cure="use security: tls; or add insecure: true if the network itself is protected",
        )
    return AccountSettings(
        name=name,
        user=model.user,
        secret=_secret_reference(model.secret),
        host=model.host or "",
        port=model.port or _STANDARD_PORTS[security],
        security=security,
        insecure=model.insecure,
        ca_file=model.ca_file or "",
        tunnel=tuple(model.tunnel.command) if model.tunnel else (),
        proxy=proxy,
        mechanism=model.mechanism or "",
        compress=model.compress,
        connections=model.limits.connections,
        trash=model.trash or "",
        archive=model.archive or "",
        addresses=tuple(model.addresses),
        authserv_ids=frozenset(one.lower() for one in model.authserv_id),
        timeouts=_timeouts(model.timeouts),
        where=where,
    )


def _check_proxy(proxy: SourceValue, account: SourceValue, reporter: Reporter) -> None:
    if not proxy.is_mapping:
        reporter.broken(proxy.at, "a proxy is a mapping", cure="write proxy: {kind: socks5, host: proxy.example.org}")
        return
    if "tunnel" in account.mapping:
        reporter.error(proxy.at, "a tunnel has no proxy", cure="let the tunnel's command use the proxy, or use host")
    if "password" in proxy.mapping:
        reporter.broken(proxy.key_at("password"), "a password does not belong in this file", cure=_HOW_TO_KEEP_IT)
    if "secret" in proxy.mapping:
        _check_secret(proxy.mapping["secret"], reporter)
    if ("user" in proxy.mapping) == proxy.mapping.keys().isdisjoint({"secret", "password"}):
        reporter.error(proxy.at, "a proxy has user and secret, or neither", cure="add the other one")


def _check_secret(secret: SourceValue, reporter: Reporter) -> None:
    # The value itself is never repeated in a message: it may be a password.
    if not secret.is_mapping:
        reporter.broken(secret.at, "a secret does not belong in this file", cure=_HOW_TO_KEEP_IT)
    elif "oauth" in secret.mapping:
        reporter.broken(secret.key_at("oauth"), "oauth is not available in this version", cure=_HOW_TO_KEEP_IT)
    elif len(secret.mapping) != 1:
        reporter.error(secret.at, "a secret has exactly one source", cure=_HOW_TO_KEEP_IT)


def _secret_reference(model: SecretModel | None) -> SecretReference | None:
    if model is None:
        return None
    return next((SecretReference(kind=kind, value=value) for kind, value in model if value is not None), None)


def _proxy_settings(model: ProxyModel | None) -> ProxySettings | None:
    if model is None:
        return None
    kind = ProxyKind(model.kind)
    return ProxySettings(
        kind=kind,
        host=model.host,
        port=model.port or _PROXY_PORTS[kind],
        user=model.user or "",
        secret=_secret_reference(model.secret),
    )


def _timeouts(model: TimeoutsModel) -> Timeouts:
    return Timeouts(
        connect_seconds=model.connect.total_seconds(),
        tls_seconds=model.tls.total_seconds(),
        greeting_seconds=model.greeting.total_seconds(),
        login_seconds=model.login.total_seconds(),
        command_seconds=model.command.total_seconds(),
        idle_renew_seconds=model.idle_renew.total_seconds(),
    )
