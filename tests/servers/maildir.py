"""How are thousands of messages put into a Dovecot maildir within seconds, UIDs and dates given?"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mailrules.testing.builders import SampleMessage

_FLAG_LETTERS = {
    "\\Draft": "D", "\\Flagged": "F", "\\Answered": "R", "\\Seen": "S", "\\Deleted": "T",
}  # fmt: skip
_MOST_KEYWORDS = 26


def fill_maildir(
    folder: Path, messages: Iterable[SampleMessage], *, uidvalidity: int, owner: tuple[int, int] | None
) -> int:
    """Write messages as UIDs 1, 2, ... of an empty maildir and return how many there were.

    INTERNALDATE is the file's time and the flags stand in its name, as Dovecot keeps them; the
    sizes in the name spare it from reading every file. ``owner`` is the (uid, gid) that the
    files get, None to leave them ours. A message with ``\\Recent`` goes to ``new/``.
    """
    for path in (folder, folder / "cur", folder / "new", folder / "tmp"):
        path.mkdir(mode=0o700, exist_ok=True)
        _give(path, owner)
    # Dovecot takes X-GUID from the file's name, so names must differ between mailboxes too.
    place_mark = f"{zlib.crc32(folder.name.encode()):08x}"
    uid_lines: list[str] = []
    keywords: dict[str, str] = {}
    for uid, message in enumerate(messages, start=1):
        size = len(message.content)
        name = f"{int(message.received.timestamp())}.M{uid}P{place_mark}.mailrules,S={size},W={size}"
        letters = _letters(message.flags, keywords)
        place = f"new/{name}" if "\\Recent" in message.flags else f"cur/{name}:2,{letters}"
        _write(folder / place, message.content, owner=owner)
        os.utime(folder / place, (message.received.timestamp(),) * 2)
        uid_lines.append(f"{uid} :{name}\n")
    head = f"3 V{uidvalidity} N{len(uid_lines) + 1} G{uidvalidity:032x}\n"
    _write(folder / "dovecot-uidlist", (head + "".join(uid_lines)).encode(), owner=owner)
    names = "".join(f"{number} {keyword}\n" for number, keyword in enumerate(keywords))
    _write(folder / "dovecot-keywords", names.encode(), owner=owner)
    return len(uid_lines)


def _letters(flags: frozenset[str], keywords: dict[str, str]) -> str:
    letters = []
    for flag in sorted(flags - {"\\Recent"}):
        if not flag.startswith("\\") and flag not in keywords:
            assert len(keywords) < _MOST_KEYWORDS, "a maildir file name has room for 26 keywords"
            keywords[flag] = chr(ord("a") + len(keywords))
        letters.append(_FLAG_LETTERS.get(flag) or keywords[flag])
    return "".join(sorted(letters))


def _write(path: Path, content: bytes, *, owner: tuple[int, int] | None) -> None:
    path.write_bytes(content)
    _give(path, owner)


def _give(path: Path, owner: tuple[int, int] | None) -> None:
    if owner is not None:
        os.chown(path, *owner)
