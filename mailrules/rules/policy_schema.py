"""What shape a mailbox policy has: every key of an entry under ``mailboxes``, its type and its help."""

# Annotations are not postponed here: pydantic would evaluate the text of each at every start.
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from mailrules.rules.quantities import QuantityError, parse_size
from mailrules.rules.schema_types import STRICT

SpecialUse = Literal["all", "archive", "drafts", "flagged", "important", "junk", "sent", "trash"]


def _size_or_none(value: object) -> object:
    if value == "none":
        return None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise PydanticCustomError("quantity", "expected a size such as 2GiB, or none")
    try:
        return parse_size(str(value))
    except QuantityError as error:
        raise PydanticCustomError("quantity", "{message}", {"message": str(error), "cure": error.cure}) from None


def _count_or_none(value: object) -> object:
    if value == "none":
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise PydanticCustomError("quantity", "expected a whole number, or none")
    return value


class _Model(BaseModel):
    model_config = STRICT


class PolicyQuotaModel(_Model):
    """What the mailbox's quota root may hold."""

    storage: Annotated[int | None, BeforeValidator(_size_or_none), WithJsonSchema({"type": ["string", "integer"]})] = (
        Field(None, description="A size such as 2GiB, or none for no limit.")
    )
    messages: Annotated[
        int | None, BeforeValidator(_count_or_none), WithJsonSchema({"type": ["string", "integer"]})
    ] = Field(None, description="A number of messages, or none for no limit.")


class PolicyModel(_Model):
    """What is to be so of the mailboxes that a pattern means."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    rights: dict[str, str] = Field({}, description='Who may do what: letters of RFC 4314, "" for nothing.')
    others: Literal["keep", "remove"] = Field(
        "keep", description="What becomes of the rights of those who are not named under `rights`."
    )
    metadata: dict[str, str] = Field({}, description='Values of metadata entries, "" for none.')
    subscribed: bool | None = None
    special_use: SpecialUse | None = Field(None, description="What the mailbox is for.")
    quota: PolicyQuotaModel | None = None
    create: bool = Field(default=False, description="Make the mailbox if it is not there.")
    except_: Annotated[
        list[str],
        BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
    ] = Field([], alias="except", description="Mailboxes that the pattern does not mean, as account/mailbox.")
