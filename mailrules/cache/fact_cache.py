"""Where facts are kept between runs: one file a mailbox in a directory of the state directory, bounded together.

Deleting the directory costs a fetch and nothing else. What makes room first is what was not read for longest.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from typing import TYPE_CHECKING

from mailrules.cache.fact_file import FactFile, UnusableFile, owner_of
from mailrules.cache.kept_facts import KeptFacts
from mailrules.file_trust import distrust
from mailrules.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime
    from pathlib import Path

    from mailrules.cache.packing import UnreadableColumn
    from mailrules.mailbox.store import MailboxStatus
    from mailrules.settings import AccountSettings

DIRECTORY = "cache"
"""Its name in the state directory."""
KEPT_DAYS = 30
"""What no run has read for so long goes."""
_SUFFIXES = (".facts", ".new")
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class FactCache:
    """The facts of all mailboxes. Nothing here raises for what is on the disk: the run goes on without."""

    def __init__(self, directory: Path, *, limit_bytes: int) -> None:
        self._directory, self._limit_bytes = directory, limit_bytes
        self._is_unusable = False

    def open(self, account: AccountSettings, status: MailboxStatus, *, now: datetime) -> KeptFacts | None:
        """What is kept of the mailbox that has just been opened; None where nothing may or can be kept."""
        if not account.cache or not self._limit_bytes or not status.uids_are_sticky or not self._is_ready():
            return None
        owner = _owner(account, status)
        path = self._directory / f"{_name_of(owner)}.facts"
        file = FactFile(path, owner, now=now.timestamp())
        try:
            try:
                self._enter(file)
            except UnusableFile as unusable:
                file.close()
                self._drop(path, unusable, status=status)
                self._enter(file)
        except (UnusableFile, OSError) as error:
            file.close()
            self._tell_unusable(error)
            return None
        return KeptFacts(
            file,
            drop=lambda unusable: self._drop(path, unusable, status=status),
            give_up=self._tell_unusable,
            make_room=lambda size: self._make_room(size, keeping=path),
        )

    def forget_missing(self, listed: Iterable[tuple[AccountSettings, Collection[str]]], *, now: datetime) -> None:
        """Drop what is kept of mailboxes that these accounts no longer have, or may no longer keep, and what is old.

        ``listed`` has the accounts that were looked at, each with its mailboxes: one look at the files serves them all.
        """
        kept = {account_identity(account): names if account.cache else () for account, names in listed}
        oldest = now.timestamp() - KEPT_DAYS * 86_400
        for path, status in self._files():
            owner = owner_of(path) or {}
            names = kept.get(str(owner.get("account")))
            if status.st_mtime < oldest or (names is not None and owner.get("mailbox") not in names):
                with contextlib.suppress(OSError):
                    path.unlink()

    def forget_all(self) -> None:
        """Drop everything, where nothing may be kept any more."""
        for path, _ in self._files():
            with contextlib.suppress(OSError):
                path.unlink()

    @staticmethod
    def _enter(file: FactFile) -> None:
        try:
            file.open(writes=True)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            file.open(writes=False)

    def _is_ready(self) -> bool:
        """Whether the directory is there, or could be made, and nobody else can write to it."""
        if self._is_unusable:
            return False
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            reason = distrust(self._directory.parent) or distrust(self._directory)
        except OSError as error:
            self._tell_unusable(error)
            return False
        if reason:
            self._tell_unusable(UnusableFile(reason))
        return not reason

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        """Our files, the one that was not read for longest first."""
        found = []
        with contextlib.suppress(OSError):
            for entry in os.scandir(self._directory):
                if entry.name.endswith(_SUFFIXES) and entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        found.append((self._directory / entry.name, entry.stat(follow_symlinks=False)))
        return sorted(found, key=lambda one: one[1].st_mtime)

    def _make_room(self, size_bytes: int, *, keeping: Path) -> bool:
        """Whether the file may become so large; others make room for it."""
        if size_bytes > self._limit_bytes:
            return False
        others = [(path, status.st_size) for path, status in self._files() if path != keeping]
        excess = size_bytes + sum(size for _, size in others) - self._limit_bytes
        for path, size in others:
            if excess <= 0:
                break
            with contextlib.suppress(OSError):
                path.unlink()
            excess -= size
        return True

    def _drop(self, path: Path, unusable: UnusableFile | UnreadableColumn, *, status: MailboxStatus) -> None:
        if not (isinstance(unusable, UnusableFile) and unusable.is_outdated):
            get_logger().warning("cache.dropped", mailbox=status.mailbox, path=str(path), reason=str(unusable))
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            self._tell_unusable(error)

    def _tell_unusable(self, error: UnusableFile | OSError) -> None:
        """Once, for every mailbox would say the same; where nothing may be written, that is what was wanted."""
        if not self._is_unusable:
            path, reason = str(self._directory), str(error)
            if isinstance(error, OSError) and error.errno in _READ_ONLY:
                get_logger().info("cache.unusable", path=path, reason=reason)
            else:
                get_logger().warning("cache.unusable", path=path, reason=reason)
        self._is_unusable = True


def account_identity(account: AccountSettings) -> str:
    """What stays the same for as long as it is the same mail, whatever the account is called here."""
    way = "\0".join(account.tunnel) if account.tunnel else f"{account.host.lower()}\0{account.port}"
    return hashlib.sha256(f"{way}\0{account.user}".encode("utf-8", "surrogatepass")).hexdigest()


def _owner(account: AccountSettings, status: MailboxStatus) -> Mapping[str, object]:
    return {
        "account": account_identity(account),
        "mailbox": status.mailbox,
        "mailbox_id": status.mailbox_id,
        "uidvalidity": status.uidvalidity,
    }


def _name_of(owner: Mapping[str, object]) -> str:
    """By the name that the server gave it for ever where there is one, so that a renamed mailbox is the same."""
    which = ("id", owner["mailbox_id"]) if owner["mailbox_id"] else ("name", owner["mailbox"])
    return hashlib.sha256(json.dumps([owner["account"], *which]).encode()).hexdigest()[:32]
