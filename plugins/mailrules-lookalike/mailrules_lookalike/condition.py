"""The condition ``lookalike``: judged for a whole mailbox, on the From field alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from mailrules.diagnostics import Diagnostic
from mailrules.mailbox.address import Address, domain_text
from mailrules.mailbox.message import Fact, Unreadable, header_fact
from mailrules.mailbox.rows import rows_of
from mailrules.rules.truth import Truth
from mailrules_lookalike.pretence import is_at, pretence

if TYPE_CHECKING:
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment
    from mailrules.rules.registry import CompileContext, SourceValue

_FROM = header_fact("from")

SCHEMA = {
    "anyOf": [
        {"const": True},
        {
            "type": "object",
            "properties": {"ignore": {"type": "array", "items": {"type": "string"}}},
            "additionalProperties": False,
        },
    ]
}


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    ignore: list[str] = []


def compile_lookalike(source: SourceValue, context: CompileContext) -> LookalikeTest | None:
    """Read ``lookalike: true`` or ``lookalike: {ignore: [domain, ...]}``."""
    options = source.plain()
    try:
        read = _Options() if options is True else _Options.model_validate(options)
    except ValidationError as error:
        found = error.errors()[0]
        place = ".".join(str(part) for part in found["loc"])
        message = f"lookalike: {place + ': ' if place else ''}{found['msg']}"
        context.report(
            Diagnostic(where=source.at, message=message, cure="write lookalike: true, or {ignore: [a.example]}")
        )
        return None
    return LookalikeTest(ignored=frozenset(domain_text(domain.removeprefix("@")) for domain in read.ignore))


@dataclass(frozen=True, slots=True, kw_only=True)
class LookalikeTest:
    """Holds where the first author pretends to be somebody else and is not of an ignored domain."""

    ignored: frozenset[str] = frozenset()

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (_FROM,)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- needs no time
        known = rows & snapshot.known(_FROM)
        verdicts = {row: self._reason(snapshot, row) for row in rows_of(known)}
        unknowable = snapshot.mask_of(row for row, reason in verdicts.items() if reason is None)
        true = snapshot.mask_of(row for row, reason in verdicts.items() if reason)
        return Truth(known & ~unknowable, true, unknowable)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        author = snapshot.first_address("from", row)
        reason = self._reason(snapshot, row)
        return f"{author} ({reason})" if reason else str(author or "no author")

    def _reason(self, snapshot: Snapshot, row: int) -> str | None:
        """What is pretended, "" for nothing, None where the From field cannot be read."""
        if isinstance(snapshot.headers["from"][row], Unreadable):
            return None
        author = snapshot.first_address("from", row) or Address()
        return "" if is_at(author, self.ignored) else pretence(author)
