"""Tests of the verbs on a server: look, act, look back, take back, and every documented exit status."""

from __future__ import annotations

import json
import os
import re
import stat
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import message
from mailrules.testing.server_faults import AtCommand, Refuse

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

DRY_RUN = """\
home/INBOX  5 messages judged, 4 to change
  Received     From                       Subject   Steps                           Rule
  ───────────────────────────────────────────────────────────────────────────────────────
  2025-03-04   Bo <bo1@people.example>    Roses 1   → Lists/gardening (new)   lists
  2025-03-04   Bo <bo2@people.example>    Roses 2   → Lists/gardening (new)   lists
  2025-03-04   Bo <bo3@people.example>    Roses 3   → Lists/gardening (new)   lists
  2025-03-04   boss@work.example          Monday    +flagged                        boss

  Rule    Messages   Steps
  ────────────────────────────────
  lists          3   3 moves
  boss           1   1 flag change

4 messages: 1 flag change, 3 moves. Nothing has been changed.
"""

EXPLANATION = """\
home/INBOX:4  boss@work.example  Monday

lists  does not match
  - list_id: {regex: <(?P<list>[a-z0-9-]+)\\.}  false  <- fails here
  would match if    its List-Id were "<a."

boss  acts
  + from: boss@work.example  saw: boss@work.example  true
  ! the daemon only reports what it would do: the rule has not acted in this mailbox yet; release it with: mailrules \
approve boss

What a run would do:
  +flagged  boss: from matched boss@work.example
"""


def contents(mail: MailAccount) -> dict[str, list[tuple[bytes, frozenset[str]]]]:
    return {
        name: sorted((one.content, one.flags) for one in mailbox.messages.values())
        for name, mailbox in mail.mailboxes.items()
    }


def squeezed(text: str) -> str:
    """Runs of spaces and lines as one, since column widths are the terminal library's to choose."""
    return re.sub(r"─+", "─", re.sub(r" +", " ", text))


def test_a_dry_run_shows_each_message_and_changes_nothing(served: Program, mail: MailAccount) -> None:
    before = contents(mail)

    result = served.run("dry-run")

    assert (result.exit_code, result.stderr) == (0, "")
    assert squeezed(result.stdout) == squeezed(DRY_RUN)
    assert contents(mail) == before
    assert mail["INBOX"].recent


def test_a_dry_run_ends_with_10_when_asked_and_there_is_something_to_do(served: Program, mail: MailAccount) -> None:
    assert served.run("dry-run", "--detailed-exitcode").exit_code == 10

    for uid in list(mail["INBOX"].messages):
        mail["INBOX"].remove(uid)

    assert served.run("dry-run", "--detailed-exitcode").exit_code == 0


def test_a_dry_run_in_json_is_the_plan_document(served: Program) -> None:
    document = json.loads(served.run("dry-run", "--json", "--rule", "boss").stdout)

    assert document["version"] == 1
    assert document["totals"] == {"messages": 1, "by_rule": {"boss": 1}, "by_kind": {"add_flags": 1}}


def test_a_long_list_of_messages_is_cut_and_says_so(served: Program, mail: MailAccount) -> None:
    for number in range(25):
        mail.add("INBOX", message(from_="boss@work.example", subject=f"Task {number}"))

    cut, whole = served.run("dry-run").stdout, served.run("dry-run", "--all").stdout

    assert "… and 9 more messages (--all)" in cut
    assert "Task 24" not in cut
    assert "Task 24" in whole


def test_hostile_words_of_mail_do_not_reach_the_terminal(served: Program, mail: MailAccount) -> None:
    mail.add("INBOX", message(from_="boss@work.example", subject="=?utf-8?q?=1B]0;x=07=E2=80=AEevil=C2=9B?="))

    output = served.run("dry-run").stdout

    assert "evil" in output
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(output)


def test_names_that_the_rules_do_not_have_are_usage_errors_that_list_the_known_ones(served: Program) -> None:
    for option, known in (("--rule", "lists, boss"), ("--mailbox", "home/INBOX"), ("--account", "home")):
        result = served.run("dry-run", option, "nosuch")

        assert result.exit_code == 2
        assert known in result.stderr


