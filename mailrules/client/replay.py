"""What has to be said to a new connection so that it stands where the lost one stood?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.client.followed_searches import FollowedSearches
from mailrules.errors import CommandRefused, MailboxReset, MissingCapability, SearchResultLost
from mailrules.imap.mailbox_commands import Select, Unselect
from mailrules.imap.resync import Resync
from mailrules.imap.session_commands import Enable
from mailrules.imap.throttling import seconds_after_command
from mailrules.imap.watch_commands import UidSearchWatched, WatchedSearch

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.command import Command
    from mailrules.imap.parser import Untagged
    from mailrules.imap.selected_mailbox import OpenedMailbox

_SETTINGS = ("ID", "LANGUAGE", "COMPARATOR", "NOTIFY SET")
"""Commands that set something for their connection, in the order in which they are said again."""


class Replay:
    """Notes what commands have set; ``lead`` says it again. ``tell`` is given what no command asked for."""

    def __init__(self, tell: Callable[[Untagged], None]) -> None:
        self.searches = FollowedSearches(tell)
        self.opened: OpenedMailbox | None = None
        """The open mailbox. The value stays the same object while UIDs keep their meaning."""
        self.latest: OpenedMailbox | None = None
        """The same mailbox as its last opening told of it."""
        self._select: Select | None = None
        self._enabled: dict[str, None] = {}
        self._settings: dict[str, Command[object]] = {}
        self._why_closed = "no mailbox was opened"
        self.was_opened = False
        """Whether there ever was a mailbox."""
        self._saved_on: AsyncClient | None = None  # the connection that knows what $ stands for

    def note(self, command: Command[object], result: object, *, client: AsyncClient) -> object:
        """The server has carried this command out over this connection; the result as the caller is to see it."""
        if command.saves_result:
            self._saved_on = client
        if isinstance(command, UidSearchWatched) and isinstance(result, WatchedSearch):
            return self.searches.note(command, result)
        self._note_setting(command, result)
        return result

    def _note_setting(self, command: Command[object], result: object) -> None:
        if isinstance(command, Select):
            self._forget_searches()
            self._select, self.was_opened = replace(command, resync=None), True
            self.opened = self.latest = result  # type: ignore[assignment]  # SELECT's result is an OpenedMailbox
        elif isinstance(command, Unselect) or command.name == "CLOSE":
            self.forget_mailbox("it was closed")
        elif isinstance(command, Enable):
            self._enabled.update(dict.fromkeys(command.capabilities))
        elif command.name in _SETTINGS:
            self._settings[command.name] = command
        elif command.name == "NOTIFY NONE":
            self._settings.pop("NOTIFY SET", None)

    def forget_mailbox(self, why: str) -> None:
        """No mailbox is open any more."""
        self._forget_searches()
        self.opened = self.latest = self._select = None
        self._why_closed = why

    def _forget_searches(self) -> None:
        """They belong to the mailbox that was open (RFC 5182 section 2.1, RFC 5267 section 4.3.5)."""
        self._saved_on = None
        self.searches.forget()

    def require(self, rests_on: OpenedMailbox | None) -> None:
        """Raise MailboxReset unless the mailbox that was open then is open now, with the same UIDs."""
        if self.opened is None:
            raise MailboxReset(f"no mailbox is open: {self._why_closed}; nothing was sent")
        if self.opened is not rests_on:
            raise MailboxReset("another mailbox was opened meanwhile; nothing was sent")

    def require_saved_result(self, command: Command[object], *, client: AsyncClient) -> None:
        """Raise SearchResultLost where ``$`` in the command would stand for nothing, or for something else."""
        if command.reads_saved_result and self._saved_on is not None and self._saved_on is not client:
            raise SearchResultLost(
                f"{command.name} with $: the saved result was lost with the connection (RFC 5182); nothing was sent: "
                "search again"
            )

    def is_unchanged(self, before: OpenedMailbox) -> bool:
        """Whether the reopened mailbox is provably as SELECT has told of it before."""
        now = self.latest
        if now is None or before.highest_modseq is None or before.uidnext is None:
            return False
        known = (before.uidvalidity, before.exists, before.uidnext, before.highest_modseq)
        return known == (now.uidvalidity, now.exists, now.uidnext, now.highest_modseq)

    async def lead(self, client: AsyncClient) -> None:
        """Enable, set and open on a connection that is logged in. Raises what ``run`` does where that fails."""
        wants_resync = "QRESYNC" in client.capabilities and "ENABLE" in client.capabilities
        enabled = {**self._enabled, **({"QRESYNC": None} if wants_resync else {})}
        agreed = await client.run(Enable(tuple(enabled))) if enabled else frozenset()
        for name in _SETTINGS:
            if name in self._settings:
                await client.run(self._settings[name])
        if self._select is not None and self.opened is not None:
            await self._open(client, self._select, self.opened, can_resync="QRESYNC" in agreed)
        await self._follow_again(client)

    async def _follow_again(self, client: AsyncClient) -> None:
        for name, command in self.searches.begin_again():
            if command.reads_saved_result:
                self.searches.lost(name)
                continue
            try:
                found = await client.run(command)
            except (CommandRefused, MissingCapability):
                self.searches.lost(name)
            else:
                self.searches.found_again(name, found)

    async def _open(self, client: AsyncClient, select: Select, before: OpenedMailbox, *, can_resync: bool) -> None:
        uidvalidity, modseq = before.uidvalidity, (self.latest or before).highest_modseq
        if can_resync and uidvalidity and modseq:
            select = replace(select, resync=Resync(uidvalidity=uidvalidity, modseq=modseq))
        try:
            now = await client.run(select)
        except CommandRefused as refusal:
            if seconds_after_command(refusal) is not None:
                raise
            self.forget_mailbox(f"{before.mailbox} could not be opened again ({refusal})")
            return
        if uidvalidity is None or now.uidvalidity != uidvalidity:
            told = f"{before.mailbox} had UIDVALIDITY {uidvalidity} and has {now.uidvalidity}"
            self.forget_mailbox(f"{told}: its UIDs mean other messages")
            return
        self.latest = now
