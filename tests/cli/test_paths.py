"""Tests of which configuration and state are used, and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.cli.paths import choose_config, choose_state_dir

if TYPE_CHECKING:
    from tests.cli.conftest import Program


def test_the_option_wins_over_the_environment_for_both_paths() -> None:
    environment = {"MAILRULES_CONFIG": "/env.yaml", "STATE_DIRECTORY": "/env", "HOME": "/nowhere"}

    assert choose_config("/mine.yaml", environment).path == Path("/mine.yaml")
    assert choose_state_dir("/mine", environment).path == Path("/mine")


def test_the_environment_wins_over_the_home_folder() -> None:
    environment = {"MAILRULES_CONFIG": "/env.yaml", "STATE_DIRECTORY": "/one:/two", "HOME": "/nowhere"}

    assert choose_config(None, environment).path == Path("/env.yaml")
    assert choose_state_dir(None, environment).path == Path("/one")


def test_the_users_own_file_is_used_where_it_exists(tmp_path: Path) -> None:
    own = tmp_path / ".config" / "mailrules" / "mailrules.yaml"
    own.parent.mkdir(parents=True)
    own.touch()

    chosen = choose_config(None, {"HOME": str(tmp_path)})

    assert (chosen.path, chosen.reason) == (own, "your own configuration")


def test_without_any_file_the_users_own_place_is_named(tmp_path: Path) -> None:
    chosen = choose_config(None, {"HOME": str(tmp_path)})

    assert chosen.path == tmp_path / ".config" / "mailrules" / "mailrules.yaml"
    assert "no file yet" in chosen.reason


def test_paths_prints_what_is_used_and_why(program: Program) -> None:
    result = program.run("paths", "--json")

    document = json.loads(result.stdout)
    assert document["config"] == {"path": str(program.config), "reason": "given with --config", "exists": False}
    assert document["journal"]["path"] == str(program.state / "journal.sqlite3")
    assert "given with --state-dir" in program.run("paths").stdout
