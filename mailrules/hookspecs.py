"""Which hooks a plugin can implement, and what each is given and answers with.

The built-in conditions and actions are registered through these same hooks. A plugin is a module
or object named by an entry point of the group ``mailrules``; it is loaded only when the
configuration names it under ``plugins``. Every hook is optional:

    from mailrules.hookspecs import hookimpl

    @hookimpl
    def mailrules_conditions() -> Sequence[ConditionSpec]:
        return [ConditionSpec(name="lookalike", compile=compile_lookalike, summary="...")]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pluggy

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import click

    from mailrules.execution.effects import EffectHandler, OutboxHandler
    from mailrules.journal.records import RunId, RunKind, RunOutcome
    from mailrules.mailbox.message import UID, Fact, MessageFacts, Unreadable
    from mailrules.plan.plan import StepKind
    from mailrules.rules.registry import ActionSpec, ConditionSpec

PROJECT = "mailrules"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """A run is about to act on this many messages."""

    run: RunId
    kind: RunKind
    started: datetime
    planned_messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """A run ended. The counts are steps: ``applied`` by kind, ``not_applied`` for whatever reason."""

    run: RunId
    kind: RunKind
    started: datetime
    ended: datetime
    outcome: RunOutcome
    applied: Mapping[StepKind, int]
    not_applied: int = 0


class Enricher(Protocol):
    """Adds a fact that the mail server does not have, for example a reputation looked up elsewhere.

    Conditions ask for it as ``Fact(FactKind.ENRICHED, name)``; it is asked last, and only for the
    messages that nothing cheaper has settled.
    """

    @property
    def name(self) -> str:
        """The name under which conditions ask for the fact."""
        ...

    @property
    def needs(self) -> tuple[Fact, ...]:
        """Facts that ``enrich`` reads, fetched beforehand."""
        ...

    async def enrich(self, messages: Sequence[MessageFacts]) -> Mapping[UID, object | Unreadable]:
        """The value for each message; one that is left out, or ``Unreadable``, is unknowable."""
        ...


@hookspec
def mailrules_conditions() -> Sequence[ConditionSpec]:  # type: ignore[empty-body]  # a hook specification has no body
    """The condition words that the plugin adds to the rule language."""


@hookspec
def mailrules_actions() -> Sequence[ActionSpec]:  # type: ignore[empty-body]  # a hook specification has no body
    """The action words that the plugin adds to the rule language."""


@hookspec
def mailrules_effects() -> Sequence[EffectHandler | OutboxHandler]:  # type: ignore[empty-body]  # a hook specification has no body
    """The handlers that carry out the plugin's own ``Effect`` steps, each at most once a message, or by the outbox."""


@hookspec
def mailrules_enrichers() -> Sequence[Enricher]:  # type: ignore[empty-body]  # a hook specification has no body
    """The facts that the plugin can add to messages."""


@hookspec
def mailrules_commands() -> Sequence[click.Command]:  # type: ignore[empty-body]  # a hook specification has no body
    """Commands that the plugin adds to the command line."""


@hookspec
def mailrules_run_started(event: RunStarted) -> None:
    """A run begins; raising is logged and does not stop it."""


@hookspec
def mailrules_run_finished(event: RunFinished) -> None:
    """A run has ended, with its totals; raising is logged and changes nothing."""
