"""What the program tells of messages that a server's SEARCH let it leave unread, and of a server that lies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailrules.narrowing import WORTH_A_SEARCH
from mailrules.testing.builders import message
from tests.cli.conftest import account_text
from tests.narrowing.liars import ONE_KEY

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

MESSAGES = WORTH_A_SEARCH + 50
FLAGGED = range(10, MESSAGES, 40)
RULES = """
rules:
  - name: flagged
    if: {flag: flagged, %s}
    do: [{keyword: $Kept}]
"""
FINDS_NO_FLAGGED = next(lie for lie in ONE_KEY if lie.name == "FLAGGED is read as NOT ALL")


@pytest.fixture
def mail(mail: MailAccount) -> MailAccount:
    """A large INBOX; every fortieth message is flagged."""
    for number in range(5, MESSAGES):
        flags = {"\\Flagged"} if number in FLAGGED else frozenset[str]()
        mail.add("INBOX", message(subject=f"Number {number}", message_id=f"<{number}@example.org>"), flags=flags)
    return mail


def _write(program: Program, server: ImapServer, *, rule: str = "size: {over: 0}", search: str = "exact") -> None:
    head = account_text(server.port, password_file=program.folder / "password")
    # Where the flags are kept, what has changed is asked for instead.
    head = head.replace("user: ann", f"user: ann, cache: none, search: {search}")
    program.config.write_text(head + RULES % rule, "utf-8")


def test_a_dry_run_says_what_it_did_not_read_and_by_which_search(served: Program, server: ImapServer) -> None:
    _write(served, server)

    told = served.run("dry-run")
    (inbox,) = json.loads(served.run("dry-run", "--json").stdout)["mailboxes"]

    unread = MESSAGES - len(FLAGGED)
    assert f"{MESSAGES} messages judged, {len(FLAGGED)} to change" in told.stdout
    assert f"{unread} of them not read, since they lie outside SEARCH FLAGGED LARGER 0" in told.stdout
    assert (inbox["judged"], inbox["left_out"], inbox["search"]) == (MESSAGES, unread, "FLAGGED LARGER 0")
    assert len(inbox["messages"]) == len(FLAGGED)


def test_two_rule_files_are_compared_on_what_either_searches_for(served: Program, server: ImapServer) -> None:
    _write(served, server)
    old = served.folder / "old.yaml"
    old.write_text(served.config.read_text("utf-8").replace("flag: flagged", "flag: answered"), "utf-8")

    told = served.run("diff", str(old), str(served.config))

    assert f"{MESSAGES} messages judged, {len(FLAGGED)} treated differently" in told.stdout
    assert "UID SEARCH" in server.commands_seen


def test_search_none_reads_everything(served: Program, server: ImapServer) -> None:
    _write(served, server, search="none")

    told = served.run("dry-run")

    assert f"{len(FLAGGED)} to change" in told.stdout
    assert "not read" not in told.stdout
    assert "UID SEARCH" not in server.commands_seen


def test_a_lie_is_told_by_the_preview_kept_and_named_by_doctor(served: Program, server: ImapServer) -> None:
    _write(served, server)
    server.faults.append(FINDS_NO_FLAGGED.fault)

    first = served.run("dry-run")
    server.faults.clear()
    second = served.run("dry-run")
    doctor = served.run("doctor")

    assert f"{len(FLAGGED)} to change" in first.stdout
    assert "warning: home: the server answers SEARCH wrongly (SEARCH FLAGGED misses UID" in first.stdout
    assert "not read" not in first.stdout
    assert f"{len(FLAGGED)} to change" in second.stdout
    assert "warning" not in second.stdout
    assert "FLAGGED is not asked" in doctor.stdout


def test_a_run_leaves_no_position_behind_where_mail_that_was_never_judged_was_left_out(
    served: Program, server: ImapServer
) -> None:
    _write(served, server)

    served.run("run", "--once", "--yes")
    new = json.loads(served.run("dry-run", "--new", "--json").stdout)["mailboxes"][0]

    assert (new["judged"], new["left_out"]) == (MESSAGES, 0)
    assert len(new["messages"]) == 0


def test_beyond_the_position_everything_is_read(served: Program, server: ImapServer, mail: MailAccount) -> None:
    _write(served, server)
    served.run("run", "--once", "--new", "--yes")
    for number in range(3):
        mail.add("INBOX", message(subject=f"New {number}"), flags={"\\Flagged"} if number == 1 else frozenset())

    (inbox,) = json.loads(served.run("dry-run", "--json").stdout)["mailboxes"]

    assert (inbox["judged"], inbox["left_out"]) == (MESSAGES + 3, MESSAGES - len(FLAGGED))
    assert [one["subject"] for one in inbox["messages"]] == ["New 1"]


def test_a_search_for_text_is_used_where_it_is_trusted_and_every_preview_says_so(
    served: Program, server: ImapServer
) -> None:
    _write(served, server, rule="subject: {contains: Number 13}", search="trusted")

    told = served.run("dry-run")

    assert "1 to change" in told.stdout
    assert 'outside SEARCH FLAGGED SUBJECT "Number"' in told.stdout
    assert "left out by the server's own search for text (search: trusted), so old mail may be missing" in told.stdout


def test_the_words_of_gmail_are_never_searched_for(served: Program, server: ImapServer) -> None:
    server.capabilities |= {"X-GM-EXT-1"}
    _write(served, server, rule="subject: {contains: Number 13}", search="trusted")

    told = served.run("dry-run")

    assert "1 to change" in told.stdout
    assert "SUBJECT" not in told.stdout
    assert "outside SEARCH FLAGGED" in told.stdout
