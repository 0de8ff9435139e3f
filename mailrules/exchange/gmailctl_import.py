"""How does a configuration of gmailctl, as JSON (v1alpha3), become rules, and its tests examples?

gmailctl's own file is Jsonnet; ``jsonnet config.jsonnet`` and ``gmailctl download`` print what is read here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailrules.exchange.decoding import utf8_text
from mailrules.exchange.gmail_actions import GmailActions
from mailrules.exchange.gmail_query import QueryError, condition_of
from mailrules.exchange.gmailctl_filter import FilterError, query_of, read_filter
from mailrules.exchange.gmailctl_tests import KnownRule, examples_of
from mailrules.exchange.imported import (
    Exactness,
    ExchangeError,
    Finding,
    Imported,
    ImportedRule,
    RuleNames,
    short_name,
)
from mailrules.exchange.json_source import read_json
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.exchange.gmailctl_filter import FilterNode
    from mailrules.exchange.sourced import Sourced

VERSION: Final = "v1alpha3"
MAX_RULES: Final = 10_000
_KEYS: Final = ("version", "author", "labels", "rules", "tests")


def import_gmailctl(content: bytes) -> Imported:
    """Rules, and examples for its tests, with a finding for every part of the configuration.

    Raises ExchangeError for what is no such configuration.
    """
    source = read_json(utf8_text(content, format_name="JSON"))
    version = source.entries.get("version")
    if version is None or "rules" not in source.entries:
        raise ExchangeError("this is no configuration of gmailctl: it has no `version` or no `rules`", line=source.line)
    if version.value != VERSION:
        cure = "bring it up to date with gmailctl-config-migrate"
        raise ExchangeError(f"version {version.text or version.kind}, and {VERSION} is read; {cure}", line=version.line)
    return _Configuration(source).imported()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    rule: ImportedRule
    known: KnownRule


class _Configuration:
    """Reads the parts in order, and gathers what is found."""

    def __init__(self, source: Sourced) -> None:
        self._source = source
        self._findings: list[Finding] = []
        self._names = RuleNames()

    def imported(self) -> Imported:
        entries = self._source.entries
        for key, one in entries.items():
            if key not in _KEYS:
                self._note(one, key, Exactness.REFUSED, "no such part of a configuration is known")
            elif key in {"version", "author"}:
                self._note(one, key)
        self._labels(entries.get("labels"))
        read = [self._rule(one) for one in self._list("rules")]
        examples, findings = examples_of(self._list("tests"), [one.known for one in read])
        return Imported(
            rules=tuple(one.rule for one in read),
            findings=tuple(sorted([*self._findings, *findings])),
            examples=examples,
        )

    def _list(self, key: str) -> list[Sourced]:
        one = self._source.entries.get(key)
        if one is None or one.value is None:
            return []
        if not isinstance(one.value, list):
            raise ExchangeError(f"`{key}` is {one.kind}, and a list is expected", line=one.line)
        if len(one.value) > MAX_RULES:
            raise ExchangeError(f"over {MAX_RULES:,} {key}; divide the file", line=one.line)
        return one.value

    def _labels(self, source: Sourced | None) -> None:
        for one in source.items if source else ():
            name = one.entries.get("name")
            if name is None or not name.text:
                self._note(one, "labels", Exactness.REFUSED, "this label has no name")
                continue
            self._note(one, "labels")  # a rule that sets it makes it
            if "color" in one.entries:
                how = "colours are left as they are at Gmail; IMAP does not know them"
                self._note(one.entries["color"], "color", Exactness.APPROXIMATED, how)

    def _rule(self, source: Sourced) -> _Read:
        actions = GmailActions()
        node: FilterNode | None = None
        is_read = False
        name = f"gmailctl line {source.line}"
        try:
            self._read_actions(source, actions)
            node = read_filter(self._part(source, "filter"))
            query = query_of(node)
            name = short_name(query.text, otherwise=name)
            condition = condition_of([query])
            if not actions.as_rule_actions() and not actions.refused:
                raise FilterError("actions", "a rule without actions does nothing", line=source.line)
        except FilterError as refused:
            self._findings.append(_refusal(refused.line, refused.construct, refused.why))
        except QueryError as error:
            self._findings.append(_refusal(node.line if node else source.line, "filter", str(error)))
        else:
            is_read = True
            self._note_filter(node)
            self._findings += actions.findings
            if do := actions.as_rule_actions():
                rule = ImportedRule(
                    name=self._names.unique(name),
                    condition=condition,
                    actions=do,
                    stop=False,
                    conflict=actions.conflict,
                    source="\n".join(f"left out: {one}" for one in actions.refused),
                )
                return _Read(rule=rule, known=KnownRule(rule=rule, node=node))
        rule = ImportedRule(name=self._names.unique(name), actions=("keep",), is_enabled=False, source=source.as_json())
        return _Read(rule=rule, known=KnownRule(rule=rule, node=node if is_read else None))

    def _part(self, source: Sourced, key: str) -> Sourced:
        for name, one in source.entries.items():
            if name not in {"filter", "actions"}:
                raise FilterError(name, "no such part of a rule is known", line=one.line)
        if key not in source.entries:
            raise FilterError("rules", f"this rule has no `{key}`", line=source.line)
        return source.entries[key]

    def _read_actions(self, source: Sourced, actions: GmailActions) -> None:
        """Raises FilterError for an action that is not understood."""
        for name, one in self._part(source, "actions").entries.items():
            if one.value is None or one.value == "" or (one.value is False and not name.startswith("mark")):
                continue
            match name, one.value:
                case "archive", True:
                    actions.archive(name, one.line)
                case "delete", True:
                    actions.trash(name, one.line)
                case "markRead", bool():
                    if one.value:
                        actions.mark_read(name, one.line)
                case "star", True:
                    actions.star(name, one.line)
                case "markSpam", False:
                    actions.never_spam(name, one.line)
                case "markSpam", True:
                    raise FilterError(name, "Gmail lets no filter send mail to spam", line=one.line)
                case "markImportant", True:
                    actions.important(name, one.line)
                case "markImportant", False:
                    actions.not_important(name, one.line)
                case "category", str():
                    actions.category(one.text, name, one.line)
                case "forward", str():
                    actions.forward(one.text, name, one.line)
                case "labels", list():
                    for label in one.items:
                        actions.label(label.text, "labels", label.line)
                case _:
                    raise FilterError(name, f"it is not known with {one.kind}", line=one.line)

    def _note_filter(self, node: FilterNode) -> None:
        self._findings.append(Finding(line=node.line, construct=node.word, exactness=Exactness.EXACT))
        for part in node.parts:
            self._note_filter(part)

    def _note(self, source: Sourced, construct: str, exactness: Exactness = Exactness.EXACT, how: str = "") -> None:
        self._findings.append(Finding(line=source.line, construct=construct, exactness=exactness, how=how))


def _refusal(line: int, construct: str, why: str) -> Finding:
    return Finding(line=line, construct=construct, exactness=Exactness.REFUSED, how=why)
