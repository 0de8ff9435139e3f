"""What a configuration of gmailctl becomes, its tests included."""

from __future__ import annotations

import json

import pytest

from mailrules.exchange.gmailctl_import import import_gmailctl
from mailrules.exchange.imported import Exactness, ExchangeError, Imported
from mailrules.plan.example_runner import run_examples
from tests.exchange.checking import loaded, told


def config(*rules: dict[str, object], tests: object = (), **more: object) -> bytes:
    return json.dumps({"version": "v1alpha3", "rules": rules, "tests": tests, **more}, indent=1).encode()


def read(filter_: object, **actions: object) -> Imported:
    return import_gmailctl(config({"filter": filter_, "actions": actions or {"star": True}}))


@pytest.mark.parametrize(
    ("filter_", "wanted"),
    [
        ({"from": "a@b.example"}, "from:a@b.example"),
        ({"subject": "two words"}, 'subject:"two words"'),
        ({"subject": '"a b" OR c', "isEscaped": True}, 'subject:("a b" OR c)'),
        ({"has": "say {x}"}, '"say {x}"'),
        ({"query": "dinner AROUND 5 friday"}, "dinner AROUND 5 friday"),
        ({"not": {"query": "a b"}}, "-(a b)"),
        ({"not": {"cc": "a@b.example"}}, "-cc:a@b.example"),
        ({"or": [{"bcc": "a"}, {"replyto": "b"}]}, "{bcc:a replyto:b}"),
        ({"and": [{"list": "l"}, {"query": "x OR y"}, {"or": [{"to": "t"}]}]}, "list:l (x OR y) to:t"),
        ({"or": [{"and": [{"from": "a"}, {"to": "b"}]}, {"from": "c"}]}, "{(from:a to:b) from:c}"),
        ({"not": {"or": [{"from": "a"}, {"from": "b"}]}}, "-{from:a from:b}"),
        ({"from": "a", "to": ""}, "from:a"),
    ],
)
def test_a_filter_is_the_search_that_gmailctl_makes_of_it(filter_: object, wanted: str) -> None:
    imported = read(filter_)

    assert imported.rules[0].condition == {"gmail": wanted}
    assert imported.count(Exactness.EXACT) == len(imported.findings)
    loaded(imported)


def test_actions_are_those_of_gmail() -> None:
    imported = read(
        {"from": "a"}, archive=True, markRead=True, star=False, labels=["L", "M/N"], markSpam=False, category="social",
        markImportant=True, forward="x@y.example",
    )  # fmt: skip

    assert imported.rules[0].actions == (
        {"flag": "seen"},
        {"copy": "[Gmail]/Important"},
        {"forward": {"to": "x@y.example"}},
        {"label": ["L", "M/N"]},
        "archive",
    )
    assert [name for _, name in told(imported, Exactness.REFUSED)] == ["markSpam", "category"]
    assert imported.rules[0].source == "left out: markSpam\nleft out: category: social"


@pytest.mark.parametrize(
    ("rule", "construct"),
    [
        ({"filter": {}, "actions": {"star": True}}, "filter"),
        ({"filter": {"from": "a", "to": "b"}, "actions": {"star": True}}, "filter"),
        ({"filter": {"sender": "a"}, "actions": {"star": True}}, "sender"),
        ({"filter": {"from": ["a"]}, "actions": {"star": True}}, "from"),
        ({"filter": {"or": {"from": "a"}}, "actions": {"star": True}}, "or"),
        ({"filter": {"has": "a", "isEscaped": True}, "actions": {"star": True}}, "isEscaped"),
        ({"filter": {"from": 'a"b'}, "actions": {"star": True}}, "filter"),
        ({"filter": {"query": "(a"}, "actions": {"star": True}}, "filter"),
        ({"filter": {"from": "a"}, "actions": {}}, "actions"),
        ({"filter": {"from": "a"}, "actions": {"markSpam": True}}, "markSpam"),
        ({"filter": {"from": "a"}, "actions": {"explode": True}}, "explode"),
        ({"filter": {"from": "a"}, "actions": {"star": True}, "when": "now"}, "when"),
        ({"filter": {"from": "a"}}, "rules"),
        ({"filter": {"from": "a"}, "actions": {"category": "social"}}, "category"),
    ],
)
def test_what_is_refused_is_a_disabled_rule_with_its_source(rule: dict[str, object], construct: str) -> None:
    imported = import_gmailctl(config(rule))

    assert [name for _, name in told(imported, Exactness.REFUSED)] == [construct]
    assert not imported.rules[0].is_enabled
    assert json.loads(imported.rules[0].source) == rule
    assert loaded(imported).rules.rules == ()