def test_a_saved_plan_is_private_applied_once_and_then_stale(served: Program, mail: MailAccount) -> None:
    plan = served.folder / "plan.json"

    assert served.run("dry-run", "--save", str(plan)).exit_code == 0
    applied = served.run("apply", str(plan))
    again = served.run("apply", str(plan))

    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert applied.exit_code == 0
    assert applied.stdout.startswith("done: 1 flag change, 3 moves (run ")
    assert len(mail["Lists/gardening"].messages) == 3
    assert again.exit_code == 7
    assert "it is no longer there" in again.stdout


def test_an_edited_plan_is_refused(served: Program, mail: MailAccount) -> None:
    plan = served.folder / "plan.json"
    served.run("dry-run", "--save", str(plan))
    plan.write_text(plan.read_text("utf-8").replace("Lists/gardening", "Trash"), "utf-8")

    result = served.run("apply", str(plan))

    assert result.exit_code == 6
    assert "was edited since" in result.stderr
    assert not mail["Trash"].messages


def test_run_once_acts_a_second_run_finds_nothing_and_undo_restores_the_start(
    served: Program, mail: MailAccount
) -> None:
    before = contents(mail)

    first, second, undone = served.run("run", "--once"), served.run("run", "--once"), served.run("undo")

    assert first.exit_code == second.exit_code == undone.exit_code == 0
    assert "3 moves" in first.stdout
    assert second.stdout == "Nothing to do.\n"
    assert contents(mail) == before


def test_undo_can_take_back_one_rule_only(served: Program, mail: MailAccount) -> None:
    served.run("run", "--once")

    served.run("undo", "--rule", "boss")

    assert len(mail["Lists/gardening"].messages) == 3
    assert not any("\\Flagged" in one.flags for one in mail["INBOX"].messages.values())


@pytest.mark.parametrize("part", [("--rule", "bos"), ("--message", "<monday@work.exampel>")])
def test_undo_of_a_part_that_was_never_done_is_no_success(
    served: Program, mail: MailAccount, part: tuple[str, str]
) -> None:
    served.run("run", "--once")
    (run,) = json.loads(served.run("history", "--json").stdout)["runs"]
    before = contents(mail)

    newest = served.run("undo", *part)
    named = served.run("undo", run["id"], *part)

    assert (newest.exit_code, named.exit_code) == (2, 2)
    noun = part[0].removeprefix("--")
    assert f"there is nothing of the {noun} '{part[1]}' to take back" in newest.stderr
    assert f"run {run['id']} did nothing of the {noun} '{part[1]}'" in named.stderr
    assert contents(mail) == before


def test_undo_of_a_rule_takes_the_newest_run_in_which_it_did_something(served: Program, mail: MailAccount) -> None:
    served.run("run", "--once")
    mail.add("INBOX", message(list_id="<new.lists.example>", message_id="<new@example.org>"))
    served.run("run", "--once")

    undone = served.run("undo", "--rule", "boss")

    assert undone.exit_code == 0
    assert not any("\\Flagged" in stored.flags for stored in mail["INBOX"].messages.values())
    assert len(mail["Lists/new"].messages) == 1


def test_undo_goes_on_with_the_rest_of_a_run_before_it_takes_an_older_one(served: Program, mail: MailAccount) -> None:
    before = contents(mail)
    served.run("run", "--once", "--rule", "boss")
    between = contents(mail)
    served.run("run", "--once")

    served.run("undo", "--rule", "nosuch")
    served.run("undo", "--message", "<rose-1@people.example>")
    served.run("undo")
    restored = contents(mail)
    served.run("undo")

    assert restored == between
    assert contents(mail) == before
    assert served.run("undo").exit_code == 2


def test_undo_passes_over_a_run_that_did_nothing(served: Program, server: ImapServer, mail: MailAccount) -> None:
    before = contents(mail)
    served.run("run", "--once")
    mail.add("INBOX", message(from_="boss@work.example", subject="Tuesday", message_id="<tuesday@work.example>"))
    server.faults.append(AtCommand(command="UID STORE", reaction=Refuse(code="NOPERM"), nth=2))
    assert served.run("run", "--once").exit_code == 7

    undone = served.run("undo")

    assert undone.exit_code == 0
    assert {name: messages for name, messages in contents(mail).items() if name != "INBOX"} == {
        name: messages for name, messages in before.items() if name != "INBOX"
    }


