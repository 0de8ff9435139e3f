"""Which MIME parts a message has, and how each is asked for (RFC 9051 section 7.5.2, BODYSTRUCTURE)."""

from __future__ import annotations

from dataclasses import field
from types import MappingProxyType
from typing import TYPE_CHECKING

from mailrules.imap.tokens import OverLimit, Unreadable, read_size
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.imap.limits import Limits
    from mailrules.imap.tokens import Value

_NOTHING: Mapping[str, bytes] = MappingProxyType({})
_SHORTEST_SINGLE_PART = 7  # type, subtype, parameters, id, description, encoding, size
_MESSAGE_TYPES = frozenset({("message", "rfc822"), ("message", "global")})


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyPart:
    """One part. ``type``, ``subtype``, ``encoding``, ``disposition`` and parameter names are lower case.

    ``number`` is what ``BODY[...]`` takes: "" for a multipart message, "1" for the only part of another one,
    "2.TEXT" for the multipart inside the message that is part 2. Parameter values are as they came, still encoded.
    """

    number: str
    type: str
    subtype: str
    parameters: Mapping[str, bytes] = field(default_factory=lambda: _NOTHING)
    encoding: str = "7bit"
    size_bytes: int = 0
    disposition: str = ""
    disposition_parameters: Mapping[str, bytes] = field(default_factory=lambda: _NOTHING)


def read_body_structure(value: Value, *, limits: Limits) -> tuple[BodyPart, ...]:
    """All parts, containers too, each before what it contains.

    What a server left out or garbled is empty in its part. Raises Unreadable where there is no list
    and for too many parts.
    """
    if not isinstance(value, list):
        raise Unreadable("the body structure is not a list")
    parts: list[BodyPart] = []
    waiting: list[tuple[Value, str, str]] = [(value, "" if _is_multipart(value) else "1", "")]
    while waiting:
        body, number, prefix = waiting.pop()
        if len(parts) == limits.parts:
            raise OverLimit(f"over {limits.parts} parts in one message (limits.parts)")
        fields = body if isinstance(body, list) else []
        children: list[tuple[Value, str, str]] = []
        if _is_multipart(fields):
            bodies = fields[: _children_count(fields)]
            parts.append(_multipart(fields[len(bodies) :], number=number))
            for index, child in enumerate(bodies, start=1):
                children.append((child, f"{prefix}{index}", f"{prefix}{index}."))
        else:
            parts.append(_single_part(fields, number=number))
            if _holds_message(fields):
                inner = fields[8]
                children.append((inner, f"{number}.TEXT" if _is_multipart(inner) else f"{number}.1", f"{number}."))
        waiting.extend(reversed(children))
    return tuple(parts)


def _is_multipart(body: Value) -> bool:
    """Parts first; or, as Gmail and Exchange write a multipart without parts, a subtype first and no type."""
    if not isinstance(body, list) or not body:
        return False
    if not isinstance(body[0], bytes):
        return any(isinstance(one, list) for one in body[: _children_count(body)])
    return len(body) in range(2, _SHORTEST_SINGLE_PART) and not isinstance(body[1], bytes)


def _children_count(fields: list[Value]) -> int:
    """Everything before the subtype; a NIL among the parts is a part that we know nothing of."""
    return next((index for index, one in enumerate(fields) if isinstance(one, bytes)), len(fields))


def _multipart(fields: list[Value], *, number: str) -> BodyPart:
    disposition, disposition_parameters = _disposition(_at(fields, 2))
    return BodyPart(
        number=number,
        type="multipart",
        subtype=_word(_at(fields, 0)),
        parameters=_parameters(_at(fields, 1)),
        disposition=disposition,
        disposition_parameters=disposition_parameters,
    )


def _single_part(fields: list[Value], *, number: str) -> BodyPart:
    part_type, subtype = _word(_at(fields, 0)), _word(_at(fields, 1))
    found = _find_disposition(fields, part_type=part_type, holds_message=_holds_message(fields))
    disposition, disposition_parameters = _disposition(found)
    return BodyPart(
        number=number,
        type=part_type,
        subtype=subtype,
        parameters=_parameters(_at(fields, 2)),
        encoding=_word(_at(fields, 5)) or "7bit",
        size_bytes=_size(_at(fields, 6)),
        disposition=disposition,
        disposition_parameters=disposition_parameters,
    )


def _find_disposition(fields: list[Value], *, part_type: str, holds_message: bool) -> Value:
    """Where it stands depends on the type. Some servers leave out the line count of text before it."""
    if part_type == "text":
        return _at(fields, 8) if isinstance(_at(fields, 8), list) else _at(fields, 9)
    return _at(fields, 11 if holds_message else 8)


def _holds_message(fields: list[Value]) -> bool:
    """Gmail and mail.ru leave out envelope, body and lines of some attached messages."""
    if (_word(_at(fields, 0)), _word(_at(fields, 1))) not in _MESSAGE_TYPES:
        return False
    has_envelope = isinstance(_at(fields, 7), list)
    has_lines = isinstance(lines := _at(fields, 9), bytes) and lines.isdigit()
    return (has_envelope or has_lines) and isinstance(_at(fields, 8), list)


def _disposition(value: Value) -> tuple[str, Mapping[str, bytes]]:
    if not isinstance(value, list):
        return _word(value), _NOTHING
    parameters = _at(value, 1)
    return _word(_at(value, 0)), _parameters(parameters if isinstance(parameters, list) else value[1:])


def _parameters(value: Value) -> Mapping[str, bytes]:
    if not isinstance(value, list) or not value:
        return _NOTHING
    pairs = zip(value[::2], value[1::2], strict=False)
    return {_word(name): text for name, text in pairs if isinstance(name, bytes) and isinstance(text, bytes)}


def _word(value: Value) -> str:
    return value.decode("latin-1").lower() if isinstance(value, bytes) else ""


def _size(value: Value) -> int:
    """0 where the server gives no number: NIL, "" and -1 have been seen."""
    try:
        return read_size(value)
    except Unreadable:
        return 0


def _at(fields: list[Value], index: int) -> Value:
    return fields[index] if index < len(fields) else None
