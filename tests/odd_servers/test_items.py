"""Every clause of what breaks other clients has tests that exist."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.odd_servers.items import ITEMS, WHAT_BREAKS_OTHERS

TESTS = Path(__file__).parent.parent


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_bytes())
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def clauses():
    """The list, cut where its clauses end."""
    return [" ".join(clause.split()).removesuffix(".") for clause in WHAT_BREAKS_OTHERS.split(";")]


def test_no_clause_is_missing_and_none_is_made_up():
    assert list(ITEMS) == clauses()
    assert len(ITEMS) == 30


@pytest.mark.parametrize(("clause", "part"), [(clause, part) for clause, parts in ITEMS.items() for part in parts])
def test_the_part_has_tests(clause, part):
    tests = ITEMS[clause][part]

    assert tests
    for named in tests:
        file, _, name = named.partition("::")
        assert name.startswith("test_")
        assert name in names_in(file), named
