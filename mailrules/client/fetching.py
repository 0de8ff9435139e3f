"""Which FETCH commands answer a request for facts, and how do their answers become facts?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.client.structure import parts_of
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import has_modseq
from mailrules.imap.sequence_set import SequenceSet, cut_by_bytes
from mailrules.imap.writer import BodySection
from mailrules.mailbox.body import MAX_TEXT_PART_BYTES, MAX_TEXT_PARTS_BYTES, readable_texts, too_much_text
from mailrules.mailbox.headers import MAX_HEADER_BYTES, fields_by_name
from mailrules.mailbox.message import UID, MessageFacts, Unreadable, too_complex
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.mailbox.message import FactRequest, Part


_OF_SESSIONS = frozenset({"\\Recent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """How a large fetch is cut, and what is too large to fetch."""

    messages_per_command: int = 5_000
    """Several commands are in flight, so that the server works while we read."""
    commands: int = 200
    """The most for one whole mailbox, whatever number of messages a server claims."""
    contents_per_command: int = 250
    """The same for texts and whole messages, which are large."""
    text_part_bytes: int = MAX_TEXT_PART_BYTES
    text_bytes: int = MAX_TEXT_PARTS_BYTES


DEFAULT_FETCH_LIMITS = FetchLimits()


def items_for(request: FactRequest, *, capabilities: frozenset[str], object_id: FetchItem | None = None) -> FetchItems:
    """The data items of one FETCH; ``object_id`` is how this server names messages, asked for along with flags."""
    asked = (
        (True, FetchItem.UID),
        (request.flags, FetchItem.FLAGS),
        (request.size, FetchItem.SIZE),
        (request.received, FetchItem.INTERNALDATE),
        (request.modseq and has_modseq(capabilities), FetchItem.MODSEQ),
        (request.saved and "SAVEDATE" in capabilities, FetchItem.SAVE_DATE),
        (request.labels and "X-GM-EXT-1" in capabilities, FetchItem.GMAIL_LABELS),
        (request.structure or request.text, FetchItem.BODYSTRUCTURE),
    )
    items: FetchItems = tuple(item for is_asked, item in asked if is_asked)
    if object_id is not None and request.flags:
        items += (object_id,)
    if request.header_fields:
        items += (BodySection(header_fields=tuple(name.upper() for name in request.header_fields)),)
    if request.whole:
        items += (BodySection(),)
    return items


def object_id_item(capabilities: frozenset[str], *, server_name: str) -> FetchItem | None:
    """The item that names a message for ever, None where the server has none."""
    if "OBJECTID" in capabilities:
        return FetchItem.EMAIL_ID
    if "X-GM-EXT-1" in capabilities:
        return FetchItem.GMAIL_MESSAGE_ID
    # Dovecot announces X-GUID nowhere; other servers answer BAD to it.
    return FetchItem.X_GUID if server_name.lower() == "dovecot" else None


def sets_of_mailbox(*, messages: int, uidnext: int | None, limits: FetchLimits) -> Iterator[SequenceSet]:
    """Sets that together are all UIDs, each with about ``messages_per_command`` messages if UIDs are spread evenly.

    The last one is open: messages that came since ``uidnext`` was told belong to the mailbox too.
    """
    count = -(-messages // limits.messages_per_command) if uidnext and uidnext > messages else 1
    count = max(1, min(count, limits.commands))
    width = max(1, (uidnext or 1) // count)
    for start in range(1, width * (count - 1), width):
        yield SequenceSet(((start, start + width - 1),))
    yield SequenceSet.starting_at(width * (count - 1) + 1)


def sets_of_uids(uids: Iterable[UID], request: FactRequest, *, limits: FetchLimits) -> Iterator[SequenceSet]:
    """The UIDs cut so that the answer to each set is not too large; what is too long a line the client cuts."""
    most = limits.contents_per_command if request.whole else limits.messages_per_command
    return cut_by_bytes(uids, max_count=most)


def facts_of(data: FetchData, request: FactRequest) -> MessageFacts | None:
    """The facts in one answer; None where flags or size lack, as for a message that is just leaving."""
    if (
        data.uid is None
        or (request.flags and data.flags is None)
        or (request.size and data.size_bytes is None)
        or (request.whole and "" not in data.sections)
    ):
        return None
    facts = MessageFacts(uid=UID(data.uid), object_id=data.object_id)
    if request.flags:
        facts.flags = data.flags - _OF_SESSIONS if data.flags and data.flags & _OF_SESSIONS else data.flags
    if request.size:
        facts.size_bytes = data.size_bytes
    if request.received:
        facts.received = data.internal_date or _unreadable(data, "INTERNALDATE")
    if request.modseq:
        facts.modseq = data.modseq
    if request.saved:
        facts.saved = data.extras.save_date or Unreadable(
            reason="the server does not tell when the message came into this mailbox (SAVEDATE, RFC 8514)"
        )
    if request.labels:
        labels = data.extras.gmail_labels
        facts.labels = Unreadable(reason="the server has no labels (X-GM-EXT-1)") if labels is None else labels
    if request.header_fields:
        header = data.header_fields
        facts.header = _unreadable(data, "BODY") if header is None else header
        if header is not None and len(header) <= MAX_HEADER_BYTES:
            facts.fields = fields_by_name(header)
    if request.structure or request.text:
        body = data.body_structure
        facts.structure = _unreadable(data, "BODYSTRUCTURE") if body is None else parts_of(body)
    if request.whole:
        facts.whole = data.sections[""]
    return facts


def why_spoiled(data: FetchData, request: FactRequest) -> str:
    """Why the answer gives no facts though the message is there; "" where it is just leaving."""
    lacking = (
        ("FLAGS", request.flags and data.flags is None),
        ("RFC822.SIZE", request.size and data.size_bytes is None),
        ("BODY", request.whole and "" not in data.sections),
    )
    return next((data.malformed[name].reason for name, lacks in lacking if lacks and name in data.malformed), "")


class TextCollector:
    """Gathers the text parts of messages whose structure is known, part number by part number."""

    def __init__(self, facts: Sequence[MessageFacts], *, limits: FetchLimits, line_bytes: int) -> None:
        self._facts, self._limits, self._line_bytes = facts, limits, line_bytes
        self._wanted: dict[UID, tuple[Part, ...]] = {}
        self._contents: dict[tuple[int, str], bytes] = {}
        for one in facts:
            self._plan(one)

    def requests(self) -> Iterator[tuple[SequenceSet, FetchItems]]:
        """What to fetch: few commands, since most messages have their text in the same few parts.

        Messages with the same text parts share their commands, so that one of a thousand parts takes a few.
        """
        uids_by_numbers: dict[tuple[str, ...], list[UID]] = {}
        for uid, parts in self._wanted.items():
            uids_by_numbers.setdefault(tuple(part.number for part in parts), []).append(uid)
        for numbers, uids in uids_by_numbers.items():
            for sections in self._cut(numbers):
                items: FetchItems = (FetchItem.UID, *(BodySection(part=number) for number in sections))
                most = max(1, self._limits.contents_per_command // len(sections))
                for uid_set in cut_by_bytes(uids, max_count=most):
                    yield uid_set, items

    def _cut(self, numbers: Sequence[str]) -> Iterator[list[str]]:
        """The part numbers in groups that take half a command line at most."""
        group: list[str] = []
        for number in numbers:
            if group and sum(map(_section_bytes, group)) + _section_bytes(number) > self._line_bytes // 2:
                yield group
                group = []
            group.append(number)
        if group:
            yield group

    def take(self, data: FetchData) -> None:
        """Take one answer to one of the requests."""
        if data.uid is not None:
            self._contents.update(((data.uid, number), content) for number, content in data.sections.items())

    def finish(self) -> None:
        """Set ``texts`` of each message."""
        for one in self._facts:
            parts = self._wanted.get(one.uid)
            if parts is None:
                continue
            texts = [(part, self._contents.get((one.uid, part.number))) for part in parts]
            found = tuple((part, content) for part, content in texts if content is not None)
            one.texts = found if len(found) == len(parts) else Unreadable(reason="the server did not send a text part")

    def _plan(self, one: MessageFacts) -> None:
        if not isinstance(one.structure, tuple):
            one.texts = one.structure
            return
        parts = readable_texts(one.structure)
        unread = too_much_text(parts, part_bytes=self._limits.text_part_bytes, all_bytes=self._limits.text_bytes)
        if unread is not None:
            one.texts = unread
            return
        self._wanted[one.uid] = parts


def _section_bytes(number: str) -> int:
    return len(f" BODY.PEEK[{number}]")


def _unreadable(data: FetchData, name: str) -> Unreadable:
    malformed = data.malformed.get(name)
    if malformed is None:
        return Unreadable(reason=f"the server sent no {name}")
    return too_complex(malformed.reason) if malformed.is_over_limit else Unreadable(reason=malformed.reason)
