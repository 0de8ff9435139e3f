"""The verbs about rule files themselves: ``check``, ``test`` and ``schema``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load, read_file
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import cell, plural
from mailrules.cli.session import local_now
from mailrules.diagnostics import Severity
from mailrules.errors import MailrulesError, RuleError
from mailrules.plan.example_runner import run_examples
from mailrules.plugin_manager import PluginManager
from mailrules.rules.json_schema import json_schema
from mailrules.rules.loader import named_plugins

if TYPE_CHECKING:
    from mailrules.diagnostics import Diagnostic
    from mailrules.rules.loader import LoadedConfiguration

_SEVERITY_LOOKS = {Severity.ERROR: "bad", Severity.WARNING: "warn"}


@click.command(cls=Verb, name="check")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@pass_invocation
def check(invocation: Invocation, *, as_json: bool) -> ExitStatus:
    """Find every mistake in the configuration and the rules.

    All files that the configuration includes are read; each finding has its file, line and column. Asks no
    server.
    """
    invocation.start_logging()
    configuration: LoadedConfiguration | None = None
    try:
        configuration, _ = load(invocation.config_path)
        findings = configuration.warnings
    except RuleError as error:
        findings = error.diagnostics
    if as_json:
        findings_document = [_finding_document(one) for one in findings]
        invocation.output.json({"version": 1, "valid": configuration is not None, "findings": findings_document})
    else:
        for finding in findings:
            look = _SEVERITY_LOOKS[finding.severity]
            cure = f"; {finding.cure}" if finding.cure else ""
            invocation.output.line(
                cell(f"{finding.where}: ", "heading"),
                cell(f"{finding.severity}: ", look),
                cell(f"{finding.message}{cure}"),
            )
        invocation.output.line(_verdict(configuration, findings))
    return ExitStatus.DONE if configuration else ExitStatus.INVALID


@click.command(cls=Verb, name="test")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@pass_invocation
def test(invocation: Invocation, *, as_json: bool) -> ExitStatus:
    """Run the examples that stand beside the rules.

    They are the entries under `tests:`. Asks no server.
    """
    invocation.start_logging()
    configuration, _ = load(invocation.config_path)
    results = run_examples(configuration, now=local_now())
    failed = [result for result in results if result.failures]
    output = invocation.output
    if as_json:
        document = [
            {
                "name": result.example.name,
                "where": str(result.example.where),
                "passed": not result.failures,
                "failures": list(result.failures),
            }
            for result in results
        ]
        output.json({"version": 1, "examples": document})
    else:
        for result in failed:
            output.line(
                cell(f"{result.example.where}: ", "heading"), cell("failed: ", "bad"), cell(result.example.name)
            )
            for failure in result.failures:
                output.line("  ", cell(failure))
        if not results:
            output.line("There are no examples; put some under `tests:` beside the rules.")
        elif failed:
            output.line(f"{len(failed)} of {plural(len(results), 'example')} failed.")
        else:
            output.line(cell("ok: ", "good"), f"{plural(len(results), 'example')} passed.")
    return ExitStatus.FAILED if failed else ExitStatus.DONE


@click.command(cls=Verb, name="schema")
@pass_invocation
def schema(invocation: Invocation) -> None:
    """Print the JSON Schema of rule files, for editors.

    It has the words of the plugins that are enabled. Editors that know the YAML language server read it
    from a first line such as
    `# yaml-language-server: $schema=mailrules.schema.json`.
    """
    try:
        enabled = named_plugins(str(invocation.config_path.path), read=read_file)
        manager = PluginManager.create(enabled)
    except (MailrulesError, OSError):
        manager = PluginManager.create()
    invocation.output.json(json_schema(manager.registry()))


def _verdict(configuration: LoadedConfiguration | None, findings: tuple[Diagnostic, ...]) -> str:
    errors = sum(one.severity is Severity.ERROR for one in findings)
    warnings = len(findings) - errors
    if configuration is None:
        return f"{plural(errors, 'error')}, {plural(warnings, 'warning')}."
    rules = configuration.rules
    return (
        f"{plural(len(rules.rules), 'rule')} for {plural(len(rules.mailboxes), 'mailbox', 'mailboxes')} in "
        f"{plural(len(rules.files), 'file')}: no errors, {plural(warnings, 'warning')}."
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
