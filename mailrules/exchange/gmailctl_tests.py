"""How do the tests in a configuration of gmailctl become our examples?

gmailctl decides by itself, without Gmail, which rules fit a test's message. An example tells the same with
``found_by``: the searches that find the message, as gmailctl judges them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailrules.exchange.gmail_actions import IMPORTANT
from mailrules.exchange.gmail_query import parse_query
from mailrules.exchange.gmailctl_filter import FilterError, TestMessage, finds, query_of
from mailrules.exchange.imported import Exactness, Finding, ImportedExample, ImportedRule, RuleNames, short_name
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mailrules.exchange.gmailctl_filter import FilterNode
    from mailrules.exchange.imported import Plain
    from mailrules.exchange.sourced import Sourced

MAX_JUDGEMENTS: Final = 300_000
"""How often a search is held against a message of a test, in all."""
_TEXTS: Final = {"from": "from", "subject": "subject", "body": "body"}
_LISTS: Final = {"to": "to", "cc": "cc", "bcc": "bcc", "replyto": "reply_to", "lists": "lists"}
_UNTESTED: Final = ("forward", "category", "markSpam")
_ACTIONS: Final = frozenset({
    "archive", "delete", "markRead", "star", "markImportant", "labels", *_UNTESTED,
})  # fmt: skip
_SEEN: Final[Plain] = {"flag": "seen"}
_STARRED: Final[Plain] = {"flag": "flagged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRule:
    """A rule with its filter; ``node`` None where that cannot be read. A rule may be disabled for its actions."""

    rule: ImportedRule
    node: FilterNode | None


def examples_of(
    sources: Iterable[Sourced], rules: Sequence[KnownRule]
) -> tuple[tuple[ImportedExample, ...], list[Finding]]:
    """An example for each message of each test, with a finding for each test."""
    examples: list[ImportedExample] = []
    findings: list[Finding] = []
    judges = _Judges(rules)
    for number, source in enumerate(sources, start=1):
        try:
            made = _test(source, judges, number=number)
        except FilterError as refused:
            construct = refused.construct
            findings.append(
                Finding(line=refused.line, construct=construct, exactness=Exactness.REFUSED, how=refused.why)
            )
            continue
        examples += made
        untested = [name for name in _UNTESTED if name in _entry(source, "actions").entries]
        how = f"{', '.join(untested)}: an example does not look at it" if untested else ""
        exactness = Exactness.APPROXIMATED if untested else Exactness.EXACT
        findings.append(Finding(line=source.line, construct="test", exactness=exactness, how=how))
    return tuple(examples), findings


class _Judges:
    """The rules' searches, each read once; ``left`` is how often one may still be held against a message."""

    def __init__(self, rules: Sequence[KnownRule]) -> None:
        self.rules = rules
        self.names = RuleNames()
        self.left = MAX_JUDGEMENTS
        self.is_known = all(one.node is not None for one in rules)
        self.is_testable = all(one.node.is_testable for one in rules if one.node is not None)
        self._queries = [query_of(one.node) for one in rules if one.node is not None and self.is_testable]
        texts = dict.fromkeys(text for one in rules for text in _searches_in(one.rule.condition))
        self._searches = {text: parse_query(text) for text in texts} if self.is_testable else {}

    def fitting(self, message: TestMessage) -> list[KnownRule]:
        """The rules that fit a message."""
        self.left -= len(self._queries) + len(self._searches)
        return [one for one, query in zip(self.rules, self._queries, strict=True) if finds(query, message)]

    def finding(self, message: TestMessage) -> list[str]:
        """The searches, as the rules' conditions have them, that find a message."""
        return [text for text, query in self._searches.items() if finds(query, message)]


def _test(source: Sourced, judges: _Judges, *, number: int) -> list[ImportedExample]:
    if not judges.is_known:
        raise FilterError("test", "a rule is refused, and the test is about all rules", line=source.line)
    if not judges.is_testable:
        why = "a rule has a `query` or `isEscaped`, and gmailctl cannot test such rules either"
        raise FilterError("test", why, line=source.line)
    for name, one in source.entries.items():
        if name not in {"name", "messages", "actions"}:
            raise FilterError(name, "no such part of a test is known", line=one.line)
    wanted = _wanted(_entry(source, "actions"))
    title = short_name(source.entries["name"].text if "name" in source.entries else "", otherwise=f"gmailctl {number}")
    examples = []
    for one in _entry(source, "messages").items:
        if judges.left <= 0:
            why = f"the tests before it took {MAX_JUDGEMENTS:,} searches already; write it by hand"
            raise FilterError("test", why, line=one.line)
        message, given = _message(one)
        fitting = judges.fitting(message)
        if _done(fitting) != wanted:
            raise FilterError("test", "by gmailctl's own rules this test fails; correct it there first", line=one.line)
        found: list[Plain] = [*judges.finding(message)]
        if found:
            given["found_by"] = found
        expect = wanted.as_expectation(fitting)
        examples.append(ImportedExample(name=judges.names.unique(title), given=given, expect=expect))
    if not examples:
        raise FilterError("messages", "a test without a message tests nothing", line=source.line)
    return examples


