"""Which parts would a message have to have for a condition on attachments to hold, or not to hold?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.message import Part
from mailrules.rules.sample_number import number_within, number_without
from mailrules.rules.sample_text import text_holding
from mailrules.rules.structure_tests import is_attachment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mailrules.rules.structure_tests import AttachmentTest
    from mailrules.rules.text_match import TextMatch

_MOST = 50


def parts_holding(test: AttachmentTest, parts: Sequence[Part], *, wanted: bool) -> Iterator[tuple[Part, ...]]:
    """Structures that may give the wanted answer, the nearest first; nothing of it is confirmed."""
    others = tuple(part for part in parts if not (_is_looked_at(test, part) and test.holds_for(part)))
    fitting = len(parts) - len(others)
    fitting_part = _sample(test)
    if test.count is not None:
        number = (number_within if wanted is test.exists else number_without)(test.count, fitting, is_whole=True)
        if number is not None and fitting_part is not None and number <= _MOST:
            kept = tuple(part for part in parts if part not in others)[: int(number)]
            yield (*others, *kept, *[fitting_part] * (int(number) - len(kept)))
        return
    if fitting_part is not None:
        yield (*parts, fitting_part)
    yield others


def _is_looked_at(test: AttachmentTest, part: Part) -> bool:
    return test.every_part or is_attachment(part)


def _sample(test: AttachmentTest) -> Part | None:
    """One part that the test holds for, None where none is found."""
    name, media_type, charset = (
        _text(match, usual)
        for match, usual in ((test.name, "file.bin"), (test.type, "application/octet-stream"), (test.charset, ""))
    )
    size = 1_000 if test.size is None else number_within(test.size, 1_000, is_whole=True)
    if name is None or media_type is None or charset is None or size is None:
        return None
    kind, _, subtype = media_type.partition("/")
    part = Part(
        number="9",
        type=kind,
        subtype=subtype,
        parameters={"charset": charset} if charset else {},
        encoding="binary",
        disposition="attachment",
        file_name=name,
        size_bytes=int(size),
    )
    return part if test.holds_for(part) else None


def _text(match: TextMatch | None, usual: str) -> str | None:
    return usual if match is None else text_holding((match,), usual if match.holds(usual) else "")
