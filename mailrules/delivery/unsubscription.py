"""By which of the ways that a message offers may a machine leave its list (RFC 2369, RFC 8058)?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit

from mailrules.mailbox.strict_address import strict_address
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.delivery.automatic import MailHeader

UNSUBSCRIBE_FIELDS = ("list-unsubscribe", "list-unsubscribe-post", "list-id", "from")
ONE_CLICK = b"List-Unsubscribe=One-Click"
"""The field that offers it, and the whole of what is posted (RFC 8058 section 3.1)."""

MAX_FIELD_CHARACTERS = 8_000
MAX_URL_CHARACTERS = 2_000
_BRACKETED = re.compile(r"<\s*([^<>]{1,4000}?)\s*>")
_PRINTABLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """Either ``url``, to which a POST is enough, or a mail to ``address`` with ``subject`` and ``text``."""

    url: str = ""
    address: str = ""
    subject: str = "unsubscribe"
    text: str = ""


def way_out(mail: MailHeader) -> WayOut | str:
    """The best way that a machine may go, or why there is none.

    A web page without One-Click is for people: a GET may mean anything, and RFC 8058 has the POST for machines.
    """
    fields = mail.texts("list-unsubscribe")
    if len(fields) != 1:
        return f"{len(fields)} List-Unsubscribe fields" if fields else "it has no List-Unsubscribe field"
    if len(fields[0]) > MAX_FIELD_CHARACTERS:
        return "its List-Unsubscribe field is too long"
    targets = [re.sub(r"\s+", "", found) for found in _BRACKETED.findall(fields[0])]
    if mail.texts("list-unsubscribe-post") == (ONE_CLICK.decode(),):
        url = next((one for one in targets if _is_callable(one)), "")
        if url:
            return WayOut(url=url)
    mails = (_mail_of(one) for one in targets if one.lower().startswith("mailto:"))
    return next((one for one in mails if one is not None), "it offers neither One-Click (RFC 8058) nor a mail address")


def list_name(mail: MailHeader, way: WayOut) -> str:
    """What stands for the list in limits: it is left once in a while, however many messages it sends."""
    return (mail.text("list-id") or urlsplit(way.url).hostname or way.address).lower()[:200]


def _is_callable(url: str) -> bool:
    if len(url) > MAX_URL_CHARACTERS or not _PRINTABLE.fullmatch(url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme.lower() == "https" and bool(parts.hostname) and parts.port != 0 and not parts.username
    except ValueError:
        return False


def _mail_of(url: str) -> WayOut | None:
    """A mailto URL (RFC 6068) of one address; of its fields only subject and body, on one line each."""
    rest, _, query = url[len("mailto:") :].partition("?")
    try:
        address = strict_address(unquote(rest))
        fields = {name.lower(): values[0] for name, values in parse_qs(query, max_num_fields=10).items()}
    except ValueError:
        return None
    subject, text = (" ".join(fields.get(name, "").split())[:200] for name in ("subject", "body"))
    return WayOut(address=address, subject=subject or "unsubscribe", text=text)
