"""The noun ``rules``: the user's own rule files, edited so that every comment stays."""

from __future__ import annotations

import os
import tempfile
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from mailrules.cli.configuration import load, read_file
from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import Invocation, Noun, pass_invocation
from mailrules.diagnostics import Diagnostic, Location
from mailrules.errors import MailrulesError, RuleError
from mailrules.packs import pack_files
from mailrules.rules.formatting import NotFormatted, formatted
from mailrules.rules.reading import read_source
from mailrules.rules.reporter import Reporter, did_you_mean
from mailrules.rules.switching import NotSwitched, switched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.rules.source import SourceValue

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@click.group(cls=Noun, name="rules")
def rules() -> None:
    """Switch rules on and off in your files, and format them."""


@rules.command(name="enable")
@click.argument("name")
@pass_invocation
def enable(invocation: Invocation, *, name: str) -> None:
    """Let a rule act again that was switched off.

    Changes one line of the file in which the rule stands.
    """
    _switch(invocation, name, on=True)


@rules.command(name="disable")
@click.argument("name")
@pass_invocation
def disable(invocation: Invocation, *, name: str) -> None:
    """Switch a rule off: it is checked, and does nothing.

    Changes one line of the file in which the rule stands.
    """
    _switch(invocation, name, on=False)


@rules.command(name="fmt")
@click.option("--check", "only_checks", is_flag=True, help="Change nothing; show what would change, and end with 1.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@pass_invocation
def fmt(invocation: Invocation, *, only_checks: bool, files: tuple[str, ...]) -> ExitStatus:
    """Give rule files an even form: indentation, empty lines, ends of lines.

    Comments, order and quotes stay. FILEs are YAML; without any, the configuration and the files that it includes.
    """
    invocation.start_logging()
    paths = files or tuple(_own_files(invocation))
    for path in paths:
        if path.endswith(".toml"):
            where = Location(file=path)
            raise RuleError([Diagnostic(where=where, message="fmt knows YAML, not TOML", cure="leave this file out")])
    reporter = Reporter()
    sources = {path: read_source(path, read=read_file, reporter=reporter, at=Location(file=path)) for path in paths}
    refused: list[Diagnostic] = []
    changed = 0
    for path, source in sources.items():
        if source is None or reporter.has_errors:
            continue
        before = read_file(path)
        text = before.decode("utf-8-sig")
        try:
            after = formatted(text, source)
        except NotFormatted as error:
            refused.append(
                Diagnostic(where=Location(file=path), message=f"left as it is: {error}", cure="format it by hand")
            )
            continue
        if after == text:
            continue
        changed += 1
        if only_checks:
            for line in unified_diff(text.splitlines(), after.splitlines(), path, path, lineterm=""):
                invocation.output.line(line)
        else:
            _replace(Path(path).resolve(), _with_mark_of(before, after))
            invocation.output.line(f"{path}: formatted.")
    if reporter.has_errors or refused:
        raise RuleError([*reporter.all, *refused])
    if not changed:
        invocation.output.line("Nothing to format.")
    return ExitStatus.FAILED if changed and only_checks else ExitStatus.DONE


class _Place(NamedTuple):
    path: str
    source: SourceValue
    number: int
    """Which of the file's rules."""


def _switch(invocation: Invocation, name: str, *, on: bool) -> None:
    invocation.start_logging()
    configuration, _ = load(invocation.config_path)
    places = dict(_named_rules(configuration.rules.files))
    if name not in places:
        cure = did_you_mean(name, places)
        raise click.UsageError(f"there is no rule {name!r}" + (f"; {cure}" if cure else ""))
    place = places[name]
    word = "on" if on else "off"
    if Path(place.path) in pack_files().values():
        raise _refusal(place, f"the rule {name!r} belongs to a pack", cure="copy the pack's rules into your own file")
    before = read_file(place.path)
    text = before.decode("utf-8-sig")
    try:
        after = switched(text, place.source, index=place.number, on=on)
    except NotSwitched as error:
        wanted = "enabled: true" if on else "enabled: false"
        raise _refusal(place, f"the rule {name!r} cannot be switched: {error}", cure=f"write {wanted} there") from error
    if after == text:
        invocation.output.line(f"{name} is {word} already: nothing to change.")
        return
    _replace(Path(place.path).resolve(), _with_mark_of(before, after))
    invocation.output.line(f"{name} is {word} ({place.path}).")


def _named_rules(paths: tuple[str, ...]) -> Iterator[tuple[str, _Place]]:
    """Every rule in these files, those that are off included; lists among them hold none."""
    for path in paths:
        source = read_source(path, read=read_file, reporter=Reporter(), at=Location(file=path))
        if source is None or "rules" not in source.mapping or not source.mapping["rules"].is_list:
            continue
        for index, rule in enumerate(source.mapping["rules"].items):
            if "name" in rule.mapping:
                yield rule.mapping["name"].text, _Place(path, source, index)


def _own_files(invocation: Invocation) -> Iterator[str]:
    """The configuration and what it includes, in YAML; packs are not the user's."""
    configuration, _ = load(invocation.config_path)
    packs = {str(path) for path in pack_files().values()}
    for path in dict.fromkeys(configuration.rules.files):
        is_first = path == str(invocation.config_path.path)
        if path not in packs and (path.endswith((".yaml", ".yml")) or (is_first and not path.endswith(".toml"))):
            yield path


def _with_mark_of(before: bytes, text: str) -> bytes:
    """The text as bytes, with the byte order mark that the file had."""
    return (_BYTE_ORDER_MARK if before.startswith(_BYTE_ORDER_MARK) else b"") + text.encode()


def _refusal(place: _Place, message: str, *, cure: str) -> RuleError:
    where = place.source.mapping["rules"].items[place.number].key_at("name")
    return RuleError([Diagnostic(where=where, message=message, cure=cure)])


def _replace(path: Path, content: bytes) -> None:
    """Put the new file in the old one's place in one move, with its mode and owner. Raises MailrulesError."""
    try:
        old = path.stat()
        if not os.access(path, os.W_OK):
            raise PermissionError(13, "it is write-protected")
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), old.st_mode & 0o7777)
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MailrulesError(f"cannot change {path}: {error.strerror or error}; nothing was changed") from error
