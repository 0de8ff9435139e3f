"""Searching, sorting and threading on the servers that announce it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.imap.annotation_commands import UidFetchAnnotations, UidStoreAnnotation
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.message_commands import SearchReturn, StoreChange, UidFetch, UidSearch
from mailrules.imap.search_commands import Part, UidCopyFound, UidFetchFound, UidSearchFor, UidSearchSave, UidStoreFound
from mailrules.imap.search_keys import (
    All,
    AllOf,
    Annotated,
    AnnotationAttribute,
    AnyOf,
    Contains,
    Dated,
    DateField,
    EmailId,
    Fuzzy,
    HasFlag,
    HeaderContains,
    LastResult,
    ModSeqFrom,
    Not,
    OlderThan,
    SaveDateSupported,
    TextField,
    ThreadId,
    Uids,
    YoungerThan,
)
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.sort_commands import Reverse, SortKey, ThreadAlgorithm, UidSort, UidSortReturn, UidThread
from mailrules.testing.builders import SampleMessage, message
from tests.live_servers.announced import ANNOUNCED, on_servers, on_servers_with

if TYPE_CHECKING:
    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.search_keys import SearchKey
    from tests.live_servers.conftest import Account
    from tests.servers.cyrus import Cyrus
    from tests.servers.server_account import ServerAccount

LONG_AGO = datetime(2020, 5, 17, 12, 0, tzinfo=UTC)
ALL, COUNT, MIN, MAX = SearchReturn.ALL, SearchReturn.COUNT, SearchReturn.MIN, SearchReturn.MAX
FLAGGED = HasFlag("\\Flagged")


def samples() -> list[SampleMessage]:
    """Five messages: 2 answers 1 and 3 answers 2, by References; 4 and 5 stand alone."""
    told: list[tuple[str, str, list[tuple[str, str]]]] = [
        ("apples", "Zoe <a@example.org>", [("Message-ID", "<1@x>")]),
        ("Re: apples", "Bob <b@example.org>", [("Message-ID", "<2@x>"), ("References", "<1@x>")]),
        ("Re: apples", "Amy <z@example.org>", [("Message-ID", "<3@x>"), ("References", "<1@x> <2@x>")]),
        ("zebra", "Cid <c@example.org>", [("Message-ID", "<4@x>")]),
        ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Dan <d@example.org>", [("Message-ID", "<5@x>")]),
    ]
    flags = [frozenset({"\\Seen"}), frozenset({"\\Flagged"}), frozenset(), frozenset({"\\Flagged"}), frozenset[str]()]
    return [
        SampleMessage(
            content=message(subject=subject, from_=sender, message_id=None, headers=headers),
            flags=flags[index],
            received=LONG_AGO.replace(day=17 + index),
        )
        for index, (subject, sender, headers) in enumerate(told)
    ]


@pytest.fixture
async def filled(account: Account, client: AsyncClient) -> AsyncClient:
    """With the samples in INBOX, and that open."""
    account.fill("INBOX", samples())
    await client.run(Select("INBOX"))
    return client


KEYS: dict[SearchKey, set[int]] = {
    All(): {1, 2, 3, 4, 5},
    Not(HasFlag("\\Seen")): {2, 3, 4, 5},
    AnyOf((HasFlag("\\Seen"), FLAGGED, Uids(SequenceSet.of([5])))): {1, 2, 4, 5},
    AllOf((FLAGGED, Contains(TextField.SUBJECT, "apples"))): {2},
    Dated(DateField.BEFORE, LONG_AGO.replace(day=19).date()): {1, 2},
    HeaderContains("References", ""): {2, 3},
    Contains(TextField.SUBJECT, "Grüße"): {5},
    Contains(TextField.SUBJECT, "nothing like it"): set(),
}


@on_servers(*ANNOUNCED)
async def test_the_same_results_with_esearch_and_without(filled: AsyncClient) -> None:
    """Courier has no ESEARCH."""
    found = {key: await filled.run(SearchAnywhere(key, (MIN, MAX, COUNT, ALL))) for key in KEYS}

    assert {key: set(one.all_uids or ()) for key, one in found.items()} == KEYS
    assert [one.count for one in found.values()] == [len(uids) for uids in KEYS.values()]
    assert [one.minimum for one in found.values()] == [min(uids, default=None) for uids in KEYS.values()]
    assert [one.maximum for one in found.values()] == [max(uids, default=None) for uids in KEYS.values()]


@on_servers_with("WITHIN")
async def test_within(filled: AsyncClient) -> None:
    old = await filled.run(UidSearchFor(OlderThan(3600), (COUNT,)))
    young = await filled.run(UidSearchFor(YoungerThan(3600), (COUNT,)))

    assert (old.count, young.count) == (5, 0)


@on_servers_with("ESEARCH", "SEARCHRES")
async def test_a_saved_result_is_searched_fetched_stored_and_copied(filled: AsyncClient) -> None:
    saved = await filled.run(UidSearchSave(FLAGGED, (COUNT,)))
    narrowed = await filled.run(UidSearchSave(AllOf((LastResult(), Contains(TextField.SUBJECT, "zebra")))))
    fetched = await filled.run(UidFetchFound((FetchItem.UID, FetchItem.FLAGS)))
    stored = await filled.run(UidStoreFound(StoreChange.ADD, ("kept",)))
    await filled.run(UidCopyFound("Archive"))

    assert (saved.count, narrowed.count) == (2, None)
    assert [one.uid for one in fetched] == [4]
    assert [(one.uid, one.flags) for one in stored] == [(4, frozenset({"\\Flagged", "kept"}))]
    await filled.run(Select("Archive"))
    assert (await filled.run(UidSearchFor(All(), (COUNT,)))).count == 1


@on_servers_with("ESEARCH", "SEARCHRES")
async def test_searches_that_rest_on_a_save_may_be_asked_for_at_once(filled: AsyncClient) -> None:
    saved, narrowed, plain, fetched = await asyncio.gather(
        filled.run(UidSearchSave(FLAGGED, (COUNT,))),
        filled.run(UidSearchFor(AllOf((LastResult(), Contains(TextField.SUBJECT, "zebra"))), (COUNT, ALL))),
        filled.run(UidSearch(LastResult())),
        filled.run(UidFetchFound((FetchItem.UID,))),
    )

    assert (saved.count, narrowed.count, set(narrowed.all_uids or ())) == (2, 1, {4})
    assert plain == tuple(one.uid for one in fetched)
    assert len(plain) == 2


@on_servers_with("ESEARCH", "CONTEXT=SEARCH")
async def test_a_part_of_a_result(filled: AsyncClient) -> None:
    first = await filled.run(UidSearchFor(All(), (), part=Part(1, 2), context=True))
    beyond = await filled.run(UidSearchFor(All(), (), part=Part(9, 12)))

    assert first.part is not None
    assert beyond.part is not None
    assert list(first.part.in_order()) == [1, 2]
    assert not beyond.part.uids


async def test_a_fuzzy_search(cyrus_server: Cyrus, cyrus: ServerAccount) -> None:
    """Cyrus alone has it, and answers from an index that it is told to make."""
    cyrus.fill("INBOX", samples())
    cyrus_server.index(cyrus.user)

    async with await connect(cyrus.settings()) as client:
        await client.run(Select("INBOX"))
        found = await client.run(UidSearchFor(Fuzzy(Contains(TextField.SUBJECT, "zebra"))))

    assert set(found.all_uids or ()) == {4}


@on_servers_with("SAVEDATE", "ESEARCH")
async def test_save_dates_are_not_the_dates_of_arrival(filled: AsyncClient) -> None:
    supported = await filled.run(UidSearchFor(SaveDateSupported(), (COUNT,)))
    saved = await filled.run(UidSearchFor(Dated(DateField.SAVED_SINCE, LONG_AGO.replace(year=2022).date()), (COUNT,)))
    received = await filled.run(UidSearchFor(Dated(DateField.SINCE, LONG_AGO.replace(year=2022).date()), (COUNT,)))

    assert (supported.count, saved.count, received.count) == (5, 5, 0)


@on_servers_with("OBJECTID", "ESEARCH")
async def test_messages_are_found_by_their_object_ids(filled: AsyncClient) -> None:
    (told,) = await filled.run(UidFetch(SequenceSet.of([4]), (FetchItem.EMAIL_ID, FetchItem.THREAD_ID)))

    by_email = await filled.run(UidSearchFor(EmailId(told.email_id)))
    by_thread = await filled.run(UidSearchFor(ThreadId(told.extras.thread_id)))

    assert set(by_email.all_uids or ()) == {4}
    assert set(by_thread.all_uids or ()) == {4}


@on_servers_with("CONDSTORE", "ESEARCH")
async def test_a_search_by_modseq_tells_the_highest_one(filled: AsyncClient) -> None:
    found = await filled.run(UidSearchFor(ModSeqFrom(1), (COUNT, ALL)))

    assert found.count == 5
    assert found.modseq is not None


@on_servers_with("SORT")
async def test_sort(filled: AsyncClient) -> None:
    assert await filled.run(UidSort((Reverse(SortKey.ARRIVAL),), All())) == (5, 4, 3, 2, 1)
    assert await filled.run(UidSort((SortKey.FROM,), All())) == (1, 2, 4, 5, 3)
    assert await filled.run(UidSort((SortKey.SUBJECT, Reverse(SortKey.ARRIVAL)), All())) == (3, 2, 1, 5, 4)


@on_servers_with("SORT=DISPLAY")
async def test_sort_by_the_names_that_people_see(filled: AsyncClient) -> None:
    assert await filled.run(UidSort((SortKey.DISPLAY_FROM,), All())) == (3, 2, 4, 5, 1)


@on_servers_with("ESORT")
async def test_sort_return_keeps_the_order(filled: AsyncClient) -> None:
    found = await filled.run(UidSortReturn((Reverse(SortKey.ARRIVAL),), Not(HasFlag("\\Seen")), (ALL, COUNT)))

    assert list(found.in_order()) == [5, 4, 3, 2]
    assert found.count == 4


@on_servers_with("THREAD=REFERENCES")
async def test_thread_by_references(filled: AsyncClient) -> None:
    told = await filled.run(UidThread(ThreadAlgorithm.REFERENCES, All()))

    threads = [[(one.uid, one.depth) for one in thread] for thread in told.threads()]
    assert sorted(threads) == [[(1, 0), (2, 1), (3, 2)], [(4, 0)], [(5, 0)]]


@on_servers_with("THREAD=ORDEREDSUBJECT")
async def test_thread_by_subject(filled: AsyncClient) -> None:
    told = await filled.run(UidThread(ThreadAlgorithm.ORDERED_SUBJECT, FLAGGED))

    assert sorted(one.uid or 0 for one in told.members) == [2, 4]
    assert len(list(told.threads())) == 2


@on_servers_with("THREAD=REFS")
async def test_thread_refs(filled: AsyncClient) -> None:
    told = await filled.run(UidThread(ThreadAlgorithm.REFS, All()))

    assert sorted(len(thread) for thread in told.threads()) == [1, 1, 3]


@on_servers_with("ANNOTATE-EXPERIMENT-1", "ESEARCH")
async def test_annotations_are_kept_told_and_searched(filled: AsyncClient) -> None:
    two = SequenceSet.of([2])
    private = AnnotationAttribute.PRIVATE
    await filled.run(UidStoreAnnotation(two, "/comment", ((private, "remember the milk"),)))

    told = await filled.run(UidFetchAnnotations(two, ("/comment",), (private,)))
    found = await filled.run(UidSearchFor(Annotated("/comment", private, "milk")))

    assert told == {2: {"/comment": {"value.priv": "remember the milk"}}}
    assert set(found.all_uids or ()) == {2}
