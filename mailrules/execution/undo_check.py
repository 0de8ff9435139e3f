"""What of an undo is still possible: what others changed since is found again where that is certain, else it is listed.

Nothing here writes to a server.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.errors import CommandRefused
from mailrules.execution.flag_words import folded
from mailrules.execution.identity import IDENTITY_REQUEST, identities_of_facts, identities_of_intent
from mailrules.execution.mailbox_reading import READABLE, SUBSCRIPTIONS, Thing, Unread, is_as_wanted, read_things
from mailrules.mailbox.message import FactRequest
from mailrules.plan.plan import MailboxPlan, StepKind
from mailrules.plan.renames import name_after

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.execution.identity import Identity
    from mailrules.execution.mailbox_reading import Reading
    from mailrules.execution.undo import UndoPlan
    from mailrules.journal.reader import JournalReader
    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import MailboxStatus, MailStore
    from mailrules.plan.plan import MailboxStep, MessagePlan, Step


_TAKES_BACK = {
    StepKind.ADD_FLAGS: StepKind.REMOVE_FLAGS,
    StepKind.REMOVE_FLAGS: StepKind.ADD_FLAGS,
    StepKind.COPY: StepKind.DELETE,
    StepKind.DELETE: StepKind.COPY,
    StepKind.MOVE: StepKind.MOVE,
}
"""What stays is told by what was done, not by its inverse; a note that was appended, as a copy."""


async def still_possible(way_back: UndoPlan, stores: Mapping[str, MailStore], *, journal: JournalReader) -> UndoPlan:
    """The undo without what others have made impossible or unnecessary since; ``cannot`` says all of it.

    A mailbox that was renamed is followed by its UIDVALIDITY, messages under a new UIDVALIDITY by their identity.
    Leaves some other mailbox open than before. Raises ConnectionLost.
    """
    cannot: Counter[str] = Counter()
    plans: list[MailboxPlan] = []
    steps: list[MailboxStep] = []
    accounts = dict.fromkeys(
        [one.account for one in way_back.plan.mailboxes] + [one.account for one in way_back.plan.mailbox_steps]
    )
    for account in accounts:
        mine = [one for one in way_back.plan.mailboxes if one.account == account]
        mailbox_steps = [one for one in way_back.plan.mailbox_steps if one.account == account]
        if account not in stores:
            cannot[f"{account}: the account is not connected"] += 1
            continue
        check = _AccountCheck(stores[account], way_back, journal=journal, cannot=cannot, others=stores)
        await check.read_names(mailbox_steps)
        checked = [one for plan in mine if (one := await check.check_mailbox(plan)) is not None]
        plans += checked
        steps += [kept for step in mailbox_steps if (kept := await check.check_step(step, checked)) is not None]
    sentences = [f"{count} x {sentence}" if count > 1 else sentence for sentence, count in cannot.items()]
    return replace(
        way_back,
        plan=replace(way_back.plan, mailboxes=tuple(plans), mailbox_steps=tuple(steps)),
        cannot=(*way_back.cannot, *sentences),
    )


class _AccountCheck:
    """Looks at the mailboxes of one account."""

    def __init__(
        self,
        store: MailStore,
        way_back: UndoPlan,
        *,
        journal: JournalReader,
        cannot: Counter[str],
        others: Mapping[str, MailStore],
    ) -> None:
        self._store, self._way_back, self._journal, self._cannot = store, way_back, journal, cannot
        self._others = others
        self._is_elsewhere: dict[str, bool] = {}
        """Whether the mailboxes of other accounts that messages go back to are there."""
        self._names: frozenset[str] = frozenset()
        self._to_be_made: frozenset[str] = frozenset()
        self._by_uidvalidity: dict[int, list[str]] | None = None
        self._readings: Mapping[Thing, Reading | Unread] = {}

    async def read_names(self, mailbox_steps: Sequence[MailboxStep]) -> None:
        listed = await self._store.list_mailboxes()
        self._names = frozenset(one.name for one in listed if one.selectable)
        delimiter = next((one.delimiter for one in listed if one.delimiter), "")
        renamed = {
            name_after(step, name, delimiter=delimiter)
            for step in mailbox_steps
            if step.kind is StepKind.RENAME
            for name in self._names
        }
        made = {one.mailbox for one in mailbox_steps if one.kind is StepKind.CREATE}
        self._to_be_made = frozenset(made | (renamed - self._names))
        values = [one for one in mailbox_steps if one.kind in READABLE - SUBSCRIPTIONS and one.mailbox in self._names]
        self._readings = await read_things(
            self._store, [Thing(one.kind, one.mailbox, one.identifier) for one in values]
        )

    async def check_mailbox(self, plan: MailboxPlan) -> MailboxPlan | None:
        status = await self._find(plan.mailbox, uidvalidity=plan.uidvalidity)
        messages: Sequence[MessagePlan] = plan.messages
        if status is None:
            self._list(plan, messages, f"{plan.mailbox} does not exist any more")
            return None
        if status.uidvalidity != plan.uidvalidity:
            messages = await self._identified(plan, status)
        facts = {
            one.uid: one.flags or frozenset()
            for one in (
                await self._store.fetch(FactRequest(flags=True), [one.uid for one in messages]) if messages else []
            )
        }
        gone = [one for one in messages if one.uid not in facts]
        await self._explain_gone(plan, gone)
        possible = [
            checked
            for one in messages
            if one.uid in facts and (checked := await self._check_message(plan, one, flags=facts[one.uid])).steps
        ]
        if not possible:
            return None
        return replace(
            plan,
            mailbox=status.mailbox,
            uidvalidity=status.uidvalidity,
            highest_modseq=status.highest_modseq,
            messages=tuple(sorted(possible, key=lambda one: one.uid)),
            judged=max(status.messages or 0, len(possible)),
        )

    async def check_step(self, step: MailboxStep, plans: Sequence[MailboxPlan]) -> MailboxStep | None:
        """A mailbox step that can still be taken back, None (and listed) otherwise."""
        is_there = step.mailbox in self._names
        if step.kind is StepKind.CREATE:
            return None if is_there else step
        if not is_there and step.mailbox not in self._to_be_made:
            if step.kind not in {StepKind.DELETE_MAILBOX, StepKind.UNSUBSCRIBE}:
                self._cannot[f"{step.kind} of {step.account}/{step.mailbox}: the mailbox does not exist any more"] += 1
            return step if step.kind is StepKind.UNSUBSCRIBE else None
        if step.kind is StepKind.RENAME and step.to in self._names:
            self._cannot[f"{step.account}/{step.mailbox} keeps its name: there is a mailbox {step.to} again"] += 1
            return None
        if step.kind is StepKind.DELETE_MAILBOX:
            leaving = sum(
                any(one.kind in {StepKind.MOVE, StepKind.DELETE} for one in message.steps)
                for plan in plans
                if plan.mailbox == step.mailbox
                for message in plan.messages
            )
            staying = ((await self._store.status(step.mailbox)).messages or 0) - leaving
            if staying > 0:
                holds = f"{staying} other message{'s' if staying > 1 else ''}"
                self._cannot[f"{step.account}/{step.mailbox} holds {holds}, so it stays"] += 1
                return None
        if step.kind in READABLE - SUBSCRIPTIONS and is_there and not self._is_to_be_set_back(step):
            return None
        return step

    def _is_to_be_set_back(self, step: MailboxStep) -> bool:
        thing = Thing(step.kind, step.mailbox, step.identifier)
        what = f"{step.identifier} of {step.account}/{step.mailbox}"
        if step.kind is StepKind.SETACL:
            what = f"the rights of {step.identifier} to {step.account}/{step.mailbox}"
        now = self._readings[thing]
        if isinstance(now, Unread):
            self._cannot[f"{what}: {now.error}"] += 1
            return False
        if is_as_wanted(thing, now.value, step.rights):
            return False
        if is_as_wanted(thing, now.value, step.was):
            return True
        self._cannot[f"{what}: somebody changed it since to {now.value or 'nothing'!r}, so it stays"] += 1
        return False

    async def _find(self, mailbox: str, *, uidvalidity: int) -> MailboxStatus | None:
        """The mailbox opened to read, under its name or the one that somebody gave it; None if it is gone."""
        status = await self._examine(mailbox) if mailbox in self._names else None
        if status is not None and status.uidvalidity == uidvalidity:
            return status
        renamed = await self._renamed(mailbox, uidvalidity=uidvalidity)
        return await self._examine(renamed) if renamed else status

    async def _renamed(self, mailbox: str, *, uidvalidity: int) -> str:
        """The one other mailbox with this UIDVALIDITY, "" where there is none or several."""
        if self._by_uidvalidity is None:
            self._by_uidvalidity = {}
            for name in sorted(self._names):
                try:
                    status = await self._store.status(name)
                except CommandRefused:
                    continue
                self._by_uidvalidity.setdefault(status.uidvalidity, []).append(name)
        others = [name for name in self._by_uidvalidity.get(uidvalidity, ()) if name != mailbox]
        return others[0] if len(others) == 1 else ""

    async def _examine(self, mailbox: str) -> MailboxStatus | None:
        try:
            return await self._store.examine(mailbox)
        except CommandRefused:
            return None

    async def _identified(self, plan: MailboxPlan, status: MailboxStatus) -> list[MessagePlan]:
        """The messages under their new UIDs; what cannot be told for certain is listed."""
        found: defaultdict[Identity, list[UID]] = defaultdict(list)
        for facts in await self._store.fetch(IDENTITY_REQUEST):
            for identity in identities_of_facts(facts):
                found[identity].append(facts.uid)
        identified: dict[UID, MessagePlan] = {}
        lost: list[MessagePlan] = []
        for message in plan.messages:
            candidates = next((found[one] for one in identities_of_intent(message) if one in found), [])
            if len(candidates) == 1 and candidates[0] not in identified:
                identified[candidates[0]] = replace(message, uid=candidates[0])
            else:
                lost.append(message)
        if lost:
            reason = (
                f"UIDVALIDITY was {plan.uidvalidity} and is {status.uidvalidity}, and the message cannot be told again"
            )
            self._list(plan, lost, reason)
        return list(identified.values())

    async def _explain_gone(self, plan: MailboxPlan, gone: Sequence[MessagePlan]) -> None:
        if not gone:
            return
        ours = await self._journal.moves_on(plan.account, plan.mailbox, uidvalidity=plan.uidvalidity)
        for message in gone:
            run, target = ours.get(message.uid, ("", ""))
            reason = (
                f"run {run} moved it on to {target}; take that run back first"
                if run
                else "it is no longer there: somebody moved or removed it since"
            )
            self._list(plan, [message], reason)

    async def _check_message(self, plan: MailboxPlan, message: MessagePlan, *, flags: frozenset[str]) -> MessagePlan:
        steps = [
            one for step in message.steps if (one := await self._check_message_step(plan, step, flags)) is not None
        ]
        return replace(message, flags=flags, steps=tuple(steps), rules=tuple(dict.fromkeys(one.rule for one in steps)))

    async def _check_message_step(self, plan: MailboxPlan, step: Step, flags: frozenset[str]) -> Step | None:
        present = folded(flags)
        if step.kind is StepKind.ADD_FLAGS:
            wanted = tuple(flag for flag in step.flags if flag.lower() not in present)
            return replace(step, flags=wanted) if wanted else None
        if step.kind is StepKind.REMOVE_FLAGS:
            wanted = tuple(flag for flag in step.flags if flag.lower() in present)
            return replace(step, flags=wanted) if wanted else None
        if step.account:
            if await self._exists_elsewhere(step):
                return step
            why = f"{step.to} does not exist any more; make it, then undo again"
            self._cannot[f"{step.kind} from {plan.account}/{plan.mailbox}: {why}"] += 1
            return None
        if step.kind in {StepKind.MOVE, StepKind.COPY} and step.to not in self._names | self._to_be_made:
            origin = self._way_back.origins.get((plan.account, step.to), 0)
            renamed = await self._renamed(step.to, uidvalidity=origin) if origin else ""
            if not renamed:
                why = f"{step.to} does not exist any more; make it, then undo again"
                self._cannot[f"{step.kind} from {plan.account}/{plan.mailbox}: {why}"] += 1
                return None
            return replace(step, to=renamed)
        return step

    async def _exists_elsewhere(self, step: Step) -> bool:
        if step.to not in self._is_elsewhere:
            self._is_elsewhere[step.to] = False
            if step.account in self._others:
                try:
                    await self._others[step.account].status(step.to.removeprefix(step.account + "/"))
                except CommandRefused:
                    return False
                self._is_elsewhere[step.to] = True
        return self._is_elsewhere[step.to]

    def _list(self, plan: MailboxPlan, messages: Sequence[MessagePlan], reason: str) -> None:
        for message in messages:
            for kind in dict.fromkeys(_TAKES_BACK[step.kind] for step in message.steps):
                self._cannot[f"{kind} in {plan.account}/{plan.mailbox}: {reason}"] += 1
