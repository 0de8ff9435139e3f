"""Which rules can be a Sieve script, and how does it read?

A script files what arrives in INBOX. It does for each message exactly what the exported rules do, in their order; a
rule that Sieve cannot say exactly is refused, and so is every rule whose outcome hangs on a refused one.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final

from mailrules.exchange.exported import Exported, ExportFinding, NotExact
from mailrules.exchange.imported import Exactness
from mailrules.exchange.sieve_export_conditions import TestWriter
from mailrules.exchange.sieve_writing import (
    INDENT,
    all_of,
    comment,
    is_writable,
    one_line,
    quoted,
    require,
    string_list,
)
from mailrules.plan import actions
from mailrules.rules.address_tests import AddressTest
from mailrules.rules.conditions import leaves
from mailrules.rules.exclusion import exclude_each_other
from mailrules.rules.formula import certain_claims
from mailrules.rules.rule import Conflict
from mailrules.rules.surrounding_tests import SnoozeOverTest
from mailrules.rules.text_tests import AnywhereTest, BodyTest, TextTest
from mailrules.rules.value_tests import FlagTest, MailboxTest, SizeTest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from mailrules.diagnostics import Location
    from mailrules.rules.rule import ActionUse, Branch, Rule
    from mailrules.rules.templates import Template
    from mailrules.settings import AccountSettings

MAX_SCRIPT_CHARACTERS: Final = 900_000
"""Pigeonhole takes a megabyte."""
_ALWAYS_KNOWN: Final = (TextTest, AddressTest, SizeTest, BodyTest, AnywhereTest, FlagTest, MailboxTest)
_WHY_NOT: Final = {
    "trash": "a message with an ambiguous header stays here, which a script cannot tell; move it to a mailbox by name",
    "delete": "a script has no limits for deleting",
    "hold": "a script has nobody to report to",
    "label": "a script does not know labels",
    "unlabel": "a script does not know labels",
    "forward": "`redirect` sends the message on as it is, without the limits of the outbox",
    "reply": "`vacation` answers by rules of its own",
    "notify": "servers notify in their own ways",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SieveTarget:
    """Where the script will run: for which account, and with what the server puts between levels of a mailbox."""

    account: AccountSettings
    accounts: Collection[str]
    """The names of all accounts: a mailbox that begins with one is in that account."""
    separator: str = "/"


def export_sieve(rules: Sequence[Rule], target: SieveTarget, *, chosen: Collection[str] = ()) -> Exported:
    """The script, with a finding for each rule.

    With ``chosen`` the script does what these rules would do by themselves, else what all rules do together. Rules of
    other accounts have no part in it.
    """
    writer = _Script(target)
    findings: list[ExportFinding] = []
    for rule in rules:
        if (chosen and rule.name not in chosen) or not _is_of(rule, target.account.name):
            continue
        try:
            writer.add(rule, alone=bool(chosen))
        except NotExact as refused:
            writer.refused.append(rule)
            findings.append(_finding(rule, refused.where, Exactness.REFUSED, refused.why))
        else:
            findings.append(_finding(rule, rule.where, Exactness.EXACT, ""))
    return Exported(text=writer.text(), findings=tuple(findings))


def _is_of(rule: Rule, account: str) -> bool:
    """Whether it is a rule that a person wrote for this account."""
    is_companion = any(isinstance(leaf.test, SnoozeOverTest) for leaf in leaves(rule.condition))
    return not is_companion and any(ref.account == account for ref in rule.mailboxes)


def _finding(rule: Rule, where: Location, exactness: Exactness, how: str) -> ExportFinding:
    return ExportFinding(rule=rule.name, where=where, exactness=exactness, how=how)


@dataclass(slots=True)
class _Doing:
    """What one branch does, in words of Sieve and in mailboxes."""

    flags: list[str] = field(default_factory=list)
    copies: dict[str, str] = field(default_factory=dict)
    """Commands by mailbox."""
    final: str = ""
    filed: str = ""
    """The mailbox that the message is moved to."""
    disposes: bool = False
    extensions: set[str] = field(default_factory=set)

    def commands(self, *, stops: bool) -> list[str]:
        """Flags first: a copy has those that the message has when it is filed (RFC 5232 section 3)."""
        end = ["stop;"] if stops else []
        return [*self.flags, *self.copies.values(), *([self.final] if self.final else []), *end]


class _Script:
    """Writes rules one after the other, and remembers what earlier ones may have done to a message and gone on."""

    def __init__(self, target: SieveTarget) -> None:
        self.refused: list[Rule] = []
        self._target = target
        self._blocks: list[str] = []
        self._length = 0
        self._extensions: set[str] = set()
        self._is_filed = False
        self._disposers: list[Rule] = []
        self._mailboxes: set[str] = set()

    def text(self) -> str:
        head = require(self._extensions)
        return "\n".join([*([head] if head else []), *self._blocks])

    def add(self, rule: Rule, *, alone: bool) -> None:
        """Append a rule. Raises NotExact, and is as before then."""
        self._check_occasion(rule)
        if not alone:
            self._check_earlier(rule)
        tests = TestWriter()
        condition = tests.write(rule.condition, where=rule.where)
        branches = [tests.write(branch.condition, where=branch.where, depth=2) for branch in rule.branches]
        doings = [self._doing(branch) for branch in rule.branches]
        for branch, doing in zip(rule.branches, doings, strict=True):
            self._check_meeting(rule, doing, branch.where)
        stops = [doing.disposes if rule.stop is None else rule.stop for doing in doings]
        commands = [doing.commands(stops=one) for doing, one in zip(doings, stops, strict=True)]
        lines = _lines(condition, branches, commands)
        block = "\n".join([_name_line(rule.name), *lines]) + "\n"
        if self._length + len(block) > MAX_SCRIPT_CHARACTERS:
            raise NotExact(f"with it the script is over {MAX_SCRIPT_CHARACTERS:,} characters", where=rule.where)
        self._length += len(block)
        self._blocks.append(block)
        self._extensions |= tests.extensions.union(*(doing.extensions for doing in doings))
        for doing, one in zip(doings, stops, strict=True):
            if not one:
                self._remember(rule, doing)

    # -- what a rule hangs on --------------------------------------------------------------------

    def _check_occasion(self, rule: Rule) -> None:
        if rule.shadow is not None:
            raise NotExact(
                "it may only report for now, and a script would act; remove `shadow` first", where=rule.where
            )
        for event in rule.events:
            if event.kind != "new":
                raise NotExact("it is due at a time, and a script runs when a message arrives", where=rule.where)
        account = self._target.account.name
        others = [str(ref) for ref in rule.mailboxes if (ref.account, ref.mailbox.upper()) != (account, "INBOX")]
        if others:
            raise NotExact(
                f"it watches {others[0]}, and a script files what arrives in {account}/INBOX", where=rule.where
            )

    def _check_earlier(self, rule: Rule) -> None:
        for earlier in self.refused:
            if _may_take(earlier, account=self._target.account.name) and not _exclude(earlier, rule):
                cure = "choose the rules with --rule to export them without it"
                raise NotExact(
                    f"the rule {earlier.name!r} before it may end the judging, and is refused; {cure}", where=rule.where
                )

    def _check_meeting(self, rule: Rule, doing: _Doing, where: Location) -> None:
        """What earlier rules filed already has its flags, and `fileinto` files wherever it is said."""
        if doing.flags and self._is_filed:
            raise NotExact("what an earlier rule copies or files would lack the flags that this one sets", where=where)
        repeated = (self._mailboxes & {doing.filed, *doing.copies}) - {""}
        if doing.filed in doing.copies or (repeated and (doing.filed or self._disposers)):
            name = doing.filed or min(repeated)
            raise NotExact(f"a server files a message into {name!r} once, and the rules twice", where=where)
        if doing.disposes and self._disposers and rule.conflict is not Conflict.FAN_OUT:
            first = self._disposers[0].name
            raise NotExact(
                f"a script would file what {first!r} files here too; that is `conflict: fan-out`", where=rule.where
            )

    def _remember(self, rule: Rule, doing: _Doing) -> None:
        self._mailboxes |= {doing.filed, *doing.copies} - {""}
        self._is_filed = self._is_filed or doing.disposes or bool(doing.copies)
        if doing.disposes:
            self._disposers.append(rule)

    # -- actions ---------------------------------------------------------------------------------

    def _doing(self, branch: Branch) -> _Doing:
        doing = _Doing()
        for use in branch.actions:
            self._act(use, doing)
            doing.disposes = doing.disposes or use.value.disposes
        return doing

    def _act(self, use: ActionUse, doing: _Doing) -> None:
        match use.value:
            case actions.AddFlags(flags=flags):
                doing.flags.append(f"addflag {string_list(flags)};")
                doing.extensions.add("imap4flags")
            case actions.RemoveFlags(flags=flags):
                doing.flags.append(f"removeflag {string_list(flags)};")
                doing.extensions.add("imap4flags")
            case actions.CopyTo(to=to, create=create):
                mailbox = self._mailbox(to, use.where)
                if mailbox.upper() != "INBOX":
                    doing.copies[mailbox] = _fileinto(mailbox, doing, is_copy=True, creates=create)
            case actions.MoveTo(to=to, create=create):
                self._file(self._mailbox(to, use.where), doing, creates=create)
            case actions.MoveToSpecialUse(use="archive") if self._target.account.archive:
                self._file(self._server_name(self._target.account.archive, use.where), doing, creates=False)
            case actions.MoveToSpecialUse(use="archive"):
                raise NotExact(
                    "the server finds its archive itself; name it under the account's `archive`", where=use.where
                )
            case actions.Keep():
                doing.final = "keep;"
            case _:
                why = _WHY_NOT.get(use.name, "Sieve has nothing that does that")
                raise NotExact(f"`{use.name}` has no exact counterpart: {why}", where=use.where)

    def _file(self, mailbox: str, doing: _Doing, *, creates: bool) -> None:
        if mailbox.upper() == "INBOX":
            doing.final = "keep;"
            return
        doing.final = _fileinto(mailbox, doing, is_copy=False, creates=creates)
        doing.filed = mailbox

    def _mailbox(self, template: Template, where: Location) -> str:
        if not template.is_literal:
            raise NotExact(f"the name {template.text!r} is made of the message", where=where)
        name = template.literal_prefix
        if name.partition("/")[0] in self._target.accounts and "/" in name:
            raise NotExact(f"{name!r} is in another account", where=where)
        return self._server_name(name, where)

    def _server_name(self, name: str, where: Location) -> str:
        separator = self._target.separator
        if not is_writable(name):
            raise NotExact(f"{name!r} has characters that no Sieve string holds", where=where)
        if separator != "/" and separator in name:
            raise NotExact(f"{name!r} holds the server's separator {separator!r} within a level", where=where)
        return name.replace("/", separator)


def _fileinto(mailbox: str, doing: _Doing, *, is_copy: bool, creates: bool) -> str:
    doing.extensions |= {"fileinto", *(["copy"] if is_copy else []), *(["mailbox"] if creates else [])}
    return f"fileinto{' :copy' if is_copy else ''}{' :create' if creates else ''} {quoted(mailbox)};"


def _may_take(rule: Rule, *, account: str) -> bool:
    """Whether later rules may see less mail because of a rule: it stops, or it holds what it cannot judge."""
    if not any(ref.account == account and ref.mailbox.upper() == "INBOX" for ref in rule.mailboxes):
        return False
    if not any(event.kind == "new" for event in rule.events):
        return False
    stops = any(branch.disposes if rule.stop is None else rule.stop for branch in rule.branches)
    disposes = any(branch.disposes for branch in rule.branches)
    nodes = (rule.condition, *(branch.condition for branch in rule.branches))
    may_be_unknowable = any(not isinstance(leaf.test, _ALWAYS_KNOWN) for node in nodes for leaf in leaves(node))
    needs_values = any(
        not one.is_literal for branch in rule.branches for use in branch.actions for one in use.value.targets
    )
    return stops or disposes or ((may_be_unknowable or needs_values) and not rule.skip_if_unknowable)


def _exclude(earlier: Rule, rule: Rule) -> bool:
    claims = [*certain_claims(earlier.condition), *certain_claims(rule.condition)]
    return exclude_each_other(claims, changing_flags=frozenset())


def _lines(condition: str, branches: Sequence[str], commands: Sequence[list[str]]) -> list[str]:
    """A rule as commands: bare, one ``if``, or a chain, in an ``if`` of its own where the rule has a condition too."""
    if len(branches) == 1:
        test = all_of([condition, branches[0]])
        return commands[0] if test == "true" else _if("if", test, commands[0])
    chain: list[str] = []
    for test, doing in zip(branches, commands, strict=True):
        word = "if" if not chain else "else" if test == "true" else "elsif"
        chain += _if(word, test, doing)
        if test == "true":
            break  # no later arm is ever reached, and none may follow an `else`
    return chain if condition == "true" else _if("if", condition, chain)


def _if(word: str, test: str, commands: Sequence[str]) -> list[str]:
    head = word if word == "else" else f"{word} {test}"
    return [*f"{head} {{".split("\n"), *(INDENT + one for one in commands), "}"]


def _name_line(name: str) -> str:
    """In the way of the mail programs that keep names of rules in scripts, so that an import finds it."""
    clean = one_line(name)
    return comment(f"Filter: {clean}" if "]" in clean else f"rule:[{clean}]")
