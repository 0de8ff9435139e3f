"""A configuration of several files: includes, trust, lists, names shared by all files, the hash."""

from __future__ import annotations

import pytest

from mailrules.diagnostics import Diagnostic, Location
from mailrules.errors import RuleError
from mailrules.rules import yaml_source
from mailrules.rules.loader import MAX_INCLUDED_FILES, load_configuration, named_plugins
from mailrules.rules.text_tests import TextTest
from tests.rules.loading import BUILT_IN, HEAD, diagnostics_in, load

RULE = "rules: [{name: NAME, if: {subject: a}, do: [{flag: seen}]}]\n"


def _included(name: str) -> str:
    return "version: 1\n" + RULE.replace("NAME", name)


def test_own_rules_come_first_and_included_files_follow_in_name_order() -> None:
    configuration = load(
        HEAD + "include: [z.yaml, 'rules/*.yaml']\n" + RULE.replace("NAME", "own"),
        others={"rules/b.yaml": _included("b"), "rules/a.yaml": _included("a"), "z.yaml": _included("z")},
    )

    assert [rule.name for rule in configuration.rules.rules] == ["own", "z", "a", "b"]
    assert configuration.rules.files == ("main.yaml", "z.yaml", "rules/a.yaml", "rules/b.yaml")


def test_a_file_that_two_includes_name_is_read_once() -> None:
    configuration = load(HEAD + "include: ['*.yaml', a.yaml]\n", others={"a.yaml": _included("a")})

    assert [rule.name for rule in configuration.rules.rules] == ["a"]


def test_the_number_of_included_files_is_limited() -> None:
    files = {f"rules/{number:04}.yaml": "version: 1\n" for number in range(MAX_INCLUDED_FILES + 1)}

    found = diagnostics_in(HEAD + "include: ['rules/*.yaml', 3]\n", others=files)

    assert found[0] == f"main.yaml:6:11: error: over {MAX_INCLUDED_FILES} included files; include fewer"
    assert load(HEAD + "include: ['rules/*.yaml']\n", others=dict(list(files.items())[1:])).rules.rules == ()


def test_includes_are_relative_to_the_file_that_names_them() -> None:
    configuration = load(HEAD + "include: [a.yaml]\n", name="etc/main.yaml", others={"etc/a.yaml": _included("a")})

    assert configuration.rules.files == ("etc/main.yaml", "etc/a.yaml")


@pytest.mark.parametrize(
    ("include", "diagnostic"),
    [
        ("gone.yaml", 'there is no file "gone.yaml"; paths start at this file\'s folder'),
        ("pack:gone", 'there is no rule pack "gone"'),
    ],
)
def test_an_include_of_nothing_is_an_error(include: str, diagnostic: str) -> None:
    assert diagnostics_in(HEAD + f"include: ['{include}']\n") == [f"main.yaml:6:11: error: {diagnostic}"]


def test_a_pattern_that_matches_nothing_is_a_warning() -> None:
    warnings = load(HEAD + "include: ['rules/*.yaml']\n").warnings

    assert [str(one) for one in warnings] == ['main.yaml:6:11: warning: "rules/*.yaml" matches no file']


@pytest.mark.parametrize(
    "text",
    [
        "accounts: {a: {host: h, user: u, secret: {env: E}}}",
        "allow: [delete]",
        "plugins: [p]",
        "defaults: {in: [home/INBOX]}",
        "include: [x.yaml]",
    ],
)
def test_an_included_file_may_not_hold_what_needs_trust(text: str) -> None:
    key = text.partition(":")[0]

    found = diagnostics_in(HEAD + "include: [a.yaml]\n", others={"a.yaml": f"version: 1\n{text}\n"})

    assert len(found) == 1
    assert found[0].startswith(f'a.yaml:2:1: error: "{key}" may not stand in an included file; keep it in the main')


def test_permission_in_an_included_file_gives_nothing() -> None:
    found = diagnostics_in(
        HEAD + "include: [a.yaml]\n",
        others={"a.yaml": "version: 1\nallow: [delete]\nrules: [{name: r, if: always, do: [delete]}]\n"},
    )

    assert [one.partition(": error: ")[0] for one in found] == ["a.yaml:2:1", "a.yaml:3:36"]


