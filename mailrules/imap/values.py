"""What may a value that a server sent be taken for: a list, a text, names with their values?

Each area of responses reads its values by these, so that all are equally tolerant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.imap.tokens import Unreadable, Value, read_number, read_size

if TYPE_CHECKING:
    from collections.abc import Mapping


def list_of(value: Value) -> list[Value]:
    """A list, which some servers write as NIL when it is empty."""
    if isinstance(value, bytes):
        raise Unreadable(f"not a list: {value[:60]!r}")
    return value or []


def text_of(value: Value) -> str:
    """A string, "" for NIL."""
    if isinstance(value, list):
        raise Unreadable("a list where a string should be")
    return value.decode("utf-8", "replace") if value else ""


def first_of(value: Value) -> Value:
    """What stands alone in a list, for servers that leave its parentheses out."""
    return value[0] if isinstance(value, list) and value else value


def pairs_of(value: Value) -> dict[str, Value]:
    """Names in upper case and their values; a name without a value is passed over."""
    words = list_of(value)
    return {text_of(name).upper(): one for name, one in zip(words[::2], words[1::2], strict=False)}


def number_or_none(items: Mapping[str, Value], name: str) -> int | None:
    """The number that goes by this name, None where there is no usable one."""
    try:
        return read_number(first_of(items.get(name)))
    except Unreadable:  # -1 and NIL have been seen: the server does not know
        return None


def size_or_none(value: Value) -> int | None:
    """A size in bytes, None for what is none."""
    try:
        return read_size(value)
    except Unreadable:
        return None