def _entry(source: Sourced, key: str) -> Sourced:
    if key not in source.entries:
        raise FilterError("test", f"this test has no `{key}`", line=source.line)
    return source.entries[key]


def _message(source: Sourced) -> tuple[TestMessage, dict[str, Plain]]:
    texts = dict.fromkeys(_TEXTS, "")
    lists: dict[str, tuple[str, ...]] = dict.fromkeys(_LISTS, ())
    for name, one in source.entries.items():
        if name in _TEXTS and isinstance(one.value, str):
            texts[name] = one.value
        elif name in _LISTS and isinstance(one.value, list):
            lists[name] = tuple(item.text for item in one.value if item.text)
        else:
            raise FilterError(name, "no such part of a message is known", line=one.line)
    message = TestMessage(
        from_=texts["from"], to=lists["to"], cc=lists["cc"], bcc=lists["bcc"], reply_to=lists["replyto"],
        lists=lists["lists"], subject=texts["subject"], body=texts["body"],
    )  # fmt: skip
    given: dict[str, Plain] = {_TEXTS[name]: value for name, value in texts.items() if value}
    given |= {_LISTS[name]: list(values) for name, values in lists.items() if values and name != "lists"}
    if lists["lists"]:
        given["headers"] = {"List-Id": [f"<{one}>" for one in lists["lists"]]}
    return message, given


def _searches_in(condition: Plain) -> list[str]:
    """The searches of a condition that Gmail has to answer."""
    match condition:
        case {"gmail": str() as search}:
            return [search]
        case dict():
            return [search for one in condition.values() for search in _searches_in(one)]
        case list():
            return [search for one in condition for search in _searches_in(one)]
        case _:
            return []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What becomes of a message, as far as an example and gmailctl both tell."""

    is_read: bool = False
    is_starred: bool = False
    is_important: bool = False
    is_archived: bool = False
    is_trashed: bool = False
    labels: tuple[str, ...] = ()

    def as_expectation(self, fitting: Sequence[KnownRule]) -> dict[str, Plain]:
        flags: list[Plain] = [*(["seen"] if self.is_read else []), *(["flagged"] if self.is_starred else [])]
        copies: list[Plain] = [*self.labels, *([IMPORTANT] if self.is_important else [])]
        matched: list[Plain] = [known.rule.name for known in fitting if known.rule.is_enabled]
        return {**({"matched": matched} if matched else {}), "flags": flags, "copies": copies}


def _wanted(source: Sourced) -> _Outcome:
    """What a test wants."""
    entries = {name: one for name, one in source.entries.items() if one.value is not None}
    for name, one in entries.items():
        if name not in _ACTIONS:
            raise FilterError(name, "no such action is known", line=one.line)
    is_true = {name for name, one in entries.items() if one.value is True}
    labels = entries["labels"].items if "labels" in entries else []
    return _Outcome(
        is_read="markRead" in is_true,
        is_starred="star" in is_true,
        is_important="markImportant" in is_true,
        is_archived="archive" in is_true,
        is_trashed="delete" in is_true,
        labels=tuple(sorted(one.text for one in labels)),
    )


def _done(fitting: Iterable[KnownRule]) -> _Outcome:
    """What the rules do that fit."""
    actions = [action for known in fitting if known.rule.is_enabled for action in known.rule.actions]
    labels = [
        one for action in actions if isinstance(action, dict) and "label" in action for one in _texts(action["label"])
    ]
    return _Outcome(
        is_read=_SEEN in actions,
        is_starred=_STARRED in actions,
        is_important={"copy": IMPORTANT} in actions,
        is_archived="archive" in actions,
        is_trashed="trash" in actions,
        labels=tuple(sorted(set(labels))),
    )


def _texts(value: Plain) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
