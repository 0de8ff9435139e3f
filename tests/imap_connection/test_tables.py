"""The tables of states and of pipelining: complete, and each rule of the gate."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import mailrules.imap
from mailrules.errors import LocalProtocolError
from mailrules.imap.access_commands import GetAcl, ListRights, MyRights, SetAcl
from mailrules.imap.append_commands import Append
from mailrules.imap.command import Command
from mailrules.imap.copy_commands import UidCopy, UidExpunge, UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.language_commands import Comparator, Language
from mailrules.imap.list_commands import List, ListNamespaces, Lsub
from mailrules.imap.mailbox_commands import (
    Check,
    Close,
    Create,
    Delete,
    Examine,
    Expunge,
    Rename,
    Select,
    Status,
    Subscribe,
)
from mailrules.imap.message_commands import StoreChange, UidFetch, UidSearch, UidStore
from mailrules.imap.metadata_commands import GetAnnotation, GetMetadata, SetAnnotation, SetMetadata
from mailrules.imap.pipelining import USES, may_overlap, overlap, uses_of
from mailrules.imap.quota_commands import GetQuota, GetQuotaRoot, SetQuota
from mailrules.imap.search_commands import UidSearchFor
from mailrules.imap.search_keys import All
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.session_commands import (
    Capability,
    Compress,
    Enable,
    Id,
    Idle,
    Login,
    Logout,
    Noop,
    StartTls,
    Unauthenticate,
)
from mailrules.imap.states import TRANSITIONS, State, require_state, state_after
from mailrules.secret import Secret

LOW, HIGH = SequenceSet.of((1, 2, 3)), SequenceSet.of((7, 8))
FETCH_LOW = UidFetch(LOW, (FetchItem.FLAGS,))
FETCH_HIGH = UidFetch(HIGH, (FetchItem.FLAGS,))
FETCH_ON = UidFetch(SequenceSet.starting_at(1), (FetchItem.FLAGS,))
STORE_LOW = UidStore(LOW, StoreChange.ADD, ("x",))
MOVE_HIGH = UidMove(HIGH, "t")
MOVE_LOW = UidMove(LOW, "t")
SEARCH = UidSearch(All())
ESEARCH = UidSearchFor(All())
LOGIN = Login("u", Secret("p"))


def command_names() -> set[str]:
    """Of every module ``mailrules.imap.*_commands``."""
    modules = [name for _, name, _ in pkgutil.iter_modules(mailrules.imap.__path__) if name.endswith("_commands")]
    classes = (
        member
        for module in (importlib.import_module(f"mailrules.imap.{name}") for name in modules)
        for _, member in inspect.getmembers(module, inspect.isclass)
        if Command in member.__mro__ and "name" in vars(member)
    )
    return {member.name for member in classes}


def test_every_command_has_a_row_in_both_tables_and_no_row_is_left_over():
    assert command_names() == set(TRANSITIONS) == set(USES)


def test_messages_are_named_by_uid_only():
    assert not command_names() & {"FETCH", "STORE", "COPY", "MOVE", "SEARCH"}


def test_a_command_without_a_row_is_our_mistake():
    with pytest.raises(LocalProtocolError, match="XFOO"):
        require_state("XFOO", State.SELECTED)
    with pytest.raises(LocalProtocolError, match="XFOO"):
        state_after("XFOO", State.SELECTED, succeeded=True)
    with pytest.raises(LocalProtocolError, match="XFOO"):
        uses_of("XFOO")


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("LOGIN", {State.NOT_AUTHENTICATED}),
        ("STARTTLS", {State.NOT_AUTHENTICATED}),
        ("ENABLE", {State.AUTHENTICATED}),
        ("UID MOVE", {State.SELECTED}),
        ("EXPUNGE", {State.SELECTED}),
        ("GETQUOTA", {State.AUTHENTICATED, State.SELECTED}),
        ("UNAUTHENTICATE", {State.AUTHENTICATED, State.SELECTED}),
        ("LANGUAGE", {State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED}),
        ("COMPARATOR", {State.AUTHENTICATED, State.SELECTED}),
        ("LIST", {State.AUTHENTICATED, State.SELECTED}),
        ("NOOP", {State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED}),
    ],
)
def test_a_command_is_allowed_in_its_states_only(name, allowed):
    for state in State:
        if state in allowed:
            require_state(name, state)
        else:
            with pytest.raises(LocalProtocolError, match=f"{name} needs .*; this one is {state.value}"):
                require_state(name, state)


@pytest.mark.parametrize(
    ("name", "before", "after_ok", "after_no"),
    [
        ("LOGIN", State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.NOT_AUTHENTICATED),
        ("SELECT", State.AUTHENTICATED, State.SELECTED, State.AUTHENTICATED),
        ("EXAMINE", State.SELECTED, State.SELECTED, State.AUTHENTICATED),
        ("UNSELECT", State.SELECTED, State.AUTHENTICATED, State.SELECTED),
        ("CLOSE", State.SELECTED, State.AUTHENTICATED, State.SELECTED),
        ("UNAUTHENTICATE", State.SELECTED, State.NOT_AUTHENTICATED, State.SELECTED),
        ("UID MOVE", State.SELECTED, State.SELECTED, State.SELECTED),
        ("LOGOUT", State.SELECTED, State.LOGOUT, State.LOGOUT),
    ],
)
def test_replies_lead_from_state_to_state(name, before, after_ok, after_no):
    assert state_after(name, before, succeeded=True) is after_ok
    assert state_after(name, before, succeeded=False) is after_no


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (FETCH_LOW, FETCH_LOW),
        (FETCH_LOW, FETCH_ON),
        (FETCH_LOW, ESEARCH),
        (ESEARCH, ESEARCH),
        (STORE_LOW, MOVE_HIGH),
        (MOVE_HIGH, FETCH_LOW),
        (MOVE_LOW, MOVE_HIGH),
        (UidCopy(LOW, "t"), UidCopy(LOW, "t")),
        (UidExpunge(LOW), FETCH_HIGH),
        (Status("a"), Status("b")),
        (Status("a"), Select("b")),
        (List(), Id()),
        (Status("a"), MyRights("a")),
        (GetMetadata("a", ("/shared/comment",)), Status("a")),
        (ListRights("a", "bob"), GetAcl("a")),
        (Check(), FETCH_LOW),
        (Capability(), Noop()),
        (Append("t", b"x"), FETCH_LOW),
        (GetAcl("a"), MOVE_LOW),
        (Create("a"), Create("b")),
        (Create("a"), Subscribe("b")),
    ],
)
def test_these_may_be_in_flight_together(earlier, later):
    assert may_overlap(earlier, later)
    assert may_overlap(later, earlier)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (STORE_LOW, FETCH_LOW),
        (STORE_LOW, MOVE_LOW),
        (MOVE_LOW, MOVE_LOW),
        (MOVE_LOW, FETCH_ON),
        (STORE_LOW, UidCopy(LOW, "t")),
        (STORE_LOW, SEARCH),
        (UidExpunge(LOW), ESEARCH),
        (SEARCH, SEARCH),
        (Select("a"), FETCH_LOW),
        (Examine("a"), MOVE_LOW),
        (Select("a"), Select("b")),
        (List(), Status("a")),
        (List(), MyRights("a")),
        (List(), GetMetadata("a", ("/shared/comment",))),
        (GetQuota("a"), GetQuotaRoot("INBOX")),
        (SetQuota("a"), GetQuota("a")),
        (GetAnnotation("a", ("/comment",)), GetAnnotation("b", ("/comment",))),
        (SetMetadata("a", ()), GetMetadata("a", ("/shared/comment",))),
        (SetAnnotation("a", "/comment", ()), GetAnnotation("a", ("/comment",))),
        (Rename("a", "b"), Status("a")),
        (Language(("de",)), ListNamespaces()),
        (Comparator(("i;basic",)), SEARCH),
        (Expunge(), FETCH_LOW),
        (Close(), FETCH_LOW),
        (Close(), STORE_LOW),
        (Create("t"), MOVE_LOW),
        (Create("t"), Delete("t")),
        (Create("t"), Status("t")),
        (Create("t"), Append("t", b"x")),
        (SetAcl("t", "u", "l"), GetAcl("t")),
        (List(), Lsub()),
        *((alone, Noop()) for alone in (LOGIN, StartTls(), Idle(), Logout(), Enable(("X",)), Unauthenticate())),
        *((alone, Idle()) for alone in (LOGIN, Idle(), FETCH_LOW)),
        *((alone, Compress()) for alone in (LOGIN, StartTls(), Idle(), Logout(), Enable(("X",)), Compress())),
    ],
)
def test_these_wait_for_each_other(earlier, later):
    assert not may_overlap(earlier, later)
    assert not may_overlap(later, earlier)


@pytest.mark.parametrize(
    "earlier", [Noop(), List(), Select("INBOX"), FETCH_LOW, SEARCH, Create("t"), Append("t", b"x")]
)
def test_compress_follows_what_is_under_way_and_nothing_follows_it(earlier):
    assert may_overlap(earlier, Compress())
    assert not may_overlap(Compress(), earlier)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (b"1", b"2", False),
        (b"1:3", b"3:5", True),
        (b"1:9", b"4", True),
        (b"1,5,9", b"2:4,6:8", False),
        (b"4:*", b"1", True),
        (b"*", b"1", True),
    ],
)
def test_sets_overlap(first, second, expected):
    one, other = parse_sequence_set(first), parse_sequence_set(second)

    assert overlap(one, other) is overlap(other, one) is expected
