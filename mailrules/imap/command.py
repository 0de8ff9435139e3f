"""What is a command: a frozen value that knows what to write and how to read its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.parser import Untagged
    from mailrules.imap.responses import Tagged
    from mailrules.imap.sequence_set import SequenceSet
    from mailrules.imap.writer import Node

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """What a server must announce before a command makes sense there."""

    capability: str
    rfc: str
    in_rev2: bool = False
    """Whether IMAP4rev2 (RFC 9051 appendix E) has it built in."""
    implied_by: frozenset[str] = frozenset()
    """Other capabilities of which it is a part."""
    must_be_enabled: bool = False
    """Whether ENABLE (RFC 5161) has to name it, and the server to agree, before it may be used."""

    def is_offered(self, offered: frozenset[str]) -> bool:
        return (
            self.capability in offered
            or (self.in_rev2 and "IMAP4REV2" in offered)
            or not self.implied_by.isdisjoint(offered)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """All that the server said to one command: the untagged responses it claimed, and the tagged OK."""

    claimed: Sequence[Untagged]
    reply: Tagged


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentBegun:
    """The content of one section of a message begins to arrive, in pieces that together have ``size_bytes``.

    ``message`` is what the response has told before it; servers that put the UID last leave it None.
    ``section`` is spelled as in ``FetchData.sections``.
    """

    message: FetchData
    section: str
    size_bytes: int


class Command(Protocol[R_co]):
    """One command and its result ``R_co``; subclasses are frozen dataclasses.

    Only ``name`` and ``result`` have to be given. The name is looked up in the tables
    of ``states`` and ``pipelining``.
    """

    __slots__ = ()

    name: ClassVar[str]
    extension: ClassVar[Extension | None] = None
    is_secret: ClassVar[bool] = False
    """Whether all that follows the name must be kept out of transcripts."""
    streams_content: ClassVar[bool] = False
    """Whether ``content_sink`` is to be asked."""
    excludes_fetches: ClassVar[bool] = False
    """Whether no other FETCH may be on its way meanwhile, since it could not be told whose answer is whose."""

    saves_result: ClassVar[bool] = False
    """Whether it replaces the result that ``$`` stands for (RFC 5182)."""

    def extensions(self) -> tuple[Extension, ...]:
        """What the server must announce for this very command with its options; by default ``extension``."""
        return () if self.extension is None else (self.extension,)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        """What follows the name, for a server with these capabilities."""
        del offered
        return ()

    def claims(self, response: Untagged, *, tag: str) -> bool:
        """Whether this untagged response belongs to the answer of this command, sent as ``tag``."""
        del response, tag
        return False

    def claims_leftover(self, response: Untagged) -> bool:
        """Whether this untagged response may belong to the answer, where no command under way claims it."""
        del response
        return False

    def result(self, answer: Answer) -> R_co:
        """Read the answer that ended in OK. Raises RemoteProtocolError where it lacks what was asked for."""
        ...

    def touches(self) -> SequenceSet | None:
        """The UIDs that the command reads or writes; None for all of them."""
        return None

    def absorb(self, response: Untagged) -> bool:
        """Take a claimed response at once, so that memory stays flat; False keeps it for ``result``."""
        del response
        return False

    def content_sink(self, begun: ContentBegun) -> Callable[[bytes], None] | None:
        """Where the pieces of this content go, at once; None holds the content for the ``FetchData``.

        What is taken here is missing in the ``FetchData`` that follows. Content of no bytes is one empty piece.
        """
        del begun
        return None

    @property
    def reads_saved_result(self) -> bool:
        """Whether ``$`` is in it."""
        return False

    @property
    def tells_early(self) -> bool:
        """Whether ``absorb`` or ``content_sink`` hands on parts of the answer before it is whole."""
        return self.streams_content

    def reply_to(self, challenge: bytes, *, turn: int, offered: frozenset[str]) -> bytes | None:
        """The line to send for a ``+`` that waits for no literal; None where the command expects none."""
        del challenge, turn, offered
        return None


class StatusOnly(Command[None], Protocol):
    """A command of which one only wants to know that it succeeded."""

    __slots__ = ()

    def result(self, answer: Answer) -> None:
        del answer
