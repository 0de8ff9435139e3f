"""How a configuration says where a secret is kept; the secret itself never stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.settings import SecretReference

if TYPE_CHECKING:
    from mailrules.rules.account_schema import SecretModel
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.source import SourceValue

HOW_TO_KEEP_IT = 'name where it is kept: secret: {command: "pass mail/home"} (or env, file, keyring, systemd)'


def check_secret(secret: SourceValue, reporter: Reporter) -> None:
    """Report what is wrong with a secret's reference."""
    # The value itself is never repeated in a message: it may be a password.
    if not secret.is_mapping:
        reporter.broken(secret.at, "a secret does not belong in this file", cure=HOW_TO_KEEP_IT)
    elif "oauth" in secret.mapping:
        reporter.broken(secret.key_at("oauth"), "oauth is not available in this version", cure=HOW_TO_KEEP_IT)
    elif len(secret.mapping) != 1:
        reporter.error(secret.at, "a secret has exactly one source", cure=HOW_TO_KEEP_IT)


def secret_reference(model: SecretModel | None) -> SecretReference | None:
    """The reference as a value."""
    if model is None:
        return None
    return next((SecretReference(kind=kind, value=value) for kind, value in model if value is not None), None)
