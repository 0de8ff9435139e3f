"""What Thunderbird makes of a filter and a message, written after nsMsgSearchTerm, and filters that a seed makes.

A second reading of its sources, apart from the import's: it looks at parsed mail with Python's own library.
"""

from __future__ import annotations

from email import message_from_bytes, policy
from email.utils import getaddresses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email.message import EmailMessage
    from random import Random

WORDS = ("alpha", "Beta", "a b", "gamma)", 'say "x"', "pha")
ADDRESSES = ("ann@example.org", "bob@lists.example.net", "me@example.net")
FIELDS = {
    "from": ("From",), "to": ("To",), "cc": ("Cc",), "to or cc": ("To", "Cc"),
    "all addresses": ("From", "To", "Cc", "Bcc"),
}  # fmt: skip
TEXT_OPERATORS = ("contains", "doesn't contain", "is", "isn't", "begins with", "ends with")

Term = tuple[str, str, str]


def fits(terms: list[Term], joiner: str, content: bytes) -> bool:
    """Whether a filter of these terms fits."""
    message = message_from_bytes(content, policy=policy.default)
    found = [_term_fits(term, message, content) for term in terms]
    return all(found) if joiner == "AND" else any(found)


def _term_fits(term: Term, message: EmailMessage, content: bytes) -> bool:
    attribute, operator, value = term
    is_negative = operator in {"doesn't contain", "isn't"}
    if attribute == "size":
        kilobytes = max(len(content), 1024) // 1024
        wanted = int(value)
        compared = {
            "is greater than": kilobytes > wanted,
            "is less than": kilobytes < wanted,
            "is": kilobytes == wanted,
        }
        return compared[operator]
    if attribute.startswith('"'):
        values = [str(one) for one in message.get_all(attribute.strip('"'), [])]
        if operator == "is empty":
            return not any(values)
        results = [_compare(operator, value, one) for one in values if one]
        return all(results) if is_negative else any(results)
    if attribute == "subject":
        return _compare(operator, value, str(message["Subject"] or ""))
    fields = [str(message[name]) for name in FIELDS[attribute] if message[name] is not None]
    if operator == "contains":
        return any(_compare(operator, value, one) for one in fields)
    texts = [text for one in fields for pair in getaddresses([one]) for text in pair if text or is_negative]
    results = [_compare(operator, value, text) for text in texts]
    return all(results) if is_negative else any(results)


def _compare(operator: str, value: str, text: str) -> bool:
    value, text = value.lower(), text.lower()
    match operator:
        case "contains":
            return value in text
        case "doesn't contain":
            return value not in text
        case "is":
            return value == text
        case "isn't":
            return value != text
        case "begins with":
            return text.startswith(value)
        case _:
            return text.endswith(value)


def terms(random: Random) -> tuple[str, list[Term]]:
    return random.choice(("AND", "OR")), [_term(random) for _ in range(random.randint(1, 4))]


def _term(random: Random) -> Term:
    match random.randint(0, 3):
        case 0:
            return "size", random.choice(("is greater than", "is less than", "is")), str(random.randint(0, 3))
        case 1:
            name = random.choice(('"X-Kind"', '"List-Id"'))
            if random.random() < 0.2:
                return name, "is empty", ""
            return name, random.choice(TEXT_OPERATORS), random.choice(WORDS)
        case 2:
            return "subject", random.choice(TEXT_OPERATORS), random.choice(WORDS)
        case _:
            value = random.choice((*ADDRESSES, "example", "Someone", "someone <ann"))
            return random.choice(tuple(FIELDS)), random.choice(TEXT_OPERATORS), value


def written(joiner: str, some: list[Term]) -> str:
    """The condition as Thunderbird writes it: values with brackets in quotes, all quotes escaped, the line's too."""
    parts = []
    for attribute, operator, value in some:
        quote = '"' if ")" in value or value.startswith(('"', " ")) else ""
        inner = value.replace('"', '\\"')
        parts.append(f"{joiner} ({attribute},{operator},{quote}{inner}{quote})")
    return " ".join(parts).replace('"', '\\"')
