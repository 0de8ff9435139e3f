"""How ``forward reply notify webhook pipe`` are carried out: what goes out is written first, then handed over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, BinaryIO

from mailrules.delivery.automatic import (
    READ_FIELDS,
    MailHeader,
    why_in_a_circle,
    why_not_answered,
    why_not_forwarded,
)
from mailrules.delivery.canonical import NotCanonical
from mailrules.delivery.composition import Letterhead, write_answer, write_forward, write_notice, write_resent
from mailrules.delivery.marks import derived_id
from mailrules.delivery.message_words import rendered
from mailrules.execution.effects import EffectRefused, Prepared
from mailrules.hookspecs import hookimpl
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
    from mailrules.settings import SmtpSettings


@hookimpl
def mailrules_effects() -> Sequence[OutboxHandler]:
    return [Forward(), Reply(), Notify(), Webhook(), Pipe()]


class _Declined(Exception):
    """This message is not to go out, which settles the effect."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Sends a message on, as an attachment or as it is."""

    name: str = "forward"
    foresight_fields: tuple[str, ...] = READ_FIELDS

    def foresee(self, call: EffectCall, header: bytes, settings: OutsideSettings) -> str:
        return why_not_forwarded(MailHeader.of(header), to=call.target, key=settings.loop_key)

    async def prepare(
        self, call: EffectCall, message: MessageSource, spool: BinaryIO, settings: OutsideSettings
    ) -> Prepared:
        head = _letterhead(call, settings, recipient=call.target)
        subject = ""

        def check(header: bytes) -> None:
            if why := self.foresee(call, header, settings):
                raise _Declined(why)

        try:
            if call.options.get("form") != "resent":
                subject = MailHeader.of(await message.header(READ_FIELDS)).text("subject")
            async with message.content() as content:
                if call.options.get("form") == "resent":
                    await write_resent(spool, content, head, check=check)
                else:
                    subject = f"Fwd: {subject or '(no subject)'}"
                    await write_forward(spool, content, head, rule=call.rule, subject=subject, check=check)
        except _Declined as why:
            return Prepared(declined=str(why))
        except NotCanonical as why:
            return Prepared(refused=f"it cannot be forwarded: {why}")
        return Prepared(recipient=call.target.lower())

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        return await _hand_in(attempt, sender=_smtp_of(attempt.settings).sender)


@dataclass(frozen=True, slots=True)
class Reply:
    """Answers the sender as RFC 3834 lets a machine."""

    name: str = "reply"
    foresight_fields: tuple[str, ...] = READ_FIELDS

    def foresee(self, call: EffectCall, header: bytes, settings: OutsideSettings) -> str:
        del call
        return why_not_answered(MailHeader.of(header), own=settings.own_addresses, key=settings.loop_key)

    async def prepare(
        self, call: EffectCall, message: MessageSource, spool: BinaryIO, settings: OutsideSettings
    ) -> Prepared:
        header = await message.header(READ_FIELDS)
        if why := self.foresee(call, header, settings):
            return Prepared(declined=why)
        mail = MailHeader.of(header)
        template = str(call.options.get("subject") or "Auto: {subject}")
        write_answer(
            spool,
            _letterhead(call, settings, recipient=mail.sender),
            subject=rendered(template, mail, received=call.received),
            text=rendered(str(call.options["text"]), mail, received=call.received),
            answered_id=mail.text("message-id"),
        )
        return Prepared(recipient=mail.sender, every_seconds=float(str(call.options["every_seconds"])))

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        # "the envelope sender address SHOULD be chosen to make loops less likely": null (RFC 3834 section 3.3).
        return await _hand_in(attempt, sender="")


@dataclass(frozen=True, slots=True)
class Notify:
    """Tells a person of a message, by mail or through an endpoint."""

    name: str = "notify"
    foresight_fields: tuple[str, ...] = READ_FIELDS

    def foresee(self, call: EffectCall, header: bytes, settings: OutsideSettings) -> str:
        """A notice about a notice about a notice goes nowhere."""
        del call
        return why_in_a_circle(MailHeader.of(header), key=settings.loop_key)

    async def prepare(
        self, call: EffectCall, message: MessageSource, spool: BinaryIO, settings: OutsideSettings
    ) -> Prepared:
        header = await message.header(READ_FIELDS)
        if why := self.foresee(call, header, settings):
            return Prepared(declined=why)
        mail = MailHeader.of(header)
        text = rendered(str(call.options["text"]), mail, received=call.received)
        subject = rendered(str(call.options.get("subject") or "Mail: {subject}"), mail, received=call.received)
        if via := str(call.options.get("via", "")):
            endpoint = _endpoint_of(via, settings)
            spool.write(_document(call, mail, text=text))
            return Prepared(recipient=via, is_repeatable=endpoint.is_idempotent)
        write_notice(spool, _letterhead(call, settings, recipient=call.target), subject=subject, text=text)
        return Prepared(recipient=call.target.lower())

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        if attempt.call.options.get("via"):
            return await _call_endpoint(attempt)
        return await _hand_in(attempt, sender=_smtp_of(attempt.settings).sender)


