"""The verb ``doctor``: what the servers can do, and how sure each effect is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from mailrules.cli.checkup_view import show_checkup
from mailrules.cli.configuration import load
from mailrules.cli.exit_status import ExitStatus, status_of
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import Column, cell
from mailrules.cli.session import run_until_done
from mailrules.client.imap_store import connect_reader
from mailrules.errors import MailrulesError
from mailrules.execution.promises import Sureness, promises

if TYPE_CHECKING:
    from mailrules.execution.promises import Promise
    from mailrules.plan.plan import StepKind
    from mailrules.settings import AccountSettings

_LOOKS = {
    Sureness.EXACT: "good",
    Sureness.EXACT_WHEN_QUIET: "good",
    Sureness.AT_MOST_ONCE: "warn",
    Sureness.BEST_EFFORT: "warn",
    Sureness.REFUSED: "bad",
}
_COLUMNS = (Column(title="Effect"), Column(title="Promise"), Column(title="Why", share=1))

Diagnosis = tuple[frozenset[str], "dict[StepKind, Promise]"]
"""An account's capabilities, and what they promise."""


@click.command(cls=Verb, name="doctor")
@click.option("--account", default="", metavar="NAME", help="Only this account.")
@click.option("--journal", is_flag=True, help="Look at the journal instead; asks no server.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of tables.")
@pass_invocation
def doctor(invocation: Invocation, *, account: str, journal: bool, as_json: bool) -> ExitStatus:
    """Tell what the servers can do, and how sure each effect is there.

    Logs in to every account and reads its capabilities; opens no mailbox and changes nothing. With --journal: is the
    journal whole, private, with room to grow, and what to do about it if not.
    """
    invocation.start_logging()
    if journal:
        if account:
            raise click.UsageError("--journal looks at the journal of all accounts")
        return show_checkup(invocation, as_json=as_json)
    configuration, _ = load(invocation.config_path)
    if account and account not in configuration.accounts:
        raise click.UsageError(f"no account {account!r}; the accounts are: {', '.join(configuration.accounts)}")
    accounts = [one for name, one in configuration.accounts.items() if account in {"", name}]

    async def examine() -> list[Diagnosis | MailrulesError]:
        return list(await asyncio.gather(*(_examine(one) for one in accounts)))

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
        return reader.capabilities, promises(reader.capabilities)
    finally:
        await reader.close()


def _show(invocation: Invocation, name: str, diagnosis: Diagnosis | MailrulesError) -> None:
    output = invocation.output
    output.heading(name)
    if isinstance(diagnosis, MailrulesError):
        output.line(cell(str(diagnosis), "bad"))
        return
    _, matrix = diagnosis
    output.table(
        _COLUMNS,
        [
            (cell(str(kind)), cell(str(one.sureness), _LOOKS[one.sureness]), cell(one.reason, "dim"))
            for kind, one in matrix.items()
        ],
    )


def _document(name: str, diagnosis: Diagnosis | MailrulesError) -> dict[str, object]:
    if isinstance(diagnosis, MailrulesError):
        return {"account": name, "error": str(diagnosis)}
    capabilities, matrix = diagnosis
    return {
        "account": name,
        "capabilities": sorted(capabilities),
        "promises": {str(kind): {"sureness": str(one.sureness), "reason": one.reason} for kind, one in matrix.items()},
    }
