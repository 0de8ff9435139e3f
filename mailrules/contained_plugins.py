"""How a stranger's condition, action and effect are called so that their failures stay theirs.

A condition that raises makes its messages unknowable, so nothing acts on them; an option that
its plugin cannot compile is a diagnostic at its place in the rule file; an effect that raises is
a ``PluginError``, which the executor records as a step whose outcome is unknown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.diagnostics import Diagnostic
from mailrules.errors import PluginError
from mailrules.execution.effects import GRANTED_BY_NAME
from mailrules.logs import get_logger
from mailrules.plan.actions import Effect
from mailrules.rules.bounds import UNBOUNDED, BoundedTest, Bounds, is_writable
from mailrules.rules.conditions import RelatingTest
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.execution.effects import EffectCall, EffectHandler, EffectOutcome
    from mailrules.mailbox.message import Fact
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.bounds import Place
    from mailrules.rules.conditions import Environment, LeafTest
    from mailrules.rules.registry import ActionSpec, CompileContext, ConditionSpec, SourceValue
    from mailrules.rules.rule import ActionValue


def describe(error: Exception) -> str:
    """An error of a plugin in one line: its type and words."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def contained_condition(spec: ConditionSpec, *, plugin: str) -> ConditionSpec:
    """The same word, with a compiler and tests that cannot raise."""

    def compile_contained(source: SourceValue, context: CompileContext) -> LeafTest | None:
        try:
            test = spec.compile(source, context)
        except Exception as error:  # noqa: BLE001 -- a plugin call
            context.report(_not_compiled(source, word=spec.name, plugin=plugin, error=error))
            return None
        return None if test is None else _ContainedTest(plugin=plugin, word=spec.name, test=test)

    return replace(spec, compile=compile_contained, plugin=plugin)


def contained_action(spec: ActionSpec, *, plugin: str, effects: frozenset[str]) -> ActionSpec:
    """The same word, with a compiler that cannot raise nor name an effect that nobody carries out."""

    def compile_contained(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
        try:
            values = spec.compile(source, context)
        except Exception as error:  # noqa: BLE001 -- a plugin call
            context.report(_not_compiled(source, word=spec.name, plugin=plugin, error=error))
            return None
        for value in values or ():
            if isinstance(value, Effect) and value.name not in effects:
                message = f"plugin {plugin!r} makes the effect {value.name!r} but registers no handler for it"
                context.report(Diagnostic(where=source.at, message=message, cure="update the plugin"))
                return None
            if isinstance(value, Effect) and value.name in GRANTED_BY_NAME and value.name not in context.allow:
                message = f"plugin {plugin!r} wants {value.name!r}, which goes out and which this file does not allow"
                cure = f"add allow: [{value.name}] to the main file, or remove the action"
                context.report(Diagnostic(where=source.at, message=message, cure=cure))
                return None
        return values

    return replace(spec, compile=compile_contained, plugin=plugin)


def contained_effect(handler: EffectHandler, *, plugin: str) -> EffectHandler:
    """The same handler, raising PluginError for whatever goes wrong in it."""
    return _ContainedEffect(plugin=plugin, handler=handler)


def _not_compiled(source: SourceValue, *, word: str, plugin: str, error: Exception) -> Diagnostic:
    message = f"plugin {plugin!r} could not read the options of `{word}`: {describe(error)}"
    return Diagnostic(where=source.at, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ContainedTest:
    plugin: str
    word: str
    test: LeafTest

    @property
    def needs(self) -> tuple[Fact, ...]:
        return self.test.needs

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        try:
            truth = self.test.judge(snapshot, rows, environment)
            if truth.true & ~truth.known or truth.unknowable & truth.known:
                raise ValueError("its masks contradict each other")
        except Exception as error:  # noqa: BLE001 -- a plugin call
            get_logger().error("plugin.failed", plugin=self.plugin, condition=self.word, error=describe(error))
            return Truth(0, 0, rows)
        return truth

    @property
    def related(self) -> tuple[Fact, ...]:
        """What the plugin's test reads of every message, if it says that it does."""
        return self.test.related if isinstance(self.test, RelatingTest) else ()

    def search_bounds(self, place: Place) -> Bounds:
        if not isinstance(self.test, BoundedTest):
            return UNBOUNDED
        try:
            found = self.test.search_bounds(place)
            return found if is_writable(found.over) and is_writable(found.under) else UNBOUNDED
        except Exception as error:  # noqa: BLE001 -- a plugin call
            get_logger().error("plugin.failed", plugin=self.plugin, condition=self.word, error=describe(error))
            return UNBOUNDED

    def seen(self, snapshot: Snapshot, row: int) -> str:
        try:
            return self.test.seen(snapshot, row)
        except Exception as error:  # noqa: BLE001 -- a plugin call
            return f"(plugin {self.plugin} failed: {describe(error)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class _ContainedEffect:
    plugin: str
    handler: EffectHandler

    @property
    def name(self) -> str:
        return self.handler.name

    async def perform(self, call: EffectCall) -> EffectOutcome:
        try:
            return await self.handler.perform(call)
        except Exception as error:
            raise PluginError(f"plugin {self.plugin!r} failed in effect {self.name!r}: {describe(error)}") from error
