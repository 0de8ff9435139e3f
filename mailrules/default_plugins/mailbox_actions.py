"""The actions on mailboxes themselves: ``create subscribe setacl``."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.plan.actions import CreateMailbox, SetRights, SubscribeMailbox
from mailrules.rules.operator_schemas import mapping
from mailrules.rules.operators import check_keys, report_error
from mailrules.rules.registry import ActionSpec
from mailrules.rules.templates import mailbox_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue
    from mailrules.rules.rule import ActionValue

# RFC 4314 section 2.1 and its obsolete c and d; servers may define digits.
RIGHTS = "lrswipkxteacd0123456789"
_IDENTIFIER = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    rights = {"type": "object", "additionalProperties": {"type": "string", "pattern": f"^[{RIGHTS}]*$"}}
    return [
        ActionSpec(
            name="create",
            compile=partial(_compile_mailbox, CreateMailbox),
            summary="Create a mailbox if it is not there.",
            schema={"type": "string"},
        ),
        ActionSpec(
            name="subscribe",
            compile=partial(_compile_mailbox, SubscribeMailbox),
            summary="Subscribe to a mailbox.",
            schema={"type": "string"},
        ),
        ActionSpec(
            name="setacl",
            compile=_compile_setacl,
            summary="Give others rights on a mailbox, or take them away.",
            schema=mapping({"mailbox": {"type": "string"}, "rights": rights}, required=("mailbox", "rights")),
        ),
    ]


def _compile_mailbox(
    action: type[CreateMailbox | SubscribeMailbox], source: SourceValue, context: CompileContext
) -> Sequence[ActionValue] | None:
    template = mailbox_template(source, context.report)
    return None if template is None else [action(mailbox=template)]


def _compile_setacl(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if not source.is_mapping:
        cure = "write setacl: {mailbox: Shared, rights: {bob@example.org: lrs}}"
        report_error(source, f"setacl takes mailbox and rights, not {source.kind}", cure=cure, context=context)
        return None
    is_good = check_keys(source, ("mailbox", "rights"), word="setacl", context=context)
    for key in ("mailbox", "rights"):
        if key not in source.mapping:
            report_error(source, f'setacl lacks the key "{key}"', cure=f"add {key}: ...", context=context)
            is_good = False
    mailbox, rights = source.mapping.get("mailbox"), source.mapping.get("rights")
    if mailbox is None or rights is None:
        return None
    template = mailbox_template(mailbox, context.report)
    if template is not None and not template.is_literal:
        cure = "write the mailbox without fields: who may read mail never depends on a message"
        report_error(mailbox, "setacl takes a fixed mailbox", cure=cure, context=context)
        is_good = False
    entries = _read_rights(rights, context)
    if not is_good or template is None or entries is None:
        return None
    return [SetRights(mailbox=template.render({}, delimiter=""), rights=entries)]


def _read_rights(source: SourceValue, context: CompileContext) -> tuple[tuple[str, str], ...] | None:
    if not source.mapping:
        cure = "write rights: {bob@example.org: lrs, anyone: ''}"
        report_error(source, "setacl names nobody under rights", cure=cure, context=context)
        return None
    is_good = True
    for identifier, rights in source.mapping.items():
        if not _IDENTIFIER.fullmatch(identifier):
            report_error(rights, "this identifier is empty, too long or has control characters", context=context)
            is_good = False
        if not isinstance(rights.value, str):
            cure = "write letters such as lrs, or '' to take all rights away"
            report_error(rights, f"rights are letters, not {rights.kind}", cure=cure, context=context)
            is_good = False
        elif unknown := sorted(set(rights.value) - set(RIGHTS)):
            cure = "rights are l r s w i p k x t e a (RFC 4314)"
            report_error(rights, f'unknown right "{unknown[0]}"', cure=cure, context=context)
            is_good = False
    return tuple((identifier, rights.text) for identifier, rights in source.mapping.items()) if is_good else None
