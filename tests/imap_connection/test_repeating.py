"""What may be sent again after a lost connection: what only asks, and nothing that changes mail."""

from __future__ import annotations

import pytest

from mailrules.errors import LocalProtocolError
from mailrules.imap.append_commands import Append
from mailrules.imap.copy_commands import UidMove
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Create, Select, Status
from mailrules.imap.message_commands import StoreChange, UidFetch, UidStore
from mailrules.imap.repeating import REPEATING, Repeat, is_repeatable, repeat_of
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import TRANSITIONS

ONE = SequenceSet.of((1,))
FLAGS = (FetchItem.FLAGS,)


def test_every_command_has_a_row_and_no_row_is_left_over() -> None:
    assert set(REPEATING) == set(TRANSITIONS)


@pytest.mark.parametrize("name", sorted(REPEATING))
def test_no_command_that_changes_mail_mailboxes_or_rights_is_repeated(name: str) -> None:
    changes = {"APPEND", "STORE", "COPY", "MOVE", "EXPUNGE", "REPLACE", "CREATE", "DELETE", "RENAME"}
    changes |= {"DELETEACL", "SUBSCRIBE", "UNSUBSCRIBE", "RESETKEY", "CLOSE", "CANCELUPDATE"}
    is_change = not changes.isdisjoint(name.split()) or name.startswith("SET")

    assert (repeat_of(name) is Repeat.NEVER) is is_change


@pytest.mark.parametrize("name", ["LOGIN", "AUTHENTICATE", "STARTTLS", "COMPRESS", "LOGOUT", "IDLE"])
def test_what_makes_a_connection_belongs_to_it(name: str) -> None:
    assert repeat_of(name) is Repeat.CONNECTION


def test_a_command_without_a_row_is_our_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="XFOO has no row in the table of repeating"):
        repeat_of("XFOO")


@pytest.mark.parametrize("command", [Noop(), Status("x"), Select("x"), UidFetch(ONE, FLAGS)])
def test_commands_that_ask_are_repeatable(command: object) -> None:
    assert is_repeatable(command)  # type: ignore[arg-type]  # each is a command


@pytest.mark.parametrize(
    "command",
    [UidMove(ONE, "t"), UidStore(ONE, StoreChange.ADD, ("x",)), Append("t", b"m"), Create("t")],
)
def test_commands_that_change_are_not(command: object) -> None:
    assert not is_repeatable(command)  # type: ignore[arg-type]  # each is a command


def test_a_fetch_that_has_told_a_part_already_is_not_repeated() -> None:
    assert not is_repeatable(UidFetch(ONE, FLAGS, lambda _: None))
