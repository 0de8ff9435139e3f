"""What shape an example beside the rules has: the message that is given, and what is expected of it."""

# Annotations are not postponed here: pydantic would evaluate the text of each at every start.
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from mailrules.rules.schema_types import STRICT, SizeBytes, Text, Texts


class _Model(BaseModel):
    model_config = STRICT


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
    earlier: list["GivenModel"] = Field([], description="The messages that lie before it in the mailbox.")


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
