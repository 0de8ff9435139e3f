"""Commands about the session: who we are, what the server can do, and how bytes travel."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, ClassVar

from mailrules.errors import RemoteProtocolError
from mailrules.imap.command import Answer, Command, Extension, StatusOnly
from mailrules.imap.response_codes import CapabilityCode
from mailrules.imap.responses import CapabilityData, EnabledData, IdData
from mailrules.imap.sections import section_of_response
from mailrules.imap.shown import shown
from mailrules.imap.writer import AString, Atom, Node, ParenthesisedList, Quoted
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.sasl import Mechanism
    from mailrules.secret import Secret

CANCEL_AUTHENTICATION = b"*"
SASL_IR = Extension(capability="SASL-IR", rfc="RFC 4959", in_rev2=True)


@dataclass(frozen=True, slots=True)
class Capability(Command[frozenset[str]]):
    """CAPABILITY (RFC 9051 section 6.1.1); the result is upper case."""

    name: ClassVar[str] = "CAPABILITY"

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, CapabilityData)

    def result(self, answer: Answer) -> frozenset[str]:
        told = [response.capabilities for response in answer.claimed if isinstance(response, CapabilityData)]
        if isinstance(answer.reply.code, CapabilityCode):
            told.append(answer.reply.code.capabilities)
        if not told:
            raise RemoteProtocolError(
                "the server answered CAPABILITY without any CAPABILITY response",
                sent=shown(answer.reply.text),
                rfc=section_of_response("CAPABILITY"),
            )
        return told[-1]


@dataclass(frozen=True, slots=True)
class Noop(StatusOnly):
    """NOOP (RFC 9051 section 6.1.2): lets the server tell what changed."""

    name: ClassVar[str] = "NOOP"


@dataclass(frozen=True, slots=True)
class Logout(StatusOnly):
    """LOGOUT (RFC 9051 section 6.1.3); done when the server says BYE or closes."""

    name: ClassVar[str] = "LOGOUT"


@dataclass(frozen=True, slots=True)
class Id(Command["Mapping[str, str | None] | None"]):
    """ID (RFC 2971): who we are, for who they are; no fields are sent as NIL."""

    name: ClassVar[str] = "ID"
    extension: ClassVar[Extension | None] = Extension(capability="ID", rfc="RFC 2971")
    fields: tuple[tuple[str, str], ...] = ()

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        if not self.fields:
            return (Atom("NIL"),)
        return (ParenthesisedList(tuple(Quoted(word) for pair in self.fields for word in pair)),)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, IdData)

    def result(self, answer: Answer) -> Mapping[str, str | None] | None:
        for response in answer.claimed:
            if isinstance(response, IdData):
                return response.fields
        return None


@dataclass(frozen=True, slots=True)
class Enable(Command[frozenset[str]]):
    """ENABLE (RFC 5161); the result is what is enabled now, empty where the server does not say (iCloud)."""

    name: ClassVar[str] = "ENABLE"
    extension: ClassVar[Extension | None] = Extension(capability="ENABLE", rfc="RFC 5161", in_rev2=True)
    capabilities: tuple[str, ...]

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return tuple(Atom(capability) for capability in self.capabilities)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, EnabledData)

    def result(self, answer: Answer) -> frozenset[str]:
        return frozenset().union(*(one.capabilities for one in answer.claimed if isinstance(one, EnabledData)))


@dataclass(frozen=True, slots=True)
class StartTls(StatusOnly):
    """STARTTLS (RFC 9051 section 6.2.1). The driver shakes hands before the command counts as done."""

    name: ClassVar[str] = "STARTTLS"
    extension: ClassVar[Extension | None] = Extension(capability="STARTTLS", rfc="RFC 9051 section 6.2.1")


@dataclass(frozen=True, slots=True)
class Unauthenticate(StatusOnly):
    """UNAUTHENTICATE (RFC 8437): nobody is logged in any more; TLS and the connection stay.

    What ENABLE switched on is off again. A connection that is compressed refuses it, with LocalProtocolError.
    """

    name: ClassVar[str] = "UNAUTHENTICATE"
    extension: ClassVar[Extension | None] = Extension(capability="UNAUTHENTICATE", rfc="RFC 8437")


@dataclass(frozen=True, slots=True)
class Compress(StatusOnly):
    """COMPRESS DEFLATE (RFC 4978). The driver compresses before the command counts as done."""

    name: ClassVar[str] = "COMPRESS"
    extension: ClassVar[Extension | None] = Extension(capability="COMPRESS=DEFLATE", rfc="RFC 4978")

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (Atom("DEFLATE"),)


@dataclass(frozen=True, slots=True)
class Login(StatusOnly):
    """LOGIN (RFC 9051 section 6.2.3)."""

    name: ClassVar[str] = "LOGIN"
    is_secret: ClassVar[bool] = True
    user: str
    password: Secret

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (AString(self.user), AString(self.password.reveal()))


@dataclass(frozen=True, slots=True)
class Authenticate(StatusOnly):
    """AUTHENTICATE (RFC 9051 section 6.2.2), with the initial response at once where SASL-IR allows (RFC 4959).

    The mechanism lives for one exchange: a value of this command is run once.
    """

    name: ClassVar[str] = "AUTHENTICATE"
    is_secret: ClassVar[bool] = True
    mechanism: Mechanism

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        if not SASL_IR.is_offered(offered):
            return (Atom(self.mechanism.name),)
        response = self.mechanism.initial_response()
        if response is None:
            return (Atom(self.mechanism.name),)
        # "=" stands for an initial response of no bytes (RFC 4959 section 3)
        return (Atom(self.mechanism.name), Atom(b64encode(response).decode() or "="))

    def reply_to(self, challenge: bytes, *, turn: int, offered: frozenset[str]) -> bytes | None:
        response = self.mechanism.initial_response()
        if turn == 0 and response is not None and not SASL_IR.is_offered(offered):
            return b64encode(response)
        try:
            decoded = b64decode(challenge.strip(), validate=True)
        except binascii.Error:
            return CANCEL_AUTHENTICATION
        answer = self.mechanism.answer(decoded)
        return CANCEL_AUTHENTICATION if answer is None else b64encode(answer)


@dataclass(frozen=True, slots=True)
class Idle(StatusOnly):
    """IDLE (RFC 2177); the connection ends it with DONE when told to by ``finish_idle``."""

    name: ClassVar[str] = "IDLE"
    extension: ClassVar[Extension | None] = Extension(capability="IDLE", rfc="RFC 2177", in_rev2=True)
