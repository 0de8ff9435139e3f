"""Which messages does a SEARCH find?

Every key is answered for the whole mailbox as a set of UIDs, and NOT, OR and AND are set
arithmetic on a stack, so that no depth of a client's making costs a stack frame.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.message_parts import decoded_texts
from mailrules.testing.mime_structure import header_fields, unfolded
from mailrules.testing.server_arguments import ArgumentList, Arguments, Atom, BadCommand, parse_sequence_ranges
from mailrules.testing.server_calls import Refused
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.testing.mail_state import StoredMessage
    from mailrules.testing.selected_view import SelectedView

Found = frozenset[int]

_FLAG_KEYS = {
    b"ANSWERED": "\\Answered", b"FLAGGED": "\\Flagged", b"DELETED": "\\Deleted", b"SEEN": "\\Seen", b"DRAFT": "\\Draft",
}  # fmt: skip
_NO_FLAG_KEYS = {b"UN" + key: flag for key, flag in _FLAG_KEYS.items()}
_CHARSETS = {b"US-ASCII", b"UTF-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A place in the flattened program: ``not``, ``or``, and the two ends of a list."""

    name: str


NOT, OR, OPEN, CLOSE = (Operator(name=name) for name in ("not", "or", "open", "close"))


class Search:
    """One SEARCH over a session's view; ``saved`` is what ``$`` stands for."""

    def __init__(
        self,
        view: SelectedView,
        *,
        offers: Callable[[str], bool] = EVERY_CAPABILITY.__contains__,
        saved: frozenset[int] = frozenset(),
    ) -> None:
        self._view, self._offers, self._saved = view, offers, saved
        self._messages = [stored for uid in view.uids if (stored := view.stored(uid)) is not None]
        self._all: Found = frozenset(stored.uid for stored in self._messages)
        self.uses_modseq = False

    def run(self, words: Arguments) -> list[int]:
        """The UIDs found, ascending. Raises BadCommand, or Refused for an unknown charset."""
        if words.next_is(b"CHARSET") and words.astring().upper() not in _CHARSETS:
            raise Refused("Unknown charset", code="BADCHARSET (US-ASCII UTF-8)")
        if not words:
            raise BadCommand("Missing search parameters")
        return sorted(self._evaluate(self._flatten(words)))

    def _flatten(self, words: Arguments) -> list[Found | Operator]:
        """The program in the order it was written, lists opened in place."""
        program: list[Found | Operator] = [OPEN]
        open_lists = [words]
        while open_lists:
            current = open_lists[-1]
            if not current:
                open_lists.pop()
                program.append(CLOSE)
            elif isinstance(current.peek(), ArgumentList):
                inner = current.list()
                if not inner:
                    raise BadCommand("Empty search list")
                program.append(OPEN)
                open_lists.append(Arguments(inner))
            else:
                program.append(self._key(current))
        return program

    def _evaluate(self, program: list[Found | Operator]) -> Found:
        """Read the program backwards: an operator's operands are then already on the stack."""
        stack: list[Found | Operator] = []
        for step in reversed(program):
            if not isinstance(step, Operator) or step is CLOSE:
                stack.append(step)
            elif step is NOT:
                stack.append(self._all - _operand(stack))
            elif step is OR:
                stack.append(_operand(stack) | _operand(stack))
            else:
                found = self._all
                while stack[-1] is not CLOSE:
                    found &= _operand(stack)
                stack.pop()
                stack.append(found)
        return _operand(stack)

    def _key(self, words: Arguments) -> Found | Operator:
        word = words.any()
        if not isinstance(word, Atom):
            raise BadCommand("Invalid search key")
        name = word.upper()
        if name == b"NOT":
            return NOT
        if name == b"OR":
            return OR
        if word[:1].isdigit() or word[:1] == b"*":
            return self._in_set(word, by_uid=False)
        if name == b"$" and self._offers("SEARCHRES"):
            return self._saved & self._all
        if name == b"UID":
            if self._offers("SEARCHRES") and words.next_is(b"$"):
                return self._saved & self._all
            return self._in_set(words.atom(), by_uid=True)
        found = self._flag_key(name, words) or self._text_key(name, words) or self._value_key(name, words)
        if found is None:
            raise BadCommand(f"Unknown argument {name.decode('ascii', 'replace')}")
        return self._where(found)

    def _in_set(self, word: bytes, *, by_uid: bool) -> Found:
        return frozenset(self._view.chosen(parse_sequence_ranges(word), by_uid=by_uid)) & self._all

    def _where(self, test: Callable[[StoredMessage], bool]) -> Found:
        return frozenset(stored.uid for stored in self._messages if test(stored))

    def _flag_key(self, name: bytes, words: Arguments) -> Callable[[StoredMessage], bool] | None:
        recent = self._view.recent
        if name in _FLAG_KEYS:
            flag = _FLAG_KEYS[name]
            return lambda stored: flag in stored.flags
        if name in _NO_FLAG_KEYS:
            flag = _NO_FLAG_KEYS[name]
            return lambda stored: flag not in stored.flags
        if name in {b"KEYWORD", b"UNKEYWORD"}:
            keyword = words.atom().decode("latin-1").lower()
            carries = name == b"KEYWORD"
            return lambda stored: (keyword in {flag.lower() for flag in stored.flags}) is carries
        match name:
            case b"ALL":
                return lambda _: True
            case b"RECENT":
                return lambda stored: stored.uid in recent
            case b"OLD":
                return lambda stored: stored.uid not in recent
            case b"NEW":
                return lambda stored: stored.uid in recent and "\\Seen" not in stored.flags
        return None

    def _text_key(self, name: bytes, words: Arguments) -> Callable[[StoredMessage], bool] | None:
        if name in {b"FROM", b"TO", b"CC", b"BCC", b"SUBJECT"}:
            return _has_header(name.lower(), words.astring())
        if name == b"HEADER":
            field = words.astring().lower()
            return _has_header(field, words.astring())
        if name not in {b"BODY", b"TEXT"}:
            return None
        needle = words.astring().decode("utf-8", "replace").lower()
        if name == b"BODY":
            return lambda stored: any(needle in text.lower() for text in decoded_texts(stored.content))
        return lambda stored: (
            needle in _all_headers(stored).lower()
            or any(needle in text.lower() for text in decoded_texts(stored.content))
        )

    def _value_key(self, name: bytes, words: Arguments) -> Callable[[StoredMessage], bool] | None:
        if name in {b"LARGER", b"SMALLER"}:
            bound = words.number()
            return lambda stored: len(stored.content) > bound if name == b"LARGER" else len(stored.content) < bound
        if name == b"MODSEQ":
            bound = words.number()
            self.uses_modseq = True
            return lambda stored: stored.modseq >= bound
        if name in {b"OLDER", b"YOUNGER"} and self._offers("WITHIN"):
            bound, now = words.number(), datetime.now(UTC)  # noqa: TID251 - a server's clock is its own
            is_older = name == b"OLDER"
            return lambda stored: ((now - stored.received).total_seconds() >= bound) is is_older
        if name == b"EMAILID" and self._offers("OBJECTID"):
            wanted = words.atom().decode("ascii", "replace")
            return lambda stored: stored.object_id == wanted
        if name == b"SAVEDATESUPPORTED" and self._offers("SAVEDATE"):
            return lambda _: True
        return self._day_key(name, words)

    def _day_key(self, name: bytes, words: Arguments) -> Callable[[StoredMessage], bool] | None:
        reads = {b"SENT": _sent_day, b"SAVED": _saved_day} if self._offers("SAVEDATE") else {b"SENT": _sent_day}
        prefix = next((prefix for prefix in reads if name.startswith(prefix)), b"")
        relation, read = name.removeprefix(prefix), reads.get(prefix, _received_day)
        if relation not in {b"BEFORE", b"ON", b"SINCE"}:
            return None
        day = _day(words.astring())
        return lambda stored: (
            (seen := read(stored)) is not None
            and (seen < day if relation == b"BEFORE" else seen == day if relation == b"ON" else seen >= day)
        )


