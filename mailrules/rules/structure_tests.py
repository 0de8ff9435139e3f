"""Whether a message's attachments, or all its parts, hold for a condition (``attachment``, ``mime``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.message import STRUCTURE, Fact, Unreadable, too_complex
from mailrules.mailbox.rows import rows_of
from mailrules.rules.text_tests import confirmed
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import Part
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment
    from mailrules.rules.text_match import TextMatch
    from mailrules.rules.value_tests import NumberBounds

MAX_PARTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentTest:
    """Name, media type, charset and size hold together for one attachment; ``size`` is of its content.

    ``count`` bounds how many attachments do; without it, one is enough. ``exists: false`` asks
    that there is none. With ``every_part`` (``mime``) the texts and the multiparts are looked at too.
    """

    name: TextMatch | None = None
    type: TextMatch | None = None
    charset: TextMatch | None = None
    size: NumberBounds | None = None
    count: NumberBounds | None = None
    exists: bool = True
    every_part: bool = False

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (STRUCTURE,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        known = rows & snapshot.known(STRUCTURE)
        unreadable = snapshot.mask_of(row for row in rows_of(known) if self.why_unknowable(snapshot, row))
        for row in rows_of(unreadable):
            structure = snapshot.structure[row]
            snapshot.note((row,), structure if isinstance(structure, Unreadable) else _too_many(structure or ()))
        readable = known & ~unreadable
        holding, undecided = confirmed(rows_of(readable), lambda row: self._holds(self.parts(snapshot, row)))
        unknowable = unreadable | snapshot.mask_of(undecided)
        return Truth(known & ~unknowable, snapshot.mask_of(holding), unknowable)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        nothing = "no part" if self.every_part else "no attachment"
        return ", ".join(described(part) for part in self.parts(snapshot, row)) or nothing

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        structure = snapshot.structure[row]
        if isinstance(structure, Unreadable):
            return structure.reason
        if structure is not None and len(structure) > MAX_PARTS:
            return _too_many(structure).reason
        return ""

    def parts(self, snapshot: Snapshot, row: int) -> list[Part]:
        """The parts of a message that the condition looks at."""
        structure = snapshot.structure[row]
        if not isinstance(structure, tuple):
            return []
        return [part for part in structure if self.every_part or is_attachment(part)]

    def _holds(self, attachments: list[Part]) -> bool:
        number = sum(map(self.holds_for, attachments))
        return (self.count.holds(number) if self.count else number > 0) is self.exists

    def holds_for(self, part: Part) -> bool:
        """Whether name, type, charset and size hold together for one part."""
        return (
            (self.name is None or self.name.holds(part.file_name))
            and (self.type is None or self.type.holds(part.media_type))
            and (self.charset is None or self.charset.holds(part.parameters.get("charset", "")))
            and (self.size is None or self.size.holds(part.decoded_size_bytes))
        )


def _too_many(parts: Sequence[Part]) -> Unreadable:
    return too_complex(f"{len(parts):,} parts, over {MAX_PARTS:,}")


def is_attachment(part: Part) -> bool:
    """Marked as one, or named, or neither text nor an image shown within the message."""
    if part.type == "multipart":
        return False
    if part.disposition == "attachment" or part.file_name:
        return True
    return part.type != "text" and part.disposition != "inline" and part.type != "image"


def described(part: Part) -> str:
    """A part in a few words: its file's name, its media type and its size."""
    name = f"{part.file_name} " if part.file_name else ""
    return f"{name}({part.media_type}, {part.decoded_size_bytes:,} bytes)"
