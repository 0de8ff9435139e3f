"""The verb ``check``: every mistake in the configuration and the rules."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load
from mailrules.cli.exit_status import ExitStatus, status_of
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import cell, plural
from mailrules.diagnostics import Severity, in_order
from mailrules.errors import MailrulesError, RuleError

if TYPE_CHECKING:
    from mailrules.diagnostics import Diagnostic
    from mailrules.rules.loader import LoadedConfiguration

_SEVERITY_LOOKS = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.NOTICE: "dim"}


@click.command(cls=Verb, name="check")
@click.option("--online", is_flag=True, help="Ask the servers too: are the mailboxes, extensions and rights there?")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@pass_invocation
def check(invocation: Invocation, *, online: bool, as_json: bool) -> ExitStatus:
    """Find every mistake in the configuration and the rules.

    All files that the configuration includes are read; each finding has its file, line and column. Asks no
    server, unless --online is given: then it logs in to every account, opens no mailbox and changes nothing.
    """
    invocation.start_logging()
    configuration: LoadedConfiguration | None = None
    try:
        configuration, _ = load(invocation.config_path, thorough=True)
        findings = in_order([*configuration.warnings, *configuration.notices])
    except RuleError as error:
        findings = error.diagnostics
    failures: dict[str, MailrulesError] = {}
    if online and configuration is not None:
        # Everything that speaks to a server, which takes longer to load than most files to check.
        from mailrules.cli.server_questions import ask_servers  # noqa: PLC0415 -- see above
        from mailrules.cli.session import run_until_done  # noqa: PLC0415 -- see above

        misfitting, failures = run_until_done(ask_servers(configuration))
        findings = in_order([*findings, *misfitting])
    if as_json:
        document: dict[str, object] = {
            "version": 1,
            "valid": configuration is not None,
            "findings": [_finding_document(one) for one in findings],
        }
        if online:
            document["not_asked"] = {name: str(error) for name, error in failures.items()}
        invocation.output.json(document)
    else:
        for finding in findings:
            look = _SEVERITY_LOOKS[finding.severity]
            cure = f"; {finding.cure}" if finding.cure else ""
            invocation.output.line(
                cell(f"{finding.where}: ", "heading"),
                cell(f"{finding.severity}: ", look),
                cell(f"{finding.message}{cure}"),
            )
        for name, failure in failures.items():
            invocation.output.line(cell(f"{name}: ", "heading"), cell(f"not asked: {failure}", "bad"))
        invocation.output.line(_verdict(configuration, findings))
    if failures:
        return status_of(ExceptionGroup("accounts", list(failures.values())))
    return ExitStatus.DONE if configuration else ExitStatus.INVALID


def _verdict(configuration: LoadedConfiguration | None, findings: tuple[Diagnostic, ...]) -> str:
    counts = Counter(one.severity for one in findings)
    errors, warnings = plural(counts[Severity.ERROR], "error"), plural(counts[Severity.WARNING], "warning")
    notices = f", {plural(counts[Severity.NOTICE], 'notice')}" if counts[Severity.NOTICE] else ""
    if configuration is None:
        return f"{errors}, {warnings}{notices}."
    rules = configuration.rules
    return (
        f"{plural(len(rules.rules), 'rule')} for {plural(len(rules.mailboxes), 'mailbox', 'mailboxes')} in "
        f"{plural(len(rules.files), 'file')}: no errors, {warnings}{notices}."
    )


def _finding_document(finding: Diagnostic) -> dict[str, object]:
    return {
        "file": finding.where.file,
        "line": finding.where.line,
        "column": finding.where.column,
        "severity": finding.severity,
        "message": finding.message,
        "cure": finding.cure,
    }
