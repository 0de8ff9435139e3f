"""The verb ``test``: the examples beside the rules, and messages on disk."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load_for_files
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import cell, plural
from mailrules.cli.plan_view import step_text
from mailrules.mail_on_disk import read_mail_file
from mailrules.plan.example_runner import run_examples, run_on_mail
from mailrules.rules.quantities import QuantityError, parse_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.cli.output import Output
    from mailrules.plan.example_runner import ExampleResult, MailResult


class _Instant(click.ParamType[datetime]):
    """An instant with its zone, as in rule files."""

    name = "INSTANT"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = parse_moment(str(value))
        except QuantityError as error:
            self.fail(f"{error}; {error.cure}", param, ctx)
        if not isinstance(moment, datetime):
            self.fail(f"{value!r} is a day; write an instant: 2026-01-31T08:00:00+01:00", param, ctx)
        return moment


@click.command(cls=Verb, name="test")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mailbox", default="", metavar="NAME", help="Judge the files as mail in this mailbox of the rules.")
@click.option("--now", type=_Instant(), help="Judge the files at this instant, not at the one when they came.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of lines.")
@pass_invocation
def test(
    invocation: Invocation, *, files: tuple[Path, ...], mailbox: str, now: datetime | None, as_json: bool
) -> ExitStatus:
    """Run the examples that stand beside the rules.

    Examples are the entries under `tests:`. FILEs are messages (.eml): for each it is shown which rules match and
    what they would do. Asks no server, and nothing depends on the day on which it is run.
    """
    invocation.start_logging()
    if not files and (mailbox or now):
        raise click.UsageError("--mailbox and --now go with files")
    configuration, _ = load_for_files(invocation.config_path)
    results = run_examples(configuration)
    mails: list[MailResult] = []
    for file in files:
        judged = run_on_mail(configuration, str(file), read_mail_file(file), mailbox=mailbox, now=now)
        if judged is None:
            known = ", ".join(str(ref) for ref in configuration.rules.mailboxes)
            raise click.UsageError(f"no rule looks at the mailbox {mailbox!r}; the rules' mailboxes are: {known}")
        mails.append(judged)
    if as_json:
        document: dict[str, object] = {"version": 1, "examples": list(map(_example_document, results))}
        invocation.output.json({**document, "files": list(map(_mail_document, mails))})
    else:
        _show(invocation.output, results, mails)
    return ExitStatus.FAILED if any(result.failures for result in results) else ExitStatus.DONE


def _show(output: Output, results: Sequence[ExampleResult], mails: Sequence[MailResult]) -> None:
    for mail in mails:
        _show_mail(output, mail)
    failed = [result for result in results if result.failures]
    for result in failed:
        output.line(cell(f"{result.example.where}: ", "heading"), cell("failed: ", "bad"), cell(result.example.name))
        for failure in result.failures:
            output.line("  ", cell(failure))
    if failed:
        output.line(f"{len(failed)} of {plural(len(results), 'example')} failed.")
    elif results:
        output.line(cell("ok: ", "good"), f"{plural(len(results), 'example')} passed.")
    elif not mails:
        output.line("There are no examples; put some under `tests:` beside the rules.")


def _show_mail(output: Output, mail: MailResult) -> None:
    output.heading(mail.name, f"{mail.sender}  {mail.subject}".strip())
    output.line("  ", cell(f"in {mail.ref} at {mail.now.isoformat(sep=' ', timespec='seconds')}", "dim"))
    if mail.matched:
        output.line("  ", cell("matches ", "good"), cell(", ".join(mail.matched)))
    else:
        output.line("  ", cell("no rule matches", "dim"))
    for message in mail.plan.messages:
        for step in message.steps:
            output.line("  ", step_text(step), cell(f"  {step.rule}: {step.reason}" if step.reason else "", "dim"))
    for finding in mail.plan.findings:
        output.line("  ", cell(f"{finding.kind}: ", "warn"), cell(f"{finding.rule}: {finding.reason}"))
    output.line()


def _example_document(result: ExampleResult) -> dict[str, object]:
    example = result.example
    document: dict[str, object] = {"name": example.name, "where": str(example.where)}
    return document | {"passed": not result.failures, "failures": list(result.failures)}


def _mail_document(mail: MailResult) -> dict[str, object]:
    return {
        "file": mail.name,
        "from": mail.sender,
        "subject": mail.subject,
        "account": mail.ref.account,
        "mailbox": mail.ref.mailbox,
        "now": mail.now.isoformat(),
        "matched": list(mail.matched),
        "steps": [
            {"kind": step.kind, "rule": step.rule, "to": step.to, "flags": list(step.flags), "reason": step.reason}
            for message in mail.plan.messages
            for step in message.steps
        ],
        "findings": [{"rule": one.rule, "kind": one.kind, "reason": one.reason} for one in mail.plan.findings],
    }
