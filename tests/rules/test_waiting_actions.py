"""The actions that wait, and those on subscriptions and rights: what they mean, and each mistake."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from mailrules.plan.actions import (
    AddFlags,
    Expire,
    Hold,
    MoveToSpecialUse,
    RemoveFlags,
    SetRights,
    Snooze,
    UnsubscribeMailbox,
)
from mailrules.rules.conditions import Leaf
from mailrules.rules.rule import ActionValue, MailboxRef
from mailrules.rules.surrounding_tests import SnoozeOverTest
from mailrules.rules.templates import parse_template
from tests.rules.loading import mistakes_of, rules_of

DAILY = ", events: {at: '03:20'}"
SNOOZED = parse_template("Snoozed")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{snooze: 3d}", (Snooze(to=SNOOZED, delay=timedelta(days=3)),)),
        ("{snooze: {for: 2h, to: Later}}", (Snooze(to=parse_template("Later"), delay=timedelta(hours=2)),)),
        ("{snooze: {until: '08:30'}}", (Snooze(to=SNOOZED, until=time(8, 30)),)),
        ("hold", (Hold(),)),
        ("{hold: look at it}", (Hold(reason="look at it"),)),
        ("{expire: 30d}", (Expire(after=timedelta(days=30)),)),
        ("{expire: {after: 1w}}", (Expire(after=timedelta(weeks=1)),)),
        (
            "report_spam",
            (AddFlags(flags=("$Junk",)), RemoveFlags(flags=("$NotJunk",)), MoveToSpecialUse(use="junk")),
        ),
        ("{unsubscribe_mailbox: Lists/old}", (UnsubscribeMailbox(mailbox=parse_template("Lists/old")),)),
        (
            "{deleteacl: {mailbox: Shared, identifiers: [bob, anyone, bob]}}",
            (SetRights(mailbox="Shared", rights=(("bob", ""), ("anyone", ""))),),
        ),
    ],
)
def test_an_action_means(text: str, expected: tuple[ActionValue, ...]) -> None:
    rules = rules_of(f"allow: delete\nrules: [{{name: r, if: always, do: [{text}]{DAILY}}}]\n").rules.rules

    assert tuple(use.value for use in rules[0].branches[0].actions) == expected


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{snooze: soon}", '"soon" is not a duration; '),
        ("{snooze: {to: Later}}", "snooze takes either for or until; write snooze: {for: 3d}, or snooze: {until: "),
        ("{snooze: {for: 1d, until: '08:00'}}", "snooze takes either for or until; "),
        ("{snooze: {until: 8am}}", '"8am" is not a time of day; '),
        (
            "{snooze: {for: 1d, to: 'S/{from.domain}'}}",
            "snooze takes a fixed mailbox; write the mailbox without fields",
        ),
        ("{hold: 3}", "hold takes true or a reason, not a number; "),
        ("{expire: {after: soon}}", '"soon" is not a duration; '),
        ("{expire: {at: 3d}}", 'unknown operator "at" under expire; '),
        ("{report_spam: 3}", "report_spam takes true, not a number; "),
        ("{deleteacl: bob}", "deleteacl takes mailbox and identifiers, not text; "),
        ("{deleteacl: {mailbox: Shared}}", 'deleteacl lacks the key "identifiers"; add identifiers: ...'),
        ("{deleteacl: {mailbox: 'S/{from}', identifiers: bob}}", "deleteacl takes a fixed mailbox; "),
        ('{deleteacl: {mailbox: Shared, identifiers: "a\\u0007"}}', "this identifier is too long or has control"),
    ],
)
def test_a_mistake_is_told(text: str, mistake: str) -> None:
    told = mistakes_of(f"allow: delete\nrules: [{{name: r, if: always, do: [{text}]{DAILY}}}]\n")

    assert told[0].startswith(mistake)


def test_what_expires_needs_permission_and_a_schedule() -> None:
    rule = "rules: [{name: r, if: always, do: [{expire: 30d}]%s}]\n"

    assert mistakes_of(rule % DAILY)[0].startswith("expire removes mail for ever, and this file does not allow it")
    assert mistakes_of("allow: delete\n" + rule % "") == [
        'expire acts on old mail, and this rule is due for new mail only; add events: [{at: "03:20"}]'
    ]


def test_a_snooze_brings_a_rule_that_ends_it() -> None:
    rules = rules_of(
        "rules:\n  - {name: a, if: {subject: x}, do: [{snooze: {for: 1d, to: Later/Today}}]}\n"
        "  - {name: b, if: {subject: y}, do: [keep]}\n"
    ).rules
    first, second, companion = rules.rules

    assert (first.name, second.name, companion.name) == ("a", "b", "a (end of snooze)")
    assert companion.mailboxes == (MailboxRef(account="home", mailbox="Later/Today"),)
    assert isinstance(companion.condition, Leaf)
    assert companion.condition.test == SnoozeOverTest(rule="a", delay=timedelta(days=1))
    assert [event.every for event in companion.events] == [timedelta(minutes=5)]
    assert [rules.may_lack(ref) for ref in rules.mailboxes] == [False, True]
