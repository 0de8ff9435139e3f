"""Which JSON Schema editors check rule files by, with all words of the registry."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from mailrules.rules.account_schema import AccountModel, SmtpModel
from mailrules.rules.example_schema import TestModel
from mailrules.rules.key_descriptions import ACTION_EXAMPLES, CONDITION_EXAMPLES, DESCRIPTIONS
from mailrules.rules.outside_schema import DeletionModel, OutboxModel, WebhookModel
from mailrules.rules.policy_schema import PolicyModel
from mailrules.rules.reporter import Reporter
from mailrules.rules.schema import BranchModel, DefaultsModel, DocumentModel, ListFileModel, RuleModel
from mailrules.rules.spelling import duration
from mailrules.rules.yaml_source import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.rules.registry import Registry

_ISO_DURATION = re.compile(r"P(\d+D)?(T(\d+H)?(\d+M)?(\d+S)?)?")
_CHECKED_APART = (
    *(AccountModel, SmtpModel, WebhookModel, OutboxModel, DeletionModel),
    *(DefaultsModel, RuleModel, BranchModel, ListFileModel, PolicyModel, TestModel),
)
"""The models of what the document only names; see ``shape``."""
SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


def json_schema(registry: Registry) -> dict[str, object]:
    """The JSON Schema of a rule file with all words of the registry, for editors."""
    schema: dict[str, Any] = DocumentModel.model_json_schema(by_alias=True)  # Any: a JSON document
    _, apart = models_json_schema([(model, "validation") for model in _CHECKED_APART], by_alias=True)
    definitions = schema.setdefault("$defs", {})
    definitions.update(apart["$defs"])
    definitions["condition"] = _condition_schema(registry)
    definitions["actions"] = _actions_schema(registry)
    described = _with_descriptions(_with_references(schema), place="")
    return {"$schema": SCHEMA_ID, **described, "title": "mailrules rule file, version 1"}


def _with_descriptions(schema: Any, *, place: str) -> Any:  # Any: a JSON document
    """The schema with a text for each key that has none; ``place`` is the key or the model above."""
    if isinstance(schema, list):
        return [_with_descriptions(inner, place=place) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    found = {}
    for key, inner in schema.items():
        if key not in {"properties", "$defs"} or not isinstance(inner, dict):
            found[key] = _with_descriptions(inner, place=place)
            continue
        found[key] = {name: _with_descriptions(one, place=name) for name, one in inner.items()}
        if key == "properties":
            for name, one in found[key].items():
                text = DESCRIPTIONS.get(f"{place}.{name}") or DESCRIPTIONS.get(name)
                if text is not None and isinstance(one, dict):
                    one.setdefault("description", text)
    return found


def _with_references(schema: Any) -> Any:  # Any: a JSON document
    """The schema with each mark for the registry's words turned into a reference."""
    match schema:
        case {"words": str(name), **others}:
            return {"$ref": f"#/$defs/{name}", **others}
        case {"default": default, **others} if default is not None:
            return {**_with_references(others), "default": _as_written(default)}
        case dict():
            return {key: _with_references(inner) for key, inner in schema.items()}
        case list():
            return [_with_references(inner) for inner in schema]
        case _:
            return schema


def _as_written(default: Any) -> Any:  # Any: a JSON document
    """A default as one writes it in a file, where pydantic writes a duration as ISO 8601 does."""
    if isinstance(default, dict):
        return {key: _as_written(inner) for key, inner in default.items()}
    if isinstance(default, str) and _ISO_DURATION.fullmatch(default):
        return duration(TypeAdapter(timedelta).validate_python(default))
    return default


def _condition_schema(registry: Registry) -> dict[str, object]:
    one = {"$ref": "#/$defs/condition"}
    conditions = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    words: dict[str, object] = {
        "all": {**conditions, "description": "Every one of these holds."},
        "any": {**conditions, "description": "One of these holds."},
        "none": {**conditions, "description": "None of these holds."},
        "not": {**one, "description": "This does not hold."},
        "always": {"const": True, "description": "Holds for every message."},
        "matched_by": {
            "description": "An earlier rule's condition holds, and one of its branches.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        },
    }
    for name, spec in registry.conditions.items():
        words[name] = {"description": spec.summary, **_examples(CONDITION_EXAMPLES, name), **spec.schema}
    named = {"type": "boolean", "description": "A named condition."}
    return {
        "anyOf": [
            {"type": "string", "description": "A named condition, or always."},
            {"type": "object", "properties": words, "additionalProperties": named, "minProperties": 1},
        ]
    }


def _actions_schema(registry: Registry) -> dict[str, object]:
    words = {
        name: {"description": spec.summary, **_examples(ACTION_EXAMPLES, name), **spec.schema}
        for name, spec in registry.actions.items()
    }
    one = {"type": "object", "properties": words, "additionalProperties": False, "minProperties": 1, "maxProperties": 1}
    return {"type": "array", "items": {"anyOf": [{"enum": sorted(words)}, one]}, "minItems": 1}


def _examples(examples: Mapping[str, str], name: str) -> dict[str, object]:
    """The word's example as editors take it; none for a plugin's word without one."""
    if name not in examples:
        return {}
    source = read_yaml(f"{name}: {examples[name]}", file="example", reporter=Reporter())
    return {"examples": [source.mapping[name].plain()]} if source is not None else {}
