"""The action that writes attachments to this machine's disk: ``save_attachments``, through the outbox."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mailrules.delivery.attachments import read_attachments, save
from mailrules.execution.effects import EffectOutcome, EffectRefused, Prepared
from mailrules.hookspecs import hookimpl
from mailrules.plan.actions import Effect
from mailrules.rules.operator_schemas import TEXT, TEXTS, either, mapping
from mailrules.rules.operators import check_keys, read_texts, report_error
from mailrules.rules.registry import ActionSpec
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.execution.effects import Attempt, EffectCall, MessageSource, OutboxHandler, OutsideSettings
    from mailrules.rules.registry import CompileContext, SourceValue

NAME = "save_attachments"
SAVE_KEYS = ("to", "types")


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    options = {"to": TEXT, "types": TEXTS}
    return [
        ActionSpec(
            name=NAME,
            compile=_compile,
            summary="Write the attachments into a directory of this machine.",
            schema=either(TEXT, mapping(options, required=("to",))),
        )
    ]


@hookimpl
def mailrules_effects() -> Sequence[OutboxHandler]:
    return [SaveAttachments()]


@dataclass(frozen=True, slots=True)
class SaveAttachments:
    """Writes files whose names begin with a digest of their content, so that doing it twice changes nothing."""

    name: str = NAME

    async def prepare(
        self,
        call: EffectCall,
        message: MessageSource,
        spool: BinaryIO,
        settings: OutsideSettings,  # noqa: ARG002 -- an OutboxHandler's signature
    ) -> Prepared:
        async with message.content() as content:
            async for piece in content:
                spool.write(piece)
        return Prepared(recipient=call.target, is_repeatable=True)

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        types = attempt.call.options.get("types")
        wanted = [str(one) for one in types] if isinstance(types, list) else []
        attachments = await asyncio.to_thread(read_attachments, attempt.spool, types=wanted)
        await attempt.begin()
        try:
            written = await asyncio.to_thread(save, attachments, Path(attempt.call.target))
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise EffectRefused(f"{attempt.call.target} takes no files: {error.strerror}") from None
        return EffectOutcome(done=True, detail=f"{written} of {len(attachments)} files written, the others were there")


def _compile(source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    if NAME not in context.allow:
        cure = f"add allow: [{NAME}] to the main file, or remove the action"
        report_error(source, f"{NAME} writes files, and this file does not allow it", cure=cure, context=context)
        return None
    if source.at.file != context.main_file:
        cure = "move the rule to the main file"
        report_error(source, "a directory may only be named in the main file", cure=cure, context=context)
        return None
    where: SourceValue = source
    types: tuple[str, ...] = ()
    if source.is_mapping:
        if not check_keys(source, SAVE_KEYS, word=NAME, context=context):
            return None
        if "to" not in source.mapping:
            report_error(source, f"{NAME} lacks its directory", cure="add to: /srv/attachments", context=context)
            return None
        where = source.mapping["to"]
        read = read_texts(source.mapping["types"], context) if "types" in source.mapping else ()
        if read is None:
            return None
        types = read
    if not isinstance(where.value, str) or not where.text.startswith("/") or not where.text.isprintable():
        cure = "write its whole path, without fields: /srv/attachments"
        report_error(where, "a directory of this machine is expected here", cure=cure, context=context)
        return None
    return [Effect(name=NAME, target=where.text, options={"types": list(types)})]
