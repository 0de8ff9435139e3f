"""Tests of the program's frame: help, global options, errors and how the process ends."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner

import mailrules
from mailrules.cli.invocation import Invocation, Verb, pass_invocation
from mailrules.cli.main import VERBS, CommandLine, attribute_of, main

if TYPE_CHECKING:
    from tests.cli.conftest import Program

HELP_SECONDS = 0.150


def program_with(command: click.Command) -> click.Command:
    """The real program's frame around one command of the test's own."""

    class Frame(CommandLine):
        def get_command(self, _ctx: click.Context, _cmd_name: str) -> click.Command:
            return command

    return Frame(name="mailrules")


def failing_with(error: BaseException) -> click.Command:
    @click.command(cls=Verb, name="fail")
    def fail() -> None:
        raise error

    return program_with(fail)


def test_the_help_answers_at_once() -> None:
    """The best of five in processor time, since other tests run beside this one."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "mailrules", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(times) < HELP_SECONDS


def test_the_help_loads_no_verb_and_no_terminal_library() -> None:
    code = "import sys, mailrules.cli.main as m\ntry: m.main(['--help'])\nexcept SystemExit: print(sorted(sys.modules))"

    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    for heavy in ("rich", "pydantic", "structlog", "asyncio", "mailrules.cli.plan_commands"):
        assert f"'{heavy}'" not in output


@pytest.mark.parametrize("name", VERBS)
def test_the_line_of_help_of_each_verb_is_its_own_first_line(name: str) -> None:
    module, summary = VERBS[name]
    command = getattr(import_module(f"mailrules.cli.{module}"), attribute_of(name))

    assert command.name == name
    assert command.help.splitlines()[0] == summary


def test_global_options_stand_before_or_after_the_verb(program: Program) -> None:
    before = CliRunner().invoke(main, ["-c", "/a.yaml", "paths", "--json"]).stdout
    after = CliRunner().invoke(main, ["paths", "--json", "-c", "/a.yaml"]).stdout

    assert before == after
    assert '"/a.yaml"' in before


def test_a_global_option_after_the_verb_wins() -> None:
    assert '"/b.yaml"' in CliRunner().invoke(main, ["-c", "/a.yaml", "paths", "--json", "-c", "/b.yaml"]).stdout


def test_an_unknown_verb_is_a_usage_error_without_a_word_about_the_configuration(program: Program) -> None:
    program.write("version: one\n")

    result = program.run("chekc")

    assert result.exit_code == 2
    assert "No such command 'chekc'" in result.stderr
    assert "version" not in result.stderr


def test_the_version_is_printed() -> None:
    result = CliRunner().invoke(main, ["--version"])

    assert (result.exit_code, result.stdout) == (0, f"mailrules {mailrules.__version__}\n")


def test_a_missing_configuration_says_where_it_was_looked_for(program: Program) -> None:
    result = program.run("dry-run")

    assert result.exit_code == 3
    assert f"{program.config}: error: there is no such file (given with --config)" in result.stderr


def test_an_unexpected_exception_is_one_line_that_asks_for_a_report() -> None:
    result = CliRunner().invoke(failing_with(KeyError("x")), ["fail"])

    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert "internal error: KeyError: 'x' at " in result.stderr
    assert "test_main.py" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_traceback_of_an_unexpected_exception_comes_with_v() -> None:
    result = CliRunner().invoke(failing_with(KeyError("x")), ["fail", "-v"])

    assert "Traceback" in result.stderr
    assert "internal error" in result.stderr


def test_an_error_message_is_cleaned_of_what_could_steer_a_terminal() -> None:
    result = CliRunner().invoke(failing_with(ValueError("bad\x1b[2J\nname")), ["fail"])

    assert "\x1b" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_interrupt_ends_with_130() -> None:
    result = CliRunner().invoke(failing_with(KeyboardInterrupt()), ["fail"])

    assert (result.exit_code, result.stderr.strip()) == (130, "mailrules: interrupted")


def test_a_reader_that_goes_away_is_no_complaint() -> None:
    result = subprocess.run(
        f"{sys.executable} -m mailrules schema | head -c 1", shell=True, capture_output=True, text=True, check=False
    )

    assert (result.stdout, result.stderr) == ("{", "")


def say_kanji() -> click.Command:
    @click.command(cls=Verb, name="say")
    @pass_invocation
    def say(invocation: Invocation) -> None:
        invocation.output.line("漢")

    return program_with(say)


def test_output_that_cannot_be_encoded_is_escaped() -> None:
    code = "from tests.cli.test_main import say_kanji; say_kanji()(['say'])"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": os.pathsep.join(sys.path)}

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment)

    assert result.stdout == "\\u6f22\n"
