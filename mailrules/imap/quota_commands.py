"""Commands about what may be used of a server's resources (QUOTA, RFC 9208 and 2087)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.about_mailbox import OneMailbox, is_about
from mailrules.imap.answers import every, newest
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.quota_data import QuotaData, QuotaRootData
from mailrules.imap.writer import AString, Atom, Node, Number, ParenthesisedList
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged

QUOTA = Extension(capability="QUOTA", rfc="RFC 9208")


class _QuotaSet(Extension):
    """SETQUOTA, of which only servers of RFC 9208, with ``QUOTA=`` and a resource, tell whether they have it."""

    __slots__ = ()

    def is_offered(self, offered: frozenset[str]) -> bool:
        if any(one.startswith("QUOTA=") for one in offered):
            return self.capability in offered
        return "QUOTA" in offered


QUOTA_SET = _QuotaSet(capability="QUOTASET", rfc="RFC 9208")


@dataclass(frozen=True, slots=True)
class GetQuota(Command[QuotaData]):
    """GETQUOTA (RFC 9208 section 4.1.1) of a quota root, whose name ``GetQuotaRoot`` tells."""

    name: ClassVar[str] = "GETQUOTA"
    extension: ClassVar[Extension | None] = QUOTA
    root: str

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return (AString(self.root),)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, QuotaData) and response.root == self.root

    def result(self, answer: Answer) -> QuotaData:
        return newest(QuotaData, answer, command=self.name, about=self.root)


@dataclass(frozen=True, slots=True)
class GetQuotaRoot(OneMailbox[tuple[QuotaData, ...]]):
    """GETQUOTAROOT (RFC 9208 section 4.1.2): the quotas that a mailbox falls under, in the server's order.

    The mailbox need not exist. The result is empty where nothing limits it; a quota root of which the server
    told nothing has no resources.
    """

    name: ClassVar[str] = "GETQUOTAROOT"
    extension: ClassVar[Extension | None] = QUOTA

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        if isinstance(response, QuotaRootData):
            return is_about(response, self)
        return isinstance(response, QuotaData)

    def result(self, answer: Answer) -> tuple[QuotaData, ...]:
        roots = newest(QuotaRootData, answer, command=self.name, about=self.mailbox).roots
        told = {quota.root: quota for quota in every(QuotaData, answer)}
        return tuple(told.get(root, QuotaData(root=root)) for root in roots)


@dataclass(frozen=True, slots=True)
class SetQuota(Command[QuotaData | None]):
    """SETQUOTA (RFC 9208 section 4.1.3): ``limits`` by resource name replace all limits of the root.

    The result is what the server says of the root now, which may have rounded; None where it says nothing.
    """

    name: ClassVar[str] = "SETQUOTA"
    extension: ClassVar[Extension | None] = QUOTA_SET
    root: str
    limits: tuple[tuple[str, int], ...] = ()

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        words = tuple(node for resource, limit in self.limits for node in (Atom(resource), Number(limit)))
        return (AString(self.root), ParenthesisedList(words))

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, QuotaData) and response.root == self.root

    def result(self, answer: Answer) -> QuotaData | None:
        told = every(QuotaData, answer)
        return told[-1] if told else None
