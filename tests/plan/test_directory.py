"""How mailbox names in rules become the server's names, and where trash and archive are."""

from __future__ import annotations

import pytest

from mailrules.mailbox.store import MailboxInfo
from mailrules.plan.directory import Directory, directory_of


def _directory(*mailboxes: MailboxInfo, trash: str = "") -> Directory:
    return directory_of(mailboxes, account="home", user="me", trash=trash)


@pytest.mark.parametrize(
    ("written", "delimiter", "expected"),
    [
        ("Lists/python", "/", "Lists/python"),
        ("Lists/python", ".", "Lists.python"),
        ("inbox", ".", "INBOX"),
        ("Inbox/Old", ".", "INBOX.Old"),
        ("a/b", "", "a/b"),
    ],
)
def test_a_slash_stands_for_the_servers_delimiter(written: str, delimiter: str, expected: str) -> None:
    directory = _directory(MailboxInfo(name="INBOX", delimiter=delimiter))

    assert directory.server_name(written) == expected


def test_a_name_that_the_server_lists_is_kept_as_it_is() -> None:
    directory = _directory(MailboxInfo(name="INBOX", delimiter="."), MailboxInfo(name="a/b", delimiter="."))

    assert directory.server_name("a/b") == "a/b"


def test_trash_comes_from_special_use_unless_the_account_names_one() -> None:
    bin_ = MailboxInfo(name="Bin", delimiter="/", attributes=frozenset({"\\trash"}))

    assert _directory(bin_).trash == "Bin"
    assert _directory(bin_, trash="Deleted").trash == "Deleted"
    assert _directory(bin_).archive == ""


def test_a_mailbox_that_cannot_be_selected_does_not_exist_for_moves() -> None:
    directory = _directory(MailboxInfo(name="Lists", delimiter="/", attributes=frozenset({"\\noselect"})))

    assert not directory.exists("Lists")
    assert not directory.exists("elsewhere")
