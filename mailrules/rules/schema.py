"""What shape a rule file has: every fixed key, its type and its help.

The words inside ``if`` and ``do`` are not here: they come from the registry.
"""

from __future__ import annotations

import shlex
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SkipValidation,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mailrules.rules.policy_schema import PolicyModel  # noqa: TC001 -- pydantic looks the name up
from mailrules.rules.schema_types import (
    TEXT_OR_TEXTS,
    CacheBytes,
    CheckedApart,
    Duration,
    OneOrMore,
    Period,
    ShadowPeriod,
    SizeBytes,
    Text,
    Texts,
    TimeOfDay,
)
from mailrules.settings import CACHE_BYTES

# The registry's words; ``json_schema`` puts their schemas where "words" stands.
Condition = Annotated[SkipValidation[Any], WithJsonSchema({"words": "condition"})]  # Any: see lower
Actions = Annotated[SkipValidation[Any], WithJsonSchema({"words": "actions"})]  # Any: see lower
Stop = Annotated[
    bool | None,
    BeforeValidator(lambda value: None if value == "auto" else value),
    WithJsonSchema({"enum": [True, False, "auto"]}),
]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False, defer_build=True)


# What only editors need to know: the loader says it in better words.
_NAME_AND_SECRET = ConfigDict(json_schema_extra={"dependentRequired": {"user": ["secret"], "secret": ["user"]}})


def _either(one: str, other: str) -> ConfigDict:
    return ConfigDict(json_schema_extra={"oneOf": [{"required": [one]}, {"required": [other]}]})


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


class WebhookModel(_Model):
    """An endpoint that rules may call by its name."""

    url: Text
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,60}$")] = Field(
        "Authorization", description="The header that carries the secret."
    )
    secret: SecretModel | None = Field(None, description="The header's whole value.")
    idempotent: bool = Field(default=False, description="The receiver drops a call whose Idempotency-Key it knows.")
    allow_private: bool = Field(default=False, description="It may be on this machine or in a private network.")
    ca_file: Text | None = Field(None, description="A PEM file of authorities to trust besides the system's.")
    timeout: Duration = timedelta(seconds=30)


class OutboxModel(_Model):
    """How much may go out in a while, and how often one effect is tried."""

    per_rule: int = Field(100, ge=1)
    per_recipient: int = Field(50, ge=1)
    in_all: int = Field(200, ge=1)
    per: Period = timedelta(hours=1)
    attempts: int = Field(8, ge=1, le=100)


class DeletionModel(_Model):
    """What `delete` and `expire` may do at most in one run."""

    min_age: Period = timedelta(days=1)
    max_messages: int = Field(1000, ge=1)


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

    model_config = _either("host", "tunnel")

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


class ListFileModel(_Model):
    """A list kept in a text file: one entry a line, `#` begins a comment."""

    file: Text


class GuardModel(_Model):
    """How many messages the rule may change in a window of time."""

    max_messages: int = Field(200, ge=1)
    per: Period = timedelta(hours=1)


class EventModel(_Model):
    """One time at which a rule is due; exactly one key."""

    model_config = _either("at", "every")

    at: TimeOfDay | None = None
    every: Period | None = None

    @model_validator(mode="after")
    def _one_key(self) -> EventModel:
        if (self.at is None) == (self.every is None):
            raise PydanticCustomError("empty", "an event has one key, at or every", {"cure": 'write {at: "03:20"}'})
        return self


def _event_tag(value: object) -> str:
    return "tag:word" if isinstance(value, str) else "tag:mapping"


Event = Annotated[
    Annotated[Literal["new"], Tag("tag:word")] | Annotated[EventModel, Tag("tag:mapping")], Discriminator(_event_tag)
]
Events = OneOrMore[Event]


class DefaultsModel(_Model):
    """What rules use that do not say otherwise."""

    in_: Texts | None = Field(None, alias="in", description="Mailboxes, as account/mailbox.")
    guard: GuardModel | None = None
    events: Events | None = None
    if_unknowable: Literal["hold", "skip"] | None = None
    first_run: Literal["preview", "act"] | None = Field(
        None, description="What the daemon does with a rule that is new in a mailbox."
    )
    conflict: Literal["first", "last", "fan-out", "error"] | None = None


class BranchModel(_Model):
    """One arm of `choose`."""

    model_config = _either("if", "else")

    if_: Condition = Field(None, alias="if")
    else_: Literal[True] | None = Field(None, alias="else")
    do: Actions


