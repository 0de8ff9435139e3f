"""The verbs on mailbox policies: looked at, saved, applied, taken back, and the status when a part is left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.exit_status import ExitStatus

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

POLICIES = """
mailboxes:
  "home/Shared/*": {rights: {bob: lr}}
  home/Archive: {subscribed: true}
"""


@pytest.fixture
def shared(served: Program, mail: MailAccount) -> Program:
    mail.create("Shared/A")
    text = served.config.read_text("utf-8")
    served.config.write_text(text.partition("rules:")[0] + POLICIES, "utf-8")
    return served


def test_a_policy_is_seen_saved_applied_and_taken_back_by_its_key(shared: Program, mail: MailAccount) -> None:
    plan = shared.folder / "plan.json"

    seen = shared.run("dry-run", "--rule", "home/Shared/*", "--save", str(plan))
    assert "rights of bob on home/Shared/A: none becomes lr" in seen.stdout
    assert "subscribe" not in seen.stdout
    assert "bob" not in mail["Shared/A"].rights
    assert shared.run("apply", str(plan), "--yes").exit_code == ExitStatus.DONE
    assert mail["Shared/A"].rights["bob"] == "lr"
    assert shared.run("dry-run", "--mailbox", "home/Shared/A", "--detailed-exitcode").exit_code == ExitStatus.DONE

    assert shared.run("run", "--once").exit_code == ExitStatus.DONE
    assert mail.subscriptions == {"Archive"}
    taken_back = shared.run("undo", "--yes")
    assert taken_back.exit_code == ExitStatus.DONE
    assert mail.subscriptions == set()


def test_a_part_that_the_server_cannot_do_ends_in_status_7_and_is_named(
    shared: Program, server: ImapServer, mail: MailAccount
) -> None:
    server.capabilities = frozenset(server.capabilities - {"ACL"})
    sentence = "home/Shared/*: rights stay as they are: the server has no ACL (RFC 4314)"

    looked = shared.run("dry-run")
    document = json.loads(shared.run("dry-run", "--json").stdout)
    ran = shared.run("run", "--once", "--json")
    again = shared.run("run", "--once")

    assert [looked.exit_code, ran.exit_code, again.exit_code] == [ExitStatus.PARTLY_DONE] * 3
    assert f"left out: {sentence}" in " ".join(looked.stdout.split())
    assert document["left_out"] == json.loads(ran.stdout)["left_out"] == [sentence]
    assert mail.subscriptions == {"Archive"}


def test_a_contradiction_is_found_by_check(shared: Program) -> None:
    text = shared.config.read_text("utf-8")
    shared.config.write_text(text + "  home/Shared/A: {rights: {bob: l}}\n", "utf-8")

    found = shared.run("check")

    assert found.exit_code == ExitStatus.INVALID
    assert "this contradicts home/Shared/* at" in found.stdout
    assert shared.run("run", "--once").exit_code == ExitStatus.INVALID
