"""What the verbs say of a rule in shadow, and that none of them does what it would do."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.session import local_now
from mailrules.journal.timestamps import to_text

if TYPE_CHECKING:
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


@pytest.fixture
def shadowed(served: Program) -> Program:
    """The rule `lists` has a shadow; `boss` has none."""
    served.config.write_text(
        served.config.read_text().replace("name: lists\n", "name: lists\n    shadow: 7d\n"), "utf-8"
    )
    return served


def in_boxes(mail: MailAccount) -> dict[str, int]:
    return {name: len(mail[name].messages) for name in mail.mailboxes if mail[name].messages}


def seen_days_ago(program: Program, days: int) -> None:
    """As if the rules had been first seen so long ago."""
    with closing(sqlite3.connect(program.state / "journal.sqlite3")) as connection, connection:
        connection.execute("UPDATE rule_sights SET seen = ?", (to_text(local_now() - timedelta(days=days)),))


def test_a_dry_run_tells_what_it_would_do_and_notes_nothing(shadowed: Program) -> None:
    result = shadowed.run("dry-run")

    assert result.exit_code == 0, result.output
    assert "lists  until " in result.stdout
    assert "would touch 3 messages: 3 moves" in result.stdout
    assert "1 message: 1 flag change. Nothing has been changed." in result.stdout
    assert result.stdout.count("→ Lists/gardening (new)") == 3
    assert not (shadowed.state / "journal.sqlite3").exists()


def test_the_plan_document_has_it_apart(shadowed: Program) -> None:
    document = json.loads(shadowed.run("dry-run", "--json").stdout)

    (mailbox,) = document["mailboxes"]
    assert [(one["uid"], one["rule"], one["steps"][0]["to"]) for one in mailbox["shadow"]] == [
        (uid, "lists", "Lists/gardening") for uid in (1, 2, 3)
    ]
    assert document["totals"]["by_rule"] == {"boss": 1}
    assert [one["rule"] for one in document["shadow_rules"]] == ["lists"]


def test_a_run_reports_it_and_acts_by_the_others(shadowed: Program, mail: MailAccount) -> None:
    result = shadowed.run("run", "--once", "--yes")

    assert result.exit_code == 0, result.output
    assert "done: 1 flag change" in result.stdout
    assert "would touch 3 messages: 3 moves" in result.stdout
    assert in_boxes(mail) == {"INBOX": 5}


def test_the_outcome_document_counts_it(shadowed: Program) -> None:
    (told,) = json.loads(shadowed.run("run", "--once", "--yes", "--json").stdout)["shadow"]

    assert (told["rule"], told["messages"], told["by_kind"]) == ("lists", 3, {"move": 3})


def test_when_its_time_is_over_it_acts(shadowed: Program, mail: MailAccount) -> None:
    shadowed.run("run", "--once", "--yes")
    seen_days_ago(shadowed, 7)

    result = shadowed.run("run", "--once", "--yes")

    assert "In shadow" not in result.stdout
    assert in_boxes(mail) == {"INBOX": 2, "Lists/gardening": 3}


def test_looking_and_declining_begin_no_time_but_a_run_does(shadowed: Program) -> None:
    for verb in (["dry-run"], ["explain", "home/INBOX:1"], ["test"], ["check"], ["status"]):
        shadowed.run(*verb)
    assert not (shadowed.state / "journal.sqlite3").exists()

    shadowed.run("dry-run", "--save", str(shadowed.folder / "plan.json"))
    with closing(sqlite3.connect(shadowed.state / "journal.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM rule_sights").fetchone() == (0,)

    shadowed.run("run", "--once", "--yes")
    with closing(sqlite3.connect(shadowed.state / "journal.sqlite3")) as connection:
        assert connection.execute("SELECT rule FROM rule_sights").fetchall() == [("lists",)]


def test_a_saved_plan_does_nothing_of_it(shadowed: Program, mail: MailAccount) -> None:
    plan = shadowed.folder / "plan.json"
    shadowed.run("dry-run", "--save", str(plan))
    shadowed.run("run", "--once", "--yes", "--rule", "lists")
    seen_days_ago(shadowed, 7)

    result = shadowed.run("apply", str(plan), "--yes")

    assert result.exit_code == 0, result.output
    assert in_boxes(mail) == {"INBOX": 5}


def test_explain_says_that_it_only_reports(shadowed: Program) -> None:
    told = shadowed.run("explain", "home/INBOX:1").stdout

    assert "lists  in shadow" in told
    assert "! it only reports until " in told
    assert "A run would do nothing with this message." in told


def test_explain_lists_what_it_would_do_apart(shadowed: Program) -> None:
    (message,) = json.loads(shadowed.run("explain", "home/INBOX:1", "--json").stdout)["messages"]

    assert message["steps"] == []
    assert [(one["rule"], [step["to"] for step in one["steps"]]) for one in message["shadow"]] == [
        ("lists", ["Lists/gardening"])
    ]


def test_status_tells_how_long_and_what_so_far(shadowed: Program) -> None:
    assert "In shadow" not in shadowed.run("status").stdout
    shadowed.run("run", "--once", "--yes")
    shadowed.run("run", "--once", "--yes")

    told = shadowed.run("status")
    (document,) = json.loads(shadowed.run("status", "--json").stdout)["shadow"]

    assert "would have touched 3 messages: 3 moves so far" in told.stdout
    assert document["rule"] == "lists"
    assert document["until"] is not None
    assert [(one["mailbox"], one["messages"], one["by_kind"]) for one in document["mailboxes"]] == [
        ("INBOX", 3, {"move": 3})
    ]

    seen_days_ago(shadowed, 8)
    assert "In shadow" not in shadowed.run("status").stdout


def test_status_of_a_broken_configuration_says_that_nobody_can_say(shadowed: Program) -> None:
    shadowed.run("run", "--once", "--yes")
    shadowed.config.write_text("version: 1\nrules: [", "utf-8")

    told = shadowed.run("status")

    assert told.exit_code == 0
    assert "the configuration does not load" in told.stdout


def test_history_tells_what_it_would_have_done_so_far(shadowed: Program) -> None:
    assert "No rule in shadow would have done anything yet." in shadowed.run("history", "--shadow").stdout
    shadowed.run("run", "--once", "--yes")

    told = shadowed.run("history", "--shadow")
    (tally,) = json.loads(shadowed.run("history", "--shadow", "--json").stdout)["shadow"]
    of_one = shadowed.run("history", "--message", "<rose-2@people.example>")
    (note,) = json.loads(shadowed.run("history", "--message", "<rose-2@people.example>", "--json").stdout)["shadow"]

    assert "3 moves" in told.stdout
    assert (tally["rule"], tally["mailbox"], tally["messages"], tally["is_cut"]) == ("lists", "INBOX", 3, False)
    assert "home/INBOX UID 2: in shadow, lists would have done: move to Lists/gardening" in of_one.stdout
    assert (note["uid"], note["steps"][0]["to"]) == (2, "Lists/gardening")
    assert shadowed.run("history", "--shadow", "--message", "x").exit_code == 2


def test_check_says_that_matched_by_holds_all_the_same(shadowed: Program) -> None:
    with shadowed.config.open("a", encoding="utf-8") as file:
        file.write("  - {name: reader, if: {matched_by: lists}, do: [{flag: seen}]}\n")

    told = shadowed.run("check")

    assert told.exit_code == 0
    assert 'notice: the rule "lists" only reports at first, and matched_by holds all the same' in told.stdout


def test_a_rule_in_shadow_is_not_known_by_a_yes_to_others(shadowed: Program) -> None:
    shadowed.run("run", "--once", "--yes")
    told = shadowed.run("approve", "lists")
    shadowed.run("approve", "--all")

    assert "lists only reports until" in told.stdout
    with closing(sqlite3.connect(shadowed.state / "journal.sqlite3")) as connection:
        assert connection.execute("SELECT rule FROM rule_runs").fetchall() == [("boss",)]


def test_its_examples_hold_as_if_it_acted(shadowed: Program) -> None:
    with shadowed.config.open("a", encoding="utf-8") as file:
        file.write(
            "tests: [{name: a list, given: {list_id: <roses.example>}, "
            "expect: {matched: [lists], mailbox: home/Lists/roses}}]\n"
        )

    assert shadowed.run("test").exit_code == 0


def test_a_difference_is_told_without_it(shadowed: Program) -> None:
    before = shadowed.folder / "before.yaml"
    before.write_text(shadowed.config.read_text().split("  - name: lists")[0] + "  []\n", "utf-8")

    told = shadowed.run("diff", str(before), str(shadowed.config))

    assert told.exit_code == 0, told.output
    assert "rule 'lists' only reports until" in told.stdout
    assert "Lists/gardening" not in told.stdout


def test_it_cannot_be_exported_to_a_script_that_would_act(shadowed: Program) -> None:
    told = shadowed.run("export", "sieve")

    assert "it may only report for now" in told.stdout + told.stderr


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("0d", "this duration is zero"),
        ("400d", "write at most 366d, or enabled: false"),
        ("a while", '"a while" is not a duration'),
        ("true", "expected text such as 30d"),
        ("", "expected text such as 30d"),
        ("[7d]", "expected text such as 30d"),
    ],
)
def test_check_finds_a_time_that_cannot_be_meant(served: Program, written: str, said: str) -> None:
    text = served.config.read_text().replace("name: lists\n", f"name: lists\n    shadow: {written}\n")
    served.config.write_text(text, "utf-8")

    result = served.run("check")

    assert result.exit_code == 3
    assert said in result.stdout


def test_a_mailbox_that_only_it_looks_at_may_be_missing(shadowed: Program, mail: MailAccount) -> None:
    text = shadowed.config.read_text().replace("    shadow: 7d\n", "    shadow: 7d\n    in: [home/Missing]\n")
    shadowed.config.write_text(text, "utf-8")

    result = shadowed.run("run", "--once", "--yes", "--json")
    told = json.loads(result.stdout)

    assert (result.exit_code, told["outcome"]) == (0, "done")
    assert "what rules in shadow would do there is not known" in told["warnings"][0]
    assert in_boxes(mail) == {"INBOX": 5}


def test_a_disabled_rule_keeps_its_time(shadowed: Program, mail: MailAccount) -> None:
    shadowed.run("run", "--once", "--yes")
    shadowed.run("rules", "disable", "lists")
    shadowed.run("run", "--once", "--yes")
    seen_days_ago(shadowed, 7)

    shadowed.run("rules", "enable", "lists")
    shadowed.run("run", "--once", "--yes")

    assert in_boxes(mail) == {"INBOX": 2, "Lists/gardening": 3}
