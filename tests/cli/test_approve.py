"""``mailrules approve`` without a rule lists what waits for a yes, and releases nothing."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from mailrules.journal.journal import Journal
from mailrules.mailbox.message import UID
from mailrules.plan.plan import Finding

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

REASON = "the guard of rule 'lists' is used up; wait, or run: mailrules approve lists"


def hold(served: Program, mail: MailAccount) -> None:
    async def write() -> None:
        journal = await Journal.open(served.state / "journal.sqlite3")
        try:
            held = [UID(2), UID(3)]
            await journal.advance_position(
                "home",
                "INBOX",
                uidvalidity=mail["INBOX"].uidvalidity,
                final=[UID(1)],
                pending=held,
                findings=[Finding(uid=uid, rule="lists", kind="held", reason=REASON) for uid in held],
            )
        finally:
            await journal.close()

    served.state.mkdir(mode=0o700, exist_ok=True)
    asyncio.run(write())


def test_what_is_held_is_listed_with_samples(served: Program, server: ImapServer, mail: MailAccount) -> None:
    hold(served, mail)

    document = json.loads(served.run("approve", "--json").stdout)

    assert document == {
        "version": 1,
        "held": [
            {
                "rule": "lists",
                "account": "home",
                "mailbox": "INBOX",
                "messages": 2,
                "reason": REASON,
                "frees": None,
                "samples": [
                    {"from": "Bo <bo2@people.example>", "subject": "Roses 2"},
                    {"from": "Bo <bo3@people.example>", "subject": "Roses 3"},
                ],
            }
        ],
    }
    assert {"SELECT", "UID STORE"}.isdisjoint(server.commands_seen)


def test_the_list_is_for_people_too_and_releases_nothing(served: Program, mail: MailAccount) -> None:
    hold(served, mail)

    served.run("approve")
    told = served.run("approve")

    assert told.exit_code == 0, told.output
    assert "home/INBOX" in told.stdout
    assert "mailrules approve --all" in told.stdout


def test_nothing_held_is_said(served: Program) -> None:
    assert "No mail waits for a yes." in served.run("approve").stdout


def test_a_rule_and_all_exclude_each_other(served: Program) -> None:
    assert served.run("approve", "boss", "--all").exit_code == 2
