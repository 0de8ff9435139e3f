"""How do Gmail's filters (``mailFilters.xml``) become rules? One rule for each filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailrules.exchange.gmail_actions import GmailActions
from mailrules.exchange.gmail_query import QueryError, condition_of, none_of, parse_query, under
from mailrules.exchange.gmail_xml import read_mail_filters
from mailrules.exchange.imported import Exactness, Finding, Imported, ImportedRule, RuleNames, short_name

if TYPE_CHECKING:
    from mailrules.exchange.gmail_query import Query
    from mailrules.exchange.gmail_xml import FilterEntry, Property

_SIZE_WORDS: Final = {"s_sl": "larger", "s_ss": "smaller"}
_SIZE_UNITS: Final = {"s_sb": "", "s_skb": "K", "s_smb": "M"}
_SIZES: Final = ("size", "sizeOperator", "sizeUnit")


def import_gmail(content: bytes) -> Imported:
    """Rules that do what the filters do, with a finding for every property.

    Raises ExchangeError for a file that holds no filters of Gmail.
    """
    names = RuleNames()
    rules: list[ImportedRule] = []
    findings: list[Finding] = []
    for entry in read_mail_filters(content):
        filter_ = _Filter(entry)
        rules.append(filter_.rule(names))
        findings += filter_.findings
    return Imported(rules=tuple(rules), findings=tuple(sorted(findings)))


class _Filter:
    """One filter: its criteria and actions, as far as they are known."""

    def __init__(self, entry: FilterEntry) -> None:
        self._entry = entry
        self._actions = GmailActions()
        self._queries: list[Query] = []
        self._findings: list[Finding] = []
        self._is_whole = True
        self._read()

    @property
    def findings(self) -> list[Finding]:
        return [*self._findings, *self._actions.findings]

    def rule(self, names: RuleNames) -> ImportedRule:
        text = " ".join(query.text for query in self._queries)
        name = names.unique(short_name(text, otherwise=f"gmail line {self._entry.line}"))
        do = self._actions.as_rule_actions()
        if self._is_whole and do:
            try:
                condition = condition_of(self._queries)
            except QueryError as error:
                self._refuse("entry", self._entry.line, str(error))
            else:
                return ImportedRule(
                    name=name,
                    condition=condition,
                    actions=do,
                    stop=False,
                    conflict=self._actions.conflict,
                    source="\n".join(f"left out: {one}" for one in self._actions.refused),
                )
        return ImportedRule(name=name, actions=("keep",), is_enabled=False, source=self._entry.source)

    def _read(self) -> None:
        seen: dict[str, Property] = {}
        for one in self._entry.properties:
            if one.name in seen and one.name != "label":
                self._refuse(one.name, one.line, f"it stands in line {seen[one.name].line} too, and one of them counts")
                continue
            seen[one.name] = one
            self._property(one)
        self._size(seen)
        for one in self._entry.strange:
            self._refuse(one.name, one.line, "Gmail writes no such element")
        if self._is_whole and not self._queries:
            self._refuse("entry", self._entry.line, "a filter without a search would fit all mail")
        elif self._is_whole and not self._actions.as_rule_actions() and not self._actions.refused:
            self._refuse("entry", self._entry.line, "a filter without an action does nothing")

    def _property(self, one: Property) -> None:
        match one.name:
            case "from" | "to" | "subject" | "hasTheWord" | "doesNotHaveTheWord":
                self._search(one)
            case "hasAttachment":
                if one.value == "true":
                    self._queries.append(parse_query("has:attachment"))
                self._exact(one)
            case "excludeChats":
                self._exact(one)  # there are no chats over IMAP
            case "size" | "sizeOperator" | "sizeUnit":
                pass  # see _size
            case "label":
                self._actions.label(one.value, "label", one.line)
            case "forwardTo":
                self._actions.forward(one.value, "forwardTo", one.line)
            case "smartLabelToApply":
                self._actions.category(one.value.removeprefix("^smartlabel_"), "smartLabelToApply", one.line)
            case _:
                self._switch(one)

    def _switch(self, one: Property) -> None:
        """Actions that are done where the value is ``true``."""
        act = {
            "shouldArchive": self._actions.archive,
            "shouldTrash": self._actions.trash,
            "shouldMarkAsRead": self._actions.mark_read,
            "shouldStar": self._actions.star,
            "shouldNeverSpam": self._actions.never_spam,
            "shouldAlwaysMarkAsImportant": self._actions.important,
            "shouldNeverMarkAsImportant": self._actions.not_important,
        }.get(one.name)
        if act is None:
            self._refuse(one.name or "apps:property", one.line, "no such property is known")
        elif one.value == "true":
            act(one.name, one.line)
        elif one.value == "false":
            self._exact(one)
        else:
            self._refuse(one.name, one.line, f"`true` or `false` is expected, not {one.value!r}")

    def _search(self, one: Property) -> None:
        try:
            query = parse_query(one.value)
        except QueryError as error:
            self._refuse(one.name, one.line, str(error))
            return
        match one.name:
            case "hasTheWord":
                self._queries.append(query)
            case "doesNotHaveTheWord":
                self._queries.append(none_of(query))
            case word:
                self._queries.append(under(word, query))
        self._exact(one)

    def _size(self, seen: dict[str, Property]) -> None:
        """A size says something together with its operator and unit; these stand in every filter without one too."""
        found = [seen[name] for name in _SIZES if name in seen]
        if "size" not in seen or seen["size"].value == "0":
            for one in found:
                self._exact(one)
            return
        size = seen["size"]
        word = _SIZE_WORDS.get(seen["sizeOperator"].value) if "sizeOperator" in seen else "larger"
        unit = _SIZE_UNITS.get(seen["sizeUnit"].value) if "sizeUnit" in seen else ""
        if (
            word is None
            or unit is None
            or not size.value.isdecimal()
            or not size.value.isascii()
            or len(size.value) > 12
        ):
            self._refuse("size", size.line, "a number with s_sl or s_ss, and s_sb, s_skb or s_smb, is expected")
            return
        self._queries.append(parse_query(f"{word}:{size.value}{unit}"))
        for one in found:
            self._exact(one)

    def _exact(self, one: Property) -> None:
        self._findings.append(Finding(line=one.line, construct=one.name, exactness=Exactness.EXACT))

    def _refuse(self, construct: str, line: int, why: str) -> None:
        """What is not understood may be a criterion: without it the rule would act on more mail."""
        self._is_whole = False
        self._findings.append(Finding(line=line, construct=construct, exactness=Exactness.REFUSED, how=why))
