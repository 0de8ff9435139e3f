"""Rules never run again over old mail because a mailbox has a new UIDVALIDITY."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.testing.builders import message
from mailrules.testing.capabilities import without

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program


def test_only_new_mail_is_judged_after_it(served: Program, mail: MailAccount) -> None:
    served.run("run", "--once", "--new", "--yes")
    for uid in mail["INBOX"].messages:
        mail["INBOX"].set_flags(uid, frozenset())
    mail.change_uidvalidity("INBOX")

    assert "Nothing to do" in served.run("run", "--once", "--new", "--yes").stdout
    arrived = mail.add("INBOX", message(from_="boss@work.example", message_id="<tuesday@work.example>"))
    served.run("run", "--once", "--new", "--yes")

    flagged = [uid for uid, one in mail["INBOX"].messages.items() if "\\Flagged" in one.flags]
    assert flagged == [arrived.uid]


def test_a_plan_says_beforehand_that_messages_are_only_marked(served: Program, server: ImapServer) -> None:
    server.capabilities = without("MOVE", "UIDPLUS")

    told = served.run("dry-run")

    assert "no UIDPLUS (RFC 4315)" in told.output


def test_a_plan_says_nothing_of_it_where_nothing_is_marked(served: Program, server: ImapServer) -> None:
    server.capabilities = without("UIDPLUS")

    assert "UIDPLUS" not in served.run("dry-run").output


HELD = "rules: [{name: offers, if: {subject: {contains: offer}}, do: [{move: Later}]}]\n"
"""There is no mailbox for them, so they wait."""


def test_what_waits_is_found_again(served: Program, mail: MailAccount) -> None:
    served.config.write_text(served.config.read_text("utf-8").partition("rules:")[0] + HELD, "utf-8")
    for number in range(3):
        mail.add("INBOX", message(subject="offer", message_id=f"<{number}@example.org>"))
    served.run("run", "--once", "--new", "--yes")
    mail.change_uidvalidity("INBOX")
    mail.create("Later")

    assert "3 moves" in served.run("dry-run", "--new").output
    served.run("run", "--once", "--new", "--yes")

    assert len(mail["Later"].messages) == 3
