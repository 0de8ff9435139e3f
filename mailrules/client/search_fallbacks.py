"""How is a search answered alike by servers with ESEARCH and without it?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailrules.client.fallbacks import Procedure, run
from mailrules.errors import MissingCapability
from mailrules.imap.message_commands import SearchReturn, UidSearch
from mailrules.imap.search_commands import ESEARCH, UidSearchFor
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import extensions_of_key, needs_charset, search_nodes
from mailrules.imap.sequence_set import SequenceSet

if TYPE_CHECKING:
    from mailrules.client.fallbacks import Steps
    from mailrules.imap.search_keys import SearchKey


@dataclass(frozen=True, slots=True)
class SearchAnywhere(Procedure[ESearchData]):
    """UID SEARCH RETURN, else UID SEARCH, from which the same is worked out (RFC 4731 section 3.1).

    Keys of extensions that the server lacks are a MissingCapability, before anything is sent.
    """

    key: SearchKey
    returned: tuple[SearchReturn, ...] = (SearchReturn.ALL,)

    def steps(self, offered: frozenset[str]) -> Steps[ESearchData]:
        if ESEARCH.is_offered(offered):
            return (yield from run(UidSearchFor(self.key, self.returned)))
        for extension in extensions_of_key(self.key):
            if not extension.is_offered(offered):
                raise MissingCapability("UID SEARCH", capability=extension.capability, rfc=extension.rfc)
        charset = "UTF-8" if needs_charset(self.key) else ""
        found = yield from run(UidSearch(search_nodes(self.key), charset))
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
