"""Rules of ours that a seed makes: what the export knows, and some things that it has to refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.exchange.sieve_oracle import MAILBOXES

if TYPE_CHECKING:
    from random import Random

_WORDS = ("alpha", "beta", "x*y", "[tag]", "a b", "gamma", "pha", 'q"\\')
_ADDRESSES = ("ann@example.org", "bob+news@lists.example.net", "me@example.net", "carol@example.org")


def rules(random: Random) -> str:
    """A rule file's ``rules``: one to five rules. JSON is YAML too."""
    made = [_rule(random, number) for number in range(random.randint(1, 5))]
    return f"rules: {json.dumps(made)}\n"


def _rule(random: Random, number: int) -> dict[str, object]:
    rule: dict[str, object] = {"name": f"rule {number}", "if": _condition(random, depth=2)}
    if random.random() < 0.3:
        arms = [{"if": _condition(random, depth=1), "do": _actions(random)} for _ in range(random.randint(1, 2))]
        rule["choose"] = [*arms, {"else": True, "do": _actions(random)}]
    else:
        rule["do"] = _actions(random)
    if random.random() < 0.3:
        rule["stop"] = random.random() < 0.5
    if random.random() < 0.5:
        rule["conflict"] = "fan-out"
    return rule


def _actions(random: Random) -> list[object]:
    chosen: list[object] = random.sample(
        [{"flag": "seen"}, {"flag": ["flagged", "answered"]}, {"keyword": "$Work"}, {"unflag": "seen"}],
        random.randint(0, 2),
    )
    if random.random() < 0.2:
        chosen.append({"copy": "Copies"})
    if random.random() < 0.6 or not chosen:
        chosen.append(
            random.choice(({"move": random.choice(MAILBOXES)}, {"move": {"to": "A", "create": True}}, "keep"))
        )
    return chosen


def _condition(random: Random, *, depth: int) -> object:
    if depth and random.random() < 0.4:
        parts = [_condition(random, depth=depth - 1) for _ in range(random.randint(1, 3))]
        return {random.choice(("all", "any", "none")): parts}
    if random.random() < 0.1:
        return "always"
    if random.random() < 0.15:
        return {"not": _condition(random, depth=depth)}
    match random.randint(0, 3):
        case 0:
            return {"size": {random.choice(("over", "under", "at_least", "at_most")): random.choice((1024, 2000))}}
        case 1:
            return {"header": {"name": "X-Kind", random.choice(("exists", "empty")): random.random() < 0.5}}
        case 2:
            word = random.choice(("from", "to", "cc", "any_recipient", "participants"))
            return {word: random.choice((random.choice(_ADDRESSES), *(_address(random) for _ in range(3))))}
        case _:
            word = random.choice(("subject", "list_id", "header"))
            return {word: {**({"name": "X-Kind"} if word == "header" else {}), **_text(random)}}


def _address(random: Random) -> object:
    return random.choice(
        (
            "@example.org",
            {"domain": random.choice(("Example.ORG", "lists.example.net"))},
            {"subdomain_of": ["example.net"]},
            {"local": {random.choice(("equals", "starts_with")): random.choice(("ann", "bob+news", "bob"))}},
            {"detail": "news"},
            {"address": {random.choice(("contains", "ends_with")): random.choice(("example.net", "bob"))}},
        )
    )


def _text(random: Random) -> dict[str, object]:
    operator = random.choice(("equals", "contains", "starts_with", "ends_with", "glob"))
    values = random.sample(("*pha*", "al*", "[[]tag]*") if operator == "glob" else _WORDS, random.randint(1, 2))
    return {operator: values, **({"case": "match"} if random.random() < 0.2 else {})}
