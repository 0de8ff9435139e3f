"""What a configuration says about accounts, as values; secrets are references, never text."""

from __future__ import annotations

import ipaddress
from dataclasses import field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.diagnostics import Location


class Security(StrEnum):
    """How the connection is protected; ``NONE`` only to loopback or with ``insecure: true``."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class SearchUse(StrEnum):
    """What the server's SEARCH may leave out of a sweep: nothing, what is certain, or by words of a text as well."""

    NONE = "none"
    EXACT = "exact"
    TRUSTED = "trusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReference:
    """Where a password or token is read when it is needed: ``kind`` is one of
    command, env, file, keyring, systemd; ``value`` is the command line, name or path.
    """

    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """What we show the server by TLS: PEM files of the certificate with its chain, and of its key."""

    certificate_file: str
    key_file: str


class ProxyKind(StrEnum):
    """How a proxy is asked for a connection: SOCKS version 5 (RFC 1928) or HTTP's CONNECT (RFC 9110)."""

    SOCKS5 = "socks5"
    HTTP = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The proxy that connects to the server for us; it also looks the server's name up.

    ``user`` and ``secret`` are both there or both not. They reach the proxy unprotected: neither kind has another way.
    """

    kind: ProxyKind
    host: str
    port: int
    user: str = ""
    secret: SecretReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds for each phase of a connection's life; ``connect`` includes the proxy, where there is one."""

    connect_seconds: float = 15.0
    tls_seconds: float = 15.0
    greeting_seconds: float = 15.0
    login_seconds: float = 30.0
    command_seconds: float = 120.0
    idle_renew_seconds: float = 25 * 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """How mail is handed in for an account. ``user`` and ``secret`` are both there or both not.

    ``sender`` is the address that it is from.
    """

    host: str
    port: int
    sender: str
    security: Security = Security.TLS
    user: str = ""
    secret: SecretReference | None = None
    ca_file: str = ""
    timeout_seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """One endpoint that may be called. ``header`` carries the secret, if there is one.

    ``is_idempotent`` is the owner's word that the receiver drops a call whose Idempotency-Key it has seen.
    """

    name: str
    url: str
    header: str = "Authorization"
    secret: SecretReference | None = None
    is_idempotent: bool = False
    allow_private: bool = False
    ca_file: str = ""
    timeout_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxSettings:
    """How much may go out within ``per``, and how often one effect is tried."""

    per_rule: int = 100
    per_recipient: int = 50
    in_all: int = 200
    per: timedelta = timedelta(hours=1)
    attempts: int = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionLimits:
    """What is deleted for ever at most: messages that the server has had for ``min_age``, so many in one run."""

    min_age: timedelta = timedelta(days=1)
    max_messages: int = 1000


CACHE_BYTES = 256 << 20
"""What the cache of facts holds at most, unless the configuration says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One entry of ``accounts``. With ``tunnel``, host and port name no connection."""

    name: str
    user: str
    secret: SecretReference | None
    host: str = ""
    port: int = 993
    security: Security = Security.TLS
    insecure: bool = False
    """Allows a password over an unprotected connection to a host that is not loopback."""
    ca_file: str = ""
    """PEM file of certificate authorities to trust besides the system's."""
    client_certificate: ClientCertificate | None = None
    """Shown to a server that asks for one; ``mechanism: external`` logs in by it."""
    tunnel: tuple[str, ...] = ()
    """Command whose stdin and stdout are the connection; such a connection may start PREAUTH."""
    proxy: ProxySettings | None = None
    mechanism: str = ""
    """How to log in, as ``LoginMethod`` names it; "" chooses the best way that the server offers for a password."""
    compress: bool | None = None
    """Use COMPRESS=DEFLATE where the server offers it; None: unless the server is on this machine."""
    search: SearchUse = SearchUse.EXACT
    connections: int = 3
    cache: bool = True
    """Whether facts of its mail may be kept in the state directory."""
    trash: str = ""
    lease: str = ""
    """The mailbox that only one mailrules of several machines holds at a time; "" where no other one acts here."""
    trash_days: int | None = None
    """After how many days the provider removes what lies in the trash, 0 for never; None: as far as it is known."""
    archive: str = ""
    junk: str = ""
    addresses: tuple[str, ...] = ()
    """The user's own addresses, as written; see ``own_addresses``."""
    authserv_ids: frozenset[str] = frozenset()
    """Servers whose Authentication-Results fields (RFC 8601) are believed, lower case."""
    timeouts: Timeouts = field(default_factory=Timeouts)
    smtp: SmtpSettings | None = None
    where: Location | None = field(default=None, compare=False)

    @property
    def own_addresses(self) -> frozenset[str]:
        """The user's own addresses, casefolded; the login name is one where it looks like one."""
        named = (*self.addresses, self.user if "@" in self.user else "")
        return frozenset(address.casefold() for address in named if address)


def is_loopback(host: str) -> bool:
    """Whether a host is ``localhost`` or a literal loopback address; other names are never resolved for this."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def stays_here(host: str, proxy: ProxySettings | None) -> bool:
    """Whether what is sent to ``host`` cannot leave this machine; another machine's proxy has its own ``localhost``."""
    return is_loopback(host) and (proxy is None or is_loopback(proxy.host))
