"""The plan as a JSON document, version 1: written by previews, read back by ``apply``.

The fields are those of ``docs/reference/plan.md``. Reading checks every type and raises
``PlanRefused`` with the path of what is wrong; that a document is really ours is proved by its
digest, which the journal knows.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from mailrules.errors import PlanRefused
from mailrules.mailbox.message import UID
from mailrules.plan.plan import Finding, MailboxPlan, MailboxStep, MessagePlan, Plan, Step, StepKind
from mailrules.plan.shadow import ShadowEffect, ShadowRule

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1

T = TypeVar("T")


def plan_to_json(plan: Plan) -> str:
    """The document's text, ending in a newline; the same plan gives the same text."""
    text = json.dumps(plan_to_document(plan), indent=1, ensure_ascii=False) + "\n"
    # Broken mail can leave a lone surrogate in a subject, which UTF-8 cannot hold; JSON's escape can.
    return text.encode("utf-8", "backslashreplace").decode()


def plan_digest(text: str) -> str:
    """SHA-256 of a document's text, in hexadecimal: how the journal knows a plan of its own."""
    return hashlib.sha256(text.encode()).hexdigest()


def plan_to_document(plan: Plan) -> dict[str, object]:
    """The document as JSON values."""
    return {
        "version": VERSION,
        "created": _instant(plan.created),
        "rules_hash": plan.rules_hash,
        "undo_of": plan.undo_of,
        "mailboxes": [_mailbox(one) for one in plan.mailboxes],
        "mailbox_steps": [mailbox_step_to_document(one) for one in plan.mailbox_steps],
        "totals": {
            "messages": plan.message_count,
            "by_rule": plan.count_by_rule(),
            "by_kind": plan.count_by_kind(),
        },
        "left_out": list(plan.left_out),
        "warnings": list(plan.warnings),
        "shadow_rules": [{"rule": one.rule, "until": _instant(one.until)} for one in plan.shadow_rules],
        "shadow_mailbox_steps": [mailbox_step_to_document(one) for one in plan.shadow_mailbox_steps],
    }


