"""Every item that breaks other clients has tests that exist."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.odd_servers.items import ITEMS

TESTS = Path(__file__).parent.parent


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_bytes())
    return frozenset(one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("item", ITEMS)
def test_the_item_has_tests(item):
    assert ITEMS[item]
    for named in ITEMS[item]:
        file, _, name = named.partition("::")
        assert name.startswith("test_")
        assert name in names_in(file), named
