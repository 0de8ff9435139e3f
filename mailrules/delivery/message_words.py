"""What a text of ours may say of the message that caused it: the fields of its template, cleaned and cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.delivery.header_writing import MAX_TEXT_CHARACTERS
from mailrules.logs import clean_text
from mailrules.mailbox.address import parse_addresses
from mailrules.rules.templates import Field, parse_template

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.delivery.automatic import MailHeader

WORDS = (
    "subject",
    "list_id",
    "from",
    "from.address",
    "from.name",
    "from.domain",
    "from.local",
    "received",
)
"""The fields that a text may have."""


def rendered(template: str, mail: MailHeader, *, received: datetime | None) -> str:
    """The text with its fields filled in; a field that the message lacks is empty."""
    return "".join(
        part if isinstance(part, str) else _value(part, mail, received=received)
        for part in parse_template(template).parts
    )


def _value(field: Field, mail: MailHeader, *, received: datetime | None) -> str:
    name, _, part = field.name.partition(".")
    match name:
        case "received":
            text = received.strftime(field.format) if received is not None else ""
        case "from":
            parsed = parse_addresses(next(iter(mail.fields.get("from", ())), b""))
            address = parsed[0] if isinstance(parsed, tuple) and parsed else None
            text = str(getattr(address, part or "address", ""))
        case _:
            text = mail.text(name.replace("_", "-"))
    return clean_text(text)[:MAX_TEXT_CHARACTERS]
