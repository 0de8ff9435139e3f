"""What a receiving server found out about a message's sender: Authentication-Results (RFC 8601), read by hand.

Anybody can write such a field into a message. Which ones to believe is the caller's business: only those of
an authserv-id that the user named.
"""

from __future__ import annotations

import re

from mailrules.values import dataclass

MAX_RESULTS_BYTES = 32_768
MAX_STATEMENTS = 200

_IDENTIFIER = re.compile(r"\s*(?:\"([^\"]*)\"|([^\s;\"]+))")
_SIMPLE_COMMENT = re.compile(r"\([^()]*\)")
_SIMPLE_LEVELS = 4
"""So deep are comments taken away by a pattern, where nothing is quoted; deeper ones sign by sign."""
_RESULT = r"\s*([A-Za-z0-9-]{1,40})\s*(?:/\s*[0-9]+\s*)?=\s*([A-Za-z0-9-]{1,40})"
_STATEMENT, _STATEMENTS = re.compile(_RESULT), re.compile(";" + _RESULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationResults:
    """One field: who says so, and the result of each method in the order in which they stand, all in lower case.

    ``is_too_long`` says that the results were not read.
    """

    authserv_id: str
    results: tuple[tuple[str, str], ...] = ()
    is_too_long: bool = False

    def result_of(self, method: str) -> str:
        """The result of a method, ``pass`` where one of several is; "" where the field does not tell."""
        found = [result for name, result in self.results if name == method]
        return "pass" if "pass" in found else next(iter(found), "")


def parse_authentication_results(raw: bytes) -> AuthenticationResults | None:
    """Read a field's value, None where it names nobody who says so. Never raises; linear in its length.

    What is not a result (``none``, properties, a method without one) is passed over.
    """
    text = _without_comments(raw[:MAX_RESULTS_BYTES].decode("latin-1"))
    found = _IDENTIFIER.match(text)
    if found is None:
        return None
    authserv_id = (found[1] if found[1] is not None else found[2]).lower()
    if len(raw) > MAX_RESULTS_BYTES:
        return AuthenticationResults(authserv_id=authserv_id, is_too_long=True)
    rest = text[found.end() :]
    if '"' not in rest:
        told = _STATEMENTS.findall(rest)
    else:
        matches = (_STATEMENT.match(statement) for statement in _statements(rest)[1:])
        told = [(match[1], match[2]) for match in matches if match]
    return AuthenticationResults(
        authserv_id=authserv_id,
        results=tuple([(method.lower(), result.lower()) for method, result in told[:MAX_STATEMENTS]]),
    )


def _without_comments(text: str) -> str:
    """Each comment becomes a space; comments nest, and what is quoted is none (RFC 5322 section 3.2.2)."""
    if '"' not in text and "\\" not in text:
        for _ in range(_SIMPLE_LEVELS):
            if "(" not in text:
                return text
            text = _SIMPLE_COMMENT.sub(" ", text)
    kept: list[str] = []
    depth, is_quoted, is_escaped = 0, False, False
    for character in text:
        if is_escaped:
            is_escaped = False
        elif character == "\\" and (is_quoted or depth):
            is_escaped = True
        elif character == '"' and not depth:
            is_quoted = not is_quoted
        elif character == "(" and not is_quoted:
            depth += 1
            continue
        elif character == ")" and depth:
            depth -= 1
            kept.append(" ")
            continue
        if not depth:
            kept.append(character)
    return "".join(kept)


def _statements(text: str) -> list[str]:
    """Cut at the semicolons that are not quoted."""
    if '"' not in text:
        return text.split(";")
    pieces, start, is_quoted = [], 0, False
    for position, character in enumerate(text):
        if character == '"':
            is_quoted = not is_quoted
        elif character == ";" and not is_quoted:
            pieces.append(text[start:position])
            start = position + 1
    return [*pieces, text[start:]]
