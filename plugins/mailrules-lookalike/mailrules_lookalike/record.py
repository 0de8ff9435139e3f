"""The action ``record`` and its effect: one JSON line about a message, appended to a file."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.diagnostics import Diagnostic
from mailrules.execution.effects import EffectOutcome
from mailrules.plan.actions import Effect

if TYPE_CHECKING:
    from mailrules.execution.effects import EffectCall
    from mailrules.rules.registry import CompileContext, SourceValue

NAME = "record"
SCHEMA = {"type": "string", "minLength": 1}


def compile_record(source: SourceValue, context: CompileContext) -> tuple[Effect, ...] | None:
    """Read ``record: FILE``; the file is named by the rule, never by mail."""
    file = source.plain()
    if not isinstance(file, str) or not Path(file).expanduser().is_absolute():
        message = f"record needs the path of a file, not {file!r}"
        context.report(Diagnostic(where=source.at, message=message, cure="write record: ~/mail/record.jsonl"))
        return None
    return (Effect(name=NAME, options={"file": str(Path(file).expanduser())}),)


class Recorder:
    """Appends lines. A file that cannot be opened is told as not done; half a line would be unknown."""

    name = NAME

    async def perform(self, call: EffectCall) -> EffectOutcome:
        return await asyncio.to_thread(_append, str(call.options["file"]), _line(call))


def _line(call: EffectCall) -> bytes:
    document = {
        "received": call.received.isoformat() if call.received else None,
        "account": call.account,
        "mailbox": call.mailbox,
        "uid": call.uid,
        "message_id": call.message_id,
        "from": call.from_,
        "subject": call.subject,
        "rule": call.rule,
        "key": call.idempotency_key,
    }
    return json.dumps(document).encode("ascii") + b"\n"


def _append(file: str, line: bytes) -> EffectOutcome:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        return EffectOutcome(done=False, detail=f"cannot open {file}: {error.strerror}")
    try:
        written = os.write(handle, line)
    finally:
        os.close(handle)
    if written != len(line):
        raise OSError(f"only {written} of {len(line)} bytes fit into {file}")
    return EffectOutcome(done=True, detail=f"recorded in {file}")
