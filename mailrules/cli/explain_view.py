"""How an explanation looks, to a person and as a document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.cli.output import cell
from mailrules.cli.plan_view import step_text
from mailrules.plan.document import shadow_effect_to_document
from mailrules.plan.explanation import Verdict
from mailrules.rules.rule_changes import Manner

if TYPE_CHECKING:
    from mailrules.cli.output import Output, Styled
    from mailrules.plan.explanation import MessageExplanation, RuleExplanation
    from mailrules.rules.explain import NodeExplanation
    from mailrules.rules.remedies import Remedy
    from mailrules.rules.rule_changes import RuleChange

_MARKS = {"true": "+", "false": "-", "unknowable": "?", "open": "?", "not needed": " "}
_LOOKS = {"true": "good", "false": "dim", "unknowable": "warn", "open": "warn", "not needed": "dim"}
_VERDICT_LOOKS = {Verdict.ACTS: "good", Verdict.MATCHES: "warn", Verdict.IN_SHADOW: "warn", Verdict.UNKNOWABLE: "warn"}
_HOW = {Manner.INSTEAD: "with", Manner.ALSO: "with", Manner.WITHOUT: "without"}
_SEEN_LIMIT = 160


def show_explanation(output: Output, place: str, explanation: MessageExplanation, *, rule: str) -> None:
    """One message: each rule with its condition, then what a run would do; ``rule`` "" means all."""
    output.heading(place, f"{explanation.sender}  {explanation.subject}".strip())
    for one in explanation.rules:
        if rule in {"", one.rule}:
            output.line()
            _show_rule(output, one)
    if rule and rule not in {one.rule for one in explanation.rules}:
        output.line()
        output.line(cell(rule, "heading"), "  does not look at this mailbox")
    output.line()
    _show_plan(output, explanation, rule=rule)
    shadow = [one for one in explanation.plan.shadow if rule in {"", one.rule} and one.steps]
    if shadow:
        output.line("What rules in shadow would do, and do not do now:")
    for effect in shadow:
        for step in effect.steps:
            output.line("  ", step_text(step), cell(f"  {step.rule}: {step.reason}" if step.reason else "", "dim"))


def _show_plan(output: Output, explanation: MessageExplanation, *, rule: str) -> None:
    planned = [step for message in explanation.plan.messages for step in message.steps if rule in {"", step.rule}]
    if not planned:
        output.line("A run would do nothing with this message." if not rule else "A run would do nothing by this rule.")
        return
    output.line("What a run would do:")
    for step in planned:
        output.line("  ", step_text(step), cell(f"  {step.rule}: {step.reason}" if step.reason else "", "dim"))


def explanation_document(
    explanation: MessageExplanation, *, account: str, mailbox: str, uid: int, rule: str
) -> dict[str, object]:
    """The same for ``--json``; documented in docs/reference/commands.md."""
    return {
        "account": account,
        "mailbox": mailbox,
        "uid": uid,
        "from": explanation.sender,
        "subject": explanation.subject,
        "rules": [_rule_document(one) for one in explanation.rules if rule in {"", one.rule}],
        "steps": [
            {"kind": step.kind, "rule": step.rule, "to": step.to, "flags": list(step.flags), "reason": step.reason}
            for message in explanation.plan.messages
            for step in message.steps
            if rule in {"", step.rule}
        ],
        "shadow": [shadow_effect_to_document(one) for one in explanation.plan.shadow if rule in {"", one.rule}],
    }


def _show_rule(output: Output, rule: RuleExplanation) -> None:
    output.line(cell(rule.rule, "heading"), "  ", cell(rule.verdict, _VERDICT_LOOKS.get(rule.verdict, "dim")))
    _show_node(output, rule.condition, depth=1, fails_at=rule.fails_at)
    for branch in rule.branches:
        output.line("  ", cell("choose", "dim"))
        _show_node(output, branch, depth=2, fails_at=None)
    for note in rule.notes:
        output.line("  ", cell("! ", "warn"), cell(_shortened(note)))
    if rule.search:
        output.line("  ", cell(f"a sweep asks for  SEARCH {_shortened(rule.search)}", "dim"))
    if rule.verdict in (Verdict.DOES_NOT_MATCH, Verdict.UNKNOWABLE):
        _show_remedy(output, rule.remedy)


def _show_remedy(output: Output, remedy: Remedy) -> None:
    if not remedy.rule and not remedy.message:
        output.line("  ", cell("no change of the rule or of the message that would make it match is known", "dim"))
        return
    for place, change in enumerate(remedy.rule):
        word = "        and" if place else "would match"
        output.line("  ", cell(f"{word} {_HOW[change.manner]}  ", "dim"), *_rule_change(change))
    if remedy.message:
        told = " and ".join(_shortened(change.text) for change in remedy.message)
        output.line("  ", cell("would match if    ", "dim"), cell(told))


def _rule_change(change: RuleChange) -> tuple[Styled, ...]:
    within = cell(f" (in {change.within})" if change.within else "", "dim")
    match change.manner:
        case Manner.INSTEAD:
            return cell(change.text), cell(f"  instead of  {change.of}", "dim"), within
        case Manner.ALSO:
            return cell(change.text), cell(f"  as well as  {change.of}", "dim"), within
        case Manner.WITHOUT:
            return cell(change.of), within


def _show_node(output: Output, node: NodeExplanation, *, depth: int, fails_at: tuple[int, ...] | None) -> None:
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
        cell("  <- fails here" if fails_at == () else "", "bad"),
    )
    for place, part in enumerate(node.parts):
        inner = fails_at[1:] if fails_at and fails_at[0] == place else None
        _show_node(output, part, depth=depth + 1, fails_at=inner)


def _shortened(text: str) -> str:
    return text if len(text) <= _SEEN_LIMIT else text[:_SEEN_LIMIT] + "…"


def _rule_document(rule: RuleExplanation) -> dict[str, object]:
    return {
        "rule": rule.rule,
        "verdict": rule.verdict,
        "condition": _node_document(rule.condition),
        "branches": [_node_document(branch) for branch in rule.branches],
        "fails_at": None if rule.fails_at is None else list(rule.fails_at),
        "notes": list(rule.notes),
        "search": rule.search,
        "rule_changes": [
            {"of": one.of, "manner": one.manner, "text": one.text, "within": one.within} for one in rule.remedy.rule
        ],
        "message_changes": [{"of": one.of, "text": one.text} for one in rule.remedy.message],
    }


def _node_document(node: NodeExplanation) -> dict[str, object]:
    document: dict[str, object] = {"text": node.text, "truth": node.truth, "seen": node.seen, "reason": node.reason}
    return document | {"parts": [_node_document(part) for part in node.parts]}
