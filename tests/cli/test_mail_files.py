"""``dry-run`` and ``explain`` on mail in files, and ``--since``: what is judged, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import message
from tests.hostile_mail.corpus import MAILS
from tests.hostile_mail.judging import RULES as HOSTILE_RULES
from tests.hostile_mail.screens import unclean
from tests.mailbox.test_mail_on_disk import mbox

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

RULES = """
version: 1
rules:
  - {name: bills, if: {subject: bill}, do: [{move: Bills}]}
  - {name: asks, if: {search: UNSEEN}, do: [{flag: flagged}]}
"""


@pytest.fixture
def box(program: Program) -> Path:
    """Two messages, and rules that know no account."""
    program.write(RULES)
    contents = (message(subject="A bill", message_id="<1@a>"), message(subject="Roses", message_id="<2@a>"))
    return mbox(program.folder / "in.mbox", *contents)


def test_mail_in_files_needs_no_account(program: Program, box: Path) -> None:
    single = program.folder / "bill.eml"
    single.write_bytes(message(subject="Another bill"))

    shown = program.run("dry-run", "--mbox", str(box), "--eml", str(single), "--detailed-exitcode")
    document = json.loads(program.run("dry-run", "--mbox", str(box), "--json").stdout)

    assert shown.exit_code == 10
    assert "files/INBOX  3 messages judged, 2 to change\n" in shown.stdout
    only_a_server = "only a server can tell, and the message is in a file"
    assert f"unknowable: asks: search: what SEARCH finds by 'UNSEEN': {only_a_server} (UID 3)" in shown.stdout
    assert "warning: mail in files, judged as if it lay in files/INBOX: " in shown.stdout
    (mailbox,) = document["mailboxes"]
    assert [(one["uid"], one["rules"]) for one in mailbox["messages"]] == [(1, ["bills"])]
    assert not program.state.exists()


def test_a_message_in_a_file_is_explained_by_its_place_or_its_message_id(program: Program, box: Path) -> None:
    by_place = program.run("explain", "--mbox", str(box), "2", "--rule", "bills")
    by_id = program.run("explain", "--mbox", str(box), "<2@a>", "--rule", "bills")
    every = json.loads(program.run("explain", "--mbox", str(box), "--json").stdout)

    assert by_place.stdout == by_id.stdout
    assert by_place.stdout.startswith("files/INBOX:2  Ann Example <ann@example.org>  Roses\n")
    assert 'would match if    its Subject were "Roses bill"\n' in by_place.stdout
    assert [one["uid"] for one in every["messages"]] == [1, 2]


def test_files_may_be_taken_for_any_mailbox_of_the_rules(served: Program) -> None:
    box = mbox(served.folder / "in.mbox", message(from_="boss@work.example"))

    there = served.run("dry-run", "--mbox", str(box), "--mailbox", "home/INBOX", "--rule", "boss")
    nowhere = served.run("explain", "--mbox", str(box), "--mailbox", "Nowhere")

    assert "home/INBOX  1 message judged, 1 to change\n" in there.stdout
    assert nowhere.exit_code == 2
    assert "no rule looks at the mailbox 'Nowhere'; the rules' mailboxes are: home/INBOX" in nowhere.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("dry-run", "--mbox", "{box}", "--save", "plan.json"), 2, "--save does not go with mail in files"),
        (("dry-run", "--mbox", "{box}", "--account", "home"), 2, "--account does not go with mail in files"),
        (("dry-run", "--eml", "{box}", "--mbox", "{rules}"), 2, "does not begin as an mbox does"),
        (("dry-run", "--mbox", "{box}", "--since", "soon"), 2, "write a date (2026-01-31), an instant"),
        (("dry-run", "--mbox", "{box}", "--since", "999999w"), 2, "is before all mail"),
        (("explain", "--mbox", "{box}", "3"), 6, "the files have no message '3'; they have 2, numbered from 1"),
        (("explain",), 2, "name a message: account/mailbox:UID or a Message-ID, or a file with --eml"),
        (("explain", "x@y", "--mailbox", "INBOX"), 2, "--mailbox goes with mail in files"),
    ],
)
def test_each_mistake_has_its_words(
    program: Program, box: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    written = [one.format(box=box, rules=program.config) for one in arguments]

    result = program.run(*written)

    assert result.exit_code == status, result.output
    assert words in " ".join(result.stderr.split())


def test_hostile_mail_in_files_is_shown_clean(program: Program) -> None:
    program.write(f"version: 1\n{HOSTILE_RULES}")
    box = mbox(program.folder / "all.mbox", *[content for make in MAILS.values() if len(content := make()) < 5_000])

    planned = program.run("dry-run", "--mbox", str(box), "--all")
    explained = program.run("explain", "--mbox", str(box))

    for result in (planned, explained):
        assert result.exit_code == 0, result.output[-500:]
        assert unclean(result.stdout) == []


def test_only_mail_since_then_is_judged(served: Program, mail: MailAccount) -> None:
    for day in (1, 2, 3):
        mail.add(
            "INBOX",
            message(from_="boss@work.example", subject=f"May {day}"),
            received=datetime(2026, 5, day, 9, tzinfo=UTC),
        )

    def uids(*options: str) -> list[int]:
        document = json.loads(served.run("dry-run", "--json", *options).stdout)
        return [one["uid"] for one in document["mailboxes"][0]["messages"]]

    assert uids("--since", "2026-05-02T00:00:00+00:00") == [7, 8]
    assert uids("--since", "2026-05-02T09:00:01+00:00") == [8]
    assert uids("--since", "2026-05-01T00:00:00+00:00", "--limit", "2") == [7, 8]
    assert uids("--since", "1s") == []
    assert uids() == [1, 2, 3, 4, 6, 7, 8]


def test_a_comparison_can_be_of_mail_since_then_too(served: Program, mail: MailAccount) -> None:
    mail.add("INBOX", message(from_="boss@work.example"), received=datetime(2026, 5, 1, tzinfo=UTC))
    file = served.folder / "new.yaml"
    file.write_text("version: 1\nrules: []\n", encoding="utf-8")

    result = served.run("diff", str(served.config), str(file), "--since", "2026-04-01", "--json")

    document = json.loads(result.stdout)
    assert [one["uid"] for one in document["mailboxes"][0]["messages"]] == [6]
    assert document["totals"]["judged"] == 1
