"""Which responses tell what a mailbox may use and what is used, as values, and how are they read?"""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.tokens import Reader, Unreadable, read_number
from mailrules.imap.values import list_of, text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceUsage:
    """How much of one resource is used, and how much may be; STORAGE is in units of 1024 bytes."""

    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaData:
    """QUOTA (RFC 9208 section 4.2.1): the limited resources of one quota root, by name in upper case.

    STORAGE, MESSAGE, MAILBOX and ANNOTATION-STORAGE have a meaning; what is not named is not limited.
    """

    root: str
    resources: Mapping[str, ResourceUsage] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRootData:
    """QUOTAROOT (RFC 9208 section 4.2.2): the quota roots that a mailbox falls under, in the server's order."""

    mailbox: str
    roots: tuple[str, ...] = ()


QuotaResponse: TypeAlias = QuotaData | QuotaRootData


def _read_quota(reader: Reader) -> QuotaData:
    root = text_of(reader.value())
    words = list_of(reader.value())
    if len(words) % 3:
        raise Unreadable("QUOTA with a resource that lacks its usage or its limit")
    resources = {
        text_of(name).upper(): ResourceUsage(used=read_number(used), limit=read_number(limit))
        for name, used, limit in zip(words[::3], words[1::3], words[2::3], strict=True)
    }
    return QuotaData(root=root, resources=MappingProxyType(resources))


def _read_quota_root(reader: Reader) -> QuotaRootData:
    mailbox = reader.mailbox()
    roots: list[str] = []
    while not reader.at_end():
        roots.append(text_of(reader.value()))
    return QuotaRootData(mailbox=mailbox, roots=tuple(roots))


READERS: Final[Mapping[str, Callable[[Reader], QuotaResponse]]] = MappingProxyType(
    {"QUOTA": _read_quota, "QUOTAROOT": _read_quota_root}
)
