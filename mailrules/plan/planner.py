"""The pure heart: from a mailbox's facts and the rules to a plan, asking for facts as it goes.

A planner holds one mailbox. The caller drives it: fetch what ``next_need`` names, ``add`` the
answer, until it names nothing more; then ``finish``. It does no input or output itself.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.mailbox.message import RECEIVED, SIZE, FactRequest, header_fact
from mailrules.mailbox.rows import rows_of
from mailrules.plan.actions import AppendNote, CopyTo, Effect
from mailrules.plan.facts import Need, facts_asked, next_need
from mailrules.plan.history import Remembered, asks_for_senders
from mailrules.plan.identity import (
    CONTENT_FIELDS,
    content_key,
    lasting_names,
    object_name,
    place_name,
    snapshot_hash,
)
from mailrules.plan.mailbox_steps import mailbox_steps, wanted_rights, wanted_settings
from mailrules.plan.message_steps import MessageDraft, StepBuilder, destroys, ledger_key, moves
from mailrules.plan.past_moves import MessageIdentity
from mailrules.plan.plan import PENDING_KINDS, Finding, MailboxPlan, MessagePlan
from mailrules.plan.renames import rename_steps
from mailrules.plan.values import Renderer
from mailrules.plan.verdicts import Verdicts, decide
from mailrules.rules.ambiguity_tests import ambiguities
from mailrules.rules.compiler import Judge
from mailrules.rules.conditions import All
from mailrules.rules.related_tests import first_messages
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.plan.directory import Directory
    from mailrules.plan.history import History
    from mailrules.plan.mailbox_steps import WantedRights, WantedSetting
    from mailrules.plan.past_moves import PastMove
    from mailrules.plan.plan import MailboxStep
    from mailrules.plan.shadow_planner import ShadowPlanner
    from mailrules.plan.verdicts import Acting
    from mailrules.rules.conditions import Environment, Node
    from mailrules.rules.rule import ActionUse, Rule

IDENTITY_FIELDS = ("message-id",)
"""Read of every message that is acted on, so that recovery and history can name it."""

DISPLAY_FIELDS = ("message-id", "subject", "from")
"""Read instead where a person will look at the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Messages that were not read, since the server's search finds them outside of what any rule can act on.

    Unless ``are_judged``, there is no position yet up to which they were judged before, and none is made.
    """

    messages: int = 0
    search: str = ""
    are_judged: bool = True


class MailboxPlanner:
    """Plans one mailbox by the rules that watch it."""

    def __init__(
        self,
        rules: Sequence[Rule],
        snapshot: Snapshot,
        *,
        directory: Directory,
        environment: Environment,
        history: History,
        describe_fields: Sequence[str] = IDENTITY_FIELDS,
        judged: Collection[UID] | None = None,
    ) -> None:
        """``judged`` are the messages to judge, None for all; the others are there for conditions that relate them."""
        self.left_out = LeftOut()
        """What the caller did not put into the snapshot, to be counted in the plan."""
        self.in_shadow: ShadowPlanner | None = None
        """Who has judged by the rules in shadow, where there are any."""
        self.shadow_left_out = ""
        """Why nobody has, or not of all messages, where that went wrong."""
        self._settled: MailboxPlan | None = None
        self._rules = tuple(rules)
        self._snapshot = snapshot
        self._rows = snapshot.all_rows if judged is None else snapshot.mask_of_uids(judged)
        self._directory = directory
        self._history = history
        self._now = environment.now
        self._origins = environment.origins_in(snapshot)
        place = (snapshot.account, snapshot.mailbox, snapshot.status.uidvalidity)
        self._taken_back = history.taken_back.get(place, {})
        self._past_moves: Mapping[MessageIdentity, Sequence[PastMove]] = {}
        self._describe_fields = tuple(describe_fields)
        nodes = [node for rule in rules for node in (rule.condition, *(arm.condition for arm in rule.branches))]
        self._judge = Judge(snapshot, environment, nodes)
        self._renderer = Renderer(judge=self._judge, snapshot=snapshot, directory=directory)
        self._gone = 0
        self._unread: dict[UID, str] = {}
        self._last_need = Need(rows=0)
        self._hashes: dict[frozenset[str], str] = {}
        self._verdicts = self._decide()

    @property
    def acting(self) -> tuple[Acting, ...]:
        """The branches that act, in rule order, with their rows; final once nothing is needed."""
        return tuple(self._verdicts.acting)

    @property
    def acted_on(self) -> int:
        """The rows that some branch acts on."""
        rows = 0
        for acting in self._verdicts.acting:
            rows |= acting.rows
        return rows & ~self._gone

    @property
    def uids(self) -> tuple[UID, ...]:
        """The messages that were there to be judged, those that could not be read included."""
        return tuple(sorted({*self._snapshot.uids, *self._unread}))

    def mailbox_steps(self) -> tuple[MailboxStep, ...]:
        """Mailboxes to make and to subscribe, as the acting rules say."""
        return mailbox_steps(self.acting, directory=self._directory, renderer=self._renderer)

    def renames(self) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
        """Mailboxes that get another name, and warnings for those that cannot."""
        return rename_steps(self.acting, directory=self._directory)

    def wanted_rights(self) -> tuple[WantedRights, ...]:
        """The rights that the acting rules declare; compare them with GETACL by ``rights_steps``."""
        return wanted_rights(self.acting, directory=self._directory)

    def wanted_settings(self) -> tuple[WantedSetting, ...]:
        """The metadata and the quotas that the acting rules declare."""
        return wanted_settings(self.acting, directory=self._directory)

    def next_need(self) -> Need | None:
        """What to fetch next: facts that decide, then what identifies the messages acted on."""
        need = next_need(self._verdicts.wanted, self._verdicts.ahead, also_header_fields=self._describe_fields)
        if need is None:
            need = self._need_to_describe()
        self._last_need = need or Need(rows=0)
        return need

    def added(self) -> None:
        """The snapshot has taken in the answer to the last need. Rows left unanswered are gone."""
        newly_gone = self._last_need.rows & ~self._answered(self._last_need)
        self._judge.refresh()
        if newly_gone or self._verdicts.open:  # else only the messages to act on were described
            self._gone |= newly_gone
            self._verdicts = self._decide()

    def leave_unread(self, reasons: Mapping[UID, str]) -> None:
        """These messages are there and could not be read: no rule knows them, and they are judged again."""
        self._unread.update(reasons)

    def moving(self) -> tuple[str, ...]:
        """The Message-IDs of the messages that a rule may move, each once; call when ``next_need`` is None."""
        rows = 0
        for acting in self._verdicts.acting:
            if any(moves(use.value) for use in acting.branch.actions):
                rows |= acting.rows
        ids = (self._snapshot.header_value("message-id", row) for row in rows_of(rows & ~self._gone))
        return tuple(dict.fromkeys(ids))

    def remember(self, past_moves: Mapping[MessageIdentity, Sequence[PastMove]]) -> None:
        """Take notice of what was done to the messages that ``moving`` named."""
        self._past_moves = past_moves

    def finish(self) -> MailboxPlan:
        """The plan of this mailbox. Call when ``next_need`` is None."""
        plan = self._settled or self._finish()
        shadow = () if self.in_shadow is None else self.in_shadow.effects()
        return replace(plan, shadow=shadow, shadow_left_out=self.shadow_left_out)

    def settle(self) -> None:
        """Make the plan now, so that no fact that comes into the snapshot later changes anything of it."""
        self._settled = self._finish()

    def _finish(self) -> MailboxPlan:
        acts = self._acts_by_row()
        reasons = {id(one): self._judge.reasons(self._whole_condition(one), one.rows) for one in self.acting}
        builder = self._builder()
        messages, held, findings = [], self._verdicts.unsettled, list(self._verdicts.findings)
        findings += [
            Finding(uid=uid, rule="", kind="unknowable", reason=f"the message cannot be read: {reason}")
            for uid, reason in sorted(self._unread.items())
        ]
        held_rows: list[int] = []
        remembered: list[Remembered] = []
        ambiguous = ambiguities(self._snapshot, self._rows_acted_on(lambda use: destroys(use.value)))
        kept_in_mind = self._rows_acted_on(lambda use: isinstance(use.value, CopyTo | Effect | AppendNote))
        for row in sorted(acts):
            draft = self._draft(row, ambiguity=ambiguous.get(row, ""), is_kept_in_mind=row in kept_in_mind)
            builder.build(draft, [(acting, reasons[id(acting)](row)) for acting in acts[row]])
            findings += draft.findings
            remembered += self._remembered(draft)
            if draft.held:
                held_rows.append(row)
            if draft.steps:
                messages.append(self._message_plan(draft))
        held |= self._snapshot.mask_of(held_rows)
        final = self._rows & ~held & ~self._gone
        return MailboxPlan(
            account=self._snapshot.account,
            mailbox=self._snapshot.mailbox,
            uidvalidity=self._snapshot.status.uidvalidity,
            highest_modseq=self._snapshot.status.highest_modseq,
            messages=tuple(messages),
            judged=(self._rows & ~self._gone).bit_count() + self.left_out.messages,
            left_out=self.left_out.messages,
            search=self.left_out.search,
            moves_position=self.left_out.are_judged,
            findings=tuple(map(self._named, findings)),
            final_uids=tuple(self._snapshot.uids[row] for row in rows_of(final)),
            senders=self._new_senders(),
            remembered=tuple(remembered),
        )

    def _named(self, finding: Finding) -> Finding:
        """With the names by which a message that is judged again is found in another UIDVALIDITY."""
        snapshot = self._snapshot
        if finding.kind not in PENDING_KINDS or finding.uid in self._unread:
            return finding
        row = snapshot.row_of(finding.uid)
        received = snapshot.received[row]
        names = lasting_names(
            object_id=snapshot.object_ids[row],
            message_id=snapshot.header_value("message-id", row),
            # Without its Message-ID it would be taken for another message that has none.
            received=received if isinstance(received, datetime) and self._knows_message_id(row) else None,
            size_bytes=snapshot.size_bytes[row],
        )
        return replace(finding, names=names)

    def _knows_message_id(self, row: int) -> bool:
        return bool(self._snapshot.known(header_fact("message-id")) >> row & 1)

    def _builder(self) -> StepBuilder:
        return StepBuilder(
            mailbox=self._snapshot.mailbox,
            directory=self._directory,
            renderer=self._renderer,
            history=self._history,
            now=self._now,
        )

    def _new_senders(self) -> tuple[tuple[str, str], ...]:
        """The senders of this mailbox that are to be noted in the journal, where a rule asks for first mail."""
        if not asks_for_senders(self._rules):
            return ()
        known, renewed = self._history.senders, self._history.senders_to_renew
        found = ((one.sender, one.message) for one in first_messages(self._snapshot))
        return tuple(one for one in found if one[0] not in known or one[0] in renewed)

    def _decide(self) -> Verdicts:
        return decide(
            self._rules,
            judge=self._judge,
            snapshot=self._snapshot,
            missing_values=self._renderer.missing_values,
            rows=self._rows & ~self._gone,
        )

    def _need_to_describe(self) -> Need | None:
        acted_on = self.acted_on
        snapshot = self._snapshot
        lacking = [
            name for name in self._describe_fields if acted_on & ~snapshot.known(header_fact(name)) & ~self._gone
        ]
        lacks_size = acted_on & ~snapshot.known(SIZE) & ~self._gone
        lacks_received = acted_on & ~snapshot.known(RECEIVED) & ~self._gone
        rows = lacks_size | lacks_received
        for name in lacking:
            rows |= acted_on & ~snapshot.known(header_fact(name)) & ~self._gone
        if not rows:
            return None
        request = FactRequest(size=bool(lacks_size), received=bool(lacks_received), header_fields=tuple(lacking))
        return Need(rows=rows, request=request)

    def _answered(self, need: Need) -> int:
        """The rows for which everything that was asked is now known."""
        answered = self._snapshot.all_rows
        for fact in facts_asked(need):
            answered &= self._snapshot.known(fact)
        return answered

    def _acts_by_row(self) -> dict[int, list[Acting]]:
        acts: dict[int, list[Acting]] = defaultdict(list)
        for acting in self._verdicts.acting:
            for row in rows_of(acting.rows & ~self._gone):
                acts[row].append(acting)
        return acts

    def _rows_acted_on(self, wanted: Callable[[ActionUse], bool]) -> frozenset[int]:
        """The rows with an action of this kind."""
        rows = 0
        for acting in self._verdicts.acting:
            if any(map(wanted, acting.branch.actions)):
                rows |= acting.rows
        return frozenset(rows_of(rows))

    def _draft(self, row: int, *, ambiguity: str, is_kept_in_mind: bool) -> MessageDraft:
        """``is_kept_in_mind``: the ledger remembers what is done with the message."""
        snapshot = self._snapshot
        draft = MessageDraft(uid=snapshot.uids[row], row=row, flags=snapshot.flags[row] or frozenset())
        draft.ambiguity = ambiguity
        received = snapshot.received[row]
        draft.received = received if isinstance(received, datetime) else None
        draft.origin = self._origins.get(draft.uid)
        labels = snapshot.labels[row]
        draft.labels = labels if isinstance(labels, frozenset) else None
        draft.taken_back = self._taken_back.get(draft.uid, frozenset())
        if self._past_moves:
            draft.past_moves = self._past_moves.get(self._identity(row), ())
        if is_kept_in_mind:
            draft.names = self._names(row)
            draft.content_key = draft.names[0]
        return draft

    def _names(self, row: int) -> tuple[str, ...]:
        """How the ledger knows the message: by what it says of itself, by the server's name for it, by its place.

        The first one is its key: a message that says nothing of itself goes by the next best.
        """
        snapshot = self._snapshot
        message_id, date, from_, first_hops = (snapshot.raw_header(name, row) for name in CONTENT_FIELDS)
        received = snapshot.received[row]
        names = (
            content_key(message_id=message_id, date=date, from_=from_, received=first_hops),
            object_name(account=snapshot.account, object_id=snapshot.object_ids[row]),
            place_name(
                account=snapshot.account,
                mailbox=snapshot.status.mailbox,
                uidvalidity=snapshot.status.uidvalidity,
                uid=snapshot.uids[row],
                received=received if isinstance(received, datetime) else None,
                size_bytes=snapshot.size_bytes[row] or 0,
            ),
        )
        return tuple(name for name in names if name)

    def _remembered(self, draft: MessageDraft) -> Iterator[Remembered]:
        for step in draft.done_before:
            _, rule, action, target = ledger_key("", step)
            place = (self._snapshot.account, self._snapshot.mailbox, self._snapshot.status.uidvalidity, draft.uid)
            yield Remembered(draft.names, rule, action, target, *place)

    def _identity(self, row: int) -> MessageIdentity:
        received = self._snapshot.received[row]
        return MessageIdentity(
            message_id=self._snapshot.header_value("message-id", row),
            size_bytes=self._snapshot.size_bytes[row] or 0,
            received=received if isinstance(received, datetime) else None,
        )

    def _hash_of(self, flags: frozenset[str]) -> str:
        if flags not in self._hashes:
            self._hashes[flags] = snapshot_hash(flags)
        return self._hashes[flags]

    def _message_plan(self, draft: MessageDraft) -> MessagePlan:
        snapshot, row = self._snapshot, draft.row
        received = snapshot.received[row]
        message_id, subject, from_ = [snapshot.header_value(name, row) for name in DISPLAY_FIELDS]
        return MessagePlan(
            uid=draft.uid,
            rules=tuple(dict.fromkeys(step.rule for step in draft.steps)),
            steps=tuple(draft.steps),
            message_id=message_id,
            subject=subject,
            from_=from_,
            modseq=snapshot.modseq[row],
            snapshot=self._hash_of(draft.flags),
            content_key=draft.content_key,
            object_id=snapshot.object_ids[row],
            received=received if isinstance(received, datetime) else None,
            size_bytes=snapshot.size_bytes[row] or 0,
            flags=draft.flags,
        )

    @staticmethod
    def _whole_condition(acting: Acting) -> Node:
        """What was true for the branch to act: the rule's condition, and its own."""
        return All(parts=(acting.rule.condition, acting.branch.condition))
