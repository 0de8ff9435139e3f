"""NOTIFY (RFC 5465) and CONTEXT=SEARCH (RFC 5267)."""

from __future__ import annotations

import pytest

from mailrules.errors import CommandRefused, LocalProtocolError, MissingCapability
from mailrules.imap.events import UntaggedReceived
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.followed_search import FollowedSearch
from mailrules.imap.mailbox_commands import Select, Status
from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.response_codes import BadEventCode, Code
from mailrules.imap.responses import Malformed
from mailrules.imap.search_data import ESearchData, SearchUpdate
from mailrules.imap.search_keys import All, AllOf, HasFlag
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.states import State
from mailrules.imap.watch_commands import (
    CancelUpdate,
    EventGroup,
    Notify,
    NotifyNone,
    UidSearchWatched,
    Watched,
    WatchedSearch,
    WatchEvent,
)
from mailrules.imap.writer import BodySection
from tests.imap_connection.exchange import ask, authenticated, selected
from tests.imap_wire.reading import response_of

NEW, GONE, FLAGS = WatchEvent.MESSAGE_NEW, WatchEvent.MESSAGE_EXPUNGE, WatchEvent.FLAG_CHANGE
ADDRESSES = (FetchItem.UID, BodySection(header_fields=("from", "to", "subject")))


def test_notify_tells_the_status_of_what_is_watched():
    # RFC 5465 section 3.1, with MessageExpunge, which the RFC's example forgets for Lists
    wire, begun = ask(
        authenticated("NOTIFY"),
        Notify(
            (
                EventGroup(Watched.SELECTED, (NEW, GONE), fetched=ADDRESSES),
                EventGroup(Watched.SUBTREE, (NEW, GONE), ("Lists",)),
            ),
            with_status=True,
        ),
        b"* STATUS Lists/Lemonade (UIDVALIDITY 4 UIDNEXT 9999 MESSAGES 500)\r\n"
        b"* STATUS Lists/Im2000 (UIDVALIDITY 901 UIDNEXT 1 MESSAGES 0)\r\n"
        b'* LIST (\\NoAccess) "/" Lists/Secret\r\nTAG OK done\r\n',
    )

    assert wire == (
        b"TAG NOTIFY SET STATUS "
        b"(SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (from to subject)]) MessageExpunge)) "
        b"(SUBTREE (Lists) (MessageNew MessageExpunge))\r\n"
    )
    assert [(one.mailbox, one.uidnext, one.messages) for one in begun.statuses] == [
        ("Lists/Lemonade", 9999, 500),
        ("Lists/Im2000", 1, 0),
    ]
    assert begun.closed_to_us == {"Lists/Secret"}


def test_notify_tells_at_any_time_afterwards():
    connection = selected("NOTIFY")
    ask(connection, Notify((EventGroup(Watched.SELECTED, (NEW, GONE, FLAGS)),)), b"TAG OK done\r\n")
    assert not connection.has_news

    events = connection.receive_data(
        b"* 127 FETCH (UID 127001 FLAGS ())\r\n* STATUS misc (UIDNEXT 999 MESSAGES 554)\r\n"
        b'* LIST () "/" "NewMailbox" ("OLDNAME" ("OldMailbox"))\r\n* OK [NOTIFICATIONOVERFLOW] too many\r\n'
    )

    assert all(isinstance(event, UntaggedReceived) for event in events)
    assert len(events) == 4
    assert connection.take_news()


def test_an_overflow_is_a_code_that_a_watcher_can_tell():
    """RFC 5465 section 5.8 and its example."""
    connection = selected("NOTIFY")
    ask(connection, Notify((EventGroup(Watched.SELECTED, (NEW, GONE)),)), b"TAG OK done\r\n")

    (event,) = connection.receive_data(b"* OK [NOTIFICATIONOVERFLOW] ...A comment can go here...\r\n")

    assert event.response.code.name == Code.NOTIFICATION_OVERFLOW
    assert not connection.has_news
    assert connection.state is State.SELECTED


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        # RFC 5465 section 6
        (
            (
                EventGroup(Watched.MAILBOXES, (NEW, GONE), ("INBOX",)),
                EventGroup(Watched.PERSONAL, (WatchEvent.SUBSCRIPTION_CHANGE,)),
            ),
            b"(MAILBOXES (INBOX) (MessageNew MessageExpunge)) (PERSONAL (SubscriptionChange))",
        ),
        (
            (
                EventGroup(Watched.SELECTED, (NEW, GONE), fetched=(FetchItem.UID, FetchItem.FLAGS)),
                EventGroup(Watched.PERSONAL, (NEW, FLAGS, GONE)),
            ),
            b"(SELECTED (MessageNew (UID FLAGS) MessageExpunge)) (PERSONAL (MessageNew FlagChange MessageExpunge))",
        ),
        ((EventGroup(Watched.SELECTED_DELAYED, ()),), b"(SELECTED-DELAYED NONE)"),
        (
            (EventGroup(Watched.SUBTREE, (WatchEvent.MAILBOX_NAME,), ("Füße", "a b")),),
            b'(SUBTREE (F&APwA3w-e "a b") (MailboxName))',
        ),
        (
            (EventGroup(Watched.INBOXES, tuple(WatchEvent)), EventGroup(Watched.SUBSCRIBED, (NEW, GONE))),
            (
                b"(INBOXES (MessageNew MessageExpunge FlagChange AnnotationChange MailboxName SubscriptionChange "
                b"MailboxMetadataChange ServerMetadataChange)) (SUBSCRIBED (MessageNew MessageExpunge))"
            ),
        ),
    ],
)
def test_every_selector_and_event_has_its_form(groups, expected):
    assert ask(authenticated("NOTIFY"), Notify(groups), b"TAG OK\r\n")[0] == b"TAG NOTIFY SET " + expected + b"\r\n"


