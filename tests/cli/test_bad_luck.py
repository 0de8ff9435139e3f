"""Tests of what a person sees, and what becomes of the mail, when a server, a disk or a signal cuts a run short."""

from __future__ import annotations

import json
import os
import resource
import signal
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import trustme

from mailrules.testing.imap_server import ImapServer
from mailrules.testing.server_faults import AtCommand, Bye, Drop, DropBeforeTagged, DropHalfway, Refuse, Silence
from mailrules.testing.threaded_server import serve_in_thread
from tests.jobs.process import Process

if TYPE_CHECKING:
    from mailrules.testing.mail_state import MailAccount
    from mailrules.testing.server_faults import Reaction
    from tests.cli.conftest import Program, WatchedServer

SMALLEST_FILE_BYTES = 4096


def messages_anywhere(mail: MailAccount) -> list[bytes]:
    """Every message of the account, wherever it is."""
    return sorted(stored.content for mailbox in mail.mailboxes.values() for stored in mailbox.messages.values())


@pytest.mark.parametrize("reaction", [Drop(), DropBeforeTagged(), DropHalfway(), Bye()])
def test_a_server_that_dies_in_the_middle_loses_nothing_and_the_next_run_settles_it(
    served: Program, server: ImapServer, mail: MailAccount, reaction: Reaction
) -> None:
    before = messages_anywhere(mail)
    server.faults.append(AtCommand(command="UID MOVE", reaction=reaction))

    cut = served.run("run", "--once")
    server.faults.clear()
    settled = served.run("run", "--once")

    assert cut.exit_code in {5, 7}
    assert "internal error" not in cut.stderr
    assert settled.exit_code == 0, settled.output
    assert messages_anywhere(mail) == before
    assert len(mail["Lists/gardening"].messages) == 3


def test_a_refused_move_is_named_and_the_rest_is_done(served: Program, server: ImapServer, mail: MailAccount) -> None:
    server.faults.append(AtCommand(command="UID MOVE", reaction=Refuse(code="OVERQUOTA", text="Quota is full")))

    result = served.run("run", "--once")

    assert result.exit_code == 7
    assert "OVERQUOTA" in result.stdout
    assert any("\\Flagged" in stored.flags for stored in mail["INBOX"].messages.values())


def test_sigterm_during_a_run_ends_it_with_130_and_leaves_it_in_the_history(
    served: Program, server: WatchedServer, mail: MailAccount
) -> None:
    before = messages_anywhere(mail)
    server.faults.append(AtCommand(command="UID MOVE", reaction=Silence()))

    process = Process("-c", str(served.config), "--state-dir", str(served.state), "run", "--once", "-vv")
    server.wait_for("UID MOVE")
    process.send_signal(signal.SIGTERM)
    process.communicate()

    (run,) = json.loads(served.run("history", "--json").stdout)["runs"]
    assert process.returncode == 130
    assert run["outcome"] == "interrupted"
    assert messages_anywhere(mail) == before


def test_a_message_that_lost_two_flags_is_named_once(served: Program, server: ImapServer, mail: MailAccount) -> None:
    served.config.write_text(served.config.read_text() + "  - {name: two, if: {flag: seen}, do: [{keyword: Two}]}\n")
    mail["INBOX"].set_flags(4, frozenset({"\\Seen"}))
    server.faults.append(AtCommand(command="UID STORE", reaction=DropBeforeTagged()))

    result = served.run("run", "--once")

    assert result.exit_code == 7
    assert "unknown: 2 flag changes in home/INBOX UID 4:" in result.stdout
    assert "Run it again: it first settles what is unknown" in result.stdout


def test_mailboxes_that_were_made_before_the_connection_was_lost_are_told(
    served: Program, server: ImapServer, mail: MailAccount
) -> None:
    server.faults.append(AtCommand(command="UID MOVE", reaction=Drop()))
    server.faults.append(AtCommand(command="UID STORE", reaction=Drop()))

    result = served.run("run", "--once")

    assert result.exit_code == 7
    assert "done: 1 new mailbox (run " in result.stdout
    assert "Lists/gardening" in mail
    assert "Run it again: it first settles what is unknown, then judges anew what is there." in result.stdout


def test_a_mailbox_that_may_have_been_made_is_told(served: Program, server: ImapServer) -> None:
    server.faults.append(AtCommand(command="CREATE", reaction=DropBeforeTagged()))

    result = served.run("run", "--once", "--json")

    outcome = json.loads(result.stdout)
    assert result.exit_code == 7
    assert outcome["made_mailboxes"] == 0
    created = [one for one in outcome["not_applied"] if one["kind"] == "create"]
    assert [(one["mailbox"], one["state"]) for one in created] == [("Lists/gardening", "unknown")]


def test_a_certificate_that_does_not_verify_ends_with_5_before_the_password_is_sent(
    served: Program, mail: MailAccount
) -> None:
    stranger = trustme.CA().issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    stranger.configure_cert(context)

    with serve_in_thread(ImapServer(mail, tls=context, implicit_tls=True)) as server:
        text = served.config.read_text().replace("security: none", "security: tls")
        served.config.write_text(text.replace(text.split("port: ")[1].split(",")[0], str(server.port)))
        result = served.run("dry-run")

        assert server.commands_seen == []
    assert result.exit_code == 5
    assert "certificate" in result.stderr


def test_a_full_disk_under_the_journal_stops_the_run_before_anything_is_sent(
    served: Program, mail: MailAccount
) -> None:
    before = {name: list(mailbox.messages) for name, mailbox in mail.mailboxes.items()}
    assert served.run("history").exit_code == 0
    command = [sys.executable, "-m", "mailrules", "-c", str(served.config), "--state-dir", str(served.state)]

    result = subprocess.run(
        [*command, "run", "--once"],
        capture_output=True,
        text=True,
        check=False,
        # Python does not look whether its byte code was written whole, and would leave others half a module.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALLEST_FILE_BYTES,) * 2),
    )

    assert result.returncode == 1
    assert "journal" in result.stderr
    assert "internal error" not in result.stderr
    assert {name: list(mailbox.messages) for name, mailbox in mail.mailboxes.items()} == before
