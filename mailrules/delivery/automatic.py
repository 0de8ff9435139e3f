"""May this mail be answered or forwarded by a machine? RFC 3834, and what keeps two machines from writing for ever."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.delivery.marks import LOOP_FIELD, carries_our_mark
from mailrules.mailbox.address import parse_addresses
from mailrules.mailbox.headers import header_fields, header_text
from mailrules.mailbox.strict_address import strict_address
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_RECEIVED = 30
"""Mail that passed so many servers is taken to go in a circle."""

LIST_FIELDS = (
    "list-id",
    "list-post",
    "list-help",
    "list-owner",
    "list-archive",
    "list-subscribe",
    "list-unsubscribe",
)
READ_FIELDS = (
    "from",
    "to",
    "cc",
    "subject",
    "message-id",
    "return-path",
    "received",
    "auto-submitted",
    "precedence",
    "x-auto-response-suppress",
    LOOP_FIELD.lower(),
    *LIST_FIELDS,
)
"""The header fields that are looked at, for a server to be asked for."""

_ROLE = re.compile(
    r"mailer-daemon|postmaster|no-?reply|do-?not-?reply|owner-.*|.*-(?:owner|request|bounces?)", re.IGNORECASE
)
_SUPPRESSED = {"all", "oof", "autoreply"}


@dataclass(frozen=True, slots=True)
class MailHeader:
    """The fields of one mail's header: lower-case names to raw values."""

    fields: Mapping[str, tuple[bytes, ...]]

    @classmethod
    def of(cls, block: bytes) -> MailHeader:
        fields: dict[str, tuple[bytes, ...]] = {}
        for name, value in header_fields(block):
            fields[name] = (*fields.get(name, ()), value)
        return cls(fields)

    def texts(self, name: str) -> tuple[str, ...]:
        """Decoded values; what is too complex to be read is left out."""
        found = (header_text(value) for value in self.fields.get(name, ()))
        return tuple(one for one in found if isinstance(one, str))

    def text(self, name: str) -> str:
        return next(iter(self.texts(name)), "")

    def addresses(self, *names: str) -> tuple[str, ...]:
        """The strict addresses of these fields, in lower case; others are left out."""
        found = []
        for name in names:
            for value in self.fields.get(name, ()):
                parsed = parse_addresses(value)
                found += [_strict(one.address) for one in parsed] if isinstance(parsed, tuple) else []
        return tuple(one.lower() for one in found if one)

    @property
    def is_from_nobody(self) -> bool:
        """Whether the envelope's sender is null: a report of non-delivery, or another machine's answer."""
        return any(value.strip() == b"<>" for value in self.fields.get("return-path", ()))

    @property
    def is_from_list(self) -> bool:
        return any(name in self.fields for name in LIST_FIELDS)

    @property
    def sender(self) -> str:
        """Whom an answer goes to: the envelope's sender where the server kept it, else the only author.

        "" where that is not clear.
        """
        found = self.addresses("return-path") if "return-path" in self.fields else self.addresses("from")
        return found[0] if len(set(found)) == 1 else ""


def why_not_answered(mail: MailHeader, *, own: frozenset[str], key: bytes) -> str:
    """Why no machine may answer this mail; "" if it may. ``own`` are our addresses in lower case."""
    local = mail.sender.partition("@")[0]
    submitted = mail.text("auto-submitted").partition(";")[0].strip().lower()
    if mail.is_from_nobody:
        return "its sender is null"
    if not mail.sender:
        return "it has no single plain sender address"
    if _ROLE.fullmatch(local):
        return f"{mail.sender} is no person's address"
    if mail.sender in own:
        return "we sent it"
    if mail.is_from_list:
        return "it came over a list"
    if any(one.strip().lower() in {"bulk", "junk", "list"} for one in mail.texts("precedence")):
        return f"its Precedence is {mail.text('precedence')}"
    if submitted not in {"", "no"}:
        return f"it was sent by a machine (Auto-Submitted: {submitted})"
    if _SUPPRESSED & {word.strip().lower() for word in mail.text("x-auto-response-suppress").split(",")}:
        return "its sender wants no answer by a machine"
    if not own.intersection(mail.addresses("to", "cc")):
        return "none of our addresses is in To or Cc"
    return why_in_a_circle(mail, key=key)


def why_not_forwarded(mail: MailHeader, *, to: str, key: bytes) -> str:
    """Why this mail must not be forwarded to this address; "" if it may."""
    if mail.is_from_nobody:
        return "its sender is null"
    if to.lower() in mail.addresses("from", "return-path"):
        return f"{to} sent it"
    if mail.is_from_list and to.lower() in {*mail.addresses("to", "cc"), *_list_addresses(mail)}:
        return f"it came over the list {to}"
    return why_in_a_circle(mail, key=key)


def why_in_a_circle(mail: MailHeader, *, key: bytes) -> str:
    """Whether this mail has been here before; "" if not."""
    if carries_our_mark(mail.texts(LOOP_FIELD.lower()), key=key):
        return "it carries our own loop mark"
    hops = len(mail.fields.get("received", ()))
    if hops >= MOST_RECEIVED:
        return f"it has passed {hops} servers"
    return ""


def _list_addresses(mail: MailHeader) -> set[str]:
    posts = " ".join(mail.texts("list-post"))
    return {one.lower() for one in re.findall(r"mailto:([^?>\s]+)", posts)}


def _strict(address: str) -> str:
    try:
        return strict_address(address)
    except ValueError:
        return ""
