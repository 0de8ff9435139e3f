"""What does a ``filter`` of gmailctl ask: as a search of Gmail, and of a message of its tests?

gmailctl tells a test's message by rules of its own (internal/engine/cfgtest): addresses as a whole, with ``@`` and
``.`` alike, texts by what they contain. ``finds`` does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailrules.exchange.gmail_query import MAX_NESTING, Query, QueryError, none_of, parse_query, under
from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.exchange.sourced import Sourced

OPERATIONS: Final = ("and", "or", "not")
FUNCTIONS: Final = ("from", "to", "cc", "bcc", "replyto", "subject", "list", "has", "query")
_ESCAPABLE: Final = ("from", "to", "subject")


class FilterError(Exception):
    """A part of a filter that cannot be read."""

    def __init__(self, construct: str, why: str, *, line: int) -> None:
        super().__init__(why)
        self.construct, self.why, self.line = construct, why, line


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterNode:
    """A filter: ``word`` is one of OPERATIONS, with ``parts``, or of FUNCTIONS, with ``value``."""

    word: str
    line: int
    value: str = ""
    is_escaped: bool = False
    parts: tuple[FilterNode, ...] = ()

    @property
    def is_testable(self) -> bool:
        """Whether gmailctl can tell without Gmail what it finds."""
        return not self.is_escaped and self.word != "query" and all(part.is_testable for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestMessage:
    """A message as gmailctl's tests describe it."""

    __test__ = False

    from_: str = ""
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    subject: str = ""
    body: str = ""


def read_filter(source: Sourced, *, depth: int = 0) -> FilterNode:
    """The filter of a rule. Raises FilterError."""
    if depth > MAX_NESTING:
        raise FilterError("filter", f"filters within each other over {MAX_NESTING} deep", line=source.line)
    escaped = source.entries.get("isEscaped")
    named = {name: one for name, one in source.entries.items() if name != "isEscaped" and not _is_empty(one)}
    unknown = next((name for name in named if name not in {*OPERATIONS, *FUNCTIONS}), None)
    if unknown is not None:
        raise FilterError(unknown, "no such part of a filter is known", line=named[unknown].line)
    if len(named) != 1:
        what = ", ".join(named) or "nothing"
        raise FilterError("filter", f"one function or operation is expected, not {what}", line=source.line)
    ((word, value),) = named.items()
    is_escaped = escaped is not None and escaped.value is True
    if is_escaped and word not in _ESCAPABLE:
        raise FilterError("isEscaped", f"it goes with {', '.join(_ESCAPABLE)} only", line=source.line)
    if word in FUNCTIONS:
        if not isinstance(value.value, str):
            raise FilterError(word, f"a text is expected, not {value.kind}", line=value.line)
        return FilterNode(word=word, value=value.value, is_escaped=is_escaped, line=value.line)
    inner = [value] if word == "not" else value.items
    if not inner:
        raise FilterError(word, f"a list of filters is expected, not {value.kind}", line=value.line)
    return FilterNode(word=word, line=value.line, parts=tuple(read_filter(one, depth=depth + 1) for one in inner))


def query_of(node: FilterNode) -> Query:
    """The search that gmailctl makes of a filter. Raises QueryError."""
    match node.word:
        case "and":
            parts = [query_of(part) for part in node.parts]
            text = " ".join(part.as_part for part in parts)
            return parts[0] if len(parts) == 1 else Query(kind="and", text=text, parts=tuple(parts))
        case "or":
            parts = [query_of(part) for part in node.parts]
            text = "{" + " ".join(part.as_part for part in parts) + "}"
            return parts[0] if len(parts) == 1 else Query(kind="or", text=text, parts=tuple(parts), is_group=True)
        case "not":
            part = query_of(node.parts[0])
            group = part if part.kind != "and" or part.is_group else _in_brackets(part)
            return none_of(group)
        case "query":
            return parse_query(node.value)
        case "has":
            return _literal(node.value)
        case word:
            return under(word, parse_query(node.value) if node.is_escaped else _literal(node.value))


def finds(query: Query, message: TestMessage, *, word: str = "") -> bool:
    """Whether a search finds a message, as gmailctl decides it; ``word`` is the operator around the search."""
    match query.kind:
        case "and":
            return all(finds(part, message, word=word) for part in query.parts)
        case "or":
            return any(finds(part, message, word=word) for part in query.parts)
        case "not":
            return not finds(query.parts[0], message, word=word)
        case _ if query.parts:
            return finds(query.parts[0], message, word=query.word)
        case _:
            return _term_finds(query.word or word, query.value, message)


def _term_finds(word: str, value: str, message: TestMessage) -> bool:
    recipients = (*message.to, *message.cc, *message.bcc, *message.lists)
    addresses = {
        "from": (message.from_,), "to": recipients, "cc": message.cc, "bcc": message.bcc,
        "replyto": message.reply_to, "list": message.lists, "": (message.from_, *recipients),
    }  # fmt: skip
    texts = {"subject": (message.subject,), "": (message.subject, message.body)}
    wanted = _compared(value)
    return _is_address(wanted, addresses.get(word, ())) or any(
        wanted in _compared(text) for text in texts.get(word, ())
    )


def _is_empty(value: Sourced) -> bool:
    return value.value is None or value.value in ("", [], {})


def _literal(value: str) -> Query:
    """A text that means itself: in quotation marks where it has spaces or brackets."""
    if '"' in value:
        raise QueryError(f"a quotation mark in {value!r}, which no search of Gmail can hold")
    if not value.isprintable():
        raise QueryError("this text has control characters")
    text = f'"{value}"' if set(value) & set(" {}()") else value
    return Query(kind="term", text=text, value=value)


def _in_brackets(query: Query) -> Query:
    return Query(kind=query.kind, text=f"({query.text})", parts=query.parts, is_group=True)


def _is_address(wanted: str, addresses: tuple[str, ...]) -> bool:
    is_suffix = wanted.startswith(("*", "."))
    wanted = wanted.removeprefix("*")
    compared = [_compared(one) for one in addresses]
    return any(one.endswith(wanted) if is_suffix else one == wanted for one in compared)


def _compared(text: str) -> str:
    """Gmail takes ``@`` and ``.`` for the same, and ignores case."""
    return text.replace("@", ".").lower()
