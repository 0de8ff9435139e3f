"""Does a server's SEARCH tell the truth: which messages to try it on, what to ask, and what contradicts the answer?

What is compared are facts that were fetched. A day counts only where no zone could make another day of it, and a text
only where it stands in a header field in plain ASCII, so that an honest server is never called a liar.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from mailrules.imap.search_keys import (
    All,
    AllOf,
    AnyOf,
    Contains,
    Dated,
    DateField,
    HasFlag,
    HeaderContains,
    Larger,
    Not,
    Smaller,
    TextField,
    Uids,
)
from mailrules.mailbox.flags import fold_flag
from mailrules.mailbox.headers import header_fields
from mailrules.mailbox.message import FactRequest
from mailrules.rules.bounds import key_name, keys_in
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from mailrules.imap.search_keys import SearchKey
    from mailrules.mailbox.message import UID, MessageFacts

PART = 40
"""So many of the first UIDs, so many of the last, and twice so many between them are tried."""
MAX_PROBES = 24
"""So many keys of one search are tried one by one."""
WHOLE = "SEARCH"
"""The name of what lies where every key alone is answered truly: the combining of keys."""
MOST_TEXTS = 20
"""The text of so many messages is read where a search looks for text in bodies."""
ALWAYS_TRIED = (
    HasFlag("\\Seen"),
    HasFlag("\\Flagged"),
    HasFlag("\\Answered"),
    HasFlag("\\Deleted"),
    HasFlag("\\Draft"),
)

_DAY = timedelta(days=1)
_AS_IT_IS = ("7bit", "8bit")
_IN_BODY = (TextField.BODY, TextField.TEXT)
_FIELDS = {
    TextField.FROM: "from",
    TextField.TO: "to",
    TextField.CC: "cc",
    TextField.BCC: "bcc",
    TextField.SUBJECT: "subject",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Untruth:
    """A key that a server has answered wrongly twice: how it was asked, and about which message."""

    account: str
    key: str
    """As ``key_name`` tells it, or ``WHOLE``."""
    mailbox: str
    uid: UID
    search: str
    was_found: bool
    """Whether the server found the message, which it should not have; else it should have."""
    seen: datetime

    def __str__(self) -> str:
        wrong = "finds" if self.was_found else "misses"
        return f"SEARCH {self.search} {wrong} UID {self.uid} of {self.mailbox!r}"


def sample_uids(last_uid: int, *, now: datetime) -> list[int]:
    """UIDs to try a server on, whether there are such messages or not: others every second."""
    if last_uid <= 4 * PART:
        return list(range(1, last_uid + 1))
    stride = last_uid // (2 * PART)
    spread = range(1 + int(now.timestamp()) % stride, last_uid + 1, stride)
    return sorted({*range(1, PART + 1), *spread, *range(last_uid - PART + 1, last_uid + 1)})


def sample_request(keys: Iterable[SearchKey]) -> FactRequest:
    """What has to be known of a message to tell what these keys should say of it."""
    keys = tuple(keys)
    return FactRequest(
        flags=True,
        size=True,
        received=True,
        header_fields=tuple(sorted(_fields_read(keys))),
        text=any(isinstance(key, Contains) and key.field in _IN_BODY for key in keys),
    )


def probes(search: SearchKey, facts: Sequence[MessageFacts]) -> tuple[SearchKey, ...]:
    """The keys of a search, and such as halve the sample by day and size where it asks for those."""
    keys = tuple(dict.fromkeys(keys_in(search)))[:MAX_PROBES]
    asked = {type(key) for key in keys}
    return tuple(dict.fromkeys((*keys, *(key for key in halving(facts) if type(key) in asked))))


def halving(facts: Sequence[MessageFacts]) -> tuple[SearchKey, ...]:
    """Keys that about half of these messages should be found by."""
    days = sorted(day for one in facts if (day := _utc_day(one)) is not None)
    sizes = sorted(one.size_bytes for one in facts if one.size_bytes)
    keys: list[SearchKey] = []
    if days:
        middle = days[len(days) // 2]
        keys += [Dated(DateField.BEFORE, middle), Dated(DateField.SINCE, middle)]
    if sizes:
        keys += [Larger(sizes[len(sizes) // 2]), Smaller(sizes[len(sizes) // 2])]
    return tuple(keys)


def contradicting(key: SearchKey, facts: Iterable[MessageFacts], found: Collection[int]) -> tuple[UID, ...]:
    """The messages about which the answer ``found`` to a key is certainly wrong."""
    return tuple(one.uid for one in facts if (wanted := certain(key, one)) is not None and wanted != (one.uid in found))


def certain(key: SearchKey, facts: MessageFacts) -> bool | None:
    """What a truthful server says of a message; None where servers may differ, or a fact is missing."""
    match key:
        case All():
            return True
        case Not(inner):
            answer = certain(inner, facts)
            return None if answer is None else not answer
        case AnyOf(keys) | AllOf(keys):
            settles = isinstance(key, AnyOf)
            answers = {certain(one, facts) for one in keys}
            return settles if settles in answers else None if None in answers else not settles
        case HasFlag(flag):
            return None if facts.flags is None else fold_flag(flag) in map(fold_flag, facts.flags)
        case Larger(size):
            return None if facts.size_bytes is None else facts.size_bytes > size
        case Smaller(size):
            return None if facts.size_bytes is None else facts.size_bytes < size
        case Uids(uids):
            return facts.uid in uids
        case Dated(DateField.BEFORE, day):
            return _is_before(facts, day)
        case Dated(DateField.SINCE, day):
            is_before = _is_before(facts, day)
            return None if is_before is None else not is_before
        case Contains() | HeaderContains():
            return _stands_there(key, facts)
    return None


def name_of(key: SearchKey) -> str:
    """How persons are told of a key; ``WHOLE`` for a combination."""
    return WHOLE if isinstance(key, Not | AnyOf | AllOf) else key_name(key)


def words_of(search: SearchKey) -> frozenset[str]:
    """The names of a search's keys, and of the ways in which it combines them."""
    match search:
        case Not(inner):
            return words_of(inner) | {"NOT"}
        case AnyOf(keys):
            return frozenset({"OR"}).union(*map(words_of, keys))
        case AllOf(keys):
            return frozenset({"AND"}).union(*map(words_of, keys))
    return frozenset({key_name(search)})