class RuleModel(DefaultsModel):
    """One rule."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": ["do"]}, {"required": ["choose"]}],
            "anyOf": [{"required": ["if"]}, {"required": ["choose"]}],
        }
    )

    name: Text
    if_: Condition = Field(None, alias="if")
    do: Actions = None
    choose: Annotated[list[CheckedApart[BranchModel]] | None, Field(json_schema_extra={"minItems": 1})] = None
    stop: Stop = None
    enabled: bool = Field(default=True, description="false: the rule is checked, and does nothing.")
    # Not None where it is left out: a rule whose `shadow` has no value is refused, since it would act.
    shadow: ShadowPeriod = Field(
        default_factory=timedelta,
        description="So long after mailrules first saw the rule as it stands, it only reports what it would do.",
    )
    may_loop: bool = Field(default=False, description="Its moves may lead in a circle with those of other rules.")


class AttachmentModel(_Model):
    """One attachment of an example's message."""

    name: str = "attachment"
    type: Annotated[str, Field(pattern=r"^[a-z0-9.+-]+/[a-z0-9.+-]+$")] = "application/octet-stream"
    size: SizeBytes = 1024


class GivenModel(_Model):
    """The message of an example; what is left out has a usual value."""

    eml: Text | None = Field(None, description="A file with the message, beside this one; see the reference.")
    from_: str = Field("Someone <someone@example.org>", alias="from")
    to: Texts = ["me@example.org"]
    cc: Texts = []
    bcc: Texts = []
    reply_to: Texts = []
    sender: str | None = None
    subject: str = ""
    list_id: str | None = None
    message_id: str = "<example@mailrules.invalid>"
    headers: dict[str, Texts] = {}
    body: str = ""
    size: SizeBytes | None = None
    received: str | None = Field(None, description="A date, an instant, or an age such as 40d.")
    saved: str | None = Field(None, description="When it came into the mailbox: a date, an instant, or an age.")
    labels: Texts = []
    sent: str | None = Field(None, description="A date, an instant, or an age; left out: as received.")
    flags: Texts = []
    keywords: Texts = []
    attachments: list[AttachmentModel] = []
    mailbox: Text | None = Field(None, description="Left out: the first mailbox of the rules.")
    special_use: list[Literal["all", "archive", "drafts", "flagged", "important", "junk", "sent", "trash"]] = Field(
        [], description="What the server says that the mailbox is for."
    )
    now: Text | None = Field(None, description="The time at which the rules are judged, an instant with its zone.")
    cause: Literal["new", "schedule", "run"] = Field("run", description="Why the rules are judged.")
    from_mailbox: Text | None = Field(None, description="The mailbox from which mailrules brought the message.")
    found_by: Texts = Field([], description="The server's searches (`search`, `gmail`) that find the message.")
    earlier: list[GivenModel] = Field([], description="The messages that lie before it in the mailbox.")


class ExpectModel(_Model):
    """What the rules should do with the message."""

    matched: Texts | None = None
    not_matched: Texts | None = None
    flags: Texts | None = None
    keywords: Texts | None = None
    mailbox: Text | None = None
    copies: Texts | None = None


class TestModel(_Model):
    """One example, checked by `mailrules test` and before every apply."""

    __test__ = False

    name: Text
    given: GivenModel
    expect: ExpectModel


class DocumentModel(_Model):
    """A mailrules configuration or rule file."""

    version: Literal[1]
    accounts: dict[str, CheckedApart[AccountModel]] = {}
    lists: dict[str, CheckedApart[list[str] | ListFileModel]] = {}
    conditions: dict[str, Condition] = {}
    mailboxes: dict[str, CheckedApart[PolicyModel]] = {}
    defaults: CheckedApart[DefaultsModel | None] = None
    rules: list[CheckedApart[RuleModel]] = []
    tests: list[CheckedApart[TestModel]] = []
    include: Texts = []
    plugins: Texts = []
    allow: OneOrMore[
        Literal["delete", "forward", "reply", "notify", "webhook", "pipe", "save_attachments", "unsubscribe"]
    ] = []
    smtp: CheckedApart[SmtpModel | None] = None
    webhooks: dict[str, CheckedApart[WebhookModel]] = {}
    outbox: CheckedApart[OutboxModel | None] = None
    deletion: CheckedApart[DeletionModel | None] = None
    cache: CacheBytes = Field(CACHE_BYTES, description="How much is kept between runs: a size, or none.")
