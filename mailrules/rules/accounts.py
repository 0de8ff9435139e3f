"""Which accounts a configuration describes, checked so that a password cannot leave unprotected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.rules.account_schema import AccountModel
from mailrules.rules.outside import smtp_from_model, smtp_mistakes
from mailrules.rules.secrets import HOW_TO_KEEP_IT, check_secret, secret_reference
from mailrules.rules.validation import validated
from mailrules.settings import (
    AccountSettings,
    ClientCertificate,
    ProxyKind,
    ProxySettings,
    SearchUse,
    Security,
    Timeouts,
    stays_here,
)

if TYPE_CHECKING:
    from mailrules.rules.account_schema import ClientCertificateModel, ProxyModel, TimeoutsModel
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.source import SourceValue

LEASE_MAILBOX = "mailrules-lease"
"""What ``lease: true`` stands for."""
_STANDARD_PORTS = {Security.TLS: 993, Security.STARTTLS: 143, Security.NONE: 143}
_PROXY_PORTS = {ProxyKind.SOCKS5: 1080, ProxyKind.HTTP: 8080}


def account_settings(name: str, source: SourceValue, reporter: Reporter) -> AccountSettings | None:
    """The settings of one account, or None after reporting everything that is wrong with it."""
    where = source.at
    if not name or "/" in name:
        reporter.error(where, f'"{name}" is no account name', cure='choose a name without "/"')
    secret = source.mapping.get("secret")
    if secret is not None:
        check_secret(secret, reporter)
    if "password" in source.mapping:
        reporter.broken(source.key_at("password"), "a password does not belong in this file", cure=HOW_TO_KEEP_IT)
    if "proxy" in source.mapping:
        _check_proxy(source.mapping["proxy"], source, reporter)
    if "smtp" in source.mapping:
        smtp_mistakes(source.mapping["smtp"], reporter)
    model = validated(AccountModel, source, reporter, what="an account")
    if model is None:
        return None
    security, proxy = Security(model.security), _proxy_settings(model.proxy)
    if (model.host is None) == (model.tunnel is None):
        reporter.error(where, f'the account "{name}" needs either host or tunnel', cure="add host: imap.example.org")
    if model.secret is None and model.tunnel is None and model.mechanism != "external":
        reporter.error(where, f'the account "{name}" has no secret', cure=HOW_TO_KEEP_IT)
    if model.client_certificate is not None and (model.tunnel is not None or security is Security.NONE):
        reporter.error(
            source.mapping["client_certificate"].at,
            "only TLS can show a certificate",
            cure="use host with security: tls or starttls, or take client_certificate out",
        )
    if model.mechanism == "external" and model.client_certificate is None and model.tunnel is None:
        reporter.error(
            source.mapping["mechanism"].at,
            f'the account "{name}" has nothing to show for external',
            cure="add client_certificate: {certificate: ..., key: ...}",
        )
    if security is Security.NONE and model.host and not model.insecure and not stays_here(model.host, proxy):
        reporter.error(
            source.mapping["security"].at,
            f"the password would cross the network to {model.host} unprotected",
            cure="use security: tls; or add insecure: true if the network itself is protected",
        )
    return AccountSettings(
        name=name,
        user=model.user,
        secret=secret_reference(model.secret),
        host=model.host or "",
        port=model.port or _STANDARD_PORTS[security],
        security=security,
        insecure=model.insecure,
        ca_file=model.ca_file or "",
        client_certificate=_client_certificate(model.client_certificate),
        tunnel=tuple(model.tunnel.command) if model.tunnel else (),
        proxy=proxy,
        mechanism=model.mechanism or "",
        compress=model.compress,
        search=SearchUse(model.search),
        connections=model.limits.connections,
        cache=model.cache != "none",
        trash=model.trash or "",
        lease=model.lease if isinstance(model.lease, str) else LEASE_MAILBOX if model.lease else "",
        trash_days=model.trash_days,
        archive=model.archive or "",
        junk=model.junk or "",
        addresses=tuple(model.addresses),
        authserv_ids=frozenset(one.lower() for one in model.authserv_id),
        timeouts=_timeouts(model.timeouts),
        smtp=smtp_from_model(model.smtp),
        where=where,
    )


def _check_proxy(proxy: SourceValue, account: SourceValue, reporter: Reporter) -> None:
    if not proxy.is_mapping:
        reporter.broken(proxy.at, "a proxy is a mapping", cure="write proxy: {kind: socks5, host: proxy.example.org}")
        return
    if "tunnel" in account.mapping:
        reporter.error(proxy.at, "a tunnel has no proxy", cure="let the tunnel's command use the proxy, or use host")
    if "password" in proxy.mapping:
        reporter.broken(proxy.key_at("password"), "a password does not belong in this file", cure=HOW_TO_KEEP_IT)
    if "secret" in proxy.mapping:
        check_secret(proxy.mapping["secret"], reporter)
    if ("user" in proxy.mapping) == proxy.mapping.keys().isdisjoint({"secret", "password"}):
        reporter.error(proxy.at, "a proxy has user and secret, or neither", cure="add the other one")


def _proxy_settings(model: ProxyModel | None) -> ProxySettings | None:
    if model is None:
        return None
    kind = ProxyKind(model.kind)
    return ProxySettings(
        kind=kind,
        host=model.host,
        port=model.port or _PROXY_PORTS[kind],
        user=model.user or "",
        secret=secret_reference(model.secret),
    )


def _client_certificate(model: ClientCertificateModel | None) -> ClientCertificate | None:
    if model is None:
        return None
    return ClientCertificate(certificate_file=model.certificate, key_file=model.key)


def _timeouts(model: TimeoutsModel) -> Timeouts:
    return Timeouts(
        connect_seconds=model.connect.total_seconds(),
        tls_seconds=model.tls.total_seconds(),
        greeting_seconds=model.greeting.total_seconds(),
        login_seconds=model.login.total_seconds(),
        command_seconds=model.command.total_seconds(),
        idle_renew_seconds=model.idle_renew.total_seconds(),
    )
