"""The verb ``import``: other tools' rules written in our language, with what became of each construct."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mailrules.cli.exchange_report import deliver, need_file, tell
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Noun, pass_invocation
from mailrules.exchange.decoding import MAX_FILE_BYTES, utf8_text
from mailrules.exchange.gmail_import import import_gmail
from mailrules.exchange.gmailctl_import import import_gmailctl
from mailrules.exchange.imapautofiler_import import import_imapautofiler
from mailrules.exchange.imported import Exactness, ExchangeError
from mailrules.exchange.rule_text import rule_file
from mailrules.exchange.sieve_import import import_sieve
from mailrules.exchange.thunderbird_import import import_thunderbird

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.exchange.imported import Finding, Imported

F = TypeVar("F", bound="Callable[..., Any]")  # Any: click takes functions of any shape

_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)


@click.group(cls=Noun, name="import")
def import_() -> None:
    """Write other tools' rules in our language."""


def _output_options(function: F) -> F:
    """Where the rules go, and how is told of them."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document; needs --output."),
        click.option(
            "-o",
            "--output",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Write the rules there; a file that exists is not overwritten.",
        ),
    ):
        function = option(function)
    return function


def _options(function: F) -> F:
    """What every format can be told that does not say itself what it watches."""
    watched = click.option(
        "--in", "mailboxes", multiple=True, metavar="MAILBOX", help="What the rules watch: home/INBOX."
    )
    return watched(_output_options(function))


@import_.command(name="sieve")
@click.argument("script", type=_FILE)
@_options
@pass_invocation
def import_sieve_command(
    invocation: Invocation, *, script: Path, mailboxes: tuple[str, ...], output: Path | None, as_json: bool
) -> ExitStatus:
    """Make a rule file of a Sieve script, to be named under `include`.

    The rules go to stdout or to `--output`, the report to stderr: what each command and test became, by line. What
    our rules cannot say is kept as a disabled rule with its source; the exit status is 7 then.
    """

    def read(content: bytes) -> Imported:
        return import_sieve(utf8_text(content, format_name="Sieve"))

    return _import(invocation, read, script, mailboxes=mailboxes, output=output, as_json=as_json)


@import_.command(name="gmail")
@click.argument("filters", type=_FILE)
@_options
@pass_invocation
def import_gmail_command(
    invocation: Invocation, *, filters: Path, mailboxes: tuple[str, ...], output: Path | None, as_json: bool
) -> ExitStatus:
    """Make a rule file of Gmail's filters, as its settings export them: mailFilters.xml.

    What only Gmail can judge becomes a `gmail` condition with the search as it was written.
    """
    return _import(invocation, import_gmail, filters, mailboxes=mailboxes, output=output, as_json=as_json)


@import_.command(name="gmailctl")
@click.argument("configuration", type=_FILE)
@_options
@pass_invocation
def import_gmailctl_command(
    invocation: Invocation, *, configuration: Path, mailboxes: tuple[str, ...], output: Path | None, as_json: bool
) -> ExitStatus:
    """Make a rule file of a configuration of gmailctl, as JSON: what `jsonnet config.jsonnet` prints.

    Its tests become examples beside the rules.
    """
    return _import(invocation, import_gmailctl, configuration, mailboxes=mailboxes, output=output, as_json=as_json)


@import_.command(name="thunderbird")
@click.argument("filters", type=_FILE)
@_options
@pass_invocation
def import_thunderbird_command(
    invocation: Invocation, *, filters: Path, mailboxes: tuple[str, ...], output: Path | None, as_json: bool
) -> ExitStatus:
    """Make a rule file of Thunderbird's filters: msgFilterRules.dat in the account's directory of the profile."""
    return _import(invocation, import_thunderbird, filters, mailboxes=mailboxes, output=output, as_json=as_json)


@import_.command(name="imapautofiler")
@click.argument("configuration", type=_FILE)
@click.option("--account", default="", metavar="NAME", help="An account that you have already, in the server's place.")
@_output_options
@pass_invocation
def import_imapautofiler_command(
    invocation: Invocation, *, configuration: Path, account: str, output: Path | None, as_json: bool
) -> ExitStatus:
    """Make a configuration of one of imapautofiler: its server becomes an account, without the password.

    With `--account` it is a rule file, to be named under `include`.
    """
    if "/" in account:
        raise click.UsageError("--account is the name of an account, without a mailbox")

    def read(content: bytes) -> Imported:
        return import_imapautofiler(content, account=account)

    return _import(invocation, read, configuration, mailboxes=(), output=output, as_json=as_json)


def _import(
    invocation: Invocation,
    read: Callable[[bytes], Imported],
    source: Path,
    *,
    mailboxes: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> ExitStatus:
    """Read a file of one format, and write what comes of it."""
    need_file(output, as_json=as_json, what="rules")
    name = "stdin" if str(source) == "-" else source.name
    try:
        imported = read(_content(source))
    except ExchangeError as error:
        raise click.ClickException(f"{name}:{error.line}: {error}") from error
    deliver(invocation.output, rule_file(imported, origin=name, mailboxes=mailboxes), to=output)
    if as_json:
        invocation.output.json(_document(imported))
    else:
        counts = ", ".join(f"{imported.count(one)} {one}" for one in Exactness)
        findings = ((f"{name}:{one.line}", one.construct, one.exactness, one.how) for one in imported.findings)
        tell(invocation.output, findings, summary=f"{len(imported.rules)} rules; constructs: {counts}.")
    return ExitStatus.PARTLY_DONE if imported.count(Exactness.REFUSED) else ExitStatus.DONE


def _content(path: Path) -> bytes:
    """The file, or as much of it as shows that it is too long."""
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES + 1)


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
