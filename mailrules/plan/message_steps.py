"""Which steps one message gets: the actions of the rules that hold, in order of execution.

Flags first (the last writer in rule order wins for each flag), then copies, then effects, then at
most one disposition (rule-language, meaning 7). What is already so is left out (meaning 9).
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from mailrules.plan import actions
from mailrules.plan.conflicts import Disposition, resolve
from mailrules.plan.history import LedgerKey
from mailrules.plan.notes import filled, note_id
from mailrules.plan.past_moves import MOVES_A_DAY, came_back, is_restless
from mailrules.plan.plan import Finding, Step, StepKind
from mailrules.rules.flags import is_keyword
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mailrules.mailbox.message import UID
    from mailrules.plan.directory import Directory
    from mailrules.plan.history import History
    from mailrules.plan.past_moves import PastMove
    from mailrules.plan.values import Renderer
    from mailrules.plan.verdicts import Acting
    from mailrules.rules.conditions import Origin
    from mailrules.rules.rule import Rule


class _FlagWish(NamedTuple):
    flag: str
    is_added: bool
    rule: str


@dataclass(slots=True, kw_only=True)
class MessageDraft:
    """What is collected for one row before it becomes a ``MessagePlan``."""

    uid: UID
    row: int
    flags: frozenset[str]
    content_key: str = ""
    names: tuple[str, ...] = ()
    """The names under which the ledger may know it, the content key first; none if no step is remembered."""
    past_moves: Sequence[PastMove] = ()
    taken_back: frozenset[str] = frozenset()
    """Flags with ``+`` or ``-`` before them that a person took back while our command was in doubt."""
    received: datetime | None = None
    labels: frozenset[str] | None = None
    """None where the server has no labels."""
    origin: Origin | None = None
    ambiguity: str = ""
    """What is ambiguous in its header, looked at where an action would throw it away."""
    steps: list[Step] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    done_before: list[Step] = field(default_factory=list)
    """Copies and effects that the ledger has."""
    held: bool = False


def destroys(value: object) -> bool:
    """Whether an action throws its message away, be it by way of the trash."""
    return isinstance(value, actions.Delete | actions.Expire | actions.MoveToSpecialUse) and value.destroys


class StepBuilder:
    """Builds the steps of messages of one mailbox."""

    def __init__(
        self, *, mailbox: str, directory: Directory, renderer: Renderer, history: History, now: datetime
    ) -> None:
        self._mailbox, self._directory, self._renderer, self._history = mailbox, directory, renderer, history
        self._now = now

    def build(self, draft: MessageDraft, acts: Sequence[tuple[Acting, str]]) -> None:
        """Fill the draft from the acting branches, each with its reason, in rule order."""
        flags: dict[str, _FlagWish] = {}
        copies: dict[str, Step] = {}
        effects: list[Step] = []
        dispositions: list[Disposition] = []
        for acting, reason in acts:
            barred = acting.barred != 0 and bool(acting.barred >> draft.row & 1)
            for use in acting.branch.actions:
                match use.value:
                    case actions.AddFlags(flags=names) | actions.RemoveFlags(flags=names) as mark:
                        is_added = isinstance(mark, actions.AddFlags)
                        for name in names:
                            flags[name.lower()] = _FlagWish(name, is_added, acting.rule.name)
                    case actions.SetLabels() as labels if draft.labels is None:
                        flags.update(self._keyword_wishes(draft, labels, acting.rule))
                    case actions.SetLabels() as labels:
                        self._add_labels(draft, labels, acting.rule, reason, copies)
                    case actions.CopyTo() as copy:
                        self._add_copy(draft, copy, acting, reason, copies)
                    case actions.AppendNote() as note:
                        self._add_note(draft, note, acting, reason, copies)
                    case actions.Effect() as effect:
                        effects += self._effect_step(draft, effect, acting.rule, reason)
                    case value if value.disposes and barred:
                        self._hold(draft, acting.rule, "an earlier rule could not be judged for this message")
                    case value if draft.ambiguity and destroys(value) and not acting.rule.tests_ambiguity:
                        cure = "it is not thrown away by a rule that does not ask for `ambiguous`"
                        self._hold(draft, acting.rule, f"the message is ambiguous ({draft.ambiguity}); {cure}")
                    case value if value.disposes:
                        self._add_disposition(draft, value, acting, reason, dispositions)
                    case _:
                        continue  # mailbox actions become mailbox steps
        reasons = {acting.rule.name: reason for acting, reason in acts}
        self._finish(draft, self._flag_steps(draft, flags, reasons), copies, effects, dispositions)

    def _finish(
        self,
        draft: MessageDraft,
        flag_steps: list[Step],
        copies: dict[str, Step],
        effects: list[Step],
        dispositions: list[Disposition],
    ) -> None:
        # What is held stays: the move of a message whose copy has no target would lose the copy for good.
        resolution = resolve([] if draft.held else dispositions)
        if resolution.held_by:
            self._find(draft, "held", resolution.held_by, "two rules dispose of this message (conflict: error)")
            draft.held = True
            return
        for passed in resolution.shadowed:
            self._find(draft, "shadowed", passed.rule, "another rule's disposition comes first")
        for fanned in resolution.copies:
            if fanned.step is not None:
                step = Step(
                    kind=StepKind.COPY,
                    rule=fanned.rule,
                    reason=fanned.step.reason,
                    to=fanned.step.to,
                    account=fanned.step.account,
                    create=fanned.step.create,
                )
                if not self._is_done(draft, step):
                    copies.setdefault(step.to, step)
        last = [resolution.step] if resolution.step else []
        draft.steps = [*flag_steps, *copies.values(), *effects, *last]

    def _flag_steps(self, draft: MessageDraft, wishes: dict[str, _FlagWish], reasons: dict[str, str]) -> list[Step]:
        present = {flag.lower() for flag in draft.flags}
        groups: dict[tuple[str, bool], list[str]] = {}
        for name, wish in wishes.items():
            is_taken_back = f"{'+' if wish.is_added else '-'}{name}" in draft.taken_back
            if (name in present) != wish.is_added and not is_taken_back:
                groups.setdefault((wish.rule, wish.is_added), []).append(wish.flag)
        return [
            Step(
                kind=StepKind.ADD_FLAGS if is_added else StepKind.REMOVE_FLAGS,
                rule=rule,
                reason=reasons[rule],
                flags=tuple(sorted(names)),
            )
            for (rule, is_added), names in groups.items()
        ]

    def _keyword_wishes(self, draft: MessageDraft, wanted: actions.SetLabels, rule: Rule) -> dict[str, _FlagWish]:
        """Labels as keywords, for a server that has none."""
        unusable = [label for label in wanted.labels if not is_keyword(label)]
        if unusable:
            self._hold(draft, rule, f"this server has no labels, and no keyword can be called {unusable[0]!r}")
        return {
            label.lower(): _FlagWish(flag=label, is_added=wanted.are_added, rule=rule.name)
            for label in wanted.labels
            if label not in unusable
        }

    def _add_labels(
        self, draft: MessageDraft, wanted: actions.SetLabels, rule: Rule, reason: str, copies: dict[str, Step]
    ) -> None:
        """At Gmail a label is a mailbox: a copy into it sets the label, and the message stays one."""
        present = {label.removeprefix("\\").casefold() for label in draft.labels or ()}
        for label in wanted.labels:
            if (label.casefold() in present) == wanted.are_added:
                continue
            if not wanted.are_added:
                self._hold(draft, rule, f"Gmail's label {label!r} cannot be taken away by a rule; take it away there")
                continue
            name = self._directory.server_name(label)
            # Gmail's labels have no case, as its mailboxes then have.
            to = next((one for one in self._directory.mailboxes if one.casefold() == name.casefold()), name)
            create = not self._directory.exists(to)
            if to != self._mailbox:
                copies.setdefault(to, Step(kind=StepKind.COPY, rule=rule.name, reason=reason, to=to, create=create))

    def _add_copy(
        self, draft: MessageDraft, copy: actions.CopyTo, acting: Acting, reason: str, copies: dict[str, Step]
    ) -> None:
        to = self._renderer.name(copy.to, rule=acting.rule, row=draft.row)
        step = Step(
            kind=StepKind.COPY,
            rule=acting.rule.name,
            reason=reason,
            to=to,
            account=self._directory.other_account(to),
            create=copy.create and not self._directory.exists(to),
        )
        if to == self._mailbox or to in copies or self._is_done(draft, step):
            return
        if self._refuses_target(draft, acting.rule, to, create=copy.create):
            return
        copies[to] = step

    def _add_note(
        self, draft: MessageDraft, note: actions.AppendNote, acting: Acting, reason: str, copies: dict[str, Step]
    ) -> None:
        """It stands among the copies: one for each rule and mailbox, before the message itself goes anywhere."""
        to = self._renderer.name(note.to, rule=acting.rule, row=draft.row)
        values = self._renderer.values_of(draft.row)
        message_id = note_id(draft.content_key, acting.rule.name, self._directory.account, to)
        step = Step(
            kind=StepKind.APPEND,
            rule=acting.rule.name,
            reason=reason,
            to=to,
            create=note.create and not self._directory.exists(to),
            options={
                "message_id": message_id,
                "subject": filled(note.subject.text, values),
                "text": filled(note.text.text, values),
                "date": (draft.received or self._now).isoformat(),
                "flags": list(note.flags),
            },
        )
        if self._is_done(draft, step) or self._refuses_target(draft, acting.rule, to, create=note.create):
            return
        copies.setdefault(message_id, step)

    def _add_disposition(
        self, draft: MessageDraft, value: object, acting: Acting, reason: str, dispositions: list[Disposition]
    ) -> None:
        rule = acting.rule
        step: Step | None
        match value:
            case actions.MoveTo(to=target, create=create):
                to = self._renderer.name(target, rule=rule, row=draft.row)
                step = self._move_step(draft, rule, to, reason, create=create)
            case actions.MoveToSpecialUse(use=use):
                to = self._directory.special(use)
                if not to:
                    cure = f"no {use} mailbox found; name it under accounts.{self._directory.account}.{use}"
                    self._hold(draft, rule, cure)
                    return
                step = self._move_step(draft, rule, to, reason, create=False)
            case actions.Snooze(to=target):
                to = self._renderer.name(target, rule=rule, row=draft.row)
                step = self._move_step(draft, rule, to, reason, create=True)
            case actions.MoveBack():
                # Its condition holds for messages of which we know the origin.
                to = draft.origin.mailbox if draft.origin else self._mailbox
                step = self._move_step(draft, rule, to, reason, create=False)
            case actions.Hold(reason=why):
                self._hold(draft, rule, why or "the rule holds it; move it yourself, or change the rule")
                return
            case actions.Expire(after=after):
                if draft.received is None:
                    self._hold(draft, rule, "when the server got it cannot be read, so it does not expire")
                    return
                is_over = self._now - draft.received > after
                step = self._deletion(draft, rule, reason) if is_over else None
            case actions.Delete():
                step = self._deletion(draft, rule, reason)
            case _:
                step = None
        dispositions.append(Disposition(rule=rule.name, conflict=rule.conflict, step=step))

    def _deletion(self, draft: MessageDraft, rule: Rule, reason: str) -> Step | None:
        if "+\\deleted" in draft.taken_back:
            self._find(draft, "moved_back", rule.name, "somebody took \\Deleted away while it was being deleted")
            return None
        return Step(kind=StepKind.DELETE, rule=rule.name, reason=reason, reversible=False)

    def _move_step(self, draft: MessageDraft, rule: Rule, to: str, reason: str, *, create: bool) -> Step | None:
        if to == self._mailbox or self._refuses_target(draft, rule, to, create=create):
            return None
        if draft.past_moves and self._makes_loop(draft, rule):
            return None
        return Step(
            kind=StepKind.MOVE,
            rule=rule.name,
            reason=reason,
            to=to,
            account=self._directory.other_account(to),
            create=create and not self._directory.exists(to),
        )

    def _makes_loop(self, draft: MessageDraft, rule: Rule) -> bool:
        """Whether the message is better left where it is, because of where it has been (meaning 10)."""
        account = self._directory.account
        back = came_back(draft.past_moves, rule=rule.name, account=account, mailbox=self._mailbox)
        if back is not None:
            reason = f"this rule moved it on {back.moved:%Y-%m-%d %H:%M} UTC, and somebody put it back"
            self._find(draft, "moved_back", rule.name, reason)
            return True
        if is_restless(draft.past_moves, now=self._now):
            self._hold(draft, rule, f"it was moved {MOVES_A_DAY} times within a day; see `mailrules history`")
            return True
        return False

    def _effect_step(self, draft: MessageDraft, effect: actions.Effect, rule: Rule, reason: str) -> list[Step]:
        step = Step(
            kind=StepKind.EFFECT,
            rule=rule.name,
            reason=reason,
            effect=effect.name,
            to=effect.target,
            options=effect.options,
            reversible=False,
        )
        if not self._is_done(draft, step):
            return [step]
        if any(ledger_key(name, step) in self._history.unsettled for name in draft.names):
            # What disposes of a message waits for everything before it (rule-language, meaning 7).
            beyond = f"{effect.name} to {effect.target}" if effect.target else effect.name
            self._hold(draft, rule, f"its {beyond} is not settled yet; see: mailrules unknown")
        return []

    def _is_done(self, draft: MessageDraft, step: Step) -> bool:
        if not any(ledger_key(name, step) in self._history.ledger for name in draft.names):
            return False
        draft.done_before.append(step)
        return True

    def _refuses_target(self, draft: MessageDraft, rule: Rule, to: str, *, create: bool) -> bool:
        if create or self._directory.exists(to):
            return False
        self._hold(draft, rule, f"mailbox {to!r} does not exist; make it, or write create: true")
        return True

    def _hold(self, draft: MessageDraft, rule: Rule, reason: str) -> None:
        """The message may be marked, but stays and is judged again."""
        self._find(draft, "held", rule.name, reason)
        draft.held = True

    @staticmethod
    def _find(draft: MessageDraft, kind: str, rule: str, reason: str) -> None:
        draft.findings.append(Finding(uid=draft.uid, rule=rule, kind=kind, reason=reason))


def moves(value: object) -> bool:
    """Whether an action takes the message to another mailbox."""
    return isinstance(value, actions.MoveTo | actions.MoveToSpecialUse | actions.Snooze | actions.MoveBack)


def ledger_key(name: str, step: Step) -> LedgerKey:
    """The key under which a copy or an effect is remembered as done (rule-language, meaning 9)."""
    return LedgerKey(name, step.rule, step.effect or str(step.kind), step.to)
