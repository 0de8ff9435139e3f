"""The whole way: a rule file, an IMAP server, an SMTP server, and the program between them."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.daemon.retries import Retries
from mailrules.engine import preview, run_once
from mailrules.journal.journal import Journal
from mailrules.plan.document import plan_to_json
from mailrules.session import Session
from mailrules.testing.builders import message
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from tests.jobs.process import Process
from tests.outbox.mail_sink import MailSink, mail_sink
from tests.outbox.world import NOON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RULES = """\
allow: [forward]
rules:
  - name: bills
    if: {{from: al@elsewhere.example}}
    do: [{{forward: {to}}}, {{flag: seen}}, {{move: {{to: Bills, create: true}}}}]
"""


class Household:
    """An account on a server in memory, a configuration on disk, and a clock that a test moves."""

    def __init__(self, folder: Path, mail: MailAccount, server: ImapServer, sink: MailSink) -> None:
        self.folder, self.mail, self.server, self.sink = folder, mail, server, sink
        self.clock = NOON
        self.password = folder / "password"
        self.password.touch(mode=0o600)
        self.password.write_text(mail.password)

    def write(self, rules: str) -> None:
        account = (
            f"home: {{host: 127.0.0.1, port: {self.server.port}, security: none, user: ann,"
            f" secret: {{file: {self.password}}}}}"
        )
        smtp = f"smtp: {{host: 127.0.0.1, port: {self.sink.port}, security: none, from: ann@example.org}}"
        head = f"version: 1\naccounts: {{{account}}}\n{smtp}\ndefaults: {{in: [home/INBOX]}}\n"
        (self.folder / "mailrules.yaml").write_text(head + rules)

    async def session(self) -> Session:
        configuration, plugins = load(ChosenPath(path=self.folder / "mailrules.yaml", reason="the test's"))
        return Session(
            configuration=configuration,
            plugins=plugins,
            journal=await Journal.open(self.folder / "state" / "journal.sqlite"),
            now=lambda: self.clock,
            wait=_at_once,
            state_directory=self.folder / "state",
            random=lambda: 0.5,
        )

    async def run(self) -> str:
        session = await self.session()
        try:
            return str((await run_once(session, confirm=_yes)).outcome)
        finally:
            await session.journal.close()

    def subjects(self, mailbox: str) -> int:
        return len(self.mail[mailbox].messages) if mailbox in self.mail else 0


async def _at_once(_: float) -> None:
    await asyncio.sleep(0)


async def _yes(_: object) -> bool:
    return True


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    mail = MailAccount()
    async with ImapServer(mail) as server, mail_sink(MailSink()) as sink:
        yield Household(tmp_path, mail, server, sink)


def deliver(household: Household, number: int = 1) -> None:
    household.mail.add(
        "INBOX",
        message(
            from_="Al <al@elsewhere.example>",
            message_id=f"<{number}@elsewhere.example>",
            subject=f"Bill {number}",
            headers={"Return-Path": "<al@elsewhere.example>"},
        ),
    )


async def test_a_preview_shows_the_effect_and_sends_nothing(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))
    session = await household.session()

    plan = await preview(session)

    await session.journal.close()
    steps = json.loads(plan_to_json(plan))["mailboxes"][0]["messages"][0]["steps"]
    assert [(step["kind"], step.get("to")) for step in steps] == [
        ("add_flags", None),
        ("effect", "bo@friends.example"),
        ("move", "Bills"),
    ]
    assert not steps[1]["reversible"]
    assert (household.sink.commands, household.sink.taken) == ([], [])
    assert not (household.folder / "state" / "outbox").exists()


LISTED = {"List-Id": "<news.example>", "Return-Path": "<al@elsewhere.example>"}


@pytest.mark.parametrize(
    ("action", "headers", "why"),
    [
        ("{reply: away}", LISTED, "it came over a list"),
        (
            "{reply: away}",
            {"Auto-Submitted": "auto-replied"},
            "it was sent by a machine (Auto-Submitted: auto-replied)",
        ),
        ("{reply: away}", {}, ""),
        ("{forward: al@elsewhere.example}", {}, "al@elsewhere.example sent it"),
        ("{forward: bo@friends.example}", LISTED, ""),
        ("{notify: {to: bo@friends.example, text: mail}}", {"Received": "a"}, "it has passed 30 servers"),
    ],
)
async def test_a_preview_says_what_the_outbox_will_decline_in_its_own_words(
    household: Household, action: str, headers: dict[str, str], why: str
) -> None:
    """One function judges for both (RFC 3834)."""
    content = message(from_="Al <al@elsewhere.example>", to="ann@example.org", headers=headers)
    household.mail.add("INBOX", content.replace(b"Received: a\r\n", b"Received: a\r\n" * 30))
    rule = f"{{name: answer, if: {{from: al@elsewhere.example}}, do: [{action}]}}"
    household.write(f"allow: [forward, reply, notify]\nrules: [{rule}]\n")
    session = await household.session()

    plan = await preview(session)
    await session.journal.close()
    is_untouched = household.sink.commands == [] and not (household.folder / "state" / "outbox").exists()
    await household.run()
    session = await household.session()
    (run,) = await session.journal.runs()
    (step,) = [one for one in await session.journal.steps_of(run.id) if one.intent.command.effect]
    await session.journal.close()

    found = [
        (one.kind, one.rule, one.reason.partition(" will send nothing: ")[2]) for one in plan.mailboxes[0].findings
    ]
    assert found == ([("declined", "answer", why)] if why else [])
    assert is_untouched
    assert step.detail == f"nothing was sent: {why}" if why else len(household.sink.taken) == 1


async def test_flags_come_before_it_and_the_move_after_it_and_a_second_run_does_nothing(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))

    outcomes = [await household.run(), await household.run()]

    assert outcomes == ["done", "done"]
    assert (len(household.sink.taken), household.subjects("INBOX"), household.subjects("Bills")) == (1, 0, 1)


async def test_a_retry_in_a_later_run_lets_the_message_move_in_that_run(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))
    household.sink.failing["rcpt"] = "451 4.3.0 later"

    assert await household.run() == "partly_done"
    assert (household.subjects("INBOX"), household.subjects("Bills")) == (1, 0)
    assert await household.run() == "done", "it waits, and its message is held"
    assert (household.subjects("INBOX"), household.sink.taken) == (1, [])
    household.sink.failing.clear()
    household.clock = NOON.replace(hour=13)

    await household.run()

    assert (len(household.sink.taken), household.subjects("INBOX"), household.subjects("Bills")) == (1, 0, 1)


async def test_what_went_out_once_does_not_go_out_again_wherever_the_message_goes(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example").replace("{move: {to: Bills, create: true}}", "keep"))
    await household.run()
    content = next(iter(household.mail["INBOX"].messages.values())).content
    household.mail.delete("INBOX")
    household.mail.create("INBOX")
    household.mail.add("INBOX", content)

    await household.run()
    household.write("# edited\n" + RULES.format(to="bo@friends.example").replace("flag: seen", "flag: flagged"))
    await household.run()

    assert len(household.sink.taken) == 1


async def test_an_unknown_outcome_holds_the_message_and_is_never_repeated(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))
    household.sink.failing["after_dot"] = ""
    await household.run()
    household.sink.failing.clear()
    household.clock = NOON.replace(day=30)

    for _ in range(3):
        await household.run()

    assert (len(household.sink.taken), household.subjects("INBOX"), household.subjects("Bills")) == (1, 1, 0)


async def test_a_retry_that_is_refused_for_good_is_told_by_the_run_that_made_it(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))
    household.sink.failing["rcpt"] = "451 4.3.0 later"
    await household.run()
    household.sink.failing["rcpt"] = "550 5.1.1 nobody"
    household.clock = NOON.replace(hour=13)
    session = await household.session()

    report = await run_once(session, confirm=_yes)

    await session.journal.close()
    ((alarm,),) = [one.alarms for one in report.recoveries]
    assert "is given up: RCPT: 550 5.1.1 nobody; see: mailrules unknown" in alarm


async def test_the_daemon_tries_again_what_is_due_whether_mail_arrives_or_not(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))
    household.sink.failing["rcpt"] = "451 4.3.0 later"
    await household.run()
    household.sink.failing.clear()
    waits: list[float] = []
    has_waited, may_go_on = asyncio.Event(), asyncio.Event()

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        has_waited.set()
        await may_go_on.wait()
        may_go_on.clear()

    session = replace(await household.session(), wait=wait)
    retries = Retries(lambda: session)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(retries.run())
        await has_waited.wait()
        has_waited.clear()
        taken_before = len(household.sink.taken)
        household.clock += timedelta(minutes=2)
        may_go_on.set()
        await has_waited.wait()
        retries.stop()
    await session.journal.close()

    assert (waits, taken_before, len(household.sink.taken)) == ([60.0, 60.0], 0, 1)


async def test_without_a_state_directory_nothing_goes_out_and_the_message_stays(household: Household) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))
    session = replace(await household.session(), state_directory=None)

    report = await run_once(session, confirm=_yes)

    await session.journal.close()
    assert (report.outcome, household.sink.taken, household.subjects("INBOX")) == ("partly_done", [], 1)


async def run_program(household: Household, *, killed_at: str = "") -> int:
    """Run the program itself, as a process of its own, until it ends or is killed at a point of the conversation."""
    places = ("--config", str(household.folder / "mailrules.yaml"), "--state-dir", str(household.folder / "state"))
    process = Process(*places, "run", "--once", "--yes")

    def watch(point: str) -> None:
        if point == killed_at:
            process.kill()

    household.sink.watch = watch
    await asyncio.to_thread(process.communicate)
    return process.wait()


@pytest.mark.parametrize("point", ["data", "taken"])
async def test_the_program_is_killed_within_the_conversation_and_nothing_goes_out_twice(
    household: Household, point: str
) -> None:
    deliver(household)
    household.write(RULES.format(to="bo@friends.example"))

    first = await run_program(household, killed_at=point)
    taken_at_death = len(household.sink.taken)
    await run_program(household)

    assert first == -signal.SIGKILL
    assert (taken_at_death, len(household.sink.taken)) == (int(point == "taken"), 1)
    # What surely was not sent went out with the next run; what may have been waits for a person.
    assert household.subjects("Bills") == int(point != "taken")
