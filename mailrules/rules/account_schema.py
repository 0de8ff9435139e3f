"""What shape an account has: every key of an entry under ``accounts``, its type and its help."""

# Annotations are not postponed here: pydantic would evaluate the text of each at every start.
import shlex
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from mailrules.rules.schema_types import STRICT, TEXT_OR_TEXTS, Duration, Text, Texts, either

# What only editors need to know: the loader says it in better words.
_NAME_AND_SECRET = ConfigDict(json_schema_extra={"dependentRequired": {"user": ["secret"], "secret": ["user"]}})


class _Model(BaseModel):
    model_config = STRICT


class SecretModel(_Model):
    """Where the password or token is read; exactly one key."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    command: Text | None = Field(None, description="A command that prints the secret, for example `pass mail/home`.")
    env: Text | None = Field(None, description="An environment variable.")
    file: Text | None = Field(None, description="A file that holds the secret.")
    keyring: Text | None = Field(None, description="A service of the desktop keyring.")
    systemd: Text | None = Field(None, description="A systemd credential.")


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return shlex.split(value)
    except ValueError as error:
        raise PydanticCustomError(
            "quantity", "{message}", {"message": f"this command has an open quote: {error}"}
        ) from None


class TunnelModel(_Model):
    """A command whose standard input and output are the connection."""

    command: Annotated[list[Text], Field(min_length=1), BeforeValidator(_words), TEXT_OR_TEXTS]


class ProxyModel(_Model):
    """The proxy that connects to the server for us."""

    model_config = _NAME_AND_SECRET

    kind: Literal["socks5", "http"]
    host: Text
    port: int | None = Field(None, ge=1, le=65535, description="1080 for socks5, 8080 for http.")
    user: Text | None = None
    secret: SecretModel | None = None


class SmtpModel(_Model):
    """Where mail is handed in: for forward, reply and notify."""

    model_config = _NAME_AND_SECRET

    host: Text
    port: int | None = Field(None, ge=1, le=65535, description="465 for tls, 587 otherwise.")
    security: Literal["tls", "starttls", "none"] = "tls"
    user: Text | None = None
    secret: SecretModel | None = None
    from_: Text = Field(alias="from", description="The address that mail is from.")
    ca_file: Text | None = Field(None, description="A PEM file of authorities to trust besides the system's.")
    timeout: Duration = timedelta(seconds=60)


class ClientCertificateModel(_Model):
    """The certificate that the server may ask for, for `mechanism: external`."""

    certificate: Text = Field(description="A PEM file: the certificate, and those between it and its authority.")
    key: Text = Field(description="A PEM file without a passphrase that is yours and that nobody else may read.")


class LimitsModel(_Model):
    """What the account's server is spared."""

    connections: int = Field(default=3, ge=1, le=20, description="Connections at the same time.")


class TimeoutsModel(_Model):
    """How long each phase of a connection may take."""

    connect: Duration = timedelta(seconds=15)
    tls: Duration = timedelta(seconds=15)
    greeting: Duration = timedelta(seconds=15)
    login: Duration = timedelta(seconds=30)
    command: Duration = timedelta(seconds=120)
    idle_renew: Duration = timedelta(minutes=25)


class AccountModel(_Model):
    """One mail account."""

    model_config = either("host", "tunnel")

    user: Text
    secret: SecretModel | None = None
    host: Text | None = None
    port: int | None = Field(None, ge=1, le=65535)
    security: Literal["tls", "starttls", "none"] = "tls"
    insecure: bool = Field(default=False, description="Allow `security: none` to a host that is not this machine.")
    ca_file: Text | None = Field(None, description="A PEM file of authorities to trust besides the system's.")
    client_certificate: ClientCertificateModel | None = None
    tunnel: TunnelModel | None = None
    proxy: ProxyModel | None = Field(None, description="SOCKS 5 or HTTP CONNECT; it also looks the host up.")
    mechanism: (
        Literal[
            "plain",
            "login",
            "sasl-login",
            "cram-md5",
            "scram-sha-1",
            "scram-sha-256",
            "external",
            "xoauth2",
            "oauthbearer",
        ]
        | None
    ) = None
    compress: bool | None = Field(None, description="Compress; by default unless the server is on this machine.")
    search: Literal["none", "exact", "trusted"] = Field(
        "exact", description="By what the server's SEARCH may leave old mail out of a sweep; trusted: by text as well."
    )
    trash: Text | None = Field(None, description="The mailbox of `trash`; else the one marked \\Trash.")
    lease: bool | Text = Field(
        default=False, description="Let only one machine act at a time: true, or the name of the mailbox that tells."
    )
    trash_days: int | None = Field(None, ge=0, description="When the provider empties the trash; 0 means never.")
    archive: Text | None = Field(None, description="The mailbox of `archive`; else the one marked \\Archive.")
    junk: Text | None = Field(None, description="The mailbox of `report_spam`; else the one marked \\Junk.")
    addresses: Texts = Field([], description="Your own addresses; the user name is one where it has an @.")
    authserv_id: Texts = Field([], description="Servers whose Authentication-Results fields are believed.")
    smtp: SmtpModel | None = Field(None, description="Where mail of this account is handed in.")
    cache: Literal["facts", "none"] = Field("facts", description="none: no fact of its mail is kept between runs.")
    limits: LimitsModel = Field({}, validate_default=True)
    timeouts: TimeoutsModel = Field({}, validate_default=True)
