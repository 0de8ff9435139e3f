"""How the state of the journal looks to a person (``doctor --journal``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.output import Column, cell, number
from mailrules.cli.paths import JOURNAL_NAME
from mailrules.cli.session import run_until_done
from mailrules.journal.checkup import check_up

if TYPE_CHECKING:
    from mailrules.cli.invocation import Invocation
    from mailrules.journal.checkup import Checkup


def show_checkup(invocation: Invocation, *, as_json: bool) -> ExitStatus:
    """Look at the journal; status 1 if something is bad."""
    checkup = run_until_done(check_up(invocation.state_path.path / JOURNAL_NAME))
    output = invocation.output
    if as_json:
        output.json(checkup_document(checkup))
    else:
        output.heading(str(checkup.path), "well" if checkup.is_well else "not well")
        if health := checkup.health:
            sizes = (
                f"{number(health.size_bytes)} bytes, log {number(checkup.log_bytes)}, free {number(health.free_bytes)}"
            )
            rows = [
                ("schema", number(checkup.schema)),
                ("size", sizes),
                ("free disk", f"{number(checkup.free_disk_bytes)} bytes"),
                ("rows", ", ".join(f"{name} {number(count)}" for name, count in health.rows)),
            ]
            output.table(
                [Column(title="What"), Column(title="Value", share=1)],
                [(cell(one), cell(other)) for one, other in rows],
            )
        for finding in checkup.findings:
            look = "bad" if finding.is_bad else "warn"
            cure = cell(f"; {finding.cure}" if finding.cure else "", "dim")
            output.line(cell(f"{finding.kind.replace('_', ' ')}: ", look), cell(finding.message), cure)
    return ExitStatus.DONE if checkup.is_well else ExitStatus.FAILED


def checkup_document(checkup: Checkup) -> dict[str, object]:
    """The state of the journal in JSON values, version 1 (docs/reference/commands.md)."""
    health = checkup.health
    return {
        "version": 1,
        "path": str(checkup.path),
        "well": checkup.is_well,
        "schema": checkup.schema or None,
        "size_bytes": health.size_bytes if health else None,
        "log_bytes": checkup.log_bytes,
        "free_disk_bytes": checkup.free_disk_bytes,
        "rows": dict(health.rows) if health else {},
        "findings": [
            {"kind": one.kind, "bad": one.is_bad, "message": one.message, "cure": one.cure} for one in checkup.findings
        ],
    }
