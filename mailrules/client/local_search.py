"""Which messages does a search find that the server cannot be asked for, because it takes no text but ASCII?

What is ASCII goes to the server; a text that is not is looked for here, in what is fetched for it, one message at a
time. The results meet as sets, so that a key of any make is answered, and no SEARCH has to name what was found here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mailrules.client.fallbacks import run
from mailrules.client.structure import parts_of
from mailrules.errors import CharsetRefused
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import UidFetch, UidSearch
from mailrules.imap.search_keys import All, AllOf, AnyOf, Contains, Fuzzy, HeaderContains, Not, TextField
from mailrules.imap.search_nodes import needs_charset
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import BodySection, SectionText
from mailrules.mailbox.body import transfer_decoded
from mailrules.mailbox.headers import header_fields, header_text
from mailrules.mailbox.html_text import html_text
from mailrules.mailbox.text import clean_text, decode_bytes, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailrules.client.fallbacks import Steps
    from mailrules.errors import CommandRefused
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.search_keys import SearchKey
    from mailrules.mailbox.message import Part

_FIELDS: Final = MappingProxyType(
    {
        TextField.BCC: "BCC",
        TextField.CC: "CC",
        TextField.FROM: "FROM",
        TextField.SUBJECT: "SUBJECT",
        TextField.TO: "TO",
    }
)
_Found = frozenset[int]


def find_here(key: SearchKey, refusal: CommandRefused, *, within: _Found | None = None) -> Steps[_Found]:
    """The UIDs of the open mailbox that the key finds, among ``within`` where that is given.

    Raises CharsetRefused for a text that the server alone could look for: in annotations, and as Gmail searches.
    ``Fuzzy`` keys are taken literally.
    """
    if within is not None and not within:
        return within
    if not needs_charset(key):
        found = frozenset((yield from run(UidSearch(key))))
        return found if within is None else found & within
    match key:
        case Contains(field, text) if field in _FIELDS:
            return (yield from _with_field(_FIELDS[field], text, within=within))
        case Contains(field, text):
            return (yield from _with_text(field, text, within=within))
        case HeaderContains(name, text) if name.isascii():
            return (yield from _with_field(name.upper(), text, within=within))
        case HeaderContains():
            return frozenset()  # the name of a field is ASCII (RFC 5322 section 2.2)
        case Fuzzy(inner):
            return (yield from find_here(inner, refusal, within=within))
        case Not(inner):
            every = within if within is not None else frozenset((yield from run(UidSearch(All()))))
            return every - (yield from find_here(inner, refusal, within=every))
        case AnyOf(keys):
            return (yield from _any_of(keys, refusal, within=within))
        case AllOf(keys):
            for one in _cheapest_first(AllOf, keys):
                within = yield from find_here(one, refusal, within=within)
            return within or frozenset()
    raise CharsetRefused(refusal, asked=type(key).__name__)


def _any_of(keys: tuple[SearchKey, ...], refusal: CommandRefused, *, within: _Found | None) -> Steps[_Found]:
    """What is found already is not looked at again."""
    found = _Found()
    left = within
    for one in _cheapest_first(AnyOf, keys):
        new = yield from find_here(one, refusal, within=left)
        found |= new
        left = None if left is None else left - new
    return found


def _cheapest_first(kind: type[AnyOf | AllOf], keys: tuple[SearchKey, ...]) -> tuple[SearchKey, ...]:
    """All that is ASCII as one key, for the server; then texts of header fields, texts of bodies at last."""
    plain = tuple(one for one in keys if not needs_charset(one))
    others = sorted((one for one in keys if needs_charset(one)), key=_reads_bodies)
    return (kind(plain), *others) if plain else tuple(others)


def _reads_bodies(key: SearchKey) -> bool:
    match key:
        case Contains(field):
            return field not in _FIELDS
        case Not(inner) | Fuzzy(inner):
            return _reads_bodies(inner)
        case AnyOf(keys) | AllOf(keys):
            return any(map(_reads_bodies, keys))
    return False


def _with_field(name: str, text: str, *, within: _Found | None) -> Steps[_Found]:
    """The messages with this text in a header field of this name."""
    wanted, uids = _comparable(text), set[int]()

    def look(told: FetchData) -> None:
        if told.uid is not None and _in_header(wanted, told.header_fields or b""):
            uids.add(told.uid)

    yield from _fetch((FetchItem.UID, BodySection(header_fields=(name,))), look, within=within)
    return frozenset(uids)


def _with_text(field: TextField, text: str, *, within: _Found | None) -> Steps[_Found]:
    """The messages with this text in a text part, in the header of an attached message, or as a file's name.

    TEXT looks into the header of the message too (RFC 9051 section 6.4.4).
    """
    wanted, uids = _comparable(text), set[int]()
    places: dict[tuple[str, bool], dict[int, Part]] = {}

    def look_at_structure(told: FetchData) -> None:
        if told.uid is None:
            return
        for part in parts_of(told.body_structure or ()):
            if field is TextField.TEXT and wanted in _comparable(part.file_name):
                uids.add(told.uid)
            if part.type == "text" or part.media_type in _MESSAGES:
                places.setdefault((part.number, part.type == "text"), {})[told.uid] = part

    def look_at_header(told: FetchData) -> None:
        header = next(iter(told.sections.values()), b"")
        if told.uid is not None and _in_header(wanted, header):
            uids.add(told.uid)

    yield from _fetch((FetchItem.UID, FetchItem.BODYSTRUCTURE), look_at_structure, within=within)
    if field is TextField.TEXT:
        header = BodySection(text=SectionText.HEADER)
        yield from _fetch((FetchItem.UID, header), look_at_header, within=within)
    for (number, is_text), parts in places.items():

        def look_at_part(told: FetchData, parts: dict[int, Part] = parts) -> None:
            part, content = parts.get(told.uid or 0), next(iter(told.sections.values()), b"")
            if part is not None and told.uid is not None and _in_part(wanted, part, content):
                uids.add(told.uid)

        section = BodySection(part=number) if is_text else BodySection(part=number, text=SectionText.HEADER)
        look = look_at_part if is_text else look_at_header
        yield from _fetch((FetchItem.UID, section), look, within=frozenset(parts) - uids)
    return frozenset(uids)


def _fetch(items: FetchItems, look: Callable[[FetchData], None], *, within: _Found | None) -> Steps[None]:
    """Show each message to ``look`` as it arrives; none is held."""
    uids = SequenceSet.starting_at(1) if within is None else SequenceSet.of(within)
    if uids:
        yield from run(UidFetch(uids, items, look))


def _in_header(wanted: str, header: bytes) -> bool:
    values = (header_text(raw) for _, raw in header_fields(header))
    return any(isinstance(one, str) and wanted in _comparable(one) for one in values)


def _in_part(wanted: str, part: Part, content: bytes) -> bool:
    text = decode_bytes(transfer_decoded(part.encoding, content), part.parameters.get("charset", ""))
    shown: Iterable[str] = (text, html_text(text)) if part.subtype == "html" else (text,)
    return any(wanted in _comparable(one) for one in shown)


def _comparable(text: str) -> str:
    """White space collapsed, composed, without regard to case."""
    return fold(clean_text(text))


_MESSAGES: Final = frozenset({"message/rfc822", "message/global"})
