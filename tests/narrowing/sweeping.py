"""How one mailbox is judged by rules with the server's SEARCH and without, and what comes of each."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mailrules.narrowing import SearchTrust, Sweep
from mailrules.plan.directory import directory_of
from mailrules.plan.history import History
from mailrules.rules.conditions import Environment
from mailrules.survey import Surroundings, survey_mailbox
from tests.narrowing import generated
from tests.plan.planned import load

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.journal.records import Position
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailReader
    from mailrules.plan.directory import Directory
    from mailrules.plan.plan import MailboxPlan, MessagePlan
    from mailrules.rules.rule import Rule

RULES_A_FILE = 3
_WORDS = (
    *("AND", "OR", "NOT", "BEFORE", "SINCE", "LARGER", "SMALLER", "KEYWORD", "UID", "ALL"),
    *(
        "SEEN",
        "FLAGGED",
        "ANSWERED",
        "DELETED",
        "DRAFT",
        "FROM",
        "TO",
        "CC",
        "BCC",
        "SUBJECT",
        "HEADER",
        "BODY",
        "TEXT",
    ),
)


@dataclass
class Sweeping:
    """One reader with its INBOX, judged again and again."""

    reader: MailReader
    trust: SearchTrust = field(default_factory=lambda: SearchTrust(account="home"))
    position: Position | None = None
    _directory: Directory | None = None

    async def plan(self, rules: tuple[Rule, ...], *, narrowed: bool, rule: str = "") -> MailboxPlan:
        if self._directory is None:
            listed = await self.reader.list_mailboxes()
            self._directory = directory_of(
                listed, account="home", user="me@example.org", trash="Trash", archive="Archive"
            )
        status = self.reader.opened or await self.reader.open("INBOX")
        surroundings = Surroundings(
            directory=self._directory, environment=Environment(now=generated.NOW), history=History()
        )
        sweep = Sweep(trust=self.trust, position=self.position, rule=rule, worth=0, most_found=1.0)
        planner = await survey_mailbox(
            self.reader, status, rules, surroundings=surroundings, sweep=sweep if narrowed else None
        )
        return planner.finish()

    async def compare(self, text: str) -> MailboxPlan:
        """Judge by the rules of a file in both ways; AssertionError where what is done, or said, differs."""
        rules = load(text).rules.rules
        whole = await self.plan(rules, narrowed=False)
        narrowed = await self.plan(rules, narrowed=True)
        assert done_and_said(narrowed) == done_and_said(whole), f"by SEARCH {narrowed.search}:\n{text}"
        assert narrowed.judged == whole.judged
        return narrowed


def tried_already(*, at: datetime = generated.NOW) -> dict[tuple[str, str], datetime]:
    """Of a server that answered truly then, whatever it was asked."""
    return dict.fromkeys((("INBOX", word) for word in _WORDS), at)


@dataclass
class Tally:
    """What many comparisons came to."""

    rules: int = 0
    files: int = 0
    narrowed: int = 0
    left_out: int = 0
    changed: int = 0


async def compare_many(sweeping: Sweeping, *, seed: str, files: int) -> Tally:
    """Judge by so many rule files by chance, in both ways."""
    tally = Tally()
    for number in range(files):
        if number % 5 == 0:
            sweeping.trust.tried.clear()
        plan = await sweeping.compare(generated.rules(random.Random(f"{seed} {number}"), count=RULES_A_FILE))
        tally.files += 1
        tally.rules += RULES_A_FILE
        tally.narrowed += bool(plan.search)
        tally.left_out += plan.left_out
        tally.changed += len(plan.messages)
    assert sweeping.trust.learned == [], "an honest server is called a liar"
    return tally


def done_and_said(plan: MailboxPlan) -> tuple[list[MessagePlan], list[tuple[UID, str, str]]]:
    """What a plan does, and what a person is told of single messages.

    Subjects, senders and reasons tell of what was read anyway, which depends on how much there is to read at once;
    nothing is decided by them.
    """
    done = [
        replace(one, modseq=None, subject="", from_="", steps=tuple(replace(step, reason="") for step in one.steps))
        for one in plan.messages
    ]
    return done, sorted((one.uid, one.rule, one.kind) for one in plan.findings)