def plan_from_json(text: str) -> Plan:
    """Read a document back. Raises PlanRefused for anything that is not one of this version."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise PlanRefused(f"not a plan document: {cause}; save one with: mailrules dry-run --save FILE") from cause
    top = _Reader(document, "plan")
    version = top.value("version", int)
    if version != VERSION:
        raise PlanRefused(f"plan version {version} is not {VERSION}; make the plan again with this mailrules")
    return Plan(
        created=top.instant("created"),
        rules_hash=top.value("rules_hash", str),
        undo_of=top.value("undo_of", str),
        mailboxes=tuple(_read_mailbox(one) for one in top.records("mailboxes")),
        mailbox_steps=tuple(_read_mailbox_step(one) for one in top.records("mailbox_steps")),
        warnings=top.strings("warnings"),
        left_out=top.strings("left_out"),
        shadow_rules=tuple(
            ShadowRule(rule=one.value("rule", str), until=one.instant("until")) for one in top.records("shadow_rules")
        ),
        shadow_mailbox_steps=tuple(_read_mailbox_step(one) for one in top.records("shadow_mailbox_steps")),
    )


def _mailbox(plan: MailboxPlan) -> dict[str, object]:
    return {
        "account": plan.account,
        "mailbox": plan.mailbox,
        "complete": plan.complete,
        "incomplete_reason": plan.incomplete_reason,
        "uidvalidity": plan.uidvalidity,
        "highest_modseq": plan.highest_modseq,
        "judged": plan.judged,
        "left_out": plan.left_out,
        "search": plan.search,
        "messages": [_message(one) for one in plan.messages],
        "findings": [
            {"uid": one.uid, "rule": one.rule, "kind": one.kind, "reason": one.reason} for one in plan.findings
        ],
        "shadow": [shadow_effect_to_document(one) for one in plan.shadow],
        "shadow_left_out": plan.shadow_left_out,
    }


def _message(message: MessagePlan) -> dict[str, object]:
    return {
        "uid": message.uid,
        "message_id": message.message_id,
        "subject": message.subject,
        "from": message.from_,
        "modseq": message.modseq,
        "snapshot": message.snapshot,
        "flags": sorted(message.flags),
        "received": _instant(message.received) if message.received else None,
        "size": message.size_bytes,
        "object_id": message.object_id,
        "content_key": message.content_key,
        "rules": list(message.rules),
        "steps": [step_to_document(one) for one in message.steps],
    }


def step_to_document(step: Step) -> dict[str, object]:
    """One step of a message as JSON values."""
    document: dict[str, object] = {"kind": str(step.kind)}
    if step.flags:
        document["flags"] = list(step.flags)
    if step.to:
        document |= {"to": step.to, "create": step.create}
    if step.account:
        document["account"] = step.account
    if step.effect:
        document |= {"effect": step.effect, "options": dict(step.options)}
    elif step.options:
        document["options"] = dict(step.options)
    return document | {"rule": step.rule, "reason": step.reason, "reversible": step.reversible}


def shadow_effect_to_document(effect: ShadowEffect) -> dict[str, object]:
    """What a rule in shadow would do with one message, as JSON values."""
    return {
        "uid": effect.uid,
        "rule": effect.rule,
        "message_id": effect.message_id,
        "subject": effect.subject,
        "from": effect.from_,
        "received": _instant(effect.received) if effect.received else None,
        "steps": [step_to_document(one) for one in effect.steps],
        "reason": effect.reason,
        "displaces": list(effect.displaces),
    }


def mailbox_step_to_document(step: MailboxStep) -> dict[str, object]:
    """One change of a mailbox as JSON values."""
    document: dict[str, object] = {"account": step.account, "mailbox": step.mailbox, "kind": str(step.kind)}
    if step.kind in {StepKind.SETACL, StepKind.SETMETADATA, StepKind.SETQUOTA}:
        document |= {"identifier": step.identifier, "rights": step.rights, "was": step.was}
    elif step.identifier:
        document["identifier"] = step.identifier
    if step.to:
        document["to"] = step.to
    return document | {"rule": step.rule, "reversible": step.reversible}


def _instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


class _Reader:
    """Typed access to one JSON object; every failure names its path."""

    def __init__(self, document: object, path: str) -> None:
        if not isinstance(document, dict):
            raise PlanRefused(f"{path}: expected an object")
        self._document: Mapping[str, object] = document
        self._path = path

    def value(self, key: str, kind: type[T], default: T | None = None) -> T:
        value = self._document.get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise PlanRefused(f"{self._path}.{key}: expected {kind.__name__}, found {type(value).__name__}")
        return value

    def optional(self, key: str, kind: type[T]) -> T | None:
        return None if self._document.get(key) is None else self.value(key, kind)

    def instant(self, key: str) -> datetime:
        text = self.value(key, str)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as cause:
            raise PlanRefused(f"{self._path}.{key}: {text!r} is not a date and time") from cause
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def kind(self) -> StepKind:
        text = self.value("kind", str)
        try:
            return StepKind(text)
        except ValueError as cause:
            raise PlanRefused(f"{self._path}.kind: {text!r} is not a kind of step") from cause

    def strings(self, key: str) -> tuple[str, ...]:
        values = self.value(key, list, [])
        if not all(isinstance(one, str) for one in values):
            raise PlanRefused(f"{self._path}.{key}: expected a list of strings")
        return tuple(values)

    def records(self, key: str) -> list[_Reader]:
        return [_Reader(one, f"{self._path}.{key}[{at}]") for at, one in enumerate(self.value(key, list, []))]


def _read_mailbox(reader: _Reader) -> MailboxPlan:
    return MailboxPlan(
        account=reader.value("account", str),
        mailbox=reader.value("mailbox", str),
        complete=reader.value("complete", bool),
        incomplete_reason=reader.value("incomplete_reason", str, ""),
        uidvalidity=reader.value("uidvalidity", int),
        highest_modseq=reader.optional("highest_modseq", int),
        judged=reader.value("judged", int),
        left_out=reader.value("left_out", int, 0),
        search=reader.value("search", str, ""),
        messages=tuple(_read_message(one) for one in reader.records("messages")),
        findings=tuple(
            Finding(
                uid=UID(one.value("uid", int)),
                rule=one.value("rule", str),
                kind=one.value("kind", str),
                reason=one.value("reason", str),
            )
            for one in reader.records("findings")
        ),
        shadow=tuple(_read_shadow_effect(one) for one in reader.records("shadow")),
        shadow_left_out=reader.value("shadow_left_out", str, ""),
    )


def _read_shadow_effect(reader: _Reader) -> ShadowEffect:
    return ShadowEffect(
        uid=UID(reader.value("uid", int)),
        rule=reader.value("rule", str),
        steps=tuple(_read_step(one) for one in reader.records("steps")),
        reason=reader.value("reason", str),
        displaces=reader.strings("displaces"),
        message_id=reader.value("message_id", str),
        subject=reader.value("subject", str),
        from_=reader.value("from", str),
        received=reader.instant("received") if reader.optional("received", str) else None,
    )


def _read_message(reader: _Reader) -> MessagePlan:
    return MessagePlan(
        uid=UID(reader.value("uid", int)),
        message_id=reader.value("message_id", str),
        subject=reader.value("subject", str),
        from_=reader.value("from", str),
        modseq=reader.optional("modseq", int),
        snapshot=reader.value("snapshot", str),
        flags=frozenset(reader.strings("flags")),
        received=reader.instant("received") if reader.optional("received", str) else None,
        size_bytes=reader.value("size", int),
        object_id=reader.value("object_id", str),
        content_key=reader.value("content_key", str),
        rules=reader.strings("rules"),
        steps=tuple(_read_step(one) for one in reader.records("steps")),
    )


def _read_step(reader: _Reader) -> Step:
    return Step(
        kind=reader.kind(),
        flags=reader.strings("flags"),
        to=reader.value("to", str, ""),
        account=reader.value("account", str, ""),
        create=reader.value("create", bool, False),  # noqa: FBT003 -- the default value read, not an option
        effect=reader.value("effect", str, ""),
        options=reader.value("options", dict, {}),
        rule=reader.value("rule", str),
        reason=reader.value("reason", str),
        reversible=reader.value("reversible", bool),
    )


def _read_mailbox_step(reader: _Reader) -> MailboxStep:
    return MailboxStep(
        account=reader.value("account", str),
        mailbox=reader.value("mailbox", str),
        kind=reader.kind(),
        identifier=reader.value("identifier", str, ""),
        rights=reader.value("rights", str, ""),
        was=reader.value("was", str, ""),
        to=reader.value("to", str, ""),
        rule=reader.value("rule", str),
        reversible=reader.value("reversible", bool),
    )
