"""Which mailbox does a folder's address in Thunderbird name?

``imap://user@host/INBOX/Caf%26AOk-``: percent signs, and beneath them the server's name, in modified UTF-7 where it
is beyond ASCII.
"""

from __future__ import annotations

from urllib.parse import unquote

from mailrules.imap.mailbox_name import decode_mailbox_name
from mailrules.values import dataclass


class FolderError(ValueError):
    """The address names no mailbox that a rule could file into; the message says why."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A mailbox, with ``/`` between levels, and the server it is on, as ``user@host``."""

    server: str
    mailbox: str


def folder_of(address: str) -> Folder:
    """Read a folder's address. Raises FolderError."""
    scheme, _, rest = address.partition("://")
    if scheme == "mailbox":
        raise FolderError(f"{address!r} is a folder of this computer, and no mailbox of a server")
    if scheme != "imap" or not rest:
        raise FolderError(f"{address!r} is no address of a mailbox")
    authority, _, path = rest.partition("/")
    user, _, host = authority.rpartition("@")
    try:
        raw = unquote(path, encoding="utf-8", errors="strict")
    except UnicodeDecodeError as error:
        raise FolderError(f"the percent signs in {address!r} stand for no UTF-8") from error
    name = "/".join(_level(one) for one in raw.split("/"))
    if not name.strip("/ ") or any(not level.strip() for level in name.split("/")):
        raise FolderError(f"{address!r} names no mailbox")
    if not name.isprintable():
        raise FolderError(f"{address!r} has control characters")
    return Folder(server=f"{unquote(user)}@{host.lower()}", mailbox=name)


def _level(raw: str) -> str:
    if not raw.isascii() or "&" not in raw:
        return raw
    name = decode_mailbox_name(raw.encode("ascii"))
    # Where the server takes UTF-8, the name is no modified UTF-7, and its `&` means itself.
    return raw if any("\uef00" <= character <= "\uefff" for character in name) else name