def test_lists_and_conditions_are_shared_by_all_files() -> None:
    configuration = load(
        HEAD + "include: [a.yaml]\nlists: {words: [x]}\nrules: [{name: r, if: bulk, do: [keep]}]\n",
        others={"a.yaml": "version: 1\nconditions: {bulk: {subject: {in: words}}}\n"},
    )

    assert len(configuration.rules.rules) == 1


def test_names_may_not_stand_in_two_files() -> None:
    text = "lists: {words: [x]}\nconditions: {bulk: {flag: seen}}\n"

    found = diagnostics_in(HEAD + f"include: [a.yaml]\n{text}", others={"a.yaml": f"version: 1\n{text}"})

    assert [one.partition(": error: ")[0] for one in found] == ["a.yaml:2:16", "a.yaml:3:20"]
    assert "exists in an earlier file" in found[0]


def test_a_list_in_a_file_has_one_entry_a_line() -> None:
    configuration = load(
        HEAD + "lists: {words: {file: words.txt}}\nrules: [{name: r, if: {subject: {in: words}}, do: [keep]}]\n",
        others={"words.txt": "# words\n\n  one two \nthree\n"},
    )

    test = configuration.rules.rules[0].condition.test  # type: ignore[union-attr]  # the condition is one leaf
    assert isinstance(test, TextTest)
    assert test.matches[0].values == ("one two", "three")
    assert "words.txt" in configuration.rules.files


@pytest.mark.parametrize(
    ("lists", "diagnostic"),
    [
        ("{a: word}", "6:12: error: a list is expected here, not text; write [a, b], or {file: names.txt}"),
        ("{a: [1, true]}", "6:16: error: text is expected in a list, not true; quote it"),
        ("{a: [[b]]}", "6:13: error: text is expected in a list, not a list; quote it"),
        ("{a: {fil: b}}", '6:13: error: unknown key "fil" in a list; did you mean "file"?'),
        ("{a: {file: b.txt}}", "6:19: error: cannot read b.txt: No such file or directory"),
        ("[a]", "6:8: error: a mapping is expected here, not a list"),
    ],
)
def test_a_mistake_in_a_list_has_its_place(lists: str, diagnostic: str) -> None:
    assert diagnostics_in(HEAD + f"lists: {lists}\n") == [f"main.yaml:{diagnostic}"]


@pytest.mark.parametrize("file", ["/etc/passwd", "../words.txt", "a/../../words.txt"])
def test_an_included_file_reads_lists_from_its_own_folder_only(file: str) -> None:
    (found,) = diagnostics_in(
        HEAD + "include: [a.yaml]\n", others={"a.yaml": f"version: 1\nlists: {{a: {{file: {file}}}}}\n"}
    )

    assert "an included file reads lists from its own folder only" in found


def test_the_hash_changes_with_the_meaning_only() -> None:
    rule = RULE.replace("NAME", "r")

    def hash_of(text: str, **others: str) -> str:
        return load(HEAD + text, others=others).rules.hash

    plain = hash_of(rule)
    assert hash_of("# a comment\n" + rule) == plain
    assert hash_of(rule + "tests: [{name: t, given: {}, expect: {}}]\n") == plain
    assert hash_of(rule.replace("subject: a", "subject: b")) != plain
    assert hash_of(rule + "lists: {w: [a]}\n") != hash_of(rule + "lists: {w: [b]}\n")


def test_toml_is_the_same_model() -> None:
    configuration = load(
        'version = 1\ndefaults.in = ["home/INBOX"]\n[accounts.home]\nhost = "h"\nuser = "u"\nsecret.env = "E"\n'
        '[[rules]]\nname = "r"\nif.received.before = 2026-01-31\ndo = [{flag = "seen"}]\n',
        name="main.toml",
    )

    assert [str(rule.where) for rule in configuration.rules.rules] == ["main.toml:8:8"]


