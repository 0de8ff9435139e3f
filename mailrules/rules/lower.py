"""How one rule's text becomes a ``Rule``: its mailboxes, condition, branches, actions and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from mailrules.rules.ambiguity_tests import AmbiguousTest
from mailrules.rules.conditions import All, Always, Node, leaves
from mailrules.rules.offers import offers
from mailrules.rules.reads import captures_of, flags_read
from mailrules.rules.reporter import did_you_mean
from mailrules.rules.rule import ActionUse, Branch, Conflict, Event, Guard, LateAction, MailboxRef, Rule, Shadow
from mailrules.rules.schema import BranchModel, RuleModel
from mailrules.rules.validation import validated
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mailrules.rules.lower_conditions import ConditionLowering
    from mailrules.rules.meaning import Meanings
    from mailrules.rules.registry import CompileContext, Registry
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.schema import DefaultsModel, EventModel
    from mailrules.rules.source import SourceValue

V = TypeVar("V")

ACTIONS_NOT_YET: frozenset[str] = frozenset()
"""Words of the rule language that this version does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleLowering:
    """Compiles rules one by one; every mistake in a rule is reported, whatever else is wrong in it."""

    accounts: Collection[str]
    defaults: DefaultsModel
    default_mailboxes: tuple[MailboxRef, ...] | None
    """What ``defaults.in`` names; None where it is not written."""
    registry: Registry
    context: CompileContext
    conditions: ConditionLowering
    reporter: Reporter
    meanings: Meanings
    """What rules do, for those that only report as long as they are new."""

    def rule(self, source: SourceValue) -> Rule | None:
        self.conditions.rules_named.clear()
        model = validated(RuleModel, source, self.reporter, what="a rule")
        condition = self._condition(source)
        branches = self._branches(source, condition)
        if model is None:
            return None
        mailboxes = self._mailboxes(model, source)
        if condition is None or branches is None:
            return None
        self._check_rules_named(mailboxes, is_in_shadow=bool(model.shadow))
        defaults = self.defaults
        guard = _first(model.guard, defaults.guard)
        tree = [condition, *(branch.condition for branch in branches)]
        rule = Rule(
            name=model.name,
            where=source.mapping["name"].at,
            mailboxes=mailboxes,
            condition=condition,
            branches=branches,
            events=tuple(_event(one) for one in _first(model.events, defaults.events) or ["new"]),
            stop=model.stop,
            skip_if_unknowable=_first(model.if_unknowable, defaults.if_unknowable) == "skip",
            # A rule that has reported for a while needs no other preview, unless that is asked for.
            first_run_acts=(_first(model.first_run, defaults.first_run) or ("act" if model.shadow else "")) == "act",
            shadow=Shadow(lasts=model.shadow, digest=self.meanings.digest(source)) if model.shadow else None,
            conflict=Conflict(_first(model.conflict, defaults.conflict) or "first"),
            guard=Guard(max_messages=guard.max_messages, per=guard.per) if guard else Guard(),
            may_loop=model.may_loop,
            is_enabled=model.enabled,
            tests_ambiguity=any(isinstance(leaf.test, AmbiguousTest) for node in tree for leaf in leaves(node)),
            sees_deleted=any("\\deleted" in flags_read(node) for node in tree),
        )
        self._check_schedule(rule)
        if rule.is_enabled:
            self.conditions.add_rule(rule)
        return rule

    def _check_schedule(self, rule: Rule) -> None:
        late = [
            use
            for branch in rule.branches
            for use in branch.actions
            if offers(use.value, LateAction) and use.value.acts_late
        ]
        if late and all(event.kind == "new" for event in rule.events):
            message = f"{late[0].name} acts on old mail, and this rule is due for new mail only"
            self.reporter.error(late[0].where, message, cure='add events: [{at: "03:20"}]')

    def _check_rules_named(self, mailboxes: Collection[MailboxRef], *, is_in_shadow: bool) -> None:
        """A rule that does not look at a mailbox matches nothing there, which is hardly what is meant."""
        for earlier, where in self.conditions.rules_named:
            if earlier.shadow and not is_in_shadow:
                message = f'the rule "{earlier.name}" only reports at first, and matched_by holds all the same'
                self.reporter.notice(where, message, cure="give this rule a shadow too, if it relies on what that does")
            unwatched = [str(ref) for ref in mailboxes if ref not in earlier.mailboxes]
            if unwatched:
                message = (
                    f'the rule "{earlier.name}" does not watch {", ".join(unwatched)}, so it matches nothing there'
                )
                self.reporter.error(where, message, cure="give both rules the same mailboxes")

    def _condition(self, source: SourceValue) -> Node | None:
        entries = source.mapping
        if "if" in entries:
            return self.conditions.compile(entries["if"])
        if "choose" not in entries and not _has_unknown_keys(source):
            self.reporter.error(source.at, "a rule lacks its condition", cure="add if: ..., or if: always")
            return None
        return Always()

    def _branches(self, source: SourceValue, condition: Node | None) -> tuple[Branch, ...] | None:
        entries = source.mapping
        if "do" in entries and "choose" in entries:
            where = source.key_at("do")
            self.reporter.error(where, "a rule has do or choose, not both", cure="move do into a branch of choose")
        if "choose" in entries:
            return self._choose(entries["choose"], condition)
        if "do" not in entries:
            if not _has_unknown_keys(source):
                self.reporter.error(source.at, "a rule lacks its actions", cure="add do: [...] or choose: [...]")
            return None
        actions = self._actions(entries["do"])
        if actions is None:
            return None
        branch = Branch(condition=Always(), actions=actions, where=source.at)
        self._check_captures(condition, branch)
        return (branch,)

    def _choose(self, source: SourceValue, condition: Node | None) -> tuple[Branch, ...] | None:
        if not source.is_list:
            return None
        if not source.items:
            self.reporter.error(source.at, "choose has no branch", cure="add - {if: ..., do: [...]}")
            return None
        branches = [
            self._branch(item, condition, is_last=index == len(source.items) - 1)
            for index, item in enumerate(source.items)
        ]
        if any(branch is None for branch in branches):
            return None
        return tuple(branch for branch in branches if branch is not None)

    def _branch(self, source: SourceValue, rule_condition: Node | None, *, is_last: bool) -> Branch | None:
        model = validated(BranchModel, source, self.reporter, what="a branch")
        entries = source.mapping
        condition: Node | None = None
        if "if" in entries:
            condition = self.conditions.compile(entries["if"])
        elif "else" in entries:
            condition = Always()
        if entries and ("if" in entries) == ("else" in entries):
            self.reporter.error(source.at, "a branch has either if or else", cure="write if: ..., or else: true")
        if "else" in entries and not is_last:
            where = source.key_at("else")
            self.reporter.error(where, "no branch after else can be reached", cure="move else to the end")
        actions = self._actions(entries["do"]) if "do" in entries else None
        if model is None or condition is None or actions is None:
            return None
        branch = Branch(condition=condition, actions=actions, where=source.at)
        self._check_captures(rule_condition, branch)
        return branch

    def _actions(self, source: SourceValue) -> tuple[ActionUse, ...] | None:
        if not source.is_list or not source.items:
            cure = "write do: [{flag: seen}, {move: Archive}]"
            self.reporter.broken(source.at, f"do is a list of actions, not {source.kind}", cure=cure)
            return None
        compiled = [self._action(item) for item in source.items]
        uses = tuple(use for one in compiled for use in one or ())
        disposing = [use for use in uses if use.value.disposes]
        if len(disposing) > 1:
            second = disposing[1]
            message = f"a message has one destination, and {disposing[0].name} comes before {second.name}"
            self.reporter.error(second.where, message, cure="use copy for the other one")
        return None if any(one is None for one in compiled) else uses

    def _action(self, source: SourceValue) -> tuple[ActionUse, ...] | None:
        if source.is_mapping and len(source.mapping) == 1:
            name, options = next(iter(source.mapping.items()))
        elif isinstance(source.value, str):
            name, options = source.value, None
        else:
            cure = "begin each action with its own dash: - flag: seen"
            self.reporter.error(source.at, f"one action is expected here, not {_amount(source)}", cure=cure)
            return None
        where = source.key_at(name)
        spec = self.registry.actions.get(name)
        if spec is None:
            self._unknown_action(name, source)
            return None
        if options is None:
            # A bare word such as `keep` means `keep: true`.
            options = type(source)(value=True, at=source.at, text="true")
        values = spec.compile(options, self.context)
        return None if values is None else tuple(ActionUse(name=name, value=value, where=where) for value in values)

    def _unknown_action(self, name: str, source: SourceValue) -> None:
        where = source.key_at(name)
        if name in ACTIONS_NOT_YET:
            self.reporter.error(where, f'the action "{name}" is not available in this version', cure="remove it")
        else:
            self.reporter.error(where, f'unknown action "{name}"', cure=did_you_mean(name, self.registry.actions))

    def _check_captures(self, condition: Node | None, branch: Branch) -> None:
        if condition is None:
            return
        known = captures_of(All(parts=(condition, branch.condition)))
        if known is None:
            return
        for use in branch.actions:
            for name in (name for target in use.value.targets for name in target.captures):
                if name not in known:
                    message = f'no regex of this rule captures "{name}"'
                    cure = did_you_mean(name, known) or f"add (?P<{name}>...) to a regex that is not under not or none"
                    self.reporter.error(use.where, message, cure=cure)

    def _mailboxes(self, model: RuleModel, source: SourceValue) -> tuple[MailboxRef, ...]:
        if model.in_ is None:
            if self.default_mailboxes is None:
                cure = "add in: [home/INBOX] here or under defaults"
                self.reporter.error(source.at, f'the rule "{model.name}" names no mailbox', cure=cure)
            return self.default_mailboxes or ()
        check_mailboxes(source.mapping["in"], accounts=self.accounts, reporter=self.reporter)
        return mailbox_refs(model.in_, accounts=self.accounts)


