"""The action that leaves a mailing list or newsletter: ``unsubscribe``, through the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from mailrules.delivery.automatic import MailHeader
from mailrules.delivery.composition import Letterhead, write_notice
from mailrules.delivery.marks import derived_id
from mailrules.delivery.unsubscription import ONE_CLICK, UNSUBSCRIBE_FIELDS, list_name, way_out
from mailrules.execution.effects import EffectRefused, Prepared
from mailrules.hookspecs import hookimpl
from mailrules.plan.actions import Effect
from mailrules.rules.operator_schemas import TRUE
from mailrules.rules.operators import report_error
from mailrules.rules.registry import ActionSpec
from mailrules.settings import WebhookSettings
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.execution.effects import (
        Attempt,
        EffectCall,
        EffectOutcome,
        MessageSource,
        OutboxHandler,
        OutsideSettings,
    )
    from mailrules.rules.registry import CompileContext, SourceValue

NAME = "unsubscribe"
ONCE_IN_SECONDS = 30 * 86_400.0
"""A list is left once in this time: it may go on sending for a while."""


@hookimpl
def mailrules_actions() -> Sequence[ActionSpec]:
    return [
        ActionSpec(
            name=NAME,
            compile=_compile,
            summary="Leave the list by One-Click, or by the mail that it offers.",
            schema=TRUE,
        )
    ]


@hookimpl
def mailrules_effects() -> Sequence[OutboxHandler]:
    return [Unsubscribe()]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Posts what RFC 8058 says, or sends the mail of RFC 2369. The message names the address: that is what is asked."""

    name: str = NAME
    ca_file: str = ""
    allow_private: bool = False
    """For tests: the servers that mail names are on the public Internet."""

    @property
    def foresight_fields(self) -> tuple[str, ...]:
        return UNSUBSCRIBE_FIELDS

    def foresee(self, call: EffectCall, header: bytes, settings: OutsideSettings) -> str:
        del call
        way = way_out(MailHeader.of(header))
        if isinstance(way, str):
            return way
        return "" if way.url or settings.smtp is not None else "it is left by mail, and the configuration has no smtp"

    async def prepare(
        self, call: EffectCall, message: MessageSource, spool: BinaryIO, settings: OutsideSettings
    ) -> Prepared:
        header = await message.header(UNSUBSCRIBE_FIELDS)
        if why := self.foresee(call, header, settings):
            return Prepared(declined=why)
        mail = MailHeader.of(header)
        way = way_out(mail)
        if isinstance(way, str):
            return Prepared(declined=way)
        name = list_name(mail, way)
        if way.url:
            spool.write(way.url.encode("ascii") + b"\n" + ONE_CLICK)
            return Prepared(recipient=name, every_seconds=ONCE_IN_SECONDS)
        if settings.smtp is None:
            return Prepared(declined="it is left by mail, and the configuration has no smtp")
        head = Letterhead(
            identity=derived_id(call.idempotency_key, way.address),
            sender=settings.smtp.sender,
            recipient=way.address,
            date=settings.now(),
            loop_key=settings.loop_key,
        )
        write_notice(spool, head, subject=way.subject, text=way.text)
        return Prepared(recipient=way.address.lower(), every_seconds=ONCE_IN_SECONDS)

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        # Imported when something goes out: these modules load an HTTP and an SMTP client.
        from mailrules.delivery import smtp, webhook  # noqa: PLC0415 -- see above

        url, _, body = attempt.spool.read_bytes().partition(b"\n")
        if url.startswith((b"https://", b"HTTPS://")):
            endpoint = WebhookSettings(
                name=NAME, url=url.decode("ascii"), ca_file=self.ca_file, allow_private=self.allow_private
            )
            form = "application/x-www-form-urlencoded"
            return await webhook.call(endpoint, body, key="", content_type=form, begin=attempt.begin)
        if attempt.settings.smtp is None:
            raise EffectRefused("the configuration has no smtp for this account (any more)")
        sender = attempt.settings.smtp.sender
        letter = smtp.Letter(sender=sender, recipient=attempt.recipient, path=attempt.spool)
        return await smtp.hand_in(letter, attempt.settings.smtp, begin=attempt.begin)


def _compile(source: SourceValue, context: CompileContext) -> Sequence[Effect] | None:
    if NAME not in context.allow:
        cure = f"add allow: [{NAME}] to the main file, or remove the action"
        message = f"{NAME} goes out of the mailbox, and this file does not allow it"
        report_error(source, message, cure=cure, context=context)
        return None
    if source.value is not True:
        cure = "write true; the message itself says how its list is left"
        report_error(source, f"{NAME} takes true, not {source.kind}", cure=cure, context=context)
        return None
    return [Effect(name=NAME)]
