"""How the configuration is read from disk, together with the plugins that it names."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mailrules.diagnostics import Diagnostic, Location
from mailrules.errors import RuleError
from mailrules.packs import expand_include
from mailrules.plugin_manager import PluginManager
from mailrules.rules.loader import LoadedConfiguration, load_configuration, named_plugins

if TYPE_CHECKING:
    from mailrules.cli.paths import ChosenPath


class Loaded(NamedTuple):
    """What the files say, and the plugins that gave them their words."""

    configuration: LoadedConfiguration
    plugins: PluginManager


def load(chosen: ChosenPath) -> Loaded:
    """Load the configuration. Raises RuleError with every mistake, PluginError for a plugin that will not load."""
    if not chosen.path.exists():
        missing = Diagnostic(
            where=Location(file=str(chosen.path)),
            message=f"there is no such file ({chosen.reason})",
            cure="name one with --config FILE, or look at `mailrules demo` first",
        )
        raise RuleError([missing])
    path = str(chosen.path)
    plugins = PluginManager.create(named_plugins(path, read=read_file))
    configuration = load_configuration(path, read=read_file, registry=plugins.registry(), expand=expand_include)
    return Loaded(configuration=configuration, plugins=plugins)


def read_file(path: str) -> bytes:
    """The bytes of a configuration, rule or list file.

    Raises RuleError for a file that anybody may write to, since whoever writes rules moves mail.
    """
    with Path(path).open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & stat.S_IWOTH and stat.S_ISREG(mode):
            open_to_all = Diagnostic(
                where=Location(file=path),
                message=f"everybody may write to this file (mode {stat.S_IMODE(mode):04o})",
                cure=f"chmod o-w {path}",
            )
            raise RuleError([open_to_all])
        return file.read()
