"""The verbs on rules that move and copy to another account, on another server."""

from __future__ import annotations

import json
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Program

RULES = """
rules:
  - name: lists
    if: {list_id: {regex: '<(?P<list>[a-z0-9-]+)\\.'}}
    do: [{flag: seen}, {move: {to: "work/Lists/{list}", create: true}}]
  - name: boss
    if: {from: boss@work.example}
    do: [{copy: work/Archive}]
tests:
  - name: the lists go to work
    given: {from: x@example.org, headers: {List-Id: <garden.lists.example>}}
    expect: {matched: [lists], mailbox: work/Lists/garden}
"""


@pytest.fixture
def work() -> Iterator[ImapServer]:
    with serve_in_thread(ImapServer(MailAccount("ann"))) as server:
        yield server


@pytest.fixture
def both(program: Program, server: ImapServer, work: ImapServer) -> Program:
    """The program with an account on each of two servers."""
    password = program.folder / "password"
    password.touch(mode=0o600)
    password.write_text(server.mail.password, encoding="utf-8")
    lines = [
        f"  {name}: {{host: 127.0.0.1, port: {port}, security: none, user: ann, secret: {{file: {password}}}}}"
        for name, port in (("home", server.port), ("work", work.port))
    ]
    head = dedent("version: 1\naccounts:\n") + "\n".join(lines) + "\ndefaults: {in: [home/INBOX]}\n"
    program.config.write_text(head + RULES, "utf-8")
    return program


def subjects(account: MailAccount, mailbox: str) -> list[bytes]:
    return sorted(
        line
        for one in account[mailbox].messages.values()
        for line in one.content.split(b"\r\n")
        if line.startswith(b"Subject:")
    )


def test_mail_is_moved_to_the_other_account_and_undone(both: Program, mail: MailAccount, work: ImapServer) -> None:
    assert both.run("test").exit_code == 0
    told = both.run("dry-run")
    assert "→ work/Lists/gardening (new)" in told.stdout

    ended = both.run("run", "--once", "--yes")

    assert ended.exit_code == 0, ended.output
    assert subjects(work.mail, "Lists/gardening") == [b"Subject: Roses 1", b"Subject: Roses 2", b"Subject: Roses 3"]
    assert subjects(work.mail, "Archive") == [b"Subject: Monday"]
    assert subjects(mail, "INBOX") == [b"Subject: Monday", b"Subject: Nothing to see"]
    assert all("\\Seen" in one.flags for one in work.mail["Lists/gardening"].messages.values())
    assert "Nothing to do" in both.run("run", "--once", "--yes").stdout

    undone = both.run("undo", "--yes")

    assert undone.exit_code == 0, undone.output
    assert len(mail["INBOX"].messages) == 5
    assert not work.mail["Archive"].messages
    assert "Lists/gardening" not in work.mail


def test_a_saved_plan_knows_the_other_account(both: Program, mail: MailAccount, work: ImapServer) -> None:
    path = both.folder / "plan.json"
    both.run("dry-run", "--save", str(path))
    steps = [
        step
        for mailbox in json.loads(path.read_text("utf-8"))["mailboxes"]
        for message in mailbox["messages"]
        for step in message["steps"]
    ]
    assert {step.get("account") for step in steps if step["kind"] in {"move", "copy"}} == {"work"}

    both.run("apply", str(path), "--yes")

    assert len(work.mail["Lists/gardening"].messages) == 3
    assert len(mail["INBOX"].messages) == 2


def test_explain_names_the_place_in_the_other_account(both: Program) -> None:
    assert "work/Lists/gardening" in both.run("explain", "home/INBOX:1").stdout
