"""Plans for tests: rule text, messages in memory, and the survey that the engine runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailrules.plan.directory import directory_of
from mailrules.plan.history import History
from mailrules.plan.planner import IDENTITY_FIELDS
from mailrules.plugin_manager import PluginManager
from mailrules.rules.conditions import Environment
from mailrules.rules.loader import load_configuration
from mailrules.survey import Surroundings, survey_mailbox
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_reader import MemoryReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.plan.plan import MailboxPlan, Step
    from mailrules.plan.planner import MailboxPlanner
    from mailrules.rules.loader import LoadedConfiguration

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

HEAD = """
version: 1
accounts:
  home: {host: imap.example.org, user: me@example.org, secret: {env: PASSWORD}}
defaults: {in: [home/INBOX]}
"""


def load(rules: str, *, head: str = HEAD) -> LoadedConfiguration:
    """Load rule text that stands under ``rules:``."""
    text = (head + rules).encode()
    return load_configuration(
        "rules.yaml", read=lambda _: text, registry=PluginManager.create().registry(), expand=lambda _: ()
    )


def mail(*messages: bytes, mailboxes: Sequence[str] = ()) -> MailAccount:
    """An account with these messages in INBOX, UIDs from 1."""
    account = MailAccount()
    for name in mailboxes:
        account.create(name)
    for content in messages:
        account.add("INBOX", content)
    return account


async def survey(
    rules: str, account: MailAccount, *, history: History | None = None, head: str = HEAD
) -> tuple[MailboxPlanner, MemoryReader]:
    """Plan INBOX; the reader tells what was asked."""
    configuration = load(rules, head=head)
    reader = MemoryReader(account, account="home")
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")
    planner = await survey_mailbox(
        reader,
        await reader.open("INBOX"),
        configuration.rules.rules,
        surroundings=Surroundings(
            directory=directory,
            environment=Environment(now=NOW),
            history=history or History(),
            describe_fields=IDENTITY_FIELDS,
        ),
    )
    return planner, reader


async def plan(rules: str, account: MailAccount, *, history: History | None = None, head: str = HEAD) -> MailboxPlan:
    """The plan of INBOX by these rules."""
    planner, _ = await survey(rules, account, history=history, head=head)
    return planner.finish()


def steps_of(made: MailboxPlan) -> dict[int, list[str]]:
    """Each message's steps in short: ``+\\Seen``, ``-$Later``, ``copy A``, ``move B``, ``delete``."""
    return {message.uid: [_short(step) for step in message.steps] for message in made.messages}


def _short(step: Step) -> str:
    if step.flags:
        sign = "+" if step.kind == "add_flags" else "-"
        return sign + ",".join(step.flags)
    return f"{step.kind} {step.to or step.effect}".strip()
