"""What shape a rule file has: every fixed key, its type and its help.

The words inside ``if`` and ``do`` are not here: they come from the registry. Nor are the shapes of what not every file
has: whoever reads it checks it.
"""

# Annotations are not postponed here: pydantic would evaluate the text of each at every start.
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

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

from mailrules.rules.schema_types import (
    STRICT,
    CacheBytes,
    OneOrMore,
    Period,
    ShadowPeriod,
    Text,
    Texts,
    TimeOfDay,
    either,
    shape,
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
    model_config = STRICT


class ListFileModel(_Model):
    """A list kept in a text file: one entry a line, `#` begins a comment."""

    file: Text


class GuardModel(_Model):
    """How many messages the rule may change in a window of time."""

    max_messages: int = Field(200, ge=1)
    per: Period = timedelta(hours=1)


class EventModel(_Model):
    """One time at which a rule is due; exactly one key."""

    model_config = either("at", "every")

    at: TimeOfDay | None = None
    every: Period | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
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

    model_config = either("if", "else")

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
    choose: Annotated[
        list[Annotated[object, shape("BranchModel")]] | None, Field(json_schema_extra={"minItems": 1})
    ] = None
    stop: Stop = None
    enabled: bool = Field(default=True, description="false: the rule is checked, and does nothing.")
    # Not None where it is left out: a rule whose `shadow` has no value is refused, since it would act.
    shadow: ShadowPeriod = Field(
        default_factory=timedelta,
        description="So long after mailrules first saw the rule as it stands, it only reports what it would do.",
    )
    may_loop: bool = Field(default=False, description="Its moves may lead in a circle with those of other rules.")


class DocumentModel(_Model):
    """A mailrules configuration or rule file."""

    version: Literal[1]
    accounts: dict[str, Annotated[object, shape("AccountModel")]] = {}
    lists: dict[
        str,
        Annotated[
            object,
            WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"words": "ListFileModel"}]}),
        ],
    ] = {}
    conditions: dict[str, Condition] = {}
    mailboxes: dict[str, Annotated[object, shape("PolicyModel")]] = {}
    defaults: Annotated[object, shape("DefaultsModel", or_null=True)] = None
    rules: list[Annotated[object, shape("RuleModel")]] = []
    tests: list[Annotated[object, shape("TestModel")]] = []
    include: Texts = []
    plugins: Texts = []
    allow: OneOrMore[
        Literal["delete", "forward", "reply", "notify", "webhook", "pipe", "save_attachments", "unsubscribe"]
    ] = []
    smtp: Annotated[object, shape("SmtpModel", or_null=True)] = None
    webhooks: dict[str, Annotated[object, shape("WebhookModel")]] = {}
    outbox: Annotated[object, shape("OutboxModel", or_null=True)] = None
    deletion: Annotated[object, shape("DeletionModel", or_null=True)] = None
    cache: CacheBytes = Field(CACHE_BYTES, description="How much is kept between runs: a size, or none.")
