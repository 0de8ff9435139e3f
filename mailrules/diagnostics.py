"""How a mistake in a person's file is told: what, where, and the cure."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from mailrules.values import dataclass


class Severity(StrEnum):
    """Errors stop a command with exit status 3; warnings and notices are shown by ``check`` and do not.

    A warning is about what hardly anybody means; a notice about what can be left out, or is good to know.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class Location(NamedTuple):
    """A place in a file; ``line`` and ``column`` count from 1, 0 where there is none.

    A tuple, since a large configuration has half a million of them.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding. ``message`` says what is wrong; ``cure`` says what to write instead."""

    where: Location
    message: str
    cure: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.where}: {self.severity}: {self.message}{cure}"


def in_order(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sort by place, each finding once."""
    return tuple(sorted(dict.fromkeys(diagnostics), key=lambda one: (one.where, one.message)))
