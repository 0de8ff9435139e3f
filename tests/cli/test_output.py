"""Tests of the one door through which text leaves for a terminal or a log."""

from __future__ import annotations

import io
import unicodedata

import pytest

from mailrules.cli.output import Column, Output, cell, number, plural, wants_color
from mailrules.logs import clean_text

UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_control_format_or_surrogate_character_passes_the_cleaning() -> None:
    unsafe = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in UNSAFE]

    passed = [hex(ord(one)) for one in unsafe if clean_text(one) not in {"", " ", "\ufffd"}]

    assert passed == []


def test_cleaning_keeps_ordinary_text_of_any_language() -> None:
    text = "Grüße, 漢字, עברית, नमस्ते, 🎉 \\Seen $Important"

    assert clean_text(text) == text


def test_line_breaks_become_one_space_so_that_a_line_stays_a_line() -> None:
    assert clean_text("one\r\n\ttwo\u2028three\x85four") == "one two three four"


def test_an_escape_sequence_loses_its_power() -> None:
    assert clean_text("\x1b]0;owned\x07\x1b[2Jhello\u202e") == "]0;owned[2Jhello"


def test_a_cell_is_never_read_as_markup() -> None:
    assert cell("[red]not red[/red]").plain == "[red]not red[/red]"


def test_counts_are_grouped_and_named() -> None:
    assert (number(20000), plural(1, "message"), plural(20000, "copy", "copies")) == (
        "20 000",
        "1 message",
        "20 000 copies",
    )


@pytest.mark.parametrize(
    ("choice", "environment", "wanted"),
    [
        ("auto", {}, True),
        ("auto", {"NO_COLOR": "1"}, False),
        ("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", {"TERM": "dumb"}, False),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_colour_on_a_terminal_follows_the_option_then_the_environment(
    choice: str, environment: dict[str, str], wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert wants_color(Terminal(), choice) is wanted


def test_a_pipe_gets_no_colour_unless_it_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert not wants_color(io.StringIO(), "auto")

    monkeypatch.setenv("FORCE_COLOR", "1")

    assert wants_color(io.StringIO(), "auto")


def test_a_table_in_a_pipe_has_no_trailing_spaces(capsys: pytest.CaptureFixture[str]) -> None:
    Output(color="never").table([Column(title="A"), Column(title="B")], [("1", "longer"), ("2", "x")])

    assert all(line == line.rstrip() for line in capsys.readouterr().out.splitlines())


def test_json_is_ascii_so_that_nothing_in_it_steers_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output().json({"subject": "a\u202eb\x9b"})

    assert capsys.readouterr().out.isascii()
