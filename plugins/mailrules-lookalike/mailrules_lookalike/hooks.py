"""What this plugin adds to mailrules: one condition, one action with its effect, one command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.rules.registry import ActionSpec, ConditionSpec
from mailrules_lookalike import condition, record
from mailrules_lookalike.command import lookalike

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from mailrules.execution.effects import EffectHandler


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    return [
        ConditionSpec(
            name="lookalike",
            compile=condition.compile_lookalike,
            summary="The author pretends to be somebody else.",
            schema=condition.SCHEMA,
        )
    ]


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    return [
        ActionSpec(
            name="record",
            compile=record.compile_record,
            summary="Append one JSON line about the message to a file.",
            schema=record.SCHEMA,
        )
    ]


@hookimpl
def mailrules_effects() -> Sequence[EffectHandler]:
    return [record.Recorder()]


@hookimpl
def mailrules_commands() -> Sequence[click.Command]:
    return [lookalike]
