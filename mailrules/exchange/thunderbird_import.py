"""How do Thunderbird's filters (``msgFilterRules.dat``) become rules? One rule for each filter."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, Final

from mailrules.exchange.decoding import utf8_text
from mailrules.exchange.imported import (
    Exactness,
    Finding,
    Imported,
    ImportedRule,
    Plain,
    RuleNames,
    condition_of_all,
    condition_of_any,
    short_name,
    what_is_lost,
    why_no_address,
)
from mailrules.exchange.thunderbird_conditions import TermRefused, condition_of_term
from mailrules.exchange.thunderbird_file import ConditionError, read_condition, read_filter_file
from mailrules.exchange.thunderbird_folder import FolderError, folder_of
from mailrules.rules.flags import is_keyword
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.exchange.thunderbird_file import Attribute, FilterText

_INCOMING: Final = 0x01 | 0x20
"""When new mail comes: before and after Thunderbird looks for junk (nsMsgFilterType)."""
_MANUAL: Final = 0x10
_OTHERS: Final = {0x02: "scripts", 0x04: "news", 0x08: "scripts", 0x40: "mail that is sent", 0x80: "archived mail"}
_PERIODIC: Final = 0x100
_WITH_VALUE: Final = frozenset({"Move to folder", "Copy to folder", "AddTag", "Label", "Forward", "JunkScore"})
_REFUSED: Final = {
    "Change priority": "servers do not know priorities",
    "Ignore thread": "write it with `thread` and a keyword by hand",
    "Ignore subthread": "write it with `thread` and a keyword by hand",
    "Watch thread": "write it with `thread` and a keyword by hand",
    "Reply": "the template lies in Thunderbird; write it as `reply` by hand, where its text and its limits are seen",
    "Delete from Pop3 server": "this is about POP3",
    "Leave on Pop3 server": "this is about POP3",
    "Fetch body from Pop3Server": "this is about POP3",
}
_ENDING: Final = frozenset({"Move to folder", "Delete", "Stop execution"})
_OF_ACTION: Final = frozenset({"action", "actionValue", "customId"})
_ONCE: Final = frozenset({"name", "enabled", "description", "type", "condition"})


def import_thunderbird(content: bytes) -> Imported:
    """Rules that do what the filters do, with a finding for every attribute and every term.

    Raises ExchangeError for what is no such file.
    """
    file = read_filter_file(utf8_text(content, format_name="msgFilterRules.dat"))
    findings = [Finding(line=one.line, construct=one.name, exactness=Exactness.EXACT) for one in file.head]
    server, notice = _own_server(file.filters)
    findings += notice
    names = RuleNames()
    rules = []
    for text in file.filters:
        filter_ = _Filter(text, own_server=server)
        rules.append(filter_.rule(names))
        findings += filter_.findings
    return Imported(rules=tuple(rules), findings=tuple(sorted(findings)))


def _own_server(filters: tuple[FilterText, ...]) -> tuple[str, list[Finding]]:
    """The server that most folders are on: a file of filters belongs to an account, and does not name it."""
    found: Counter[str] = Counter()
    lines: dict[str, int] = {}
    for text in filters:
        for one in text.attributes:
            if one.name == "actionValue" and one.value.startswith("imap://"):
                try:
                    server = folder_of(one.value).server
                except FolderError:
                    continue  # told where the action is read
                found[server] += 1
                lines.setdefault(server, one.line)
    if len(found) < 2:
        return next(iter(found), ""), []
    own = found.most_common(1)[0][0]
    how = f"folders are on several servers, and {own} is taken for the account's own"
    return own, [Finding(line=lines[own], construct="actionValue", exactness=Exactness.APPROXIMATED, how=how)]


@dataclass(slots=True)
class _Doing:
    """What the actions of one filter become."""

    plain: list[Plain] = field(default_factory=list)
    end: Plain | None = None
    stops: bool = False
    left_out: list[str] = field(default_factory=list)


class _Filter:
    """One filter, read as far as it is understood."""

    def __init__(self, text: FilterText, *, own_server: str) -> None:
        self.findings: list[Finding] = []
        self._text, self._own_server = text, own_server
        self._is_whole = True
        self._is_enabled = True
        self._doing = _Doing()
        self._condition: Plain | None = None
        self._description = ""
        self._read()

    def rule(self, names: RuleNames) -> ImportedRule:
        wanted = short_name(self._text.attributes[0].value, otherwise=f"thunderbird line {self._text.line}")
        name = names.unique(wanted)
        doing = self._doing
        actions = [*doing.plain, *([doing.end] if doing.end is not None else [])]
        if self._is_whole and not actions and doing.stops:
            actions = ["keep"]  # `Stop execution` alone
        if not self._is_whole or self._condition is None or not actions:
            if any(one.name == "action" and one.value in _ENDING for one in self._text.attributes) and self._is_enabled:
                self.findings.append(what_is_lost(self._text.line, "the filters behind it"))
            return ImportedRule(name=name, actions=("keep",), is_enabled=False, source=self._text.source)
        ends = doing.end is not None or actions == ["keep"]
        return ImportedRule(
            name=name,
            condition=self._condition,
            actions=tuple(actions),
            stop=True if doing.stops and not ends else None,
            is_enabled=self._is_enabled,
            source="\n".join([*self._description.splitlines(), *(f"left out: {one}" for one in doing.left_out)]),
        )

    def _read(self) -> None:
        attributes = self._text.attributes
        seen: dict[str, int] = {}
        for index, one in enumerate(attributes):
            if one.name in _ONCE and one.name in seen:
                self._refuse(one, one.name, f"it stands in line {seen[one.name]} too, and one of them counts")
                continue
            seen[one.name] = one.line
            match one.name:
                case "name":
                    self._note(one)
                case "enabled":
                    self._is_enabled = one.value == "yes"
                    self._note(one)
                case "description":
                    self._description = one.value
                    self._note(one)
                case "type":
                    self._type(one)
                case "action":
                    values = _values_behind(attributes, index)
                    self._action(one, values)
                case "actionValue" | "customId" if attributes[index - 1].name in _OF_ACTION:
                    pass  # see the action before it
                case "condition":
                    self._terms(one)
                case _:
                    self._refuse(one, one.name, "no such attribute is known")
        for name in ("type", "condition", "action"):
            if name not in seen:
                self._refuse(attributes[0], "filter", f"it has no {name}")

    def _type(self, one: Attribute) -> None:
        kind = int(one.value) if one.value.isascii() and one.value.isdecimal() and len(one.value) < 6 else -1
        others = sorted({what for bit, what in _OTHERS.items() if kind > 0 and kind & bit})
        if kind <= 0 or (others and not kind & _INCOMING):
            self._refuse(one, "type", f"it is for {' and '.join(others) or 'nothing that is known'}, not for new mail")
            return
        differences = [f"it is for {what} too, which rules do not see" for what in others]
        if not kind & _INCOMING:
            self._is_enabled = False
            differences.append("it runs by hand or now and then only, so the rule is disabled; give it `events`")
        elif kind & _PERIODIC:
            differences.append("it runs now and then too; give it `events` for that")
        self._note(one, how="; ".join(differences))

    def _terms(self, one: Attribute) -> None:
        try:
            joiner, terms = read_condition(one.value)
        except ConditionError as error:
            self._refuse(one, "condition", str(error))
            return
        parts: list[Plain] = []
        for term in terms:
            construct = f'"{term.attribute}"' if term.is_header else term.attribute
            try:
                translated = condition_of_term(term)
            except TermRefused as refused:
                self._refuse(one, construct, str(refused))
                continue
            parts.append(translated.condition)
            self._note(one, construct=construct, how=translated.how)
        if not terms:
            self._condition = "always"
            self._note(one)
        elif parts:
            self._condition = condition_of_all(parts) if joiner == "all" else condition_of_any(parts)

    def _action(self, one: Attribute, values: dict[str, Attribute]) -> None:
        value = values["actionValue"].value if "actionValue" in values else ""
        doing = self._doing
        if one.value in _WITH_VALUE and not value:
            self._refuse(one, one.value, "it needs an actionValue behind it")
            return
        match one.value:
            case "Move to folder" | "Copy to folder":
                self._file(one, value)
            case "Delete":
                self._end(one, "trash", how="the message goes to the trash, however the account deletes in Thunderbird")
            case "Mark read":
                self._mark(one, {"flag": "seen"})
            case "Mark unread":
                self._mark(one, {"unflag": "seen"})
            case "Mark flagged":
                self._mark(one, {"flag": "flagged"})
            case "AddTag" if is_keyword(value):
                self._mark(one, {"keyword": value})
            case "Label" if value in set("12345"):
                self._mark(one, {"keyword": f"$label{value}"})
            case "Forward" if not why_no_address(value):
                how = "`forward` sends a new message, and has to be allowed in the main file"
                self._mark(one, {"forward": {"to": value}}, how=how)
            case "JunkScore" if value in {"0", "100"}:
                how = "Thunderbird would learn from it too"
                words = ("keyword", "unkeyword") if value == "100" else ("unkeyword", "keyword")
                self._mark(one, {words[0]: "$Junk"}, how=how)
                doing.plain.append({words[1]: "$NotJunk"})
            case "Stop execution":
                doing.stops = True
                self._note(one, construct=one.value)
            case known if known in _REFUSED:
                doing.left_out.append(f"{known} {value}".strip())
                self._note_refused(one, known, _REFUSED[known])
            case "Custom":
                what = values["customId"].value if "customId" in values else "without a name"
                self._refuse(one, "Custom", f"the add-on's action {what} is not known")
            case _ if one.value in _WITH_VALUE:
                self._refuse(one, one.value, f"its value {value!r} cannot be used")
            case _:
                self._refuse(one, one.value or "action", "no such action is known")

    def _file(self, one: Attribute, address: str) -> None:
        try:
            folder = folder_of(address)
        except FolderError as error:
            self._refuse(one, one.value, str(error))
            return
        if folder.server != self._own_server:
            self._refuse(
                one, one.value, f"{folder.server} is another account; write the name that it has here, and `/`"
            )
            return
        name = folder.mailbox.replace("{", "{{").replace("}", "}}")
        if one.value == "Copy to folder":
            self._mark(one, {"copy": name})
        else:
            self._end(one, {"move": name})

    def _mark(self, one: Attribute, action: Plain, *, how: str = "") -> None:
        if action not in self._doing.plain:
            self._doing.plain.append(action)
        self._note(one, construct=one.value, how=how)

    def _end(self, one: Attribute, action: Plain, *, how: str = "") -> None:
        if self._doing.end is not None:
            self._refuse(one, one.value, "the message has gone elsewhere by an action before it")
            return
        self._doing.end = action
        self._note(one, construct=one.value, how=how)

    def _note(self, one: Attribute, *, construct: str = "", how: str = "") -> None:
        exactness = Exactness.APPROXIMATED if how else Exactness.EXACT
        self.findings.append(Finding(line=one.line, construct=construct or one.name, exactness=exactness, how=how))

    def _note_refused(self, one: Attribute, construct: str, why: str) -> None:
        self.findings.append(Finding(line=one.line, construct=construct, exactness=Exactness.REFUSED, how=why))

    def _refuse(self, one: Attribute, construct: str, why: str) -> None:
        """Without it the rule would do something else, so the filter is kept with its source."""
        self._is_whole = False
        self._note_refused(one, construct, why)


def _values_behind(attributes: list[Attribute], index: int) -> dict[str, Attribute]:
    """The attributes that belong to the action before them."""
    found: dict[str, Attribute] = {}
    for one in attributes[index + 1 :]:
        if one.name not in {"actionValue", "customId"}:
            break
        found.setdefault(one.name, one)
    return found
