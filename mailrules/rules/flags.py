"""How flags and keywords are written in rules, and how IMAP spells them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mailrules.rules.operators import read_texts, report_error
from mailrules.rules.reporter import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.rules.registry import CompileContext, SourceValue

SYSTEM_FLAGS: Mapping[str, str] = {
    "seen": "\\Seen",
    "flagged": "\\Flagged",
    "answered": "\\Answered",
    "draft": "\\Draft",
    "deleted": "\\Deleted",
}
"""The bare words of the rule language; backslashes are a trap in YAML."""

# An IMAP atom (RFC 9051 section 9, flag-keyword): no space, control, or ( ) { % * " \ ]
# Said by what it may have: a class of all but those takes many times as long to compile.
_KEYWORD = re.compile(r"[!#$&'+-\[^-z|-~]{1,100}")


def system_flag(word: str) -> str | None:
    """IMAP's spelling of a flag word, None for an unknown one."""
    return SYSTEM_FLAGS.get(word.lower().removeprefix("\\"))


def is_keyword(text: str) -> bool:
    """Whether a server can store the text as a keyword."""
    return _KEYWORD.fullmatch(text) is not None


def read_flags(source: SourceValue, context: CompileContext) -> tuple[str, ...] | None:
    """Flag words in IMAP spelling, or None after reporting the unknown ones."""
    if read_texts(source, context) is None:
        return None
    flags = []
    for item in source.items:
        flag = system_flag(item.text)
        if flag is None:
            cure = did_you_mean(item.text, SYSTEM_FLAGS)
            if is_keyword(item.text) and not cure.startswith("did"):
                cure = f"write keyword: {item.text}; {cure}"
            report_error(item, f'unknown flag "{item.text}"', cure=cure, context=context)
        else:
            flags.append(flag)
    return tuple(dict.fromkeys(flags)) if len(flags) == len(source.items) else None


def read_keywords(source: SourceValue, context: CompileContext) -> tuple[str, ...] | None:
    """Keywords, or None after reporting what no server can store."""
    if read_texts(source, context) is None:
        return None
    is_good = True
    for item in source.items:
        if item.text.startswith("\\") or item.text.lower() in SYSTEM_FLAGS:
            word = item.text.removeprefix("\\").lower()
            report_error(item, f'"{item.text}" is a flag, not a keyword', cure=f"write flag: {word}", context=context)
            is_good = False
        elif not is_keyword(item.text):
            cure = "use ASCII letters, digits, $ - _ and no space"
            report_error(item, f'no server can store the keyword "{item.text}"', cure=cure, context=context)
            is_good = False
    return tuple(item.text for item in source.items) if is_good else None
