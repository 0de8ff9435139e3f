"""How attachments of a stranger's message become files: in one directory, under names that cannot lead elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import unicodedata
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from mailrules.execution.effects import EffectRefused
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import Message
    from pathlib import Path

MAX_MESSAGE_BYTES = 128 << 20
MAX_FILES = 100
MAX_NAME_CHARACTERS = 80
_UNSAFE = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file to be: ``name`` is reduced to letters, digits and ``. _ + -``, after a digest of the content."""

    name: str
    content: bytes


def read_attachments(message: Path, *, types: Sequence[str] = ()) -> list[Attachment]:
    """The attachments in a message's file, of these media types (globs; all where there are none).

    Raises EffectRefused for a message that is too large or too complex to take apart.
    """
    # Not at every start, since it is loaded with the word `save_attachments`, which few rules use.
    from email import message_from_binary_file, policy  # noqa: PLC0415 -- see above

    if (size := message.stat().st_size) > MAX_MESSAGE_BYTES:
        raise EffectRefused(f"a message of {size:,} bytes, over {MAX_MESSAGE_BYTES:,}")
    try:
        with message.open("rb") as file:
            whole = message_from_binary_file(file, policy=policy.compat32)
        found = [attachment for part in _parts(whole) if (attachment := _attachment(part, types)) is not None]
    except (RecursionError, LookupError, ValueError, AssertionError) as error:
        # What the standard library's parser raises on hostile mail.
        raise EffectRefused(f"the message cannot be taken apart: {type(error).__name__}") from None
    if len(found) > MAX_FILES:
        raise EffectRefused(f"{len(found)} attachments, over {MAX_FILES}")
    return found


def save(attachments: Sequence[Attachment], directory: Path) -> int:
    """Write the files that are not there yet, readable by their owner alone; how many were written.

    Nothing that exists is opened or changed: a new file is written under a name of its own and linked when it is
    whole. All names are taken within the directory's handle, so the directory may be renamed meanwhile.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        written = sum(_save_one(one, handle) for one in attachments)
        os.fsync(handle)
    finally:
        os.close(handle)
    return written


def safe_name(name: str, content: bytes) -> str:
    """A file name for this content. Equal contents under one name are one file."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name).encode("ascii", "replace").decode("ascii"))
    kept = plain.replace("?", "_").strip("._ ")
    if len(kept) > MAX_NAME_CHARACTERS:
        stem, dot, ending = kept.rpartition(".")
        kept = f"{stem[: MAX_NAME_CHARACTERS - len(ending) - 1]}.{ending}" if dot and len(ending) < 10 else kept
    digest = hashlib.sha256(content).hexdigest()[:16]
    return f"{digest}-{kept[:MAX_NAME_CHARACTERS] or 'attachment'}"


def _parts(whole: Message) -> Iterator[Message]:
    """All leaves, without recursion. What is inside an attached message belongs to that one."""
    waiting = [whole]
    while waiting:
        part = waiting.pop()
        inner = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(inner, list):
            waiting += reversed([one for one in inner if not isinstance(one, str)])
        else:
            yield part


def _attachment(part: Message, types: Sequence[str]) -> Attachment | None:
    media_type = part.get_content_type()
    name = part.get_filename() or ""
    if part.get_content_disposition() != "attachment" and not name:
        return None
    if types and not any(fnmatchcase(media_type, wanted.lower()) for wanted in types):
        return None
    inner = part.get_payload()
    if isinstance(inner, list):
        content = b"".join(one.as_bytes() for one in inner if not isinstance(one, str))
    else:
        decoded = part.get_payload(decode=True)
        content = decoded if isinstance(decoded, bytes) else b""
    return Attachment(name=safe_name(name, content), content=content)


def _save_one(attachment: Attachment, directory: int) -> bool:
    if _is_there(attachment.name, directory):
        return False
    part = f".{attachment.name}.part"
    with contextlib.suppress(FileNotFoundError):  # left by a process that was killed
        os.unlink(part, dir_fd=directory)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(attachment.content)
            stream.flush()
            os.fsync(stream.fileno())
        with contextlib.suppress(FileExistsError):  # somebody else has just saved the same
            os.link(part, attachment.name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.unlink(part, dir_fd=directory)
    return True


def _is_there(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
