"""How a regular expression or a glob runs over text: in linear time, by RE2.

Where google-re2 cannot be imported, the ``regex`` package stands in with a time limit for each
text, and ``LINEAR_TIME`` is False, which the commands tell.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mailrules.values import dataclass

try:
    import re2

    LINEAR_TIME = True
except ImportError:
    import regex

    LINEAR_TIME = False

from mailrules.mailbox.text import SURROGATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mailrules.mailbox.columns import JoinedText

FALLBACK_SECONDS = 0.5
MAX_PATTERN_CHARACTERS = 10_000
_SCAN_MEMORY_BYTES = 256 * 1024 * 1024

_NEEDS_ITS_OWN_TEXT = re.compile(r"\\[AzCQ]|\(\?[a-zA-Z]*-")
_SPECIAL = frozenset("\\.+*?()|[]{}^$")


class PatternError(ValueError):
    """A pattern that cannot be compiled; ``position`` counts from 0, None where it is not known."""

    def __init__(self, message: str, *, position: int | None = None) -> None:
        self.message, self.position = message, position
        super().__init__(message if position is None else f"{message} at character {position + 1}")


class PatternTimeout(Exception):
    """The fallback engine gave up on one text; with RE2 this does not happen."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern. Equal text and case make equal patterns."""

    text: str
    ignore_case: bool
    group_names: tuple[str, ...]
    """Named groups, in order."""
    _compiled: Any  # neither engine has types; used in this class only

    def matches(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        return self._search(text) is not None

    def captures(self, text: str) -> dict[str, str] | None:
        """The named groups that took part in the first match, None where there is no match."""
        match = self._search(text)
        if match is None:
            return None
        groups = {name: match.group(name) for name in self.group_names}
        return {name: value for name, value in groups.items() if value is not None}

    def lines_matched(self, joined: JoinedText) -> list[int] | None:
        """Indexes of the texts that match, found in one pass; None where one pass cannot tell.

        A pattern that asks for the absolute start or end of a text cannot be run over many.
        """
        if not LINEAR_TIME or _NEEDS_ITS_OWN_TEXT.search(self.text):
            return None
        options = _options(ignore_case=self.ignore_case)
        # Lines are the texts: ^ and $ hold at their ends, and no match goes beyond one.
        options.never_nl, options.never_capture = True, True
        scanner = re2.compile(f"(?m:{self.text})".encode(), options)
        indexes = []
        found = scanner.search(joined.data)
        while found is not None:
            index = joined.index_at(found.start())
            indexes.append(index)
            found = scanner.search(joined.data, joined.start_of(index + 1)) if index + 1 < len(joined) else None
        return indexes

    def _search(self, text: str) -> Any:  # the engine's match object, or None
        if LINEAR_TIME:
            # RE2 reads UTF-8, in which there are no lone surrogates.
            return self._compiled.search(text if text.isascii() else SURROGATES.sub("\ufffd", text))
        try:
            return self._compiled.search(text, timeout=FALLBACK_SECONDS)
        except TimeoutError as error:
            raise PatternTimeout(f"/{self.text}/ took over {FALLBACK_SECONDS} seconds") from error


def compile_pattern(text: str, *, ignore_case: bool) -> Pattern:
    """Compile a regular expression in RE2's syntax (no backreferences, no look-around).

    Raises PatternError.
    """
    if len(text) > MAX_PATTERN_CHARACTERS:
        raise PatternError(f"a pattern of {len(text):,} characters, over {MAX_PATTERN_CHARACTERS:,}")
    compiled = _compile(text, ignore_case=ignore_case)
    groups = compiled.groupindex
    return Pattern(text, ignore_case, tuple(sorted(groups, key=groups.__getitem__)), compiled)


def compile_glob(text: str, *, ignore_case: bool) -> Pattern:
    """Compile a glob over a whole value: ``*``, ``?``, ``[a-z]``, ``[!a-z]``; nothing else is special.

    Raises PatternError.
    """
    return compile_pattern(rf"(?s)\A{_glob_expression(text)}\z", ignore_case=ignore_case)


def required_literal(text: str) -> str:
    """The longest run of plain ASCII letters, digits and marks that each match of a regex contains.

    "" where none is certain. It is read off the pattern's top level only; what is optional,
    repeated, alternative or inside a group counts for nothing.
    """
    runs, current, depth, index = [""], "", 0, 0
    while index < len(text):
        character = text[index]
        if character == "\\":
            escaped = text[index + 1 : index + 2]
            # An escaped mark stands for itself; an escaped letter or digit is a class or an anchor.
            literal = escaped if escaped.isascii() and escaped and not escaped.isalnum() else ""
            index += 2
            if escaped.isdigit() or escaped in ("p", "P", "Q", "x", "C"):
                return ""
        elif character == "[":
            index, literal = _end_of_class(text, index), ""
        elif character == "{":
            index, literal = max(text.find("}", index), index) + 1, ""
        else:
            literal = "" if character in _SPECIAL or not character.isascii() else character
            index += 1
            if character == "|" and not depth:
                return ""
            depth += {"(": 1, ")": -1}.get(character, 0)
        if text[index : index + 1] in ("*", "?", "{"):
            literal = ""
        if literal and not depth:
            current += literal
        else:
            runs.append(current)
            current = ""
    return max([*runs, current], key=len)


def find_literals(text: bytes, literals: list[bytes]) -> Iterator[tuple[int, int]]:
    """Spans of ``text``, ascending, such that every occurrence of a literal starts inside one."""
    if LINEAR_TIME:
        expression = b"|".join(re2.escape(literal) for literal in literals)
        options = _options(ignore_case=False)
        options.max_mem, options.never_capture = _SCAN_MEMORY_BYTES, True
        scanner = re2.compile(expression, options)
    else:
        scanner = re.compile(b"|".join(re.escape(literal) for literal in literals))
    for match in scanner.finditer(text):
        yield match.span()


def _compile(text: str, *, ignore_case: bool) -> Any:  # see Pattern
    if not LINEAR_TIME:
        try:
            return regex.compile(text, regex.IGNORECASE if ignore_case else 0)
        except regex.error as error:
            raise PatternError(str(error.args[0]), position=getattr(error, "pos", None)) from error
    try:
        return re2.compile(text, _options(ignore_case=ignore_case))
    except re2.error as error:
        raise _pattern_error(text, error) from error


def _options(*, ignore_case: bool) -> Any:  # re2 has no types
    options = re2.Options()
    options.case_sensitive = not ignore_case
    options.log_errors = False
    return options


def _pattern_error(text: str, error: Exception) -> PatternError:
    """RE2 says ``missing ): the(argument``; the argument's place in the text is the position."""
    words = error.args[0]
    message = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
    what, _, argument = message.partition(": ")
    position = text.find(argument) if argument and argument != text else -1
    if argument.startswith(("(?=", "(?!", "(?<")):
        what = "look-around is not supported, since patterns run in linear time"
    return PatternError(what, position=position if position >= 0 else None)


def _glob_expression(text: str) -> str:
    pieces, index = [], 0
    while index < len(text):
        character = text[index]
        closing = text.find("]", index + 2) if character == "[" else -1
        if closing > 0:
            content = text[index + 1 : closing].replace("\\", r"\\").replace("[", r"\[")
            pieces.append("[" + ("^" + content[1:] if content[0] == "!" else content) + "]")
            index = closing
        elif character in "*?":
            pieces.append(".*" if character == "*" else ".")
        else:
            pieces.append(re.escape(character))
        index += 1
    return "".join(pieces)


def _end_of_class(text: str, start: int) -> int:
    """The index after a character class; the end of the text where it is not closed."""
    index = start + 2 if text.startswith("[^", start) else start + 1
    if text.startswith("]", index):
        index += 1
    while index < len(text) and text[index] != "]":
        if text.startswith("[:", index):
            index = max(text.find(":]", index), index) + 2
        else:
            index += 2 if text[index] == "\\" else 1
    return index + 1