def test_labels_and_the_rest_of_the_file_are_told() -> None:
    imported = import_gmailctl(
        config(labels=[{"name": "A"}, {"name": "B", "color": {"text": "#000"}}, {}], author={"name": "x"}, extra=1)
    )

    assert [name for _, name in told(imported, Exactness.EXACT)] == ["version", "labels", "labels", "author"]
    assert [name for _, name in told(imported, Exactness.APPROXIMATED)] == ["color"]
    assert [name for _, name in told(imported, Exactness.REFUSED)] == ["labels", "extra"]


RULES: list[dict[str, object]] = [
    {"filter": {"from": "@shop.example"}, "actions": {"labels": ["Shops"], "markRead": True}},
    {
        "filter": {"and": [{"list": "chess.lists.example"}, {"not": {"to": "me@example.org"}}]},
        "actions": {"archive": True, "labels": ["Chess"]},
    },
    {"filter": {"has": "very important"}, "actions": {"star": True, "markImportant": True}},
    {"filter": {"or": [{"from": f"long-name-{n}@somewhere.example"} for n in range(60)]}, "actions": {"star": True}},
]
TESTS = [
    {"name": "shops", "messages": [{"from": "news@shop.example"}], "actions": {"labels": ["Shops"], "markRead": True}},
    {
        "name": "chess",
        "messages": [{"lists": ["chess.lists.example"]}, {"lists": ["CHESS@lists.example"], "to": ["you@example.org"]}],
        "actions": {"archive": True, "labels": ["Chess"]},
    },
    {"messages": [{"lists": ["chess.lists.example"], "cc": ["me@example.org"]}], "actions": {}},
    {
        "messages": [{"subject": "A VERY important thing"}, {"body": "very important"}],
        "actions": {"star": True, "markImportant": True},
    },
    {"name": "divided", "messages": [{"from": "long-name-59@somewhere.example"}], "actions": {"star": True}},
]


def test_its_tests_become_examples_that_hold() -> None:
    imported = import_gmailctl(config(*RULES, tests=TESTS))

    results = run_examples(loaded(imported))

    assert [one.example.name for one in results] == [
        "shops", "chess", "chess (2)", "gmailctl 3", "gmailctl 4", "gmailctl 4 (2)", "divided",
    ]  # fmt: skip
    assert [one.failures for one in results] == [()] * 7
    assert imported.count(Exactness.REFUSED) == 0
    assert imported.examples[0].expect == {"matched": ["from:@shop.example"], "flags": ["seen"], "copies": ["Shops"]}


def test_an_example_fails_once_its_rule_is_changed() -> None:
    imported = import_gmailctl(config(RULES[0], tests=TESTS[:1]))
    changed = import_gmailctl(config({**RULES[0], "actions": {"labels": ["Other"]}}))

    results = run_examples(loaded(Imported(rules=changed.rules, findings=(), examples=imported.examples)))

    assert results[0].failures


