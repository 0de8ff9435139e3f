"""The noun ``plugins``, and the verbs that plugins add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load, read_file
from mailrules.cli.invocation import Invocation, Noun, pass_invocation
from mailrules.cli.output import Column, cell
from mailrules.errors import MailrulesError
from mailrules.plugin_manager import PluginManager
from mailrules.rules.loader import named_plugins

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.group(cls=Noun, name="plugins")
def plugins() -> None:
    """List plugins."""


@plugins.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of a table.")
@pass_invocation
def list_(invocation: Invocation, *, as_json: bool) -> None:
    """List the installed plugins, and which of them the configuration enables."""
    path = invocation.config_path.path
    manager = PluginManager.create(named_plugins(str(path), read=read_file) if path.exists() else ())
    words = manager.registry()
    found = manager.installed()
    added = {
        plugin.name: [
            *(f"if {name}" for name, spec in words.conditions.items() if spec.plugin == plugin.name),
            *(f"do {name}" for name, spec in words.actions.items() if spec.plugin == plugin.name),
        ]
        for plugin in found
    }
    if as_json:
        entries = [
            {
                "name": plugin.name,
                "package": plugin.distribution,
                "version": plugin.version,
                "summary": plugin.summary,
                "enabled": plugin.enabled,
                "words": added[plugin.name],
            }
            for plugin in found
        ]
        invocation.output.json({"version": 1, "plugins": entries})
        return
    if not found:
        invocation.output.line("No plugin is installed; the built-in conditions and actions are always there.")
        return
    rows = [
        (
            cell(plugin.name, "heading"),
            cell("enabled", "good") if plugin.enabled else cell("not enabled", "dim"),
            cell(f"{plugin.distribution} {plugin.version}", "dim"),
            cell(", ".join(added[plugin.name])),
            cell(plugin.summary, "dim"),
        )
        for plugin in found
    ]
    titles = ("Plugin", "", "Package", "Adds", "What it is")
    invocation.output.table([Column(title=title) for title in titles], rows)
    if not all(plugin.enabled for plugin in found):
        invocation.output.line("  ", cell("Enable one with `plugins: [NAME]` in the configuration.", "dim"))


def commands_of_plugins(invocation: Invocation) -> Mapping[str, click.Command]:
    """The verbs that the configuration's plugins add; none if the configuration does not load.

    A mistyped verb ends up here, and is best answered by "No such command".
    """
    try:
        return load(invocation.config_path).plugins.commands()
    except (MailrulesError, OSError):
        return {}
