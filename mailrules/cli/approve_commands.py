"""The verb ``approve``: what waits for a yes, listed or released."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from mailrules.cli.configuration import load
from mailrules.cli.held_mail import held_document, held_mail, show_held
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import cell, local
from mailrules.cli.session import local_now, open_journal, run_until_done, scope_of
from mailrules.plan.shadow import rules_in_shadow

if TYPE_CHECKING:
    from mailrules.plan.shadow import ShadowRule


@click.command(cls=Verb, name="approve")
@click.argument("rule", required=False, default="")
@click.option("--all", "release_all", is_flag=True, help="Release what every rule's guard holds.")
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON document.")
@pass_invocation
def approve(invocation: Invocation, *, rule: str, release_all: bool, as_json: bool) -> None:
    """Release what a rule's guard holds.

    Without RULE and --all, it lists what is held, and releases nothing. A rule that is new or has changed, and
    waits for a yes, may act from now on. The daemon acts on it within five minutes; `mailrules run --once --new`
    at once.
    """
    invocation.start_logging()
    configuration, _ = load(invocation.config_path)
    if (rule and release_all) or (as_json and (rule or release_all)):
        raise click.UsageError("RULE, --all and --json exclude each other")
    scope_of(configuration, account="", mailbox="", rule=rule, newest=None, only_new=False)
    if not rule and not release_all:
        held = run_until_done(held_mail(invocation, configuration))
        if as_json:
            invocation.output.json(held_document(held))
        else:
            show_held(invocation.output, held)
        return
    rules = configuration.rules

    async def release() -> tuple[ShadowRule, ...]:
        async with open_journal(invocation) as journal:
            await journal.approve(rule or None, now=local_now())
            shadow = rules_in_shadow(rules.rules, await journal.sights(), now=local_now())
            # What has not acted yet is not known by a yes to something else.
            unknown = {one.rule for one in shadow}
            names = {
                ref: [one.name for one in rules.for_mailbox(ref) if rule in {"", one.name} and one.name not in unknown]
                for ref in rules.mailboxes
            }
            await journal.know_rules(names, rules_hash=rules.hash)
            return tuple(one for one in shadow if rule in {"", one.rule})

    in_shadow = asyncio.run(release())
    whose = f"rule {rule}" if rule else "every rule"
    invocation.output.line(cell(f"What the guard of {whose} holds is released for one window of the guard."))
    for one in in_shadow:
        told = f"{one.rule} only reports until {local(one.until)}; to let it act before, remove its `shadow`"
        invocation.output.line(cell("in shadow: ", "warn"), cell(told))
