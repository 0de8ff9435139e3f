"""YAML and TOML become the same values with places, strictly, and whatever the input is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.rules import yaml_source
from mailrules.rules.reporter import Reporter
from mailrules.rules.toml_source import read_toml
from mailrules.rules.yaml_source import read_yaml


def _read(text: str) -> tuple[object, list[str]]:
    reporter = Reporter()
    value = read_yaml(text, file="f", reporter=reporter)
    return (value.plain() if value else None), [str(one) for one in reporter.all]


def test_values_know_their_places() -> None:
    value = read_yaml("a:\n  b: [x, {c: 1}]\n", file="f", reporter=Reporter())

    assert value is not None
    inner = value.mapping["a"].mapping["b"].items[1]
    assert (str(value.mapping["a"].key_at("b")), str(inner.at), str(inner.key_at("c"))) == ("f:2:3", "f:2:10", "f:2:11")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("~", None),
        ("null", None),
        ("17", 17),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", "1e3"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("9999999999999999999999", "9999999999999999999999"),
        ("2026-01-31", "2026-01-31"),
        ("'yes'", "yes"),
        ('"12:30"', "12:30"),
        ("'007'", "007"),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert _read(f"a: {text}\n") == ({"a": value}, [])


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("a: yes", "f:1:4: error: \"yes\" without quotes is ambiguous; write true, or quote it: 'yes'"),
        ("a: Off", "f:1:4: error: \"Off\" without quotes is ambiguous; write false, or quote it: 'Off'"),
        ("a: TRUE", "f:1:4: error: \"TRUE\" without quotes is ambiguous; write true, or quote it: 'TRUE'"),
        ("at: 12:30", 'f:1:5: error: 12:30 without quotes is a number to other YAML readers; quote it: "12:30"'),
        ("a: 007", 'f:1:4: error: 007 without quotes is an octal number to other YAML readers; quote it: "007"'),
        ("{a: 1, a: 2}", 'f:1:8: error: the key "a" stands here twice, first in line 1; remove one'),
        ("a: &x 1", 'f:1:4: error: the anchor "&x" is not allowed; use a named condition or list'),
        ("a: *x", 'f:1:4: error: the alias "*x" is not allowed; write the value out'),
        ("*x : 1", 'f:1:1: error: the alias "*x" is not allowed; write the value out'),
        ("a: !!str 1", 'f:1:4: error: the tag "tag:yaml.org,2002:str" is not allowed; remove it'),
        ("? [a]\n: b", "f:1:3: error: a key must be plain text; quote text that begins with [ or {"),
        ("a: 1\n---\nb: 2", 'f:2:1: error: a file holds one document; remove the "---"'),
    ],
)
def test_surprises_of_yaml_are_errors_that_do_not_stop_the_reading(text: str, diagnostic: str) -> None:
    value, diagnostics = _read(text + "\n")

    assert diagnostics == [diagnostic]
    assert isinstance(value, dict)


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("a: [1, 2\nb: 3\n", 'f:1:4: error: the list or mapping that is opened here is not closed, or lacks a ","'),
        ("a: {b: c\n", 'f:1:4: error: the list or mapping that is opened here is not closed, or lacks a ","'),
        ("a: 'x\n", "f:1:4: error: the quote that is opened here is not closed"),
        ('a: "\\s"\n', "f:1:5: error: a backslash means something special in double quotes"),
        ("a: b: c\n", 'f:1:5: error: a ":" is not allowed here'),
        ("a:\n\t- b\n", "f:2:1: error: a tab cannot begin a value"),
        ("a: @x\n", "f:1:4: error: this character cannot begin a value"),
        ("a: *\n", "f:1:5: error: text that begins with * or & needs quotes"),
        ("a:\n  - b\n c: d\n", "f:3:2: error: this line does not fit the lines above it"),
        ("a: 1\nb\n", 'f:3:1: error: a ":" is missing after this key'),
        ("ä: \x01\n", "f:1:4: error: the character U+0001 may not stand in YAML"),
        ("%FOO\n", "f:1:5: error: this is not YAML: found unknown directive name"),
    ],
)
def test_syntax_errors_have_a_place_and_a_plain_sentence(text: str, diagnostic: str) -> None:
    value, diagnostics = _read(text)

    assert value is None
    assert [one[: len(diagnostic)] for one in diagnostics] == [diagnostic]


def test_depth_is_limited_below_at_and_above() -> None:
    limit = yaml_source.MAX_DEPTH

    assert _read("[" * (limit - 1) + "]" * (limit - 1))[1] == []
    assert _read("[" * limit + "]" * limit)[1] == []
    assert _read("[" * (limit + 1) + "]" * (limit + 1))[1] == [
        f"f:1:{limit + 1}: error: nested deeper than {limit} levels; use named conditions"
    ]
    assert len(_read("[" * 100_000)[1]) == 1


def test_the_number_of_values_is_limited() -> None:
    most = yaml_source.MAX_NODES

    assert _read("[" + "1," * (most - 1) + "]")[1] == []
    assert _read("[" + "1," * most + "]") == (
        None,
        [f"f:1:{2 * most}: error: the file holds more than {most} values; split it"],
    )


def test_an_empty_file_is_an_empty_mapping() -> None:
    assert _read("# nothing yet\n") == ({}, [])


@given(st.text(alphabet=st.sampled_from("ab:-[]{}'\"#&*!|>%@`, \n\t0\\?~"), max_size=60))
def test_any_text_gives_a_value_or_diagnostics(text: str) -> None:
    reporter = Reporter()

    value = read_yaml(text, file="f", reporter=reporter)

    assert value is not None or reporter.has_errors


def _toml(text: str) -> tuple[object, list[str]]:
    reporter = Reporter()
    value = read_toml(text, file="f.toml", reporter=reporter)
    return (value.plain() if value else None), [str(one) for one in reporter.all]


def test_toml_values_have_the_place_of_their_key() -> None:
    value = read_toml(
        'version = 1\n[accounts.home]\nhost = "h"\n\n[[rules]]\nname = "a"\n[[rules]]\nname = "b"\nif.from = "x"\n',
        file="f.toml",
        reporter=Reporter(),
    )

    assert value is not None
    second = value.mapping["rules"].items[1]
    assert str(value.mapping["accounts"].mapping["home"].mapping["host"].at) == "f.toml:3:8"
    assert str(second.at) == "f.toml:7:1"
    assert str(second.key_at("name")) == "f.toml:8:1"
    assert str(second.mapping["if"].mapping["from"].at) == "f.toml:9:11"


def test_toml_dates_are_text() -> None:
    assert _toml("a = 2026-01-31\nb = 03:20:00\n") == ({"a": "2026-01-31", "b": "03:20:00"}, [])


@pytest.mark.parametrize(
    ("text", "place"), [("a = 1\nb = [1,\n", "f.toml:3:1"), ("a = 1\na = 2\n", "f.toml:2:6"), ("a =\n", "f.toml:1:4")]
)
def test_toml_syntax_errors_have_a_place(text: str, place: str) -> None:
    value, diagnostics = _toml(text)

    assert value is None
    assert [one.partition(": error: this is not TOML: ")[0] for one in diagnostics] == [place]


def test_toml_headers_are_told_from_arrays() -> None:
    text = 'a = [\n  [1, 2],\n  [3],  # not a header\n]\n["b c" . d]  # a header\ne = 1\n'

    value = read_toml(text, file="f.toml", reporter=Reporter())

    assert value is not None
    assert str(value.mapping["b c"].mapping["d"].mapping["e"].at) == "f.toml:6:5"


@pytest.mark.parametrize("text", ["[" + " " * 100_000 + "x", "a" + ".a" * 100_000 + " = 1"])
def test_hostile_toml_takes_no_time(text: str) -> None:
    assert len(_toml(text)[1]) == 1


def test_dots_in_a_toml_key_are_limited() -> None:
    assert "over 100 dots" not in _toml("a" + ".a" * 100 + " = 1")[1][0]
    assert _toml("\n" + "a" + ".a" * 101 + " = 1")[1] == [
        "f.toml:2:1: error: over 100 dots in one key or text; use the YAML spelling"
    ]


def test_deep_toml_is_an_error_and_no_crash() -> None:
    assert _toml("a = " + "[" * 20 + "]" * 20 + "\n")[1] == []
    assert len(_toml("a = " + "[" * 60 + "]" * 60 + "\n")[1]) == 1
    assert len(_toml("a = " + "[" * 20_000)[1]) == 1
