"""How do searches that the server keeps up to date (CONTEXT=SEARCH, RFC 5267) outlive the connection they began on?"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.imap.followed_search import FollowedSearch
from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.response_codes import Code, TextCode
from mailrules.imap.responses import Status, StatusResponse
from mailrules.imap.search_data import ESearchData, SearchUpdate
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mailrules.imap.parser import Untagged
    from mailrules.imap.sequence_set import SequenceSet
    from mailrules.imap.watch_commands import CancelUpdate, UidSearchWatched, WatchedSearch

_MOST_EARLY = 100
"""Updates that may come between the server's OK and the moment in which we know which search was answered."""


@dataclass(slots=True)
class _Followed:
    command: UidSearchWatched
    tag: str
    """What the present connection calls it."""
    state: FollowedSearch

    @property
    def uids(self) -> SequenceSet:
        return self.state.uids


class FollowedSearches:
    """Gives each search a name that stays, and what a new connection finds otherwise is told as updates of it."""

    def __init__(self, tell: Callable[[Untagged], None]) -> None:
        self._tell = tell
        self._by_name: dict[str, _Followed] = {}
        self._early: deque[ESearchData] = deque(maxlen=_MOST_EARLY)
        self._count = 0

    @staticmethod
    def to_send(command: UidSearchWatched) -> UidSearchWatched:
        """The command with ALL, without which nobody could say later what has changed."""
        if SearchReturn.ALL in command.returned:
            return command
        return replace(command, returned=(*command.returned, SearchReturn.ALL))

    def note(self, command: UidSearchWatched, search: WatchedSearch) -> WatchedSearch:
        """The server follows this search now; the same under its lasting name, with the updates that came already."""
        if not search.is_followed:
            return search
        self._count += 1
        name = f"search-{self._count}"
        followed = _Followed(command, search.tag, FollowedSearch(search))
        self._by_name[name] = followed
        self._catch_up(followed)
        return replace(search, tag=name, found=replace(search.found, tag=name, all_uids=followed.uids))

    def hear(self, response: Untagged) -> None:
        """Pass on what no command asked for, updates of our searches under their lasting names."""
        if not isinstance(response, ESearchData) or not response.updates:
            self._tell(response)
            return
        for name, one in self._by_name.items():
            if one.tag == response.tag:
                one.state.apply(response)
                self._tell(replace(response, tag=name))
                return
        self._early.append(response)

    def cancel(self, command: CancelUpdate) -> CancelUpdate:
        """The command for the present connection. These searches are not begun again."""
        known = [self._by_name.pop(name) for name in command.tags if name in self._by_name]
        return replace(command, tags=tuple(one.tag for one in known) or command.tags)

    def forget(self) -> None:
        """The mailbox is closed, or its UIDs mean other messages; with it all of them have ended."""
        self._by_name.clear()
        self._early.clear()

    def begin_again(self) -> Iterator[tuple[str, UidSearchWatched]]:
        """What to send over a new connection, by name."""
        self._early.clear()
        return iter([(name, one.command) for name, one in self._by_name.items()])

    def found_again(self, name: str, search: WatchedSearch) -> None:
        """The new connection follows it too: tell what has joined and left the result meanwhile."""
        one = self._by_name.get(name)
        if one is None:
            return
        if not search.is_followed:
            self.lost(name)
            return
        before = one.uids
        one.tag, one.state = search.tag, FollowedSearch(search)
        self._catch_up(one)
        differences = ((before.without(one.uids), True), (one.uids.without(before), False))
        updates = tuple(
            SearchUpdate(position=0, numbers=uids, is_removal=is_removal) for uids, is_removal in differences if uids
        )
        if updates:
            self._tell(ESearchData(tag=name, is_uid=True, updates=updates))

    def lost(self, name: str) -> None:
        """The new connection does not follow it: say so as a server does that has too many of them."""
        del self._by_name[name]
        code = TextCode(name=Code.NO_UPDATE, text=name)
        self._tell(StatusResponse(status=Status.NO, code=code, text="the search is followed no more"))

    def _catch_up(self, followed: _Followed) -> None:
        for response in self._early:
            if response.tag == followed.tag:
                followed.state.apply(response)
        self._early = deque((one for one in self._early if one.tag != followed.tag), maxlen=_MOST_EARLY)
