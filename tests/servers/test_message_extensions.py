"""Extensions about messages and about watching, on the servers that announce them."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.client.content_fallbacks import DecodedAnywhere, DecodedPart, PreviewAnywhere
from mailrules.client.message_fallbacks import AppendAnywhere, ChangesAnywhere, MoveAnywhere, ReplaceAnywhere
from mailrules.errors import CommandRefused, MissingCapability
from mailrules.imap.announced_limits import append_limit
from mailrules.imap.append_commands import Append, Catenated, MultiAppend, NewMessage, UidReplace
from mailrules.imap.copy_commands import UidExpunge, UidMove
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.fetch_items import FetchItem, LazyPreview
from mailrules.imap.followed_search import FollowedSearch
from mailrules.imap.mailbox_commands import Create, Examine, Select, Status
from mailrules.imap.mailbox_data import StatusData
from mailrules.imap.message_commands import SearchReturn, StoreChange, UidFetch, UidFetchChanges, UidStore
from mailrules.imap.message_url import MessageUrl
from mailrules.imap.response_codes import BadEventCode, Code
from mailrules.imap.resync import Resync
from mailrules.imap.search_data import ESearchData
from mailrules.imap.search_keys import HasFlag
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Enable, Noop
from mailrules.imap.url_commands import GenUrlAuth, ResetKey, UrlFetch
from mailrules.imap.watch_commands import CancelUpdate, EventGroup, Notify, NotifyNone, UidSearchWatched, Watched
from mailrules.imap.watch_commands import WatchEvent as Event
from mailrules.imap.writer import BinarySection, BinarySize, BodySection, Partial
from mailrules.testing.builders import Attachment, message
from tests.servers.talking import Talk

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

ALL = SequenceSet.starting_at(1)
ONE = SequenceSet.of((1,))
PLAIN = message(subject="plain", body="Hello from a real server.\r\n")
CONTENT = bytes(range(256)) * 8
WITH_FILE = message(subject="with a file", attachments=[Attachment(content=CONTENT, file_name="a.bin")])


@pytest.fixture(params=["dovecot", "cyrus"])
def account(request: pytest.FixtureRequest) -> DovecotAccount | ServerAccount:
    found: DovecotAccount | ServerAccount = request.getfixturevalue(request.param)
    return found


def fetched(talk: Talk, *items: object, uids: SequenceSet = ALL) -> tuple[FetchData, ...]:
    return talk.run(UidFetch(uids, (FetchItem.UID, *items)))  # type: ignore[arg-type] # the tests give items only


def test_several_messages_go_in_one_command(account: DovecotAccount | ServerAccount) -> None:
    received = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
    with Talk(account) as talk:
        told = talk.run(
            MultiAppend("INBOX", (NewMessage(PLAIN, ("\\Seen",), received), NewMessage(WITH_FILE, ("\\Flagged",))))
        )
        talk.run(Select("INBOX"))
        first, second = fetched(talk, FetchItem.FLAGS, FetchItem.INTERNALDATE, FetchItem.SIZE)

    assert told is not None
    assert tuple(told.uids) == (first.uid, second.uid)
    assert (first.internal_date, first.size_bytes) == (received, len(PLAIN))
    assert first.flags is not None
    assert "\\Seen" in first.flags


def test_the_server_puts_a_message_together(account: DovecotAccount | ServerAccount) -> None:
    with Talk(account) as talk:
        talk.run(Append("INBOX", PLAIN))
        uidvalidity = talk.run(Select("INBOX")).uidvalidity
        text = MessageUrl(mailbox="INBOX", uid=1, uidvalidity=uidvalidity, section="TEXT")
        talk.run(Append("INBOX", Catenated((b"Subject: again\r\n\r\n", text, b"And more.\r\n"))))
        talk.run(Noop())
        _, together = fetched(talk, BodySection())

        with pytest.raises(CommandRefused) as caught:
            talk.run(Append("INBOX", Catenated((b"x", MessageUrl(mailbox="INBOX", uid=99, uidvalidity=uidvalidity)))))

    body = PLAIN.partition(b"\r\n\r\n")[2]
    assert together.sections[""] == b"Subject: again\r\n\r\n" + body + b"And more.\r\n"
    assert caught.value.code == Code.BAD_URL


def test_parts_come_decoded_and_in_pieces(account: DovecotAccount | ServerAccount) -> None:
    with Talk(account) as talk:
        talk.run(Append("INBOX", WITH_FILE))
        talk.run(Examine("INBOX"))
        (one,) = fetched(talk, BinarySection(part="2"), BinarySize(part="2"))
        (piece,) = fetched(talk, BinarySection(part="2", partial=Partial(100, 300)))
        (raw,) = fetched(
            talk, BodySection(part="2", partial=Partial(0, 10)), BodySection(partial=Partial(4, 20)),
            BodySection(other_than=("Subject",)), FetchItem.FLAGS,
        )  # fmt: skip

    assert one.extras.binary == {"2": CONTENT}
    assert one.extras.binary_sizes == {"2": len(CONTENT)}
    assert piece.extras.binary == {"2<100>": CONTENT[100:400]}
    assert raw.sections["2<0>"] == base64.b64encode(CONTENT)[:10]
    assert raw.sections["<4>"] == WITH_FILE[4:24]
    assert b"Subject" not in raw.sections["HEADER.FIELDS.NOT (SUBJECT)"]
    assert raw.flags is not None
    assert "\\Seen" not in raw.flags


def test_a_message_with_nul_is_taken_and_given(account: DovecotAccount | ServerAccount) -> None:
    content = b"a\0b" * 100
    binary = (
        b"Subject: binary\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: binary\r\n\r\n" + content
    )
    with Talk(account) as talk:
        talk.run(Append("INBOX", binary))
        talk.run(Examine("INBOX"))
        (one,) = fetched(talk, BinarySection(part="1"))

    assert one.extras.binary == {"1": content}


def test_changes_are_told_since_a_modseq(account: DovecotAccount | ServerAccount) -> None:
    with Talk(account) as talk, Talk(account) as other:
        talk.run(MultiAppend("INBOX", tuple(NewMessage(PLAIN) for _ in range(5))))
        assert "QRESYNC" in talk.run(Enable(("QRESYNC",)))
        opened = talk.run(Select("INBOX"))
        assert opened.highest_modseq is not None
        assert opened.uidvalidity is not None
        known = Resync(
            uidvalidity=opened.uidvalidity, modseq=opened.highest_modseq, known_uids=SequenceSet.of(range(1, 6))
        )

        talk.run(Select("Archive"))  # what happens in an open mailbox is told at once, not as EARLIER
        other.run(Select("INBOX"))
        other.run(UidStore(SequenceSet.of((2, 4)), StoreChange.ADD, ("\\Deleted",)))
        other.run(UidExpunge(SequenceSet.of((2,))))
        other.run(UidStore(SequenceSet.of((5,)), StoreChange.ADD, ("\\Flagged",)))
        talk.run(Select("INBOX"))
        changes = talk.run(UidFetchChanges(known.known_uids, (FetchItem.FLAGS,), opened.highest_modseq))
        changed = talk.run(UidFetch(ALL, (FetchItem.FLAGS,), changed_since=opened.highest_modseq))
        resynced = talk.run(Select("INBOX", known)).changes
        elsewhere = talk.run(Select("INBOX", Resync(uidvalidity=known.uidvalidity + 1, modseq=1))).changes

    assert [one.uid for one in changes.messages] == [one.uid for one in changed] == [4, 5]
    assert tuple(changes.vanished) == (2,)
    assert resynced is not None
    assert ([one.uid for one in resynced.messages], tuple(resynced.vanished)) == ([4, 5], (2,))
    assert elsewhere is None


def test_the_modseq_to_resync_from_follows_the_mailbox(account: DovecotAccount | ServerAccount) -> None:
    with Talk(account) as talk:
        talk.run(Append("INBOX", PLAIN))
        talk.run(Enable(("QRESYNC",)))
        talk.run(Select("INBOX"))
        talk.run(UidStore(ONE, StoreChange.ADD, ("\\Flagged",)))
        talk.run(Noop())
        assert talk.connection.selected is not None
        followed = talk.connection.selected.highest_modseq
        told = talk.run(Status("INBOX")).highest_modseq

    assert followed == told is not None


def test_a_store_with_a_guard_leaves_what_others_changed(account: DovecotAccount | ServerAccount) -> None:
    with Talk(account) as talk, Talk(account) as other:
        talk.run(MultiAppend("INBOX", (NewMessage(PLAIN), NewMessage(PLAIN))))
        modseq = talk.run(Select("INBOX")).highest_modseq
        other.run(Select("INBOX"))
        other.run(UidStore(ONE, StoreChange.ADD, ("\\Flagged",)))
        both = SequenceSet.of((1, 2))
        guarded = talk.run(UidStore(both, StoreChange.ADD, ("\\Seen",), unchanged_since=modseq))
        replaced = talk.run(UidStore(both, StoreChange.REPLACE, ("\\Answered",)))
        silent = talk.run(UidStore(both, StoreChange.ADD, ("\\Seen",), is_silent=True))

    assert (tuple(guarded.modified), [one.uid for one in guarded.confirmed]) == ((1,), [2])
    assert [one.uid for one in replaced.confirmed] == [1, 2]
    assert [one.uid for one in silent.confirmed] == [1, 2]


def test_previews_are_made_or_left_for_later(dovecot: DovecotAccount, cyrus: ServerAccount) -> None:
    with Talk(dovecot) as talk:
        talk.run(MultiAppend("INBOX", (NewMessage(PLAIN), NewMessage(b"Subject: nothing\r\n\r\n"))))
        talk.run(Examine("INBOX"))
        made = fetched(talk, FetchItem.PREVIEW)
    with Talk(cyrus) as talk:
        talk.run(Append("INBOX", PLAIN))
        talk.run(Examine("INBOX"))
        (lazy,) = fetched(talk, LazyPreview())

    assert [(one.extras.preview or "").strip() for one in made] == ["Hello from a real server.", ""]
    # Cyrus makes none of its own; it tells those that a JMAP client has stored.
    assert lazy.extras.preview is None


def test_dates_of_arrival_are_told(account: DovecotAccount | ServerAccount) -> None:
    long_ago = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    with Talk(account) as talk:
        talk.run(Append("INBOX", PLAIN, (), long_ago))
        talk.run(Examine("INBOX"))
        (one,) = fetched(talk, FetchItem.SAVE_DATE, FetchItem.INTERNALDATE)

    assert one.internal_date == long_ago
    assert one.extras.save_date is not None
    assert one.extras.save_date - long_ago > timedelta(days=365)


def test_identifiers_stay_when_a_message_moves(cyrus: ServerAccount) -> None:
    reply = message(subject="Re: plain", message_id="<2@example.com>", headers=[("References", "<1@example.com>")])
    first = message(subject="plain", message_id="<1@example.com>")
    with Talk(cyrus) as talk:
        talk.run(MultiAppend("INBOX", (NewMessage(first), NewMessage(reply))))
        opened = talk.run(Select("INBOX"))
        before = fetched(talk, FetchItem.EMAIL_ID, FetchItem.THREAD_ID)
        talk.run(UidMove(SequenceSet.of((1, 2)), "Archive"))
        archive = talk.run(Select("Archive"))
        after = fetched(talk, FetchItem.EMAIL_ID, FetchItem.THREAD_ID)

    assert opened.mailbox_id != archive.mailbox_id
    assert "" not in {opened.mailbox_id, archive.mailbox_id}
    assert [one.email_id for one in before] == [one.email_id for one in after]
    assert len({one.email_id for one in before}) == 2
    assert {one.extras.thread_id for one in before} == {one.extras.thread_id for one in after}


def test_others_read_by_signed_urls_until_the_key_is_reset(cyrus: ServerAccount) -> None:
    url = MessageUrl(mailbox="INBOX", uid=1, section="1")
    with Talk(cyrus) as talk:
        talk.run(Append("INBOX", PLAIN))
        own_name = talk.greeting.split()[0]  # Cyrus signs for no other
        rump = url.rump(user=cyrus.user, host=own_name, access="anonymous")
        (signed,) = talk.run(GenUrlAuth((rump,)))
        contents = talk.run(UrlFetch((signed,)))
        mechanisms = talk.run(ResetKey("INBOX"))
        after = talk.run(UrlFetch((signed,)))

    assert signed.startswith(rump + ":")
    assert contents == {signed: b"Hello from a real server.\r\n"}
    assert "INTERNAL" in mechanisms
    assert after == {signed: None}


def test_a_limit_of_append_is_announced(cyrus: ServerAccount) -> None:
    with Talk(cyrus) as talk:
        assert append_limit(talk.connection.capabilities) == 4294967295


def test_notify_tells_of_other_mailboxes_and_of_the_open_one(dovecot: DovecotAccount) -> None:
    coming = (Event.MESSAGE_NEW, Event.MESSAGE_EXPUNGE, Event.FLAG_CHANGE)
    with Talk(dovecot) as talk, Talk(dovecot) as other:
        talk.run(Append("Archive", PLAIN))
        talk.run(Select("INBOX"))
        begun = talk.run(
            Notify(
                (
                    EventGroup(Watched.SELECTED, coming, fetched=(FetchItem.UID, FetchItem.ENVELOPE)),
                    EventGroup(Watched.MAILBOXES, coming, ("Archive",)),
                    EventGroup(Watched.PERSONAL, (Event.MAILBOX_NAME, Event.SUBSCRIPTION_CHANGE)),
                ),
                with_status=True,
            )
        )

        other.run(MultiAppend("Archive", (NewMessage(PLAIN), NewMessage(PLAIN))))
        status = talk.wait_for(lambda told: isinstance(told, StatusData) and told.messages == 3)
        other.run(Append("INBOX", PLAIN))
        talk.run(Noop())
        new = talk.wait_for(lambda told: isinstance(told, FetchData) and told.envelope is not None)
        other.run(Create("Made"))
        made = talk.wait_for(lambda told: getattr(told, "mailbox", "") == "Made")
        talk.run(NotifyNone())

    assert ("Archive", 1) in [(one.mailbox, one.messages) for one in begun.statuses]
    assert isinstance(status, StatusData)
    assert status.mailbox == "Archive"
    assert isinstance(new, FetchData)
    assert (new.uid, new.envelope and new.envelope.subject) == (1, b"plain")
    assert made is not None
    assert talk.connection.take_news()


def test_a_search_is_kept_up_to_date(dovecot: DovecotAccount) -> None:
    flagged = HasFlag("\\Flagged")
    with Talk(dovecot) as talk:
        talk.run(MultiAppend("INBOX", tuple(NewMessage(PLAIN) for _ in range(3))))
        talk.run(Select("INBOX"))
        talk.run(UidStore(ONE, StoreChange.ADD, ("\\Flagged",)))
        watched = talk.run(UidSearchWatched(flagged, (SearchReturn.ALL, SearchReturn.COUNT)))
        followed = FollowedSearch(watched)
        before = tuple(followed.uids)

        talk.run(UidStore(SequenceSet.of((3,)), StoreChange.ADD, ("\\Flagged",)))
        talk.run(UidStore(ONE, StoreChange.REMOVE, ("\\Flagged",)))
        talk.run(Noop())
        for response in talk.unasked:
            followed.apply(response)
        updates = sum(isinstance(one, ESearchData) for one in talk.unasked)
        talk.run(CancelUpdate((watched.tag,)))
        talk.run(UidStore(ONE, StoreChange.ADD, ("\\Flagged",)))
        talk.run(Noop())

    assert (before, watched.found.count, watched.is_followed) == ((1,), 1, True)
    assert tuple(followed.uids) == (3,)
    assert sum(isinstance(one, ESearchData) for one in talk.unasked) == updates


def test_what_a_server_does_not_announce_it_is_not_asked(account: DovecotAccount | ServerAccount) -> None:
    with Talk(account) as talk:
        talk.run(Select("INBOX"))
        with pytest.raises(MissingCapability, match=r"REPLACE \(RFC 8508\)"):
            talk.run(UidReplace(1, "INBOX", PLAIN))
        with pytest.raises(MissingCapability, match=r"X-GM-EXT-1"):
            fetched(talk, FetchItem.GMAIL_LABELS)


LACKING = frozenset({"MOVE", "MULTIAPPEND", "BINARY", "PREVIEW", "QRESYNC"})


def test_what_stands_in_for_an_extension_does_the_same(account: DovecotAccount | ServerAccount) -> None:
    both = SequenceSet.of((1, 2))
    decoding, moving = DecodedAnywhere(SequenceSet.of((2,)), "2"), MoveAnywhere(SequenceSet.of((2,)), "Archive")
    with Talk(account) as talk:
        appended = talk.carry_out(AppendAnywhere("INBOX", (NewMessage(PLAIN), NewMessage(WITH_FILE))), without=LACKING)
        modseq = talk.run(Select("INBOX")).highest_modseq or 0
        by_server, by_us = talk.carry_out(decoding), talk.carry_out(decoding, without=LACKING)
        previews = talk.carry_out(PreviewAnywhere(both), without=LACKING)
        moved = talk.carry_out(moving, without=LACKING)
        replaced = talk.carry_out(ReplaceAnywhere(1, "INBOX", PLAIN.replace(b"plain", b"newer")))
        changes = talk.carry_out(ChangesAnywhere(both, (FetchItem.FLAGS,), modseq), without=LACKING)
        left = fetched(talk, FetchItem.ENVELOPE)

    assert [one and tuple(one.uids) for one in appended] == [(1,), (2,)]
    assert by_server == by_us == {2: DecodedPart(content=CONTENT)}
    assert previews[1] == "Hello from a real server."
    assert list(moved.uids) == [2]
    assert replaced is not None
    assert tuple(changes.vanished) == (1, 2)
    assert [(one.uid, one.envelope and one.envelope.subject) for one in left] == [(3, b"newer")]


def test_an_event_that_dovecot_does_not_know_is_refused_by_name(dovecot: DovecotAccount) -> None:
    with Talk(dovecot) as talk, pytest.raises(CommandRefused) as caught:
        talk.run(Notify((EventGroup(Watched.PERSONAL, (Event.MAILBOX_METADATA_CHANGE,)),)))

    assert caught.value.code == Code.BAD_EVENT
    assert isinstance(caught.value.detail, BadEventCode)
    assert caught.value.detail.events == (Event.MAILBOX_METADATA_CHANGE,)


def test_a_server_with_few_extensions_gets_what_stands_in_for_them(courier: ServerAccount) -> None:
    target = courier.prefix + "target"
    both = SequenceSet.of((1, 2))
    with Talk(courier) as talk:
        offered = talk.connection.capabilities
        talk.run(Create(target))
        appended = talk.carry_out(AppendAnywhere("INBOX", (NewMessage(PLAIN), NewMessage(WITH_FILE))))
        talk.run(Select("INBOX"))
        decoded = talk.carry_out(DecodedAnywhere(SequenceSet.of((2,)), "2"))
        previews = talk.carry_out(PreviewAnywhere(both))
        moved = talk.carry_out(MoveAnywhere(SequenceSet.of((2,)), target))
        left = fetched(talk)
        with pytest.raises(MissingCapability, match=r"CONDSTORE \(RFC 7162\)"):
            talk.carry_out(ChangesAnywhere(both, (FetchItem.FLAGS,), 1))

    assert offered.isdisjoint({"MOVE", "MULTIAPPEND", "BINARY", "PREVIEW", "CONDSTORE"})
    assert [one and tuple(one.uids) for one in appended] == [(1,), (2,)]
    assert decoded == {2: DecodedPart(content=CONTENT)}
    assert previews[1] == "Hello from a real server."
    assert list(moved.uids) == [2]
    assert [one.uid for one in left] == [1]
