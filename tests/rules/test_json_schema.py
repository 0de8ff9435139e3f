"""The JSON Schema for editors names what the loader knows, and nothing else."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from mailrules.errors import RuleError
from mailrules.rules.json_schema import json_schema
from mailrules.rules.key_descriptions import ACTION_EXAMPLES, CONDITION_EXAMPLES
from mailrules.rules.reporter import Reporter
from mailrules.rules.yaml_source import read_yaml
from tests.rules.loading import BUILT_IN, HEAD, diagnostics_in, load, mistakes_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]

SCHEMA: dict[str, Any] = json_schema(BUILT_IN)
PROPERTIES = SCHEMA["properties"]
RULE = SCHEMA["$defs"]["RuleModel"]


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
    assert PROPERTIES["accounts"]["additionalProperties"]["$ref"] == "#/$defs/AccountModel"
    assert PROPERTIES["rules"]["items"]["$ref"] == "#/$defs/RuleModel"
    assert PROPERTIES["tests"]["items"]["$ref"] == "#/$defs/TestModel"
    assert RULE["properties"]["choose"]["anyOf"][0]["items"]["$ref"] == "#/$defs/BranchModel"
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
        *(one for name, one in SCHEMA["$defs"].items() if name.endswith("Model")),
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


VALIDATOR = Draft202012Validator(SCHEMA)
BLOCKS = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _plain(text: str) -> object:
    """What an editor checks: the file as JSON, dates as their text."""
    source = read_yaml(text, file="x", reporter=Reporter())
    return None if source is None else json.loads(json.dumps(source.plain(), default=str))


def _written_in_tests() -> Iterator[str]:
    """Rule files, conditions and actions that stand in the modules of tests, each as a whole file."""
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
            if text.startswith("version: 1"):
                yield text
            elif re.match(r"(rules|conditions|lists|mailboxes|tests|allow):", text):
                yield HEAD + text
            elif text.startswith("{"):
                yield HEAD + f"rules: [{{name: r, if: {text}, do: [keep]}}]"
                yield HEAD + f"rules: [{{name: r, if: always, do: [{text}]}}]"


def test_what_the_loader_takes_an_editor_takes() -> None:
    pages = {
        block
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for block in BLOCKS.findall(page.read_text(encoding="utf-8"))
        if block.startswith("version: 1")
    }
    packs = {path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.yaml")}
    taken = 0
    for text in {*pages, *packs, *_written_in_tests()}:
        try:
            load(text)
        except (RuleError, OSError):
            continue
        taken += 1
        refused = best_match(VALIDATOR.iter_errors(_plain(text)))
        assert refused is None, f"{refused.message} at {list(refused.absolute_path)} in\n{text}"

    assert taken > 300


@pytest.mark.parametrize(
    "text",
    [
        "rules: [{name: r, if: always, do: [keep], choose: [{else: true, do: [keep]}]}]",
        "rules: [{name: r, if: always}]",
        "rules: [{name: r, do: [keep]}]",
        "rules: [{name: '', if: always, do: [keep]}]",
        "rules: [{if: always, do: [keep]}]",
        "rules: [{name: r, if: always, do: []}]",
        "rules: [{name: r, if: always, do: [{keep: true, trash: true}]}]",
        "rules: [{name: r, if: always, do: [{mvoe: Archive}]}]",
        "rules: [{name: r, if: always, choose: []}]",
        "rules: [{name: r, if: always, choose: [{if: always, else: true, do: [keep]}]}]",
        "rules: [{name: r, if: always, choose: [{do: [keep]}]}]",
        "rules: [{name: r, if: {all: []}, do: [keep]}]",
        "rules: [{name: r, if: {subject: {contians: a}}, do: [keep]}]",
        "rules: [{name: r, if: {subject: true}, do: [keep]}]",
        "rules: [{name: r, if: {received: {older_than: soon}}, do: [keep]}]",
        "rules: [{name: r, if: {size: {at_least: big}}, do: [keep]}]",
        "rules: [{name: r, if: {now: {weekday: someday}}, do: [keep]}]",
        "rules: [{name: r, if: {auth: {dmarc: perhaps}}, do: [keep]}]",
        "rules: [{name: r, if: always, do: [{snooze: {for: 1d, until: '08:00'}}]}]",
        "rules: [{name: r, if: always, do: [{flag: deleted}]}]",
        "rules: [{name: r, if: always, do: [{move: {create: true}}]}]",
        "rules: [{name: r, if: always, do: [keep], events: [{at: '03:20', every: 1h}]}]",
        "rules: [{name: r, if: always, do: [keep], events: [old]}]",
        "rules: [{name: r, if: always, do: [keep], guard: {max_messages: 0}}]",
        "rules: [{name: r, if: always, do: [keep], stop: perhaps}]",
        "mailboxes: {home/A: {}}",
        "mailboxes: {home/A: {colour: red}}",
        "tests: [{name: t, given: {subject: a}}]",
        "allow: [everything]",
        "colour: red",
    ],
)
def test_what_is_wrong_by_its_shape_an_editor_marks_too(text: str) -> None:
    assert mistakes_of(text)
    assert not VALIDATOR.is_valid(_plain(HEAD + text))


@pytest.mark.parametrize(
    "account",
    [
        "{host: h.example, secret: {env: A}}",
        "{host: h.example, tunnel: {command: [a]}, user: me, secret: {env: A}}",
        "{user: me, secret: {env: A}}",
        "{host: h.example, user: me, secret: {env: A, file: b}}",
        "{host: h.example, user: me, secret: {}}",
        "{host: h.example, user: me, secret: hunter2}",
        "{host: h.example, user: me, secret: {env: A}, port: 0}",
        "{host: h.example, user: me, secret: {env: A}, proxy: {kind: socks5, host: p.example, user: me}}",
        "{host: h.example, user: me, secret: {env: A}, smtp: {host: s.example, from: a@b.example, user: me}}",
    ],
)
def test_a_wrong_account_is_marked_too(account: str) -> None:
    text = f"version: 1\naccounts: {{home: {account}}}\n"

    assert diagnostics_in(text)
    assert not VALIDATOR.is_valid(_plain(text))


def _defaults(schema: object) -> Iterator[tuple[dict[str, Any], object]]:
    if isinstance(schema, dict):
        if "default" in schema and schema["default"] is not None:
            yield schema, schema["default"]
        for inner in schema.values():
            yield from _defaults(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _defaults(inner)


def test_a_default_is_what_one_may_write() -> None:
    defaults = list(_defaults(SCHEMA))

    assert len(defaults) > 30
    for own, default in defaults:
        wrong = best_match(VALIDATOR.evolve(schema={**own, "$defs": SCHEMA["$defs"]}).iter_errors(default))
        assert wrong is None, f"{own.get('title')}: {default!r}: {wrong.message}"
