"""What Sieve commands and tests become, and what is said of them."""

from __future__ import annotations

import pytest

from mailrules.exchange.imported import Exactness, ExchangeError, Imported, Plain
from mailrules.exchange.rule_text import rule_file
from mailrules.exchange.sieve_conditions import glob_of
from mailrules.exchange.sieve_import import import_sieve
from mailrules.exchange.sieve_syntax import MAX_NESTING, MAX_SCRIPT_CHARACTERS, read_sieve
from tests.exchange.checking import loaded
from tests.plan import planned

REQUIRE = 'require ["fileinto", "imap4flags", "copy", "variables", "encoded-character", "mailbox"];\n'


def condition(test: str) -> Plain:
    imported = import_sieve(f'require "fileinto"; if {test} {{ fileinto "A"; stop; }}')
    assert len(imported.rules) == 1
    return imported.rules[0].condition


def told(imported: Imported, exactness: Exactness) -> list[tuple[int, str]]:
    return [(one.line, one.construct) for one in imported.findings if one.exactness is exactness]


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        ('header :contains "Subject" "x"', {"subject": {"contains": "x"}}),
        ('header "X-A" ["x", "y"]', {"header": {"name": "X-A", "equals": ["x", "y"]}}),
        ('header :comparator "i;octet" :is "List-Id" "x"', {"list_id": {"equals": "x", "case": "match"}}),
        ('address :domain "from" "a.example"', {"from": {"domain": {"equals": "a.example"}}}),
        ('address :contains ["to", "cc", "bcc"] "me"', {"any_recipient": {"address": {"contains": "me"}}}),
        ('exists ["X-A", "X-B"]', {"all": [{"header": {"name": one, "exists": True}} for one in ("X-A", "X-B")]}),
        ("size :over 2M", {"size": {"over": 2 << 20}}),
        ('not not header :is "Subject" "x"', {"subject": {"equals": "x"}}),
        ("allof (true, size :under 5)", {"size": {"under": 5}}),
        ("anyof (size :over 1, size :under 5)", {"any": [{"size": {"over": 1}}, {"size": {"under": 5}}]}),
        ('ihave "fileinto"', "always"),
        ('ihave "vnd.unheard"', {"not": "always"}),
    ],
)
def test_tests_become_conditions(test: str, wanted: Plain) -> None:
    assert condition(test) == wanted


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*", ("exists", "")),
        ("abc", ("equals", "abc")),
        ("a*", ("starts_with", "a")),
        ("*a", ("ends_with", "a")),
        ("*a b*", ("contains", "a b")),
        (r"\*a\?", ("equals", "*a?")),
        (r"*\**", ("contains", "*")),
        ("a?[b]*", ("glob", "a?[[]b]*")),
        (r"?\*", ("glob", "?[*]")),
        ("**", ("glob", "**")),
    ],
)
def test_patterns_become_the_plainest_operator(pattern: str, wanted: tuple[str, str]) -> None:
    assert glob_of(pattern) == wanted


def test_what_is_refused_is_kept_as_a_disabled_rule_with_its_source() -> None:
    imported = import_sieve('require "vacation";\n# rule:[Away]\nvacation :days 7 "I am away";\nkeep;')

    (rule,) = [one for one in imported.rules if not one.is_enabled]
    assert (rule.name, rule.source) == ("Away", 'vacation :days 7 "I am away";')
    assert told(imported, Exactness.REFUSED) == [(3, "vacation")]
    assert '  # vacation :days 7 "I am away";\n  - name: Away\n    enabled: false\n' in rule_file(imported, origin="x")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ('fileinto "a\nb";', "the mailbox's name 'a\\nb' holds what cannot be printed"),
        ('fileinto "a//b";', "the mailbox 'a//b' has an empty level"),
        ('set "box" "\x7f"; fileinto "${box}";', "the mailbox's name '\\x7f' holds what cannot be printed"),
        ('redirect "nobody";', "'nobody' is no plain address: it has no @"),
        ('addflag "\\\\Deleted";', "no rule marks mail as deleted; write `trash` or `delete` by hand"),
        ('setflag "\\\\Recent";', "no server keeps the flag '\\\\Recent'"),
        ('addflag "a(b";', "no server keeps the flag 'a(b'"),
        ('keep :flags "ä";', "no server keeps the flag 'ä'"),
        ('if header "a b" "x" { keep; }', "'a b' is no name of a header field"),
        ('if exists "" { keep; }', "'' is no name of a header field"),
        (
            'if header :regex "Subject" "([" { keep; }',
            "this regular expression cannot be used: missing ] at character 2",
        ),
    ],
)
def test_what_no_rule_file_may_hold_is_refused_and_the_rules_load(script: str, why: str) -> None:
    imported = import_sieve(REQUIRE + script)

    assert [one.how for one in imported.findings if one.exactness is Exactness.REFUSED] == [why]
    loaded(imported)


