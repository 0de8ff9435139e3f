"""A mailbox of all hostile mails goes through the whole program: looked at, explained, acted on, taken back, clean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.hostile_mail.screens import unclean

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.conftest import Program

EXPLAINED = 11
"""Each eleventh mail, for the time it takes."""


def clean(result: Result, *, status: set[int]) -> str:
    """What was printed, after seeing that nothing broke and nothing dirty is in it."""
    assert result.exit_code in status, result.output
    assert "internal error" not in result.stderr
    assert unclean(result.stdout) == []
    assert unclean(result.stderr) == []
    return result.stdout


def test_every_mail_is_looked_at_explained_acted_on_and_taken_back(besieged: Program) -> None:
    plan = besieged.folder / "plan.json"

    seen = clean(besieged.run("dry-run", "--all", "-vvv", "--save", str(plan)), status={0})
    (mailbox,) = json.loads(plan.read_text(encoding="utf-8"))["mailboxes"]
    for uid in range(1, mailbox["judged"] + 1, EXPLAINED):
        clean(besieged.run("explain", f"home/INBOX:{uid}"), status={0})
    # A real server refuses some of the names for mailboxes that the mails ask for; those mails stay where they are.
    applied = clean(besieged.run("apply", str(plan), "--yes", "-vvv"), status={0, 7})
    run = json.loads(besieged.run("history", "--json").stdout)["runs"][0]["id"]
    clean(besieged.run("history", run, "--all"), status={0})
    undone = clean(besieged.run("undo", run, "--yes"), status={0})

    assert f"{mailbox['judged']} messages judged" in seen
    assert "moves (run" in applied
    assert "moves" in undone


def test_every_mail_that_two_rule_files_treat_differently_is_shown_clean(besieged: Program) -> None:
    file = besieged.folder / "new.yaml"
    file.write_text("version: 1\nrules: [{name: all, if: always, do: [{flag: seen}]}]\n", encoding="utf-8")

    shown = clean(besieged.run("diff", str(besieged.config), str(file), "--all"), status={0})

    assert " treated differently" in shown
