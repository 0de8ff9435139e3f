"""Words that plugins register are used like the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import RuleError
from mailrules.plan.actions import Effect
from mailrules.rules.json_schema import json_schema
from mailrules.rules.registry import ActionSpec, CompileContext, ConditionSpec, Registry, SourceValue
from mailrules.rules.truth import Truth
from tests.rules.loading import BUILT_IN, HEAD, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import Fact
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketTest:
    """A condition with captures that only the plugin knows."""

    prefix: object

    @property
    def needs(self) -> tuple[Fact, ...]:
        return ()

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:  # noqa: ARG002 -- LeafTest
        return Truth(rows, rows)

    def seen(self, snapshot: Snapshot, row: int) -> str:  # noqa: ARG002 -- LeafTest
        return ""

    def captures(self, snapshot: Snapshot, row: int) -> dict[str, str] | None:  # noqa: ARG002 -- CapturingTest
        return {"ticket": "17"}


def _compile_ticket(source: SourceValue, context: CompileContext) -> TicketTest:
    return TicketTest(prefix=source.plain())


def _compile_snooze(source: SourceValue, context: CompileContext) -> Sequence[Effect]:
    return [Effect(name="snooze", options={"days": source.plain()})]


WITH_PLUGIN = Registry(
    conditions={
        **BUILT_IN.conditions,
        "ticket": ConditionSpec(name="ticket", compile=_compile_ticket, summary="A ticket.", plugin="helpdesk"),
    },
    actions={
        **BUILT_IN.actions,
        "snooze": ActionSpec(name="snooze", compile=_compile_snooze, summary="Sleep.", schema={"type": "integer"}),
    },
)


def test_a_plugin_may_take_a_word_that_this_version_does_not_have() -> None:
    (rule,) = load(
        HEAD + "rules: [{name: r, if: {ticket: [a, {b: 1}]}, do: [{snooze: 3}]}]\n", registry=WITH_PLUGIN
    ).rules.rules

    assert rule.condition.test == TicketTest(prefix=["a", {"b": 1}])  # type: ignore[union-attr]  # the condition is one leaf
    assert rule.branches[0].actions[0].value == Effect(name="snooze", options={"days": 3})


def test_captures_of_a_plugins_condition_may_fill_any_field() -> None:
    configuration = load(
        HEAD + "rules: [{name: r, if: {ticket: a}, do: [{move: 'T/{ticket}'}]}]\n", registry=WITH_PLUGIN
    )

    assert len(configuration.rules.rules) == 1


def test_a_rule_never_vanishes_when_a_plugin_refuses_without_a_word() -> None:
    silent = replace(WITH_PLUGIN.conditions["ticket"], compile=lambda _source, _context: None)
    registry = replace(WITH_PLUGIN, conditions={**WITH_PLUGIN.conditions, "ticket": silent})

    with pytest.raises(RuleError, match="a word of this rule refuses its value without saying"):
        load(HEAD + "rules: [{name: r, if: {ticket: a}, do: [keep]}]\n", registry=registry)


def test_the_json_schema_has_the_plugins_words() -> None:
    schema = json_schema(WITH_PLUGIN)

    assert '"ticket"' in repr(schema).replace("'", '"')
    assert '"snooze"' in repr(schema).replace("'", '"')
