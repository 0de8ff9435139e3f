"""How does a Sieve test become a condition?

Tests: RFC 5228 section 5, with subaddress (RFC 5233), body (RFC 5173), regex, relational (RFC 5231), duplicate
(RFC 7352) and mailbox (RFC 5490) as far as a client can honour them.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Final

from mailrules.exchange.imported import (
    Exactness,
    Finding,
    Plain,
    condition_of_all,
    condition_of_any,
    negated,
    one_or_list,
)
from mailrules.exchange.sieve_syntax import Tag
from mailrules.rules.patterns import PatternError, compile_pattern
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mailrules.exchange.sieve_syntax import Argument, SieveTest

_FIELD_NAME: Final = re.compile(r"[!-9;-~]{1,76}")
_MATCH_TYPES: Final = frozenset({"is", "contains", "matches", "regex", "count", "value"})
_ADDRESS_PARTS: Final = {"all": "address", "localpart": "local", "domain": "domain", "detail": "detail"}
_ADDRESS_WORDS: Final = {
    "from": "from", "to": "to", "cc": "cc", "bcc": "bcc", "sender": "sender", "reply-to": "reply_to",
}  # fmt: skip
_TEXT_WORDS: Final = {"subject": "subject", "list-id": "list_id", "message-id": "message_id"}
_OPERATORS: Final = {"is": "equals", "contains": "contains", "regex": "regex"}
_SPACES: Final = re.compile(r"\A\s|\s\Z|\s\s|[\t\r\n]")

SUPPORTED: Final = frozenset(
    {
        "fileinto", "copy", "imap4flags", "mailbox", "subaddress", "body", "regex", "variables", "special-use",
        "duplicate", "relational", "ihave", "encoded-character", "comparator-i;octet", "comparator-i;ascii-casemap",
    }
)  # fmt: skip
"""The extensions of which at least a part can be said in our language."""


class Refused(Exception):
    """A construct that our language cannot say."""

    def __init__(self, construct: str, why: str, *, line: int) -> None:
        super().__init__(why)
        self.construct, self.why, self.line = construct, why, line


@dataclass(slots=True)
class Arguments:
    """The arguments of a test or command, told apart; a tag of ``with_value`` takes the argument behind it."""

    name: str
    line: int
    tags: set[str] = field(default_factory=set)
    values: dict[str, Argument] = field(default_factory=dict)
    positional: list[Argument] = field(default_factory=list)

    @classmethod
    def of(
        cls, name: str, line: int, arguments: Sequence[Argument], *, with_value: frozenset[str] = frozenset()
    ) -> Arguments:
        found = cls(name, line)
        waiting = ""
        for one in arguments:
            if waiting:
                found.values[waiting] = one
                waiting = ""
            elif isinstance(one, Tag):
                found.tags.add(one.name)
                waiting = one.name if one.name in with_value else ""
            else:
                found.positional.append(one)
        return found

    def only(self, *known: str) -> None:
        """Raise Refused for a tag that is not known."""
        for tag in sorted(self.tags - set(known)):
            raise Refused(f"{self.name} :{tag}", f"`:{tag}` has no counterpart in our rules", line=self.line)

    def strings(self, position: int) -> list[str]:
        """The string list at this position. Raises Refused where there is none."""
        value = self.positional[position] if position < len(self.positional) else None
        if not isinstance(value, tuple):
            raise Refused(self.name, f"a string is expected as argument {position + 1}", line=self.line)
        return list(value)


@dataclass(slots=True)
class ConditionReader:
    """Reads tests; what is only nearly the same is noted in ``findings``.

    ``expand`` puts the values of variables into a string, and raises Refused for one that it does not know.
    """

    expand: Callable[[str, int], str]
    findings: list[Finding] = field(default_factory=list)

    def read(self, test: SieveTest) -> Plain:
        """The condition that holds where the test is true. Raises Refused."""
        match test.name:
            case "allof":
                return condition_of_all([self.read(one) for one in test.tests])
            case "anyof":
                return condition_of_any([self.read(one) for one in test.tests])
            case "not" if len(test.tests) == 1:
                return negated(self.read(test.tests[0]))
            case "true":
                return "always"
            case "false":
                return {"not": "always"}
            case "size":
                return self._size(test)
            case "exists":
                return self._exists(test)
            case "header":
                return self._header(test)
            case "address":
                return self._address(test)
            case "envelope":
                return self._envelope(test)
            case "body":
                return self._body(test)
            case "duplicate":
                return self._duplicate(test)
            case "ihave":
                return self._ihave(test)
            case _:
                raise Refused(test.name, _WHY_NOT.get(test.name, "no such test is known"), line=test.line)

    def approximated(self, test: SieveTest, how: str) -> None:
        finding = Finding(line=test.line, construct=test.name, exactness=Exactness.APPROXIMATED, how=how)
        if finding not in self.findings:
            self.findings.append(finding)

    def _size(self, test: SieveTest) -> Plain:
        arguments = Arguments.of(test.name, test.line, test.arguments)
        arguments.only("over", "under")
        if len(arguments.tags) != 1 or not arguments.positional or not isinstance(arguments.positional[0], int):
            raise Refused("size", "`:over` or `:under` and a number are expected", line=test.line)
        return {"size": {arguments.tags.pop(): arguments.positional[0]}}

    def _exists(self, test: SieveTest) -> Plain:
        names = self._field_names(test, Arguments.of(test.name, test.line, test.arguments))
        return condition_of_all([_field(name, {"exists": True}) for name in names])

    def _header(self, test: SieveTest) -> Plain:
        arguments = self._matching(test)
        match, case = self._match_type(arguments, test)
        names = self._field_names(test, arguments)
        keys = [self.expand(key, test.line) for key in arguments.strings(1)]
        if match == "value":
            return self._score(test, arguments, names, keys)
        operators = self._operators(test, match, keys, case=case)
        return condition_of_any([_field(name, one) for name in names for one in operators])

    def _field_names(self, test: SieveTest, arguments: Arguments) -> list[str]:
        names = [self.expand(name, test.line) for name in arguments.strings(0)]
        for name in names:
            if not _FIELD_NAME.fullmatch(name):
                raise Refused(test.name, f"{name!r} is no name of a header field", line=test.line)
        return names

    def _score(self, test: SieveTest, arguments: Arguments, names: list[str], keys: list[str]) -> Plain:
        """``header :value "ge" "X-Spam-Score" "5"``: the one number in a header that our rules compare."""
        relation = arguments.values.get("value")
        words = {"ge": "at_least", "gt": "over", "le": "at_most", "lt": "under", "eq": "equals"}
        word = words.get(relation[0].lower()) if isinstance(relation, tuple) else None
        if (
            [name.lower() for name in names] != ["x-spam-score"]
            or word is None
            or len(keys) != 1
            or not keys[0].isdecimal()
        ):
            raise Refused("header :value", "only numbers in X-Spam-Score are compared", line=test.line)
        self.approximated(test, "`spam_score` reads fractions and signs too, and other filters' fields")
        return {"spam_score": {word: int(keys[0])}}

    def _address(self, test: SieveTest) -> Plain:
        arguments = self._matching(test, *_ADDRESS_PARTS, "user")
        match, case = self._match_type(arguments, test)
        names = [self.expand(name, test.line).lower() for name in arguments.strings(0)]
        keys = [self.expand(key, test.line) for key in arguments.strings(1)]
        part = next((tag for tag in (*_ADDRESS_PARTS, "user") if tag in arguments.tags), "all")
        unknown = [name for name in names if name not in _ADDRESS_WORDS]
        if unknown:
            raise Refused("address", f"addresses in {unknown[0]!r} are not read", line=test.line)
        if match in {"count", "value"}:
            raise Refused(f"address :{match}", "addresses are neither counted nor ordered", line=test.line)
        words = ["any_recipient"] if set(names) == {"to", "cc", "bcc"} else [_ADDRESS_WORDS[name] for name in names]
        if part == "user":
            return self._user_part(test, words, keys, match=match)
        if case and part in {"all", "domain"}:
            self.approximated(test, "domains are compared without regard to case")
            case = False
        operators = self._operators(test, match, keys, case=case)
        return condition_of_any([{word: {_ADDRESS_PARTS[part]: dict(one)}} for word in words for one in operators])

    def _user_part(self, test: SieveTest, words: list[str], keys: list[str], *, match: str) -> Plain:
        """What stands before the ``+`` (RFC 5233): our ``local`` is the whole local part."""
        if match != "is" or any(set(key) & set("+*?[") for key in keys):
            raise Refused("address :user", "only `:is` of the part before the + can be said", line=test.line)
        whole: list[Plain] = [{word: {"local": key}} for word in words for key in keys]
        detailed: list[Plain] = [{word: {"local": {"starts_with": f"{key}+"}}} for word in words for key in keys]
        return condition_of_any(whole + detailed)

    def _envelope(self, test: SieveTest) -> Plain:
        arguments = self._matching(test, *_ADDRESS_PARTS)
        match, case = self._match_type(arguments, test)
        names = [name.lower() for name in arguments.strings(0)]
        if names != ["from"] or match not in {"is", "contains"} or arguments.tags & {"localpart", "domain", "detail"}:
            raise Refused("envelope", "a client does not see the envelope", line=test.line)
        self.approximated(test, "the envelope's sender is read from Return-Path, where the server writes one")
        keys = [self.expand(key, test.line) for key in arguments.strings(1)]
        wanted = [f"<{key}>" for key in keys] if match == "is" else keys
        return condition_of_any([_field("Return-Path", one) for one in self._operators(test, match, wanted, case=case)])

    def _body(self, test: SieveTest) -> Plain:
        arguments = self._matching(test, "text", "raw", "content", also_with_value=frozenset({"content"}))
        match, case = self._match_type(arguments, test)
        keys = [self.expand(key, test.line) for key in arguments.strings(0)]
        if match in {"count", "value"}:
            raise Refused(f"body :{match}", "a body is neither counted nor ordered", line=test.line)
        self.approximated(test, "`body` is the text that a reader sees, with white space collapsed")
        return condition_of_any([{"body": dict(one)} for one in self._operators(test, match, keys, case=case)])

    def _duplicate(self, test: SieveTest) -> Plain:
        if test.arguments:
            raise Refused(
                "duplicate", "`:handle`, `:header`, `:uniqueid`, `:seconds` and `:last` are not known", line=test.line
            )
        self.approximated(
            test, "`duplicate` asks for the same message before it in the mailbox, not for one seen before"
        )
        return {"duplicate": True}

    def _ihave(self, test: SieveTest) -> Plain:
        wanted = Arguments.of(test.name, test.line, test.arguments).strings(0)
        return "always" if SUPPORTED.issuperset(wanted) else {"not": "always"}

    def _matching(self, test: SieveTest, *more: str, also_with_value: frozenset[str] = frozenset()) -> Arguments:
        with_value = frozenset({"comparator", "count", "value"}) | also_with_value
        arguments = Arguments.of(test.name, test.line, test.arguments, with_value=with_value)
        arguments.only(*_MATCH_TYPES, "comparator", *more)
        return arguments

    def _match_type(self, arguments: Arguments, test: SieveTest) -> tuple[str, bool]:
        """The match type, and whether case matters."""
        match = next((tag for tag in sorted(arguments.tags) if tag in _MATCH_TYPES), "is")
        if match == "count":
            raise Refused(f"{test.name} :count", "fields are not counted", line=test.line)
        comparator = arguments.values.get("comparator", ("i;ascii-casemap",))
        name = comparator[0] if isinstance(comparator, tuple) and comparator else ""
        if name not in {"i;ascii-casemap", "i;octet", "i;unicode-casemap"} and match != "value":
            raise Refused(
                f":comparator {name}", "only i;ascii-casemap, i;octet and i;unicode-casemap are known", line=test.line
            )
        return match, name == "i;octet"

    def _operators(self, test: SieveTest, match: str, keys: list[str], *, case: bool) -> list[dict[str, Plain]]:
        """Operators of our language, any of which may hold."""
        if not keys:
            raise Refused(test.name, "an empty list of keys never holds", line=test.line)
        if any(not key.isascii() for key in keys):
            self.approximated(test, "letters beyond ASCII are compared without regard to case and composition")
        if any(_SPACES.search(key) for key in keys):
            self.approximated(test, "white space in values is collapsed before they are compared")
        found: dict[str, list[str]] = {}
        others: list[dict[str, Plain]] = []
        for key in keys:
            if not key.strip():
                others.append(self._of_nothing(test, match, key))
            elif match == "matches":
                operator, value = glob_of(key)
                if operator == "exists":
                    others.append({"exists": True})
                else:
                    found.setdefault(operator, []).append(value)
            else:
                found.setdefault(_OPERATORS[match], []).append(key)
        if match == "regex":
            for key in keys:
                _compile(key, test.line)
            self.approximated(test, "regular expressions are RE2's, not POSIX's")
        matching = [{operator: one_or_list(values)} for operator, values in found.items()]
        return [({**one, "case": "match"} if case else one) for one in matching] + others

    def _of_nothing(self, test: SieveTest, match: str, key: str) -> dict[str, Plain]:
        """An empty key: contained in every field, equal to an empty one."""
        if key or match == "regex" or test.name != "header":
            raise Refused(test.name, "an empty key is only understood of whole header fields", line=test.line)
        if match == "contains":
            return {"exists": True}
        self.approximated(test, "of a repeated field, each occurrence has to be empty")
        return {"exists": True, "empty": True}


def glob_of(pattern: str) -> tuple[str, str]:
    """A ``:matches`` pattern (RFC 5228 section 2.7.1) as one of our operators with its value.

    ``*`` alone is ("exists", ""): it fits whatever is there.
    """
    pieces = re.findall(r"\\.|[^\\]|\\\Z", pattern, re.DOTALL)
    literal = [piece[-1] if len(piece) == 2 else piece for piece in pieces]
    wild = [piece in {"*", "?"} for piece in pieces]
    inner = "".join(literal[1:-1])
    if pieces == ["*"]:
        return "exists", ""
    if not any(wild):
        return "equals", "".join(literal)
    if len(pieces) > 2 and pieces[0] == pieces[-1] == "*" and not any(wild[1:-1]) and inner.strip():
        return "contains", inner
    if pieces[-1] == "*" and not any(wild[:-1]) and "".join(literal[:-1]).strip():
        return "starts_with", "".join(literal[:-1])
    if pieces[0] == "*" and not any(wild[1:]) and "".join(literal[1:]).strip():
        return "ends_with", "".join(literal[1:])
    glob = "".join(
        one if is_wild else f"[{one}]" if one in "*?[" else one for one, is_wild in zip(literal, wild, strict=True)
    )
    return "glob", glob


def _compile(regex: str, line: int) -> None:
    try:
        compile_pattern(regex, ignore_case=False)
    except PatternError as error:
        raise Refused(":regex", f"this regular expression cannot be used: {error}", line=line) from error


def _field(name: str, operators: Mapping[str, Plain]) -> Plain:
    """A condition on one header field, under its own word where it has one."""
    word = _TEXT_WORDS.get(name.lower())
    if word is not None:
        return {word: dict(operators)}
    return {"header": {"name": name, **operators}}


_WHY_NOT: Final = {
    "hasflag": "new mail has no flags yet, and what the script itself set cannot be asked",
    "date": "parts of dates are not compared; `sent` and `received` compare whole times",
    "currentdate": "write it as `now` by hand",
    "string": "variables are not compared",
    "environment": "a client does not know the server's environment",
    "mailboxexists": "whether a mailbox exists is not asked",
    "metadata": "annotations are not asked",
    "spamtest": "the server's own score is not seen; `spam_score` reads the header",
    "virustest": "the server's own verdict is not seen",
    "valid_notify_method": "there are no notification methods",
}
