"""Which mailboxes an account has, as the planner needs it: names, delimiter, trash and archive."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mailrules.mailbox.store import MailboxInfo
    from mailrules.settings import AccountSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The mailboxes of one account. ``trash``, ``archive`` and ``junk`` are server names, "" where unknown."""

    account: str
    user: str
    delimiter: str
    mailboxes: Mapping[str, MailboxInfo]
    trash: str = ""
    archive: str = ""
    junk: str = ""
    is_imagined: bool = False
    """For examples, which have no server: every mailbox exists."""
    others: Mapping[str, Directory] = field(default_factory=dict)
    """Those of the other accounts that rules move or copy to, by name: ``work/Archive`` is a mailbox there."""

    def server_name(self, written: str) -> str:
        """A mailbox name as rules write it (``/`` between levels) in the server's spelling.

        INBOX is case-insensitive (RFC 9051 section 5.1). A name that the server lists literally is kept.
        """
        head, slash, rest = written.partition("/")
        if head.upper() == "INBOX":
            written = "INBOX" + slash + rest
        if written in self.mailboxes or not self.delimiter:
            return written
        return written.replace("/", self.delimiter)

    def other_account(self, name: str) -> str:
        """The account in which a target such as ``work/Archive`` lies; "" for one of this account."""
        head, slash, rest = name.partition("/")
        return head if slash and rest and head in self.others else ""

    def exists(self, server_name: str) -> bool:
        """Whether a mailbox can be moved or copied to, here or in another account."""
        if account := self.other_account(server_name):
            return self.others[account].exists(server_name.partition("/")[2])
        info = self.mailboxes.get(server_name)
        if info is None:
            return self.is_imagined
        return info.selectable

    def special(self, use: str) -> str:
        """The mailbox for ``"trash"``, ``"archive"`` or ``"junk"``; "" where the account has none."""
        return {"trash": self.trash, "archive": self.archive, "junk": self.junk}[use]


def directory_of(
    mailboxes: Iterable[MailboxInfo], *, account: str, user: str, trash: str = "", archive: str = "", junk: str = ""
) -> Directory:
    """Build a directory; what the account's settings name wins over special use."""
    by_name = {info.name: info for info in mailboxes}
    delimiter = next((info.delimiter for info in by_name.values() if info.delimiter), "")
    bare = Directory(account=account, user=user, delimiter=delimiter, mailboxes=by_name)

    def special(use: str, setting: str) -> str:
        if setting:
            return bare.server_name(setting)
        return next((info.name for info in by_name.values() if use in info.special_use and info.selectable), "")

    return Directory(
        account=account,
        user=user,
        delimiter=delimiter,
        mailboxes=by_name,
        trash=special("trash", trash),
        archive=special("archive", archive),
        junk=special("junk", junk),
    )


def imagined_directory(account: str, settings: AccountSettings | None, *, others: Iterable[str] = ()) -> Directory:
    """For mail that lies on no server: the mailboxes that the account's settings name, and every other one."""
    return Directory(
        account=account,
        user=settings.user if settings else "",
        delimiter="/",
        mailboxes={},
        trash=(settings and settings.trash) or "Trash",
        archive=(settings and settings.archive) or "Archive",
        junk=(settings and settings.junk) or "Junk",
        is_imagined=True,
        others={
            name: Directory(account=name, user="", delimiter="/", mailboxes={}, is_imagined=True)
            for name in others
            if name != account
        },
    )