def test_each_run_ends_in_one_line_of_log_with_its_totals(served: Program) -> None:
    lines = [json.loads(line) for line in served.run("run", "--once").stderr.splitlines()]

    (finished,) = [line for line in lines if line["event"] == "run.finished"]
    assert finished["applied"] == {"add_flags": 1, "move": 3}
    assert finished["outcome"] == "done"


def test_the_outcome_of_a_run_is_also_one_json_document(served: Program) -> None:
    document = json.loads(served.run("run", "--once", "--json").stdout)

    assert document["version"] == 1
    assert document["applied"] == {"add_flags": 1, "move": 3}
    assert document["not_applied"] == []


def test_a_large_plan_waits_for_a_yes(served: Program, mail: MailAccount) -> None:
    for number in range(60):
        mail.add("INBOX", message(from_="boss@work.example", subject=f"Task {number}"))

    refused = served.run("run", "--once")
    confirmed = served.run("run", "--once", "--yes")

    assert refused.exit_code == 6
    assert "it changes 64 of 65 messages in home/INBOX" in refused.stderr
    assert "61 flag changes" in confirmed.stdout


def test_an_example_that_fails_stops_every_acting_verb(served: Program, mail: MailAccount) -> None:
    before = contents(mail)
    with served.config.open("a", encoding="utf-8") as file:
        file.write("tests:\n  - {name: wrong, given: {from: x@y.example}, expect: {matched: [boss]}}\n")

    result, tested = served.run("run", "--once"), served.run("test")

    assert result.exit_code == 3
    assert "mailrules.yaml:15:12: error: the example 'wrong' fails" in result.stderr
    assert tested.exit_code == 1
    assert "1 of 1 example failed." in tested.stdout
    assert contents(mail) == before


def test_explain_tells_what_each_rule_saw(served: Program) -> None:
    by_uid, by_id = served.run("explain", "home/INBOX:4"), served.run("explain", "<monday@work.example>")

    assert by_uid.stdout == EXPLANATION
    assert by_id.stdout == by_uid.stdout


def test_explain_tells_why_a_condition_is_unknowable(served: Program, mail: MailAccount) -> None:
    served.config.write_text(served.config.read_text().replace("from: boss@work.example", "sent: {newer_than: 30d}"))
    mail.add("INBOX", message(date="not a date"))

    text, document = (
        served.run("explain", "home/INBOX:6").stdout,
        served.run("explain", "home/INBOX:6", "--json").stdout,
    )

    assert "unknowable, the Date field is no date: 'not a date'" in text
    condition = json.loads(document)["messages"][0]["rules"][1]["condition"]
    assert (condition["truth"], condition["reason"]) == ("unknowable", "the Date field is no date: 'not a date'")


def test_explain_finds_a_message_although_one_of_the_mailboxes_does_not_exist(served: Program) -> None:
    served.config.write_text(served.config.read_text().replace("[home/INBOX]", "[home/Missing, home/INBOX]"))

    result = served.run("explain", "<monday@work.example>")

    assert result.exit_code == 0
    assert result.stdout == EXPLANATION
    assert json.loads(result.stderr)["mailbox"] == "Missing"


def test_explain_says_which_mailboxes_there_are(served: Program) -> None:
    result = served.run("explain", "nonsense")

    assert result.exit_code == 2
    assert "home/INBOX" in result.stderr


def test_history_lists_runs_and_the_steps_of_one(served: Program) -> None:
    assert served.run("history").stdout == "Nothing has been done yet.\n"
    served.run("run", "--once")

    runs = json.loads(served.run("history", "--json").stdout)["runs"]
    steps = json.loads(served.run("history", runs[0]["id"], "--json").stdout)["steps"]
    of_message = json.loads(served.run("history", "--message", "<monday@work.example>", "--json").stdout)["steps"]

    assert [run["kind"] for run in runs] == ["once"]
    assert {step["state"] for step in steps} == {"applied"}
    assert [step["flags"] for step in of_message] == [["\\Flagged"]]
    assert "Lists/gardening" in served.run("history", runs[0]["id"][:6]).stdout


