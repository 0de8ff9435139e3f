"""Which rules of the configuration are in shadow now, until when, and what has each noted so far?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from mailrules.cli.configuration import load
from mailrules.cli.output import cell, local, plural
from mailrules.cli.plan_view import kinds_text
from mailrules.cli.session import local_now
from mailrules.cli.shadow_view import tally_document
from mailrules.errors import MailrulesError
from mailrules.plan.shadow import rules_in_shadow
from mailrules.values import dataclass

if TYPE_CHECKING:
    from datetime import datetime

    from mailrules.cli.invocation import Invocation
    from mailrules.cli.output import Output
    from mailrules.journal.reader import JournalReader
    from mailrules.journal.shadow_effects import ShadowTally
    from mailrules.plan.plan import StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class InShadow:
    """A rule that only reports; ``until`` is None where the configuration does not load, so that nobody can say."""

    rule: str
    until: datetime | None
    tallies: tuple[ShadowTally, ...]


async def shadows(invocation: Invocation, journal: JournalReader) -> tuple[InShadow, ...]:
    """Those that a run has seen. The configuration is only read where the journal knows of one."""
    sights = await journal.sights()
    if not sights:
        return ()
    tallies = await journal.shadow_tallies()
    try:
        configuration, _ = load(invocation.config_path)
    except (MailrulesError, OSError):
        ends: dict[str, datetime | None] = dict.fromkeys(sights)
    else:
        found = rules_in_shadow(configuration.rules.rules, sights, now=local_now())
        ends = {one.rule: one.until for one in found}
    return tuple(
        InShadow(rule=rule, until=until, tallies=tuple(one for one in tallies if one.rule == rule))
        for rule, until in ends.items()
    )


def show_in_shadow(output: Output, found: tuple[InShadow, ...]) -> None:
    """A line for each, and one for each mailbox where it would have done something."""
    if not found:
        return
    output.heading("In shadow", "reported, not done")
    for one in found:
        until = (
            f"until {local(one.until)}" if one.until else "the configuration does not load, so nobody can say how long"
        )
        messages = sum(tally.messages for tally in one.tallies)
        kinds: Counter[StepKind] = Counter()
        for tally in one.tallies:
            kinds.update(tally.kinds)
        more = "+" if any(tally.is_cut for tally in one.tallies) else ""
        told = f"{plural(messages, 'message')}{more}: {kinds_text(kinds) or 'nothing'}" if messages else "no message"
        output.line(
            "  ", cell(one.rule, "heading"), cell(f"  {until}  ", "dim"), cell(f"would have touched {told} so far")
        )
    output.line("  ", cell("See: mailrules history --shadow", "dim"))


def in_shadow_document(one: InShadow) -> dict[str, object]:
    """The same in JSON values."""
    return {
        "rule": one.rule,
        "until": one.until.isoformat() if one.until else None,
        "mailboxes": [tally_document(tally) for tally in one.tallies],
    }
