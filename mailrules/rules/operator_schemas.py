"""What editors know of the operators under a field: shared pieces of JSON Schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mailrules.rules.operators import NUMBER_KEYS, TEXT_OPERATORS

if TYPE_CHECKING:
    from collections.abc import Iterable

Schema = dict[str, Any]  # Any: a JSON document

TEXT: Schema = {"type": ["string", "number"]}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
SIZE: Schema = {"type": ["integer", "string"], "pattern": "^[0-9.]+ ?(B|KiB|MiB|GiB)?$"}
DURATION: Schema = {"type": "string", "pattern": "^[0-9]{1,6} ?[smhdw]$"}
MOMENT: Schema = {"type": "string"}
TRUE: Schema = {"const": True}

_TEXT_PROPERTIES: Schema = {
    **dict.fromkeys(TEXT_OPERATORS, TEXTS),
    "in": TEXTS,
    "exists": {"type": "boolean"},
    "empty": {"type": "boolean"},
    "case": {"enum": ["ignore", "match"]},
}


def mapping(properties: Schema, *, required: tuple[str, ...] = ()) -> Schema:
    """A mapping with these keys and no others."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False, "minProperties": 1}
    return {**schema, "required": list(required)} if required else schema


def either(*schemas: Schema) -> Schema:
    """One of several forms."""
    return {"anyOf": list(schemas)}


def words(known: Iterable[str]) -> Schema:
    """One of these words, or a list of them, in any case."""
    names = list(known)
    in_any_case = (
        "".join(f"[{one.upper()}{one}]" if one.isalpha() else re.escape(one) for one in name) for name in names
    )
    one = either({"enum": names}, {"type": "string", "pattern": f"^({'|'.join(in_any_case)})$"})
    return either(*one["anyOf"], {"type": "array", "items": one, "minItems": 1})


def text_field(**others: Schema) -> Schema:
    """A text or list of texts, or text operators and the keys of ``others``."""
    return either(TEXTS, text_operators(**others))


def present_text() -> Schema:
    """The same for what is always there: whether it exists, or is empty, is no question."""
    properties = {key: value for key, value in _TEXT_PROPERTIES.items() if key not in {"exists", "empty"}}
    return either(TEXTS, mapping(properties))


def text_operators(**others: Schema) -> Schema:
    """Text operators and the keys of ``others``."""
    return mapping({**_TEXT_PROPERTIES, **others})


def bounds(value: Schema) -> Schema:
    """Number operators."""
    return mapping(dict.fromkeys(NUMBER_KEYS, value))
