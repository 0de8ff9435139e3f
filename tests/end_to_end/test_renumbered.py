"""A server numbers a mailbox's messages anew: what waited for a yes waits on, and nothing else is judged again."""

from __future__ import annotations

import imaplib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from mailrules.cli.main import main
from mailrules.testing.builders import SampleMessage, message
from tests.servers.mailbox_state import read_mailboxes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.dovecot import DovecotAccount

RULES = """\
rules:
  - {name: offers, if: {subject: {contains: offer}}, do: [{move: Later}]}
  - {name: plain, if: {subject: plain}, do: [{flag: flagged}]}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The program on an account of Dovecot, whose INBOX can be numbered anew."""

    account: DovecotAccount
    folder: Path

    def run(self, *arguments: str) -> str:
        """What it prints; it must end well."""
        account = self.account
        config = self.folder / "mailrules.yaml"
        config.write_text(
            "version: 1\naccounts:\n"
            f"  home: {{host: {account.host}, port: {account.port}, user: {account.user}, security: none,"
            f" secret: {{file: {account.server.password_file}}}}}\ndefaults: {{in: [home/INBOX]}}\n{RULES}",
            encoding="utf-8",
        )
        ended = CliRunner().invoke(
            main, ["-c", str(config), "--state-dir", str(self.folder / "state"), "--color", "never", *arguments]
        )
        assert ended.exit_code == 0, ended.output
        return ended.output

    @contextmanager
    def client(self) -> Iterator[imaplib.IMAP4]:
        """Another client, with the INBOX open."""
        with imaplib.IMAP4(self.account.host, self.account.port) as client:
            client.login(self.account.user, self.account.password)
            client.select("INBOX")
            yield client

    def number_anew(self) -> None:
        """Lose the index, as with a backup that is played back: all UIDs are given anew, without gaps."""
        for one in self.account.server.maildir(self.account.user).glob("dovecot*"):
            if one.name != "dovecot-keywords":
                one.unlink()

    def messages(self) -> dict[str, set[str]]:
        """By mailbox, the Message-IDs, and after them ``flagged``."""
        mailboxes = read_mailboxes(
            host=self.account.host, port=self.account.port, user=self.account.user, password=self.account.password
        )
        return {
            name: {
                one.message_id.partition(":")[2] + (" flagged" if "\\flagged" in one.flags else "") for one in messages
            }
            for name, messages in mailboxes.items()
            if messages
        }


@pytest.fixture
def place(dovecot: DovecotAccount, tmp_path: Path) -> Place:
    subjects = ["first", "plain", "offer", "offer", "offer"]
    dovecot.fill(
        "INBOX",
        [
            SampleMessage(content=message(subject=subject, message_id=f"<{number}@a.example>"))
            for number, subject in enumerate(subjects, start=1)
        ],
    )
    return Place(dovecot, tmp_path)


def test_what_waits_is_found_again_under_its_new_uid(place: Place) -> None:
    place.run("run", "--once", "--new", "--yes")  # the offers have no mailbox to go to, so they wait
    with place.client() as client:
        client.uid("STORE", "1", "+FLAGS", "(\\Deleted)")  # so that all others get smaller numbers
        client.expunge()
        client.uid("STORE", "2", "-FLAGS", "(\\Flagged)")  # which the rule would set anew
        client.create("Later")
    place.number_anew()

    told = place.run("run", "--once", "--new", "--yes")

    assert "not known any more" not in told
    assert place.messages() == {
        "INBOX": {"<2@a.example>"},
        "Later": {"<3@a.example>", "<4@a.example>", "<5@a.example>"},
    }