@pytest.mark.parametrize(
    ("text", "diagnostic"),
    [
        ("", 'main.yaml:1:1: error: the file lacks the key "version"; add version: ...'),
        ("version: 2\n", "main.yaml:1:10: error: 1 is expected here, not 2"),
        ("[a]\n", "main.yaml:1:1: error: a file is a mapping, not a list; begin with version: 1"),
        ("version: 1\nruls: []\n", 'main.yaml:2:1: error: unknown key "ruls" in the file; did you mean "rules"?'),
        ("version: 1\nrules: {a: b}\n", "main.yaml:2:8: error: a list is expected here, not a mapping"),
        (
            "version: 1\nallow: [snooze]\n",
            (
                "main.yaml:2:9: error: 'delete', 'forward', 'reply', 'notify', 'webhook', 'pipe', 'save_attachments'"
                " or 'unsubscribe' is expected here, not 'snooze'"
            ),
        ),
        (
            "version: 1\ndefaults: {in: a/INBOX}\n",
            'main.yaml:2:16: error: there is no account "a"; add it under accounts',
        ),
        ("version: 1\naccounts: [a]\n", "main.yaml:2:11: error: a mapping is expected here, not a list"),
    ],
)
def test_a_mistake_in_the_file_itself_has_its_place(text: str, diagnostic: str) -> None:
    found = diagnostics_in(text)

    assert [one[: len(diagnostic)] for one in found] == [diagnostic]


def _load_bytes(content: bytes) -> list[str]:
    with pytest.raises(RuleError) as caught:
        load_configuration("f.yaml", read=lambda _: content, registry=BUILT_IN, expand=lambda _: [])
    return [str(one) for one in caught.value.diagnostics]


def test_bytes_that_are_not_utf_8_have_a_place() -> None:
    assert _load_bytes(b"version: 1\n# caf\xe9\n") == [
        "f.yaml:2:6: error: the byte 0xe9 is not UTF-8; save the file as UTF-8"
    ]


def test_the_size_of_a_file_is_limited() -> None:
    most = yaml_source.MAX_FILE_BYTES

    assert "lacks the key" in _load_bytes(b"#".ljust(most, b"x"))[0]
    assert _load_bytes(b"#".ljust(most + 1, b"x"))[0].startswith(f"f.yaml: error: f.yaml has over {most} bytes")


def test_a_byte_order_mark_is_no_mistake() -> None:
    content = b"\xef\xbb\xbfversion: 1\n"

    assert load_configuration("f.yaml", read=lambda _: content, registry=BUILT_IN, expand=lambda _: []).accounts == {}


def test_a_file_that_cannot_be_read_is_told() -> None:
    def read(path: str) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    with pytest.raises(RuleError, match=r"^f\.yaml: error: cannot read f\.yaml: Permission denied$"):
        load_configuration("f.yaml", read=read, registry=BUILT_IN, expand=lambda _: [])


def test_a_refusal_of_the_reader_is_told_among_the_others() -> None:
    def read(path: str) -> bytes:
        if path == "list.txt":
            raise RuleError([Diagnostic(where=Location(file=path), message="everybody may write to this file")])
        return b"version: 2\nlists: {a: {file: list.txt}}\n"

    with pytest.raises(RuleError) as caught:
        load_configuration("f.yaml", read=read, registry=BUILT_IN, expand=lambda _: [])

    assert len(caught.value.diagnostics) == 2


def test_the_plugins_are_known_before_anything_else() -> None:
    files = {
        "a.yaml": b"version: 1\nplugins: [one, two]\nrules: [{lookalike: x}]\n",
        "b.yaml": b"plugins: [",
        "c.yaml": b"",
        "d.yaml": b'"\\x70lugins": [one]\n',
        "e.yaml": b"rules: [{name: plugins}]\n",
        "f.toml": b'plugins = ["one"]\n',
    }

    named = [named_plugins(path, read=lambda path: files[path]) for path in files]
    assert named == [("one", "two"), (), (), ("one",), (), ("one",)]
