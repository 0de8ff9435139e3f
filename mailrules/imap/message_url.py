"""How is a message, or a part of it, named by a URL (RFC 5092)?"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from mailrules.errors import LocalProtocolError
from mailrules.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.imap.writer import Partial

# RFC 5092 section 11: bchar, and achar for what holds no slash
_IN_MAILBOX = "!$'()*+,&=:@/~"
_IN_WORD = "!$'()*+,&=~"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUrl:
    """A message of the account we are logged in to.

    ``section`` is what would stand in the brackets of BODY, as ``1.2.MIME``; "" is the whole message.
    """

    mailbox: str
    uid: int
    uidvalidity: int | None = None
    section: str = ""
    partial: Partial | None = None

    def relative(self) -> str:
        """``/Drafts;UIDVALIDITY=385759045/;UID=20/;SECTION=1.MIME``, as CATENATE takes it (RFC 4469 section 3)."""
        validity = "" if self.uidvalidity is None else f";UIDVALIDITY={self.uidvalidity}"
        section = f"/;SECTION={quote(self.section, safe=_IN_WORD)}" if self.section else ""
        partial = "" if self.partial is None else f"/;PARTIAL={self.partial.first}.{self.partial.count}"
        return f"/{quote(self.mailbox, safe=_IN_MAILBOX)}{validity}/;UID={self.uid}{section}{partial}"

    def rump(self, *, user: str, host: str, access: str, expires: datetime | None = None) -> str:
        """The URL that GENURLAUTH signs (RFC 4467 section 3).

        ``access`` is who may use it: ``anonymous``, ``authuser``, ``user+`` or ``submit+`` and a user;
        ``expires`` has to know its time zone.
        """
        if expires is not None and expires.tzinfo is None:
            raise LocalProtocolError("the end of a URL's life needs a time zone")
        end = "" if expires is None else f";EXPIRE={expires.isoformat(timespec='seconds')}"
        who = f"{quote(user, safe=_IN_WORD)}@{host}"
        return f"imap://{who}{self.relative()}{end};URLAUTH={quote(access, safe=_IN_WORD)}"
