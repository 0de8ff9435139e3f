"""What do extensions tell of a message in FETCH, beside what every server tells?"""

from __future__ import annotations

from dataclasses import field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypedDict

from mailrules.imap.mailbox_name import decode_mailbox_name
from mailrules.imap.tokens import Unreadable, Value
from mailrules.imap.values import first_of, list_of, text_of
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_NO_CONTENTS: Final[Mapping[str, bytes]] = MappingProxyType({})
_NO_SIZES: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchExtras:
    """Attributes that few commands ask for; None or "" or nothing in it where the server did not say.

    ``thread_id`` names the conversation (RFC 8474), ``save_date`` is when the message came into this mailbox
    (RFC 8514). ``preview`` is text for people (RFC 8970): "" is a message of which none can be made, None one
    whose preview was not asked for, or not at hand for PREVIEW (LAZY).

    ``binary`` maps parts to their decoded content, and ``binary_sizes`` to its size (RFC 3516); the key is
    ``"1.2"``, and ``"1.2<100>"`` for what begins at byte 100.

    ``annotations`` maps entries such as ``/comment`` to attributes such as ``value.priv`` and their values; unasked,
    the server names only the entries that have changed (RFC 5257 section 4.4).

    ``gmail_labels`` are decoded; Gmail's own begin with a backslash, as ``\\Inbox``.
    """

    thread_id: str = ""
    preview: str | None = None
    save_date: datetime | None = None
    binary: Mapping[str, bytes] = field(default_factory=lambda: _NO_CONTENTS)
    binary_sizes: Mapping[str, int] = field(default_factory=lambda: _NO_SIZES)
    gmail_thread_id: str = ""
    gmail_labels: frozenset[str] | None = None
    annotations: Mapping[str, Mapping[str, str | None]] | None = None

    def updated(self, later: FetchExtras) -> FetchExtras:
        """What two responses together tell of one message; the later word holds."""
        if later is NO_EXTRAS:
            return self
        told = {
            one.name: value
            for one in fields(later)
            if (value := getattr(later, one.name)) is not None and (value != "" or getattr(self, one.name) is None)
        }
        told["binary"] = {**self.binary, **later.binary}
        told["binary_sizes"] = {**self.binary_sizes, **later.binary_sizes}
        return replace(self, **told)


NO_EXTRAS: Final = FetchExtras()


class ExtraAttributes(TypedDict, total=False):
    """The fields of a ``FetchExtras`` while it is read."""

    thread_id: str
    preview: str | None
    save_date: datetime | None
    binary: dict[str, bytes]
    binary_sizes: dict[str, int]
    gmail_thread_id: str
    gmail_labels: frozenset[str]
    annotations: dict[str, dict[str, str | None]]


def read_extra(extras: ExtraAttributes, name: str, value: Value) -> None:
    """Take one attribute without a section; others than those of ``FetchExtras`` are passed over. Raises Unreadable."""
    match name:
        case "THREADID":
            extras["thread_id"] = _identifier(first_of(value))
        case "PREVIEW":
            # Servers of a draft of RFC 8970 put the algorithm before it: PREVIEW (FUZZY "text").
            shown = value[-1] if isinstance(value, list) and value else value
            extras["preview"] = None if shown is None else text_of(shown)
        case "X-GM-THRID":
            extras["gmail_thread_id"] = _identifier(value)
        case "ANNOTATION":
            extras["annotations"] = _annotations(value)
        case "X-GM-LABELS":
            labels = (label for label in list_of(value) if isinstance(label, bytes))
            # Under UTF8=ACCEPT they are UTF-8, else modified UTF-7, which is ASCII.
            extras["gmail_labels"] = frozenset(decode_mailbox_name(one, utf8=not one.isascii()) for one in labels)


def _annotations(value: Value) -> dict[str, dict[str, str | None]]:
    """Entries and their attributes, where told; Cyrus tells of one entry in several places."""
    found: dict[str, dict[str, str | None]] = {}
    told: dict[str, str | None] | None = None  # of the entry before
    for word in list_of(value):
        if not isinstance(word, list):
            told = found.setdefault(text_of(word), {})
        elif told is None:
            raise Unreadable("ANNOTATION with attributes of no entry")
        else:
            names, values = word[::2], (None if one is None else text_of(one) for one in word[1::2])
            told.update(zip(map(text_of, names), values, strict=False))
            told = None
    return found


def _identifier(value: Value) -> str:
    if value is None:
        return ""  # "THREADID" SP nil: the server has none (RFC 8474 section 5.3)
    if not isinstance(value, bytes) or not value.isascii():
        raise Unreadable(f"not an identifier: {value!r:.60}")
    return value.decode()
