"""What a text or a regular expression says that its author hardly means: globs elsewhere, dots, escapes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.diagnostics import Diagnostic, Severity
from mailrules.rules.text_match import TextOperator

if TYPE_CHECKING:
    from mailrules.rules.patterns import Pattern
    from mailrules.rules.registry import CompileContext
    from mailrules.rules.source import SourceValue
    from mailrules.rules.text_match import TextMatch

_LITERAL_OPERATORS = (
    TextOperator.CONTAINS,
    TextOperator.EQUALS,
    TextOperator.STARTS_WITH,
    TextOperator.ENDS_WITH,
)
_HOST = re.compile(r"(?<![\\\w\])}*+?.-])(?:[\w-]+\.)+(?:com|org|net|edu|gov|info|io|eu|de|fr|uk|example)\b(?![*+?{(])")
_GLOB_STAR = re.compile(r"\w\*$")
_META = re.compile(r"[\\\[\](){}|+?^$]")
_ODD_RANGE = re.compile(r"(?<!\\)\[[^\]]*A-z")
_HALF_ANCHORED = re.compile(r"\^[^|()]*\|[^|()^]*\$?|\^?[^|()$]*\|[^|()]*\$")
_ANY_TEXTS = ("", "\u2603 q", "Zx 1")


def warn_of_pitfalls(source: SourceValue, match: TextMatch, context: CompileContext) -> None:
    """Warn of values that mean something else under this operator than they seem to."""
    if match.operator in _LITERAL_OPERATORS:
        for item in source.items:
            if "*" in item.text:
                message = f'{match.operator} takes the "*" in "{item.text}" literally'
                more = f", or subdomain_of: {item.text[2:]}" if item.text.startswith("*.") else ""
                _warn(item, message, f"use glob: '{item.text}'{more}, or leave the * out", context)
    elif match.operator is TextOperator.REGEX:
        for item, pattern in zip(source.items, match.patterns, strict=False):
            message, cure = _pitfall(pattern)
            if message:
                _warn(item, message, cure, context)


def warn_of_globs_in_addresses(source: SourceValue, context: CompileContext) -> None:
    """Warn of a bare address with a star, which is a star in the address itself."""
    for item in source.items:
        if "*" in item.text:
            domain = item.text.rpartition("@")[2].lstrip("*.")
            cure = f"write \"@{domain}\" for its domain, or glob: '{item.text}'"
            _warn(item, f'the "*" in "{item.text}" means itself', cure, context)


def _pitfall(pattern: Pattern) -> tuple[str, str]:
    """What is odd in a regular expression, and what to write; "" for nothing."""
    text = pattern.text
    if control := next((character for character in text if character < " " and character not in "\t\n"), ""):
        name = {"\x08": r"\b", "\x07": r"\a", "\x1b": r"\e"}.get(control, "an escape")
        return f"{name} in double quotes became a control character", "write regexes in single quotes: '...'"
    if all(pattern.matches(sample) for sample in _ANY_TEXTS):
        return f'the regex "{text}" is found in every text', "ask with exists: true, or leave the optional part out"
    if _ODD_RANGE.search(text):
        return "the range A-z also holds [ \\ ] ^ _ and `", "write A-Z or a-z; case is ignored without case: match"
    if host := _HOST.search(text):
        return (
            f'the dots in "{host[0]}" fit any character',
            f"write {host[0].replace('.', chr(92) + '.')}, or use contains",
        )
    if _GLOB_STAR.search(text) and not _META.search(text):
        return f'in the regex "{text}" the "*" repeats the character before it', f"use glob: '{text}', or write .*"
    if _HALF_ANCHORED.fullmatch(text) and not (text.startswith("^") and text.endswith("$") and "|" not in text):
        return f'in the regex "{text}" ^ and $ belong to one alternative only', "put the alternatives in (?:...)"
    return "", ""


def _warn(item: SourceValue, message: str, cure: str, context: CompileContext) -> None:
    context.report(Diagnostic(where=item.at, message=message, cure=cure, severity=Severity.WARNING))
