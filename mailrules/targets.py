"""How do the mailboxes stand to which a run may copy or move, before its plan is known?

Their status is asked for beside what is read to judge, so that it costs no turn of its own. It is the baseline of
intents: an earlier one only makes recovery read more.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused, RemoteProtocolError
from mailrules.plan.actions import CopyTo, MoveTo, MoveToSpecialUse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mailrules.mailbox.store import MailboxStatus, MailReader
    from mailrules.plan.directory import Directory
    from mailrules.rules.rule import Rule

MOST = 8
"""Of so many mailboxes of an account; of the others the status is asked for when something goes there."""
KEPT = timedelta(minutes=1)
"""A person may think about a plan for hours; what was asked before is not told to the executor then."""


class Targets:
    """What one run has asked of its targets, each once."""

    def __init__(self, *, now: Callable[[], datetime]) -> None:
        self._now, self._since = now, now()
        self._known: dict[str, dict[str, MailboxStatus]] = {}

    async def look_at(self, reader: MailReader, rules: Sequence[Rule], directory: Directory, *, opened: str) -> None:
        """Ask for the status of the mailboxes to which these rules move or copy from the ``opened`` one."""
        known = self._known.setdefault(reader.account, {})
        names = [name for name in dict.fromkeys(_named(rules, directory)) if name != opened and name not in known]

        async def look_at(name: str) -> None:
            try:
                known[name] = await reader.status(name)
            except (CommandRefused, RemoteProtocolError):  # who wants to move there is told when it is tried
                return

        await asyncio.gather(*(look_at(name) for name in names[: max(0, MOST - len(known))]))

    @property
    def known(self) -> Mapping[str, Mapping[str, MailboxStatus]]:
        """Their status, by account and name, as long as it is worth anything."""
        return self._known if self._now() - self._since <= KEPT else {}


def _named(rules: Sequence[Rule], directory: Directory) -> Iterator[str]:
    """The mailboxes of this account that rules name as they are, and that are there."""
    for use in (use for rule in rules for branch in rule.branches for use in branch.actions):
        name = ""
        match use.value:
            case MoveToSpecialUse(use=special):
                name = directory.special(special)
            case MoveTo(to=target) | CopyTo(to=target) if target.is_literal:
                name = directory.server_name(target.render({}, delimiter=directory.delimiter))
        if name in directory.mailboxes and directory.exists(name):
            yield name