@pytest.mark.parametrize(
    "groups",
    [
        (),
        (EventGroup(Watched.SELECTED, (NEW,)),),
        (EventGroup(Watched.SELECTED, (FLAGS,)),),
        (EventGroup(Watched.SELECTED, (WatchEvent.MAILBOX_NAME,)),),
        (EventGroup(Watched.SELECTED, (NEW, GONE)), EventGroup(Watched.SELECTED_DELAYED, (NEW, GONE))),
        (EventGroup(Watched.SELECTED, (NEW, GONE), ("INBOX",)),),
        (EventGroup(Watched.MAILBOXES, (NEW, GONE)),),
        (EventGroup(Watched.PERSONAL, (NEW, GONE), fetched=(FetchItem.UID,)),),
        (EventGroup(Watched.SELECTED, (), fetched=(FetchItem.UID,)),),
    ],
)
def test_what_the_rfc_forbids_is_not_sent(groups):
    with pytest.raises(LocalProtocolError):
        authenticated("NOTIFY").submit(Notify(groups))


def test_notify_none_is_silence():
    assert ask(authenticated("NOTIFY"), NotifyNone(), b"TAG OK\r\n") == (b"TAG NOTIFY NONE\r\n", None)


def test_an_event_that_the_server_does_not_know_is_refused_with_those_it_knows():
    with pytest.raises(CommandRefused) as caught:
        ask(
            authenticated("NOTIFY"),
            Notify((EventGroup(Watched.PERSONAL, (WatchEvent.SERVER_METADATA_CHANGE,)),)),
            b"TAG NO [BADEVENT (MessageNew MessageExpunge FlagChange)] unsupported\r\n",
        )

    assert caught.value.code == Code.BAD_EVENT
    assert isinstance(caught.value.detail, BadEventCode)
    assert WatchEvent.FLAG_CHANGE in caught.value.detail.events


@pytest.mark.parametrize(
    "command",
    [Notify((EventGroup(Watched.PERSONAL, ()),)), NotifyNone(), UidSearchWatched(All(), fetched=ADDRESSES)],
)
def test_a_server_without_notify_is_not_asked(command):
    with pytest.raises(MissingCapability, match=r"needs NOTIFY \(RFC 5465\)"):
        selected("CONTEXT=SEARCH").submit(command)


JUNK = AllOf((HasFlag("\\Deleted"), HasFlag("$Junk")))


def test_a_search_is_followed():
    # RFC 5267 sections 4.3 and 4.3.3 to 4.3.5
    connection = selected("CONTEXT=SEARCH")
    wire, watched = ask(
        connection,
        UidSearchWatched(JUNK, (SearchReturn.COUNT,)),
        b'* ESEARCH (TAG "TAG") COUNT 74\r\nTAG OK Search completed, will notify.\r\n',
    )
    assert wire == b"TAG UID SEARCH RETURN (UPDATE COUNT) DELETED KEYWORD $Junk\r\n"
    assert (watched.tag, watched.found.count, watched.is_followed) == ("A3", 74, True)

    followed = FollowedSearch(watched)
    events = connection.receive_data(
        b"* 23762 FETCH (FLAGS (\\Deleted \\Seen))\r\n* 23763 FETCH (FLAGS ($Junk \\Seen))\r\n"
        b'* ESEARCH (TAG "A3") UID ADDTO (0 32768:32769)\r\n* ESEARCH (TAG "A3") UID REMOVEFROM (0 32768)\r\n'
    )

    told = [event.response for event in events if isinstance(event, UntaggedReceived)]
    assert [followed.apply(response) for response in told] == [False, False, True, True]
    assert tuple(followed.uids) == (32769,)
    assert ask(connection, CancelUpdate((watched.tag,)), b"TAG OK No further updates.\r\n") == (
        b'TAG CANCELUPDATE "A3"\r\n',
        None,
    )


