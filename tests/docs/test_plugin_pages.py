"""The plugin of the pages, installed as a stranger's would be, passes the tests of the pages."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, get_args

import pytest

from mailrules import hookspecs
from mailrules.testing import pytest_plugin
from mailrules.testing.memory_faults import Moment
from mailrules.testing.server_faults import AtCommand, Fault, Reaction
from tests.docs.pages import examples, read_page

if TYPE_CHECKING:
    from pathlib import Path

PLUGINS, TESTING = read_page("docs/reference/plugins.md"), read_page("docs/reference/testing.md")
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("mailrules_"))
FIXTURES = re.findall(r"^@pytest\.fixture\ndef (\w+)", inspect.getsource(pytest_plugin), re.MULTILINE)

RECORDER = """
import pathlib
import sys

called = set()


def note(frame, event, argument):
    code = frame.f_code
    if event == "call" and code.co_name.startswith("mailrules_") and code.co_filename.endswith("reputation.py"):
        called.add(code.co_name)


def pytest_sessionfinish():
    pathlib.Path("called").write_text(" ".join(sorted(called)))


sys.setprofile(note)
"""


def source_of(page: str) -> str:
    """The page's Python as one module."""
    return "\n\n".join(example.code for example in examples(page))


@pytest.fixture(scope="module")
def pages_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where the plugin is installed, with the tests beside it."""
    folder = tmp_path_factory.mktemp("plugin")
    toml = re.search(r"^```toml\n\[project\.entry-points\.mailrules\]\n(\w+) = \"(\w+)\"\n```", PLUGINS, re.MULTILINE)
    assert toml is not None
    metadata = folder / "reputation-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: reputation\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[mailrules]\n{toml[1]} = {toml[2]}\n")
    (folder / "reputation.py").write_text(source_of("docs/reference/plugins.md"))
    (folder / "conftest.py").write_text(RECORDER)
    (folder / "test_reputation.py").write_text(source_of("docs/reference/testing.md"))
    return folder


def test_the_tests_of_the_testing_page_pass_and_exercise_every_hook(pages_plugin: Path) -> None:
    options = ("asyncio_mode=auto", "asyncio_default_fixture_loop_scope=function", "filterwarnings=error")
    words = ["-q", "-p", "no:cacheprovider", *(f"--override-ini={option}" for option in options)]

    result = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "test_reputation.py"],
        cwd=pages_plugin,
        env={**os.environ, "PYTHONPATH": str(pages_plugin)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    wanted = len(re.findall(r"^(?:async )?def test_", (pages_plugin / "test_reputation.py").read_text(), re.MULTILINE))
    assert f"{wanted} passed" in result.stdout, result.stdout + result.stderr
    assert (pages_plugin / "called").read_text().split() == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_the_hook_is_documented_with_its_arguments_and_the_pages_plugin_implements_it(hook: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)

    assert f"### `{hook}({arguments})`\n" in PLUGINS
    assert f"@hookimpl\ndef {hook}(" in source_of("docs/reference/plugins.md")


def test_no_hook_is_documented_that_does_not_exist() -> None:
    assert sorted(re.findall(r"^### `(\w+)\(", PLUGINS, re.MULTILINE)) == HOOKS


def test_every_fixture_is_documented_and_no_other() -> None:
    section = TESTING.partition("## Fixtures")[2].partition("\n## ")[0]

    assert sorted(re.findall(r"^\| `(\w+)`", section, re.MULTILINE)) == sorted(FIXTURES)


def test_every_fault_and_reaction_and_moment_is_documented_and_no_other() -> None:
    section = TESTING.partition("## A server that fails")[2].partition("\n## ")[0]
    moments = TESTING.partition("## Without a server")[2].partition("\n## ")[0]

    assert set(re.findall(r"^\| `(\w+)\(", section, re.MULTILINE)) == {
        one.__name__ for one in (*get_args(Fault), *get_args(Reaction)) if one is not AtCommand
    }
    assert f"`{AtCommand.__name__}(" in section
    assert re.findall(r"^\| `(\w+)` \|", moments, re.MULTILINE) == [moment.name for moment in Moment]
