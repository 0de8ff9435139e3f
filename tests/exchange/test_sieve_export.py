"""Which rules become a Sieve script, how it reads, and why others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.exchange.imported import Exactness
from mailrules.exchange.sieve_export import SieveTarget, export_sieve
from mailrules.exchange.sieve_import import import_sieve
from mailrules.exchange.sieve_writing import INDENT
from tests.plan import planned

if TYPE_CHECKING:
    from mailrules.exchange.exported import Exported

HEAD = planned.HEAD.replace("{env: PASSWORD}", "{env: PASSWORD}, archive: Archive")


def export(rules: str, *, chosen: tuple[str, ...] = (), separator: str = "/", head: str = HEAD) -> Exported:
    loaded = planned.load(rules, head=head)
    target = SieveTarget(account=loaded.accounts["home"], accounts=loaded.accounts.keys(), separator=separator)
    return export_sieve(loaded.rules.rules, target, chosen=chosen)


def rule(condition: str, actions: str = "[{move: A}]", *, more: str = "", name: str = "r") -> str:
    return f"  - {{name: {name}, if: {condition}, do: {actions}{more}}}\n"


def script(condition: str, actions: str = "[{move: A}]") -> str:
    exported = export("rules:\n" + rule(condition, actions))
    assert exported.count(Exactness.REFUSED) == 0, exported.findings
    return exported.text


def why_not(*rules: str, chosen: tuple[str, ...] = ()) -> list[str]:
    exported = export("rules:\n" + "".join(rules), chosen=chosen)
    return [one.how for one in exported.findings if one.exactness is Exactness.REFUSED]


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("{subject: x}", 'header :contains "Subject" "x"'),
        ("{subject: {equals: [x, y]}}", 'header :is "Subject" ["x", "y"]'),
        ("{subject: {starts_with: 'a*'}}", r'header :matches "Subject" "a\\**"'),
        ("{subject: {ends_with: 'b?'}}", r'header :matches "Subject" "*b\\?"'),
        ("{subject: {glob: '[*]a*'}}", r'header :matches "Subject" "\\*a*"'),
        ("{subject: {equals: x, case: match}}", 'header :is :comparator "i;octet" "Subject" "x"'),
        ("{subject: Ärger}", 'header :contains "Subject" ["ärger", "Ärger"]'),
        ("{header: {name: x-a, exists: true}}", 'exists "X-A"'),
        ("{header: {name: X-A, empty: true}}", 'not header :matches "X-A" "?*"'),
        ("{subject: 'say \"a\\b\"'}", r'header :contains "Subject" "say \"a\\b\""'),
        ("{from: a@b.example}", 'address :all :is "From" "a@b.example"'),
        ("{from: '@b.example'}", 'address :domain :is "From" "b.example"'),
        ("{from: '@bücher.example'}", 'address :domain :is "From" ["bücher.example", "xn--bcher-kva.example"'),
        ("{to: {subdomain_of: b.example}}", 'address :domain :matches "To" ["b.example", "*.b.example"]'),
        ("{any_recipient: {detail: news}}", 'address :detail :is ["To", "Cc", "Bcc"] "news"'),
        ("{cc: {local: {equals: Ann, case: match}}}", 'address :localpart :is :comparator "i;octet" "Cc" "Ann"'),
        ("{any_recipient: {exists: false}}", 'not anyof (exists "To", exists "Cc", exists "Bcc")'),
        ("{from: [a@b.example, '@c.example']}", 'anyof (address :all :is "From" "a@b.example", address :domain'),
        ("{size: {at_least: 5}}", "not size :under 5"),
        ("{size: {equals: 5}}", "allof (not size :over 5, not size :under 5)"),
        ("{none: [{size: {over: 1}}, {subject: x}]}", "not anyof ("),
    ],
)
def test_conditions_become_tests(condition: str, wanted: str) -> None:
    assert f"if {wanted}" in script(condition)


def test_actions_become_commands_and_require_names_what_they_need_in_order() -> None:
    text = script("{to: {detail: x}}", "[{copy: B}, {flag: [seen, flagged]}, {move: {to: C/D, create: true}}]")

    assert text == (
        'require ["copy", "fileinto", "imap4flags", "mailbox", "subaddress"];\n\n'
        "# rule:[r]\n"
        'if address :detail :is "To" "x" {\n'
        f'{INDENT}addflag ["\\\\Seen", "\\\\Flagged"];\n'
        f'{INDENT}fileinto :copy "B";\n'
        f'{INDENT}fileinto :create "C/D";\n'
        f"{INDENT}stop;\n"
        "}\n"
    )


def test_a_choice_is_a_chain_within_the_condition_of_the_rule() -> None:
    branches = "[{if: {subject: a}, do: [keep]}, {else: true, do: [archive]}]"

    exported = export(f"rules:\n  - {{name: c, if: {{size: {{over: 9}}}}, choose: {branches}}}\n")

    assert exported.text.partition("[c]\n")[2] == (
        'if size :over 9 {\n    if header :contains "Subject" "a" {\n        keep;\n        stop;\n    }\n'
        '    else {\n        fileinto "Archive";\n        stop;\n    }\n}\n'
    )


@pytest.mark.parametrize(
    ("condition", "actions", "why"),
    [
        ("{subject: {regex: a}}", "[keep]", "regular expressions"),
        ("{subject: {glob: 'a?'}}", "[keep]", "one byte"),
        ("{subject: {glob: '[ab]'}}", "[keep]", "no choice of characters such as [ab]"),
        ("{subject: äöüäöü}", "[keep]", "too many letters"),
        ("{subject: {contains: a, ends_with: b}}", "[keep]", "one occurrence"),
        ("{from: Ann}", "[keep]", "without their display names"),
        ("{from: {domain: a.example, local: b}}", "[keep]", "one address"),
        ("{from: {domain: {equals: a.example, case: match}}}", "[keep]", "no case"),
        ("{from: {empty: true}}", "[keep]", "names nobody"),
        ("{from: {address: {contains: 'a b'}}}", "[keep]", "needs quotes"),
        ("{from: {domain: {contains: ü}}}", "[keep]", "Punycode"),
        ("{to: {detail: {glob: '*'}}}", "[keep]", "without a detail"),
        ("{size: {over: 3GiB}}", "[keep]", "2,147,483,647"),
        ("{sent: {before: 2026-01-01}}", "[keep]", "unknowable"),
        ("{flag: seen}", "[keep]", "before anybody"),
        ("{account: home}", "[keep]", "only mailrules knows"),
        ("always", "[trash]", "ambiguous header"),
        ("always", "[{label: x}]", "does not know labels"),
        ("always", "[{create: x}]", "nothing that does that"),
        ("always", "[{move: 'A/{received:%Y}'}]", "made of the message"),
        ("always", "[{copy: A}, {move: A}]", "once, and the rules twice"),
        ("always", "[{move: home/A}]", "another account"),
    ],
)
def test_what_is_not_exact_is_refused_with_the_reason(condition: str, actions: str, why: str) -> None:
    (reason,) = why_not(rule(condition, actions))

    assert why in reason


def test_a_refusal_names_the_place_within_the_rule() -> None:
    exported = export("rules:\n  - name: r\n    if:\n      subject: a\n      body: b\n    do: [keep]\n")

    assert [(one.where.line, one.rule) for one in exported.findings] == [(10, "r")]


@pytest.mark.parametrize("more", [", in: [home/Lists]", ", in: [home/INBOX, home/Lists]", ", events: [{at: '03:20'}]"])
def test_only_rules_for_new_mail_in_inbox_are_exported(more: str) -> None:
    assert len(why_not(rule("always", more=more))) == 1


def test_a_rule_behind_a_refused_one_that_may_take_its_mail_is_refused_unless_it_is_chosen() -> None:
    rules = rule("{body: x}", name="first"), rule("{size: {over: 9}}", name="second")

    assert len(why_not(*rules)) == 2
    assert why_not(*rules, chosen=("second",)) == []


@pytest.mark.parametrize(
    "first",
    [
        rule("{body: x}", "[{flag: seen}]", name="marks"),
        rule("{all: [{body: x}, {size: {under: 9}}]}", name="excludes"),
        rule("{body: x}", name="elsewhere", more=", in: [home/Lists]"),
    ],
)
def test_a_refused_rule_that_takes_nothing_from_a_later_one_refuses_only_itself(first: str) -> None:
    assert len(why_not(first, rule("{size: {over: 9}}", name="second"))) == 1


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("[{copy: A}]", "[{flag: seen}]", "would lack the flags"),
        ("[{copy: A}]", "[{move: A}]", "once, and the rules twice"),
        ("[{move: B}]", "[{move: C}]", "conflict: fan-out"),
    ],
)
def test_rules_that_meet_otherwise_than_commands_do_are_refused(first: str, second: str, why: str) -> None:
    (reason,) = why_not(
        rule("{subject: a}", first, name="first", more=", stop: false"),
        rule("{size: {over: 9}}", second, name="second"),
    )

    assert why in reason


def test_names_and_values_cannot_leave_their_places() -> None:
    hostile = 'x"; discard; #\\'
    exported = export("rules:\n" + rule(f"{{subject: '{hostile}'}}", f"[{{move: '{hostile}'}}]", name='"a\\nstop;"'))

    again = import_sieve(exported.text)

    assert "\nstop;" not in exported.text.partition("\n}")[0].replace("    stop;", "")
    assert again.rules[0].name == "a stop;"
    assert again.rules[0].condition == {"subject": {"contains": hostile}}
    assert again.rules[0].actions == ({"move": hostile},)


def test_levels_are_separated_as_the_server_does() -> None:
    rules = "rules:\n" + rule("always", "[{copy: A/B}]") + rule("always", "[{copy: A.B}]", name="s")

    exported = export(rules, separator=".")

    assert 'fileinto :copy "A.B";' in exported.text
    assert [one.rule for one in exported.findings if one.exactness is Exactness.REFUSED] == ["s"]


def test_rules_of_other_accounts_have_no_part_in_it() -> None:
    head = HEAD.replace("defaults:", "  work: {host: imap.example.com, user: me, secret: {env: PASSWORD}}\ndefaults:")
    rules = rule("always", name="theirs", more=", in: [work/INBOX]") + rule("always")

    exported = export("rules:\n" + rules, head=head)

    assert [one.rule for one in exported.findings] == ["r"]


def test_a_script_that_no_server_would_take_is_not_written() -> None:
    long = ", ".join(f"w{number:04}{'x' * 1000}" for number in range(950))

    (reason,) = why_not(rule(f"{{subject: [{long}]}}"))

    assert "over 900,000 characters" in reason


def test_an_empty_file_is_an_empty_script() -> None:
    assert export("").text == ""
