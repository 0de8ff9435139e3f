"""A server that wants to steer the terminal of whoever looks at what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.testing.server_faults import AtCommand, Refuse
from tests.hostile_mail.corpus import ESCAPES, INVISIBLE
from tests.hostile_mail.screens import unclean

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


@pytest.mark.parametrize("command", ["LOGIN", "LIST", "EXAMINE", "SELECT", "UID FETCH", "UID MOVE", "CREATE"])
def test_names_of_mailboxes_and_refusals_are_shown_clean(
    served: Program, server: ImapServer, mail: MailAccount, command: str
) -> None:
    mail.create("Evil " + INVISIBLE)
    server.faults.append(AtCommand(command=command, reaction=Refuse(text="No " + ESCAPES.replace("\r", ""))))

    results = [
        served.run(*words) for words in (("dry-run", "-vvv"), ("run", "--once", "-vvv"), ("explain", "home/INBOX:1"))
    ]

    for result in results:
        assert unclean(result.stdout) == []
        assert unclean(result.stderr) == []
        assert "internal error" not in result.stderr
