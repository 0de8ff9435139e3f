"""Searches that are kept up to date keep their names, whatever a connection calls them."""

from __future__ import annotations

from mailrules.client.followed_searches import FollowedSearches
from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.responses import ExpungeData, StatusResponse
from mailrules.imap.search_data import ESearchData, SearchUpdate
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.watch_commands import CancelUpdate, UidSearchWatched, WatchedSearch

COMMAND = UidSearchWatched(All())


def found(tag: str, *uids: int, is_followed: bool = True) -> WatchedSearch:
    answer = ESearchData(tag=tag, is_uid=True, all_uids=SequenceSet.of(uids))
    return WatchedSearch(tag=tag, found=answer, is_followed=is_followed)


def added(tag: str, *uids: int) -> ESearchData:
    return ESearchData(tag=tag, is_uid=True, updates=(SearchUpdate(position=0, numbers=SequenceSet.of(uids)),))


def test_all_is_asked_for_once():
    counted = UidSearchWatched(All(), (SearchReturn.COUNT,))

    assert FollowedSearches.to_send(COMMAND) is COMMAND
    assert FollowedSearches.to_send(counted).returned == (SearchReturn.COUNT, SearchReturn.ALL)


def test_one_that_the_server_does_not_follow_is_told_as_it_is():
    searches = FollowedSearches([].append)

    assert searches.note(COMMAND, found("A1", 1, is_followed=False)).tag == "A1"
    assert list(searches.begin_again()) == []


def test_only_what_differs_is_told_after_a_new_connection():
    told: list[object] = []
    searches = FollowedSearches(told.append)
    name = searches.note(COMMAND, found("A1", 1, 2)).tag
    searches.hear(ExpungeData(sequence_number=1))
    searches.hear(added("A1", 3))
    searches.hear(added("A9", 9))  # of a search whose answer has not been read yet

    searches.found_again(name, found("A1", 1, 2, 3))
    unchanged = len(told)
    searches.found_again(name, found("A4", 2, 3, 4))

    assert told[:2] == [ExpungeData(sequence_number=1), added(name, 3)]
    assert unchanged == 2
    (update,) = told[2:]
    assert isinstance(update, ESearchData)
    assert [(list(one.numbers), one.is_removal) for one in update.updates] == [([1], True), ([4], False)]


def test_a_cancelled_search_is_not_begun_again():
    told: list[object] = []
    searches = FollowedSearches(told.append)
    name = searches.note(COMMAND, found("A1", 1)).tag

    assert searches.cancel(CancelUpdate((name,))).tags == ("A1",)
    assert searches.cancel(CancelUpdate(("unknown",))).tags == ("unknown",)
    assert list(searches.begin_again()) == []
    searches.found_again(name, found("A2", 2))
    assert told == []


def test_a_search_that_is_followed_no_more_is_said_so():
    told: list[object] = []
    searches = FollowedSearches(told.append)
    name = searches.note(COMMAND, found("A1", 1)).tag

    searches.found_again(name, found("A2", 1, is_followed=False))

    (ended,) = told
    assert isinstance(ended, StatusResponse)
    assert ended.code is not None
    assert ended.code.name == "NOUPDATE"
