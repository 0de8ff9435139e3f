"""What shape the limits of the ways out have, and the endpoints that rules may call."""

# Annotations are not postponed here: pydantic would evaluate the text of each at every start.
from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from mailrules.rules.account_schema import SecretModel
from mailrules.rules.schema_types import STRICT, Duration, Period, Text


class _Model(BaseModel):
    model_config = STRICT


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
