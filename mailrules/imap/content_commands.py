"""The command that reads messages of any size without holding them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.command import Answer, Command, ContentBegun
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.merging import merge_by_uid
from mailrules.imap.writer import Atom, BodySection, Node, ParenthesisedList, SequenceSetNode
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailrules.imap.parser import Untagged
    from mailrules.imap.sequence_set import SequenceSet


@dataclass(frozen=True, slots=True)
class UidFetchContent(Command[tuple[FetchData, ...]]):
    """UID FETCH of one section of messages (RFC 9051 section 6.4.5), whose content goes by in pieces.

    For each message that the server sends, ``open_sink`` is called once with what is known of it so far, and
    its answer with each piece, in order. The result is the messages, ascending by UID, without the content that
    came as a literal.
    No other FETCH is on its way meanwhile, since a server may name the message only after its content.
    """

    name: ClassVar[str] = "UID FETCH"
    streams_content: ClassVar[bool] = True
    uids: SequenceSet
    section: BodySection
    open_sink: Callable[[ContentBegun], Callable[[bytes], None]] = field(compare=False)

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (SequenceSetNode(self.uids), ParenthesisedList((Atom(FetchItem.UID), self.section)))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, FetchData) and response.uid is not None and self._is_asked(response)

    def absorb(self, response: Untagged) -> bool:
        """A short content may come as a quoted string."""
        if isinstance(response, FetchData):
            for section, content in response.sections.items():
                self.open_sink(ContentBegun(message=response, section=section, size_bytes=len(content)))(content)
        return False

    def content_sink(self, begun: ContentBegun) -> Callable[[bytes], None] | None:
        return self.open_sink(begun) if self._is_asked(begun.message) else None

    def result(self, answer: Answer) -> tuple[FetchData, ...]:
        return merge_by_uid(answer.claimed)

    def touches(self) -> SequenceSet | None:
        return self.uids

    def _is_asked(self, message: FetchData) -> bool:
        return message.uid is None or message.uid in self.uids or self.uids.has_star
