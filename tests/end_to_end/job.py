"""What does a person have who runs the program: a configuration, a state directory, and mail on a real server."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tests.end_to_end.expected_end import end_of
from tests.jobs import large_mailbox
from tests.jobs.process import Process
from tests.servers.mailbox_state import contents_of, mailbox_names, read_mailboxes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.servers.dovecot import Dovecot, DovecotAccount
    from tests.servers.mailbox_state import Contents, SeenMessage

MESSAGES = 300
_PATIENCE_SECONDS = 120

_READS_A_FLAG_THAT_RULES_SET = ", not: {flag: flagged}"
"""What is interrupted is judged again, so where a rule reads what another one has set, half a run changes the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What is left of a process that has ended."""

    status: int
    out: str
    err: str

    @property
    def all(self) -> str:
        return f"status {self.status}\n{self.out}{self.err}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The program, run as a process of its own on an account of the test's own."""

    account: DovecotAccount
    config: Path
    state: Path

    @classmethod
    def create(cls, server: Dovecot, folder: Path, *, messages: int = MESSAGES) -> Job:
        """The dozen rules of the large job, on a mailbox with a few of its messages."""
        account = server.account(f"user-{secrets.token_hex(6)}")
        own = folder / account.user
        own.mkdir()
        job = cls(account=account, config=own / "mailrules.yaml", state=own / "state")
        account.fill("INBOX", large_mailbox.messages(messages))
        job.configure()
        job.mailboxes()  # the server gives UIDs and MODSEQs to what was put into its folder
        return job

    def at(self, state: Path) -> Job:
        """The same with another state directory."""
        return replace(self, state=state)

    def configure(self, *, port: int | None = None, **changes: str) -> None:
        """Write the configuration; ``changes`` replace lines of the account, or add them."""
        text = large_mailbox.configuration(
            host=changes.pop("host", self.account.host),
            port=self.account.port if port is None else port,
            user=self.account.user,
            password_file=self.account.server.password_file,
            compress=False,
        ).replace(_READS_A_FLAG_THAT_RULES_SET, "")
        for name, value in changes.items():
            lines = [line for line in text.splitlines() if not line.startswith(f"    {name}:")]
            lines.insert(lines.index("  home:") + 1, f"    {name}: {value}")
            text = "\n".join(lines) + "\n"
        self.config.write_text(text)

    def start(self, *arguments: str) -> Process:
        """Start the program."""
        return Process(*self._words(arguments))

    def run(self, *arguments: str, status: int | None = 0, under: Sequence[str] = ()) -> Ended:
        """Run the program to its end, ``under`` a command that restricts what it may do; ``status`` None takes any."""
        ended = ending_of(_under(under, self._words(arguments)) if under else self.start(*arguments))
        assert status is None or ended.status == status, ended.all
        return ended

    def plan(self) -> dict[str, Any]:  # Any: a JSON document
        """What a run would do now."""
        document: dict[str, Any] = json.loads(self.run("dry-run", "--json").out)
        return document

    def mailboxes(self) -> dict[str, tuple[SeenMessage, ...]]:
        """What the account holds, seen from outside."""
        one = self.account
        return read_mailboxes(host=one.host, port=one.port, user=one.user, password=one.password)

    def contents(self) -> Contents:
        """The same without UIDs and MODSEQs."""
        return contents_of(self.mailboxes())

    def names(self) -> frozenset[str]:
        """The mailboxes that there are."""
        one = self.account
        return mailbox_names(host=one.host, port=one.port, user=one.user, password=one.password)

    def expected(self) -> Contents:
        """What the account must hold after the job, whatever happened on the way."""
        return end_of(self.plan(), self.mailboxes())

    def _words(self, arguments: Sequence[str]) -> list[str]:
        return ["-c", str(self.config), "--state-dir", str(self.state), *arguments]


def _under(entrance: Sequence[str], words: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*entrance, sys.executable, "-m", "mailrules", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ending_of(process: Process | subprocess.Popen[str]) -> Ended:
    """Wait for a process to end, and read what it said."""
    try:
        out, err = process.communicate(timeout=_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"still running after {_PATIENCE_SECONDS} seconds\n{out}{err}") from None
    return Ended(status=process.returncode, out=out, err=err)
