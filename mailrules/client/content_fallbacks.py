"""How does a part come decoded, and a preview of a message, from a server that makes neither?"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.client.fallbacks import Procedure, run, run_all
from mailrules.client.structure import parts_of
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.fetch_items import BINARY, PREVIEW, FetchItem
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.response_codes import Code
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import BinarySection, BodySection, Partial
from mailrules.mailbox.body import body_text, readable_texts, transfer_decoded
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailrules.client.fallbacks import Steps
    from mailrules.imap.fetch_data import FetchData
    from mailrules.mailbox.message import Part

PREVIEW_CHARACTERS: Final = 200
"""What RFC 8970 section 3.3 has servers make."""
_PREVIEW_BYTES = 8192
_KNOWN_ENCODINGS: Final = frozenset({"", "7bit", "8bit", "binary", "base64", "quoted-printable"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedPart:
    """The content of a part. Where ``unknown_encoding`` is not "" nobody could decode it, and it is as it was sent."""

    content: bytes
    unknown_encoding: str = ""


@dataclass(frozen=True, slots=True)
class DecodedAnywhere(Procedure["Mapping[int, DecodedPart]"]):
    """BINARY (RFC 3516), else BODYSTRUCTURE and BODY.PEEK in one command, decoded here; UID to content.

    The latter too where the server refuses with UNKNOWN-CTE. Messages without this part are left out.
    Raises MissingCapability for the whole message, ``part=""``, which only a server can decode.
    """

    rests_on_selection: ClassVar[bool] = True
    uids: SequenceSet
    part: str

    def steps(self, offered: frozenset[str]) -> Steps[Mapping[int, DecodedPart]]:
        if BINARY.is_offered(offered):
            try:
                told = yield from run(UidFetch(self.uids, (FetchItem.UID, BinarySection(part=self.part))))
            except CommandRefused as refusal:
                if refusal.code != Code.UNKNOWN_CTE or not self.part:
                    raise
            else:
                return self._by_server(told)
        if not self.part:
            raise MissingCapability("decoding a whole message", capability=BINARY.capability, rfc=BINARY.rfc)
        items = (FetchItem.UID, FetchItem.BODYSTRUCTURE, BodySection(part=self.part))
        told = yield from run(UidFetch(self.uids, items))
        return self._by_us(told)

    def _by_server(self, told: Iterable[FetchData]) -> Mapping[int, DecodedPart]:
        decoded = ((one.uid, one.extras.binary.get(self.part)) for one in told)
        return MappingProxyType(
            {uid: DecodedPart(content=content) for uid, content in decoded if uid is not None and content is not None}
        )

    def _by_us(self, told: Iterable[FetchData]) -> Mapping[int, DecodedPart]:
        found: dict[int, DecodedPart] = {}
        for one in told:
            content = one.sections.get(self.part)
            encodings = [part.encoding for part in one.body_structure or () if part.number == self.part]
            if one.uid is not None and content is not None and encodings:
                found[one.uid] = _decoded(content, encodings[0])
        return MappingProxyType(found)


@dataclass(frozen=True, slots=True)
class PreviewAnywhere(Procedure["Mapping[int, str]"]):
    """PREVIEW (RFC 8970), else the beginning of the first readable text, read and shortened here; UID to preview.

    "" is a message of which none can be made. The latter costs two round trips.
    """

    rests_on_selection: ClassVar[bool] = True
    uids: SequenceSet

    def steps(self, offered: frozenset[str]) -> Steps[Mapping[int, str]]:
        if PREVIEW.is_offered(offered):
            told = yield from run(UidFetch(self.uids, (FetchItem.UID, FetchItem.PREVIEW)))
            return MappingProxyType({one.uid: one.extras.preview or "" for one in told if one.uid is not None})
        told = yield from run(UidFetch(self.uids, (FetchItem.UID, FetchItem.BODYSTRUCTURE)))
        texts = {one.uid: readable_texts(parts_of(one.body_structure or ()))[:1] for one in told if one.uid is not None}
        by_number: dict[str, list[int]] = {}
        for uid, parts in texts.items():
            for part in parts:
                by_number.setdefault(part.number, []).append(uid)
        answers = yield from run_all(
            UidFetch(SequenceSet.of(uids), (FetchItem.UID, _beginning(number))) for number, uids in by_number.items()
        )
        previews = dict.fromkeys(texts, "")
        for answer in answers:
            if isinstance(answer, CommandRefused):
                raise answer
            for one in answer:
                if one.uid is not None and texts.get(one.uid):
                    previews[one.uid] = _preview(texts[one.uid][0], one)
        return MappingProxyType(previews)


def _beginning(number: str) -> BodySection:
    return BodySection(part=number, partial=Partial(0, _PREVIEW_BYTES))


def _preview(part: Part, told: FetchData) -> str:
    # Some servers leave out where it begins, as they may for the whole of it.
    content = told.sections.get(f"{part.number}<0>", told.sections.get(part.number, b""))
    text = body_text([(part, content)])
    return text[:PREVIEW_CHARACTERS].rstrip() if isinstance(text, str) else ""


def _decoded(content: bytes, encoding: str) -> DecodedPart:
    if encoding not in _KNOWN_ENCODINGS:
        return DecodedPart(content=content, unknown_encoding=encoding)
    return DecodedPart(content=transfer_decoded(encoding, content))
