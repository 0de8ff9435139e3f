"""The verb ``paths``: which files are used, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import Column, cell
from mailrules.cli.paths import JOURNAL_NAME
from mailrules.journal.kill_switch import FILE_NAME, KillSwitch

if TYPE_CHECKING:
    from mailrules.cli.paths import ChosenPath


@click.command(cls=Verb, name="paths")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@pass_invocation
def paths(invocation: Invocation, *, as_json: bool) -> None:
    """Show which files are used, and why."""
    config, state = invocation.config_path, invocation.state_path
    journal = state.path / JOURNAL_NAME
    stopped = KillSwitch(state.path).reason()
    if as_json:
        found = {"config": _document(config), "state_dir": _document(state), "journal": {"path": str(journal)}}
        found["read_only"] = {"is_on": bool(stopped), "reason": stopped}
        invocation.output.json({"version": 1, **found})
        return
    rows = [
        (cell("configuration"), cell(str(config.path)), cell(config.reason, "dim")),
        (cell("state directory"), cell(str(state.path)), cell(state.reason, "dim")),
        (cell("journal"), cell(str(journal)), cell("in the state directory", "dim")),
        (cell("kill switch"), cell(str(state.path / FILE_NAME)), cell("on" if stopped else "off", "dim")),
    ]
    invocation.output.table([Column(title="What"), Column(title="Path", share=1), Column(title="Why")], rows)
    if stopped:
        invocation.output.line(cell("kill switch: ", "warn"), cell(stopped))


def _document(chosen: ChosenPath) -> dict[str, object]:
    return {"path": str(chosen.path), "reason": chosen.reason, "exists": chosen.path.exists()}
