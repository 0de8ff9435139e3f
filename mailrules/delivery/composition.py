"""What our own mail looks like: a forward, an answer, a notice. Written to a file, in canonical lines."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, BinaryIO

from mailrules.delivery.canonical import CanonicalLines, header_and_rest
from mailrules.delivery.header_writing import address_field, date_field, text_field, token_field
from mailrules.delivery.marks import LOOP_FIELD, boundary, loop_mark, message_id
from mailrules.logs import clean_text
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable
    from datetime import datetime

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,200}@[A-Za-z0-9.\[\]:_-]{1,200}>")
_RETURN_PATH = re.compile(rb"^return-path:[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE)
_8BIT_FIELD = b"Content-Transfer-Encoding: 8bit"
_7BIT_FIELD = b"Content-Transfer-Encoding: 7bit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letterhead:
    """What every mail of ours begins with. ``identity`` is the same for the same effect (``marks.derived_id``)."""

    identity: str
    sender: str
    recipient: str
    date: datetime
    loop_key: bytes

    def fields(self, *, subject: str, submitted: str) -> bytes:
        """From, To, Subject, Date, our constant Message-ID, and what tells machines that a machine wrote it."""
        return b"".join(
            (
                address_field("From", self.sender),
                address_field("To", self.recipient),
                text_field("Subject", subject),
                date_field("Date", self.date),
                token_field("Message-ID", message_id(self.identity, sender=self.sender)),
                token_field("Auto-Submitted", submitted),
                token_field(LOOP_FIELD, loop_mark(self.identity, key=self.loop_key)),
                token_field("MIME-Version", "1.0"),
            )
        )


async def write_forward(
    file: BinaryIO,
    content: AsyncIterable[bytes],
    head: Letterhead,
    *,
    rule: str,
    subject: str,
    check: Callable[[bytes], None],
) -> None:
    """The original, untouched, as an attachment of a mail of ours.

    ``check`` sees the original's header and may raise. Raises NotCanonical.
    """
    lines = CanonicalLines()
    header, rest = await header_and_rest(content, lines)
    check(header)
    mark = boundary(head.identity, key=head.loop_key)
    file.write(head.fields(subject=subject, submitted="auto-generated"))
    file.write(token_field("Content-Type", f'multipart/mixed; boundary="{mark}"'))
    encodings = [_reserve_encoding(file)]
    words = clean_text(f"Forwarded by the rule {rule}.")
    file.write(f"\r\n--{mark}\r\n".encode("ascii") + _text_part(words))
    file.write(f"\r\n--{mark}\r\n".encode("ascii"))
    file.write(token_field("Content-Type", "message/rfc822"))
    encodings.append(_reserve_encoding(file))
    file.write(token_field("Content-Disposition", 'attachment; filename="message.eml"') + b"\r\n")
    await _copy(file, header, rest)
    file.write(f"\r\n--{mark}--\r\n".encode("ascii"))
    if not lines.has_8bit:
        for position in encodings:
            file.seek(position)
            file.write(_7BIT_FIELD)


async def write_resent(
    file: BinaryIO, content: AsyncIterable[bytes], head: Letterhead, *, check: Callable[[bytes], None]
) -> None:
    """The original with a block of Resent fields before it (RFC 5322 section 3.6.6)."""
    lines = CanonicalLines()
    header, rest = await header_and_rest(content, lines)
    check(header)
    file.write(date_field("Resent-Date", head.date))
    file.write(address_field("Resent-From", head.sender) + address_field("Resent-To", head.recipient))
    file.write(token_field("Resent-Message-ID", message_id(head.identity, sender=head.sender)))
    file.write(token_field(LOOP_FIELD, loop_mark(head.identity, key=head.loop_key)))
    # The last server writes this one; what leaves us has none (RFC 5321 section 4.4).
    await _copy(file, _RETURN_PATH.sub(b"", header), rest)


def write_answer(file: BinaryIO, head: Letterhead, *, subject: str, text: str, answered_id: str) -> None:
    """An answer by a machine (RFC 3834); ``answered_id`` is the Message-ID answered, left out where it is odd."""
    file.write(head.fields(subject=subject, submitted="auto-replied"))
    if _MESSAGE_ID.fullmatch(answered_id):
        file.write(token_field("In-Reply-To", answered_id) + token_field("References", answered_id))
    file.write(_text_part(text))


def write_notice(file: BinaryIO, head: Letterhead, *, subject: str, text: str) -> None:
    """A short message to a person."""
    file.write(head.fields(subject=subject, submitted="auto-generated"))
    file.write(_text_part(text))


def _text_part(text: str) -> bytes:
    """Header and content of a plain text, in base64 so that no line of it can mean anything."""
    encoded = base64.encodebytes(text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace"))
    fields = token_field("Content-Type", "text/plain; charset=utf-8")
    fields += token_field("Content-Transfer-Encoding", "base64")
    return fields + b"\r\n" + encoded.replace(b"\n", b"\r\n")


def _reserve_encoding(file: BinaryIO) -> int:
    """Write that what follows is 8bit; where, so that it can be made 7bit, which is as long."""
    position = file.tell()
    file.write(_8BIT_FIELD + b"\r\n")
    return position


async def _copy(file: BinaryIO, header: bytes, rest: AsyncIterator[bytes]) -> None:
    file.write(header)
    async for piece in rest:
        file.write(piece)
