"""House rules that no linter holds: what tracked files may name, how modules begin, what a start costs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.long_first import LONG

ROOT = Path(__file__).parents[1]
TRACKED = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    if name and (ROOT / name).is_file()
]
MODULES = [path for path in TRACKED if path.suffix == ".py"]
PRODUCT = [path for path in MODULES if path.is_relative_to(ROOT / "mailrules")]

MACHINE_PATH = re.compile(rb"(?<![\w.*-])/(?:work|root|tmp|home/\w+|Users/\w+)/")
REGISTRY_HOST = re.compile(rb"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|crates\.io|proxy\.golang\.org")
HEAVY = {"asyncio", "pydantic", "re2", "rich", "sqlite3", "structlog", "watchfiles", "yaml"}
MOST_LINES = 400


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY_HOST], ids=["machine paths", "registry hosts"])
def test_no_tracked_file_names(pattern: re.Pattern[bytes]) -> None:
    found = {named(path): match[0] for path in TRACKED if (match := pattern.search(path.read_bytes()))}

    assert found == {}


def test_every_module_says_in_its_first_sentence_which_question_it_answers() -> None:
    silent = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        first = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")[0]
        if text.strip() and not re.search(r"[.?:]$", first):
            silent.append(named(path))

    assert silent == []


def test_no_module_of_the_product_is_too_long_to_be_one_thing() -> None:
    lengths = {named(path): path.read_bytes().count(b"\n") for path in PRODUCT}

    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES} == {}


def test_values_are_made_as_the_house_makes_them() -> None:
    """Each class by the standard library's decorator is compiled at every start (docs/decisions/0010)."""
    others = [
        named(path)
        for path in PRODUCT
        if path.name != "values.py"
        and re.search(r"^from dataclasses import .*\bdataclass\b", path.read_text(), re.MULTILINE)
    ]

    assert not others, "import dataclass from mailrules.values"


def test_what_is_begun_first_is_there() -> None:
    assert [name for name in LONG if not (ROOT / name).is_file()] == []


def test_what_demo_and_users_install_is_pinned_as_for_development() -> None:
    pins = [
        set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements.txt", "requirements-dev.txt")
    ]

    assert pins[0] < pins[1]


def test_help_starts_without_what_it_does_not_need() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mailrules", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line.startswith("import time:")
    }
    assert {"mailrules", "click"} <= imported
    assert imported & HEAVY == set()
    assert len({name for name in imported if name.startswith("mailrules.")}) < 10
