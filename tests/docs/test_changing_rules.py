"""What the guide to changing rules shows is what the program prints."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import Program
from tests.docs.pages import read_page

if TYPE_CHECKING:
    from pathlib import Path

PAGE = read_page("docs/guides/changing-rules.md")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(folder=tmp_path)


def test_the_explanation_on_the_page_is_what_is_printed(program: Program) -> None:
    program.config.write_text(block("yaml"), encoding="utf-8")
    mail = program.folder / "bill.eml"
    mail.write_text(block("eml"), encoding="utf-8")

    shown = program.run("explain", "--eml", str(mail))

    assert shown.exit_code == 0, shown.output
    assert shown.stdout == block("text")


def test_the_changes_on_the_page_make_the_rule_match(program: Program) -> None:
    changed = block("yaml")
    for new, old in re.findall(r"with  (.*?)  instead of  (.*)", block("text")):
        assert changed.count(old) == 1
        changed = changed.replace(old, new)
    program.config.write_text(changed, encoding="utf-8")
    mail = program.folder / "bill.eml"
    mail.write_text(block("eml"), encoding="utf-8")

    shown = program.run("test", str(mail))

    assert "  matches bills\n" in shown.stdout
