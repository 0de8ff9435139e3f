"""The verb ``import``: other tools' rules written in our language, with what became of each construct."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Noun, pass_invocation
from mailrules.cli.output import cell
from mailrules.exchange.imported import Exactness
from mailrules.exchange.rule_text import rule_file
from mailrules.exchange.sieve_import import import_sieve

if TYPE_CHECKING:
    from mailrules.exchange.imported import Finding, Imported

_LOOKS = {Exactness.EXACT: "dim", Exactness.APPROXIMATED: "warn", Exactness.REFUSED: "bad"}


@click.group(cls=Noun, name="import")
def import_() -> None:
    """Write other tools' rules in our language."""


@import_.command(name="sieve")
@click.argument("script", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--in", "mailboxes", multiple=True, metavar="MAILBOX", help="What the rules watch: home/INBOX.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the rules there; a file that exists is not overwritten.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document; needs --output.")
@pass_invocation
def import_sieve_command(
    invocation: Invocation, *, script: Path, mailboxes: tuple[str, ...], output: Path | None, as_json: bool
) -> ExitStatus:
    """Make a rule file of a Sieve script, to be named under `include`.

    The rules go to stdout or to `--output`, the report to stderr: what each command and test became, by line. What
    our rules cannot say is kept as a disabled rule with its source; the exit status is 7 then.
    """
    if as_json and output is None:
        raise click.UsageError("--json prints the report on stdout, so the rules need a file: give --output FILE")
    text = _read(script)
    imported = import_sieve(text)
    name = "stdin" if str(script) == "-" else script.name
    rules = rule_file(imported, origin=name, mailboxes=mailboxes)
    if output is None:
        invocation.output.text(rules)
    else:
        _write_new(output, rules)
    if as_json:
        invocation.output.json(_document(imported))
    else:
        _report(invocation, imported, name)
    return ExitStatus.PARTLY_DONE if imported.count(Exactness.REFUSED) else ExitStatus.DONE


def _read(path: Path) -> str:
    content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise click.ClickException(f"{path}:{line}: this is not UTF-8, as Sieve scripts are (RFC 5228)") from error


def _write_new(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise click.ClickException(f"{path} exists already; name another file, or move it away") from error


def _report(invocation: Invocation, imported: Imported, name: str) -> None:
    for one in imported.findings:
        if one.exactness is not Exactness.EXACT:
            invocation.output.note(
                cell(f"{name}:{one.line}: ", "heading"),
                cell(f"{one.exactness}: ", _LOOKS[one.exactness]),
                cell(f"{one.construct}: {one.how}"),
            )
    counts = ", ".join(f"{imported.count(one)} {one}" for one in Exactness)
    invocation.output.note(cell(f"{len(imported.rules)} rules; constructs: {counts}."))


def _document(imported: Imported) -> dict[str, object]:
    return {
        "version": 1,
        "rules": [{"name": rule.name, "enabled": rule.is_enabled} for rule in imported.rules],
        "findings": [_finding_document(one) for one in imported.findings],
    }


def _finding_document(finding: Finding) -> dict[str, object]:
    return {
        "line": finding.line,
        "construct": finding.construct,
        "exactness": finding.exactness,
        "how": finding.how,
    }
