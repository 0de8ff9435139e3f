"""How does a connection that is open become one that is logged in, by the best way that the server allows?"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from mailrules.client.channel_binding import tls_server_end_point
from mailrules.client.redaction import without
from mailrules.errors import AuthenticationFailed, CommandRefused, ConnectionFailed, LocalProtocolError
from mailrules.imap.login_methods import LoginMethod, choose_login_method
from mailrules.imap.sasl import CramMd5, External, Plain, SaslLogin
from mailrules.imap.sasl_oauth import OAuthBearer, XOAuth2
from mailrules.imap.scram import ChannelBinding, Scram, ScramHash
from mailrules.imap.session_commands import Authenticate, Login
from mailrules.imap.throttling import is_out_of_connections, seconds_after_login
from mailrules.settings import Security

if TYPE_CHECKING:
    from mailrules.client.async_client import AsyncClient
    from mailrules.client.login_memory import LoginMemory
    from mailrules.imap.sasl import Mechanism
    from mailrules.secret import Secret
    from mailrules.settings import AccountSettings

_NONCE_BYTES = 18
# Cyrus announces -PLUS and knows tls-unique only, which is not defined for TLS 1.3 (cyrus-imapd issues 3317 and 4191);
# it refuses who binds by the certificate, and who says that he could.
_BINDS_OTHERWISE = "Cyrus IMAP"


async def log_in(
    client: AsyncClient,
    account: AccountSettings,
    secret: Secret | None,
    *,
    place: str,
    hidden: tuple[str, ...],
    certificate: bytes | None = None,
    memory: LoginMemory | None = None,
) -> None:
    """Log in by what the settings name, else by the best way on offer; never by a second one after a refusal.

    ``certificate`` is the server's, in DER, where there is TLS; ``hidden`` is what no error may show. Raises
    AuthenticationFailed, and ConnectionFailed for a server that wants to be left alone for a while.
    """
    who = f"{place}: login of {account.user}"
    method = _choose(client.capabilities, account, secret, who=who)
    if memory is not None and not account.mechanism:
        memory.require_as_strong(method, place=place, user=account.user)
    mechanism = None
    try:
        if method is LoginMethod.LOGIN and secret is not None:
            await client.run(Login(account.user, secret))
        else:
            mechanism = build_mechanism(
                method,
                account,
                secret,
                capabilities=client.capabilities,
                certificate=None if _BINDS_OTHERWISE in client.greeting else certificate,
            )
            await client.run(Authenticate(mechanism))
    except LocalProtocolError as error:
        raise AuthenticationFailed(f"{who}: {without(hidden, str(error))}") from None
    except CommandRefused as refusal:
        _explain(refusal, mechanism.complaint if mechanism else "", who=who, hidden=hidden)
    if memory is not None:
        memory.remember(method, place=place, user=account.user)


def build_mechanism(
    method: LoginMethod,
    account: AccountSettings,
    secret: Secret | None,
    *,
    capabilities: frozenset[str],
    certificate: bytes | None = None,
) -> Mechanism:
    """The mechanism for one exchange. Raises LocalProtocolError for a password that it cannot carry."""
    if method is LoginMethod.EXTERNAL:
        return External(account.user)
    if secret is None:
        raise LocalProtocolError(f"{method.value} needs a secret, and the account has none")
    match method:
        case LoginMethod.SASL_LOGIN:
            return SaslLogin(account.user, secret)
        case LoginMethod.CRAM_MD5:
            return CramMd5(account.user, secret)
        case LoginMethod.XOAUTH2:
            return XOAuth2(account.user, secret)
        case LoginMethod.OAUTHBEARER:
            return OAuthBearer(account.user, secret, host=account.host, port=account.port if account.host else 0)
        case LoginMethod.SCRAM_SHA_1 | LoginMethod.SCRAM_SHA_256:
            hashed = ScramHash.SHA_1 if method is LoginMethod.SCRAM_SHA_1 else ScramHash.SHA_256
            binding = _binding(hashed, capabilities, certificate)
            nonce = secrets.token_urlsafe(_NONCE_BYTES)
            return Scram(account.user, secret, nonce=nonce, hashed=hashed, binding=binding)
        case _:
            return Plain(account.user, secret)


def _binding(hashed: ScramHash, capabilities: frozenset[str], certificate: bytes | None) -> ChannelBinding | None:
    data = tls_server_end_point(certificate) if certificate else None
    if data is None:
        return None
    return ChannelBinding(data=data, is_used=f"AUTH={hashed.mechanism}-PLUS" in capabilities)


def _choose(capabilities: frozenset[str], account: AccountSettings, secret: Secret | None, *, who: str) -> LoginMethod:
    if secret is None and account.mechanism != LoginMethod.EXTERNAL:
        raise AuthenticationFailed(f"{who}: the server wants one, and the account has no secret")
    method = choose_login_method(capabilities, wanted=account.mechanism)
    if method is None:
        raise AuthenticationFailed(f"{who}: {_why_no_login(capabilities, account)}")
    return method


def _explain(refusal: CommandRefused, complaint: str, *, who: str, hidden: tuple[str, ...]) -> None:
    """Raise what a refused login means. The words of the server may repeat the secret."""
    words = without(hidden, str(refusal)) + (f" ({without(hidden, complaint)})" if complaint else "")
    wait_seconds = seconds_after_login(refusal)
    if wait_seconds is not None:
        is_out = is_out_of_connections(refusal)
        raise ConnectionFailed(
            f"{who}: {words}; try again later", wait_seconds=wait_seconds, is_out_of_connections=is_out
        ) from None
    raise AuthenticationFailed(f"{who}: {words}; check user and secret") from None


def _why_no_login(capabilities: frozenset[str], account: AccountSettings) -> str:
    offered = ", ".join(sorted(name for name in capabilities if name.startswith("AUTH="))) or "no AUTH= at all"
    if account.mechanism and account.mechanism != LoginMethod.LOGIN:
        return f"the server does not offer {account.mechanism.upper()} here; it offers {offered}"
    cure = "" if account.security is not Security.NONE else "; set security: tls or starttls"
    return f"the server allows no password here (LOGINDISABLED); it offers {offered}{cure}"
