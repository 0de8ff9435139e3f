"""The verb ``export``: our rules in another tool's language, where that says exactly the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load
from mailrules.cli.exchange_report import deliver, need_file, tell
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Noun, pass_invocation
from mailrules.cli.output import plural
from mailrules.exchange.imported import Exactness
from mailrules.exchange.sieve_export import SieveTarget, export_sieve

if TYPE_CHECKING:
    from mailrules.exchange.exported import Exported
    from mailrules.rules.loader import LoadedConfiguration


@click.group(cls=Noun, name="export")
def export() -> None:
    """Write rules in another tool's language, where that is exact."""


@export.command(name="sieve")
@click.option("--rule", "chosen", multiple=True, metavar="NAME", help="Only this rule, as if it stood alone.")
@click.option("--account", metavar="NAME", help="Whose script it is; needed where rules watch several INBOXes.")
@click.option(
    "--separator", default="/", show_default=True, metavar="SIGN", help="What stands between levels at the server."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the script there; a file that exists is not overwritten.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document; needs --output.")
@pass_invocation
def export_sieve_command(
    invocation: Invocation, *, chosen: tuple[str, ...], account: str | None, separator: str, output: Path | None,
    as_json: bool,
) -> ExitStatus:  # fmt: skip
    """Write the rules for INBOX as a Sieve script, where it does exactly the same.

    The script goes to stdout or to `--output`, the report to stderr. A rule that Sieve cannot say exactly is refused
    with its place and the reason; the exit status is 7 then.
    """
    need_file(output, as_json=as_json, what="script")
    if len(separator) != 1 or separator in '"\\' or not separator.isprintable():
        raise click.UsageError("--separator is one sign, as the server has it between levels: / or .")
    invocation.start_logging()
    configuration, _ = load(invocation.config_path)
    _check_names(chosen, configuration)
    name = _account(account, configuration)
    target = SieveTarget(
        account=configuration.accounts[name], accounts=configuration.accounts.keys(), separator=separator
    )
    exported = export_sieve(configuration.rules.rules, target, chosen=chosen)
    deliver(invocation.output, exported.text, to=output)
    if as_json:
        invocation.output.json(_document(exported))
    else:
        findings = ((str(one.where), f"rule {one.rule}", one.exactness, one.how) for one in exported.findings)
        counts = f"{exported.count(Exactness.EXACT)} exact, {exported.count(Exactness.REFUSED)} refused"
        tell(invocation.output, findings, summary=f"{plural(len(exported.findings), 'rule')}: {counts}.")
    return ExitStatus.PARTLY_DONE if exported.count(Exactness.REFUSED) else ExitStatus.DONE


def _check_names(chosen: tuple[str, ...], configuration: LoadedConfiguration) -> None:
    known = {rule.name for rule in configuration.rules.rules}
    for name in chosen:
        if name not in known:
            raise click.UsageError(f"there is no rule {name!r} that is enabled")


def _account(account: str | None, configuration: LoadedConfiguration) -> str:
    if account is not None:
        if account not in configuration.accounts:
            raise click.UsageError(f"there is no account {account!r}")
        return account
    watched = [ref.account for ref in configuration.rules.mailboxes if ref.mailbox.upper() == "INBOX"]
    names = list(dict.fromkeys(watched)) or list(configuration.accounts)
    if len(names) != 1:
        raise click.UsageError(
            f"rules watch INBOX in {', '.join(names) or 'no account'}; choose one with --account NAME"
        )
    return names[0]


def _document(exported: Exported) -> dict[str, object]:
    return {
        "version": 1,
        "rules": [{"name": one.rule, "exported": one.exactness is Exactness.EXACT} for one in exported.findings],
        "findings": [
            {
                "file": one.where.file,
                "line": one.where.line,
                "construct": f"rule {one.rule}",
                "exactness": one.exactness,
                "how": one.how,
            }
            for one in exported.findings
        ],
    }
