"""What the JSON Schema offers under each word is what the loader takes, key by key; and nothing else is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from mailrules.errors import RuleError
from mailrules.rules.mailbox_words import ENTRY
from mailrules.rules.operators import TEXT_OPERATORS
from tests.rules.loading import BUILT_IN, load

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """\
version: 1
accounts: {home: {host: imap.example.org, user: me@example.org, secret: {env: P}}}
smtp: {host: localhost, port: 25, security: none, from: me@example.org}
webhooks: {x: {url: "https://hook.example.org/"}}
lists: {x: [a@example.org]}
allow: [delete, forward, reply, notify, webhook, pipe, save_attachments, unsubscribe]
defaults: {in: [home/INBOX]}
"""
Schema = dict[str, Any]  # Any: a JSON document
SAMPLES = {"^[0-9]{2}:[0-9]{2}$": "08:30", "^[0-9]{1,6} ?[smhdw]$": "1d", "^[0-9.]+ ?(B|KiB|MiB|GiB)?$": "2MiB"}
# Texts that mean more than a text: where the schema says "string" and the loader asks for a certain kind of it.
TEXTS = {
    "received": "2026-01-31", "sent": "2026-01-31", "saved": "2026-01-31", "before": "2026-01-31",
    "after": "2026-01-31", "on": "2026-01-31", "zone": "UTC", "search": "ALL", "forward": "a@example.org",
    "to": "a@example.org", "save_attachments": "/files", "pipe": "/bin/cat", "command": "/bin/cat", "flag": "seen",
    "every": "1d", "timeout": "1s",
}  # fmt: skip


def _sample(schema: Schema, word: str) -> object:
    """A value that the schema allows, and that means something under this word."""
    match schema:
        case {"const": constant}:
            return constant
        case {"enum": [first, *_]}:
            return first
        case {"pattern": str(pattern)} if pattern == ENTRY.pattern:
            return "/private/comment"
        case {"pattern": str(pattern)} if pattern in SAMPLES:
            return SAMPLES[pattern]
        case {"pattern": str(pattern)} if pattern.startswith("^(["):  # words in any case; here in capitals
            return re.sub(r"\[(.).\]", r"\1", pattern[2:-2].partition("|")[0])
        case {"anyOf": [first, *_]}:
            return _sample(first, word)
        case {"type": "array", "items": items}:
            if word == "between":
                return ["08:30", "17:00"]
            return [_sample(items, word)]
        case {"type": "boolean"}:
            return True
        case {"type": "integer" | "number"}:
            return 3
        case {"type": "object", "properties": properties}:
            required = schema.get("required", [])
            chosen = [*required, *(name for name in properties if name not in required)][: max(1, len(required))]
            return {name: _sample(properties[name], name) for name in chosen}
        case {"type": "object"}:
            return {"bob": "lr"}
        case _:
            return TEXTS.get(word, "x")


def _forms(schema: Schema, word: str) -> Iterator[tuple[str, object]]:
    """Every form of a word, and for mappings every key beside those that are required."""
    for form in schema.get("anyOf", [schema]):
        if form.get("type") != "object" or "properties" not in form:
            yield "alone", _sample(form, word)
            continue
        properties, required = form["properties"], form.get("required", [])
        for key, inner in properties.items():
            # Some keys say nothing without another: a header's name, a case, a time zone.
            beside = {"header": {"name": "X-Y"}, "now": {"weekday": "mon"}}.get(word, {})
            if key == "case":
                beside = {**beside, "contains": "x"}
            if word == "header" and key == "name":
                beside = {"contains": "x"}
            if word == "setquota" and key == "mailbox":
                beside = {"messages": 3}
            if word == "snooze" and key == "to":
                beside = {"for": "1d"}
            if word == "notify" and key not in {"to", "via"}:
                beside = {"to": "a@example.org"}
            values = {name: _value(word, name, properties[name]) for name in required}
            yield key, {**beside, **values, key: _value(word, key, inner)}


def _value(word: str, key: str, schema: Schema) -> object:
    if word == "snooze" and key == "to":
        return "Later"
    if word == "save_attachments" and key == "to":
        return "/files"
    if (word, key) in {("move", "to"), ("copy", "to")}:
        return "Archive"
    if word == "webhook" and key == "url":
        return "x"
    return _sample(schema, key)


CONDITIONS = [
    pytest.param(word, value, id=f"{word}-{key}")
    for word, spec in BUILT_IN.conditions.items()
    for key, value in _forms(dict(spec.schema), word)
]
ACTIONS = [
    pytest.param(word, value, id=f"{word}-{key}")
    for word, spec in BUILT_IN.actions.items()
    for key, value in _forms(dict(spec.schema), word)
]


def _load(condition: object, action: object) -> None:
    rule = {"name": "r", "if": condition, "do": [action], "events": [{"at": "03:20"}]}
    load(HEAD + f"rules: [{json.dumps(rule)}]\n")


@pytest.mark.parametrize(("word", "value"), CONDITIONS)
def test_each_key_of_a_condition_that_editors_offer_loads(word: str, value: object) -> None:
    _load({word: value}, "keep")


@pytest.mark.parametrize(("word", "value"), ACTIONS)
def test_each_key_of_an_action_that_editors_offer_loads(word: str, value: object) -> None:
    _load("always", {word: value})


@pytest.mark.parametrize("word", BUILT_IN.conditions)
def test_a_condition_takes_no_key_that_editors_do_not_know(word: str) -> None:
    with pytest.raises(RuleError):
        _load({word: {"no_such_operator": "x"}}, "keep")


@pytest.mark.parametrize("operator", [*TEXT_OPERATORS, "in", "exists", "empty"])
@pytest.mark.parametrize("word", ["subject", "list_id", "message_id", "body", "from", "participants", "any_recipient"])
def test_every_text_and_address_field_takes_every_text_operator(word: str, operator: str) -> None:
    value = True if operator in {"exists", "empty"} else "x"

    _load({word: {operator: value}}, "keep")
