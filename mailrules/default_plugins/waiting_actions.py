"""The actions that let a message wait, or that are about its time: ``snooze hold expire``; and ``report_spam``."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.plan.actions import AddFlags, Expire, Hold, MoveToSpecialUse, RemoveFlags, Snooze
from mailrules.rules.operator_schemas import DURATION, TEXT, TRUE, either, mapping
from mailrules.rules.operators import check_keys, read_quantity, report_error
from mailrules.rules.quantities import parse_duration, parse_time_of_day
from mailrules.rules.registry import ActionSpec, SourceValue
from mailrules.rules.templates import mailbox_template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext
    from mailrules.rules.rule import ActionValue

SNOOZE_KEYS = ("for", "until", "to")
SNOOZED = "Snoozed"
"""The mailbox of snoozed mail where a rule names no other."""


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    snooze = {
        "for": DURATION,
        "until": {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}$"},
        "to": TEXT,
    }
    return [
        ActionSpec(
            name="snooze",
            compile=_compile_snooze,
            summary="Put away, and bring back after a while or at a time of day.",
            schema=either(DURATION, {**mapping(snooze), "oneOf": [{"required": ["for"]}, {"required": ["until"]}]}),
        ),
        ActionSpec(
            name="hold",
            compile=_compile_hold,
            summary="Leave where it is, report it until a person has looked, and ask no later rule.",
            schema=either(TRUE, {"type": "string", "minLength": 1}),
        ),
        ActionSpec(
            name="expire",
            compile=_compile_expire,
            summary="Delete for ever what the server has had for so long; the file must allow delete.",
            schema=either(DURATION, mapping({"after": DURATION}, required=("after",))),
        ),
        ActionSpec(
            name="report_spam",
            compile=_compile_report_spam,
            summary="Mark as spam ($Junk) and move to the account's mailbox for it.",
            schema=TRUE,
        ),
    ]


def _compile_snooze(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    entries = source.mapping
    if not source.is_mapping:
        delay = read_quantity(source, context, parse=parse_duration)
        to = mailbox_template(SourceValue(value=SNOOZED, at=source.at, text=SNOOZED), context.report)
        return None if delay is None or to is None else [Snooze(to=to, delay=delay)]
    is_good = check_keys(source, SNOOZE_KEYS, word="snooze", context=context)
    if ("for" in entries) == ("until" in entries):
        cure = "write snooze: {for: 3d}, or snooze: {until: '08:00'}"
        report_error(source, "snooze takes either for or until", cure=cure, context=context)
        return None
    delay = read_quantity(entries["for"], context, parse=parse_duration) if "for" in entries else None
    until = read_quantity(entries["until"], context, parse=_parse_clock) if "until" in entries else None
    where = entries.get("to") or SourceValue(value=SNOOZED, at=source.at, text=SNOOZED)
    to = mailbox_template(where, context.report)
    if to is not None and not to.is_literal:
        cure = "write the mailbox without fields, so that it can be watched"
        report_error(where, "snooze takes a fixed mailbox", cure=cure, context=context)
        return None
    if not is_good or to is None or (delay is None and until is None):
        return None
    return [Snooze(to=to, delay=delay, until=until)]


def _parse_clock(text: str) -> time:
    return time.fromisoformat(parse_time_of_day(text))


def _compile_hold(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if source.value is True:
        return [Hold()]
    if isinstance(source.value, str) and source.text.strip():
        return [Hold(reason=source.text)]
    cure = "write hold: true, or hold: why a person should look"
    report_error(source, f"hold takes true or a reason, not {source.kind}", cure=cure, context=context)
    return None


def _compile_expire(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if "delete" not in context.allow:
        cure = "add allow: [delete] to the main file, or use trash: true with received: {older_than: ...}"
        message = "expire removes mail for ever, and this file does not allow it"
        report_error(source, message, cure=cure, context=context)
        return None
    if not source.is_mapping:
        after = read_quantity(source, context, parse=parse_duration)
        return None if after is None else [Expire(after=after)]
    if not check_keys(source, ("after",), word="expire", context=context):
        return None
    after = read_quantity(source.mapping["after"], context, parse=parse_duration)
    return None if after is None else [Expire(after=after)]


def _compile_report_spam(source: SourceValue, context: CompileContext) -> Sequence[ActionValue] | None:
    if source.value is not True:
        cure = "write true, or leave the action out"
        report_error(source, f"report_spam takes true, not {source.kind}", cure=cure, context=context)
        return None
    # The keywords that mail programs and the filters of servers learn from (registered by IANA, RFC 5788).
    return [AddFlags(flags=("$Junk",)), RemoveFlags(flags=("$NotJunk",)), MoveToSpecialUse(use="junk")]
