"""An even form says what the file said, with every comment, and formatting it again changes nothing."""

from pathlib import Path

import pytest

from mailrules.rules.formatting import NotFormatted, formatted
from mailrules.rules.reporter import Reporter
from mailrules.rules.yaml_source import read_yaml

PACKS = sorted((Path(__file__).parents[2] / "rules").glob("*.yaml"))


def even(text: str) -> str:
    source = read_yaml(text, file="rules.yaml", reporter=Reporter())
    assert source is not None
    return formatted(text, source)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", "a: 1\n"),
        ("a:   1   \n\n\n\nb: 2\n", "a: 1\n\nb: 2\n"),
        ("rules:\n- name: x   # why\n  do:\n  - trash\n", "rules:\n  - name: x # why\n    do:\n      - trash\n"),
        ("rules: [{name: x, do: [{flag: seen}]}]\n", "rules: [{name: x, do: [{flag: seen}]}]\n"),
        ("a: 'it''s'\nb: \"x\\ty\"\nc: 007\nd: '12:30'\n", "a: 'it''s'\nb: \"x\\ty\"\nc: 007\nd: '12:30'\n"),
        ("# top\n\na: 1\n# end\n", "# top\n\na: 1\n# end\n"),
        ("a:\r\n    b: 1\r\n", "a:\r\n  b: 1\r\n"),
        ("a: |\n  two  \n\n\n\n  lines\nb: 1\n", "a: |\n  two  \n\n\n\n  lines\nb: 1\n"),
    ],
)
def test_a_file_gets_its_even_form(before: str, after: str) -> None:
    assert even(before) == after
    assert even(after) == after


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_packs_have_it(path: Path) -> None:
    assert even(path.read_text()) == path.read_text()


def test_what_would_lose_a_comment_is_left() -> None:
    with pytest.raises(NotFormatted, match="a comment would be lost"):
        even("a: [1, # one\n  2]\n")
