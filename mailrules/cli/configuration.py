"""How the configuration is read from disk, together with the plugins that it names."""

from __future__ import annotations

import gc
import glob
import os
import shlex
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mailrules.diagnostics import Diagnostic, Location
from mailrules.errors import RuleError
from mailrules.file_trust import distrust
from mailrules.packs import pack_files
from mailrules.plugin_manager import PluginManager
from mailrules.rules.loader import PACK_PREFIX, LoadedConfiguration, load_configuration, named_plugins
from mailrules.rules.yaml_source import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from mailrules.cli.paths import ChosenPath


class Loaded(NamedTuple):
    """What the files say, and the plugins that gave them their words."""

    configuration: LoadedConfiguration
    plugins: PluginManager


def load(chosen: ChosenPath, *, thorough: bool = False) -> Loaded:
    """Load the configuration; ``thorough`` also looks for what is hardly meant, which takes longer.

    Raises RuleError with every mistake, PluginError for a plugin that will not load.
    """
    _check_existence(chosen)
    return _loaded(str(chosen.path), thorough=thorough)


def load_beside(chosen: ChosenPath, file: Path) -> Loaded:
    """Load another file; where it has no accounts, they and the other settings are those of ``chosen``."""
    return _loaded(str(file), settings_of=str(chosen.path))


def load_for_files(chosen: ChosenPath) -> Loaded:
    """Load the configuration for mail in files: accounts that it does not name are made up."""
    _check_existence(chosen)
    return _loaded(str(chosen.path), imagines_accounts=True)


def _loaded(path: str, *, settings_of: str = "", imagines_accounts: bool = False, thorough: bool = False) -> Loaded:
    named = named_plugins(path, read=read_file)
    if settings_of and not named and Path(settings_of).exists():
        named = named_plugins(settings_of, read=read_file)
    plugins = PluginManager.create(named)
    with _without_collecting(), _without_onlookers():
        configuration = load_configuration(
            path,
            read=read_file,
            registry=plugins.registry(),
            expand=_expand,
            settings_of=settings_of,
            imagines_accounts=imagines_accounts,
            thorough=thorough,
        )
    return Loaded(configuration=configuration, plugins=plugins)


def _check_existence(chosen: ChosenPath) -> None:
    if not chosen.path.exists():
        missing = Diagnostic(
            where=Location(file=str(chosen.path)),
            message=f"there is no such file ({chosen.reason})",
            cure="name one with --config FILE, or look at `mailrules demo` first",
        )
        raise RuleError([missing])


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Nothing that loading makes is garbage, yet the collector looks through all of it again and again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def _without_onlookers() -> Iterator[None]:
    """No installed package that calls itself a plugin of pydantic is given what the files say.

    Whose plugins see it, the configuration says; and looking for others in the metadata of every installed
    package takes longer than reading the files.
    """
    name = "PYDANTIC_DISABLE_PLUGINS"
    before = os.environ.get(name)
    os.environ[name] = "__all__"
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before


def load_to_act(chosen: ChosenPath, *, may_fail: Collection[str] = ()) -> Loaded:
    """Load the configuration for a verb that acts: an example that fails is a mistake too, unless it is named."""
    loaded = load(chosen)
    if mistakes := list(_failing_examples(loaded.configuration, may_fail=may_fail)):
        raise RuleError(mistakes)
    return loaded


def _failing_examples(configuration: LoadedConfiguration, *, may_fail: Collection[str]) -> Iterator[Diagnostic]:
    if not configuration.rules.examples:
        return
    from mailrules.plan.example_runner import run_examples  # noqa: PLC0415 -- the planner need not be there to connect

    for result in run_examples(configuration):
        if result.example.name not in may_fail:
            for failure in result.failures:
                yield Diagnostic(
                    where=result.example.where,
                    message=f"the example {result.example.name!r} fails: {failure}",
                    cure="correct the rule or the example, or act in spite of it with: "
                    f"--allow-failing {shlex.quote(result.example.name)}",
                )


def read_file(path: str) -> bytes:
    """The bytes of a configuration, rule or list file.

    Raises RuleError for a file that others may write to, or replace in its directory, since whoever writes rules
    moves mail, and for what is no file: a pipe could make us wait, and a device could fill the memory.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            no_file = Diagnostic(where=Location(file=path), message="this is no regular file", cure="name a file")
            raise RuleError([no_file])
        # A pack lies beside our own code: whoever can write there needs no rule.
        if Path(path) not in pack_files().values():
            reason = distrust(Path(path), status=status) or distrust(Path(path).absolute().parent)
            if reason:
                what, _, cure = reason.partition("; ")
                raise RuleError([Diagnostic(where=Location(file=path), message=what, cure=cure)])
        # One byte more than the loader takes, so that it can say that there is too much.
        return file.read(MAX_FILE_BYTES + 1)


def _without_waiting(path: str, flags: int) -> int:
    """Opening a pipe would wait for somebody to write into it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _expand(pattern: str) -> Sequence[str]:
    """The paths behind an include, in name order; none for a pattern or pack that matches nothing."""
    if pattern.startswith(PACK_PREFIX):
        path = pack_files().get(pattern.removeprefix(PACK_PREFIX))
        return [str(path)] if path else []
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 -- an absolute pattern, which Path.glob refuses
