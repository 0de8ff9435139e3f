"""The JSON Schema for editors names what the loader knows, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mailrules.rules.json_schema import json_schema
from mailrules.rules.key_descriptions import ACTION_EXAMPLES, CONDITION_EXAMPLES
from tests.rules.loading import BUILT_IN, rules_of

SCHEMA: dict[str, Any] = json_schema(BUILT_IN)
PROPERTIES = SCHEMA["properties"]
RULE = PROPERTIES["rules"]["items"]
TEST = PROPERTIES["tests"]["items"]


def _references(value: object) -> set[str]:
    match value:
        case dict():
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(_references, value.values()))
        case list():
            return set().union(*map(_references, value))
        case _:
            return set()


def test_it_is_json_and_every_reference_leads_somewhere() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert _references(SCHEMA) <= {f"#/$defs/{name}" for name in SCHEMA["$defs"]}
    assert RULE["properties"]["if"]["$ref"] == "#/$defs/condition"
    assert RULE["properties"]["do"]["$ref"] == "#/$defs/actions"


def test_it_has_every_word_with_its_summary() -> None:
    conditions = SCHEMA["$defs"]["condition"]["anyOf"][1]["properties"]
    actions = SCHEMA["$defs"]["actions"]["items"]["anyOf"][1]["properties"]

    assert set(conditions) == {*BUILT_IN.conditions, "all", "any", "none", "not", "always", "matched_by"}
    assert set(actions) == set(BUILT_IN.actions)
    assert all(words["description"] for words in (*conditions.values(), *actions.values()))


@pytest.mark.parametrize(
    "level",
    [
        SCHEMA,
        RULE,
        TEST,
        RULE["properties"]["choose"]["anyOf"][0]["items"],
        PROPERTIES["accounts"]["additionalProperties"],
        *(SCHEMA["$defs"][name] for name in ("GuardModel", "GivenModel", "ExpectModel", "SecretModel")),
    ],
)
def test_unknown_keys_are_refused_at_each_level(level: dict[str, Any]) -> None:
    assert level["additionalProperties"] is False


def test_keys_have_the_names_of_the_file_and_not_of_python() -> None:
    assert {"if", "in", "do", "choose"} <= set(RULE["properties"])
    assert {"from", "to"} <= set(SCHEMA["$defs"]["GivenModel"]["properties"])


def _keys_without_a_text(schema: object, place: str = "") -> list[str]:
    if isinstance(schema, list):
        return [key for one in schema for key in _keys_without_a_text(one, place)]
    if not isinstance(schema, dict):
        return []
    properties = schema["properties"] if schema.get("type") == "object" and "properties" in schema else {}
    own = [f"{place}/{key}" for key, value in properties.items() if not value.get("description")]
    return own + [key for name, one in schema.items() for key in _keys_without_a_text(one, f"{place}/{name}")]


def test_every_key_says_what_it_is() -> None:
    assert _keys_without_a_text(SCHEMA) == []


@pytest.mark.parametrize("word", sorted(BUILT_IN.conditions))
def test_the_example_of_a_condition_can_be_used(word: str) -> None:
    rules_of(f"rules:\n  - {{name: r, if: {{{word}: {CONDITION_EXAMPLES[word]}}}, do: [{{flag: seen}}]}}\n")
    assert SCHEMA["$defs"]["condition"]["anyOf"][1]["properties"][word]["examples"]


@pytest.mark.parametrize("word", sorted(BUILT_IN.actions))
def test_the_example_of_an_action_can_be_used(word: str) -> None:
    allowed = "[delete, forward, reply, notify, webhook, pipe, save_attachments, unsubscribe]"
    rules_of(
        f"allow: {allowed}\n"
        "smtp: {host: smtp.example.org, from: me@example.org}\n"
        "webhooks: {chat: {url: 'https://chat.example.org/hook'}}\n"
        f"rules:\n  - {{name: r, if: {{subject: a}}, events: [new, {{every: 1h}}],"
        f" do: [{{{word}: {ACTION_EXAMPLES[word]}}}]}}\n"
    )
    assert SCHEMA["$defs"]["actions"]["items"]["anyOf"][1]["properties"][word]["examples"]


@pytest.mark.parametrize("place", [RULE["properties"]["events"], PROPERTIES["allow"], PROPERTIES["include"]])
def test_an_item_may_stand_without_its_list(place: dict[str, Any]) -> None:
    listed = next(one for one in place["anyOf"] if one.get("type") == "array")

    assert listed["items"] in place["anyOf"]


def test_what_the_reference_writes_without_a_list_loads() -> None:
    rules = "rules: [{name: r, if: always, events: {every: 1h}, do: [trash]}]"
    assert rules_of(f"allow: delete\ninclude: pack:receipts\n{rules}\n").rules.allow == {"delete"}
