"""The actions that file a message: ``copy move trash delete archive keep``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.plan.actions import CopyTo, Delete, Keep, MoveTo, MoveToSpecialUse
from mailrules.rules.operator_schemas import TEXT, TRUE, either, mapping
from mailrules.rules.operators import check_keys, read_flag, report_error
from mailrules.rules.registry import ActionSpec
from mailrules.rules.templates import mailbox_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue
    from mailrules.rules.rule import ActionValue

_TARGET = either(TEXT, mapping({"to": TEXT, "create": {"type": "boolean"}}, required=("to",)))


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    return [
        ActionSpec(name="copy", compile=partial(_compile_target, CopyTo), summary="Copy to a mailbox.", schema=_TARGET),
        ActionSpec(name="move", compile=partial(_compile_target, MoveTo), summary="Move to a mailbox.", schema=_TARGET),
        ActionSpec(
            name="trash",
            compile=partial(_compile_plain, MoveToSpecialUse(use="trash")),
            summary="Move to the account's trash.",
            schema=TRUE,
        ),
        ActionSpec(
            name="archive",
            compile=partial(_compile_plain, MoveToSpecialUse(use="archive")),
            summary="Move to the account's archive.",
            schema=TRUE,
        ),
        ActionSpec(
            name="delete",
            compile=_compile_delete,
            summary="Delete for ever; the file must allow it.",
            schema=TRUE,
        ),
        ActionSpec(
            name="keep",
            compile=partial(_compile_plain, Keep()),
            summary="Leave where it is, and ask no later rule.",
            schema=TRUE,
        ),
    ]


def _compile_target(
    action: type[CopyTo | MoveTo], source: SourceValue, context: CompileContext
) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        template = mailbox_template(source, context.report)
        return None if template is None else [action(to=template)]
    is_good = check_keys(source, ("to", "create"), word="this action", context=context)
    create = read_flag(source, "create", context)
    if "to" not in source.mapping:
        cure = "write {to: Lists/news, create: true}"
        report_error(source, "this action needs a mailbox under to", cure=cure, context=context)
        return None
    template = mailbox_template(source.mapping["to"], context.report)
    return [action(to=template, create=create is True)] if is_good and template is not None else None


def _compile_plain(value: ActionValue, source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if source.value is not True:
        cure = "write true, or leave the action out"
        report_error(source, f"this action takes true, not {source.kind}", cure=cure, context=context)
        return None
    return [value]


def _compile_delete(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if "delete" not in context.allow:
        cure = "add allow: [delete] to the main file, or use trash: true"
        report_error(
            source, "delete removes mail for ever, and this file does not allow it", cure=cure, context=context
        )
        return None
    return _compile_plain(Delete(), source, context)