def test_a_deleted_flag_may_be_taken_away() -> None:
    imported = import_sieve(REQUIRE + 'removeflag "\\\\Deleted";')

    assert imported.rules[0].actions == ({"unflag": "deleted"},)
    loaded(imported)


def test_a_refused_test_takes_its_whole_chain_along_and_warns_of_the_rest() -> None:
    imported = import_sieve('if hasflag "\\\\Seen" { discard; } else { keep; }\nif size :over 5 { discard; }')

    assert [one.is_enabled for one in imported.rules] == [False, True]
    assert (1, "the rest of the script") in told(imported, Exactness.APPROXIMATED)


def test_a_mistake_in_one_command_loses_nothing_behind_it() -> None:
    imported = import_sieve('bogus [;\nif size :over 5 { discard; stop; }\nif true { "open\n')

    assert [one.is_enabled for one in imported.rules] == [False, True, False]
    assert [line for line, _ in told(imported, Exactness.REFUSED)] == [1, 3]


def test_arms_that_end_alike_are_one_rule_and_others_a_rule_each() -> None:
    alike = (
        'if size :over 9 { fileinto "A"; stop; } elsif size :over 5 { addflag "$Big"; } else { fileinto "B"; stop; }'
    )
    unlike = 'if size :over 9 { fileinto "A"; } elsif size :over 5 { fileinto "B"; stop; }\nfileinto "C";'

    one = import_sieve(REQUIRE + alike + "\nkeep;").rules
    several = import_sieve(REQUIRE + unlike).rules

    assert len(one[0].branches) == 3
    assert one[0].stop is None
    assert [rule.stop for rule in several] == [False, None, None]
    assert several[1].condition == {"all": [{"not": {"size": {"over": 9}}}, {"size": {"over": 5}}]}
    assert several[2].conflict == "fan-out"


def test_variables_and_encoded_characters_are_put_in() -> None:
    imported = import_sieve(REQUIRE + 'set "list" "Chess";\nfileinto "Lists/${list} ${hex:c3 a9} {x}";')

    assert imported.rules[0].actions == ({"move": "Lists/Chess é {{x}}"},)


def test_a_variable_that_is_not_always_set_is_refused() -> None:
    imported = import_sieve(REQUIRE + 'if size :over 5 { set "a" "b"; }\nfileinto "${a}";\nfileinto "${1}";')

    assert [construct for _, construct in told(imported, Exactness.REFUSED)] == ["set", "${a}"]


def test_flags_behind_a_filing_are_only_nearly_the_same() -> None:
    imported = import_sieve(REQUIRE + 'fileinto :copy "A";\naddflag "\\\\Seen";')

    assert told(imported, Exactness.APPROXIMATED) == [(3, "addflag")]


def test_the_text_of_the_file_loads_as_rules_and_disabled_ones_do_nothing() -> None:
    imported = import_sieve(
        REQUIRE + 'if header :contains "Subject" "yes: *" { fileinto :create "A"; }\nreject "no";\nkeep;'
    )
    text = rule_file(imported, origin="a\nscript", mailboxes=("home/INBOX",))

    loaded = planned.load("", head=planned.HEAD + text.partition("version: 1\n")[2])

    assert text.startswith("# Imported from a script: ")
    assert [rule.name for rule in loaded.rules.rules] == ["sieve line 2", "sieve line 4"]


def test_texts_in_lines_lose_their_dots_and_comments_name_rules() -> None:
    (command,) = read_sieve("# Filter: x\nredirect text:\n..a\nb\n.\n;")

    assert command.arguments == ((".a\nb\n",),)
    assert command.comment == "Filter: x"


@pytest.mark.parametrize("deep", ["if true {" * 40, "not " * 40])
def test_nesting_is_bounded(deep: str) -> None:
    text = f"if {deep} true {{ keep; }}" if deep.startswith("not") else deep + "}" * 40

    imported = import_sieve(text)

    assert told(imported, Exactness.REFUSED)
    assert str(MAX_NESTING) in " ".join(one.how for one in imported.findings)


@pytest.mark.parametrize("text", ['"' * 100_001, "/*" * 100_000, "text:" * 100_000, "\\" * 100_000, "[" * 100_000])
def test_what_never_closes_is_read_in_linear_time(text: str) -> None:
    assert told(import_sieve(text), Exactness.REFUSED)


def test_a_script_without_end_is_no_script() -> None:
    import_sieve("#" * MAX_SCRIPT_CHARACTERS)

    with pytest.raises(ExchangeError, match="1,000,001 characters"):
        import_sieve("#" * (MAX_SCRIPT_CHARACTERS + 1))