@dataclass(frozen=True, slots=True)
class Webhook:
    """Tells an endpoint of a message."""

    name: str = "webhook"

    async def prepare(
        self, call: EffectCall, message: MessageSource, spool: BinaryIO, settings: OutsideSettings
    ) -> Prepared:
        endpoint = _endpoint_of(call.target, settings)
        mail = MailHeader.of(await message.header(READ_FIELDS))
        spool.write(_document(call, mail))
        return Prepared(recipient=call.target, is_repeatable=endpoint.is_idempotent)

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        return await _call_endpoint(attempt)


@dataclass(frozen=True, slots=True)
class Pipe:
    """Gives a message to a program."""

    name: str = "pipe"

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
        return Prepared(recipient=call.target)

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        call = attempt.call
        command = call.options["command"]
        if not isinstance(command, list):
            raise EffectRefused("its command is no list")
        from mailrules.delivery import process  # noqa: PLC0415 -- see _hand_in

        return await process.run(
            [str(word) for word in command],
            attempt.spool,
            environment={
                "MAILRULES_RULE": _one_line(call.rule),
                "MAILRULES_ACCOUNT": _one_line(call.account),
                "MAILRULES_KEY": call.idempotency_key,
            },
            seconds=float(str(call.options["seconds"])),
            begin=attempt.begin,
        )


def _letterhead(call: EffectCall, settings: OutsideSettings, *, recipient: str) -> Letterhead:
    return Letterhead(
        identity=derived_id(call.idempotency_key, recipient),
        sender=_smtp_of(settings).sender,
        recipient=recipient,
        date=settings.now(),
        loop_key=settings.loop_key,
    )


def _smtp_of(settings: OutsideSettings) -> SmtpSettings:
    if settings.smtp is None:
        raise EffectRefused("the configuration has no smtp for this account (any more)")
    return settings.smtp


def _endpoint_of(name: str, settings: OutsideSettings) -> WebhookSettings:
    """The endpoint of this name; a URL that a rule of the main file names itself is one with usual settings."""
    found = settings.webhooks.get(name)
    if found is None and not name.startswith("https://"):
        raise EffectRefused(f"the configuration has no webhook {name!r} (any more)")
    return found or WebhookSettings(name=name, url=name)


async def _hand_in(attempt: Attempt, *, sender: str) -> EffectOutcome:
    # Imported when mail is sent: these modules load an HTTP and an SMTP client, which most commands never need.
    from mailrules.delivery import smtp  # noqa: PLC0415 -- see above

    letter = smtp.Letter(sender=sender, recipient=attempt.recipient, path=attempt.spool)
    return await smtp.hand_in(letter, _smtp_of(attempt.settings), begin=attempt.begin)


async def _call_endpoint(attempt: Attempt) -> EffectOutcome:
    from mailrules.delivery import webhook  # noqa: PLC0415 -- see _hand_in

    return await webhook.call(
        _endpoint_of(attempt.call.target, attempt.settings),
        attempt.spool.read_bytes(),
        key=attempt.call.idempotency_key,
        begin=attempt.begin,
    )


def _document(call: EffectCall, mail: MailHeader, *, text: str = "") -> bytes:
    """What an endpoint is told; version 1 is documented in docs/guides/outbox.md."""
    document: dict[str, object] = {
        "version": 1,
        "key": call.idempotency_key,
        "rule": call.rule,
        "account": call.account,
        "mailbox": call.mailbox,
        "message_id": mail.text("message-id"),
        "subject": mail.text("subject"),
        "from": mail.text("from"),
        "received": call.received.isoformat() if call.received else None,
        "size": call.size_bytes,
    }
    if text:
        document["text"] = text
    return json.dumps(document, ensure_ascii=True).encode("ascii")


def _one_line(text: str) -> str:
    return text.replace("\0", "").replace("\n", " ")
