"""What does Pigeonhole make of a script and a message? Debian's ``sieve-test`` says it; and what do our rules?"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

from mailrules.exchange.rule_text import rule_file
from mailrules.plan.plan import StepKind
from tests.plan import planned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mailrules.exchange.imported import Imported

MAILBOXES = ("A", "B", "C", "Lists/One")
"""The mailboxes that scripts file into; they copy into ``Copies``."""

_STORED = re.compile(r"^ \* store message in folder: (.+)$")
_FLAGS = re.compile(r"^\s+\+ add IMAP flags: (.*)$")


class Filed(NamedTuple):
    """Where a message ends, and with which flags there (lower case)."""

    mailbox: str
    flags: frozenset[str]


class Pigeonhole:
    """Runs ``sieve-test`` in a folder of its own, never as root."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._binary = shutil.which("sieve-test")
        if self._binary is None:
            raise RuntimeError("sieve-test is missing; install it: apt-get install dovecot-sieve, or run make test")
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        folder.chmod(0o755)
        if self._user:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def results(self, script: str, messages: Sequence[bytes]) -> list[frozenset[Filed]]:
        """For each message where it is filed; empty if it is discarded. RuntimeError for a script that does not run."""
        path = self._folder / "script.sieve"
        path.write_text(script)
        return [self._result(path, content) for content in messages]

    def _result(self, script: Path, content: bytes) -> frozenset[Filed]:
        mail = self._folder / "mail.eml"
        mail.write_bytes(content)
        owner = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []} if self._user else {}
        done = subprocess.run(
            [str(self._binary), str(script), str(mail)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            env={"HOME": str(self._folder), "PATH": os.environ["PATH"]},
            **owner,
        )
        if done.returncode:
            raise RuntimeError(f"{done.stderr}\n{script.read_text()}")
        filed: list[Filed] = []
        for line in done.stdout.splitlines():
            if stored := _STORED.match(line):
                filed.append(Filed(stored[1], frozenset()))
            elif flags := _FLAGS.match(line):
                filed[-1] = Filed(filed[-1].mailbox, frozenset(flags[1].lower().split()))
        return frozenset(filed)


async def ours(imported: Imported, messages: Sequence[bytes]) -> list[frozenset[Filed]]:
    """The same by the imported rules, all messages judged at once."""
    text = rule_file(imported, origin="the test", mailboxes=("home/INBOX",))
    return await filed_by(text.partition("version: 1\n")[2], messages)


async def filed_by(rules: str, messages: Sequence[bytes]) -> list[frozenset[Filed]]:
    """The same by rules of ours."""
    account = planned.mail(*messages, mailboxes=(*MAILBOXES, "Copies"))
    made = await planned.plan(rules, account)
    steps = {message.uid: message.steps for message in made.messages}
    results = []
    for uid in range(1, len(messages) + 1):
        flags: set[str] = set()
        mailboxes, final = set(), "INBOX"
        for step in steps.get(uid, ()):
            if step.kind is StepKind.ADD_FLAGS:
                flags |= {flag.lower() for flag in step.flags}
            elif step.kind is StepKind.COPY:
                mailboxes.add(step.to)
            elif step.kind is StepKind.MOVE:
                final = step.to
        if final != "Trash":
            mailboxes.add(final)
        results.append(frozenset(Filed(name, frozenset(flags)) for name in mailboxes))
    return results
