"""Which facts to ask for next: the cheapest kind that decides something, for the rows it decides.

The order is fixed by ``FactKind``: flags, sizes and dates at once, then header fields, then
structure, then text, then enrichers (design, law 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mailrules.mailbox.message import (
    FLAGS,
    MODSEQ,
    RECEIVED,
    SIZE,
    STRUCTURE,
    TEXT,
    Fact,
    FactKind,
    FactRequest,
    header_fact,
)
from mailrules.rules.conditions import leaves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mailrules.rules.rule import Rule

SMALL_MAILBOX = 50
"""Up to this many messages, one round trip costs more than the header fields it might save."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One request and its rows; ``enricher`` names an enricher instead of a request to the server."""

    rows: int
    request: FactRequest = field(default_factory=FactRequest)
    enricher: str = ""


def facts_named(rules: Sequence[Rule]) -> frozenset[Fact]:
    """Every fact that some condition or action of these rules can read."""
    facts: set[Fact] = set()
    for rule in rules:
        for node in (rule.condition, *(branch.condition for branch in rule.branches)):
            facts.update(fact for leaf in leaves(node) for fact in leaf.test.needs)
        facts.update(fact for branch in rule.branches for use in branch.actions for fact in use.value.needs)
    return frozenset(facts)


def first_request(
    rules: Sequence[Rule], *, messages: int, modseq: bool, also_header_fields: Sequence[str] = ()
) -> FactRequest:
    """The request that opens a mailbox: flags always, sizes and dates where a rule reads them.

    For a handful of messages it names all header fields too, so that new mail is one round trip.
    """
    named = facts_named(rules)
    small = messages <= SMALL_MAILBOX
    header_fields = _header_names(named) if small else ()
    return FactRequest(
        flags=True,
        size=SIZE in named or small,
        received=RECEIVED in named or small,
        modseq=modseq,
        header_fields=tuple(dict.fromkeys((*header_fields, *also_header_fields))) if small else (),
    )


def next_need(
    wanted: Mapping[Fact, int], ahead: Mapping[Fact, int], *, also_header_fields: Sequence[str] = ()
) -> Need | None:
    """The next request, or None when nothing is wanted.

    Facts of the same kind that later rules would read of the same rows ride along, since a second
    pass over the same messages costs more than the bytes.
    """
    if not wanted:
        return None
    kind = min(fact.kind for fact in wanted)
    rows = 0
    for fact, mask in wanted.items():
        if fact.kind == kind:
            rows |= mask
    if kind == FactKind.ENRICHED:
        name = min(fact.name for fact in wanted if fact.kind == kind)
        return Need(rows=_rows_wanting(wanted, kind=kind, name=name), enricher=name)
    if kind == FactKind.HEADER:
        riding = (fact for fact, mask in ahead.items() if fact.kind == kind and mask & rows)
        fields = _header_names((*(fact for fact in wanted if fact.kind == kind), *riding))
        request = FactRequest(header_fields=tuple(dict.fromkeys((*fields, *also_header_fields))))
    elif kind == FactKind.STRUCTURE:
        request = FactRequest(structure=True)
    elif kind == FactKind.TEXT:
        request = FactRequest(text=True)
    else:
        request = FactRequest(flags=True, size=SIZE in wanted, received=RECEIVED in wanted, modseq=MODSEQ in wanted)
    return Need(rows=rows, request=request)


def facts_asked(need: Need) -> tuple[Fact, ...]:
    """The facts that an answer to this need makes known."""
    if need.enricher:
        return (Fact(FactKind.ENRICHED, need.enricher),)
    request = need.request
    asked = [
        (FLAGS, request.flags),
        (SIZE, request.size),
        (RECEIVED, request.received),
        (MODSEQ, request.modseq),
        (STRUCTURE, request.structure),
        (TEXT, request.text),
    ]
    headers = (header_fact(name) for name in request.header_fields)
    return (*(fact for fact, is_asked in asked if is_asked), *headers)


def request_for(facts: Iterable[Fact]) -> FactRequest:
    """One request for all of these facts that a server can answer."""
    named = frozenset(facts)
    return FactRequest(
        flags=FLAGS in named,
        size=SIZE in named,
        received=RECEIVED in named,
        modseq=MODSEQ in named,
        header_fields=_header_names(named),
        structure=STRUCTURE in named,
        text=TEXT in named,
    )


def _header_names(facts: Iterable[Fact]) -> tuple[str, ...]:
    return tuple(sorted({fact.name for fact in facts if fact.kind == FactKind.HEADER}))


def _rows_wanting(wanted: Mapping[Fact, int], *, kind: FactKind, name: str) -> int:
    return next(mask for fact, mask in wanted.items() if fact.kind == kind and fact.name == name)