@pytest.mark.parametrize(
    ("rules", "test", "construct"),
    [
        (RULES[:1], {"messages": [{"from": "x@y.example"}], "actions": {"markRead": True}}, "test"),
        ([{"filter": {"query": "x"}, "actions": {"star": True}}], TESTS[0], "test"),
        (RULES[:1], {"messages": [], "actions": {}}, "messages"),
        (RULES[:1], {"messages": [{"sent": "x"}], "actions": {}}, "sent"),
        (RULES[:1], {"actions": {}}, "test"),
        (RULES[:1], {"messages": [{}], "actions": {"explode": True}}, "explode"),
        (RULES[:1], {"messages": [{}], "actions": {}, "mood": "good"}, "mood"),
    ],
)
def test_a_test_that_cannot_be_kept_is_refused(rules: list[dict[str, object]], test: object, construct: str) -> None:
    imported = import_gmailctl(config(*rules, tests=[test]))

    assert [name for _, name in told(imported, Exactness.REFUSED)] == [construct]
    assert imported.examples == ()


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"", 1, "empty"),
        (b"\n{'a'}", 2, "double quotes"),
        (b'{"version": "v1alpha2", "rules": []}', 1, "gmailctl-config-migrate"),
        (b'{"rules": []}', 1, "no `version`"),
        (b'{"version": "v1alpha3",\n"rules": {}}', 2, "a list is expected"),
        (b'{"version": "v1alpha3",\n"rules": [],\n"rules": []}', 3, "stands twice, in line 2"),
        (b'{"version": "v1alpha3", "rules": [1,]}', 1, "a value is expected"),
        (b'{"version": "v1alpha3", "rules": [\n', 2, "cut short"),
        (b'{"version": "v1alpha3", "rules": []} x', 1, "something follows"),
        (b'{"version": "v1al\npha3"}', 1, "not closed"),
        (b'{"version": "\\x"}', 1, "in quotes cannot be read"),
        (b'{"version":\n"\\ud800"}', 2, "lone surrogate"),
        (b'"' + b"a" * 1_000_000, 1, "not closed"),
        (b"local x = import 'y'; {}", 1, "no JSON"),
        (b"[" * 100_000, 1, "deep"),
        (b'{"version": "v1alpha3",\n"rules": [' + b"1," * 10_001 + b"1]}", 2, "over 10,000 rules"),
        (b"[" + b"1," * 400_000 + b"1]", 1, "over 200,000 values"),
        ('{"version": "v1alpha3"}'.encode("utf-16"), 1, "UTF-16"),
        (b'{"version":\n"\xe4"}', 2, "not UTF-8"),
        (b" " * (10 << 20), 1, "over 4,194,304 bytes"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_configuration_is_told_with_its_line(content: bytes, line: int, why: str) -> None:
    with pytest.raises(ExchangeError, match=why) as told_error:
        import_gmailctl(content)

    assert told_error.value.line == line


def test_every_cut_of_a_file_is_told_and_none_raises_anything_else() -> None:
    content = config(*RULES, tests=TESTS)

    for cut in range(0, len(content) - 1, 41):
        with pytest.raises(ExchangeError):
            import_gmailctl(content[:cut])


def test_a_filter_that_is_nested_too_deep_is_refused() -> None:
    deep: object = {"from": "a"}
    for _ in range(40):
        deep = {"not": deep}

    assert told(read(deep), Exactness.REFUSED)[0][1] == "filter"


def test_thousands_of_rules_that_are_alike_get_names_of_their_own() -> None:
    imported = import_gmailctl(config(*[{"filter": {"from": "a"}, "actions": {"star": True}}] * 2_000))

    assert imported.rules[-1].name == "from:a (2000)"


def test_tests_are_judged_up_to_a_bound_and_those_behind_it_refused() -> None:
    rules: list[dict[str, object]] = [{"filter": {"from": f"a{n}"}, "actions": {"star": True}} for n in range(600)]
    test = {"messages": [{"from": "a5"}], "actions": {"star": True}}

    imported = import_gmailctl(config(*rules, tests=[test] * 400))

    assert len(imported.examples) == 250
    assert imported.count(Exactness.REFUSED) == 150
