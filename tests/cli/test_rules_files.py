"""``mailrules rules``: what it changes in a user's file, and that all else stays."""

from difflib import ndiff
from pathlib import Path

import pytest

from mailrules.rules.formatting import formatted
from mailrules.rules.reporter import Reporter
from mailrules.rules.yaml_source import read_yaml
from tests.cli.conftest import Program

CONFIG = """\
# mine
version: 1
accounts:
  home: {host: imap.example.org, user: me, secret: {env: SECRET}}
defaults: {in: [home/INBOX]}
rules:
  # about lists
  - name: lists   # the first
    if: {list_id: {exists: true}}  # any list
    do: [{flag: seen}]

  - {name: family, if: {from: "@family.example"}, do: [{flag: flagged}]}
  - if: {size: {over: 1MiB}}
    name: 'large'
    do: [{keyword: "$Large"}]
"""


def changes(before: str, after: str) -> list[str]:
    """The lines that differ, with ``+`` or ``-`` before them."""
    return [line for line in ndiff(before.split("\n"), after.split("\n")) if line[0] in "+-"]


def switch(program: Program, verb: str, name: str, *, status: int = 0) -> str:
    result = program.run("rules", verb, name)
    assert result.exit_code == status, result.output
    return result.output


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("lists", ["+     enabled: false"]),
        (
            "family",
            [
                '-   - {name: family, if: {from: "@family.example"}, do: [{flag: flagged}]}',
                '+   - {enabled: false, name: family, if: {from: "@family.example"}, do: [{flag: flagged}]}',
            ],
        ),
        ("large", ["+     enabled: false"]),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_rule_is_switched_off_and_on_by_one_line(program: Program, name: str, lines: list[str], end: str) -> None:
    before = CONFIG.replace("\n", end).encode()
    program.config.write_bytes(before)

    assert "off" in switch(program, "disable", name)
    off = program.config.read_bytes()
    assert changes(before.decode().replace("\r\n", "\n"), off.decode().replace("\r\n", "\n")) == lines
    assert off.count(b"\n") == off.count(end.encode())

    assert "on" in switch(program, "enable", name)
    if name != "family":
        assert program.config.read_bytes() == before
    assert "already" in switch(program, "enable", name)


def test_a_word_with_a_comment_is_changed_and_the_comment_stays(program: Program) -> None:
    text = CONFIG.replace("name: 'large'\n", "name: 'large'\n    enabled: false  # too many\n")
    program.write(text)

    switch(program, "enable", "large")

    assert program.config.read_text() == text.replace("enabled: false  #", "enabled: true  #")


def test_a_last_line_without_an_end_gets_none(program: Program) -> None:
    program.write(CONFIG + "  - do: [{flag: seen}]\n    if: {subject: a}\n    name: last")

    switch(program, "disable", "last")

    assert program.config.read_text().endswith("\n    name: last\n    enabled: false")


def test_in_toml_too_and_in_included_files_behind_a_link(program: Program) -> None:
    folder = program.folder / "rules"
    folder.mkdir(mode=0o700)
    own = folder / "own.toml"
    own.write_text('version = 1\n[[rules]]\nname = "bulk" # mine\nif = {subject = "a"}\ndo = [{flag = "seen"}]\n')
    own.chmod(0o600)
    Path(program.folder / "more.toml").symlink_to(own)
    program.write(CONFIG.replace("rules:\n", "include: [more.toml]\nrules:\n"))

    switch(program, "disable", "bulk")

    assert Path(program.folder / "more.toml").is_symlink()
    assert own.read_text() == (
        'version = 1\n[[rules]]\nname = "bulk" # mine\nenabled = false\nif = {subject = "a"}\ndo = [{flag = "seen"}]\n'
    )
    assert own.stat().st_mode & 0o777 == 0o600
    assert list(folder.iterdir()) == [own]


def test_a_byte_order_mark_stays(program: Program) -> None:
    program.config.write_bytes(b"\xef\xbb\xbf" + CONFIG.encode())

    switch(program, "disable", "lists")

    assert program.config.read_bytes().startswith(b"\xef\xbb\xbf# mine")


def test_a_rule_that_is_not_there_is_asked_for_by_its_likeness(program: Program) -> None:
    program.write(CONFIG)

    assert "lists" in switch(program, "disable", "list", status=2)
    assert program.config.read_text() == CONFIG


def test_a_rule_of_a_pack_is_not_edited(program: Program) -> None:
    program.write(CONFIG.replace("rules:\n", 'include: ["pack:mailing-lists"]\nrules:\n'))
    output = switch(program, "disable", "mailing-lists/moderation", status=3)

    assert "belongs to a pack" in output


def test_a_name_on_two_lines_is_refused_with_a_cure(program: Program) -> None:
    text = CONFIG.replace("name: 'large'", "name:\n      large")
    program.write(text)

    output = switch(program, "disable", "large", status=3)

    assert "write enabled: false there" in output
    assert program.config.read_text() == text


def test_files_are_formatted_or_only_looked_at(program: Program) -> None:
    uneven = CONFIG.replace("    do: [{flag: seen}]\n", "    do:\n    - flag:   seen  # read\n")
    program.write(uneven)

    checked = program.run("rules", "fmt", "--check")
    assert (checked.exit_code, program.config.read_text()) == (1, uneven)
    assert "+      - flag: seen  # read" in checked.output

    assert program.run("rules", "fmt").exit_code == 0
    assert "      - flag: seen  # read\n" in program.config.read_text()
    assert "Nothing to format" in program.run("rules", "fmt", "--check").output


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "rules").glob("*.yaml")), ids=lambda path: path.name
)
def test_fmt_settles_at_once_on_the_files_of_our_packs(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    source = read_yaml(text, file="x", reporter=Reporter())
    assert source is not None
    once = formatted(text, source)
    again = read_yaml(once, file="x", reporter=Reporter())
    assert again is not None
    assert again.plain() == source.plain()
    assert formatted(once, again) == once


def test_fmt_refuses_toml_and_says_so(program: Program, tmp_path: Path) -> None:
    toml = tmp_path / "a.toml"
    toml.write_text("version = 1  \n", encoding="utf-8")
    result = program.run("rules", "fmt", str(toml))
    assert (result.exit_code, toml.read_text(encoding="utf-8")) == (3, "version = 1  \n")
    assert "fmt knows YAML, not TOML; leave this file out" in result.output
