"""How are facts read from a server, many commands at once, and which messages turn out not to be readable?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mailrules.client.fetching import TextCollector, facts_of, why_spoiled
from mailrules.errors import CommandRefused, MessagesUnreadable, first_error
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.merging import merge
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.sequence_set import SequenceSet

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from mailrules.client.async_client import AsyncClient
    from mailrules.client.fetching import FetchLimits
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.fetch_items import FetchItems
    from mailrules.mailbox.message import FactRequest, MessageFacts


class FactsReading:
    """One request for facts of messages of the open mailbox."""

    def __init__(
        self,
        client: AsyncClient,
        request: FactRequest,
        items: FetchItems,
        *,
        limits: FetchLimits,
        changed_since: int | None = None,
    ) -> None:
        """With ``changed_since`` only of messages with a greater MODSEQ (RFC 7162, CHANGEDSINCE)."""
        self._changed_since = changed_since
        self._client, self._request, self._items, self._limits = client, request, items, limits
        self._facts: dict[int, MessageFacts] = {}
        self._reasons: dict[int, str] = {}  # of each message that is there and cannot be read
        self._nameless: MessagesUnreadable | None = None

    async def run(self, sets: Iterable[SequenceSet]) -> list[MessageFacts]:
        """The facts, ascending by UID. Raises MessagesUnreadable, whose ``result`` are those of the others."""
        asked = list(sets)
        await side_by_side(self._fetch(uids) for uids in asked)
        if self._nameless is not None:
            await self._name(asked, self._nameless)
        ascending = [self._facts[uid] for uid in sorted(self._facts)]
        if self._request.text:
            await self._fetch_texts(ascending)
        for uid in self._facts:
            self._reasons.pop(uid, None)
        if self._reasons:
            named = ", ".join(map(str, sorted(self._reasons)[:10]))
            raise MessagesUnreadable(
                f"the server told of {len(self._reasons)} messages what cannot be read, UID {named}",
                sent="",
                rfc="RFC 9051 section 7.5.2",
                reasons=self._reasons,
                result=ascending,
            )
        return ascending

    async def _fetch(self, uids: SequenceSet) -> None:
        told: dict[int, FetchData] = {}
        lowest = uids.ranges[0][0]

        def take(data: FetchData) -> None:
            # Made into facts at once: the server, which reads its files for the next messages, is what takes the time.
            uid = data.uid
            if uid is None or uid < lowest:  # "n:*" gives the last message even where its UID is below n
                return
            told[uid] = data = data if uid not in told else merge(told[uid], data)
            if one := facts_of(data, self._request):
                self._facts[uid] = one

        await self._run(uids, self._items, take)
        for uid in told.keys() - self._facts.keys():
            if reason := why_spoiled(told[uid], self._request):
                self._reasons[uid] = reason

    async def _name(self, asked: Sequence[SequenceSet], nameless: MessagesUnreadable) -> None:
        """Ask for the UIDs alone: which is there and was not told of? Those are asked for once more, and given up.

        Raises MessagesUnreadable where not even that can be read.
        """
        if self._changed_since is not None:  # who is not told of may just not have changed
            raise nameless
        self._nameless = None
        told: list[FetchData] = []
        await side_by_side(self._run(uids, (FetchItem.UID,), told.append) for uids in asked)
        self._require_named()
        lowest = min((uids.ranges[0][0] for uids in asked), default=1)
        there = {one.uid for one in told if one.uid is not None and one.uid >= lowest}
        missing = sorted(there - self._facts.keys())
        if missing:
            await self._fetch(SequenceSet.of(missing))
            self._nameless = None  # it is one of these
        for uid in missing:
            self._reasons.setdefault(uid, nameless.what)

    def _require_named(self) -> None:
        if self._nameless is not None:
            raise self._nameless

    async def _fetch_texts(self, facts: Sequence[MessageFacts]) -> None:
        texts = TextCollector(facts, limits=self._limits, line_bytes=self._client.line_bytes)
        await side_by_side(self._run(uids, items, texts.take) for uids, items in texts.requests())
        texts.finish()
        if not self._request.structure:
            for one in facts:
                one.structure = None

    async def _run(self, uids: SequenceSet, items: FetchItems, sink: Callable[[FetchData], None]) -> None:
        try:
            await self._client.run(UidFetch(uids, items, sink, changed_since=self._changed_since))
        except MessagesUnreadable as error:
            self._reasons.update(error.reasons)
            if error.has_nameless:
                self._nameless = error
        except CommandRefused as refusal:
            # RFC 5530: some of the messages are gone; the others have been told.
            if refusal.code != "EXPUNGEISSUED":
                raise


async def side_by_side(commands: Iterable[Coroutine[object, object, None]]) -> None:
    """Run them together; the gate sends whatever may overlap."""
    with first_error():
        async with asyncio.TaskGroup() as group:
            for command in commands:
                group.create_task(command)
