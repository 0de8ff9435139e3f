"""Which responses tell what language and what order of texts the server uses (RFC 5255), as values?"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.values import list_of, text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.imap.tokens import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageData:
    """LANGUAGE (RFC 5255 section 3.3): one tag is the language in use now, several are those to choose from."""

    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparatorData:
    """COMPARATOR (RFC 5255 section 4.8): the comparator in use, and all that fit if there was a choice."""

    active: str
    matching: tuple[str, ...] = ()


LanguageResponse: TypeAlias = LanguageData | ComparatorData


def _read_language(reader: Reader) -> LanguageData:
    return LanguageData(tags=tuple(text_of(tag) for tag in list_of(reader.value())))


def _read_comparator(reader: Reader) -> ComparatorData:
    active = text_of(reader.value())
    matching = () if reader.at_end() else tuple(text_of(one) for one in list_of(reader.value()))
    return ComparatorData(active=active, matching=matching)


READERS: Final[Mapping[str, Callable[[Reader], LanguageResponse]]] = MappingProxyType(
    {"COMPARATOR": _read_comparator, "LANGUAGE": _read_language}
)
