"""Which of many mailboxes have changed: by NOTIFY, IDLE or polling, whichever the server and the budget allow?"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import AsyncExitStack
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

from mailrules.errors import CommandRefused, IMAPError, MailboxReset, SecretError
from mailrules.imap.list_commands import ListExtended
from mailrules.imap.mailbox_commands import Examine, Status, has_modseq
from mailrules.imap.mailbox_data import ListData, StatusData, StatusItem, updated_status
from mailrules.imap.mailbox_name import is_same_mailbox
from mailrules.imap.response_codes import Code
from mailrules.imap.responses import StatusResponse
from mailrules.imap.watch_commands import EventGroup, Notify, Watched, WatchEvent
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mailrules.client.supervisor import Supervisor
    from mailrules.imap.parser import Untagged

POLL_SECONDS = 60.0
KEEP_ALIVE_SECONDS = 300.0
"""How often a connection that only listens is asked whether it lives; home routers forget it after as long."""
_IDLE_SECONDS = 3600.0
STATUS_ITEMS = (StatusItem.MESSAGES, StatusItem.UIDNEXT, StatusItem.UIDVALIDITY)
_EVENTS = (WatchEvent.MESSAGE_NEW, WatchEvent.MESSAGE_EXPUNGE, WatchEvent.FLAG_CHANGE, WatchEvent.MAILBOX_NAME)
_GONE = "there is no such mailbox"


class WatchMethod(Enum):
    """How a mailbox is watched."""

    NOTIFY = auto()
    """The server tells of all of them on one connection (RFC 5465)."""
    IDLE = auto()
    """A connection of its own has it open (RFC 2177)."""
    POLL = auto()
    """It is asked for by STATUS. Without CONDSTORE that shows messages that come and go, but not their flags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxChange:
    """Something has changed in a mailbox, or may have: a lost connection counts, unless it is proven otherwise."""

    mailbox: str
    is_reset: bool = False
    """UIDVALIDITY has changed: UIDs known from before mean other messages."""
    refusal: str = ""
    """Why the mailbox cannot be watched now, such as that it is gone; "" where it can."""


