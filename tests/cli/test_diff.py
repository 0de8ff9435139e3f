"""The verb ``diff``: two rule files on a real mailbox, read once, and every exit status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import message
from tests.cli.conftest import RULES, account_text
from tests.cli.test_whole_job import contents, squeezed

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program, WatchedServer

NEW_RULES = """
rules:
  - name: lists
    if: {list_id: {regex: '<(?P<list>[a-z0-9-]+)\\.'}}
    do:
      - move: {to: "Mail/{list}", create: true}
  - name: plain
    if: {subject: nothing}
    do: [{flag: seen}]
"""
SHOWN = """\
home/INBOX 5 messages judged, 5 treated differently
 lists becomes lists 3 messages
 Received From Subject Old New
 2025-03-04 Bo <bo1@people.example> Roses 1 → Lists/gardening (new) → Mail/gardening (new)
 2025-03-04 Bo <bo2@people.example> Roses 2 → Lists/gardening (new) → Mail/gardening (new)
 2025-03-04 Bo <bo3@people.example> Roses 3 → Lists/gardening (new) → Mail/gardening (new)
 boss becomes no rule 1 message
 Received From Subject Old New
 2025-03-04 boss@work.example Monday +flagged nothing
 no rule becomes plain 1 message
 Received From Subject Old New
 2025-03-04 Ann Example <ann@example.org> Nothing to see nothing +seen

 Rule Old New
 lists 3 3
 boss 1 0
 plain 0 1

5 messages of 5 would be treated differently. Nothing has been changed.
"""


@pytest.fixture
def new_rules(served: Program) -> Path:
    """A rule file without accounts of its own."""
    file = served.folder / "new.yaml"
    file.write_text(f"version: 1\n{NEW_RULES}", encoding="utf-8")
    return file


def test_what_is_treated_differently_is_grouped_by_rules_and_nothing_is_changed(
    served: Program, new_rules: Path, mail: MailAccount, server: WatchedServer
) -> None:
    before = contents(mail)

    shown = served.run("diff", str(served.config), str(new_rules))

    assert shown.exit_code == 0, shown.output
    lines = [line for line in squeezed(shown.stdout).splitlines() if "─" not in line]
    assert "\n".join(lines) + "\n" == squeezed(SHOWN)
    assert contents(mail) == before
    assert [one for one in server.commands_seen if one in {"SELECT", "EXAMINE"}] == ["EXAMINE"]


def test_the_document_has_each_message_with_both_treatments(served: Program, new_rules: Path) -> None:
    result = served.run("diff", str(served.config), str(new_rules), "--json", "--rule", "boss", "--detailed-exitcode")

    document = json.loads(result.stdout)
    (mailbox,) = document["mailboxes"]
    (message,) = mailbox["messages"]
    assert result.exit_code == 10
    assert document["version"] == 1
    assert document["totals"] == {"judged": 5, "changed": 1, "by_rule": {"boss": {"old": 1, "new": 0}}}
    assert mailbox["groups"] == [{"old_rules": ["boss"], "new_rules": [], "messages": 1}]
    assert (message["uid"], message["subject"], message["message_id"]) == (4, "Monday", "<monday@work.example>")
    assert message["old"]["steps"][0]["flags"] == ["\\Flagged"]
    assert message["new"] == {"rules": [], "steps": [], "findings": []}


def test_the_same_rules_make_no_difference(served: Program) -> None:
    same = served.run("diff", str(served.config), str(served.config), "--detailed-exitcode")

    assert same.exit_code == 0
    assert same.stdout.endswith("No difference. Nothing has been changed.\n")


def test_only_a_part_is_compared(served: Program, new_rules: Path) -> None:
    files = (str(served.config), str(new_rules))

    newest = json.loads(served.run("diff", *files, "--limit", "1", "--mailbox", "home/INBOX", "--json").stdout)
    one = served.run("diff", *files, "--rule", "lists")
    everything = served.run("diff", *files, "--all")

    assert newest["totals"]["judged"] == 1
    assert [message["uid"] for message in newest["mailboxes"][0]["messages"]] == [5]
    assert "3 messages of 5 would be treated differently" in one.stdout
    assert "(--all)" not in everything.stdout


@pytest.mark.parametrize(
    ("text", "arguments", "status", "words"),
    [
        ("version: 1\nrules: [{name: x}]\n", (), 3, "a rule lacks its condition"),
        ("version: 1\nrules: []\n", ("--rule", "none"), 2, "no rule 'none'"),
        ("version: 1\nrules: [{name: x, in: [home/Missing], if: always, do: [keep]}]\n", (), 7, ""),
    ],
)
def test_each_failure_has_its_status(
    served: Program, text: str, arguments: tuple[str, ...], status: int, words: str
) -> None:
    file = served.folder / "new.yaml"
    file.write_text(text, encoding="utf-8")

    result = served.run("diff", str(served.config), str(file), *arguments)

    assert result.exit_code == status, result.output
    assert words in result.stderr


def test_one_name_for_two_accounts_is_refused(served: Program, server: WatchedServer) -> None:
    other = account_text(server.port, password_file=served.folder / "password").replace("user: ann", "user: bob")
    file = served.folder / "new.yaml"
    file.write_text(other + RULES, encoding="utf-8")

    result = served.run("diff", str(served.config), str(file))

    assert result.exit_code == 6
    assert "account 'home' is ann at 127.0.0.1 in the old file and bob at 127.0.0.1 in the new one" in result.stderr


def test_a_mailbox_that_only_one_file_names_is_compared_with_nothing(served: Program, mail: MailAccount) -> None:
    mail.create("Old")
    mail.add("Old", b"Subject: x\r\n\r\n")
    file = served.folder / "new.yaml"
    file.write_text(
        "version: 1\nrules: [{name: x, in: [home/Old], if: always, do: [{flag: seen}]}]\n", encoding="utf-8"
    )

    document = json.loads(served.run("diff", str(served.config), str(file), "--json").stdout)

    assert {one["mailbox"]: len(one["messages"]) for one in document["mailboxes"]} == {"INBOX": 4, "Old": 1}


_SENT = "rules: [{name: old, if: {sent: {older_than: 30d}}, do: [{trash: true}]}]\n"
_CAUSE = "sent: the Date field is no date: 'never'"


def test_what_cannot_be_known_shows_in_every_preview_with_its_cause(served: Program, mail: MailAccount) -> None:
    served.write(served.config.read_text(encoding="utf-8").partition("rules:")[0] + _SENT)
    mail.add("INBOX", message(subject="When?", date="never"))
    changed = served.folder / "changed.yaml"
    changed.write_text(f"version: 1\n{_SENT.replace('30d', '40d')}", encoding="utf-8")
    saved = served.folder / "plan.json"
    eml = served.folder / "when.eml"
    eml.write_bytes(b"From: a@b.example\r\nDate: never\r\nSubject: When?\r\n\r\n")

    shown = [
        served.run("dry-run").stdout,
        served.run("dry-run", "--json").stdout,
        served.run("dry-run", "--save", str(saved)).stdout,
        saved.read_text(encoding="utf-8"),
        served.run("diff", str(served.config), str(changed)).stdout,
        served.run("diff", str(served.config), str(changed), "--json").stdout,
        served.run("explain", "home/INBOX:6").stdout,
        served.run("explain", "home/INBOX:6", "--json").stdout,
        served.run("test", str(eml)).stdout,
    ]

    for one in shown:
        assert "unknowable" in one
        assert _CAUSE in squeezed(one)
