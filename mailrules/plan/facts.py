"""Which facts to ask for next: the cheapest kind that decides something, for the rows it decides.

The order is fixed by ``FactKind``: flags, sizes and dates at once, then header fields, then
structure, then text, then enrichers (design, law 2).
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING

from mailrules.mailbox.message import (
    FLAGS,
    LABELS,
    MODSEQ,
    RECEIVED,
    SAVED,
    SIZE,
    STRUCTURE,
    TEXT,
    Fact,
    FactKind,
    FactRequest,
    header_fact,
)
from mailrules.rules.conditions import RelatingTest, leaves
from mailrules.values import dataclass

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
    of_actions = {
        fact for rule in rules for branch in rule.branches for use in branch.actions for fact in use.value.needs
    }
    return facts_judged(rules) | of_actions


def facts_judged(rules: Sequence[Rule]) -> frozenset[Fact]:
    """Every fact that some condition of these rules can read."""
    nodes = (node for rule in rules for node in (rule.condition, *(branch.condition for branch in rule.branches)))
    return frozenset(fact for node in nodes for leaf in leaves(node) for fact in leaf.test.needs)


def facts_related(rules: Sequence[Rule]) -> frozenset[Fact]:
    """The facts that some condition of these rules reads of every message, to judge one of them."""
    nodes = (node for rule in rules for node in (rule.condition, *(branch.condition for branch in rule.branches)))
    tests = (leaf.test for node in nodes for leaf in leaves(node))
    return frozenset(fact for test in tests if isinstance(test, RelatingTest) for fact in test.related)


def first_request(
    rules: Sequence[Rule], *, messages: int, modseq: bool, also_header_fields: Sequence[str] = ()
) -> FactRequest:
    """The request that opens a mailbox: flags always, sizes and dates where a rule reads them.

    It names all header fields too where that saves a pass over the mailbox: for a handful of messages,
    so that new mail is one round trip, and where a rule needs a header of every message anyway.
    """
    named = facts_named(rules)
    small = messages <= SMALL_MAILBOX
    header_fields = _header_names(facts_related(rules))
    if small or _needs_header_of_all(rules):
        # What only actions read is not asked of a whole mailbox: few messages may be acted on.
        asked = named if small else facts_judged(rules)
        header_fields = tuple(dict.fromkeys((*_header_names(asked), *also_header_fields)))
    return FactRequest(
        flags=True,
        size=SIZE in named or small,
        received=RECEIVED in named or small,
        modseq=modseq,
        saved=SAVED in named,
        labels=LABELS in named,
        header_fields=header_fields,
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
        request = replace(
            FactRequest(flags=True, size=SIZE in wanted, received=RECEIVED in wanted, modseq=MODSEQ in wanted),
            saved=SAVED in wanted,
            labels=LABELS in wanted,
        )
    return Need(rows=rows, request=request)


def facts_asked(need: Need) -> tuple[Fact, ...]:
    """The facts that an answer to this need makes known."""
    if need.enricher:
        return (Fact(FactKind.ENRICHED, need.enricher),)
    return facts_requested(need.request)


def facts_requested(request: FactRequest) -> tuple[Fact, ...]:
    """The facts that an answer to this request makes known."""
    asked = [
        (FLAGS, request.flags),
        (SIZE, request.size),
        (RECEIVED, request.received),
        (MODSEQ, request.modseq),
        (SAVED, request.saved),
        (LABELS, request.labels),
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
        saved=SAVED in named,
        labels=LABELS in named,
        header_fields=_header_names(named),
        structure=STRUCTURE in named,
        text=TEXT in named,
    )


def _needs_header_of_all(rules: Sequence[Rule]) -> bool:
    """Whether a rule that every message comes to can be decided by nothing cheaper than a header."""
    for rule in rules:
        kinds = {fact.kind for leaf in leaves(rule.condition) for fact in leaf.test.needs}
        if kinds == {FactKind.HEADER}:
            return True
        if rule.stop or any(branch.disposes for branch in rule.branches):
            return False
    return False


def _header_names(facts: Iterable[Fact]) -> tuple[str, ...]:
    return tuple(sorted({fact.name for fact in facts if fact.kind == FactKind.HEADER}))


def _rows_wanting(wanted: Mapping[Fact, int], *, kind: FactKind, name: str) -> int:
    return next(mask for fact, mask in wanted.items() if fact.kind == kind and fact.name == name)
