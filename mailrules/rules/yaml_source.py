"""How YAML text becomes values with places: libyaml's events and a strict builder of our own.

YAML's surprises are errors here: duplicate keys, aliases, anchors, tags, several documents, the
words yes, no, on and off, and ``12:30``, which YAML 1.1 reads as the number 750. The builder keeps its own
stack, so depth in a file is never depth in our calls.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING

import yaml

from mailrules.diagnostics import Location
from mailrules.rules.source import Scalar, SourceValue
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.rules.reporter import Reporter

MAX_FILE_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
MAX_NODES = 200_000

_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_NUMBER_STARTS = frozenset("+-0123456789")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?")
_OLD_OCTAL = re.compile(r"[-+]?0[0-7]+")
# The characters that YAML 1.2 section 5.1 leaves out of its printable set. A class of all but the printable ones takes
# many times as long to compile.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_PLAIN_WORDS = {
    "could not find expected ':'": ('a ":" is missing after this key', "write key: value"),
    "mapping values are not allowed": (
        'a ":" is not allowed here',
        'quote text that holds ": ", and check the indentation',
    ),
    "unknown escape character": ("a backslash means something special in double quotes", "use single quotes: '...'"),
    "did not find expected key": ("this line does not fit the lines above it", "check its indentation and quotes"),
    "did not find expected '-'": ("this line does not fit the lines above it", "check its indentation and quotes"),
    "expected alphabetic or numeric": ("text that begins with * or & needs quotes", "use single quotes: '*...'"),
}
_TRUTH_WORDS = frozenset({"yes", "no", "on", "off", "true", "false"})


def read_yaml(text: str, *, file: str, reporter: Reporter) -> SourceValue | None:
    """The file's one value, or None after a syntax error; other mistakes do not stop the reading.

    An empty file is an empty mapping.
    """
    builder = _Builder(file=file, reporter=reporter)
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        where = place_of(text, offset=forbidden.start(), file=file)
        reporter.error(where, f"the character U+{ord(forbidden[0]):04X} may not stand in YAML", cure="remove it")
        return None
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
            if builder.is_over_a_limit:
                # libyaml takes quadratic time over nested brackets, so the rest is not even looked at.
                return None
    except yaml.MarkedYAMLError as error:
        _report_syntax_error(error, text=text, file=file, reporter=reporter)
        return None
    return builder.result or SourceValue(value={}, at=Location(file=file, line=1, column=1))


def place_of(text: str, *, offset: int, file: str) -> Location:
    """The line and column of a character offset."""
    before = text[:offset]
    return Location(file=file, line=before.count("\n") + 1, column=offset - (before.rfind("\n") + 1) + 1)


@dataclass(slots=True, kw_only=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    at: Location
    items: list[SourceValue] = field(default_factory=list)
    entries: dict[str, SourceValue] | None = None
    keys: dict[str, Location] = field(default_factory=dict)
    key: tuple[str, Location] | None = None

    @property
    def expects_key(self) -> bool:
        return self.entries is not None and self.key is None

    def closed(self) -> SourceValue:
        if self.entries is None:
            return SourceValue(value=tuple(self.items), at=self.at)
        return SourceValue(value=self.entries, at=self.at, keys=self.keys)


class _Builder:
    def __init__(self, *, file: str, reporter: Reporter) -> None:
        self.result: SourceValue | None = None
        self.is_over_a_limit = False
        self._nodes = 0
        self._file = file
        self._reporter = reporter
        self._open: list[_Open] = []
        self._skipped_depth = 0
        self._documents = 0

    def at(self, event: yaml.Event) -> Location:
        mark = event.start_mark
        return Location(self._file, mark.line + 1, mark.column + 1) if mark else Location(self._file)

    def take(self, event: yaml.Event) -> None:
        # The usual kinds first: a large configuration has a million events.
        if isinstance(event, yaml.NodeEvent):
            self._take_node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            if self._skipped_depth:
                self._skipped_depth -= 1
            else:
                self._place(self._open.pop().closed())
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents == 2:
                self._reporter.error(self.at(event), "a file holds one document", cure='remove the "---"')
            self._skipped_depth = 1 if self._documents > 1 else 0

    def _take_node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._refuse(event, f"the file holds more than {MAX_NODES} values", cure="split it")
        if self._skipped_depth:
            if isinstance(event, yaml.CollectionStartEvent):
                self._skipped_depth += 1
                self._check_depth(event)
            return
        mark = event.start_mark
        at = Location(self._file, mark.line + 1, mark.column + 1) if mark else Location(self._file)
        if isinstance(event, yaml.ScalarEvent) and event.anchor is None and event.tag is None:
            self._take_scalar(event, at)
            return
        if isinstance(event, yaml.AliasEvent):
            self._reporter.broken(at, f'the alias "*{event.anchor}" is not allowed', cure="write the value out")
            if self._open and self._open[-1].expects_key:
                self._open[-1].key = ("", at)
            else:
                self._place(SourceValue(value=None, at=at))
            return
        if event.anchor is not None:
            self._reporter.error(
                at, f'the anchor "&{event.anchor}" is not allowed', cure="use a named condition or list"
            )
        if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) and event.tag is not None:
            self._reporter.error(at, f'the tag "{event.tag}" is not allowed', cure="remove it")
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event, at)
        else:
            self._take_start(event, at)

    def _take_scalar(self, event: yaml.ScalarEvent, at: Location) -> None:
        text = event.value
        if self._open and self._open[-1].expects_key:
            self._take_key(text, at)
        else:
            value = text if event.style else self._plain_value(text, at)
            self._place(SourceValue(value=value, at=at, text=text))

    def _take_start(self, event: yaml.NodeEvent, at: Location) -> None:
        if self._open and self._open[-1].expects_key:
            self._reporter.broken(at, "a key must be plain text", cure="quote text that begins with [ or {")
            self._open[-1].key = ("", at)
            self._skipped_depth = 1
        else:
            self._open.append(_Open(at=at, entries={} if isinstance(event, yaml.MappingStartEvent) else None))
        self._check_depth(event)

    def _check_depth(self, event: yaml.NodeEvent) -> None:
        if len(self._open) + self._skipped_depth > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels", cure="use named conditions")

    def _refuse(self, event: yaml.NodeEvent, message: str, *, cure: str) -> None:
        self._reporter.error(self.at(event), message, cure=cure)
        self.is_over_a_limit = True

    def _take_key(self, key: str, at: Location) -> None:
        top = self._open[-1]
        if key in top.keys:
            first = top.keys[key]
            self._reporter.error(
                at, f'the key "{key}" stands here twice, first in line {first.line}', cure="remove one"
            )
            at = first
        top.key = (key, at)

    def _place(self, value: SourceValue) -> None:
        if not self._open:
            self.result = value
            return
        top = self._open[-1]
        if top.entries is None:
            top.items.append(value)
        elif top.key is not None:
            key, at = top.key
            top.key = None
            if key not in top.entries:
                top.entries[key], top.keys[key] = value, at

    def _plain_value(self, text: str, at: Location) -> Scalar:
        """What an unquoted scalar means: YAML 1.2's core words and numbers; older readings are errors."""
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        # What is no number begins with no digit or sign, and is the usual text.
        if text[0] in _NUMBER_STARTS:
            if _INTEGER.fullmatch(text):
                return int(text)
            if _FLOAT.fullmatch(text):
                return float(text)
        lower = text.lower()
        if lower in _TRUTH_WORDS:
            word = "true" if lower in ("yes", "on", "true") else "false"
            self._reporter.broken(
                at, f'"{text}" without quotes is ambiguous', cure=f"write {word}, or quote it: '{text}'"
            )
            return word == "true"
        if text[0] in _NUMBER_STARTS:
            self._check_old_numbers(text, at)
        return text

    def _check_old_numbers(self, text: str, at: Location) -> None:
        if _SEXAGESIMAL.fullmatch(text):
            self._reporter.error(
                at, f"{text} without quotes is a number to other YAML readers", cure=f'quote it: "{text}"'
            )
        if _OLD_OCTAL.fullmatch(text):
            self._reporter.error(
                at, f"{text} without quotes is an octal number to other YAML readers", cure=f'quote it: "{text}"'
            )


def _report_syntax_error(error: yaml.MarkedYAMLError, *, text: str, file: str, reporter: Reporter) -> None:
    """Tell libyaml's complaint as a sentence, with its usual cure."""
    problem, mark = error.problem or "", error.problem_mark or error.context_mark
    if "flow" in problem or "expected ',' or" in problem:
        mark = error.context_mark or mark
        message, cure = 'the list or mapping that is opened here is not closed, or lacks a ","', "check its brackets"
    elif "unexpected end of stream" in problem:
        mark = error.context_mark or mark
        message, cure = "the quote that is opened here is not closed", "add the missing quote"
    elif "cannot start any token" in problem:
        sign = "a tab" if mark and "\t" in text.split("\n")[mark.line] else "this character"
        message, cure = f"{sign} cannot begin a value", "indent with spaces, and quote text that begins with a sign"
    else:
        message, cure = next(
            (words for sign, words in _PLAIN_WORDS.items() if sign in problem), (f"this is not YAML: {problem}", "")
        )
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    reporter.error(Location(file=file, line=line, column=column), message, cure=cure)
