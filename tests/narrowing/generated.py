"""Mailboxes and rules by chance: every kind of condition that SEARCH bounds, beside such that it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from mailrules.testing.builders import SampleMessage, message

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SYSTEM = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "\\Deleted")
KEYWORDS = ("$Label1", "todo", "Family", "$Forwarded")
WORDS = ("invoice", "report", "photo", "Grüße", "garden", "Run failed")
SENDERS = (
    "Ann <ann@example.org>",
    "bob@shop.example",
    "Cleo <cleo@lists.example>",
    "=?utf-8?q?J=C3=B6rg?= <j@example.org>",
)
MESSAGES = 120
DAYS = 30
"""Messages came within so many days before NOW; most bounds of the rules lie there too."""


def messages(chance: random.Random, *, count: int = MESSAGES, zones: bool = False) -> list[SampleMessage]:
    """A mailbox, oldest first. ``zones``: INTERNALDATEs are of many zones, which not every server keeps."""
    ages = sorted((chance.randrange(DAYS * 86_400) for _ in range(count)), reverse=True)
    return [_message(chance, number, NOW - timedelta(seconds=age), zones=zones) for number, age in enumerate(ages)]


def rules(chance: random.Random, *, count: int) -> str:
    """So many rules, as they stand in a rule file under ``rules:``; most are for a part of the mailbox only."""
    lines = ["rules:"]
    for number in range(count):
        condition = _condition(chance, earlier=number, depth=3)
        if chance.random() < 0.8:
            condition = f"{{all: [{_flag(chance)}, {_received(chance)}, {condition}]}}"
        lines += [f"  - name: r{number}", f"    if: {condition}"]
        if chance.random() < 0.2:
            lines.append(f"    stop: {chance.choice(('true', 'false'))}")
        if chance.random() < 0.2:
            lines.append("    if_unknowable: skip")
        if chance.random() < 0.2:
            lines.append(f"    conflict: {chance.choice(('first', 'last', 'fan-out', 'error'))}")
        if chance.random() < 0.2:
            lines.append("    choose:")
            for _ in range(chance.randrange(1, 3)):
                condition = _condition(chance, earlier=number, depth=1)
                lines += [f"      - if: {condition}", f"        do: {_actions(chance)}"]
        else:
            lines.append(f"    do: {_actions(chance)}")
    return "\n".join(lines) + "\n"


def _message(chance: random.Random, number: int, received: datetime, *, zones: bool) -> SampleMessage:
    flags = {flag for flag in (*SYSTEM, *KEYWORDS) if chance.random() < (0.08 if flag == "\\Deleted" else 0.3)}
    zone = timezone(timedelta(minutes=30 * chance.randrange(-24, 29))) if zones else UTC
    sent = chance.choice((received, received, "soon", None))
    content = message(
        from_=chance.choice(SENDERS),
        subject=chance.choice((*WORDS, None)),
        date=sent,
        message_id=f"<{number}@example.org>",
        body="x" * chance.randrange(3_000),
    )
    return SampleMessage(
        content=content, flags=frozenset(flags), received=received.astimezone(zone).replace(microsecond=0)
    )


def _condition(chance: random.Random, *, earlier: int, depth: int) -> str:
    """In YAML's flow style."""
    if depth and chance.random() < 0.5:
        kind = chance.choice(("all", "all", "any", "none", "not"))
        if kind == "not":
            return f"{{not: {_condition(chance, earlier=earlier, depth=depth - 1)}}}"
        parts = (_condition(chance, earlier=earlier, depth=depth - 1) for _ in range(chance.randrange(1, 4)))
        return f"{{{kind}: [{', '.join(parts)}]}}"
    if earlier and chance.random() < 0.08:
        return f"{{matched_by: r{chance.randrange(earlier)}}}"
    bounded = chance.random() < 0.75
    return chance.choice(_BOUNDED if bounded else _UNBOUNDED)(chance)


def _flag(chance: random.Random) -> str:
    return f"{{flag: {chance.choice(('seen', 'flagged', 'answered', 'draft', 'deleted', '[seen, answered]'))}}}"


def _keyword(chance: random.Random) -> str:
    return f'{{keyword: "{chance.choice((*KEYWORDS, "TODO", "unheard-of"))}"}}'


def _size(chance: random.Random) -> str:
    bounds = {chance.choice(("at_least", "at_most", "over", "under", "equals")): chance.randrange(3_600)}
    if chance.random() < 0.3:
        bounds[chance.choice(("over", "under"))] = chance.randrange(3_600)
    return f"{{size: {{{', '.join(f'{word}: {number}' for word, number in bounds.items())}}}}}"


def _received(chance: random.Random) -> str:
    operator = chance.choice(("older_than", "newer_than", "before", "after", "on"))
    hours = chance.randrange(24 * (DAYS + 3))
    if operator in {"older_than", "newer_than"}:
        return f"{{received: {{{operator}: {hours}h}}}}"
    moment = NOW - timedelta(hours=hours)
    if operator == "on" or chance.random() < 0.5:
        return f'{{received: {{{operator}: "{moment:%Y-%m-%d}"}}}}'
    return f'{{received: {{{operator}: "{moment:%Y-%m-%dT%H:%M:%S}{chance.choice(("Z", "+05:30", "-11:00"))}"}}}}'


def _surrounding(chance: random.Random) -> str:
    return chance.choice(
        ("{mailbox: INBOX}", "{mailbox: Other}", "{account: home}", "{event: {cause: run}}", "{now: {weekday: [sun]}}")
    )


def _text(chance: random.Random) -> str:
    word = chance.choice(WORDS)
    return chance.choice(
        (
            f'{{subject: {{contains: "{word}"}}}}',
            f'{{subject: {{equals: "{word}"}}}}',
            "{from: ann@example.org}",
            '{from: "@shop.example"}',
            "{header: {name: Subject, exists: true}}",
        )
    )


def _sent(chance: random.Random) -> str:
    """Unknowable for mail without a date that can be read."""
    return f"{{sent: {{{chance.choice(('older_than', 'newer_than'))}: {chance.randrange(24 * DAYS)}h}}}}"


_BOUNDED = (_flag, _keyword, _size, _received, _received, _surrounding)
_UNBOUNDED = (_text, _sent, lambda _: "always")


def _actions(chance: random.Random) -> str:
    marks: Sequence[str] = ("{flag: seen}", "{flag: flagged}", "{unflag: seen}", '{keyword: "$Done"}', "{copy: Copies}")
    ends = ("{move: Other}", "{trash: true}", "keep", "{archive: true}")
    chosen = chance.sample(marks, chance.randrange(3))
    if not chosen or chance.random() < 0.5:
        chosen.append(chance.choice(ends))
    return f"[{', '.join(chosen)}]"
