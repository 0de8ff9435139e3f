"""What comes of reading another tool's rules: rules in our language, and how exact each construct is.

Conditions and actions are the plain data of a rule file (mappings, lists, texts), as YAML would read them.
"""

from __future__ import annotations

from dataclasses import field
from enum import StrEnum
from typing import TypeAlias

from mailrules.errors import MailrulesError
from mailrules.mailbox.strict_address import strict_address
from mailrules.values import dataclass

_LONGEST_NAME = 80

Plain: TypeAlias = "str | int | bool | list[Plain] | dict[str, Plain]"
"""A piece of a rule file."""


class Exactness(StrEnum):
    """How well our language says what a construct said."""

    EXACT = "exact"
    APPROXIMATED = "approximated"
    """It means nearly the same; the finding tells the difference."""
    REFUSED = "refused"
    """It cannot be said; what depends on it is kept as a disabled rule with its source."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Finding:
    """What became of one construct. ``line`` counts from 1; ``how`` is "" where it is exact."""

    line: int
    construct: str
    exactness: Exactness
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBranch:
    """One arm of ``choose``; ``condition`` None is ``else``."""

    condition: Plain | None
    actions: tuple[Plain, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRule:
    """One rule. Either ``actions`` or ``branches`` hold something; ``condition`` may be left to the branches.

    ``source`` is the other tool's text where the rule stands in for something that was refused (then it is
    disabled), or that reads differently from ours. ``stop`` and ``conflict`` None leave the defaults.
    """

    name: str
    condition: Plain = "always"
    actions: tuple[Plain, ...] = ()
    branches: tuple[ImportedBranch, ...] = ()
    stop: bool | None = None
    conflict: str | None = None
    is_enabled: bool = True
    source: str = ""
    mailboxes: tuple[str, ...] = ()
    """What it watches, as ``account/mailbox``, where the other tool says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedExample:
    """A test that stood beside the other tool's rules."""

    name: str
    given: dict[str, Plain]
    expect: dict[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The rules in their order, and a finding for every construct, by line."""

    rules: tuple[ImportedRule, ...]
    findings: tuple[Finding, ...]
    examples: tuple[ImportedExample, ...] = ()
    accounts: dict[str, Plain] = field(default_factory=dict)
    """Accounts by name, never with a secret in them; with these the file is a configuration of its own."""

    def count(self, exactness: Exactness) -> int:
        return sum(one.exactness is exactness for one in self.findings)


class RuleNames:
    """Gives each rule a name of its own."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: dict[str, int] = {}

    def unique(self, wanted: str) -> str:
        """The name, with a number behind it where it is taken."""
        name, number = wanted, self._numbers.get(wanted, 1)
        while name in self._taken:
            number += 1
            name = f"{wanted} ({number})"
        self._taken.add(name)
        self._numbers[wanted] = number
        return name


class ExchangeError(MailrulesError):
    """The file is not of the format at all; the message says why and what to do, ``line`` where."""

    def __init__(self, message: str, *, line: int = 1) -> None:
        super().__init__(message)
        self.line = line


def what_is_lost(line: int, construct: str) -> Finding:
    """What later rules have lost by a refused one that would have ended the judging."""
    how = "rules behind it may act on mail that it would have filed, or ended the judging of"
    return Finding(line=line, construct=construct, exactness=Exactness.APPROXIMATED, how=how)


def condition_of_all(parts: list[Plain]) -> Plain:
    """All of these conditions, as short as it can be written."""
    parts = [part for part in parts if part != "always"]
    if not parts:
        return "always"
    return parts[0] if len(parts) == 1 else {"all": parts}


def condition_of_any(parts: list[Plain]) -> Plain:
    """One of these conditions, as short as it can be written."""
    if "always" in parts:
        return "always"
    return parts[0] if len(parts) == 1 else {"any": parts}


def negated(condition: Plain) -> Plain:
    """The opposite."""
    if isinstance(condition, dict) and condition.keys() == {"not"}:
        return condition["not"]
    return {"not": condition}


def short_name(text: str, *, otherwise: str) -> str:
    """A text on one line that fits into a list of rules; ``otherwise`` where nothing is left of it."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return (line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1].rstrip() + "…") or otherwise


def one_or_list(values: list[str]) -> Plain:
    """``[x]`` is written ``x``."""
    return values[0] if len(values) == 1 else list(values)


def why_no_address(text: str) -> str:
    """Why our rules send nothing to this address; "" where they do."""
    try:
        strict_address(text)
    except ValueError as error:
        return f"{text!r} is no plain address: {error}"
    return ""
