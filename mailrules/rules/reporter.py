"""Where the mistakes in a person's files are collected, so that none of them hides another."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from mailrules.diagnostics import Diagnostic, Location, Severity, in_order

if TYPE_CHECKING:
    from collections.abc import Iterable


class Reporter:
    """Collects diagnostics.

    A place reported with ``broken`` takes no further ones: they would only be consequences of the first.
    """

    def __init__(self) -> None:
        self._diagnostics: list[Diagnostic] = []
        self._broken: set[Location] = set()

    def report(self, diagnostic: Diagnostic) -> None:
        if diagnostic.where not in self._broken:
            self._diagnostics.append(diagnostic)

    def error(self, where: Location, message: str, *, cure: str = "") -> None:
        self.report(Diagnostic(where=where, message=message, cure=cure))

    def warning(self, where: Location, message: str, *, cure: str = "") -> None:
        self.report(Diagnostic(where=where, message=message, cure=cure, severity=Severity.WARNING))

    def notice(self, where: Location, message: str, *, cure: str = "") -> None:
        self.report(Diagnostic(where=where, message=message, cure=cure, severity=Severity.NOTICE))

    def broken(self, where: Location, message: str, *, cure: str = "") -> None:
        """An error after which the value at this place means nothing."""
        self.error(where, message, cure=cure)
        self._broken.add(where)

    @property
    def has_errors(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self._diagnostics)

    def of(self, severity: Severity) -> tuple[Diagnostic, ...]:
        return tuple(one for one in self.all if one.severity is severity)

    @property
    def all(self) -> tuple[Diagnostic, ...]:
        """Everything found, by place, each only once."""
        return in_order(self._diagnostics)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A cure that names the nearest known word, else a few of them; "" where there are none."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known here: {', '.join(names)}" if 0 < len(names) <= 12 else ""
