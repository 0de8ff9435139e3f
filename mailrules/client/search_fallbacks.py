"""How is a search answered alike by servers with ESEARCH and without it, and by those that know no UTF-8?"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Final

from mailrules.client.fallbacks import Procedure, run
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import SearchReturn, UidFetch, UidSearch
from mailrules.imap.response_codes import Code
from mailrules.imap.search_commands import ESEARCH, UidSearchFor
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import All, AllOf, AnyOf, Contains, HeaderContains, Not, TextField, Uids
from mailrules.imap.search_nodes import extensions_of_key, needs_charset
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import BodySection
from mailrules.mailbox.headers import header_fields, header_text
from mailrules.mailbox.text import fold

if TYPE_CHECKING:
    from mailrules.client.fallbacks import Steps
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.search_keys import SearchKey


_FIELDS: Final = MappingProxyType(
    {
        TextField.BCC: "BCC",
        TextField.CC: "CC",
        TextField.FROM: "FROM",
        TextField.SUBJECT: "SUBJECT",
        TextField.TO: "TO",
    }
)
_EVERY_MESSAGE: Final = SequenceSet.starting_at(1)


@dataclass(frozen=True, slots=True)
class SearchAnywhere(Procedure[ESearchData]):
    """UID SEARCH RETURN, else UID SEARCH, from which the same is worked out (RFC 4731 section 3.1).

    Keys of extensions that the server lacks are a MissingCapability, before anything is sent. A server that refuses
    UTF-8 (BADCHARSET) is asked again without a charset; if it refuses that too, texts of header fields that are not
    ASCII are looked for here, in the fetched fields of the whole mailbox, and the server is asked for the rest.
    Texts in bodies are not: then the refusal is raised.
    """

    rests_on_selection: ClassVar[bool] = True
    key: SearchKey
    returned: tuple[SearchReturn, ...] = (SearchReturn.ALL,)

    def steps(self, offered: frozenset[str]) -> Steps[ESearchData]:
        for extension in extensions_of_key(self.key):
            if not extension.is_offered(offered):
                raise MissingCapability("UID SEARCH", capability=extension.capability, rfc=extension.rfc)
        if not needs_charset(self.key):
            return (yield from self._ask(self.key, offered))
        try:
            return (yield from self._ask(self.key, offered))
        except CommandRefused as refusal:
            if refusal.code != Code.BAD_CHARSET:
                raise
        try:
            # RFC 9051 section 6.4.4 lets servers take UTF-8 that is not announced by CHARSET.
            found = yield from run(UidSearch(self.key, names_charset=False))
            return _worked_out(found, self.returned)
        except CommandRefused as refusal:
            key = yield from _found_here(self.key, refusal)
        return (yield from self._ask(key, offered))

    def _ask(self, key: SearchKey, offered: frozenset[str]) -> Steps[ESearchData]:
        if ESEARCH.is_offered(offered):
            return (yield from run(UidSearchFor(key, self.returned)))
        found = yield from run(UidSearch(key))
        return _worked_out(found, self.returned)


def _found_here(key: SearchKey, refusal: CommandRefused) -> Steps[SearchKey]:
    """The same key, with UIDs in the place of texts that the server cannot be asked for. Raises the refusal."""
    if not needs_charset(key):
        return key
    match key:
        case Contains(field, text) if field in _FIELDS:
            return (yield from _uids_with(_FIELDS[field], text))
        case HeaderContains(name, text) if name.isascii():
            return (yield from _uids_with(name, text))
        case Not(inner):
            return Not((yield from _found_here(inner, refusal)))
        case AnyOf(keys):
            return AnyOf((yield from _each_found_here(keys, refusal)))
        case AllOf(keys):
            return AllOf((yield from _each_found_here(keys, refusal)))
    raise refusal


def _each_found_here(keys: tuple[SearchKey, ...], refusal: CommandRefused) -> Steps[tuple[SearchKey, ...]]:
    found: list[SearchKey] = []
    for key in keys:
        found.append((yield from _found_here(key, refusal)))  # noqa: PERF401 -- no comprehension may yield
    return tuple(found)


def _uids_with(field_name: str, text: str) -> Steps[SearchKey]:
    """The messages of the open mailbox with this text in this field; one field is held at a time."""
    wanted, uids = fold(text), set[int]()

    def look(told: FetchData) -> None:
        values = (header_text(raw) for _, raw in header_fields(told.header_fields or b""))
        if told.uid is not None and any(isinstance(one, str) and wanted in fold(one) for one in values):
            uids.add(told.uid)

    items = (FetchItem.UID, BodySection(header_fields=(field_name.upper(),)))
    yield from run(UidFetch(_EVERY_MESSAGE, items, look))
    return Uids(SequenceSet.of(uids)) if uids else Not(All())


def _worked_out(found: tuple[int, ...], returned: tuple[SearchReturn, ...]) -> ESearchData:
    """What the server would have returned; ``found`` is ascending. Nothing asked for means ALL."""
    asked = returned or (SearchReturn.ALL,)
    uids = SequenceSet.of(found) if found and SearchReturn.ALL in asked else None
    return ESearchData(
        is_uid=True,
        all_uids=uids,
        all_ranges=uids.ranges if uids else (),
        minimum=found[0] if found and SearchReturn.MIN in asked else None,
        maximum=found[-1] if found and SearchReturn.MAX in asked else None,
        count=len(found) if SearchReturn.COUNT in asked else None,
    )
