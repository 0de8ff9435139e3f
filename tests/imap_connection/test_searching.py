"""Searching with typed keys: RETURN, SAVE, PARTIAL, several mailboxes, SORT and THREAD.

The RFCs' own examples are in tests/imap_wire/rfc_examples; those here are made up after them, with UIDs.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import mailrules.imap
from mailrules.errors import CommandRefused, LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.imap.command import Command
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import SearchReturn, StoreChange
from mailrules.imap.pipelining import may_overlap
from mailrules.imap.search_commands import (
    MailboxSearch,
    Part,
    SearchPlace,
    SearchScope,
    UidCopyFound,
    UidFetchFound,
    UidFetchPart,
    UidSearchFor,
    UidSearchSave,
    UidStoreFound,
)
from mailrules.imap.search_data import ESearchData, SearchPart, ThreadData, ThreadMember
from mailrules.imap.search_keys import (
    All,
    AllOf,
    AnyOf,
    Contains,
    Fuzzy,
    HasFlag,
    LastResult,
    Not,
    OlderThan,
    Smaller,
    TextField,
)
from mailrules.imap.sequence_set import parse_sequence_set
from mailrules.imap.sort_commands import Reverse, SortKey, ThreadAlgorithm, UidSort, UidSortReturn, UidThread
from tests.imap_connection.exchange import ask, authenticated, selected, sent

UNSEEN = Not(HasFlag("\\Seen"))
FLAGS = (FetchItem.UID, FetchItem.FLAGS)
ALL, COUNT = SearchReturn.ALL, SearchReturn.COUNT


def test_a_search_returns_what_was_asked_for():
    wire, found = ask(
        selected("ESEARCH"),
        UidSearchFor(HasFlag("\\Deleted"), (SearchReturn.MIN, COUNT)),
        b'* ESEARCH (TAG "TAG") UID MIN 2 COUNT 3\r\nTAG OK\r\n',
    )

    assert wire == b"TAG UID SEARCH RETURN (MIN COUNT) DELETED\r\n"
    assert (found.minimum, found.count, found.all_uids) == (2, 3, None)


def test_a_text_that_is_not_ascii_names_its_charset():
    key = Contains(TextField.SUBJECT, "Grüße")

    # The literal waits for "+", so only what comes before it is sent.
    connection = selected("ESEARCH")
    connection.submit(UidSearchFor(key))

    assert sent(connection) == b"A3 UID SEARCH RETURN (ALL) CHARSET UTF-8 SUBJECT {7}\r\n"


def test_the_newest_hundred_are_a_part_counted_from_the_end():
    """RFC 9394 section 3.1."""
    key = AllOf((Not(HasFlag("\\Deleted")), Not(HasFlag("$Junk"))))

    wire, found = ask(
        selected("ESEARCH PARTIAL"),
        UidSearchFor(key, (), part=Part(-1, -100)),
        b'* ESEARCH (TAG "TAG") UID PARTIAL (-1:-100 200:250,252:300)\r\nTAG OK\r\n',
    )

    assert wire == b"TAG UID SEARCH RETURN (PARTIAL -1:-100) NOT DELETED NOT KEYWORD $Junk\r\n"
    assert found.part == SearchPart(first=-1, last=-100, ranges=((200, 250), (252, 300)))
    assert found.part.uids == parse_sequence_set(b"200:250,252:300")


def test_a_part_that_is_not_there_is_empty():
    _, found = ask(
        selected("ESEARCH CONTEXT=SEARCH"),
        UidSearchFor(All(), (), part=Part(24000, 24500)),
        b'* ESEARCH (TAG "TAG") UID PARTIAL (24000:24500 NIL)\r\nTAG OK\r\n',
    )

    assert found.part == SearchPart(first=24000, last=24500)
    assert not found.part.uids


def test_context_search_has_no_parts_from_the_end():
    with pytest.raises(MissingCapability, match="PARTIAL"):
        ask(selected("ESEARCH CONTEXT=SEARCH"), UidSearchFor(All(), (), part=Part(-1, -100)), b"")


@pytest.mark.parametrize("part", [Part(0, 5), Part(1, -5), Part(-1, 5)])
def test_a_part_that_cannot_be_meant_is_not_sent(part):
    connection = selected("ESEARCH PARTIAL")

    with pytest.raises(LocalProtocolError, match="RFC 9394"):
        connection.submit(UidSearchFor(All(), (), part=part))

    assert sent(connection) == b""


def test_all_and_a_part_exclude_each_other():
    with pytest.raises(LocalProtocolError, match="ALL or a part"):
        selected("ESEARCH PARTIAL").submit(UidSearchFor(All(), (ALL,), part=Part(1, 2)))


def test_relevancy_scores_come_in_the_order_of_the_result():
    """RFC 6203 section 4."""
    wire, found = ask(
        selected("ESEARCH SEARCH=FUZZY"),
        UidSearchFor(Fuzzy(Contains(TextField.TEXT, "Helo")), relevancy=True),
        b'* ESEARCH (TAG "TAG") ALL 1,5,10 RELEVANCY (4 99 42)\r\nTAG OK\r\n',
    )

    assert wire == b'TAG UID SEARCH RETURN (ALL RELEVANCY) FUZZY TEXT "Helo"\r\n'
    assert dict(zip(found.in_order(), found.relevancy, strict=True)) == {1: 4, 5: 99, 10: 42}


def test_the_extensions_of_keys_are_required_too():
    with pytest.raises(MissingCapability, match="WITHIN"):
        ask(selected("ESEARCH"), UidSearchFor(Not(OlderThan(60))), b"")


@pytest.mark.parametrize(
    "answer", [b"", b'* ESEARCH (TAG "TAG") UID ALL x\r\n', b'* ESEARCH (TAG "A99") UID ALL 1\r\n']
)
@pytest.mark.parametrize(
    "command", [UidSearchFor(All()), UidSearchSave(All(), (ALL,)), UidSortReturn((SortKey.DATE,), All())]
)
def test_without_a_readable_answer_there_is_no_result(command, answer):
    with pytest.raises(RemoteProtocolError):
        ask(selected("ESEARCH SEARCHRES ESORT"), command, answer + b"TAG OK\r\n")


def test_saving_a_result_tells_nothing_unless_asked():
    """RFC 5182 section 2.4."""
    connection = selected("ESEARCH SEARCHRES")

    wire, found = ask(connection, UidSearchSave(HasFlag("\\Flagged")), b"TAG OK SEARCH completed, result saved\r\n")

    assert wire == b"TAG UID SEARCH RETURN (SAVE) FLAGGED\r\n"
    assert found.all_uids is None
    wire, found = ask(
        connection,
        UidSearchSave(AllOf((LastResult(), Smaller(4096))), (ALL,)),
        b'* ESEARCH (TAG "TAG") UID ALL 2,10:15,21\r\nTAG OK\r\n',
    )
    assert wire == b"TAG UID SEARCH RETURN (SAVE ALL) UID $ SMALLER 4096\r\n"
    assert found.all_uids == parse_sequence_set(b"2,10:15,21")


def test_a_result_that_cannot_be_saved_is_a_refusal():
    answer = b"TAG NO [NOTSAVED] Too many results\r\n"

    with pytest.raises(CommandRefused) as caught:
        ask(selected("ESEARCH SEARCHRES"), UidSearchSave(All()), answer)

    assert caught.value.code == "NOTSAVED"


def test_the_saved_result_stands_for_a_set():
    connection = selected("SEARCHRES")

    wire, fetched = ask(
        connection, UidFetchFound(FLAGS), b"* 2 FETCH (UID 9 FLAGS ())\r\n* 1 FETCH (UID 4 FLAGS (x))\r\nTAG OK\r\n"
    )
    assert wire == b"TAG UID FETCH $ (UID FLAGS)\r\n"
    assert [one.uid for one in fetched] == [4, 9]
    wire, changed = ask(
        connection, UidStoreFound(StoreChange.ADD, ("\\Seen",)), b"* 1 FETCH (UID 4 FLAGS (\\Seen))\r\nTAG OK\r\n"
    )
    assert wire == b"TAG UID STORE $ +FLAGS (\\Seen)\r\n"
    assert [one.uid for one in changed] == [4]
    assert ask(connection, UidCopyFound("a b"), b"TAG OK\r\n") == (b'TAG UID COPY $ "a b"\r\n', None)


def test_what_reads_the_saved_result_waits_for_what_saves_it():
    save = UidSearchSave(All())

    assert not may_overlap(save, UidFetchFound(FLAGS))
    assert not may_overlap(UidCopyFound("x"), save)
    assert not may_overlap(save, save)
    assert may_overlap(save, UidSearchFor(All()))
    assert may_overlap(UidSearchFor(All()), UidFetchFound(FLAGS))


def commands_with_keys() -> list[type[Command[object]]]:
    """Every class of commands that takes a search key."""
    modules = [name for _, name, _ in pkgutil.iter_modules(mailrules.imap.__path__) if name.endswith("_commands")]
    members = {
        member
        for name in modules
        for _, member in inspect.getmembers(importlib.import_module(f"mailrules.imap.{name}"), inspect.isclass)
        if Command in member.__mro__ and "key" in getattr(member, "__dataclass_fields__", {})
    }
    return sorted(members, key=lambda one: one.__name__)


MADE_WITH = {
    MailboxSearch: lambda key: MailboxSearch((SearchPlace(SearchScope.SELECTED),), key),
    UidSort: lambda key: UidSort((SortKey.DATE,), key),
    UidSortReturn: lambda key: UidSortReturn((SortKey.DATE,), key),
    UidThread: lambda key: UidThread(ThreadAlgorithm.REFS, key),
}
OFFERS_ALL = "ESEARCH SEARCHRES MULTISEARCH SORT ESORT THREAD=REFS CONTEXT=SEARCH SEARCH=FUZZY"


@pytest.mark.parametrize("kind", commands_with_keys())
def test_a_search_with_the_saved_result_in_it_waits_for_the_save(kind):
    """RFC 5182 section 2.3: "creates direct dependency between the two commands"."""
    connection = selected(OFFERS_ALL)
    search = MADE_WITH.get(kind, kind)(AnyOf((Fuzzy(UNSEEN), Not(LastResult()))))

    connection.submit(UidSearchSave(All()))
    connection.submit(search)

    assert sent(connection) == b"A3 UID SEARCH RETURN (SAVE) ALL\r\n"
    connection.receive_data(b"A3 OK saved\r\n")
    assert sent(connection).startswith(f"A4 {search.name} ".encode())


@pytest.mark.parametrize("kind", [one for one in commands_with_keys() if one is not UidSearchSave])
def test_a_search_without_it_does_not_wait(kind):
    connection = selected(OFFERS_ALL)
    search = MADE_WITH.get(kind, kind)(UNSEEN)

    connection.submit(UidSearchSave(All()))
    connection.submit(search)

    assert sent(connection).count(b"\r\n") == 2


@pytest.mark.parametrize("kind", commands_with_keys())
def test_every_command_with_a_key_asks_for_the_extensions_of_its_keys(kind):
    search = MADE_WITH.get(kind, kind)(AnyOf((UNSEEN, Not(OlderThan(60)))))

    with pytest.raises(MissingCapability, match=r"needs WITHIN \(RFC 5032\)"):
        selected(OFFERS_ALL).submit(search)


def test_a_page_of_a_fetch():
    """RFC 9394 section 3.3."""
    wire, fetched = ask(
        selected("PARTIAL", exists=12_887),
        UidFetchPart(parse_sequence_set(b"25900:26600"), FLAGS, Part(-1, -30)),
        b"* 12888 FETCH (FLAGS (\\Seen) UID 25996)\r\n* 12887 FETCH (FLAGS (\\Flagged) UID 25997)\r\nTAG OK\r\n",
    )

    assert wire == b"TAG UID FETCH 25900:26600 (UID FLAGS) (PARTIAL -1:-30)\r\n"
    assert [one.uid for one in fetched] == [25996, 25997]


def test_several_mailboxes_are_searched_at_once():
    """RFC 7377 section 2."""
    places = (SearchPlace(SearchScope.MAILBOXES, ("folder1",)), SearchPlace(SearchScope.SUBTREE, ("folder2",)))

    wire, found = ask(
        authenticated("MULTISEARCH"),
        MailboxSearch(places, UNSEEN),
        b'* ESEARCH (TAG "TAG" MAILBOX "folder1" UIDVALIDITY 1) UID ALL 4001,4003,4005,4007,4009\r\n'
        b'* ESEARCH (TAG "TAG" MAILBOX "folder2/&AOQ-" UIDVALIDITY 503) UID ALL 3002,4004\r\nTAG OK done\r\n',
    )

    assert wire == b"TAG ESEARCH IN (mailboxes folder1 subtree folder2) RETURN (ALL) NOT SEEN\r\n"
    assert [(one.mailbox, one.uidvalidity, list(one.in_order())) for one in found] == [
        ("folder1", 1, [4001, 4003, 4005, 4007, 4009]),
        ("folder2/ä", 503, [3002, 4004]),
    ]


@pytest.mark.parametrize(
    "places", [(), (SearchPlace(SearchScope.MAILBOXES),), (SearchPlace(SearchScope.PERSONAL, ("a",)),)]
)
def test_places_that_cannot_be_written_are_not_sent(places):
    with pytest.raises(LocalProtocolError):
        authenticated("MULTISEARCH").submit(MailboxSearch(places, All()))


def test_several_names_of_one_scope_are_a_list():
    nodes = MailboxSearch((SearchPlace(SearchScope.SUBTREE_ONE, ("a", "b")),), All())

    assert ask(authenticated("MULTISEARCH"), nodes, b"TAG OK\r\n") == (
        b"TAG ESEARCH IN (subtree-one (a b)) RETURN (ALL) ALL\r\n",
        (),
    )


def test_sorted_uids_keep_the_servers_order():
    """RFC 5256 section 3."""
    order = (SortKey.SUBJECT, Reverse(SortKey.DATE))

    assert ask(selected("SORT"), UidSort(order, All()), b"* SORT 5 3 4 1 2\r\nTAG OK SORT completed\r\n") == (
        b"TAG UID SORT (SUBJECT REVERSE DATE) US-ASCII ALL\r\n",
        (5, 3, 4, 1, 2),
    )
    assert ask(selected("SORT"), UidSort(order, All()), b"* SORT\r\nTAG OK\r\n")[1] == ()


def test_a_sort_answer_that_cannot_be_read_is_not_taken_for_no_messages():
    with pytest.raises(RemoteProtocolError, match="UID SORT"):
        ask(selected("SORT"), UidSort((SortKey.DATE,), All()), b"* SORT 1 x\r\nTAG OK\r\n")


@pytest.mark.parametrize(
    ("capabilities", "order", "lacking"),
    [("", (SortKey.DATE,), "SORT"), ("SORT", (Reverse(SortKey.DISPLAY_FROM),), "SORT=DISPLAY")],
)
def test_sorting_has_no_fallback(capabilities, order, lacking):
    with pytest.raises(MissingCapability, match=lacking):
        ask(selected(capabilities), UidSort(order, All()), b"")


def test_a_sorted_result_may_come_as_ranges_in_either_direction():
    """RFC 5267 section 3."""
    wire, found = ask(
        selected("ESORT CONTEXT=SORT"),
        UidSortReturn((Reverse(SortKey.DATE),), UNSEEN, (ALL, COUNT)),
        b'* ESEARCH (TAG "TAG") UID ALL 23765,1:3,9:7 COUNT 7\r\nTAG OK\r\n',
    )

    assert wire == b"TAG UID SORT RETURN (ALL COUNT) (REVERSE DATE) US-ASCII NOT SEEN\r\n"
    assert list(found.in_order()) == [23765, 1, 2, 3, 9, 8, 7]
    _, page = ask(
        selected("ESORT CONTEXT=SORT"),
        UidSortReturn((SortKey.SIZE,), All(), (), part=Part(1, 2)),
        b'* ESEARCH (TAG "TAG") UID PARTIAL (1:2 9:8)\r\nTAG OK\r\n',
    )
    assert page.part is not None
    assert list(page.part.in_order()) == [9, 8]


def test_threads_are_told_flat_with_their_depth():
    """RFC 5256 section 4."""
    answer = b"* THREAD (2)(3 6 (4 23)(44 7 96))\r\nTAG OK\r\n"

    wire, told = ask(selected("THREAD=REFERENCES"), UidThread(ThreadAlgorithm.REFERENCES, All()), answer)

    assert wire == b"TAG UID THREAD REFERENCES US-ASCII ALL\r\n"
    assert [(one.uid, one.depth) for one in told.members] == [
        (2, 0), (3, 0), (6, 1), (4, 2), (23, 3), (44, 2), (7, 3), (96, 4),
    ]  # fmt: skip
    assert [len(thread) for thread in told.threads()] == [1, 7]


def test_siblings_of_a_message_that_was_not_found():
    """RFC 5256 section 4."""
    _, told = ask(
        selected("THREAD=ORDEREDSUBJECT"),
        UidThread(ThreadAlgorithm.ORDERED_SUBJECT, All()),
        b"* THREAD ((3)(5))\r\nTAG OK\r\n",
    )

    assert told == ThreadData(members=(ThreadMember(None, 0), ThreadMember(3, 1), ThreadMember(5, 1)))


def test_threads_may_be_deeper_than_any_stack():
    depth = 100_000
    nested = b"".join(b"(%d " % uid for uid in range(1, depth + 1)) + b")" * depth

    _, told = ask(
        selected("THREAD=REFS"), UidThread(ThreadAlgorithm.REFS, All()), b"* THREAD " + nested + b"\r\nTAG OK\r\n"
    )

    assert told.members[-1] == ThreadMember(depth, depth - 1)


def test_no_threads_at_all():
    _, told = ask(selected("THREAD=REFS"), UidThread(ThreadAlgorithm.REFS, All()), b"* THREAD\r\nTAG OK\r\n")

    assert told.members == ()
    assert list(told.threads()) == []


@pytest.mark.parametrize("answer", [b"(1", b"1)", b"1", b"(1))", b"()", b"(1 x)", b"(0)", b"(4294967296)", b"((1) 2"])
def test_threads_that_cannot_be_read_are_an_error(answer):
    with pytest.raises(RemoteProtocolError, match="UID THREAD"):
        ask(selected("THREAD=REFS"), UidThread(ThreadAlgorithm.REFS, All()), b"* THREAD " + answer + b"\r\nTAG OK\r\n")


def test_an_algorithm_that_the_server_lacks_is_named():
    with pytest.raises(MissingCapability, match="THREAD=REFERENCES"):
        ask(selected("THREAD=ORDEREDSUBJECT"), UidThread(ThreadAlgorithm.REFERENCES, All()), b"")


def test_updates_of_a_followed_search_answer_nothing():
    update = b'* ESEARCH (TAG "TAG") UID ADDTO (1 2733)\r\n'

    _, found = ask(selected("ESEARCH"), UidSearchFor(All()), update + b'* ESEARCH (TAG "TAG") UID\r\nTAG OK\r\n')

    assert found == ESearchData(tag=found.tag, is_uid=True)
