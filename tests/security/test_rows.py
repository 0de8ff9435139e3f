"""Each row of the security table has its requirements, each requirement its tests, and the page says the same."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.security.rows import ROWS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "security.md"
REQUIREMENTS = [(threat, one) for threat, requirements in ROWS.items() for one in requirements]


@cache
def functions_of(file: str) -> frozenset[str]:
    """The names of all test functions of a file, methods too."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    )


@pytest.mark.parametrize(("threat", "requirement"), REQUIREMENTS, ids=[one.says for _, one in REQUIREMENTS])
def test_every_requirement_has_tests_that_exist(threat: str, requirement: object) -> None:
    (one,) = [one for one in ROWS[threat] if one is requirement]

    missing = [name for name in one.tests if name.partition("::")[2] not in functions_of(name.partition("::")[0])]

    assert missing == []
    assert bool(one.tests) != bool(one.open), "what is open has no tests, and what has tests is not open"


def test_the_page_has_the_same_rows_in_the_same_order() -> None:
    table = re.findall(r"^\| ([^|`]+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert [one for one in table if one not in {"threat", "---"}] == list(ROWS)


def test_the_page_says_what_is_open() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())

    assert [one.open for _, one in REQUIREMENTS if one.open and one.open not in page] == []
