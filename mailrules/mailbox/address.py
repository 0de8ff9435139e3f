"""Which addresses a header field names (RFC 5322 section 3.4), read from whatever strangers send.

One pass over the tokens, without recursion: groups are flattened, comments skipped (one serves as
display name where there is no other), quoted strings unquoted, display names decoded last, so that
nothing inside an encoded word can become structure.
"""

from __future__ import annotations

import re

from mailrules.mailbox.headers import MAX_ENCODED_WORDS, decode_words
from mailrules.mailbox.message import Unreadable, too_complex
from mailrules.mailbox.text import clean_text, decode_bytes
from mailrules.values import dataclass

MAX_ADDRESSES = 2_000

# What nearly all mail has, separated by commas: `Name <local@domain>`, `"Name" <local@domain>`, `local@domain`.
# Possessive throughout, so that no input makes it try again.
_USUAL = re.compile(
    r'\s*+(?:(?:"([^"\\]*+)" ?|([^"\\(),:;<>@\[\]]*+))<([^\s"(),:;<>@\\\[\]]++)@([A-Za-z0-9.-]++)>'
    r"|([^\s\"(),:;<>@\\\[\]]++)@([A-Za-z0-9.-]++))\s*+(?:,|$)"
)

_TOKEN = re.compile(
    r"(?P<word>=\?[^?\s]{1,120}\?[BbQq]\?[^?\s]*+\?=|[^\s\"(),:;<>@\\\[\]]++|\[[^\]]*+\]?|\s++)|(?P<special>.)",
    re.DOTALL,
)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_COMMENT_MARK = re.compile(r"\\.|[()]", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One mailbox address. ``name`` is the decoded display name; ``domain`` is Unicode, lower case.

    Either of ``local`` and ``domain`` may be "" where the address is broken.
    """

    name: str = ""
    local: str = ""
    domain: str = ""

    @property
    def address(self) -> str:
        """``local@domain``, or what there is of it; a local part alone never looks like an address with a domain."""
        return f"{self.local}@{self.domain}" if self.domain or "@" in self.local else self.local

    @property
    def detail(self) -> str:
        """What follows the first ``+`` of the local part (RFC 5233), "" where there is none."""
        return self.local.partition("+")[2]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address


_NOBODY = Address()


def parse_addresses(raw: bytes) -> tuple[Address, ...] | Unreadable:
    """All addresses of one header value, in order; an empty group has none. Never raises."""
    text = raw.decode("ascii") if raw.isascii() else decode_bytes(raw)
    if text.count("=?") > MAX_ENCODED_WORDS:
        return too_complex(f"over {MAX_ENCODED_WORDS:,} encoded words in one address field")
    addresses = _usual_addresses(text) or _Parser(text).addresses
    if len(addresses) > MAX_ADDRESSES:
        return too_complex(f"over {MAX_ADDRESSES:,} addresses in one header field")
    return tuple(addresses)


def _usual_addresses(text: str) -> list[Address]:
    """The addresses of a plain ASCII list without encoded words; [] where anything is unusual."""
    if "=?" in text or not text.isascii():
        return []
    addresses: list[Address] = []
    position = 0
    while position < len(text):
        usual = _USUAL.match(text, position)
        if usual is None or len(addresses) > MAX_ADDRESSES:
            return addresses if usual else []
        quoted, name, local, domain, bare_local, bare_domain = usual.groups()
        addresses.append(
            Address(
                name=clean_text(quoted or name or ""),
                local=local or bare_local,
                domain=domain_text(domain or bare_domain),
            )
        )
        position = usual.end()
    return addresses


def domain_text(domain: str) -> str:
    """A domain in the form in which domains are compared: Unicode, lower case, no final dot."""
    lower = domain.strip().rstrip(".").lower()
    if "xn--" not in lower:
        return lower
    return ".".join(_label_text(label) for label in lower.split("."))


def _label_text(label: str) -> str:
    # 63 is the longest label in DNS; Python's codec takes quadratic time over longer ones.
    if not label.startswith("xn--") or len(label) > 63:
        return label
    try:
        return label[4:].encode("ascii").decode("punycode").lower()
    except ValueError:
        return label


class _Parser:
    """Walks the tokens of one value; stops soon after the limit."""

    def __init__(self, text: str) -> None:
        self.addresses: list[Address] = []
        self._text = text
        self._phrase: list[str] = []
        self._route: list[str] | None = None
        self._comment = ""
        # What was opened and never closed is an ordinary character; nothing is looked for twice.
        self._closable = {'"', "("}
        position = 0
        while position < len(text) and len(self.addresses) <= MAX_ADDRESSES:
            position = self._take(position)
        self._finish()

    def _take(self, position: int) -> int:
        """Take in the token at a position; answers where the next one starts."""
        character = self._text[position]
        if character == '"' and character in self._closable:
            quoted = _QUOTED.match(self._text, position)
            if quoted:
                self._current.append(_ESCAPE.sub(r"\1", quoted[1]))
                return quoted.end()
            self._closable.discard(character)
        if character == "(" and character in self._closable:
            end = self._end_of_comment(position)
            if end:
                self._comment = self._text[position + 1 : end - 1]
                return end
            self._closable.discard(character)
        token = _TOKEN.match(self._text, position)
        if token is None:
            return len(self._text)
        if token.lastgroup == "special":
            self._special(token[0])
        else:
            self._current.append(token[0])
        return token.end()

    def _end_of_comment(self, start: int) -> int:
        """Comments nest (RFC 5322 section 3.2.2); 0 where this one is not closed."""
        depth = 0
        for mark in _COMMENT_MARK.finditer(self._text, start):
            depth += {"(": 1, ")": -1}.get(mark[0], 0)
            if depth == 0:
                return mark.end()
        return 0

    @property
    def _current(self) -> list[str]:
        return self._phrase if self._route is None else self._route

    def _special(self, value: str) -> None:
        inside = self._route is not None
        if value == "<" and not inside:
            self._route = []
        elif value == ">" and inside:
            self._finish()
        elif value == ":":
            # Inside angle brackets this ends an obsolete route, outside the name of a group.
            self._current.clear()
        elif value in ",;":
            if not inside or "@" in self._current[1:]:
                self._finish()
        elif value == "@":
            self._current.append(value)

    def _finish(self) -> None:
        phrase, route = "".join(self._phrase).strip(), self._route
        comment = self._comment.strip()
        self._phrase, self._route, self._comment = [], None, ""
        if route is not None:
            name, spec = phrase, "".join(route).strip()
        elif "@" in phrase:
            name, spec = _split_bare(phrase)
        elif phrase and " " not in phrase and "=?" not in phrase:
            name, spec = "", phrase
        else:
            name, spec = phrase, ""
        local, _, domain = spec.rpartition("@") if "@" in spec else (spec, "", "")
        address = Address(
            name=clean_text(decode_words(name or comment)),
            local=clean_text(local),
            domain=clean_text(domain_text(domain)),
        )
        if address != _NOBODY and (name or spec):
            self.addresses.append(address)


def _split_bare(phrase: str) -> tuple[str, str]:
    """Name and address of ``Some Name local@domain``, an address that lacks its brackets."""
    words = phrase.split()
    for index in range(len(words) - 1, -1, -1):
        if "@" in words[index]:
            return " ".join(words[:index] + words[index + 1 :]), words[index]
    return "", phrase
