"""What comes of writing rules in another tool's language: its text, and what became of each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.diagnostics import Location
    from mailrules.exchange.imported import Exactness


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFinding:
    """What became of one rule: exact, or refused at ``where``, which may be a part of it."""

    rule: str
    where: Location
    exactness: Exactness
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """The other tool's text, and a finding for each rule in the order of the rules."""

    text: str
    findings: tuple[ExportFinding, ...]

    def count(self, exactness: Exactness) -> int:
        return sum(one.exactness is exactness for one in self.findings)


class NotExact(Exception):
    """A part of a rule that the other language cannot say exactly."""

    def __init__(self, why: str, *, where: Location) -> None:
        super().__init__(why)
        self.why, self.where = why, where