def _first(written: V | None, otherwise: V | None) -> V | None:
    return otherwise if written is None else written


def mailbox_refs(written: Iterable[str], *, accounts: Collection[str]) -> tuple[MailboxRef, ...]:
    """``account/mailbox`` texts as references, the wrong ones left out."""
    pairs = (one.partition("/") for one in written)
    return tuple(
        MailboxRef(account=name, mailbox=mailbox) for name, _, mailbox in pairs if name in accounts and mailbox
    )


def check_mailboxes(source: SourceValue, *, accounts: Collection[str], reporter: Reporter) -> None:
    """Report every text under ``in`` that names no mailbox of a known account."""
    for item in source.items:
        if not isinstance(item.value, str):
            continue
        account, slash, mailbox = item.value.partition("/")
        if account not in accounts and accounts:
            first = next(iter(accounts))
            cure = did_you_mean(account, accounts) if slash else f"write account/mailbox: {first}/{item.value}"
            reporter.error(item.at, f'there is no account "{account}"', cure=cure)
        elif account not in accounts:
            reporter.error(item.at, f'there is no account "{account}"', cure="add it under accounts")
        elif not mailbox:
            reporter.error(item.at, f'"{item.value}" names no mailbox', cure=f"write {account}/INBOX")
        elif set(mailbox) & set("*%"):
            reporter.error(item.at, f'"{item.value}" is a pattern, and in takes names', cure="list the mailboxes")


def _has_unknown_keys(source: SourceValue) -> bool:
    """Whether a key that seems to be missing may be there, misspelt, which is told on its own."""
    known = {field.alias or name for name, field in RuleModel.model_fields.items()}
    return not source.mapping.keys() <= known or not source.is_mapping


def _event(model: EventModel | str) -> Event:
    if isinstance(model, str):
        return Event(kind="new")
    return Event(kind="at", at=model.at) if model.at else Event(kind="every", every=model.every)


def _amount(source: SourceValue) -> str:
    return f"{len(source.mapping)} in one entry" if source.is_mapping else source.kind
