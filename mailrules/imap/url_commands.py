"""Commands about URLs: reading by them, making ones that others may read by, and where JMAP is."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from mailrules.errors import LocalProtocolError, RemoteProtocolError
from mailrules.imap.answers import every, newest
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.response_codes import UrlMechanismsCode
from mailrules.imap.sections import section_of_response
from mailrules.imap.shown import shown
from mailrules.imap.url_data import GenUrlAuthData, JmapAccessData, UrlFetchData
from mailrules.imap.writer import Atom, MailboxNode, Node, Quoted
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.imap.parser import Untagged

URLAUTH = Extension(capability="URLAUTH", rfc="RFC 4467")
INTERNAL = "INTERNAL"
"""The mechanism that every server with URLAUTH has."""


@dataclass(frozen=True, slots=True)
class GenUrlAuth(Command[tuple[str, ...]]):
    """GENURLAUTH (RFC 4467 section 7): sign URLs, so that others may read what they name; see ``MessageUrl.rump``.

    The result is as secret as what it lets be read.
    """

    name: ClassVar[str] = "GENURLAUTH"
    extension: ClassVar[Extension | None] = URLAUTH
    rumps: tuple[str, ...]
    mechanism: str = INTERNAL

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.rumps:
            raise LocalProtocolError("GENURLAUTH without any URL cannot be sent")
        return tuple(node for rump in self.rumps for node in (Quoted(rump), Atom(self.mechanism)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, GenUrlAuthData)

    def result(self, answer: Answer) -> tuple[str, ...]:
        urls = newest(GenUrlAuthData, answer, command=self.name).urls
        if len(urls) != len(self.rumps):
            raise RemoteProtocolError(
                f"the server signed {len(urls)} URLs of {len(self.rumps)}",
                sent=shown(" ".join(urls)),
                rfc=section_of_response("GENURLAUTH"),
            )
        return urls


@dataclass(frozen=True, slots=True)
class ResetKey(Command["Mapping[str, str]"]):
    """RESETKEY (RFC 4467 section 7): all URLs signed so far for this mailbox end, "" for all mailboxes.

    The result is the mechanisms with their keys in base64, "" where the server keeps the key to itself.
    """

    name: ClassVar[str] = "RESETKEY"
    extension: ClassVar[Extension | None] = URLAUTH
    mailbox: str = ""
    mechanisms: tuple[str, ...] = ()

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.mailbox:
            if self.mechanisms:
                raise LocalProtocolError("RESETKEY takes mechanisms only for a mailbox")
            return ()
        return (MailboxNode(self.mailbox), *(Atom(mechanism) for mechanism in self.mechanisms))

    def result(self, answer: Answer) -> Mapping[str, str]:
        code = answer.reply.code
        return code.mechanisms if isinstance(code, UrlMechanismsCode) else MappingProxyType({})


@dataclass(frozen=True, slots=True)
class UrlFetch(Command["Mapping[str, bytes | None]"]):
    """URLFETCH (RFC 4467 section 7): what signed URLs name; None for one that is not valid, for whatever reason."""

    name: ClassVar[str] = "URLFETCH"
    extension: ClassVar[Extension | None] = URLAUTH
    is_secret: ClassVar[bool] = True
    urls: tuple[str, ...]

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.urls:
            raise LocalProtocolError("URLFETCH without any URL cannot be sent")
        return tuple(Quoted(url) for url in self.urls)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, UrlFetchData)

    def result(self, answer: Answer) -> Mapping[str, bytes | None]:
        told = {url: content for one in every(UrlFetchData, answer) for url, content in one.contents.items()}
        return MappingProxyType({url: told.get(url) for url in self.urls})


@dataclass(frozen=True, slots=True)
class GetJmapAccess(Command[str]):
    """GETJMAPACCESS (RFC 9698): the URL of the JMAP session that has the same messages."""

    name: ClassVar[str] = "GETJMAPACCESS"
    extension: ClassVar[Extension | None] = Extension(capability="JMAPACCESS", rfc="RFC 9698")

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, JmapAccessData)

    def result(self, answer: Answer) -> str:
        return newest(JmapAccessData, answer, command=self.name).session_url
