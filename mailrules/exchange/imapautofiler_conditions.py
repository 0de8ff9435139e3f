"""How does a rule of imapautofiler become a condition?

What it compares with what is in imapautofiler/rules.py: it looks at the first occurrence of a header field, takes an
absent one for an empty one, and ignores case except in regular expressions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.exchange.imported import Exactness, Finding, Plain, condition_of_all, condition_of_any
from mailrules.rules.patterns import PatternError, compile_pattern

if TYPE_CHECKING:
    from mailrules.exchange.sourced import Sourced

CONDITIONS: Final = ("or", "and", "recipient", "headers", "header-exists", "is-mailing-list", "time-limit")
_MATCHERS: Final = ("substring", "regex", "value")
_ONCE: Final = frozenset(
    {
        "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject", "date",
        "list-id",
    }
)  # fmt: skip
"""The fields that stand once in a message (RFC 5322 section 3.6, RFC 2919)."""
_WORDS: Final = {"subject": "subject", "list-id": "list_id", "message-id": "message_id"}
_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,76}")


class RuleRefused(Exception):
    """A part of a rule that cannot be said, or is no rule of imapautofiler."""

    def __init__(self, construct: str, why: str, *, line: int) -> None:
        super().__init__(why)
        self.construct, self.why, self.line = construct, why, line


class ConditionReader:
    """Reads conditions, and notes each in ``findings``."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def read(self, source: Sourced) -> Plain:
        """The condition of a rule, its action aside. Raises RuleRefused."""
        found = [name for name in source.entries if name in CONDITIONS]
        others = [name for name in source.entries if name not in {*CONDITIONS, "action", "name"}]
        if others:
            one = source.entries[others[0]]
            raise RuleRefused(others[0], "imapautofiler knows no such rule", line=one.line)
        if len(found) != 1:
            what = " and ".join(found) or "none"
            why = f"one kind of rule is expected, not {what}; the first alone would count"
            raise RuleRefused("rule", why, line=source.line)
        word = found[0]
        value = source.entries[word]
        match word:
            case "and" | "or":
                return self._combined(word, value)
            case "recipient":
                return self._recipient(value)
            case "headers":
                return self._headers(value)
            case "header-exists" | "is-mailing-list":
                return self._exists(word, source, value)
            case _:
                return self._time_limit(value)

    def _combined(self, word: str, value: Sourced) -> Plain:
        inner = value.entries.get("rules")
        if inner is None or not isinstance(inner.value, list):
            raise RuleRefused(word, "it needs a list of `rules`", line=value.line)
        self._note(value, word)
        parts = [self.read(one) for one in inner.value]
        if not parts:
            return _never()  # as there
        return condition_of_all(parts) if word == "and" else condition_of_any(parts)

    def _recipient(self, value: Sourced) -> Plain:
        parts = [self._header(name, value, construct="recipient") for name in ("To", "Cc")]
        return condition_of_any(parts)

    def _headers(self, value: Sourced) -> Plain:
        if not isinstance(value.value, list):
            raise RuleRefused("headers", f"a list is expected, not {value.kind}", line=value.line)
        parts = []
        for one in value.value:
            name = one.entries.get("name")
            if name is None or not name.text:
                raise RuleRefused("headers", "this header has no `name`", line=one.line)
            parts.append(self._header(name.text, one, construct="headers"))
        return condition_of_all(parts) if parts else _never()

    def _header(self, name: str, source: Sourced, *, construct: str) -> Plain:
        """The matcher of one header; of several keys the first of ``_MATCHERS`` counts, as there."""
        found = [key for key in _MATCHERS if key in source.entries]
        others = [key for key in source.entries if key not in {*_MATCHERS, "name"}]
        if others or len(found) != 1:
            what = ", ".join([*found, *others]) or "nothing"
            raise RuleRefused(construct, f"one of {', '.join(_MATCHERS)} is expected, not {what}", line=source.line)
        if not _FIELD_NAME.fullmatch(name):
            raise RuleRefused(construct, f"{name!r} is no name of a header field", line=source.line)
        value = source.entries[found[0]]
        text = str(value.value) if isinstance(value.value, int) and not isinstance(value.value, bool) else value.text
        if not isinstance(value.value, str | int) or isinstance(value.value, bool):
            raise RuleRefused(construct, f"a text is expected, not {value.kind}", line=value.line)
        differences = [] if name.lower() in _ONCE else ["of a repeated field every occurrence counts, there the first"]
        match found[0]:
            case "substring":
                condition = self._substring(name, text, differences)
            case "value":
                condition = self._value(name, text, differences)
            case _:
                condition = self._regex(name, text, differences, line=value.line)
        how = "; ".join(dict.fromkeys(differences))
        self._note(source, found[0], Exactness.APPROXIMATED if how else Exactness.EXACT, how)
        return condition

    def _substring(self, name: str, text: str, differences: list[str]) -> Plain:
        if not text:
            return "always"
        if not text.strip():
            differences.append("white space is looked for as any text")
            return _field(name, {"exists": True})
        _note_spaces(text, differences)
        return _field(name, {"contains": text})

    def _value(self, name: str, text: str, differences: list[str]) -> Plain:
        if not text.strip():
            return _field(name, {"empty": True})
        _note_spaces(text, differences)
        return _field(name, {"equals": text})

    def _regex(self, name: str, text: str, differences: list[str], *, line: int) -> Plain:
        differences.append("regular expressions are RE2's, not Python's, and fields are unfolded first")
        if not text:
            return "always"
        if not text.strip():
            raise RuleRefused("regex", "a regular expression of white space alone is not taken", line=line)
        try:
            fits_nothing = compile_pattern(text, ignore_case=False).matches("")
        except PatternError as error:
            raise RuleRefused("regex", f"this regular expression cannot be used: {error}", line=line) from error
        found = _field(name, {"regex": text, "case": "match"})
        # There an absent field is an empty text, in which such a regex is found.
        return condition_of_any([found, _field(name, {"exists": False})]) if fits_nothing else found

    def _exists(self, word: str, source: Sourced, value: Sourced) -> Plain:
        """The name stands beside the word, as imapautofiler reads it, or below it."""
        name = value.entries.get("name") or source.entries.get("name")
        wanted = name.text if name else "List-Id" if word == "is-mailing-list" else ""
        if not _FIELD_NAME.fullmatch(wanted):
            raise RuleRefused(word, "it needs the `name` of a header field", line=value.line)
        self._note(value, word)
        return _field(wanted, {"exists": True})

    def _time_limit(self, value: Sourced) -> Plain:
        age = value.entries.get("age")
        if age is None or not isinstance(age.value, int) or isinstance(age.value, bool) or not 0 <= age.value < 100_000:
            raise RuleRefused("time-limit", "an `age` in whole days is expected", line=value.line)
        self._note(value, "time-limit")
        return {"sent": {"older_than": f"{age.value}d"}} if age.value else _never()

    def _note(self, source: Sourced, construct: str, exactness: Exactness = Exactness.EXACT, how: str = "") -> None:
        self.findings.append(Finding(line=source.line, construct=construct, exactness=exactness, how=how))


def _never() -> Plain:
    return {"not": "always"}


def _field(name: str, operators: dict[str, Plain]) -> Plain:
    word = _WORDS.get(name.lower())
    return {word: operators} if word else {"header": {"name": name, **operators}}


def _note_spaces(text: str, differences: list[str]) -> None:
    if re.search(r"\s", text):
        differences.append("white space is collapsed and fields are unfolded, there they are as they came")
    if not text.isascii():
        differences.append("letters beyond ASCII are compared without regard to composition")