@pytest.mark.parametrize(
    "updates",
    [
        b'* ESEARCH (TAG "C01") UID ADDTO (1 2733 1 2732 1 2731)',
        b'* ESEARCH (TAG "C01") UID ADDTO (1 2733) ADDTO (1 2731:2732)',
        b'* ESEARCH (TAG "C01") UID ADDTO (1 2731:2733)',
    ],
)
def test_three_ways_to_say_the_same(updates):
    # RFC 5267 section 4.3.3
    found = ESearchData(tag="C01", is_uid=True, all_uids=parse_sequence_set(b"2734:2735"))
    followed = FollowedSearch(WatchedSearch(tag="C01", found=found, is_followed=True))

    assert followed.apply(response_of(updates))
    assert followed.uids == parse_sequence_set(b"2731:2735")
    assert not followed.apply(response_of(updates))
    assert not followed.apply(response_of(updates.replace(b"C01", b"C02").replace(b"2731", b"1")))


def test_updates_keep_their_order():
    response = response_of(b'* ESEARCH (TAG "a") UID REMOVEFROM (2 5) ADDTO (1 7:8 3 9) COUNT 4')

    assert isinstance(response, ESearchData)
    assert response.count == 4
    assert response.updates == (
        SearchUpdate(position=2, numbers=SequenceSet.of((5,)), is_removal=True),
        SearchUpdate(position=1, numbers=SequenceSet.of((7, 8))),
        SearchUpdate(position=3, numbers=SequenceSet.of((9,))),
    )


@pytest.mark.parametrize("data", [b"ADDTO (0)", b"ADDTO (x 5)", b"ADDTO (0 (5))", b"REMOVEFROM 5", b"ADDTO (0 0)"])
def test_updates_that_are_none_are_malformed(data):
    assert isinstance(response_of(b'* ESEARCH (TAG "a") UID ' + data), Malformed)


def test_an_update_of_an_earlier_search_does_not_answer_a_new_one():
    connection = selected("CONTEXT=SEARCH")

    _, watched = ask(
        connection,
        UidSearchWatched(All()),
        b'* ESEARCH (TAG "TAG") UID ADDTO (0 9)\r\n* ESEARCH (TAG "TAG") UID ALL 1:3\r\nTAG OK\r\n',
    )

    assert watched.found.all_uids == SequenceSet.of((1, 2, 3))


def test_a_server_may_refuse_to_follow_and_still_answer():
    # RFC 5267 section 4.3.1, for SEARCH
    _, watched = ask(
        selected("CONTEXT=SEARCH"),
        UidSearchWatched(JUNK, (SearchReturn.COUNT,)),
        b'* ESEARCH (TAG "TAG") COUNT 74\r\n* NO [NOUPDATE "TAG"] Too many contexts\r\n'
        b"TAG OK Search completed, will not notify.\r\n",
    )

    assert (watched.found.count, watched.is_followed) == (74, False)


def test_a_followed_search_that_finds_nothing_may_say_nothing():
    _, watched = ask(selected("CONTEXT=SEARCH"), UidSearchWatched(All()), b"TAG OK\r\n")

    assert FollowedSearch(watched).uids == SequenceSet()


def test_new_messages_that_match_may_be_fetched():
    # RFC 5465 section 7, by UID
    wire, _ = ask(
        selected("CONTEXT=SEARCH NOTIFY"),
        UidSearchWatched(All(), (SearchReturn.COUNT,), fetched=ADDRESSES),
        b'* ESEARCH (TAG "TAG") COUNT 17\r\nTAG OK\r\n',
    )

    assert wire == (b"TAG UID SEARCH RETURN (UPDATE (UID BODY.PEEK[HEADER.FIELDS (from to subject)]) COUNT) ALL\r\n")


def test_nothing_to_cancel_is_no_command():
    with pytest.raises(LocalProtocolError):
        selected("CONTEXT=SEARCH").submit(CancelUpdate(()))


def test_notify_waits_for_a_status_that_it_could_be_mistaken_for():
    connection = authenticated("NOTIFY")
    connection.submit(Status("a"))
    connection.submit(Notify((EventGroup(Watched.PERSONAL, (NEW, GONE)),), with_status=True))
    connection.submit(Select("a"))

    assert b"NOTIFY" not in b"".join(piece.data for piece in connection.data_to_send())
