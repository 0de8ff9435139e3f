"""Every command that a message or a page tells a person to run exists."""

from __future__ import annotations

import re
from pathlib import Path

from mailrules.cli.main import VERBS

_REPOSITORY = Path(__file__).parents[2]
_NAMED = re.compile(r"`mailrules ([a-z][a-z-]+)")


def test_each_verb_that_a_message_or_a_page_names_is_a_verb() -> None:
    places = [
        *_REPOSITORY.glob("mailrules/**/*.py"),
        *_REPOSITORY.glob("docs/reference/*.md"),
        _REPOSITORY / "README.md",
    ]

    named = {(path.name, verb) for path in places for verb in _NAMED.findall(path.read_text("utf-8"))}

    assert {one for one in named if one[1] not in VERBS} <= {("plugins.md", "lookalike"), ("testing.md", "lookalike")}
    assert len(named) > len(VERBS)
