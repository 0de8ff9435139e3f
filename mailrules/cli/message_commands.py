"""The verb ``explain``: what each rule sees in one message, and decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.output import cell
from mailrules.cli.plan_view import step_text
from mailrules.cli.session import open_reading_session, run_until_done, scope_of
from mailrules.engine import explain as explain_message
from mailrules.engine import find_message
from mailrules.errors import PlanRefused
from mailrules.mailbox.message import UID

if TYPE_CHECKING:
    from mailrules.cli.output import Output
    from mailrules.plan.explanation import MessageExplanation, RuleExplanation
    from mailrules.rules.explain import NodeExplanation
    from mailrules.rules.rule import MailboxRef
    from mailrules.session import ReadingSession

_MARKS = {"true": "+", "false": "-", "unknowable": "?", "open": "?", "not needed": " "}
_LOOKS = {"true": "good", "false": "dim", "unknowable": "warn", "open": "warn", "not needed": "dim"}
_VERDICT_LOOKS = {"acts": "good", "unknowable": "warn"}
_SEEN_LIMIT = 160


@click.command(cls=Verb, name="explain")
@click.argument("message")
@click.option("--rule", default="", metavar="NAME", help="Only this rule.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@pass_invocation
def explain(invocation: Invocation, *, message: str, rule: str, as_json: bool) -> None:
    """Tell for one message what each rule sees and decides.

    Shows every condition, the value that it read, and whether it was true, false or not needed. MESSAGE is
    account/mailbox:UID (home/INBOX:4711) or a Message-ID. Nothing is changed.
    """
    invocation.start_logging()

    async def read() -> tuple[tuple[MailboxRef, UID, MessageExplanation], ...]:
        async with open_reading_session(invocation) as session:
            scope_of(session.configuration, account="", mailbox="", rule=rule, newest=None, only_new=False)
            places = await _places(session, message)
            return tuple([(ref, uid, await explain_message(session, ref, uid)) for ref, uid in places])

    with invocation.output.activity("Reading mail"):
        found = run_until_done(read())
    if as_json:
        messages = [_document(*one, rule=rule) for one in found]
        invocation.output.json({"version": 1, "messages": messages})
        return
    for ref, uid, explanation in found:
        _show(invocation.output, ref, uid, explanation, rule=rule)


async def _places(session: ReadingSession, message: str) -> tuple[tuple[MailboxRef, UID], ...]:
    mailbox, _, uid = message.rpartition(":")
    references = [ref for ref in session.configuration.rules.mailboxes if str(ref) == mailbox]
    if references and uid.isdecimal():
        return ((references[0], UID(int(uid))),)
    if "@" not in message:
        known = ", ".join(str(ref) for ref in session.configuration.rules.mailboxes)
        raise click.UsageError(
            f"{message!r} is neither account/mailbox:UID nor a Message-ID; the rules' mailboxes are: {known}"
        )
    places = await find_message(session, message)
    if not places:
        raise PlanRefused(f"no message with Message-ID {message} in the rules' mailboxes")
    return places


def _show(output: Output, ref: MailboxRef, uid: UID, explanation: MessageExplanation, *, rule: str) -> None:
    planned = explanation.plan.messages[0] if explanation.plan.messages else None
    output.heading(f"{ref}:{uid}", f"{planned.from_}  {planned.subject}" if planned else "")
    for one in explanation.rules:
        if rule in {"", one.rule}:
            output.line()
            _show_rule(output, one)
    output.line()
    if planned is None:
        output.line("No rule does anything with this message.")
        return
    output.line("What a run would do:")
    for step in planned.steps:
        output.line("  ", step_text(step), cell(f"  {step.rule}: {step.reason}" if step.reason else "", "dim"))


def _show_rule(output: Output, rule: RuleExplanation) -> None:
    output.line(cell(rule.rule, "heading"), "  ", cell(rule.verdict, _VERDICT_LOOKS.get(rule.verdict, "dim")))
    _show_node(output, rule.condition, depth=1)
    for branch in rule.branches:
        output.line("  ", cell("choose", "dim"))
        _show_node(output, branch, depth=2)


def _show_node(output: Output, node: NodeExplanation, *, depth: int) -> None:
    seen = f"  saw: {_shortened(node.seen)}" if node.seen else ""
    look = _LOOKS[node.truth]
    output.line(
        "  " * depth,
        cell(f"{_MARKS[node.truth]} ", look),
        cell(node.text),
        cell(seen, "dim"),
        "  ",
        cell(node.truth, look),
        cell(f", {_shortened(node.reason)}" if node.reason else "", "dim"),
    )
    for part in node.parts:
        _show_node(output, part, depth=depth + 1)


def _shortened(text: str) -> str:
    return text if len(text) <= _SEEN_LIMIT else text[:_SEEN_LIMIT] + "…"


def _document(ref: MailboxRef, uid: UID, explanation: MessageExplanation, *, rule: str) -> dict[str, object]:
    steps = [
        {"kind": step.kind, "rule": step.rule, "to": step.to, "flags": list(step.flags), "reason": step.reason}
        for message in explanation.plan.messages
        for step in message.steps
    ]
    return {
        "account": ref.account,
        "mailbox": ref.mailbox,
        "uid": uid,
        "rules": [
            {
                "rule": one.rule,
                "verdict": one.verdict,
                "condition": _node_document(one.condition),
                "branches": [_node_document(branch) for branch in one.branches],
            }
            for one in explanation.rules
            if rule in {"", one.rule}
        ],
        "steps": steps,
    }


def _node_document(node: NodeExplanation) -> dict[str, object]:
    document: dict[str, object] = {"text": node.text, "truth": node.truth, "seen": node.seen, "reason": node.reason}
    return document | {"parts": [_node_document(part) for part in node.parts]}
