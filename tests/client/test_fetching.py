"""How a whole mailbox is cut into sets, and which items are asked for."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from mailrules.client.fetching import (
    FetchLimits,
    TextCollector,
    facts_of,
    items_for,
    object_id_item,
    sets_of_mailbox,
    sets_of_uids,
)
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_extras import FetchExtras
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.sequence_set import STAR
from mailrules.imap.writer import BodySection
from mailrules.mailbox.headers import MAX_HEADER_BYTES
from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Part, Unreadable
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo, MailboxStatus

INFO = MailboxInfo(name="INBOX", delimiter="/")
STATUS = MailboxStatus(mailbox="INBOX", messages=1, uidvalidity=1)
LIMITS = FetchLimits(messages_per_command=100, commands=10)


@pytest.mark.parametrize(
    ("messages", "uidnext", "expected_sets"),
    [
        (0, 1, 1),
        (0, None, 1),
        (5, None, 1),
        (100, 101, 1),
        (101, 102, 2),
        (250, 251, 3),
        (250, 1_000_000, 3),
        (250, 10, 1),
        (4_000_000_000, 4_294_967_295, 10),
    ],
)
def test_the_sets_of_a_mailbox_are_all_uids_once(messages: int, uidnext: int | None, expected_sets: int) -> None:
    ranges = [
        one for numbers in sets_of_mailbox(messages=messages, uidnext=uidnext, limits=LIMITS) for one in numbers.ranges
    ]

    assert len(ranges) == expected_sets
    assert ranges[0][0] == 1
    assert ranges[-1][1] == STAR
    assert all(first[1] + 1 == second[0] for first, second in itertools.pairwise(ranges))


@pytest.mark.parametrize(("whole", "most"), [(False, 100), (True, 7)])
def test_uids_are_cut_by_how_large_the_answer_is(*, whole: bool, most: int) -> None:
    limits = FetchLimits(messages_per_command=100, contents_per_command=7)
    uids = [UID(uid) for uid in range(1, 400, 2)]

    sets = list(sets_of_uids(uids, FactRequest(whole=whole), limits=limits))

    assert max(numbers.count for numbers in sets) == most
    assert [uid for numbers in sets for uid in numbers] == uids


def test_only_what_is_asked_for_goes_into_the_command() -> None:
    request = FactRequest(flags=True, header_fields=("list-id", "from"))

    assert items_for(request, capabilities=frozenset({"CONDSTORE"})) == (
        FetchItem.UID,
        FetchItem.FLAGS,
        BodySection(header_fields=("LIST-ID", "FROM")),
    )


def test_modseq_is_asked_for_only_where_there_is_one() -> None:
    request = FactRequest(modseq=True)

    assert FetchItem.MODSEQ in items_for(request, capabilities=frozenset({"CONDSTORE"}))
    assert FetchItem.MODSEQ not in items_for(request, capabilities=frozenset())


@pytest.mark.parametrize(
    ("capabilities", "server_name", "item"),
    [
        ({"OBJECTID"}, "Cyrus", FetchItem.EMAIL_ID),
        ({"OBJECTID"}, "Dovecot", FetchItem.EMAIL_ID),
        ({"X-GM-EXT-1"}, "GImap", FetchItem.GMAIL_MESSAGE_ID),
        (set(), "Dovecot", FetchItem.X_GUID),
        (set(), "Courier", None),
        (set(), "", None),
    ],
)
def test_messages_are_named_as_the_server_can(capabilities: set[str], server_name: str, item: FetchItem | None) -> None:
    assert object_id_item(frozenset(capabilities), server_name=server_name) is item


def _with_texts(uid: int, *numbers: str, size_bytes: int = 10) -> MessageFacts:
    parts = tuple(Part(number=number, type="text", subtype="plain", size_bytes=size_bytes) for number in numbers)
    return MessageFacts(uid=UID(uid), structure=parts)


def test_messages_with_the_same_text_parts_share_a_command() -> None:
    texts = TextCollector(
        [_with_texts(1, "1"), _with_texts(2, "1", "2"), _with_texts(3, "1")], limits=FetchLimits(), line_bytes=8_000
    )

    assert [(numbers.to_bytes(), len(items)) for numbers, items in texts.requests()] == [(b"1,3", 2), (b"2", 3)]


def test_a_message_of_a_thousand_text_parts_takes_few_commands_that_fit_the_line() -> None:
    deep = ["1." * 49 + str(number) for number in range(1_000)]
    texts = TextCollector([_with_texts(1, *deep)], limits=FetchLimits(), line_bytes=8_000)

    asked = [[item.part for item in items[1:]] for _, items in texts.requests()]

    assert [number for group in asked for number in group] == deep
    assert len(asked) < 40
    assert max(sum(len(f" BODY.PEEK[{number}]") for number in group) for group in asked) <= 4_000


@pytest.mark.parametrize(("size_bytes", "is_too_much"), [(999, False), (1_000, False), (1_001, True)])
def test_all_text_of_a_message_together_is_limited(size_bytes: int, *, is_too_much: bool) -> None:
    facts = _with_texts(1, "1", "2", size_bytes=500)
    facts.structure = (*facts.structure, Part(number="3", type="text", subtype="plain", size_bytes=size_bytes - 1_000))

    TextCollector([facts], limits=FetchLimits(text_bytes=1_000), line_bytes=8_000)

    assert isinstance(facts.texts, Unreadable) is is_too_much


def test_save_dates_and_labels_are_asked_of_servers_that_have_them() -> None:
    request = FactRequest(saved=True, labels=True)

    assert items_for(request, capabilities=frozenset()) == (FetchItem.UID,)
    assert items_for(request, capabilities=frozenset({"SAVEDATE"})) == (FetchItem.UID, FetchItem.SAVE_DATE)
    assert items_for(request, capabilities=frozenset({"X-GM-EXT-1"})) == (FetchItem.UID, FetchItem.GMAIL_LABELS)


def test_save_dates_and_labels_that_were_not_told_cannot_be_read() -> None:
    extras = FetchExtras(save_date=datetime(2026, 1, 1, tzinfo=UTC), gmail_labels=frozenset({"\\Inbox"}))
    request = FactRequest(saved=True, labels=True)

    told = facts_of(FetchData(sequence_number=1, uid=1, extras=extras), request)
    untold = facts_of(FetchData(sequence_number=2, uid=2), request)

    assert told is not None
    assert untold is not None
    assert (told.saved, told.labels) == (extras.save_date, {"\\Inbox"})
    assert isinstance(untold.saved, Unreadable)
    assert isinstance(untold.labels, Unreadable)


@pytest.mark.parametrize(
    "header", [b"Subject: a\r\n b\r\nTo: x\r\nTO: y\r\nno field\r\n\r\n", b"", b"Subject:\r\n", b"\xff\x00: \xfe\r\n"]
)
def test_a_header_is_taken_apart_as_the_snapshot_would(header: bytes) -> None:
    request = FactRequest(header_fields=("subject", "to"))
    data = FetchData(sequence_number=1, uid=1, sections={"HEADER.FIELDS (SUBJECT TO)": header})
    whole, apart = (Snapshot(account="a", info=INFO, status=STATUS, uids=[UID(1)]) for _ in range(2))

    told = facts_of(data, request)
    assert told is not None
    assert told.fields is not None
    apart.add(request, [told])
    whole.add(request, [MessageFacts(uid=UID(1), header=header)])

    assert apart.headers == whole.headers


def test_a_header_that_is_too_large_is_not_taken_apart() -> None:
    data = FetchData(sequence_number=1, uid=1, sections={"HEADER.FIELDS (TO)": bytes(MAX_HEADER_BYTES + 1)})

    told = facts_of(data, FactRequest(header_fields=("to",)))

    assert told is not None
    assert told.fields is None
