"""What the command-line tests ask for: a way to call the program, and a server with mail to call it on."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from textwrap import dedent
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from mailrules.cli.invocation import Invocation
from mailrules.cli.main import main
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailrules.testing.server_faults import Reaction

RULES = """
rules:
  - name: lists
    if: {list_id: {regex: '<(?P<list>[a-z0-9-]+)\\.'}}
    do:
      - move: {to: "Lists/{list}", create: true}
  - name: boss
    if: {from: boss@work.example}
    do: [{flag: flagged}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The program with its files in a folder of the test's own."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "mailrules.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def write(self, text: str) -> None:
        self.config.write_text(dedent(text), encoding="utf-8")

    def run(self, *arguments: str, stdin: str | None = None) -> Result:
        """Call the program with this folder's configuration and state, as a script would."""
        everywhere = ["--config", str(self.config), "--state-dir", str(self.state)]
        environment = {"COLUMNS": "120", "NO_COLOR": "1"}
        invocation = Invocation(wait=_at_once)
        return CliRunner().invoke(main, [*everywhere, *arguments], input=stdin, env=environment, obj=invocation)


async def _at_once(_seconds: float) -> None:
    """Waiting for a server to settle, without the time."""


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(folder=tmp_path)


@pytest.fixture
def mail() -> MailAccount:
    account = MailAccount()
    for number in range(1, 4):
        account.add(
            "INBOX",
            message(
                from_=f"Bo <bo{number}@people.example>",
                subject=f"Roses {number}",
                list_id="Gardening <gardening.lists.example>",
                message_id=f"<rose-{number}@people.example>",
            ),
        )
    account.add("INBOX", message(from_="boss@work.example", subject="Monday", message_id="<monday@work.example>"))
    account.add("INBOX", message(subject="Nothing to see", message_id="<plain@example.org>"))
    return account


class WatchedServer(ImapServer):
    """A server in another thread, on which a test can wait for a command."""

    def __init__(self, *accounts: MailAccount) -> None:
        super().__init__(*accounts)
        self._seen = threading.Condition()

    def take_reaction(self, command: str, *, text: bytes, said: frozenset[str]) -> Reaction | None:
        with self._seen:
            reaction = super().take_reaction(command, text=text, said=said)
            self._seen.notify_all()
        return reaction

    def wait_for(self, command: str) -> None:
        """Return once the command has come in."""
        with self._seen:
            assert self._seen.wait_for(lambda: command in self.commands_seen, timeout=60)


@pytest.fixture
def server(mail: MailAccount) -> Iterator[WatchedServer]:
    running = WatchedServer(mail)
    with serve_in_thread(running):
        yield running


def account_text(port: int, *, password_file: Path) -> str:
    """The part of a configuration that names the test's account ``home``."""
    return dedent(f"""\
        version: 1
        accounts:
          home: {{host: 127.0.0.1, port: {port}, security: none, user: ann, secret: {{file: {password_file}}}}}
        defaults: {{in: [home/INBOX]}}
        """)


@pytest.fixture
def served(program: Program, server: ImapServer) -> Program:
    """The program, configured for the server."""
    password_file = program.folder / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(server.mail.password, encoding="utf-8")
    program.config.write_text(account_text(server.port, password_file=password_file) + RULES, "utf-8")
    return program
