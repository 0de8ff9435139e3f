"""How is a piece of a Sieve script written: strings, lists of them, tests within tests, comments?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.mailbox.text import SURROGATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

INDENT: Final = "    "
_WIDTH = 110
_SPECIAL: Final = re.compile(r'["\\]')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def is_writable(text: str) -> bool:
    """Whether a string can hold this: no control characters, and UTF-8 (RFC 5228 section 2.1)."""
    return not _CONTROL.search(text) and not SURROGATES.search(text)


def quoted(text: str) -> str:
    """A string (RFC 5228 section 2.4.2)."""
    return '"' + _SPECIAL.sub(lambda match: "\\" + match[0], text) + '"'


def string_list(texts: Sequence[str]) -> str:
    """One string, or several in brackets."""
    if len(texts) == 1:
        return quoted(texts[0])
    return "[" + ", ".join(quoted(text) for text in texts) + "]"


def all_of(tests: Iterable[str]) -> str:
    """All of these tests."""
    return _combined("allof", [one for one in tests if one != "true"], nothing="true")


def any_of(tests: Iterable[str]) -> str:
    """One of these tests."""
    tests = list(tests)
    return "true" if "true" in tests else _combined("anyof", tests, nothing="false")


def negation(test: str) -> str:
    """The opposite."""
    match test:
        case "true":
            return "false"
        case "false":
            return "true"
        case _:
            return test.removeprefix("not ") if test.startswith("not ") else f"not {test}"


def require(extensions: Iterable[str]) -> str:
    """The line that names what the script needs, sorted; "" for nothing (RFC 5228 section 3.2)."""
    wanted = sorted(set(extensions))
    return f"require {string_list(wanted)};\n" if wanted else ""


def comment(text: str) -> str:
    """One line, whatever the text holds: a line break in it would begin a command."""
    return f"# {one_line(text)}".rstrip()


def one_line(text: str) -> str:
    """A text without control characters and doubled white space."""
    return " ".join(SURROGATES.sub("\ufffd", _CONTROL.sub(" ", text)).split())


def glob_escaped(text: str) -> str:
    """A text that means itself under ``:matches`` (RFC 5228 section 2.7.1)."""
    return re.sub(r"[*?\\]", lambda match: "\\" + match[0], text)


def _combined(word: str, tests: Sequence[str], *, nothing: str) -> str:
    if len(tests) < 2:
        return tests[0] if tests else nothing
    line = f"{word} ({', '.join(tests)})"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    inner = ",\n".join(INDENT + one.replace("\n", "\n" + INDENT) for one in tests)
    return f"{word} (\n{inner}\n)"
