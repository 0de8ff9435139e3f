"""What ``approve`` lists: the mail that waits for a yes, by rule and mailbox, with a few samples of it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.cli.output import Column, Output, cell, local
from mailrules.cli.session import local_now, read_journal
from mailrules.client.imap_store import connect_reader
from mailrules.errors import MailrulesError
from mailrules.mailbox.message import FactRequest
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo
from mailrules.plan.plan import approval_of
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.cli.invocation import Invocation
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailReader
    from mailrules.rules.loader import LoadedConfiguration

SAMPLES = 3


@dataclass(slots=True, kw_only=True)
class Held:
    """Messages of one mailbox that one rule may not change yet. ``frees`` is None where only a yes does.

    ``samples`` are sender and subject; ``unseen`` says why there are none.
    """

    rule: str
    account: str
    mailbox: str
    uidvalidity: int
    reason: str
    frees: datetime | None
    uids: list[UID] = field(default_factory=list)
    samples: list[tuple[str, str]] = field(default_factory=list)
    unseen: str = ""


async def held_mail(invocation: Invocation, configuration: LoadedConfiguration) -> list[Held]:
    """What the journal says, with samples read from the servers; mailboxes are only examined."""
    async with read_journal(invocation) as journal:
        frees = await journal.windows_end(rules=configuration.rules.rules, now=local_now())
        validity = {(one.account, one.mailbox): one.uidvalidity for one in await journal.positions()}
        groups: dict[tuple[str, str, str, str], Held] = {}
        for one in await journal.pending():
            if one.kind != "held" or approval_of(one.rule) not in one.reason:
                continue
            group = groups.setdefault(
                (one.rule, one.account, one.mailbox, one.reason),
                Held(
                    rule=one.rule,
                    account=one.account,
                    mailbox=one.mailbox,
                    uidvalidity=validity[one.account, one.mailbox],
                    reason=one.reason,
                    frees=frees.get(one.rule),
                ),
            )
            group.uids.append(one.uid)
    held = list(groups.values())
    for account in dict.fromkeys(one.account for one in held):
        await _sample(configuration, account, [one for one in held if one.account == account])
    return held


async def _sample(configuration: LoadedConfiguration, account: str, held: list[Held]) -> None:
    if account not in configuration.accounts:
        return
    try:
        reader = await connect_reader(configuration.accounts[account])
        try:
            for one in held:
                one.samples = await _described(reader, one)
        finally:
            await reader.close()
    except MailrulesError as error:
        for one in held:
            one.unseen = "" if one.samples else str(error)


async def _described(reader: MailReader, held: Held) -> list[tuple[str, str]]:
    status = await reader.examine(held.mailbox)
    if status.uidvalidity != held.uidvalidity:
        return []
    request = FactRequest(header_fields=DISPLAY_FIELDS)
    facts = await reader.fetch(request, held.uids[:SAMPLES])
    info = MailboxInfo(name=held.mailbox, delimiter="")
    snapshot = Snapshot(account=held.account, info=info, status=status, uids=sorted(one.uid for one in facts))
    snapshot.add(request, facts)
    rows = range(len(snapshot.uids))
    return [(snapshot.header_value("from", row), snapshot.header_value("subject", row)) for row in rows]


def held_document(held: list[Held]) -> dict[str, object]:
    return {
        "version": 1,
        "held": [
            {
                "rule": one.rule,
                "account": one.account,
                "mailbox": one.mailbox,
                "messages": len(one.uids),
                "reason": one.reason,
                "frees": one.frees.isoformat() if one.frees else None,
                "samples": [{"from": sender, "subject": subject} for sender, subject in one.samples],
            }
            for one in held
        ],
    }


def show_held(output: Output, held: list[Held]) -> None:
    if not held:
        output.line("No mail waits for a yes.")
        return
    columns = (
        Column(title="Rule"),
        Column(title="Mailbox"),
        Column(title="Messages", is_number=True),
        Column(title="Free from", is_short=True),
        Column(title="Why", share=3),
        Column(title="Such as", share=3),
    )
    rows = [
        (
            cell(one.rule),
            cell(f"{one.account}/{one.mailbox}"),
            str(len(one.uids)),
            cell(local(one.frees) if one.frees else "", "dim"),
            cell(one.reason),
            cell("; ".join(f"{sender}: {subject}" for sender, subject in one.samples) or one.unseen),
        )
        for one in held
    ]
    output.table(columns, rows)
    output.line(cell("To release it: mailrules approve RULE, or mailrules approve --all", "dim"))
