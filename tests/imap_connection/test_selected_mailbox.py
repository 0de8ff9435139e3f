"""The open mailbox as responses tell it, those of a hostile server too."""

from __future__ import annotations

from mailrules.imap.fetch_data import FetchData
from mailrules.imap.response_codes import NumberCode
from mailrules.imap.responses import ExistsData, ExpungeData, Status, StatusResponse, VanishedData
from mailrules.imap.selected_mailbox import SelectedMailbox
from mailrules.imap.sequence_set import SequenceSet


def mailbox(*uids: int) -> SelectedMailbox:
    """A mailbox whose messages have been fetched."""
    told = SelectedMailbox("INBOX")
    told.apply(ExistsData(count=len(uids)))
    for number, uid in enumerate(uids, start=1):
        told.apply(FetchData(sequence_number=number, uid=uid))
    return told


def named(told: SelectedMailbox, number: int) -> tuple[int, ...] | None:
    """The UIDs that an EXPUNGE of this number takes away, None where they are not known."""
    response = ExpungeData(sequence_number=number)
    claimable = told.named(response)
    told.apply(response)
    return tuple(claimable.uids) if isinstance(claimable, VanishedData) else None


def test_expunge_moves_later_numbers_down():
    told = mailbox(10, 20, 30)

    assert [named(told, 1), named(told, 2), named(told, 1), named(told, 1)] == [(10,), (30,), (20,), None]
    assert told.exists == 0


def test_numbers_that_no_fetch_has_named_stay_unknown():
    told = SelectedMailbox("INBOX")
    told.apply(ExistsData(count=5))
    told.apply(FetchData(sequence_number=4, uid=44))

    assert [named(told, 2), named(told, 3)] == [None, (44,)]


def test_vanished_counts_and_forgets_numbers():
    told = mailbox(10, 20, 30)

    told.apply(VanishedData(uids=SequenceSet.of((10, 30))))
    told.apply(VanishedData(uids=SequenceSet.of((1, 2)), earlier=True))

    assert told.exists == 1
    assert named(told, 1) is None


def test_absurd_numbers_cost_no_memory_and_break_nothing():
    told = SelectedMailbox("INBOX")

    told.apply(ExistsData(count=2**32 - 1))
    told.apply(FetchData(sequence_number=2**32 - 1, uid=1))
    told.apply(FetchData(sequence_number=0, uid=1))
    told.apply(ExpungeData(sequence_number=0))
    told.apply(VanishedData(uids=SequenceSet(((1, 2**32 - 1),))))
    told.apply(VanishedData(uids=SequenceSet.starting_at(1)))

    assert told.exists == 0


def test_only_what_others_did_is_a_change():
    told = mailbox(10)

    assert not told.apply(ExistsData(count=1))
    assert told.apply(ExistsData(count=2))
    assert told.apply(ExpungeData(sequence_number=1))
    assert told.apply(FetchData(sequence_number=1, flags=frozenset()))
    assert told.apply(VanishedData(uids=SequenceSet.of((3,))))
    assert not told.apply(VanishedData(uids=SequenceSet.of((3,)), earlier=True))
    assert not told.apply(StatusResponse(status=Status.OK, code=NumberCode(name="UIDNEXT", value=12)))
    assert told.uidnext == 12
