"""The verb ``schema``: what editors check rule files by."""

from __future__ import annotations

import click

from mailrules.cli.configuration import read_file
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.errors import MailrulesError
from mailrules.plugin_manager import PluginManager
from mailrules.rules.json_schema import json_schema
from mailrules.rules.loader import named_plugins


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
