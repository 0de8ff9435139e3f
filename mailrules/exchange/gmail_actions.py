"""What does a filter of Gmail do, in the words of our rules?

Gmail applies all filters that fit to a message, in any order: so every rule lets judging go on, and of several
destinations the trash wins.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from mailrules.exchange.imported import Exactness, Finding, why_no_address
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.exchange.imported import Plain

MAX_LABEL_CHARACTERS: Final = 225
IMPORTANT: Final = "[Gmail]/Important"
_FORWARDED: Final = "`forward` sends a new message, and has to be allowed in the main file"
_NAMED_IN_ENGLISH: Final = f"by a copy into {IMPORTANT!r}, as it is called in an account in English"


@dataclass(slots=True, kw_only=True)
class GmailActions:
    """The actions of one filter; ``refused`` are those that cannot be said, for the comment above the rule."""

    plain: list[Plain] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    archives: bool = False
    trashes: bool = False
    findings: list[Finding] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def archive(self, construct: str, line: int) -> None:
        self.archives = True
        self._note(construct, line)

    def trash(self, construct: str, line: int) -> None:
        self.trashes = True
        self._note(construct, line)

    def mark_read(self, construct: str, line: int) -> None:
        self.plain.append({"flag": "seen"})
        self._note(construct, line)

    def star(self, construct: str, line: int) -> None:
        self.plain.append({"flag": "flagged"})
        self._note(construct, line)

    def label(self, name: str, construct: str, line: int) -> None:
        if (
            not name.strip()
            or not name.isprintable()
            or len(name) > MAX_LABEL_CHARACTERS
            or name.startswith(("\\", "/"))
        ):
            self.refuse(construct, line, f"{name!r} is no label that a rule can set", source=f"{construct}: {name}")
            return
        if name not in self.labels:
            self.labels.append(name)
        self._note(construct, line)

    def important(self, construct: str, line: int) -> None:
        self.plain.append({"copy": IMPORTANT})
        self._note(construct, line, Exactness.APPROXIMATED, _NAMED_IN_ENGLISH)

    def not_important(self, construct: str, line: int) -> None:
        self.refuse(
            construct, line, "Gmail's own marker of importance cannot be taken away over IMAP", source=construct
        )

    def never_spam(self, construct: str, line: int) -> None:
        why = "Gmail has judged what is spam before a client sees the message; keep this filter at Gmail"
        self.refuse(construct, line, why, source=construct)

    def category(self, name: str, construct: str, line: int) -> None:
        why = "categories cannot be set over IMAP; keep this filter at Gmail"
        self.refuse(construct, line, why, source=f"{construct}: {name}")

    def forward(self, address: str, construct: str, line: int) -> None:
        if why := why_no_address(address):
            self.refuse(construct, line, why, source=f"{construct}: {address}")
            return
        self.plain.append({"forward": {"to": address}})
        self._note(construct, line, Exactness.APPROXIMATED, _FORWARDED)

    def refuse(self, construct: str, line: int, why: str, *, source: str) -> None:
        self._note(construct, line, Exactness.REFUSED, why)
        self.refused.append(source)

    def as_rule_actions(self) -> tuple[Plain, ...]:
        """Marks, labels, copies and what goes out; the destination last."""
        labels: list[Plain] = [{"label": self.labels[0] if len(self.labels) == 1 else list(self.labels)}]
        end: list[Plain] = ["trash"] if self.trashes else ["archive"] if self.archives else []
        return (*self.plain, *(labels if self.labels else []), *end)

    @property
    def conflict(self) -> str | None:
        """How the destination meets that of an earlier filter."""
        return "last" if self.trashes else None

    def _note(self, construct: str, line: int, exactness: Exactness = Exactness.EXACT, how: str = "") -> None:
        self.findings.append(Finding(line=line, construct=construct, exactness=exactness, how=how))
