"""Which section of which RFC speaks of a response, or of an attribute of FETCH? For errors about bad ones."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY_RESPONSE: Final = "RFC 9051 section 2.2.2"
LITERALS: Final = "RFC 9051 section 4.3"
SETS: Final = "RFC 9051 section 9"
STATUS_RESPONSES: Final = "RFC 9051 section 7.1"

RESPONSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ACL": "RFC 4314 section 3.6",
        "ANNOTATION": "draft-daboo-imap-annotatemore",
        "CAPABILITY": "RFC 9051 section 7.2.2",
        "COMPARATOR": "RFC 5255 section 4.8",
        "ENABLED": "RFC 9051 section 7.2.1",
        "ESEARCH": "RFC 9051 section 7.3.4",
        "EXISTS": "RFC 9051 section 7.4.1",
        "EXPUNGE": "RFC 9051 section 7.5.1",
        "FETCH": "RFC 9051 section 7.5.2",
        "FLAGS": "RFC 9051 section 7.3.5",
        "GENURLAUTH": "RFC 4467 section 8",
        "ID": "RFC 2971 section 3.2",
        "JMAPACCESS": "RFC 9698 section 4",
        "LANGUAGE": "RFC 5255 section 3.3",
        "LIST": "RFC 9051 section 7.3.1",
        "LISTRIGHTS": "RFC 4314 section 3.7",
        "LSUB": "RFC 3501 section 7.2.3",
        "METADATA": "RFC 5464 section 4.4",
        "MYRIGHTS": "RFC 4314 section 3.8",
        "NAMESPACE": "RFC 9051 section 7.3.2",
        "QUOTA": "RFC 9208 section 4.2.1",
        "QUOTAROOT": "RFC 9208 section 4.2.2",
        "RECENT": "RFC 3501 section 7.3.2",
        "SEARCH": "RFC 3501 section 7.2.5",
        "SORT": "RFC 5256 section 4",
        "STATUS": "RFC 9051 section 7.3.3",
        "THREAD": "RFC 5256 section 4",
        "UIDFETCH": "RFC 9586 section 3.3",
        "URLFETCH": "RFC 4467 section 8",
        "VANISHED": "RFC 7162 section 3.2.10",
    }
)
ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ANNOTATION": "RFC 5257 section 4.4",
        "EMAILID": "RFC 8474 section 5.3",
        "MODSEQ": "RFC 7162 section 3.1.4.2",
        "PREVIEW": "RFC 8970 section 3.2",
        "SAVEDATE": "RFC 8514 section 4.2",
        "THREADID": "RFC 8474 section 5.3",
        "X-GM-LABELS": "Gmail IMAP Extensions",
        "X-GM-MSGID": "Gmail IMAP Extensions",
        "X-GM-THRID": "Gmail IMAP Extensions",
    }
)
_NAME = re.compile(rb"\* *+(?:[0-9]{1,10} ++)?([A-Z]{2,20}+)", re.IGNORECASE)


def section_of_response(name: str) -> str:
    """The section on the untagged response of this name, in upper case."""
    return RESPONSES.get(name, ANY_RESPONSE)


def section_of_attribute(name: str) -> str:
    """The section on this attribute of FETCH."""
    return ATTRIBUTES.get(name, RESPONSES["FETCH"])


def section_of_frame(frame: bytes) -> str:
    """The section on what this frame seems to be."""
    match = _NAME.match(frame)
    return ANY_RESPONSE if match is None else section_of_response(match[1].decode().upper())