class MailboxWatch:
    """``async with MailboxWatch(...) as watch: async for change in watch: ...``, or ``await watch.changed(...)``.

    ``supervise`` makes a supervisor that is not connected yet, with the ``on_untagged`` that it is given. At most
    ``connections`` are used. Changes of one mailbox that nobody has fetched yet are told as one.
    """

    def __init__(
        self,
        supervise: Callable[[Callable[[Untagged], None]], Supervisor],
        mailboxes: Sequence[str],
        *,
        connections: int,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._supervise, self._mailboxes = supervise, tuple(dict.fromkeys(mailboxes))
        self._connections, self._wait, self._poll_seconds = max(1, connections), wait, poll_seconds
        self._changes: dict[str, MailboxChange] = {}
        self._news = asyncio.Event()
        self._failure: IMAPError | SecretError | None = None
        self._known: dict[str, StatusData] = {}
        self._refused: set[str] = set()
        self._has_overflowed = False
        self._listening: asyncio.Timeout | None = None  # while NOTIFY is waited for
        self._resources = AsyncExitStack()
        self._tasks: list[asyncio.Task[None]] = []
        self.methods: dict[str, WatchMethod] = {}
        """How each mailbox is watched."""

    async def __aenter__(self) -> Self:
        """Connect once, and choose by what the server offers. Raises what ``connect`` raises."""
        async with AsyncExitStack() as stack:
            first = await self._open(stack)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            self.methods = plan_methods(first.capabilities, self._mailboxes, connections=self._connections)
            named = {method: [name for name, one in self.methods.items() if one is method] for method in WatchMethod}
            supervisors = iter([first])
            for mailbox in named[WatchMethod.IDLE]:
                self._start(group, self._idle, next(supervisors, None), (mailbox,))
            for method, follow in ((WatchMethod.NOTIFY, self._listen), (WatchMethod.POLL, self._poll)):
                if named[method]:
                    self._start(group, follow, next(supervisors, None), tuple(named[method]))
            stack.callback(self._cancel_tasks)
            self._resources = stack.pop_all()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._resources.aclose()

    async def changed(self, *, timeout_seconds: float | None = None) -> tuple[MailboxChange, ...]:
        """Wait for changes, and take them; () when the time is over before that.

        Raises AuthenticationFailed, SecretError and other errors after which nothing more will be told.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._news.wait()
        if self._failure is not None and not self._changes:
            raise self._failure
        changes, self._changes = tuple(self._changes.values()), {}
        if self._failure is None:
            self._news.clear()
        return changes

    async def __aiter__(self) -> AsyncIterator[MailboxChange]:
        while True:
            for change in await self.changed():
                yield change

    # -- one task for each connection ---------------------------------------------------------------

    def _start(
        self,
        group: asyncio.TaskGroup,
        follow: Callable[[Supervisor, tuple[str, ...]], Awaitable[None]],
        supervisor: Supervisor | None,
        mailboxes: tuple[str, ...],
    ) -> None:
        async def run() -> None:
            try:
                async with AsyncExitStack() as stack:
                    await follow(supervisor or await self._open(stack), mailboxes)
            except (IMAPError, SecretError) as error:
                self._failure = error
                self._news.set()

        self._tasks.append(group.create_task(run()))

    def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _open(self, stack: AsyncExitStack) -> Supervisor:
        return await stack.enter_async_context(self._supervise(self._hear))

    async def _idle(self, supervisor: Supervisor, mailboxes: tuple[str, ...]) -> None:
        (mailbox,) = mailboxes
        uidvalidity: int | None = None
        while True:
            try:
                opened = await supervisor.run(Examine(mailbox))
                if uidvalidity is not None:
                    self._tell(MailboxChange(mailbox=mailbox, is_reset=opened.uidvalidity != uidvalidity))
                uidvalidity = opened.uidvalidity
                while True:
                    if await supervisor.idle(timeout_seconds=_IDLE_SECONDS):
                        self._tell(MailboxChange(mailbox=mailbox))
            except MailboxReset:
                continue
            except CommandRefused as refusal:
                self._tell(MailboxChange(mailbox=mailbox, refusal=str(refusal)))
                await self._wait(self._poll_seconds)

    async def _listen(self, supervisor: Supervisor, mailboxes: tuple[str, ...]) -> None:
        """NOTIFY once; the supervisor says it again on each new connection. What happened in between is asked for.

        After NOTIFICATIONOVERFLOW the server does "as if a NOTIFY NONE command had just been received" (RFC 5465
        section 5.8): NOTIFY is said again at once, and if that overflows too, when it would be time to poll.
        """
        await self._notify(supervisor, mailboxes)
        overflows = 0
        while True:
            is_new = await self._idle_until_overflow(supervisor)
            if not self._has_overflowed:
                overflows = 0
                if is_new:
                    await self._ask(supervisor, mailboxes)
                continue
            if overflows:
                await self._wait(self._poll_seconds)
            overflows += 1
            self._has_overflowed = False
            await self._notify(supervisor, mailboxes)

    async def _idle_until_overflow(self, supervisor: Supervisor) -> bool:
        """As the supervisor's ``idle``, but over as soon as the server stops telling."""
        if self._has_overflowed:
            return False
        try:
            async with asyncio.timeout(None) as listening:
                self._listening = listening
                return await supervisor.idle(timeout_seconds=KEEP_ALIVE_SECONDS)
        except TimeoutError:
            if not listening.expired():
                raise
            return False
        finally:
            self._listening = None

    async def _notify(self, supervisor: Supervisor, mailboxes: tuple[str, ...]) -> None:
        group = EventGroup(Watched.MAILBOXES, _EVENTS, mailboxes)
        begun = await supervisor.run(Notify((group,), with_status=True))
        for status in begun.statuses:
            self._compare(status)
        told = [status.mailbox for status in begun.statuses]
        for name in mailboxes:
            if any(is_same_mailbox(name, closed) for closed in begun.closed_to_us):
                self._refuse(name, "the server does not let us watch it")
            elif not any(is_same_mailbox(name, one) for one in told):
                self._refuse(name, _GONE)

    async def _poll(self, supervisor: Supervisor, mailboxes: tuple[str, ...]) -> None:
        while True:
            await self._ask(supervisor, mailboxes)
            await self._wait(self._poll_seconds)

    async def _ask(self, supervisor: Supervisor, mailboxes: tuple[str, ...]) -> None:
        """By one LIST where the server answers it with the STATUS of each (RFC 5819), else by a STATUS each."""
        listed = frozenset[str]()
        if {"LIST-STATUS", "LIST-EXTENDED"} <= supervisor.capabilities and len(mailboxes) > 1:
            listed = frozenset(name for name in mailboxes if _is_pattern_of_itself(name))
        left = [name for name in mailboxes if name not in listed]
        if listed:
            items = STATUS_ITEMS + ((StatusItem.HIGHESTMODSEQ,) if has_modseq(supervisor.capabilities) else ())
            for one in await supervisor.run(ListExtended(patterns=tuple(sorted(listed)), status=items)):
                if one.status is not None:
                    self._compare(one.status)
                    listed -= {name for name in listed if is_same_mailbox(name, one.mailbox)}
        # Those that LIST did not tell of are gone, or closed to us: STATUS says why.
        outcomes = await asyncio.gather(
            *(supervisor.run(Status(name)) for name in (*left, *listed)), return_exceptions=True
        )
        for name, outcome in zip((*left, *listed), outcomes, strict=True):
            if isinstance(outcome, StatusData):
                self._compare(outcome)
            elif not isinstance(outcome, CommandRefused):
                raise outcome
            else:
                self._refuse(name, str(outcome))

    # -- what is told -------------------------------------------------------------------------------

    def _hear(self, response: Untagged) -> None:
        """What NOTIFY sends: a STATUS, a LIST, or that it has stopped, and then everything may have changed."""
        if isinstance(response, StatusData):
            # It is told because something has changed, be it a flag that no number of it shows.
            self._compare(response, is_news=True)
            return
        if isinstance(response, ListData):
            self._hear_name(response)
            return
        code = response.code if isinstance(response, StatusResponse) else None
        if code is not None and code.name == Code.NOTIFICATION_OVERFLOW:
            self._has_overflowed = True
            if self._listening is not None:
                listening, self._listening = self._listening, None
                listening.reschedule(asyncio.get_running_loop().time())
            for name in self._mailboxes:
                self._tell(MailboxChange(mailbox=name))

    def _hear_name(self, told: ListData) -> None:
        """A mailbox was made, removed or renamed (RFC 5465 section 5.4); what is in it is told by STATUS."""
        if told.old_name and (name := self._watched_name(told.old_name)) is not None:
            self._refuse(name, f"the mailbox is called {told.mailbox} now")
        name = self._watched_name(told.mailbox)
        if name is None:
            return
        if "\\nonexistent" in told.attributes:
            self._refuse(name, _GONE)
        elif name in self._refused:
            self._refused.discard(name)
            self._tell(MailboxChange(mailbox=name, is_reset=name in self._known))

    def _watched_name(self, told: str) -> str | None:
        return next((one for one in self._mailboxes if is_same_mailbox(one, told)), None)

    def _compare(self, told: StatusData, *, is_news: bool = False) -> None:
        name = self._watched_name(told.mailbox)
        if name is None:
            return
        before = self._known.get(name)
        now = told if before is None else updated_status(before, told)
        self._known[name] = now
        is_back = name in self._refused
        self._refused.discard(name)
        if is_news or is_back or (before is not None and now != before):
            is_reset = before is not None and now.uidvalidity != before.uidvalidity
            self._tell(MailboxChange(mailbox=name, is_reset=is_reset))

    def _refuse(self, name: str, why: str) -> None:
        """Tell once that a mailbox cannot be watched; it is told again once it can."""
        if name not in self._refused:
            self._refused.add(name)
            self._tell(MailboxChange(mailbox=name, refusal=why))

    def _tell(self, change: MailboxChange) -> None:
        earlier = self._changes.get(change.mailbox)
        if earlier is not None and earlier.is_reset and not change.refusal:
            change = earlier
        self._changes[change.mailbox] = change
        self._news.set()


def plan_methods(capabilities: frozenset[str], mailboxes: Sequence[str], *, connections: int) -> dict[str, WatchMethod]:
    """How to watch each mailbox: the first ones by IDLE where the budget of connections does not reach for all."""
    if "NOTIFY" in capabilities and len(mailboxes) > 1:
        return dict.fromkeys(mailboxes, WatchMethod.NOTIFY)
    if "IDLE" not in capabilities and "IMAP4REV2" not in capabilities:
        return dict.fromkeys(mailboxes, WatchMethod.POLL)
    idling = len(mailboxes) if len(mailboxes) <= connections else connections - 1
    return {name: WatchMethod.IDLE if number < idling else WatchMethod.POLL for number, name in enumerate(mailboxes)}


def _is_pattern_of_itself(mailbox: str) -> bool:
    """Whether LIST's pattern matches this name and no other, and can be written as it is."""
    return mailbox.isascii() and not set(mailbox) & set("*%&")
