"""Commands about the language of the server's texts and the order in which it compares texts (RFC 5255)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mailrules.imap.answers import newest
from mailrules.imap.command import Answer, Command, Extension
from mailrules.imap.language_data import ComparatorData, LanguageData
from mailrules.imap.writer import AString, Node
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.imap.parser import Untagged


@dataclass(frozen=True, slots=True)
class Language(Command[tuple[str, ...]]):
    """LANGUAGE (RFC 5255 section 3.2): speak the first of these languages that you know.

    The result is the language in use now. Without ``ranges`` the result is all that there are, and nothing
    changes; ``default`` is the one that the server's owner prefers. To be repeated once TLS protects the connection.
    """

    name: ClassVar[str] = "LANGUAGE"
    extension: ClassVar[Extension | None] = Extension(capability="LANGUAGE", rfc="RFC 5255")
    ranges: tuple[str, ...] = ()

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return tuple(AString(one) for one in self.ranges)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, LanguageData)

    def result(self, answer: Answer) -> tuple[str, ...]:
        return newest(LanguageData, answer, command=self.name).tags


@dataclass(frozen=True, slots=True)
class Comparator(Command[ComparatorData]):
    """COMPARATOR (RFC 5255 section 4.7): compare by the first of these that you know, in SEARCH, SORT and THREAD.

    Without ``orders`` it only asks which is in use. Refused with BADCOMPARATOR where none fits.
    """

    name: ClassVar[str] = "COMPARATOR"
    extension: ClassVar[Extension | None] = Extension(capability="I18NLEVEL=2", rfc="RFC 5255")
    orders: tuple[str, ...] = ()

    def arguments(self, offered: frozenset[str]) -> Sequence[Node]:
        del offered
        return tuple(AString(one) for one in self.orders)

    def claims(self, response: Untagged, *, tag: str) -> bool:
        del tag
        return isinstance(response, ComparatorData)

    def result(self, answer: Answer) -> ComparatorData:
        return newest(ComparatorData, answer, command=self.name)
