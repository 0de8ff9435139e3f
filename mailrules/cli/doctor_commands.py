"""The verb ``doctor``: what the servers can do, how sure each effect is there, and whether SEARCH tells the truth."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from mailrules.cli.checkup_view import show_checkup
from mailrules.cli.configuration import load
from mailrules.cli.exit_status import ExitStatus, status_of
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import Column, cell, plural
from mailrules.cli.session import local_now, open_journal, read_journal, run_until_done
from mailrules.client.imap_store import connect_reader
from mailrules.errors import CommandRefused, MailrulesError, MissingCapability
from mailrules.execution.promises import Sureness, promises
from mailrules.narrowing import Trial, try_out
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.cli.output import Styled
    from mailrules.execution.promises import Promise
    from mailrules.mailbox.store import MailReader
    from mailrules.plan.plan import StepKind
    from mailrules.plan.search_truth import Untruth
    from mailrules.settings import AccountSettings

_LOOKS = {
    Sureness.EXACT: "good",
    Sureness.EXACT_WHEN_QUIET: "good",
    Sureness.AT_MOST_ONCE: "warn",
    Sureness.BEST_EFFORT: "warn",
    Sureness.REFUSED: "bad",
}
_COLUMNS = (Column(title="Effect"), Column(title="Promise"), Column(title="Why", share=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """An account's capabilities, what they promise, and how SEARCH did when it was tried just now.

    ``known`` is what is not asked there any more, from earlier or from now. Where the trial was refused it is None.
    """

    capabilities: frozenset[str]
    promises: dict[StepKind, Promise]
    trial: Trial | None
    known: tuple[Untruth, ...] = ()


@click.command(cls=Verb, name="doctor")
@click.option("--account", default="", metavar="NAME", help="Only this account.")
@click.option("--journal", is_flag=True, help="Look at the journal instead; asks no server.")
@click.option("--search-again", is_flag=True, help="Forget what SEARCH was found to answer wrongly, and try it anew.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
@pass_invocation
def doctor(invocation: Invocation, *, account: str, journal: bool, search_again: bool, as_json: bool) -> ExitStatus:
    """Tell what the servers can do, and whether their SEARCH tells the truth.

    Logs in to every account, reads its capabilities, and tries SEARCH on messages of INBOX, which is opened read-only.
    With --journal: is the journal whole, private, with room to grow, and what to do about it if not.
    """
    invocation.start_logging()
    if journal:
        if account or search_again:
            raise click.UsageError("--journal looks at the journal of all accounts, and at nothing else")
        return show_checkup(invocation, as_json=as_json)
    configuration, _ = load(invocation.config_path)
    if account and account not in configuration.accounts:
        raise click.UsageError(f"no account {account!r}; the accounts are: {', '.join(configuration.accounts)}")
    accounts = [one for name, one in configuration.accounts.items() if account in {"", name}]

    async def examine() -> list[Diagnosis | MailrulesError]:
        if search_again:
            async with open_journal(invocation) as writable:
                for one in accounts:
                    await writable.forget_untruths(one.name)
        diagnoses = list(await asyncio.gather(*(_examine(one) for one in accounts)))
        await _remember(invocation, diagnoses)
        async with read_journal(invocation) as readable:
            pairs = zip(accounts, diagnoses, strict=True)
            return [
                replace(one, known=await readable.untruths(settings.name)) if isinstance(one, Diagnosis) else one
                for settings, one in pairs
            ]

    found = dict(zip((one.name for one in accounts), run_until_done(examine()), strict=True))
    if as_json:
        invocation.output.json(
            {"version": 1, "accounts": [_document(name, diagnosis) for name, diagnosis in found.items()]}
        )
    else:
        for name, diagnosis in found.items():
            _show(invocation, name, diagnosis)
    failures = [diagnosis for diagnosis in found.values() if isinstance(diagnosis, MailrulesError)]
    return status_of(failures[0]) if failures else ExitStatus.DONE


async def _examine(account: AccountSettings) -> Diagnosis | MailrulesError:
    try:
        reader = await connect_reader(account)
    except MailrulesError as error:
        return error
    try:
        trial = await _try_search(reader)
        return Diagnosis(capabilities=reader.capabilities, promises=promises(reader.capabilities), trial=trial)
    except MailrulesError as error:
        return error
    finally:
        await reader.close()


async def _try_search(reader: MailReader) -> Trial | None:
    try:
        return await try_out(reader, await reader.examine("INBOX"), now=local_now())
    except (CommandRefused, MissingCapability):
        return None


async def _remember(invocation: Invocation, diagnoses: Sequence[Diagnosis | MailrulesError]) -> None:
    found = [untruth for one in diagnoses if isinstance(one, Diagnosis) and one.trial for untruth in one.trial.untruths]
    if found:
        async with open_journal(invocation) as journal:
            await journal.remember_untruths(found)


def _show(invocation: Invocation, name: str, diagnosis: Diagnosis | MailrulesError) -> None:
    output = invocation.output
    output.heading(name)
    if isinstance(diagnosis, MailrulesError):
        output.line(cell(str(diagnosis), "bad"))
        return
    output.table(
        _COLUMNS,
        [
            (cell(str(kind)), cell(str(one.sureness), _LOOKS[one.sureness]), cell(one.reason, "dim"))
            for kind, one in diagnosis.promises.items()
        ],
    )
    output.line("  ", *_search_words(diagnosis))
    for known in diagnosis.known:
        output.line("  ", cell(f"{known.key} is not asked: {known}, seen on {known.seen:%Y-%m-%d}", "bad"))


def _search_words(diagnosis: Diagnosis) -> tuple[Styled, ...]:
    trial = diagnosis.trial
    if trial is None:
        return (cell("SEARCH was refused, so every sweep reads whole mailboxes", "warn"),)
    if not trial.messages:
        return (cell("SEARCH was not tried: INBOX has no messages", "dim"),)
    tried = f"tried {', '.join(trial.keys)} on {plural(trial.messages, 'message')} of INBOX"
    if trial.untruths:
        keys = ", ".join(one.key for one in trial.untruths)
        return (cell(f"SEARCH answers wrongly: {keys} ", "bad"), cell(f"({tried})", "dim"))
    return (cell("SEARCH tells the truth ", "good"), cell(f"({tried})", "dim"))


def _document(name: str, diagnosis: Diagnosis | MailrulesError) -> dict[str, object]:
    if isinstance(diagnosis, MailrulesError):
        return {"account": name, "error": str(diagnosis)}
    trial = diagnosis.trial
    return {
        "account": name,
        "capabilities": sorted(diagnosis.capabilities),
        "promises": {
            str(kind): {"sureness": str(one.sureness), "reason": one.reason} for kind, one in diagnosis.promises.items()
        },
        "search": {
            "tried": list(trial.keys) if trial else [],
            "messages": trial.messages if trial else 0,
            "wrong": [
                {"key": one.key, "search": one.search, "mailbox": one.mailbox, "uid": one.uid, "found": one.was_found}
                for one in diagnosis.known
            ],
        },
    }
