"""What does a run of Sieve's actions do to a message, in the words of our rules?"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Final

from mailrules.exchange.imported import one_or_list
from mailrules.rules.flags import is_keyword
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.exchange.imported import Plain

_SYSTEM_FLAGS: Final = {
    "\\seen": "seen", "\\flagged": "flagged", "\\answered": "answered", "\\draft": "draft", "\\deleted": "deleted",
}  # fmt: skip
WHY_NOT: Final = {
    "vacation": "write it as `reply` by hand, where its text and its limits are seen",
    "reject": "a message that has arrived cannot be refused any more",
    "ereject": "a message that has arrived cannot be refused any more",
    "notify": "write it as `notify` by hand",
    "enotify": "write it as `notify` by hand",
    "include": "import the other script too, and name its rules under `include`",
    "return": "scripts do not call each other here",
    "global": "scripts do not call each other here",
    "addheader": "the content of a message is never changed",
    "deleteheader": "the content of a message is never changed",
    "foreverypart": "parts are asked for by `mime` and `attachment`",
    "break": "parts are asked for by `mime` and `attachment`",
    "convert": "the content of a message is never changed",
    "replace": "the content of a message is never changed",
    "enclose": "the content of a message is never changed",
    "extracttext": "the content of a message is not read into variables",
    "pipe": "write it as `pipe` by hand, where it has to be allowed",
    "execute": "write it as `pipe` by hand, where it has to be allowed",
}


@dataclass(slots=True, kw_only=True)
class ActionRun:
    """A run of actions, translated: what they do, and whether the script ends behind them."""

    line: int
    source: str = ""
    name: str = ""
    plain: list[Plain] = field(default_factory=list)
    files: list[dict[str, Plain]] = field(default_factory=list)
    """Mailboxes that the message is filed into, each as ``move`` has it."""
    copies: bool = False
    keeps: bool = False
    discards: bool = False
    stops: bool = False

    @property
    def disposes(self) -> bool:
        return bool(self.files) or self.keeps or self.discards

    @property
    def is_filed(self) -> bool:
        """Whether a copy of the message is already somewhere, with the flags of that moment."""
        return bool(self.files) or self.keeps or self.copies

    def as_rule_actions(self) -> tuple[Plain, ...]:
        """Marks and copies first; of several destinations, all but the last are copies, as are all beside a keep."""
        moved = None if self.keeps or not self.files else self.files[-1]
        copies = self.files if moved is None else self.files[:-1]
        done: list[Plain] = [*self.plain, *({"copy": short(one)} for one in copies)]
        if moved is not None:
            done.append({"move": short(moved)})
        elif self.keeps:
            done.append("keep")
        elif self.discards:
            done.append("trash")
        return tuple(done)


def split_flags(flags: list[str]) -> list[str]:
    """One string may hold several flags (RFC 5232 section 2)."""
    return [flag for text in flags for flag in text.split()]


def flag_actions(flag_word: str, keyword_word: str, flags: list[str]) -> list[Plain]:
    """System flags under one word, keywords under the other."""
    system = [_SYSTEM_FLAGS[flag.lower()] for flag in flags if flag.lower() in _SYSTEM_FLAGS]
    keywords = [flag for flag in flags if not flag.startswith("\\")]
    actions: list[Plain] = []
    if system:
        actions.append({flag_word: one_or_list(system)})
    if keywords:
        actions.append({keyword_word: one_or_list(keywords)})
    return actions


def why_no_mailbox(name: str) -> str:
    """Why our rules take no mailbox of this name; "" where they do."""
    if any(not level.strip() for level in name.split("/")):
        return "the mailbox has no name" if not name.strip() else f"the mailbox {name!r} has an empty level"
    return "" if name.isprintable() else f"the mailbox's name {name!r} holds what cannot be printed"


def why_no_flags(command: str, flags: list[str]) -> str:
    """Why our rules do not do that with one of these flags; "" where they do."""
    for flag in flags:
        if flag.lower() == "\\deleted" and command != "removeflag":
            return "no rule marks mail as deleted; write `trash` or `delete` by hand"
        if flag.lower() not in _SYSTEM_FLAGS and not is_keyword(flag):
            return f"no server keeps the flag {flag!r}"
    return ""


def short(target: dict[str, Plain]) -> Plain:
    """``{to: X}`` is written ``X``."""
    return target["to"] if target.keys() == {"to"} else target


_ENCODED: Final = re.compile(r"\$\{(hex|unicode):((?:\s*[0-9a-f]+)+)\s*\}", re.IGNORECASE)


def with_encoded_characters(text: str) -> str:
    """The text with ``${hex:...}`` and ``${unicode:...}`` decoded (RFC 5228 section 2.4.2.4)."""

    def decoded(match: re.Match[str]) -> str:
        numbers = [int(one, 16) for one in match[2].split()]
        try:
            if match[1].lower() == "hex":
                return bytes(numbers).decode("utf-8")
            return "".join(map(chr, numbers))
        except (ValueError, OverflowError):
            return match[0]  # out of range: it stands for itself (RFC 5228 section 2.4.2.4)

    return _ENCODED.sub(decoded, text)
