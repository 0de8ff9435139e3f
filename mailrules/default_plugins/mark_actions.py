"""The actions that mark a message: ``flag unflag keyword unkeyword label unlabel``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.plan.actions import AddFlags, RemoveFlags, SetLabels
from mailrules.rules.flags import SYSTEM_FLAGS, read_flags, read_keywords
from mailrules.rules.operator_schemas import TEXTS, words
from mailrules.rules.operators import read_texts, report_error
from mailrules.rules.registry import ActionSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailrules.rules.registry import CompileContext, SourceValue

    Reader = Callable[[SourceValue, CompileContext], tuple[str, ...] | None]

MAX_LABEL_CHARACTERS = 225
"""As many as Gmail takes."""


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    return [
        ActionSpec(
            name="flag",
            compile=partial(_add, read_flags),
            summary="Set flags.",
            schema=words(sorted(set(SYSTEM_FLAGS) - {"deleted"})),
        ),
        ActionSpec(
            name="unflag",
            compile=partial(_remove, read_flags),
            summary="Remove flags.",
            schema=words(sorted(SYSTEM_FLAGS)),
        ),
        ActionSpec(name="keyword", compile=partial(_add, read_keywords), summary="Set keywords.", schema=TEXTS),
        ActionSpec(name="unkeyword", compile=partial(_remove, read_keywords), summary="Remove keywords.", schema=TEXTS),
        ActionSpec(
            name="label",
            compile=partial(_compile_labels, are_added=True),
            summary="Set labels: Gmail's, or keywords where the server has no labels.",
            schema=TEXTS,
        ),
        ActionSpec(
            name="unlabel",
            compile=partial(_compile_labels, are_added=False),
            summary="Remove labels that are keywords.",
            schema=TEXTS,
        ),
    ]


def _compile_labels(source: SourceValue, context: CompileContext, *, are_added: bool) -> Sequence[SetLabels] | None:
    labels = read_texts(source, context)
    if labels is None:
        return None
    for item in source.items:
        if not item.text.isprintable() or len(item.text) > MAX_LABEL_CHARACTERS or item.text.startswith(("\\", "/")):
            cure = "write a name such as Work or Work/Travel; starred is flag: flagged"
            report_error(item, f'"{item.text}" is no label that a rule sets', cure=cure, context=context)
            return None
    return [SetLabels(labels=tuple(dict.fromkeys(labels)), are_added=are_added)]


def _add(read: Reader, source: SourceValue, context: CompileContext) -> Sequence[AddFlags] | None:
    flags = read(source, context)
    if flags is None:
        return None
    if "\\Deleted" in flags:
        # What carries \Deleted goes when any client expunges; `delete` asks for the permission that this needs.
        cure = "use trash: true, or delete: true with allow: [delete]"
        report_error(source, "a rule does not set the deleted flag", cure=cure, context=context)
        return None
    return [AddFlags(flags=flags)]


def _remove(read: Reader, source: SourceValue, context: CompileContext) -> Sequence[RemoveFlags] | None:
    flags = read(source, context)
    return None if flags is None else [RemoveFlags(flags=flags)]
