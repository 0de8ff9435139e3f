"""What editors know of the operators under a field: shared pieces of JSON Schema."""

from __future__ import annotations

from typing import Any

from mailrules.rules.operators import NUMBER_KEYS, TEXT_OPERATORS

Schema = dict[str, Any]  # Any: a JSON document

TEXTS: Schema = {
    "anyOf": [{"type": ["string", "number"]}, {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}]
}
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
