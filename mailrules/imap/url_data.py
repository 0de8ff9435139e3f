"""Which responses carry URLs, or what stands behind them, as values, and how are they read?"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from mailrules.imap.tokens import Reader, Unreadable
from mailrules.imap.values import text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mailrules.imap.tokens import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class GenUrlAuthData:
    """GENURLAUTH (RFC 4467): signed URLs, in the order of the command. Who has one may read what it names."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlFetchData:
    """URLFETCH (RFC 4467): URL to content, None where it "is not valid for any reason"."""

    contents: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class JmapAccessData:
    """JMAPACCESS (RFC 9698): where the same messages can be had by JMAP."""

    session_url: str


UrlResponse: TypeAlias = GenUrlAuthData | UrlFetchData | JmapAccessData


def _read_gen_url_auth(reader: Reader) -> GenUrlAuthData:
    return GenUrlAuthData(urls=tuple(text_of(word) for word in _words(reader)))


def _read_url_fetch(reader: Reader) -> UrlFetchData:
    words = _words(reader)
    if len(words) % 2:
        raise Unreadable("URLFETCH with a URL that has no content, not even NIL")
    contents: dict[str, bytes | None] = {}
    for url, content in zip(words[::2], words[1::2], strict=True):
        if isinstance(content, list):
            raise Unreadable("the content of a URL cannot be a list")
        contents[text_of(url)] = content
    return UrlFetchData(contents=MappingProxyType(contents))


def _read_jmap_access(reader: Reader) -> JmapAccessData:
    return JmapAccessData(session_url=text_of(reader.value()))


def _words(reader: Reader) -> list[Value]:
    words: list[Value] = []
    while not reader.at_end():
        words.append(reader.value())
    return words


READERS: Final[Mapping[str, Callable[[Reader], UrlResponse]]] = MappingProxyType(
    {"GENURLAUTH": _read_gen_url_auth, "JMAPACCESS": _read_jmap_access, "URLFETCH": _read_url_fetch}
)
