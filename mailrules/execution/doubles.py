"""Which messages of a run are in their targets twice, because another mailrules did the same meanwhile?

Looked for when the lease turns out to be lost: what was under way then may have been done by both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.identity import IDENTITY_REQUEST, identities_of_facts, identities_of_intent
from mailrules.execution.places import look_into
from mailrules.journal.records import Operation, StepState
from mailrules.mailbox.message import UID

if TYPE_CHECKING:
    from mailrules.execution.identity import Identity
    from mailrules.execution.session import Session
    from mailrules.journal.records import StepRecord

_TRANSFERS = frozenset({Operation.COPY, Operation.MOVE})


async def doubled(session: Session, mailbox: str) -> list[str]:
    """A sentence for each target that holds messages of this run's copies and moves more than once.

    Leaves a target open to read. Nothing is removed: which of two is the other's nobody can tell.
    """
    by_target: defaultdict[str, list[StepRecord]] = defaultdict(list)
    for record in await session.journal.steps_of(session.run):
        command = record.intent.command
        is_done = record.state in {StepState.APPLIED, StepState.HALFWAY} and record.target_uid
        if is_done and command.mailbox == mailbox and command.operation in _TRANSFERS:
            by_target[command.target].append(record)
    sentences = []
    for target, records in by_target.items():
        status = await look_into(session.store, target)
        if status is None or isinstance(status, CommandRefused):
            continue
        ours: Counter[Identity] = Counter(one[0] for record in records if (one := identities_of_intent(record.intent)))
        baseline = UID(max(1, min(record.intent.command.target_uidnext for record in records)))
        there: defaultdict[Identity, list[UID]] = defaultdict(list)
        for facts in await session.store.fetch_from(IDENTITY_REQUEST, baseline):
            for identity in identities_of_facts(facts):
                there[identity].append(facts.uid)
        twice = sorted(
            uid for identity, count in ours.items() if len(there[identity]) > count for uid in there[identity]
        )
        if twice:
            uids = ", ".join(str(uid) for uid in twice[:20]) + (", ..." if len(twice) > 20 else "")
            sentences.append(
                f"{session.account}/{target}: another mailrules did the same meanwhile, so some messages are there"
                f" twice (UID {uids}); remove the ones that are too many"
            )
    return sentences