def test_an_unreachable_server_ends_with_5(served: Program, server: ImapServer) -> None:
    served.config.write_text(served.config.read_text().replace(str(server.port), "1"))

    result = served.run("dry-run")

    assert result.exit_code == 5
    assert result.stderr.startswith("mailrules: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_wrong_password_ends_with_4_and_is_not_shown(served: Program) -> None:
    (served.folder / "password").write_text("tr0ub4dor")

    result = served.run("dry-run", "-vv")

    assert result.exit_code == 4
    assert "tr0ub4dor" not in result.output


def test_ten_mistakes_are_all_reported_with_their_places(program: Program) -> None:
    program.write("version: 1\n" + "".join(f"mistake{number}: x\n" for number in range(10)))

    checked, run = program.run("check"), program.run("run", "--once")

    assert checked.exit_code == run.exit_code == 3
    for number in range(10):
        place = f"{program.config}:{number + 2}:1: error: "
        assert place in checked.stdout
        assert place in run.stderr


@pytest.mark.parametrize("name", ["mailrules.yaml", "more.yaml", "vip.txt", "."])
def test_what_others_could_write_or_replace_is_refused_before_a_rule_is_read(served: Program, name: str) -> None:
    text = served.config.read_text().replace("rules:", "include: [more.yaml]\nlists: {vip: {file: vip.txt}}\nrules:", 1)
    served.config.write_text(text)
    (served.folder / "more.yaml").write_text("version: 1\nrules: []\n")
    (served.folder / "vip.txt").write_text("ann@example.org\n")
    assert served.run("check").exit_code == 0, served.run("check").output
    (served.folder / name).chmod(0o777)

    result = served.run("check")

    assert result.exit_code == 3
    assert "everybody may write to" in result.stdout
    assert "chmod o-w" in result.stdout


@pytest.mark.parametrize("name", [".", "journal.sqlite3", "lock"])
def test_state_that_others_could_write_is_refused(served: Program, name: str) -> None:
    assert served.run("run", "--once").exit_code == 0
    (served.state / name).chmod(0o777)

    result = served.run("run", "--once")

    assert result.exit_code == 1
    assert "cannot be trusted" in result.stderr
    assert "chmod" in result.stderr


def test_a_state_directory_that_cannot_be_written_is_an_error_with_a_cure(served: Program) -> None:
    served.state.write_text("a file where the folder should be")

    result = served.run("run", "--once")

    assert result.exit_code == 1
    assert "--state-dir" in result.stderr


def test_options_of_once_are_refused_for_the_daemon(served: Program) -> None:
    result = served.run("run", "--yes")

    assert (result.exit_code, "--yes goes with --once" in result.stderr) == (2, True)


def test_approve_knows_the_rules(served: Program) -> None:
    assert served.run("approve", "nosuch").exit_code == 2
    assert "rule boss" in served.run("approve", "boss").stdout
    assert "every rule" in served.run("approve", "--all").stdout


def test_the_plan_is_not_saved_where_it_cannot_be(served: Program) -> None:
    result = served.run("dry-run", "--save", os.devnull + "/plan.json")

    assert result.exit_code == 2
    assert "cannot save the plan" in result.stderr


def test_a_plan_is_saved_over_an_older_one_and_over_nothing_else(served: Program, tmp_path: Path) -> None:
    plan, notes, empty = tmp_path / "plan.json", tmp_path / "notes.yaml", tmp_path / "empty"
    notes.write_text("version: 1\n")
    empty.touch()

    for path in (plan, plan, empty):
        assert served.run("dry-run", "--save", str(path)).exit_code == 0
    for path in (str(notes), os.devnull):
        refused = served.run("dry-run", "--save", path)
        assert (refused.exit_code, f"{path} exists and is no saved plan; name another file" in refused.stderr) == (
            2,
            True,
        )

    assert notes.read_text() == "version: 1\n"
