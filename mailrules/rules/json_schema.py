"""Which JSON Schema editors check rule files by, with all words of the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mailrules.rules.schema import DocumentModel

if TYPE_CHECKING:
    from mailrules.rules.registry import Registry

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def json_schema(registry: Registry) -> dict[str, object]:
    """The JSON Schema of a rule file with all words of the registry, for editors."""
    schema: dict[str, Any] = DocumentModel.model_json_schema(by_alias=True)  # Any: a JSON document
    definitions = schema.setdefault("$defs", {})
    definitions["condition"] = _condition_schema(registry)
    definitions["actions"] = _actions_schema(registry)
    return {"$schema": SCHEMA_ID, **_with_references(schema), "title": "mailrules rule file, version 1"}


def _with_references(schema: Any) -> Any:  # Any: a JSON document
    """The schema with each mark for the registry's words turned into a reference."""
    match schema:
        case {"words": str(name), **others}:
            return {"$ref": f"#/$defs/{name}", **others}
        case dict():
            return {key: _with_references(inner) for key, inner in schema.items()}
        case list():
            return [_with_references(inner) for inner in schema]
        case _:
            return schema


def _condition_schema(registry: Registry) -> dict[str, object]:
    conditions = {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1}
    words: dict[str, object] = {
        "all": {**conditions, "description": "Every one of these holds."},
        "any": {**conditions, "description": "One of these holds."},
        "none": {**conditions, "description": "None of these holds."},
        "not": {"$ref": "#/$defs/condition", "description": "This does not hold."},
        "always": {"const": True, "description": "Holds for every message."},
        "matched_by": {
            "description": "An earlier rule's condition holds, and one of its branches.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        },
    }
    for name, spec in registry.conditions.items():
        words[name] = {"description": spec.summary, **spec.schema}
    named = {"type": "boolean", "description": "A named condition."}
    return {
        "anyOf": [
            {"type": "string", "description": "A named condition, or always."},
            {"type": "object", "properties": words, "additionalProperties": named, "minProperties": 1},
        ]
    }


def _actions_schema(registry: Registry) -> dict[str, object]:
    words = {name: {"description": spec.summary, **spec.schema} for name, spec in registry.actions.items()}
    one = {"type": "object", "properties": words, "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
    return {"type": "array", "items": {"anyOf": [{"enum": sorted(words)}, one]}, "minItems": 1}