def _operand(stack: list[Found | Operator]) -> Found:
    if not stack or isinstance(stack[-1], Operator):
        raise BadCommand("Missing argument")
    found = stack.pop()
    assert isinstance(found, frozenset)
    return found


def _has_header(field: bytes, needle: bytes) -> Callable[[StoredMessage], bool]:
    wanted = needle.decode("utf-8", "replace").lower()

    def test(stored: StoredMessage) -> bool:
        return any(
            wanted in decoded(unfolded(value)).lower() for name, value in _headers(stored) if name.lower() == field
        )

    return test


def decoded(value: bytes) -> str:
    """A header value with its encoded words read, as far as they can be."""
    text = value.decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError):
        return text


def _headers(stored: StoredMessage) -> tuple[tuple[bytes, bytes], ...]:
    return header_fields(stored.content.partition(b"\r\n\r\n")[0] + b"\r\n")


def _all_headers(stored: StoredMessage) -> str:
    return "\n".join(f"{decoded(name)}: {decoded(unfolded(value))}" for name, value in _headers(stored))


def _received_day(stored: StoredMessage) -> date:
    return stored.received.date()


def _saved_day(stored: StoredMessage) -> date:
    return stored.saved.date()


def _sent_day(stored: StoredMessage) -> date | None:
    value = next((value for name, value in _headers(stored) if name.lower() == b"date"), None)
    try:
        return None if value is None else parsedate_to_datetime(value.decode("ascii", "replace")).date()
    except (ValueError, OverflowError):
        return None


def _day(text: bytes) -> date:
    try:
        return datetime.strptime(text.decode("ascii") + " +0000", "%d-%b-%Y %z").date()
    except ValueError:
        raise BadCommand("Invalid search date parameter") from None