def _is_before(facts: MessageFacts, day: date) -> bool | None:
    received = _utc_day(facts)
    if received is None:
        return None
    if received + _DAY < day:
        return True
    return False if received - _DAY >= day else None


def _utc_day(facts: MessageFacts) -> date | None:
    if not isinstance(facts.received, datetime) or not 1 < facts.received.year < 9999:
        return None
    return facts.received.astimezone(UTC).date()


def _stands_there(key: Contains | HeaderContains, facts: MessageFacts) -> bool | None:
    """True where the text stands in the field, or in a plain part of the body, as it is; servers may find more."""
    if isinstance(key, Contains) and key.field in _IN_BODY:
        return _stands_in_body(key.text, facts)
    name = _field_of(key)
    if not isinstance(facts.header, bytes) or not name:
        return None
    wanted = key.text.encode().lower()
    values = (value for field, value in header_fields(facts.header) if field == name)
    return True if any(wanted in value.lower() and b"=?" not in value for value in values) else None


def _stands_in_body(text: str, facts: MessageFacts) -> bool | None:
    wanted = text.encode().lower()
    parts = facts.texts if isinstance(facts.texts, tuple) else ()
    plain = (content for part, content in parts if part.media_type == "text/plain" and part.encoding in _AS_IT_IS)
    return True if any(wanted in content.lower() for content in plain) else None


def _field_of(key: Contains | HeaderContains) -> str:
    return key.name.lower() if isinstance(key, HeaderContains) else _FIELDS.get(key.field, "")


def _fields_read(keys: Iterable[SearchKey]) -> set[str]:
    return {name for key in keys if isinstance(key, Contains | HeaderContains) and (name := _field_of(key))}
