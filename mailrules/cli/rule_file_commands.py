"""The noun ``rules``: the user's own rule files, edited so that every comment stays."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from mailrules.cli.configuration import load, read_file
from mailrules.cli.invocation import Invocation, Noun, pass_invocation
from mailrules.diagnostics import Diagnostic, Location
from mailrules.errors import MailrulesError, RuleError
from mailrules.packs import pack_files
from mailrules.rules.reading import read_source
from mailrules.rules.reporter import Reporter, did_you_mean
from mailrules.rules.switching import NotSwitched, switched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.rules.source import SourceValue

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@click.group(cls=Noun, name="rules")
def rules() -> None:
    """Switch rules on and off in your files."""


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
    mark = _BYTE_ORDER_MARK if before.startswith(_BYTE_ORDER_MARK) else b""
    _replace(Path(place.path).resolve(), mark + after.encode())
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
