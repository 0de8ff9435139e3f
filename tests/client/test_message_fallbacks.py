"""What stands in for MOVE, REPLACE, MULTIAPPEND, QRESYNC, BINARY and PREVIEW, command by command."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, TypeVar

import pytest

from mailrules.client.content_fallbacks import DecodedAnywhere, DecodedPart, PreviewAnywhere
from mailrules.client.fallbacks import Progress
from mailrules.client.message_fallbacks import (
    AppendAnywhere,
    ChangesAnywhere,
    InParts,
    MoveAnywhere,
    ReplaceAnywhere,
)
from mailrules.errors import (
    CommandRefused,
    ConnectionLost,
    LocalProtocolError,
    MessageLimitReached,
    MissingCapability,
    StoppedHalfway,
)
from mailrules.imap.append_commands import Append, MultiAppend, NewMessage, UidReplace
from mailrules.imap.body_structure import BodyPart
from mailrules.imap.copy_commands import CopiedMessages, UidCopy, UidExpunge, UidMove
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_extras import FetchExtras
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.message_commands import StoreChange, StoreResult, UidFetch, UidFetchChanges, UidSearch, UidStore
from mailrules.imap.response_codes import AppendUid
from mailrules.imap.resync import Changes
from mailrules.imap.search_keys import Uids
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.writer import BinarySection, BodySection, Partial

if TYPE_CHECKING:
    from mailrules.client.fallbacks import Procedure
    from mailrules.imap.command import Command

R = TypeVar("R")
UIDS = SequenceSet.of((4, 5))
COPIED = CopiedMessages(uidvalidity=7, uids={4: 14, 5: 15})
STORED = StoreResult(confirmed=(), modified=SequenceSet())
MARK = UidStore(UIDS, StoreChange.ADD, ("\\Deleted",))
NO = CommandRefused("X", status="NO", code="NOPERM", text="no")
ISSUED = CommandRefused("X", status="NO", code="EXPUNGEISSUED", text="gone")


def carried_out(procedure: Procedure[R], capabilities: str, *outcomes: object) -> tuple[list[Command[object]], R]:
    """The commands of the procedure, each answered by the next outcome, and its result."""
    progress = Progress(procedure, offered=frozenset(capabilities.split()), selections=0, line_bytes=8_000)
    commands: list[Command[object]] = []
    left = list(outcomes)
    while not progress.is_done:
        commands += progress.batch
        answers, left = left[: len(progress.batch)], left[len(progress.batch) :]
        progress.take(answers)
    assert not left
    return commands, progress.result


def test_move_is_one_command_where_there_is_one():
    for capability in ("MOVE", "IMAP4REV2"):
        assert carried_out(MoveAnywhere(UIDS, "t"), capability, COPIED) == ([UidMove(UIDS, "t")], COPIED)


def test_move_becomes_copy_store_and_uid_expunge():
    commands, copied = carried_out(MoveAnywhere(UIDS, "t"), "UIDPLUS", COPIED, STORED, (4, 5))

    assert commands == [UidCopy(UIDS, "t"), MARK, UidExpunge(UIDS)]
    assert copied is COPIED


def test_move_goes_on_when_others_expunge_meanwhile():
    commands, _ = carried_out(MoveAnywhere(UIDS, "t"), "UIDPLUS", COPIED, ISSUED, ISSUED)

    assert commands[-1] == UidExpunge(UIDS)


def test_move_says_what_was_done_before_it_was_refused():
    with pytest.raises(CommandRefused):
        carried_out(MoveAnywhere(UIDS, "t"), "UIDPLUS", NO)
    with pytest.raises(StoppedHalfway, match=r"MOVE has stopped halfway: .*NOPERM.* stays done") as caught:
        carried_out(MoveAnywhere(UIDS, "t"), "UIDPLUS", COPIED, NO)

    assert (caught.value.done, caught.value.refusal) == (COPIED, NO)


@pytest.mark.parametrize("procedure", [MoveAnywhere(UIDS, "t"), ReplaceAnywhere(4, "t", b"x")])
def test_without_uidplus_nothing_is_sent(procedure):
    with pytest.raises(MissingCapability, match=r"UIDPLUS \(RFC 4315\)"):
        carried_out(procedure, "IMAP4REV1")


def appended(*uids: int) -> AppendUid:
    return AppendUid(uidvalidity=7, uids=SequenceSet.of(uids))


def test_replace_becomes_append_store_and_uid_expunge():
    four = SequenceSet.of((4,))

    assert carried_out(ReplaceAnywhere(4, "t", b"x", ("\\Seen",)), "REPLACE", appended(9)) == (
        [UidReplace(4, "t", b"x", ("\\Seen",))],
        appended(9),
    )
    commands, told = carried_out(ReplaceAnywhere(4, "t", b"x", ("\\Seen",)), "UIDPLUS", appended(9), STORED, (4,))
    assert commands == [
        Append("t", b"x", ("\\Seen",)),
        UidStore(four, StoreChange.ADD, ("\\Deleted",)),
        UidExpunge(four),
    ]
    assert told == appended(9)


TWO = (NewMessage(b"a", ("\\Seen",)), NewMessage(b"b"))


def test_several_messages_become_one_append_each():
    one_each = [Append("t", b"a", ("\\Seen",)), Append("t", b"b")]

    assert carried_out(AppendAnywhere("t", TWO), "MULTIAPPEND", appended(8, 9)) == (
        [MultiAppend("t", TWO)],
        (appended(8), appended(9)),
    )
    assert carried_out(AppendAnywhere("t", TWO), "MULTIAPPEND", None)[1] == (None, None)
    assert carried_out(AppendAnywhere("t", TWO), "", appended(8), None) == (one_each, (appended(8), None))
    assert carried_out(AppendAnywhere("t", ()), "MULTIAPPEND") == ([], ())


def test_a_server_that_limits_what_is_saved_gets_several_commands():
    # RFC 9738 section 3
    three = (*TWO, NewMessage(b"c"))

    commands, told = carried_out(AppendAnywhere("t", three), "MULTIAPPEND SAVELIMIT=2", appended(8, 9), None)

    assert commands == [MultiAppend("t", TWO), Append("t", b"c")]
    assert told == (appended(8), appended(9), None)
    with pytest.raises(StoppedHalfway) as caught:
        carried_out(AppendAnywhere("t", three), "MULTIAPPEND MESSAGELIMIT=2", None, NO)
    assert caught.value.done == (None, None)


def test_an_append_that_is_refused_is_the_last():
    with pytest.raises(CommandRefused):
        carried_out(AppendAnywhere("t", TWO), "", NO)
    with pytest.raises(StoppedHalfway) as caught:
        carried_out(AppendAnywhere("t", (*TWO, *TWO)), "", appended(8), NO)

    assert caught.value.done == (appended(8),)


FLAGS = (FetchItem.FLAGS,)
KNOWN = parse_sequence_set(b"300:302,404")
CHANGED = (FetchData(sequence_number=1, uid=404, modseq=65402),)


def test_changes_come_by_qresync_or_by_two_commands():
    changes = Changes(messages=CHANGED, vanished=SequenceSet.of((300,)))
    ask = ChangesAnywhere(KNOWN, FLAGS, 12345)
    by_condstore = [UidFetch(KNOWN, FLAGS, changed_since=12345), UidSearch(Uids(KNOWN))]

    assert carried_out(ask, "QRESYNC", changes) == ([UidFetchChanges(KNOWN, FLAGS, 12345)], changes)
    commands, told = carried_out(ask, "CONDSTORE", CHANGED, (301, 302, 404))
    assert (commands, told) == (by_condstore, changes)
    commands, told = carried_out(ask, "QRESYNC", LocalProtocolError("not enabled"), CHANGED, (301, 302, 404))
    assert (commands[1:], told) == (by_condstore, changes)
    with pytest.raises(MissingCapability, match=r"CONDSTORE \(RFC 7162\)"):
        carried_out(ask, "IMAP4REV1")
    with pytest.raises(LocalProtocolError, match="name the UIDs"):
        carried_out(ChangesAnywhere(SequenceSet.starting_at(1), FLAGS, 12345), "QRESYNC")


@pytest.mark.parametrize("may_have_run", [False, True])
def test_a_connection_lost_behind_a_step_that_was_done_says_so(may_have_run):
    lost = ConnectionLost("cut", may_have_run=may_have_run)

    with pytest.raises(ConnectionLost) as told:
        carried_out(MoveAnywhere(UIDS, "t"), "UIDPLUS", COPIED, lost)
    with pytest.raises(ConnectionLost) as at_once:
        carried_out(MoveAnywhere(UIDS, "t"), "UIDPLUS", lost)

    assert told.value.may_have_run
    assert ("earlier steps of MoveAnywhere were carried out" in str(told.value)) is not may_have_run
    assert at_once.value is lost


def test_what_is_gone_from_a_long_set_is_found_by_a_search_that_fits_into_any_line():
    known = SequenceSet.of(range(1, 1_000, 2))

    commands, told = carried_out(ChangesAnywhere(known, FLAGS, 7), "CONDSTORE", (), (1, 2, *range(5, 1_000)))

    assert commands[1] == UidSearch(Uids(SequenceSet.of(range(1, 1_000))))
    assert list(told.vanished) == [3]


def fetch(uids: SequenceSet) -> UidFetch:
    return UidFetch(uids, FLAGS)


def test_a_server_that_limits_messages_is_asked_in_parts():
    uids = SequenceSet.of(range(1, 6))
    parts = [fetch(SequenceSet.of((5,))), fetch(SequenceSet.of((3, 4))), fetch(SequenceSet.of((1, 2)))]

    assert carried_out(InParts(uids, fetch), "", "all") == ([fetch(uids)], ("all",))
    assert carried_out(InParts(uids, fetch), "MESSAGELIMIT=2", "a", "b", "c") == (parts, ("a", "b", "c"))


def test_what_a_server_leaves_out_is_asked_for_next():
    # RFC 9738 section 3
    everything = SequenceSet.starting_at(1)
    reached = MessageLimitReached("UID FETCH", limit=1000, lowest_uid=23221, result="highest")

    commands, results = carried_out(InParts(everything, fetch), "MESSAGELIMIT=1000", reached, "the rest")

    assert commands == [fetch(everything), fetch(parse_sequence_set(b"1:23220"))]
    assert results == ("highest", "the rest")
    last = MessageLimitReached("UID FETCH", limit=1000, lowest_uid=1, result="all")
    assert carried_out(InParts(everything, fetch), "", last)[1] == ("all",)


BASE64 = base64.b64encode(b"a\0b") + b"\r\n"


def part_of(number: str, encoding: str, *, subtype: str = "plain") -> BodyPart:
    return BodyPart(number=number, type="text", subtype=subtype, encoding=encoding)


def test_a_part_is_decoded_by_the_server_or_here():
    by_server = FetchData(sequence_number=1, uid=4, extras=FetchExtras(binary={"2": b"a\0b"}))
    raw = (
        FetchData(sequence_number=1, uid=4, sections={"2": BASE64}, body_structure=(part_of("2", "base64"),)),
        FetchData(sequence_number=2, uid=5, sections={"2": b"=41"}, body_structure=(part_of("2", "quoted-printable"),)),
        FetchData(sequence_number=3, uid=6, sections={"2": b"x"}, body_structure=(part_of("2", "x-uuencode"),)),
        FetchData(sequence_number=4, uid=7, sections={}, body_structure=(part_of("1", "7bit"),)),
    )
    decoded = {
        4: DecodedPart(content=b"a\0b"),
        5: DecodedPart(content=b"A"),
        6: DecodedPart(content=b"x", unknown_encoding="x-uuencode"),
    }
    ask_server = UidFetch(UIDS, (FetchItem.UID, BinarySection(part="2")))
    ask_raw = UidFetch(UIDS, (FetchItem.UID, FetchItem.BODYSTRUCTURE, BodySection(part="2")))
    unknown = CommandRefused("UID FETCH", status="NO", code="UNKNOWN-CTE", text="?")

    assert carried_out(DecodedAnywhere(UIDS, "2"), "BINARY", (by_server,)) == (
        [ask_server],
        {4: DecodedPart(content=b"a\0b")},
    )
    assert carried_out(DecodedAnywhere(UIDS, "2"), "IMAP4REV1", raw) == ([ask_raw], decoded)
    assert carried_out(DecodedAnywhere(UIDS, "2"), "BINARY", unknown, raw) == ([ask_server, ask_raw], decoded)


def test_a_whole_message_is_decoded_by_the_server_alone():
    with pytest.raises(MissingCapability, match=r"BINARY \(RFC 3516\)"):
        carried_out(DecodedAnywhere(UIDS, ""), "IMAP4REV1")
    with pytest.raises(CommandRefused):
        carried_out(DecodedAnywhere(UIDS, "2"), "BINARY", NO)


def test_a_preview_is_made_by_the_server_or_here():
    by_server = (
        FetchData(sequence_number=1, uid=4, extras=FetchExtras(preview="Hi")),
        FetchData(sequence_number=2, uid=5, extras=FetchExtras(preview="")),
    )
    structures = (
        FetchData(sequence_number=1, uid=4, body_structure=(part_of("1", "base64"),)),
        FetchData(sequence_number=2, uid=5, body_structure=(part_of("1", "7bit", subtype="html"),)),
        FetchData(sequence_number=3, uid=6, body_structure=()),
        FetchData(sequence_number=4, uid=7, body_structure=(part_of("1.1", "7bit"),)),
    )
    first = (
        FetchData(sequence_number=1, uid=4, sections={"1<0>": base64.b64encode(b"word " * 100)}),
        FetchData(sequence_number=2, uid=5, sections={"1": b"<p>Hello <b>there</b>"}),
    )
    second = (FetchData(sequence_number=4, uid=7, sections={"1.1<0>": b"Two\r\n  lines"}),)
    beginning = BodySection(part="1", partial=Partial(0, 8192))
    nested = BodySection(part="1.1", partial=Partial(0, 8192))

    assert carried_out(PreviewAnywhere(UIDS), "PREVIEW", by_server) == (
        [UidFetch(UIDS, (FetchItem.UID, FetchItem.PREVIEW))],
        {4: "Hi", 5: ""},
    )
    commands, previews = carried_out(PreviewAnywhere(UIDS), "", structures, first, second)
    assert commands == [
        UidFetch(UIDS, (FetchItem.UID, FetchItem.BODYSTRUCTURE)),
        UidFetch(SequenceSet.of((4, 5)), (FetchItem.UID, beginning)),
        UidFetch(SequenceSet.of((7,)), (FetchItem.UID, nested)),
    ]
    assert previews == {4: ("word " * 40).rstrip(), 5: "Hello there", 6: "", 7: "Two lines"}
    with pytest.raises(CommandRefused):
        carried_out(PreviewAnywhere(UIDS), "", structures, NO, second)
