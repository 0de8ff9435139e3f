"""How a planner of an open mailbox is given the facts that it asks for: by the server, its plugins and the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.logs import get_logger
from mailrules.mailbox.message import FactRequest, MessageFacts, Unreadable
from mailrules.mailbox.rows import rows_of
from mailrules.plan.facts import request_for
from mailrules.server_facts import is_server_fact, server_facts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from mailrules.hookspecs import Enricher
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.plan.facts import Need
    from mailrules.plan.past_moves import MessageIdentity, PastMove
    from mailrules.plan.planner import MailboxPlanner
    from mailrules.recall import FactSource

    PastMoves = Callable[[Sequence[str]], Awaitable[Mapping[MessageIdentity, Sequence[PastMove]]]]


async def gather(
    planner: MailboxPlanner,
    source: FactSource,
    snapshot: Snapshot,
    *,
    enrichers: Mapping[str, Enricher],
    past_moves: PastMoves | None,
) -> None:
    """Give the planner what it asks for until it asks for nothing more."""
    while (need := planner.next_need()) is not None:
        await _answer(need, source, snapshot, enrichers)
        planner.added()
    moving = planner.moving()
    if moving and past_moves is not None:
        planner.remember(await past_moves(moving))


async def _answer(need: Need, source: FactSource, snapshot: Snapshot, enrichers: Mapping[str, Enricher]) -> None:
    uids = [snapshot.uids[row] for row in rows_of(need.rows)]
    if need.enricher and is_server_fact(need.enricher):
        snapshot.add_enriched(need.enricher, await server_facts(need.enricher, source.reader, uids))
        return
    if need.enricher:
        await _enrich(enrichers[need.enricher], source, snapshot, uids)
        return
    await source.fill(snapshot, need.request, uids)


async def _enrich(enricher: Enricher, source: FactSource, snapshot: Snapshot, uids: Sequence[UID]) -> None:
    """Ask an enricher about these messages, with the facts it reads; no answer is an unreadable one."""
    rows = snapshot.mask_of(snapshot.row_of(uid) for uid in uids)
    lacking = request_for(fact for fact in enricher.needs if rows & ~snapshot.known(fact))
    if lacking != FactRequest():
        await source.fill(snapshot, lacking, uids)
    no_answer = Unreadable(reason=f"enricher {enricher.name!r} gave no answer")
    try:
        answers = await enricher.enrich([_facts_of(snapshot, snapshot.row_of(uid)) for uid in uids])
    except Exception as error:  # noqa: BLE001 -- a plugin's call: its failure makes the fact unknowable, nothing else
        get_logger().error(
            "plugin.failed", plugin=enricher.name, hook="mailrules_enrichers", error=type(error).__name__
        )
        answers = {}
    snapshot.add_enriched(enricher.name, {uid: answers.get(uid, no_answer) for uid in uids})


def _facts_of(snapshot: Snapshot, row: int) -> MessageFacts:
    """One message's facts as an enricher gets them; the header is put together from its known fields."""
    header = b"".join(
        name.encode() + b":" + value + b"\r\n" for name in snapshot.headers for value in snapshot.raw_header(name, row)
    )
    return MessageFacts(
        uid=snapshot.uids[row],
        flags=snapshot.flags[row],
        size_bytes=snapshot.size_bytes[row],
        received=snapshot.received[row],
        modseq=snapshot.modseq[row],
        header=header,
        structure=snapshot.structure[row],
        texts=snapshot.texts[row],
        object_id=snapshot.object_ids[row],
    )
