"""How does a Sieve script become rules?

Sieve (RFC 5228) runs commands one after the other and files a message at the end wherever a command said; our
rules are judged in order, each on the message as it was found. Every run of actions becomes a rule or a branch whose
condition is the way that leads to it, ``stop`` says whether judging goes on, and ``conflict: fan-out`` lets a
message go to several mailboxes, as ``fileinto`` does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.exchange.imported import (
    Exactness,
    ExchangeError,
    Finding,
    Imported,
    ImportedBranch,
    ImportedRule,
    Plain,
    RuleNames,
    condition_of_all,
    negated,
    what_is_lost,
    why_no_address,
)
from mailrules.exchange.sieve_actions import (
    WHY_NOT,
    ActionRun,
    flag_actions,
    short,
    split_flags,
    why_no_flags,
    why_no_mailbox,
    with_encoded_characters,
)
from mailrules.exchange.sieve_conditions import SUPPORTED, Arguments, ConditionReader, Refused
from mailrules.exchange.sieve_syntax import SieveSyntaxError, read_sieve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.exchange.sieve_syntax import SieveCommand

_ACTIONS: Final = frozenset(
    {"keep", "fileinto", "discard", "redirect", "setflag", "addflag", "removeflag", "set"}
)  # fmt: skip
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z0-9_.]+)\}")
_RULE_NAME: Final = re.compile(r"rule:\[(.+?)\]|^Filter:\s*(.+)$", re.MULTILINE)


def import_sieve(text: str) -> Imported:
    """Rules that do what the script does, with a finding for every command and test.

    Raises ExchangeError for a text that is too long to be a script.
    """
    try:
        commands = read_sieve(text)
    except SieveSyntaxError as error:
        raise ExchangeError(str(error), line=error.line) from error
    script = _Script()
    script.block(commands, path=[], is_last=True)
    return Imported(rules=tuple(script.rules), findings=tuple(sorted(script.findings)))


class _Script:
    """Translates commands in order, and remembers what earlier ones may have done to a message."""

    def __init__(self) -> None:
        self.rules: list[ImportedRule] = []
        self.findings: list[Finding] = []
        self._names = RuleNames()
        self._variables: dict[str, str] = {}
        self._extensions: set[str] = set()
        self._may_be_filed = False
        """An earlier rule may have filed or kept the message and let the script go on."""
        self._may_be_copied = False
        self._may_be_discarded = False
        self._set_flags: set[str] = set()

    def block(self, commands: Sequence[SieveCommand], *, path: list[Plain], is_last: bool) -> bool:
        """Translate a block that is reached where all of ``path`` holds; whether the script always ends in it."""
        index = 0
        while index < len(commands):
            start = index
            command = commands[index]
            index += 1
            if command.problem:
                self._refuse(commands[start:index], Refused("syntax", command.problem, line=command.line))
            elif command.name == "require":
                self._require(command)
            elif command.name == "if":
                while index < len(commands) and commands[index].name in {"elsif", "else"}:
                    index += 1
                self._chain(commands[start:index], path=path, is_last=is_last and index == len(commands))
            elif command.name in _ACTIONS or command.name == "stop":
                while command.name != "stop" and index < len(commands) and commands[index].name in {*_ACTIONS, "stop"}:
                    command = commands[index]
                    index += 1
                is_end = is_last and index == len(commands)
                if self._run(commands[start:index], path=path, is_last=is_end):
                    return True
            else:
                why = WHY_NOT.get(command.name, "no such command is known")
                self._refuse(commands[start:index], Refused(command.name, why, line=command.line))
        return False

    def _run(self, commands: Sequence[SieveCommand], *, path: list[Plain], is_last: bool) -> bool:
        try:
            actions = self._actions(commands, is_certain=not path)
        except Refused as refused:
            self._refuse(commands, refused)
            return False
        self._emit(condition_of_all(path), actions, is_last=is_last)
        return actions.stops

    def _chain(self, commands: Sequence[SieveCommand], *, path: list[Plain], is_last: bool) -> None:
        """``if``, ``elsif`` and ``else``: one rule where its branches only act, else a rule for each way."""
        reader = ConditionReader(self._expanded)
        try:
            conditions = [self._condition(reader, one) for one in commands]
        except Refused as refused:
            self._refuse(commands, refused)
            return
        finally:
            self.findings += reader.findings
        blocks = [one.block or () for one in commands]
        if all(one.name in _ACTIONS or one.name == "stop" for block in blocks for one in block) and all(blocks):
            try:
                branches = [
                    self._actions(block, is_certain=False, of=one) for block, one in zip(blocks, commands, strict=True)
                ]
            except Refused as refused:
                self._refuse(commands, refused)
                return
            if self._emit_chain(commands, conditions, branches, path=path, is_last=is_last):
                return
            before: list[Plain] = []
            for condition, actions in zip(conditions, branches, strict=True):
                self._emit(condition_of_all([*path, *before, condition]), actions, is_last=False)
                before.append(negated(condition))
            return
        before = []
        for command, condition, block in zip(commands, conditions, blocks, strict=True):
            self._note(command)
            self.block(block, path=[*path, *before, condition], is_last=False)
            before.append(negated(condition))

    def _condition(self, reader: ConditionReader, command: SieveCommand) -> Plain:
        if command.name == "else":
            return "always"
        if len(command.tests) != 1:
            raise Refused(command.name, "one test is expected", line=command.line)
        return reader.read(command.tests[0])

    def _emit_chain(
        self,
        commands: Sequence[SieveCommand],
        conditions: list[Plain],
        branches: list[ActionRun],
        *,
        path: list[Plain],
        is_last: bool,
    ) -> bool:
        """One rule for the whole chain; False where its branches end the script in different ways."""
        acting = [one for one in branches if one.disposes or one.plain]
        if len(acting) < len(branches):
            return False
        fits = all(one.stops == one.disposes for one in branches)
        stops = {one.stops for one in branches}
        if not (fits or is_last or len(stops) == 1) or len({self._conflict(one) for one in branches}) > 1:
            return False
        if len(branches) == 1:
            self._emit(condition_of_all([*path, conditions[0]]), branches[0], is_last=is_last)
            return True
        arms = [
            ImportedBranch(condition=None if command.name == "else" else condition, actions=actions.as_rule_actions())
            for command, condition, actions in zip(commands, conditions, branches, strict=True)
        ]
        rule = ImportedRule(
            name=self._name(branches[0]),
            condition=condition_of_all(path),
            branches=tuple(arms),
            stop=None if fits or is_last else stops.pop(),
            conflict=self._conflict(branches[0]),
        )
        self.rules.append(rule)
        for one in branches:
            self._remember(one)
        return True

    def _emit(self, condition: Plain, actions: ActionRun, *, is_last: bool) -> None:
        """A rule for one run of actions, if anything would come of it."""
        if not actions.plain and not actions.disposes:
            if not actions.stops or is_last:
                return
            actions.keeps = True  # `stop` alone: the message stays unless it was filed before, which comes first then
            conflict = None
        else:
            conflict = self._conflict(actions)
        stop = None if actions.stops == actions.disposes or is_last else actions.stops
        self.rules.append(
            ImportedRule(
                name=self._name(actions),
                condition=condition,
                actions=actions.as_rule_actions(),
                stop=stop,
                conflict=conflict,
            )
        )
        self._remember(actions)

    def _conflict(self, actions: ActionRun) -> str | None:
        if not (actions.files or actions.keeps):
            return None  # what was filed before is not discarded
        if self._may_be_filed:
            return "fan-out"
        return "last" if self._may_be_discarded else None

    def _remember(self, actions: ActionRun) -> None:
        if actions.stops:
            return
        self._may_be_copied = self._may_be_copied or actions.copies
        self._may_be_filed = self._may_be_filed or bool(actions.files) or actions.keeps
        self._may_be_discarded = self._may_be_discarded or actions.discards

    # -- actions ---------------------------------------------------------------------------------

    def _actions(
        self, commands: Sequence[SieveCommand], *, is_certain: bool, of: SieveCommand | None = None
    ) -> ActionRun:
        head = of or commands[0]
        found = ActionRun(line=head.line, source=head.source, name=_named(head.comment))
        for command in commands:
            if command.tests or command.block is not None:
                raise Refused(command.name, f"`{command.name}` takes neither tests nor a block", line=command.line)
            match command.name:
                case "stop":
                    found.stops = True
                    self._note(command)
                    break
                case "set":
                    self._set(command, is_certain=is_certain)
                case "addflag" | "setflag" | "removeflag":
                    self._flags(command, found)
                case "fileinto":
                    self._fileinto(command, found)
                case "keep":
                    self._keep(command, found)
                case "discard":
                    self._note(command, Exactness.APPROXIMATED, "the message goes to the trash instead of vanishing")
                    found.discards = True
                case _:
                    self._redirect(command, found)
        return found

    def _fileinto(self, command: SieveCommand, found: ActionRun) -> None:
        arguments = Arguments.of(
            command.name, command.line, command.arguments, with_value=frozenset({"flags", "specialuse", "mailboxid"})
        )
        arguments.only("copy", "create", "flags", "specialuse")
        name = self._expanded(arguments.strings(0)[0], command.line).removesuffix("/")
        _object(command, why_no_mailbox(name))
        how = ""
        if "specialuse" in arguments.tags:
            how = "the mailbox is named, not found by its special use"
        if "flags" in arguments.tags:
            how = self._flags_of_one(command, arguments, found) or how
        target: dict[str, Plain] = {"to": name.replace("{", "{{").replace("}", "}}")}
        if "create" in arguments.tags:
            target["create"] = True
        if "copy" in arguments.tags:
            found.plain.append({"copy": short(target)})
            found.copies = True
        elif target not in found.files:
            found.files.append(target)
        self._note(command, Exactness.APPROXIMATED if how else Exactness.EXACT, how)

    def _keep(self, command: SieveCommand, found: ActionRun) -> None:
        arguments = Arguments.of(command.name, command.line, command.arguments, with_value=frozenset({"flags"}))
        arguments.only("flags")
        how = self._flags_of_one(command, arguments, found) if "flags" in arguments.tags else ""
        found.keeps = True
        self._note(command, Exactness.APPROXIMATED if how else Exactness.EXACT, how)

    def _flags_of_one(self, command: SieveCommand, arguments: Arguments, found: ActionRun) -> str:
        """``:flags`` is about one copy; ours mark the message before it is filed. Why that differs, or ""."""
        value = arguments.values.get("flags")
        flags = [self._expanded(flag, command.line) for flag in value] if isinstance(value, tuple) else []
        _object(command, why_no_flags(command.name, split_flags(flags)))
        found.plain += flag_actions("flag", "keyword", split_flags(flags))
        is_alone = not (found.is_filed or self._may_be_filed or self._may_be_copied or self._set_flags)
        return "" if is_alone else "the flags are set on every copy of the message"

    def _flags(self, command: SieveCommand, found: ActionRun) -> None:
        arguments = Arguments.of(command.name, command.line, command.arguments)
        if len(arguments.positional) != 1:
            raise Refused(command.name, "flags in a variable are not known", line=command.line)
        flags = split_flags([self._expanded(flag, command.line) for flag in arguments.strings(0)])
        _object(command, why_no_flags(command.name, flags))
        how = ""
        if found.is_filed or self._may_be_filed or self._may_be_copied:
            how = "the flags are set on what was filed before, too"
        if command.name == "removeflag":
            found.plain += flag_actions("unflag", "unkeyword", flags)
        else:
            if command.name == "setflag":
                others = sorted(self._set_flags - {flag.lower() for flag in flags})
                found.plain += flag_actions("unflag", "unkeyword", others)
            found.plain += flag_actions("flag", "keyword", flags)
            self._set_flags |= {flag.lower() for flag in flags}
        self._note(command, Exactness.APPROXIMATED if how else Exactness.EXACT, how)

    def _redirect(self, command: SieveCommand, found: ActionRun) -> None:
        arguments = Arguments.of(command.name, command.line, command.arguments)
        arguments.only("copy")
        address = self._expanded(arguments.strings(0)[0], command.line)
        _object(command, why_no_address(address))
        found.plain.append({"forward": {"to": address}})
        how = "`forward` sends a new message, and has to be allowed in the main file"
        if "copy" not in arguments.tags:
            found.discards = True
            how += "; the message itself goes to the trash"
        self._note(command, Exactness.APPROXIMATED, how)

    def _set(self, command: SieveCommand, *, is_certain: bool) -> None:
        arguments = Arguments.of(command.name, command.line, command.arguments)
        arguments.only()
        if not is_certain:
            raise Refused("set", "a variable is only known where it is set in any case", line=command.line)
        name = arguments.strings(0)[0].lower()
        self._variables[name] = self._expanded(arguments.strings(1)[0], command.line)
        self._note(command)

    def _require(self, command: SieveCommand) -> None:
        names = {name for argument in command.arguments if isinstance(argument, tuple) for name in argument}
        self._extensions |= names
        self._note(command)
        for name in sorted(names - SUPPORTED):
            how = "what it adds is named where it is used"
            self._note(command, Exactness.APPROXIMATED, how, construct=f"require {name}")

    def _expanded(self, text: str, line: int) -> str:
        """The text with the values of variables (RFC 5229) and encoded characters (RFC 5228 section 2.4.2.4)."""
        if "encoded-character" in self._extensions:
            text = with_encoded_characters(text)
        if "variables" not in self._extensions:
            return text

        def value(match: re.Match[str]) -> str:
            name = match[1].lower()
            if name not in self._variables:
                raise Refused(
                    f"${{{name}}}", "what was matched is not put into names; use a regex with named groups", line=line
                )
            return self._variables[name]

        return _VARIABLE.sub(value, text)

    # -- telling ---------------------------------------------------------------------------------

    def _note(
        self, command: SieveCommand, exactness: Exactness = Exactness.EXACT, how: str = "", *, construct: str = ""
    ) -> None:
        self.findings.append(
            Finding(line=command.line, construct=construct or command.name, exactness=exactness, how=how)
        )

    def _refuse(self, commands: Sequence[SieveCommand], refused: Refused) -> None:
        """Keep the source as a disabled rule, and say what later rules have lost by it."""
        source = "\n".join(one.source for one in commands)
        self.findings.append(
            Finding(line=refused.line, construct=refused.construct, exactness=Exactness.REFUSED, how=refused.why)
        )
        if re.search(r"\b(?:stop|fileinto|discard|keep|redirect|reject|set)\b", source):
            self.findings.append(what_is_lost(refused.line, "the rest of the script"))
        name = self._name(ActionRun(line=commands[0].line, name=_named(commands[0].comment)))
        self.rules.append(ImportedRule(name=name, actions=("keep",), is_enabled=False, source=source))

    def _name(self, actions: ActionRun) -> str:
        return self._names.unique(actions.name or f"sieve line {actions.line}")


def _object(command: SieveCommand, why_not: str) -> None:
    if why_not:
        raise Refused(command.name, why_not, line=command.line)


def _named(comment: str) -> str:
    """The name that mail programs write before a rule: ``# rule:[Name]``, ``## Filter: Name``."""
    found = _RULE_NAME.search(comment)
    return "" if found is None else (found[1] or found[2]).strip()
