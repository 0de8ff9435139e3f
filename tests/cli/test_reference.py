"""Tests that the command reference and the program say the same."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from mailrules.cli.exit_status import ExitStatus
from mailrules.cli.invocation import GLOBAL_OPTIONS
from mailrules.cli.main import VERBS, attribute_of, main
from mailrules.cli.run_view import report_document
from mailrules.engine import RunReport
from mailrules.plan.plan import Plan
from tests.daemon.conftest import NOW

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that call it."""
    for name, (module, _) in VERBS.items():
        command = getattr(import_module(f"mailrules.cli.{module}"), attribute_of(name))
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield name, command
            yield from ((f"{name} {inner}", one) for inner, one in command.commands.items())
        else:
            yield name, command


def long_options(parameters: list[click.Parameter]) -> set[str]:
    return {text for one in parameters if isinstance(one, click.Option) for text in one.opts if text.startswith("--")}


COMMANDS = dict(commands())
GLOBAL = long_options(list(GLOBAL_OPTIONS))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_in_its_table_and_no_other(name: str) -> None:
    documented = re.findall(r"^\| `(--[a-z-]+)", SECTIONS[f"mailrules {name}"], flags=re.MULTILINE)

    assert set(documented) == long_options(COMMANDS[name].params)


def test_the_page_has_a_section_for_each_command_and_none_for_others() -> None:
    named = {title.removeprefix("mailrules ") for title in SECTIONS if title.startswith("mailrules ")}

    assert named == set(COMMANDS)


def test_every_global_option_is_documented() -> None:
    table = re.findall(r"^\| .*?`(--[a-z-]+)", SECTIONS["Global options"], flags=re.MULTILINE)

    assert set(table) == GLOBAL


def test_no_option_is_mentioned_that_does_not_exist() -> None:
    known = GLOBAL | long_options(main.params) | {"--help"}
    for command in COMMANDS.values():
        known |= long_options(command.params)

    assert set(re.findall(r"--[a-z]+(?:-[a-z]+)*", PAGE)) <= known


def test_every_exit_status_is_documented() -> None:
    documented = re.findall(r"^\| (\d+) \|", SECTIONS["Exit status"], flags=re.MULTILINE)

    assert {int(number) for number in documented} == set(ExitStatus)


def test_every_field_of_the_outcome_document_is_documented() -> None:
    plan = Plan(created=NOW, rules_hash="h", mailboxes=())
    documented = re.findall(r"^\| `([a-z_]+)`", SECTIONS["The outcome document"], flags=re.MULTILINE)

    assert documented == list(report_document(RunReport(plan=plan)))
