"""How is a Sieve script read? By its generic grammar (RFC 5228 section 8), whatever commands an extension adds.

A command that cannot be read becomes a ``SieveCommand`` with a ``problem`` and its source, and reading goes
on behind it, so that one unknown word loses nothing else.
"""

from __future__ import annotations

import re
from dataclasses import replace
from enum import StrEnum
from typing import Final, NamedTuple

from mailrules.values import dataclass

MAX_SCRIPT_CHARACTERS: Final = 1_000_000
MAX_NESTING: Final = 30
"""Blocks and tests within each other; RFC 5228 section 2.10.5 asks for 15."""

_MULTIPLIERS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class SieveSyntaxError(ValueError):
    """The script cannot be read here."""

    def __init__(self, message: str, *, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Tag:
    """``:contains``; the name in lower case, without the colon."""

    name: str


Argument = int | Tag | tuple[str, ...]
"""A number, a tag, or a string list; one string is a list of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SieveTest:
    """One test; ``name`` in lower case."""

    name: str
    line: int
    arguments: tuple[Argument, ...] = ()
    tests: tuple[SieveTest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SieveCommand:
    """One command with its block; ``name`` in lower case.

    ``comment`` is what stands right before it, and ``source`` its text, from ``line`` on. ``problem`` says why it
    could not be read; all else is empty then.
    """

    name: str
    line: int
    arguments: tuple[Argument, ...] = ()
    tests: tuple[SieveTest, ...] = ()
    block: tuple[SieveCommand, ...] | None = None
    comment: str = ""
    source: str = ""
    problem: str = ""


def read_sieve(text: str) -> tuple[SieveCommand, ...]:
    """The commands of a script, in order. Raises SieveSyntaxError for one that is too long."""
    if len(text) > MAX_SCRIPT_CHARACTERS:
        raise SieveSyntaxError(f"a script of {len(text):,} characters, over {MAX_SCRIPT_CHARACTERS:,}", line=1)
    return _Reader(text).commands()


class _Kind(StrEnum):
    IDENTIFIER = "identifier"
    TAG = "tag"
    NUMBER = "number"
    STRING = "string"
    MARK = "mark"
    BROKEN = "broken"
    END = "end"


class _Token(NamedTuple):
    kind: _Kind
    text: str
    start: int
    end: int
    line: int
    comment: str = ""


_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    | (?P<hash>\#[^\r\n]*)
    | (?P<bracket>/\*.*?\*/)
    | (?P<lines>text:[ \t]*(?:\#[^\r\n]*)?\r?\n(?:(?!\.\r?(?:\n|\Z))[^\n]*\n)*\.\r?(?=\n|\Z))
    | (?P<number>[0-9]{1,18}[KMGkmg]?(?![A-Za-z0-9_]))
    | (?P<tag>:[A-Za-z_][A-Za-z0-9_]*)
    | (?P<identifier>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<string>"(?:[^"\\]|\\.)*")
    | (?P<mark>[\[\](){},;])""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_OPENING: Final = re.compile(r'"|/\*|text:', re.IGNORECASE)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position, line, comment = 0, 1, ""
    while position < len(text):
        match = _TOKEN.match(text, position)
        is_closed = match is not None and match.lastgroup != "identifier"
        if match is None or (not is_closed and _OPENING.match(text, position)):
            # What is not closed takes the rest with it: looking for its end again and again would take for ever.
            end = len(text) if _OPENING.match(text, position) else position + 1
            tokens.append(_Token(_Kind.BROKEN, text[position:end], position, end, line, comment))
            position, comment = end, ""
            continue
        kind, found = match.lastgroup or "", match[0]
        if kind in {"hash", "bracket"}:
            comment = "\n".join(part for part in (comment, found.strip("#/* \t\r\n")) if part)
        elif kind != "space":
            tokens.append(_token(kind, found, match, line=line, comment=comment))
            comment = ""
        line += found.count("\n")
        position = match.end()
    tokens.append(_Token(_Kind.END, "the end of the script", position, position, line))
    return tokens


def _token(kind: str, found: str, match: re.Match[str], *, line: int, comment: str) -> _Token:
    if kind == "lines":
        _, _, body = found.partition("\n")
        lines = body.split("\n")[:-1]
        # Lines that begin with a dot are stuffed, as in SMTP (RFC 5228 section 2.4.2).
        content = "\n".join(one[1:] if one.startswith("..") else one for one in lines)
        return _Token(_Kind.STRING, content + "\n" if lines else "", match.start(), match.end(), line, comment)
    if kind == "string":
        return _Token(_Kind.STRING, _ESCAPE.sub(r"\1", found[1:-1]), match.start(), match.end(), line, comment)
    return _Token(_Kind(kind), found, match.start(), match.end(), line, comment)


class _Reader:
    """Reads tokens into commands."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._index = text, _tokens(text), 0

    def commands(self) -> tuple[SieveCommand, ...]:
        return self._block(depth=0)

    def _block(self, *, depth: int) -> tuple[SieveCommand, ...]:
        found: list[SieveCommand] = []
        while not self._is(_Kind.END) and not (depth and self._is_mark("}")):
            first = self._peek()
            start = self._index
            try:
                command = self._command(depth=depth)
            except SieveSyntaxError as error:
                if depth:  # a block with a mistake is kept whole, with the command that it belongs to
                    raise
                self._index = start
                self._pass_over_command()
                command = SieveCommand(name="", line=error.line, problem=str(error))
            source = self._text[first.start : self._tokens[self._index - 1].end]
            found.append(replace(command, comment=first.comment, source=source))
        return tuple(found)

    def _command(self, *, depth: int) -> SieveCommand:
        name = self._take(_Kind.IDENTIFIER, "a command")
        arguments, tests = self._arguments(depth=depth)
        block = None
        if self._is_mark("{"):
            if depth >= MAX_NESTING:
                raise SieveSyntaxError(f"blocks nested over {MAX_NESTING} deep", line=name.line)
            opening = self._next()
            block = self._block(depth=depth + 1)
            if not self._is_mark("}"):
                raise SieveSyntaxError(f"the block that begins in line {opening.line} is not closed", line=name.line)
            self._next()
        else:
            self._take_mark(";", f"`;` after {name.text}")
        return SieveCommand(name=name.text.lower(), line=name.line, arguments=arguments, tests=tests, block=block)

    def _arguments(self, *, depth: int) -> tuple[tuple[Argument, ...], tuple[SieveTest, ...]]:
        arguments: list[Argument] = []
        while True:
            token = self._peek()
            if token.kind is _Kind.NUMBER:
                digits = token.text.rstrip("KMGkmg")
                arguments.append(int(digits) * _MULTIPLIERS[token.text[len(digits) :].upper()])
                self._next()
            elif token.kind is _Kind.TAG:
                arguments.append(Tag(token.text[1:].lower()))
                self._next()
            elif token.kind is _Kind.STRING:
                arguments.append((self._next().text,))
            elif self._is_mark("["):
                arguments.append(self._string_list())
            elif token.kind is _Kind.IDENTIFIER:
                return tuple(arguments), (self._test(depth=depth + 1),)
            elif self._is_mark("("):
                return tuple(arguments), self._test_list(depth=depth + 1)
            else:
                return tuple(arguments), ()

    def _string_list(self) -> tuple[str, ...]:
        opening = self._next()
        strings: list[str] = []
        while not self._is_mark("]"):
            if strings:
                self._take_mark(",", f"`,` or `]` in the list that begins in line {opening.line}")
            strings.append(self._take(_Kind.STRING, "a string in double quotes").text)
        self._next()
        return tuple(strings)

    def _test(self, *, depth: int) -> SieveTest:
        if depth > MAX_NESTING:
            raise SieveSyntaxError(f"tests nested over {MAX_NESTING} deep", line=self._peek().line)
        name = self._take(_Kind.IDENTIFIER, "a test")
        arguments, tests = self._arguments(depth=depth)
        return SieveTest(name=name.text.lower(), line=name.line, arguments=arguments, tests=tests)

    def _test_list(self, *, depth: int) -> tuple[SieveTest, ...]:
        opening = self._next()
        tests = [self._test(depth=depth)]
        while not self._is_mark(")"):
            self._take_mark(",", f"`,` or `)` in the tests that begin in line {opening.line}")
            tests.append(self._test(depth=depth))
        self._next()
        return tuple(tests)

    def _pass_over_command(self) -> None:
        """To behind the `;` or the block that ends it; at least one token further."""
        depth = 0
        while not self._is(_Kind.END):
            token = self._next()
            if token.kind is not _Kind.MARK:
                continue
            depth += {"{": 1, "}": -1}.get(token.text, 0)
            if depth <= 0 and token.text in ";}":
                return

    def _peek(self) -> _Token:
        return self._tokens[self._index]

    def _next(self) -> _Token:
        token = self._tokens[self._index]
        self._index += token.kind is not _Kind.END
        return token

    def _is(self, kind: _Kind) -> bool:
        return self._peek().kind is kind

    def _is_mark(self, text: str) -> bool:
        token = self._peek()
        return token.kind is _Kind.MARK and token.text == text

    def _take(self, kind: _Kind, wanted: str) -> _Token:
        if not self._is(kind):
            raise self._unexpected(wanted)
        return self._next()

    def _take_mark(self, mark: str, wanted: str) -> None:
        if not self._is_mark(mark):
            raise self._unexpected(wanted)
        self._next()

    def _unexpected(self, wanted: str) -> SieveSyntaxError:
        token = self._peek()
        if token.kind is _Kind.BROKEN:
            is_open = _OPENING.match(token.text) is not None
            what = "a string or comment that is not closed" if is_open else repr(token.text)
        else:
            what = token.text if token.kind is _Kind.END else repr(token.text[:40])
        return SieveSyntaxError(f"{wanted} is expected here, not {what}", line=token.line)
