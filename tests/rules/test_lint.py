"""Rules that are each well-formed are checked against each other and against the accounts."""

from __future__ import annotations

import re

import pytest

from mailrules.errors import RuleError
from tests.rules.loading import HEAD, load, mistakes_of

TWO_ACCOUNTS = HEAD.replace(
    "defaults:", "  work: {host: imap.example.com, user: me, secret: {env: WORK_PASSWORD}}\ndefaults:"
)


def _warnings(rules: str) -> list[str]:
    return [f"{one.where.line}: {one.message}" for one in load(TWO_ACCOUNTS + "rules:\n" + rules).warnings]


def test_two_rules_may_not_share_a_name() -> None:
    (found,) = mistakes_of(
        "rules: [{name: r, if: {flag: draft}, do: [keep]}, {name: r, if: {flag: seen}, do: [keep]}]\n"
    )

    assert found == 'the rule "r" exists already, at main.yaml:6:16; rename one of the two'


@pytest.mark.parametrize("action", ["move: work/Archive", "copy: {to: 'work/Lists/{from}', create: true}"])
def test_move_and_copy_go_to_other_accounts(action: str) -> None:
    assert _warnings(f"  - {{name: r, if: always, do: [{{{action}}}]}}\n") == []


@pytest.mark.parametrize(
    ("action", "mistake"),
    [
        ("create: work/A", 'create stays within an account, and "work" is another one; only move and copy'),
        ("copy: {to: 'work/{from}'}", '"work/" names no mailbox of "work", so any message could choose any mailbox'),
    ],
)
def test_what_cannot_be_meant_in_another_account_is_refused(action: str, mistake: str) -> None:
    with pytest.raises(RuleError, match=re.escape(mistake)):
        load(TWO_ACCOUNTS + f"rules: [{{name: r, if: always, do: [{{{action}}}]}}]\n")


def test_a_rule_for_two_accounts_cannot_name_one_of_them_as_the_other() -> None:
    with pytest.raises(RuleError, match="write a rule for each account"):
        load(
            TWO_ACCOUNTS + "rules: [{name: r, in: [home/INBOX, work/INBOX], if: always, do: [{move: work/Archive}]}]\n"
        )


def test_a_target_that_begins_with_the_own_account_is_a_warning() -> None:
    assert _warnings("  - {name: r, if: always, do: [{move: home/A}]}\n") == [
        '8: this means the mailbox "home/A" inside the account "home"'
    ]


def test_a_target_may_look_like_an_account_that_does_not_exist() -> None:
    assert _warnings("  - {name: r, if: always, do: [{move: play/A}]}\n") == []


def test_two_rules_may_not_want_different_rights() -> None:
    (found,) = mistakes_of(
        "rules:\n"
        "  - {name: a, if: {flag: seen}, do: [{setacl: {mailbox: S, rights: {bob: lrs, ann: l}}}]}\n"
        "  - {name: b, if: {flag: draft}, do: [{setacl: {mailbox: S, rights: {bob: lr, ann: lcd}}}]}\n"
    )

    assert found == 'the rule "a" wants other rights for bob: "lrs"; give the rights in one rule only'


def test_our_own_right_to_administer_is_never_given_away() -> None:
    (found,) = mistakes_of(
        "rules: [{name: a, if: always, do: [{setacl: {mailbox: S, rights: {me@example.org: lrs}}}]}]\n"
    )

    assert found.startswith("this would take our own right to administer S away")


def test_a_rule_behind_one_that_ends_with_everything_is_unreachable() -> None:
    rules = (
        "  - {name: all, if: always, do: [{move: A}]}\n"
        "  - {name: never, if: {flag: seen}, do: [{flag: flagged}]}\n"
        "  - {name: elsewhere, in: [home/INBOX, home/B], if: {flag: seen}, do: [{keyword: $a}]}\n"
    )

    assert _warnings(rules) == ['9: no message reaches this rule: "all" ends with every one before it']


@pytest.mark.parametrize(
    "first",
    [
        "{name: all, if: always, do: [{move: A}], stop: false}",
        "{name: all, if: always, do: [{flag: seen}]}",
        "{name: all, if: always, do: [{move: A}], events: {at: '03:20'}}",
        "{name: all, if: {subject: x}, do: [{move: A}]}",
        "{name: all, choose: [{if: {subject: x}, do: [trash]}]}",
        "{name: all, choose: [{if: {subject: x}, do: [{flag: draft}]}, {else: true, do: [trash]}]}",
    ],
)
def test_a_rule_that_lets_some_mail_pass_hides_nothing(first: str) -> None:
    assert _warnings(f"  - {first}\n  - {{name: later, if: {{subject: y}}, do: [keep]}}\n") == []


def test_stop_true_ends_with_everything_even_without_a_disposition() -> None:
    rules = (
        "  - {name: all, if: always, do: [{keyword: $a}], stop: true}\n  - {name: b, if: {subject: y}, do: [keep]}\n"
    )

    assert len(_warnings(rules)) == 1


def test_reading_a_flag_that_an_earlier_rule_writes_is_a_warning() -> None:
    rules = (
        "  - {name: mark, if: {subject: a}, do: [{keyword: $Todo}]}\n"
        "  - {name: read, if: {not: {keyword: $todo}}, do: [keep]}\n"
        "  - {name: other, in: home/B, if: {keyword: $Todo}, do: [keep]}\n"
    )

    assert _warnings(rules) == [
        '9: this rule reads $todo, which the rule "mark" changes; it sees the flag as it was before the run'
    ]
