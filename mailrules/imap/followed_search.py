"""Which messages does a search find now, as the server's updates tell it (CONTEXT=SEARCH, RFC 5267)?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.sequence_set import SequenceSet

if TYPE_CHECKING:
    from mailrules.imap.parser import Untagged
    from mailrules.imap.watch_commands import WatchedSearch

from mailrules.imap.search_data import ESearchData


class FollowedSearch:
    """The result of a ``UidSearchWatched`` that returned ALL; ``apply`` takes every untagged response.

    The order of a search is that of UIDs, so the positions of the updates say nothing more.
    """

    def __init__(self, search: WatchedSearch) -> None:
        self._tag = search.tag
        self.uids = search.found.all_uids or SequenceSet()

    def apply(self, response: Untagged) -> bool:
        """Take the response if it is an update of this search; whether the result has changed."""
        if not isinstance(response, ESearchData) or response.tag != self._tag or not response.updates:
            return False
        before = self.uids
        for update in response.updates:
            if update.is_removal:
                self.uids = self.uids.without(update.numbers)
            else:
                self.uids = self.uids.union(update.numbers)
        return self.uids != before
