"""How is a file that a configuration names read? Every mistake is reported at the place that names it."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from mailrules.diagnostics import Location
from mailrules.errors import RuleError
from mailrules.rules.yaml_source import MAX_FILE_BYTES, read_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.rules.reporter import Reporter
    from mailrules.rules.source import SourceValue

    Read = Callable[[str], bytes]


def read_source(path: str, *, read: Read, reporter: Reporter, at: Location) -> SourceValue | None:
    """The mapping in a rule file, None after reporting what is wrong with it."""
    text = read_text(path, read=read, at=at, reporter=reporter)
    return None if text is None else parse_source(text, path=path, reporter=reporter)


def parse_source(text: str, *, path: str, reporter: Reporter) -> SourceValue | None:
    """The mapping that the text of a rule file is, None after reporting what is wrong with it."""
    parse = _toml() if path.endswith(".toml") else read_yaml
    source = parse(text, file=path, reporter=reporter)
    if source is not None and not source.is_mapping:
        reporter.error(source.at, f"a file is a mapping, not {source.kind}", cure="begin with version: 1")
        return None
    return source


def read_text(path: str, *, read: Read, at: Location, reporter: Reporter) -> str | None:
    """The file's text, or None after reporting at ``at``, the place that names the file."""
    content = read_content(path, read=read, at=at, reporter=reporter)
    if content is None:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        where = Location(file=path, line=line, column=column)
        reporter.error(where, f"the byte 0x{content[error.start]:02x} is not UTF-8", cure="save the file as UTF-8")
        return None


def read_content(path: str, *, read: Read, at: Location, reporter: Reporter) -> bytes | None:
    """The file's bytes, or None after reporting at ``at``."""
    try:
        content = read(path)
    except OSError as error:
        reporter.error(at, f"cannot read {path}: {error.strerror or error}")
        return None
    except RuleError as error:
        for diagnostic in error.diagnostics:
            reporter.report(diagnostic)
        return None
    if len(content) > MAX_FILE_BYTES:
        reporter.error(at, f"{path} has over {MAX_FILE_BYTES} bytes", cure="split the file")
        return None
    return content


def beside(path: str, name: str) -> str:
    """A path as written in a file: relative to that file's folder."""
    return posixpath.join(posixpath.dirname(path), name)


def climbs(name: str) -> bool:
    """Whether a path as written leads out of the folder of its file."""
    return posixpath.isabs(name) or ".." in name.split("/")


def _toml() -> Callable[..., SourceValue | None]:
    from mailrules.rules.toml_source import read_toml  # noqa: PLC0415 -- few write their rules so

    return read_toml
