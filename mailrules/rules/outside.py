"""Which ways out of the mailbox a configuration grants: SMTP, webhooks, deleting, and how much may go out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mailrules.mailbox.strict_address import strict_address
from mailrules.rules.account_schema import SmtpModel
from mailrules.rules.secrets import HOW_TO_KEEP_IT, check_secret, secret_reference
from mailrules.rules.validation import validated
from mailrules.settings import DeletionLimits, OutboxSettings, Security, SmtpSettings, WebhookSettings, is_loopback

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import Rule
    from mailrules.rules.source import SourceValue
    from mailrules.settings import AccountSettings

NEED_SMTP = frozenset({"forward", "reply", "notify"})
"""Actions that hand in mail."""

MAX_URL_CHARACTERS = 2_000
_PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}


def smtp_settings(source: SourceValue, reporter: Reporter) -> SmtpSettings | None:
    """The top-level ``smtp``, or None after reporting everything that is wrong with it."""
    smtp_mistakes(source, reporter)
    return smtp_from_model(validated(SmtpModel, source, reporter, what="smtp"))


def smtp_mistakes(source: SourceValue, reporter: Reporter) -> None:
    """Report what the shape alone does not tell: addresses, secrets, and passwords that would go unprotected."""
    entries = source.mapping
    if "password" in entries:
        reporter.broken(source.key_at("password"), "a password does not belong in this file", cure=HOW_TO_KEEP_IT)
    if "secret" in entries:
        check_secret(entries["secret"], reporter)
    if ("user" in entries) == entries.keys().isdisjoint({"secret", "password"}):
        reporter.error(source.at, "smtp has user and secret, or neither", cure="add the other one")
    if "from" in entries:
        _check_address(entries["from"], reporter)
    if "security" in entries and entries["security"].value == "none":
        host = entries["host"].text if "host" in entries else ""
        if not is_loopback(host):
            where = entries["security"].at
            reporter.error(where, f"mail would cross the network to {host} unprotected", cure="use security: tls")


def smtp_from_model(model: SmtpModel | None) -> SmtpSettings | None:
    """The settings as a value; their mistakes are told by ``smtp_mistakes``."""
    if model is None:
        return None
    security = Security(model.security)
    return SmtpSettings(
        host=model.host,
        port=model.port or _PORTS[security],
        sender=model.from_,
        security=security,
        user=model.user or "",
        secret=secret_reference(model.secret),
        ca_file=model.ca_file or "",
        timeout_seconds=model.timeout.total_seconds(),
    )


def webhook_settings(name: str, source: SourceValue, reporter: Reporter) -> WebhookSettings | None:
    """One entry of ``webhooks``, or None after reporting everything that is wrong with it."""
    from mailrules.rules.outside_schema import WebhookModel  # noqa: PLC0415 -- few files have one

    if "secret" in source.mapping:
        check_secret(source.mapping["secret"], reporter)
    model = validated(WebhookModel, source, reporter, what="a webhook")
    if model is None:
        return None
    wrong = why_no_endpoint(model.url, allow_private=model.allow_private)
    if wrong:
        reporter.error(source.mapping["url"].at, wrong, cure="write https://host/path")
    return WebhookSettings(
        name=name,
        url=model.url,
        header=model.header,
        secret=secret_reference(model.secret),
        is_idempotent=model.idempotent,
        allow_private=model.allow_private,
        ca_file=model.ca_file or "",
        timeout_seconds=model.timeout.total_seconds(),
    )


def why_no_endpoint(url: str, *, allow_private: bool) -> str:
    """Why a URL cannot be called; "" if it can. Plain http only where the endpoint may be in a private network."""
    try:
        parts = urlsplit(url)
        port_is_good = parts.port is None or parts.port > 0
    except ValueError:
        return "this is no URL"
    if not url.isascii() or not url.isprintable() or " " in url or len(url) > MAX_URL_CHARACTERS or not port_is_good:
        return "this is no URL in plain ASCII"
    if parts.scheme not in ({"https", "http"} if allow_private else {"https"}):
        return "only https may be called" + ("" if allow_private else " (http where allow_private: true stands)")
    if not parts.hostname or parts.username or parts.password:
        return "the URL lacks its host" if not parts.hostname else "a URL holds no user or password here"
    return ""


def outbox_settings(source: SourceValue, reporter: Reporter) -> OutboxSettings | None:
    """``outbox``: how much may go out, and how often it is tried."""
    from mailrules.rules.outside_schema import OutboxModel  # noqa: PLC0415 -- few files have it

    model = validated(OutboxModel, source, reporter, what="outbox")
    return None if model is None else OutboxSettings(**dict(model))


def deletion_limits(source: SourceValue, reporter: Reporter) -> DeletionLimits | None:
    """``deletion``: what is deleted for ever at most."""
    from mailrules.rules.outside_schema import DeletionModel  # noqa: PLC0415 -- few files have it

    model = validated(DeletionModel, source, reporter, what="deletion")
    return None if model is None else DeletionLimits(**dict(model))


def check_smtp(rules: Iterable[Rule], *, accounts: Mapping[str, AccountSettings], reporter: Reporter) -> None:
    """Report actions that hand in mail for an account that has no way to."""
    for rule in rules:
        lacking = {ref.account for ref in rule.mailboxes if ref.account in accounts and not accounts[ref.account].smtp}
        for use in (use for branch in rule.branches for use in branch.actions):
            if use.name in NEED_SMTP and lacking and not _goes_to_webhook(use.value):
                name = min(lacking)
                cure = f"add smtp: {{host: ..., from: ...}} under accounts.{name}, or at the top of the file"
                reporter.error(use.where, f'{use.name} needs smtp, and the account "{name}" has none', cure=cure)


def _goes_to_webhook(value: object) -> bool:
    options = getattr(value, "options", {})
    return bool(options.get("via"))


def _check_address(source: SourceValue, reporter: Reporter) -> None:
    try:
        strict_address(source.text)
    except ValueError as error:
        reporter.error(source.at, f'"{source.text}" is no plain address: {error}', cure="write it as me@example.org")
