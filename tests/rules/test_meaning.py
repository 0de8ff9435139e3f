"""The digest of one rule changes with what the rule does, and with nothing else."""

from __future__ import annotations

import pytest

from mailrules.rules.meaning import Meanings
from mailrules.rules.reporter import Reporter
from mailrules.rules.toml_source import read_toml
from mailrules.rules.yaml_source import read_yaml

FILE = """\
lists:
  vip: [a@example.org]
  unused: [b@example.org]
conditions:
  bulk: {any: [machine, {subject: offer}]}
  machine: {from: {in: robots}}
  other: {subject: other}
defaults:
  in: [home/INBOX]
  guard: {max_messages: 100}
rules:
  - name: first
    if: {subject: 007}
    do: [{flag: seen}]
  - name: shown
    shadow: 7d
    if: {all: [bulk, {from: {in: vip}}, {not: {matched_by: first}}]}
    do: [{move: Archive}]
    guard: {max_messages: 5}
  - name: last
    if: always
    do: [{flag: flagged}]
"""


def digest_in(text: str, *, name: str = "shown", lists: dict[str, tuple[str, ...]] | None = None) -> str:
    """The digest of one rule; a list is taken from ``lists`` where that has it, as a list in a file would be."""
    reader = read_toml if text.startswith("#toml") else read_yaml
    source = reader(text, file="rules", reporter=Reporter())
    assert source is not None
    entries = source.mapping
    rules = {rule.mapping["name"].text: rule for rule in entries["rules"].items}
    found = {key: tuple(item.text for item in value.items) for key, value in entries["lists"].mapping.items()}
    meanings = Meanings(
        conditions=entries["conditions"].mapping,
        lists=found | {"robots": ("robot@example.org",)} | (lists or {}),
        rules=rules,
        defaults=entries["defaults"],
    )
    return meanings.digest(rules[name])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  - name: last\n", "  # a comment\n  - name: last\n"),
        ("    shadow: 7d\n", "    shadow: 14d\n"),
        ("    shadow: 7d\n", "    enabled: true\n"),
        ("[b@example.org]", "[c@example.org]"),
        ("{subject: other}", "{subject: another}"),
        ("do: [{flag: seen}]", "do: [{flag: answered}]"),
        ("do: [{flag: flagged}]", "do: [{trash: true}]"),
        ("do: [{move: Archive}]", 'do:\n      - move: "Archive"'),
        ("{max_messages: 100}", "{max_messages: 200}"),
        ("    if: {all:", "    in: [home/INBOX]\n    if: {all:"),
    ],
    ids=[
        "a comment",
        "a longer time",
        "enabling",
        "a list of others",
        "a condition of others",
        "what a rule does that it reads",
        "what other rules do",
        "spelling",
        "a default that it overrides",
        "a default written out",
    ],
)
def test_what_does_not_concern_the_rule_leaves_it_as_it_was(old: str, new: str) -> None:
    assert old in FILE
    assert digest_in(FILE.replace(old, new)) == digest_in(FILE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{move: Archive}", "{move: Others}"),
        ("{from: {in: vip}}", "{to: {in: vip}}"),
        ("[a@example.org]", "[a@example.org, d@example.org]"),
        ("{subject: offer}", "{subject: offers}"),
        ("machine: {from: {in: robots}}", "machine: {to: {in: robots}}"),
        ("if: {subject: 007}", "if: {subject: 7}"),
        ("[home/INBOX]", "[home/Other]"),
        ("{max_messages: 5}", "{max_messages: 6}"),
        ("name: shown\n", "name: shown\n    stop: false\n"),
    ],
    ids=[
        "an action",
        "a condition",
        "a list",
        "a named condition",
        "a condition that a condition names",
        "the condition of a rule that it reads, as written",
        "a default that it uses",
        "a guard",
        "an option",
    ],
)
def test_what_changes_the_rule_changes_the_digest(old: str, new: str) -> None:
    assert old in FILE
    assert digest_in(FILE.replace(old, new)) != digest_in(FILE)


def test_a_list_that_a_named_condition_names_counts() -> None:
    assert digest_in(FILE, lists={"robots": ("r2@example.org",)}) != digest_in(FILE)


def test_the_place_in_the_file_does_not_count() -> None:
    head, *rules = FILE.split("  - name: ")
    first, shown, last = rules

    moved = f"{head}  - name: {first}  - name: {last}  - name: {shown}"

    assert digest_in(moved) == digest_in(FILE)


def test_keys_of_the_rule_may_stand_in_any_order() -> None:
    reordered = FILE.replace("    shadow: 7d\n", "").replace("    guard: {max_messages: 5}\n", "")
    reordered = reordered.replace("  - name: shown\n", "  - guard: {max_messages: 5}\n    name: shown\n")

    assert digest_in(reordered) == digest_in(FILE)


def test_toml_says_the_same() -> None:
    yaml = 'lists: {}\nconditions: {}\ndefaults: {}\nrules: [{name: shown, if: {subject: "x"}, do: [{flag: seen}]}]\n'
    toml = '#toml\nlists = {}\nconditions = {}\ndefaults = {}\n[[rules]]\nname = "shown"\nif = {subject = "x"}\n'

    assert digest_in(toml + 'do = [{flag = "seen"}]\n') == digest_in(yaml)


def test_conditions_that_name_each_other_end() -> None:
    circular = FILE.replace("machine: {from: {in: robots}}", "machine: bulk")

    assert digest_in(circular) != digest_in(FILE)
