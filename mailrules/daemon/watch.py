"""How one connection watches its mailboxes: connect, judge, wait for news, and again.

A watcher with one mailbox waits in IDLE on it. One with several visits each in turn. Scheduled
rules are judged on the same connections when they come due. A lost connection is made anew.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.arrivals import Watch
from mailrules.client.backoff import Backoff, seconds_asked
from mailrules.daemon.schedule import Schedule
from mailrules.errors import (
    AuthenticationFailed,
    CommandRefused,
    IMAPError,
    MailrulesError,
    ReadOnlyMode,
    SecretError,
)
from mailrules.keeping import EVERY, keep_policies
from mailrules.logs import get_logger
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from mailrules.mailbox.store import MailStore
    from mailrules.rules.rule import MailboxRef
    from mailrules.session import Session
    from mailrules.settings import AccountSettings

POLL_SECONDS = 60.0
"""Between two rounds of a connection that has several mailboxes."""

LONGEST_WAIT_SECONDS = 300.0
"""A quiet mailbox is judged again after this: what a guard held may have been released."""

STOPPED_SECONDS = 10.0
"""How often the kill switch is looked at while it is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One connection's work: mailboxes of one account."""

    account: AccountSettings
    mailboxes: tuple[MailboxRef, ...]
    keeps_policies: bool = False
    """Whether it also looks after the policies of the account's mailboxes."""


class Watcher:
    """Keeps one assignment watched until ``stop``; ``renew`` puts new rules in force at once."""

    def __init__(
        self,
        assignment: Assignment,
        session: Session,
        *,
        connect: Callable[[AccountSettings], Awaitable[MailStore]],
        random: Callable[[], float],
        backlog: bool = False,
    ) -> None:
        self.assignment = assignment
        self._session = session
        self._connect = connect
        self._backlog = backlog
        self._backoff = Backoff(random)
        self._is_stopping = False
        self._is_renewed = False
        self._pause: asyncio.Timeout | None = None
        self._schedules: dict[MailboxRef, Schedule] = {}
        self._policies_due: datetime | None = None
        """When the policies are looked at again; None: now."""
        self._log = get_logger(account=assignment.account.name)

    def stop(self) -> None:
        """End after what is under way; a wait ends now."""
        self._is_stopping = True
        self._end_pause()

    def renew(self, session: Session) -> None:
        """Go on with new rules on the same connection."""
        self._session = session
        self._is_renewed = True
        self._policies_due = None
        self._end_pause()

    async def run(self) -> None:
        """Watch until stopped. Whatever fails is logged, and the watcher starts again after a while."""
        while not self._is_stopping:
            self._is_renewed = False
            asked_seconds = 0.0
            try:
                await self._wait_for_kill_switch()
                await self._watch_connection()
            except ReadOnlyMode:
                continue  # it is told, and waited for, where the next connection would be made
            except (AuthenticationFailed, SecretError) as error:
                self._log.error("account.failed", error=str(error))
            except IMAPError as error:
                asked_seconds = seconds_asked(error)
                self._log.warning("connection.lost", error=str(error))
            except MailrulesError as error:
                self._log.error("task.failed", error=str(error))
            except Exception:  # noqa: BLE001 -- the task border: one mailbox's failure must not end the others
                self._log.exception("task.failed", mailboxes=[str(ref) for ref in self.assignment.mailboxes])
            if not self._is_stopping:
                seconds = max(asked_seconds, self._backoff.next_seconds())
                self._log.info("connection.retried", in_seconds=round(seconds, 1))
                await self._wait(self._session.wait(seconds))

    async def _wait_for_kill_switch(self) -> None:
        """While the kill switch is on there is no connection, so no mailbox that could be written to."""
        switch = self._session.journal.kill_switch
        if reason := switch.reason():
            self._log.warning("changes.stopped", reason=reason)
        while switch.reason() and not self._is_stopping:
            await self._wait(self._session.wait(STOPPED_SECONDS))
            self._is_renewed = False

    async def _watch_connection(self) -> None:
        store = await self._connect(self.assignment.account)
        self._log.info("connection.opened")
        try:
            while not self._is_stopping:
                self._is_renewed = False
                self._update_schedules()
                await self._watch_mailboxes(store)
        finally:
            await store.close()

    async def _watch_mailboxes(self, store: MailStore) -> None:
        """Judge and wait with the rules in force, until stopped or renewed."""
        refs = self.assignment.mailboxes
        watch: Watch | None = None
        while not self._should_end():
            await self._keep_policies(store)
            for ref in refs:
                try:
                    if watch is None or len(refs) > 1:
                        watch = await Watch.begin(self._session, store, ref, backlog=self._backlog)
                        self._log.debug("mailbox.watched", mailbox=ref.mailbox)
                    await self._judge(watch, ref)
                except CommandRefused as refused:
                    lacks = self._session.configuration.rules.may_lack(ref)
                    tell = self._log.debug if lacks else self._log.warning
                    tell("mailbox.refused", mailbox=ref.mailbox, error=str(refused))
                    watch = None
                if self._should_end():
                    return
            self._backoff.reset()
            seconds = self._seconds_to_wait()
            await self._wait(store.wait_for_news(timeout_seconds=seconds) if watch else self._session.wait(seconds))

    async def _keep_policies(self, store: MailStore) -> None:
        """At the start, after a reload and once a day."""
        now = self._session.now()
        if not self.assignment.keeps_policies or (self._policies_due is not None and now < self._policies_due):
            return
        try:
            await keep_policies(self._session, store)
        except CommandRefused as refused:
            self._log.warning("policy.left_out", reason=str(refused))
        self._policies_due = now + EVERY

    async def _judge(self, watch: Watch, ref: MailboxRef) -> None:
        await watch.judge_arrivals()
        due = self._schedules[ref].take_due(self._session.now())
        if due:
            self._log.info("schedule.reached", mailbox=ref.mailbox, rules=[rule.name for rule in due])
            await watch.judge_due(due)

    def _update_schedules(self) -> None:
        now = self._session.now()
        for ref in self.assignment.mailboxes:
            rules = self._session.configuration.rules.for_mailbox(ref)
            if ref in self._schedules:
                self._schedules[ref].update(rules, now=now)
            else:
                self._schedules[ref] = Schedule(rules, now=now)

    def _seconds_to_wait(self) -> float:
        now = self._session.now()
        waits = [schedule.seconds_until_due(now) for schedule in self._schedules.values()]
        if self._policies_due is not None:
            waits.append(max(0.0, (self._policies_due - now).total_seconds()))
        longest = POLL_SECONDS if len(self.assignment.mailboxes) > 1 else LONGEST_WAIT_SECONDS
        return min([longest, *(seconds for seconds in waits if seconds is not None)])

    async def _wait(self, news: Awaitable[object]) -> None:
        """Wait for ``news``, or until ``stop`` or ``renew`` cut the wait short."""
        try:
            async with asyncio.timeout(None) as pause:
                self._pause = pause
                if self._should_end():
                    self._end_pause()
                await news
        except TimeoutError:
            if not pause.expired():
                raise
        finally:
            self._pause = None

    def _should_end(self) -> bool:
        return self._is_stopping or self._is_renewed

    def _end_pause(self) -> None:
        if self._pause is not None:
            self._pause.reschedule(asyncio.get_running_loop().time())
            self._pause = None
