"""What an action beyond the mailbox is asked to do, and what it may answer.

There are two kinds. A plain ``EffectHandler`` is called at most once for each message, rule and action. An
``OutboxHandler`` says beforehand what will go out and, within an attempt, from when on its outcome may be unknown; so
what surely did not happen is tried again (``execution.outbox``).
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, BinaryIO, Protocol, runtime_checkable

from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MessageContent
    from mailrules.settings import SmtpSettings, WebhookSettings

GRANTED_BY_NAME = frozenset({"forward", "reply", "notify", "webhook", "pipe", "save_attachments", "unsubscribe"})
"""Effects that the main configuration file has to allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectCall:
    """One message and what the rule wants of the action.

    ``options`` are rendered JSON values, ``target`` whom or what the effect reaches. ``idempotency_key`` is the
    same for the same message, rule, action and target in every run: a receiver that honours it can drop a
    repetition.
    """

    effect: str
    rule: str
    account: str
    mailbox: str
    uid: UID
    message_id: str = ""
    subject: str = ""
    from_: str = ""
    received: datetime | None = None
    size_bytes: int = 0
    target: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectOutcome:
    """``done`` False means surely nothing happened; a handler that cannot tell raises instead.

    ``detail`` is for the history. The rest is for an ``OutboxHandler``: ``retry_seconds`` None gives up, a number
    tries again after so many seconds or later; ``is_unreachable`` says that others need not try now either.
    """

    done: bool
    detail: str = ""
    retry_seconds: float | None = None
    is_unreachable: bool = False


@runtime_checkable
class EffectHandler(Protocol):
    """Carries out the actions of one name. Called at most once for each message, rule and action."""

    @property
    def name(self) -> str:
        """The name under which rules' effects ask for it."""
        ...

    async def perform(self, call: EffectCall) -> EffectOutcome:
        """Act. Anything raised leaves the outcome unknown, and the effect is not repeated."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideSettings:
    """What the main configuration file grants to effects of one account.

    ``own_addresses`` are in lower case; ``loop_key`` is this installation's, for marks that only it can make.
    ``now`` is the clock.
    """

    allow: frozenset[str]
    smtp: SmtpSettings | None
    webhooks: Mapping[str, WebhookSettings]
    own_addresses: frozenset[str]
    loop_key: bytes
    now: Callable[[], datetime]


class MessageSource(Protocol):
    """Where an effect reads its message before anything goes out."""

    async def header(self, fields: tuple[str, ...]) -> bytes:
        """The raw header block of these fields."""
        ...

    def content(self) -> AbstractAsyncContextManager[MessageContent]:
        """The whole message, in constant memory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What is known before the first attempt.

    ``declined`` is why nothing is to go out (RFC 3834, for example): the effect is then settled. ``refused`` is why
    nothing can go out: it is then given up. ``recipient`` is whom it really reaches. ``is_repeatable``: the
    receiver drops repetitions, so an attempt whose outcome nobody knows may be made again. At most one goes to a
    recipient within ``every_seconds``.
    """

    recipient: str = ""
    declined: str = ""
    refused: str = ""
    is_repeatable: bool = False
    every_seconds: float = 0.0


@runtime_checkable
class ForeseeingHandler(Protocol):
    """One that can say from a header alone, before anything is done, that nothing will go out."""

    @property
    def foresight_fields(self) -> tuple[str, ...]:
        """The header fields that it looks at, in lower case."""
        ...

    def foresee(self, call: EffectCall, header: bytes, settings: OutsideSettings) -> str:
        """Why nothing will go out, as ``Prepared.declined`` will say it; "" where something may."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt. ``spool`` is the file that ``prepare`` wrote.

    ``begin`` has to be awaited before the first byte that can have the effect: it puts on disk that from then
    on the outcome may be unknown. What is raised before surely did nothing.
    """

    call: EffectCall
    recipient: str
    spool: Path
    settings: OutsideSettings
    begin: Callable[[], Awaitable[None]]


@runtime_checkable
class OutboxHandler(Protocol):
    """Carries out the actions of one name through the outbox: written down, tried, tried again, or left to a person."""

    @property
    def name(self) -> str:
        """The name under which rules' effects ask for it."""
        ...

    async def prepare(
        self, call: EffectCall, message: MessageSource, spool: BinaryIO, settings: OutsideSettings
    ) -> Prepared:
        """Write what will go out into ``spool``. Nothing is sent yet.

        Raises EffectRefused where the configuration gives no way (any more).
        """
        ...

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        """Try once. What is raised after ``begin`` leaves the outcome unknown."""
        ...


class EffectRefused(Exception):
    """The configuration gives this effect no way out (any more), and nothing of it has gone out; the words say why."""
