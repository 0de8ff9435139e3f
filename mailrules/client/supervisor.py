"""How does one logical connection outlive the network connections that it is made of?"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self, TypeVar, cast

from mailrules.client import credentials
from mailrules.client.backoff import Pace
from mailrules.client.connect import connect
from mailrules.client.fallbacks import OneCommand, Procedure, Progress
from mailrules.client.followed_searches import FollowedSearches
from mailrules.client.lifeline import Lifeline
from mailrules.client.line_cutting import is_too_long
from mailrules.client.login_memory import LoginMemory
from mailrules.client.replay import Replay
from mailrules.client.resuming import ResumedContent, fetch_resumed
from mailrules.errors import (
    CommandRefused,
    ConnectionLost,
    IMAPError,
    LocalProtocolError,
    SecretError,
)
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.repeating import Repeat, is_repeatable, repeat_of
from mailrules.imap.session_commands import Noop
from mailrules.imap.states import State, needs_open_mailbox
from mailrules.imap.throttling import seconds_after_command
from mailrules.imap.watch_commands import CancelUpdate, UidSearchWatched
from mailrules.imap.writer import BodySection

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from mailrules.client.async_client import AsyncClient
    from mailrules.client.connect import SecretResolver
    from mailrules.client.content import Content
    from mailrules.client.fallbacks import Batch
    from mailrules.client.transcript import Transcript
    from mailrules.imap.command import Command
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.imap.parser import Untagged
    from mailrules.imap.selected_mailbox import OpenedMailbox
    from mailrules.imap.sequence_set import SequenceSet
    from mailrules.settings import AccountSettings

R = TypeVar("R")

MOST_REPEATS = 3
"""A command that was lost so often may be what ends the connections."""
_WHOLE = BodySection()
POLL_SECONDS = 60.0
"""How often ``idle`` asks a server without IDLE."""


class Supervisor:
    """A connection that is made anew whenever it is lost, for any number of tasks.

    The new one is led where the old one was: logged in by ``connect``, with what ENABLE, NOTIFY, LANGUAGE and
    COMPARATOR had set, and the same mailbox open, by QRESYNC where the server offers it. Commands that only ask
    are then sent again. Others fail with a ConnectionLost that says whether they may have been carried out. The
    steps of procedures are commands like others.

    Searches that the server keeps up to date (``UidSearchWatched``) are begun again under the tags that they had for
    the caller, and what they find otherwise comes to ``on_untagged`` as their updates; NOUPDATE ends one that the new
    connection does not follow. What a search saved as ``$`` is not found again: SearchResultLost.

    Attempts are made when somebody waits for one, and as seldom as back-off and the server want; a deadline is the
    caller's. ``now`` is a clock in seconds that only goes forward, ``wait`` sleeps, ``random`` answers between 0 and 1.
    ``on_reopened`` is told of the mailbox after each reconnection, with what has changed where QRESYNC told it;
    ``on_untagged`` of what no command asked for. Neither may raise.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[AsyncClient]],
        *,
        random: Callable[[], float],
        now: Callable[[], float],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_reopened: Callable[[OpenedMailbox], None] | None = None,
        on_untagged: Callable[[Untagged], None] | None = None,
    ) -> None:
        self._wait = wait
        self._on_reopened, self._on_untagged = on_reopened, on_untagged
        self._pace = Pace(now=now, wait=wait, random=random)
        self._replay = Replay(self._tell)
        self._lifeline = Lifeline(connect, pace=self._pace, lead=self._lead, connected=self._tell_reopened)
        self._opening = asyncio.Lock()
        self._before: OpenedMailbox | None = None  # what was open when the connection was lost
        self._has_news = False

    @classmethod
    def of_account(
        cls,
        account: AccountSettings,
        *,
        random: Callable[[], float],
        now: Callable[[], float],
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_reopened: Callable[[OpenedMailbox], None] | None = None,
        on_untagged: Callable[[Untagged], None] | None = None,
        resolve_secret: SecretResolver = credentials.resolve,
        transcript: Transcript | None = None,
        memory: LoginMemory | None = None,
    ) -> Self:
        """Of connections to one account, none of which logs in by a weaker way than one before it.

        ``memory`` shares what is known of that with others.
        """
        logins = LoginMemory() if memory is None else memory

        async def connect_anew() -> AsyncClient:
            return await connect(account, resolve_secret=resolve_secret, transcript=transcript, memory=logins)

        return cls(connect_anew, random=random, now=now, wait=wait, on_reopened=on_reopened, on_untagged=on_untagged)

    async def start(self) -> None:
        """Connect for the first time. Raises at once what ``connect`` raises."""
        await self._lifeline.start()

    async def close(self) -> None:
        """End it; who waits gets ConnectionLost. May be called twice."""
        await self._lifeline.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    @property
    def connections(self) -> int:
        """How many there have been so far."""
        return self._lifeline.connections

    @property
    def last_failure(self) -> IMAPError | SecretError | None:
        """Why the last attempt to connect failed."""
        return self._lifeline.last_failure

    @property
    def capabilities(self) -> frozenset[str]:
        """Those of the present connection, or of the last one."""
        return self._lifeline.client.capabilities if self._lifeline.client is not None else frozenset()

    @property
    def opened(self) -> OpenedMailbox | None:
        """The mailbox that is open, or that will be again, as the last SELECT told of it."""
        return self._replay.opened

    async def run(self, command: Command[R] | Procedure[R]) -> R:
        """Run one command, or those of a procedure, over as many connections as it takes.

        Raises what ``AsyncClient.run`` does; ConnectionLost only for a command that must not be repeated or was
        lost too often; AuthenticationFailed once the server refuses the login for good; MailboxReset;
        SearchResultLost.
        """
        if isinstance(command, Procedure):
            return await self._carry_out(command)
        if repeat_of(command.name) is Repeat.CONNECTION:
            raise LocalProtocolError(f"{command.name} makes or ends a connection, which is the supervisor's own part")
        opens_mailbox = isinstance(command, Select)
        if opens_mailbox:
            async with self._opening:
                return await self._open(command)
        if not needs_open_mailbox(command.name):
            return await self._run(command)
        async with self._opening:
            rests_on = self._replay.opened
        if isinstance(command, CancelUpdate):
            await self._cancel(command)
            return cast("R", None)  # which is CancelUpdate's result
        return await self._run_there(command, rests_on)

    async def fetch(
        self, uids: SequenceSet, items: FetchItems, *, messages_per_command: int = 500
    ) -> AsyncGenerator[FetchData, None]:
        """Iterate over messages as ``AsyncClient.fetch`` does, over as many connections as it takes.

        A message comes once, and none is left out: after a loss those go on that have a higher UID than the last
        one. Raises what ``run`` does.
        """
        messages = fetch_resumed(await self._ways_there(), uids, items, messages_per_command=messages_per_command)
        async with contextlib.aclosing(messages):
            async for message in messages:
                yield message

    @contextlib.asynccontextmanager
    async def fetch_content(self, uid: int, section: BodySection = _WHOLE) -> AsyncIterator[ResumedContent]:
        """The content of one message or part, as ``AsyncClient.fetch_content`` gives it; a loss costs nothing twice.

        The next connection goes on at the byte that was not given yet. Raises what ``run`` does.
        """
        async with contextlib.aclosing(ResumedContent(await self._ways_there(), uid, section)) as content:
            await content.begin()
            yield content

    async def upload(self, command: Command[R], *contents: Content) -> R:
        """Run a command with ``StreamedLiteral``s, such as an APPEND, as ``AsyncClient.upload`` does, once.

        It is not sent again: the content is used up. A ConnectionLost says whether it may have been carried out.
        """
        connection = await self._ways_there() if needs_open_mailbox(command.name) else self._lifeline.present
        client = await connection()
        try:
            result = await client.upload(command, *contents)
        except ConnectionLost as lost:
            raise _explained(lost, command) from lost
        except CommandRefused as refusal:
            self._hold(refusal)
            raise
        return cast("R", self._replay.note(command, result, client=client))  # of the kind that it was

    async def idle(self, *, timeout_seconds: float) -> bool:
        """Wait until the open mailbox changes; False when the time is over before that.

        Without an open mailbox it waits for a reconnection, while ``on_untagged`` is given what NOTIFY tells.
        A reconnection counts as a change, unless UIDNEXT, HIGHESTMODSEQ and the number of messages prove that
        there was none. By IDLE, or where the server lacks it by a NOOP every POLL_SECONDS.
        """
        rests_on = self._replay.opened
        try:
            async with asyncio.timeout(timeout_seconds) as deadline:
                while not await self._idle_once(rests_on, timeout_seconds):
                    pass
        except TimeoutError:
            if not deadline.expired():
                raise
            return False
        return True

    # -- commands ---------------------------------------------------------------------------------

    async def _ways_there(self) -> Callable[[], Awaitable[AsyncClient]]:
        """Gives connections on which the mailbox of this moment is open, or raises MailboxReset."""
        async with self._opening:
            rests_on = self._replay.opened

        async def connection() -> AsyncClient:
            client = await self._lifeline.present()
            self._replay.require(rests_on)
            return client

        return connection

    async def _run_there(self, command: Command[R], rests_on: OpenedMailbox | None) -> R:
        """Run a command in the mailbox that it was meant for."""
        client = self._lifeline.client
        if client is not None and is_too_long(command, offered=client.capabilities, line_bytes=client.line_bytes):
            return await self._carry_out(OneCommand(command), rests_on=rests_on)
        return await self._run(command, rests_on=rests_on)

    async def _run(self, command: Command[R], *, rests_on: OpenedMailbox | None = None) -> R:
        sent = FollowedSearches.to_send(command) if isinstance(command, UidSearchWatched) else command
        losses = throttlings = 0
        while True:
            client = await self._lifeline.present()
            if needs_open_mailbox(command.name):
                self._replay.require(rests_on)
                self._replay.require_saved_result(command, client=client)
            try:
                result = await client.run(sent)
            except ConnectionLost as lost:
                losses += 1
                if self._lifeline.is_closed or losses > MOST_REPEATS or not is_repeatable(command):
                    raise _explained(lost, command) from lost
            except CommandRefused as refusal:
                throttlings += 1
                is_held = self._hold(refusal)
                if not is_held or throttlings > MOST_REPEATS or not is_repeatable(command):
                    raise
            else:
                return cast("R", self._replay.note(sent, result, client=client))  # of the kind that it was

    async def _carry_out(self, procedure: Procedure[R], *, rests_on: OpenedMailbox | None = None) -> R:
        client = await self._lifeline.present()
        async with self._opening:
            rests_on = rests_on or self._replay.opened
        progress = Progress(procedure, offered=client.capabilities, selections=0, line_bytes=client.line_bytes)
        while not progress.is_done:
            if procedure.rests_on_selection:
                self._replay.require(rests_on)
            batch = progress.batch
            outcomes = await self._outcomes(batch, rests_on)
            if any(isinstance(one, Select) for one in batch):
                rests_on = self._replay.opened
            progress.take(outcomes)
        return progress.result

    async def _outcomes(self, batch: Batch, rests_on: OpenedMailbox | None) -> list[object]:
        """The result or the error of each, side by side."""
        if len(batch) == 1:
            return [await self._outcome(batch[0], rests_on)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._outcome(command, rests_on)) for command in batch]
        return [task.result() for task in tasks]

    async def _outcome(self, command: Command[object], rests_on: OpenedMailbox | None) -> object:
        try:
            if needs_open_mailbox(command.name) and not isinstance(command, CancelUpdate):
                return await self._run_there(command, rests_on)
            return await self.run(command)
        except IMAPError as error:
            return error

    async def _cancel(self, command: CancelUpdate) -> None:
        """A search whose connection is lost is followed no more, which is all that was wanted."""
        translated = self._replay.searches.cancel(command)
        client = self._lifeline.client
        if client is None or client.state is State.LOGOUT:
            return
        with contextlib.suppress(ConnectionLost):
            await client.run(translated)

    def _tell(self, response: Untagged) -> None:
        if self._on_untagged is not None:
            self._on_untagged(response)

    async def _open(self, command: Command[R]) -> R:
        try:
            return await self._run(command)
        except BaseException as error:
            # "if the SELECT command fails, no mailbox is selected" (RFC 9051 section 6.3.2); if it was cancelled or
            # lost nobody knows which one is.
            self._replay.forget_mailbox(f"the last SELECT did not succeed ({error or type(error).__name__})")
            raise

    def _hold(self, refusal: CommandRefused) -> bool:
        """Obey a server that wants to be left alone; whether it does."""
        seconds = seconds_after_command(refusal)
        if seconds is not None:
            self._pace.hold(seconds)
        return seconds is not None

    async def _idle_once(self, rests_on: OpenedMailbox | None, timeout_seconds: float) -> bool:
        client = await self._lifeline.present()
        if self._replay.was_opened:
            self._replay.require(rests_on)
        if self._has_news or client.take_news():
            self._has_news = False
            return True
        with contextlib.suppress(ConnectionLost):
            try:
                if "IDLE" in client.capabilities or "IMAP4REV2" in client.capabilities:
                    return await client.idle(timeout_seconds=timeout_seconds)
                await self._wait(POLL_SECONDS)
                await client.run(Noop())
            except CommandRefused as refusal:
                if not self._hold(refusal):
                    raise
        return False

    # -- connecting -------------------------------------------------------------------------------

    async def _lead(self, client: AsyncClient) -> None:
        client.listener = self._replay.searches.hear
        self._before = self._replay.opened
        await self._replay.lead(client)

    def _tell_reopened(self) -> None:
        before, reopened = self._before, self._replay.latest
        if before is None:
            # Without a mailbox one waits for what NOTIFY tells, of which some has been missed.
            self._has_news = self._lifeline.connections > 1
            return
        self._has_news = self._has_news or reopened is None or not self._replay.is_unchanged(before)
        if reopened is not None and self._on_reopened is not None:
            self._on_reopened(reopened)


def _explained(lost: ConnectionLost, command: Command[object]) -> ConnectionLost:
    told = "may have been carried out" if lost.may_have_run else "was not carried out"
    return ConnectionLost(f"{lost}; {command.name} {told}", may_have_run=lost.may_have_run)
