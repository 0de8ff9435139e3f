"""How is a search answered alike by servers with ESEARCH and without it, and by those that know no UTF-8?"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from mailrules.client.fallbacks import Procedure, run
from mailrules.client.local_search import find_here
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.message_commands import SearchReturn, UidSearch
from mailrules.imap.response_codes import Code
from mailrules.imap.search_commands import ESEARCH, UidSearchFor
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_nodes import extensions_of_key, needs_charset
from mailrules.imap.sequence_set import SequenceSet
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.client.fallbacks import Steps
    from mailrules.imap.search_keys import SearchKey


@dataclass(frozen=True, slots=True)
class SearchAnywhere(Procedure[ESearchData]):
    """UID SEARCH RETURN, else UID SEARCH, from which the same is worked out (RFC 4731 section 3.1).

    Keys of extensions that the server lacks are a MissingCapability, before anything is sent. A server that refuses
    UTF-8 (BADCHARSET) is asked again without a charset; if it refuses that too, texts that are not ASCII are looked
    for here, and the server is asked for the rest: see ``local_search``. Texts of bodies may cost the fetching of
    all texts in the mailbox; put beside them in an ``AllOf`` what narrows the search. CharsetRefused says that only
    the server could have answered.
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
            found_here = yield from find_here(self.key, refusal)
        return _worked_out(tuple(sorted(found_here)), self.returned)

    def _ask(self, key: SearchKey, offered: frozenset[str]) -> Steps[ESearchData]:
        if ESEARCH.is_offered(offered):
            return (yield from run(UidSearchFor(key, self.returned)))
        found = yield from run(UidSearch(key))
        return _worked_out(found, self.returned)


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
