"""How one mailbox's facts lie on disk: a head that says whose they are, then records, appended and never changed.

A record replaces so many of the last ones of its name, so that few of them hold a column. Whoever reads needs no
lock: what has been opened stays as it was. Writers take turns by a lock on the file; one that would have to wait
leaves what it learned for another time. Bytes that are not as they were written are found by their checksums.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import struct
import sys
import zlib
from typing import TYPE_CHECKING

from mailrules.file_trust import distrust
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

FORMAT = 1
"""Another number is another format: such a file is dropped and made anew."""
_MAGIC = b"mailrules facts\n"
_HEAD = struct.Struct("<16sHHI")  # magic, format, byte order, length of the owner's name
_RECORD = struct.Struct("<IHHIIIII")  # mark, name's length, replaced, count, first UID, last UID, payload's length, CRC
_CHECK = struct.Struct("<I")
_MARK = 0x6D726663
_ORDER = 1 if sys.byteorder == "little" else 2
_MOST_OWNER_BYTES = 64 << 10
_TOUCHED_SECONDS = 3600
_TAKEN = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}


class UnusableFile(Exception):
    """There is a file that holds nothing for us; ``reason`` says why.

    ``is_outdated``: it is as it should be, and of a mailbox that is no more: one of another UIDVALIDITY.
    """

    def __init__(self, reason: str, *, is_outdated: bool = False) -> None:
        self.reason, self.is_outdated = reason, is_outdated
        super().__init__(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Where a packed column lies, and of which messages it is."""

    name: str
    count: int
    first_uid: int
    last_uid: int
    start: int
    length: int
    check: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A packed column to be kept instead of the last ``replaced`` ones of its name."""

    name: str
    count: int
    first_uid: int
    last_uid: int
    packed: bytes
    replaced: int = 0


def new_record(name: str, uids: Sequence[int], packed: bytes, *, replaced: int = 0) -> NewRecord:
    """The packed column of these messages, ascending by UID, instead of the last ``replaced`` ones of its name."""
    first, last = (uids[0], uids[-1]) if uids else (0, 0)
    return NewRecord(name=name, count=len(uids), first_uid=first, last_uid=last, packed=packed, replaced=replaced)


class FactFile:
    """One open file. Everything may raise OSError, and UnusableFile for bytes that cannot be ours."""

    def __init__(self, path: Path, owner: Mapping[str, object], *, now: float) -> None:
        """``now`` is in seconds since 1970."""
        self._path, self._now = path, now
        self._owner = dict(owner)
        self._handle = -1
        self._forget()

    def _forget(self) -> None:
        self._end = 0
        self.is_renamed = False
        """Whether the mailbox went by another name when the file was made."""
        self.records: dict[str, list[Record]] = {}
        """The records in force, by name."""

    def open(self, *, writes: bool) -> None:
        """Open what is there and read what it holds; where we write, it is made.

        Raises FileNotFoundError where there is nothing to read.
        """
        self.close()
        flags = (os.O_RDWR | os.O_CREAT) if writes else os.O_RDONLY
        try:
            # Whatever stands there under this name: no link is followed, no pipe waited for.
            handle = os.open(self._path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
                raise UnusableFile("it is no file") from error
            raise
        self._handle = handle
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnusableFile("it is no file")
        if reason := distrust(self._path, status=status):
            raise UnusableFile(reason)
        self._is_used(status)
        if stat.S_IMODE(status.st_mode) & 0o077 and status.st_uid == os.geteuid():
            with contextlib.suppress(OSError):  # a directory that cannot be written to keeps it as it is
                os.fchmod(handle, 0o600)
        self.refresh()

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1
        self._forget()

    @property
    def is_open(self) -> bool:
        return self._handle >= 0

    @property
    def size_bytes(self) -> int:
        """Of what is in force and of what is not any more."""
        return self._end

    @property
    def live_bytes(self) -> int:
        """What a file of the records in force alone would hold, about."""
        return sum(one.length for records in self.records.values() for one in records)

    def refresh(self) -> None:
        """Take in what has been appended since."""
        size = os.fstat(self._handle).st_size
        if not self._end and size:
            self._read_head(size)
        while (record := self._record_at(self._end, size)) is not None:
            replaced, one = record
            records = self.records.setdefault(one.name, [])
            if replaced > len(records):
                raise UnusableFile("a record replaces more than there is")
            del records[len(records) - replaced :]
            records.append(one)
            self._end = one.start + one.length

    def read(self, record: Record) -> bytes:
        """The packed column of a record."""
        payload = os.pread(self._handle, record.length, record.start)
        if len(payload) != record.length or zlib.crc32(payload) != record.check:
            raise UnusableFile("its checksum is wrong")
        return payload

    @contextlib.contextmanager
    def turn(self) -> Iterator[bool]:
        """Hold the file for writing and know what others have appended; False where another holds it."""
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            yield False
            return
        try:
            if not self._is_current():
                yield False  # somebody has put another file in its place
                return
            self.refresh()
            yield True
        finally:
            if self._handle >= 0:
                fcntl.flock(self._handle, fcntl.LOCK_UN)

    def append(self, records: Iterable[NewRecord]) -> None:
        """Add records, in one's ``turn``. What does not fit on the disk is taken back."""
        start = self._end
        try:
            # What a writer that was killed began is cut off; nobody counts it.
            os.ftruncate(self._handle, start)
            self._write(b"".join(self._appended(records)), at=start)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, start)
            raise
        self.refresh()

    def replace(self, records: Iterable[NewRecord]) -> None:
        """Put a file of these records alone in this one's place, in one's ``turn``."""
        draft = self._path.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        old = self._handle
        handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._handle = handle
            self._forget()
            self._write(b"".join(self._appended(records)), at=0)
            draft.replace(self._path)
        except OSError:
            self._handle = old
            self._forget()
            os.close(handle)
            with contextlib.suppress(OSError):
                draft.unlink()
            self.refresh()
            raise
        os.close(old)
        self.refresh()

    def _is_used(self, status: os.stat_result) -> None:
        """Its time tells when it was last read: what was not read for long makes room first."""
        if status.st_mtime < self._now - _TOUCHED_SECONDS:
            with contextlib.suppress(OSError):
                os.utime(self._handle, (self._now, self._now))

    def _is_current(self) -> bool:
        ours = os.fstat(self._handle)
        try:
            there = os.lstat(self._path)
        except FileNotFoundError:
            return False
        return (ours.st_ino, ours.st_dev) == (there.st_ino, there.st_dev)

    def _appended(self, records: Iterable[NewRecord]) -> Iterator[bytes]:
        if not self._end:
            owner = json.dumps(self._owner).encode()
            yield _HEAD.pack(_MAGIC, FORMAT, _ORDER, len(owner)) + owner
        for one in records:
            name = one.name.encode()
            head = _RECORD.pack(
                _MARK,
                len(name),
                one.replaced,
                one.count,
                one.first_uid,
                one.last_uid,
                len(one.packed),
                zlib.crc32(one.packed),
            )
            yield from (head, _CHECK.pack(zlib.crc32(head + name)), name, one.packed)

    def _write(self, data: bytes, *, at: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._handle, view, at)
            view, at = view[written:], at + written

    def _read_head(self, size: int) -> None:
        head = os.pread(self._handle, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            raise UnusableFile("it is cut off")
        magic, version, order, length = _HEAD.unpack(head)
        if magic != _MAGIC:
            raise UnusableFile("another program made it")
        if version != FORMAT or order != _ORDER:
            raise UnusableFile("another version of mailrules, or another kind of machine, made it")
        if length > min(_MOST_OWNER_BYTES, size):
            raise UnusableFile("it does not say whose facts it holds")
        try:
            told = json.loads(os.pread(self._handle, length, _HEAD.size))
        except ValueError as error:
            raise UnusableFile("it does not say whose facts it holds") from error
        if told != self._owner:
            # What the server has named for ever may go by another name now.
            has_id = isinstance(told, dict) and bool(self._owner["mailbox_id"])
            if not has_id or {**told, "mailbox": ""} != {**self._owner, "mailbox": ""}:
                raise UnusableFile("it is of another mailbox, or of an earlier life of this one", is_outdated=True)
            self.is_renamed = True
        self._end = _HEAD.size + length

    def _record_at(self, start: int, size: int) -> tuple[int, Record] | None:
        """The record there and how many it replaces; None at the end, or at what has not been written in full."""
        if start + _RECORD.size + _CHECK.size > size:
            return None
        head = os.pread(self._handle, _RECORD.size + _CHECK.size, start)
        mark, name_length, replaced, count, first, last, length, check = _RECORD.unpack_from(head)
        if mark != _MARK:
            raise UnusableFile("there are bytes of something else in it")
        at = start + _RECORD.size + _CHECK.size
        if at + name_length + length > size:
            return None
        name = os.pread(self._handle, name_length, at)
        if _CHECK.unpack_from(head, _RECORD.size)[0] != zlib.crc32(head[: _RECORD.size] + name):
            raise UnusableFile("its checksum is wrong")
        record = Record(
            name=name.decode("utf-8", "replace"),
            count=count,
            first_uid=first,
            last_uid=last,
            start=at + name_length,
            length=length,
            check=check,
        )
        return replaced, record


def owner_of(path: Path) -> Mapping[str, object] | None:
    """Whose facts a file holds; None where it does not say."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        head = os.read(handle, _HEAD.size)
        if len(head) < _HEAD.size:
            return None
        magic, _, _, length = _HEAD.unpack(head)
        if magic != _MAGIC or length > _MOST_OWNER_BYTES:
            return None
        told = json.loads(os.read(handle, length))
    except (OSError, ValueError):
        return None
    finally:
        os.close(handle)
    return told if isinstance(told, dict) else None
