"""How a whole mailbox is cut into sets, and which items are asked for."""

from __future__ import annotations

import itertools

import pytest

from mailrules.client.fetching import FetchLimits, items_for, object_id_item, sets_of_mailbox, sets_of_uids
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.sequence_set import STAR
from mailrules.imap.writer import BodySection
from mailrules.mailbox.message import UID, FactRequest

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


@pytest.mark.parametrize(("line_bytes", "set_bytes"), [(1_000, 780), (8_000, 7_780), (100, 200)])
def test_uids_and_header_names_share_the_command_line(line_bytes: int, set_bytes: int) -> None:
    request = FactRequest(header_fields=("from", "subject", "sender"))
    limits = FetchLimits(line_bytes=line_bytes)

    sets = list(sets_of_uids([UID(uid) for uid in range(1, 20_000, 2)], request, limits=limits))

    assert set_bytes - 12 < max(len(numbers.to_bytes()) for numbers in sets) <= set_bytes
    assert sum(numbers.count for numbers in sets) == 10_000


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
