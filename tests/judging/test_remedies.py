"""What ``explain`` says would make a rule match does make it match: each change is made, and the rule judged again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mailrules.mailbox.message import UID, Fact, FactKind, MessageFacts, Part, Unreadable
from mailrules.plan.facts import facts_named, request_for
from mailrules.plan.verdicts import decide
from mailrules.plugin_manager import PluginManager
from mailrules.rules.compiler import Judge
from mailrules.rules.conditions import All, Always, AnyOf, Named, Not, Origin, leaves
from mailrules.rules.loader import load_configuration
from mailrules.rules.per_message_test import PerMessageTest
from mailrules.rules.reads import flags_read
from mailrules.rules.remedies import Remedy, node_text, remedy_for
from mailrules.rules.rule_changes import Manner
from mailrules.rules.server_tests import QUOTA, QuotaUse
from mailrules.rules.situation import Situation
from tests.judging.conditions import NOW, leaf
from tests.mailbox.samples import empty_snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.rules.conditions import Node
    from mailrules.rules.rule import Rule
    from mailrules.rules.rule_changes import RuleChange

HEAD = """
version: 1
accounts: {home: {host: imap.example.org, user: me@example.org, secret: {env: PASSWORD}}}
defaults: {in: [home/INBOX]}
lists: {vip: [alice@example.org, "@family.example", b@c.d, c@c.d, d@c.d, e@c.d, f@c.d, g@c.d, h@c.d, i@c.d]}
conditions: {bulk: {any: [{list_id: {exists: true}}, {header: {name: Precedence, in: [bulk, list]}}]}}
"""

CONDITIONS = (
    "subject: invoice",
    "subject: {contains: [recieved, receipt]}",
    "subject: {equals: hello there, case: match}",
    "subject: {starts_with: Re, ends_with: '!'}",
    "subject: {glob: 'your [io]n?oice*'}",
    r"subject: {regex: '^\[(?P<list>[a-z]+)\] .*\d{2,}$'}",
    "subject: {regex: '[urgent] now'}",
    "subject: {exists: false}",
    "list_id: {empty: true}",
    "message_id: {ends_with: '@mail.example>'}",
    "header: {name: X-Mailer, contains: Bird}",
    "header: {name: Precedence, in: [bulk, junk]}",
    "body: {contains: the Code, regex: 'x+y'}",
    "body: {empty: true}",
    "text: {contains: winner}",
    "from: boss@work.example",
    "from: {domain: example.org, name: {contains: Ann}}",
    "from: {in: vip}",
    "to: {detail: lists}",
    "to: {domain: example.org, detail: {exists: false}}",
    "from: {name: {exists: true}}",
    "to: {local: {starts_with: me}, subdomain_of: example.net}",
    "cc: {exists: true}",
    "bcc: {empty: false}",
    "reply_to: {glob: '*@*.example'}",
    "sender: '@lists.example'",
    "any_recipient: me",
    "participants: {address: {regex: '^no-?reply@'}}",
    "size: {over: 1MiB, under: 2MiB}",
    "size: {at_most: 10}",
    "sent: {older_than: 30d}",
    "sent: {before: 2020-01-01}",
    "received: {newer_than: 2h}",
    "received: {older_than: 20w}",
    "received: {on: 2026-02-01}",
    "received: {after: '2026-05-20T12:00:00+02:00', before: '2026-05-21T12:00:00+02:00'}",
    "saved: {newer_than: 3d}",
    "flag: [flagged, answered]",
    "flag: deleted",
    "keyword: $Todo",
    "label: [work, important]",
    "mailbox: {glob: 'Lists/*'}",
    "account: work",
    "special_use: junk",
    "attachment: {type: application/pdf, size: {at_most: 20MiB}}",
    "attachment: {name: {ends_with: .exe}, count: {at_least: 2}}",
    "attachment: false",
    "mime: text/calendar",
    "mime: {charset: utf-7}",
    "thread: {flag: flagged}",
    "thread: {participated: true, count: {over: 3}}",
    "auth: {dmarc: pass, spf: [pass, neutral]}",
    "spam_score: {at_least: 7.5}",
    "first_seen: true",
    "duplicate: true",
    "ambiguous: true",
    "event: schedule",
    "event: {from_mailbox: Later}",
    "now: {weekday: sat}",
    "now: {weekday: [tue, wed], between: ['20:00', '06:00']}",
    "matched_by: earlier",
    "quota: {percent: {at_least: 90}}",
    "quota: {free: {under: 10MiB}}",
    "search: UNSEEN LARGER 5",
    "gmail: has:attachment",
    "bulk: true",
    "always: true",
)
EVERY_TREE = st.recursive(
    st.sampled_from(CONDITIONS),
    lambda inner: (
        st.tuples(st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3)).map(
            lambda made: f"{made[0]}: [{', '.join('{' + one + '}' for one in made[1])}]"
        )
        | inner.map(lambda one: f"not: {{{one}}}")
    ),
    max_leaves=5,
)

TEXT_PART = Part(number="1", type="text", subtype="plain", parameters={"charset": "utf-8"})
PDF = Part(number="2", type="application", subtype="pdf", file_name="a.pdf", disposition="attachment", size_bytes=9000)
BROKEN = Unreadable(reason="broken")
HEADERS = (
    b"""Subject: Your Invoce 7
From: Ann <ann@mail.example.org>
To: me+lists@example.org
Date: 1 May 2026 12:00:00 +0000
Message-ID: <1@a>
List-Id: Roses <roses.example>
X-Spam-Score: 3.2
Authentication-Results: mx; dmarc=fail""",
    b"""Subject: =?utf-8?q?hell=C3=B6?= "quoted" 'single' \\ {x}: y
From: "Boss, The" <bos@work.example>
Date: never
Message-ID: <2@a>
References: <1@a>
Reply-To: x@y
Cc: a@b, c@d""",
    b"""Subject: Re: urgent now!
Subject: two
From: ann@mail.example.org
Sender: list@other.example
Message-ID: <1@a>
Date: 1 May 2026 12:00:00 +0000
X-Spam-Status: No, score=-1.0""",
    b"From: " + b"a@b," * 2_001 + b"\nX-Spam-Score: much",
    b"",
)
MESSAGES = st.builds(
    MessageFacts,
    uid=st.just(UID(1)),
    flags=st.sampled_from(
        [frozenset(), frozenset({"\\Seen"}), frozenset({"\\Flagged", "$Later"}), frozenset({"\\Deleted"})]
    ),
    size_bytes=st.sampled_from([0, 99, 3 << 20]),
    received=st.sampled_from([NOW.now - timedelta(days=12, hours=3), NOW.now, BROKEN]),
    saved=st.sampled_from([NOW.now - timedelta(days=5), BROKEN]),
    labels=st.sampled_from([frozenset(), frozenset({"Roses", "\\Important"}), BROKEN]),
    header=st.sampled_from([*HEADERS, BROKEN]),
    structure=st.sampled_from([(TEXT_PART,), (TEXT_PART, PDF), BROKEN]),
    texts=st.sampled_from([((TEXT_PART, b"Here is the Cod\xc3\xa9 that you wanted"),), (), BROKEN]),
)
ANSWERS = st.fixed_dictionaries(
    {
        "search: UNSEEN LARGER 5": st.sampled_from([True, False, BROKEN]),
        "gmail: has:attachment": st.sampled_from([True, False]),
        QUOTA.name: st.sampled_from([QuotaUse(), QuotaUse(percent=70 / 3, free_bytes=5 << 20), BROKEN]),
    }
)


REGISTRY = PluginManager.create().registry()


def rule_of(condition: str, *, branches: tuple[str, ...] = ()) -> Rule:
    """A rule with this condition, loaded from text as a person's is."""
    does = "do: [{keyword: Done}]"
    if branches:
        does = f"choose: [{', '.join(f'{{if: {{{one}}}, do: [{{keyword: Done}}]}}' for one in branches)}]"
    earlier = "- {name: earlier, if: {subject: earlier}, do: [{keyword: Early}]}"
    text = f"{HEAD}rules:\n  {earlier}\n  - {{name: asked, if: {{{condition}}}, {does}}}\n".encode()
    loaded = load_configuration(
        "rules.yaml",
        read=lambda _: text,
        registry=REGISTRY,
        expand=lambda _: (),
    )
    return loaded.rules.rules[1]


def situation_of(rule: Rule, messages: list[MessageFacts], answers: Mapping[str, object]) -> Situation:
    """The last of these messages, of which everything is known that the rule reads."""
    snapshot = empty_snapshot(len(messages))
    request = request_for({*facts_named([rule]), Fact(FactKind.FLAGS)})
    snapshot.add(request, [replace(one, uid=UID(number)) for number, one in enumerate(messages, 1)])
    for name, answer in answers.items():
        snapshot.add_enriched(name, dict.fromkeys(snapshot.uids, answer))
    return Situation(snapshot=snapshot, row=len(messages) - 1, environment=NOW)


def remedy_of(rule: Rule, situation: Situation) -> Remedy:
    return remedy_for(rule.condition, [branch.condition for branch in rule.branches], situation)


def matches(condition: Node, situation: Situation) -> bool:
    """By the masks over the whole mailbox, as a run would judge it."""
    judge = Judge(situation.snapshot, situation.environment, [condition])
    return bool(judge.judge(condition, situation.snapshot.all_rows).true >> situation.row & 1)


def acts(rule: Rule, situation: Situation) -> bool:
    """Whether the planner's own verdicts let the rule act on the message."""
    nodes = [rule.condition, *(branch.condition for branch in rule.branches)]
    verdicts = decide(
        [rule],
        judge=Judge(situation.snapshot, situation.environment, nodes),
        snapshot=situation.snapshot,
        missing_values=lambda *_: {},
        rows=situation.snapshot.all_rows,
    )
    return any(one.rows >> situation.row & 1 for one in verdicts.acting)


def changed(node: Node, change: RuleChange) -> Node | None:
    """The condition with one change made by hand: what is named ``of`` reads as ``text`` instead."""
    if node_text(node) == change.of:
        if change.manner is Manner.WITHOUT:
            return None
        other = rule_of(change.text).condition
        return AnyOf(parts=(node, other)) if change.manner is Manner.ALSO else other
    match node:
        case All(parts=parts) | AnyOf(parts=parts):
            return type(node)(parts=tuple(one for part in parts if (one := changed(part, change)) is not None))
        case Not(part=part):
            inner = changed(part, change)
            return None if inner is None else Not(part=inner)
        case Named(name=name, part=part):
            inner = changed(part, change)
            return None if inner is None else Named(name=name, part=inner)
        case _:
            return node


@settings(deadline=None)
@given(EVERY_TREE, st.lists(MESSAGES, min_size=1, max_size=3), ANSWERS)
def test_a_rule_changed_as_it_is_told_matches(
    condition: str, messages: list[MessageFacts], answers: dict[str, object]
) -> None:
    rule = rule_of(condition)
    situation = situation_of(rule, messages, answers)
    texts = [one.text for one in leaves(rule.condition)]
    assume(len(set(texts)) == len(texts))

    remedy = remedy_of(rule, situation)

    if remedy.rule:
        node: Node | None = rule.condition
        for change in remedy.rule:
            assert node is not None
            node = changed(node, change)
        assert node is not None
        assert matches(node, situation)
        assert not matches(rule.condition, situation) or "\\Deleted" in (situation.snapshot.flags[-1] or ())


@settings(deadline=None)
@given(EVERY_TREE, st.lists(MESSAGES, min_size=1, max_size=3), ANSWERS)
def test_a_message_changed_as_it_is_told_is_matched(
    condition: str, messages: list[MessageFacts], answers: dict[str, object]
) -> None:
    rule = rule_of(condition)
    situation = situation_of(rule, messages, answers)

    remedy = remedy_of(rule, situation)

    if remedy.message:
        altered = situation.altered([one for change in remedy.message for one in change.alterations])
        assert matches(rule.condition, altered)


BRANCHES = st.lists(EVERY_TREE, min_size=1, max_size=2).map(tuple)


@settings(deadline=None)
@given(EVERY_TREE, BRANCHES, st.lists(MESSAGES, min_size=1, max_size=3), ANSWERS)
def test_a_rule_with_branches_acts_after_each_change_by_the_verdicts_of_the_planner(
    condition: str, branches: tuple[str, ...], messages: list[MessageFacts], answers: dict[str, object]
) -> None:
    rule = rule_of(condition, branches=branches)
    situation = situation_of(rule, messages, answers)
    texts = [one.text for node in (rule.condition, *(arm.condition for arm in rule.branches)) for one in leaves(node)]

    remedy = remedy_of(rule, situation)

    if acts(rule, situation):
        assert remedy == Remedy()
    if remedy.message:
        assert acts(rule, situation.altered([one for change in remedy.message for one in change.alterations]))
    if remedy.rule and len(set(texts)) == len(texts):
        nodes: list[Node | None] = [rule.condition, *(arm.condition for arm in rule.branches)]
        for change in remedy.rule:
            nodes = [None if node is None else changed(node, change) for node in nodes]
        whole, *arms = (Always() if node is None else node for node in nodes)
        arms_ = tuple(replace(arm, condition=node) for arm, node in zip(rule.branches, arms, strict=True))
        sees_deleted = any("\\deleted" in flags_read(node) for node in (whole, *arms))
        assert acts(replace(rule, condition=whole, branches=arms_, sees_deleted=sees_deleted), situation)


ONE = MessageFacts(
    uid=UID(1),
    flags=frozenset({"\\Seen", "$Later"}),
    size_bytes=3 << 20,
    received=NOW.now - timedelta(days=12, hours=3),
    saved=NOW.now - timedelta(days=5),
    labels=frozenset({"Roses"}),
    header=HEADERS[0],
    structure=(TEXT_PART, PDF),
    texts=((TEXT_PART, b"Here is the Cod\xc3\xa9 that you wanted"),),
)
NOTHING_FOUND = {"search: UNSEEN LARGER 5": False, "gmail: has:attachment": False, QUOTA.name: QuotaUse(percent=23.3)}


@pytest.mark.parametrize(
    ("condition", "rule_text", "message_text"),
    [
        ("subject: invoice", "subject: {contains: Invoce}", 'its Subject were "Your Invoce 7 invoice"'),
        ("subject: {equals: invoce}", "subject: {contains: invoce}", 'its Subject were "invoce"'),
        ("subject: {starts_with: Invoce}", "subject: {contains: Invoce}", 'its Subject were "Invoce Your Invoce 7"'),
        (
            "subject: {contains: INVOCE, case: match}",
            "subject: {contains: INVOCE}",
            'its Subject were "Your Invoce 7 INVOCE"',
        ),
        ("subject: {glob: 'inv?ce'}", "subject: {glob: '*inv?ce*'}", 'its Subject were "invace"'),
        ("subject: {regex: 'Invoce+ 8'}", "", 'its Subject were "Your Invoce 7 Invoce 8"'),
        ("from: ann@mail.exmaple.org", "from: ann@mail.example.org", 'its From were "Ann" <ann@mail.exmaple.org>'),
        ("from: {domain: example.org}", "from: {subdomain_of: example.org}", 'its From were "Ann" <ann@example.org>'),
        ("from: {domain: a.example}", "from: {domain: mail.example.org}", 'its From were "Ann" <ann@a.example>'),
        ("to: {detail: {exists: false}}", "to: {detail: lists}", "its To were me@example.org"),
        ("from: {in: vip}", "+ from: ann@mail.example.org", 'its From were "Ann" <alice@example.org>'),
        ("size: {over: 20MiB}", "size: {over: 3145727}", "it had 20,971,521 bytes"),
        (
            "received: {older_than: 30d}",
            "received: {older_than: 12d}",
            "the rules were judged at 2026-06-19 09:00:01+00:00",
        ),
        ("flag: flagged", "flag: seen", "it carried \\Flagged"),
        ("spam_score: {at_least: 7.5}", "spam_score: {at_least: 3.2}", "its spam score were 7.5"),
        ("search: UNSEEN LARGER 5", "", "the server's SEARCH found it"),
        ("quota: {percent: {at_least: 90}}", "quota: {percent: {at_least: 23.3}}", "90 % of the quota were used"),
        ("not: {flag: [seen, flagged]}", "flag: flagged", "it did not carry \\Seen"),
        ("not: {size: {over: 1MiB}}", "size: {over: 3MiB}", "it had 1,048,576 bytes"),
        ("all: [{subject: Your}, {flag: flagged}]", "- flag: flagged", "it carried \\Flagged"),
        (
            "any: [{subject: offer}, {from: ann@mail.exmaple.org}]",
            "from: ann@mail.example.org",
            'its Subject were "Your Invoce 7 offer"',
        ),
        ("matched_by: earlier", "", 'its Subject were "Your Invoce 7 earlier"'),
        ("thread: {participated: true, count: {over: 3}}", "", ""),
    ],
)
def test_the_change_is_one_that_helps_a_person(condition: str, rule_text: str, message_text: str) -> None:
    rule = rule_of(condition)

    remedy = remedy_of(rule, situation_of(rule, [ONE], NOTHING_FOUND))

    signs = {Manner.INSTEAD: "", Manner.ALSO: "+ ", Manner.WITHOUT: "- "}
    assert [signs[one.manner] + (one.text or one.of) for one in remedy.rule] == ([rule_text] if rule_text else [])
    assert " and ".join(one.text for one in remedy.message) == message_text


def test_of_an_all_every_failing_part_is_named() -> None:
    rule = rule_of("all: [{from: ann@mail.exmaple.org}, {size: {over: 20MiB}}, {flag: seen}]")

    remedy = remedy_of(rule, situation_of(rule, [ONE], {}))

    assert [one.of for one in remedy.rule] == ["from: ann@mail.exmaple.org", "size: {over: 20MiB}"]
    assert [one.of for one in remedy.message] == ["from: ann@mail.exmaple.org", "size: {over: 20MiB}"]


def test_a_regex_whose_capture_the_actions_read_is_not_changed() -> None:
    rule = rule_of(r"all: [{subject: {regex: '^\[(?P<list>[a-z]+)\]'}}, {flag: seen}]")
    nodes = [branch.condition for branch in rule.branches]
    situation = situation_of(rule, [ONE], {})

    free = remedy_for(rule.condition, nodes, situation)
    kept = remedy_for(rule.condition, nodes, situation, captures=frozenset({"list"}))

    assert [one.manner for one in free.rule] == [Manner.WITHOUT]
    assert kept.rule == ()
    assert [one.text for one in kept.message] == ['its Subject were "[a] Your Invoce 7"']


def test_a_branch_is_reached_although_an_earlier_one_holds() -> None:
    rule = rule_of("subject: offer", branches=("flag: flagged", "keyword: $Todo"))

    remedy = remedy_of(rule, situation_of(rule, [ONE], {}))

    assert [one.text for one in remedy.message] == ['its Subject were "Your Invoce 7 offer"', "it carried \\Flagged"]


def test_where_it_was_brought_from_can_be_another_mailbox() -> None:
    rule = rule_of("event: {from_mailbox: Later}")
    situation = situation_of(rule, [ONE], {})
    place = (situation.snapshot.account, "INBOX", 1)
    origins = {place: {UID(1): Origin(mailbox="Latre", rule="r", moved=NOW.now)}}

    remedy = remedy_of(rule, replace(situation, environment=replace(NOW, origins=origins)))

    assert [one.text for one in remedy.rule] == ["event: {from_mailbox: {equals: Latre}}"]
    assert [one.text for one in remedy.message] == ["mailrules had brought it here from Later"]


def test_a_list_of_a_thousand_alternatives_is_looked_at_in_bounded_time() -> None:
    many = ", ".join(f"{{subject: {{contains: word{number}}}}}" for number in range(1_000))
    rule = rule_of(f"any: [{many}]")

    remedy = remedy_of(rule, situation_of(rule, [replace(ONE, header=b"Subject: " + b"some words " * 300)], {}))

    assert len(remedy.rule) <= 1
    assert len(remedy.message) == 1


def test_every_condition_word_is_among_what_is_generated() -> None:
    assert set(REGISTRY.conditions) <= {one.partition(":")[0] for one in CONDITIONS}


def test_of_a_condition_that_a_plugin_judges_no_change_is_known() -> None:
    test = PerMessageTest(needs=(Fact(FactKind.FLAGS),), holds=lambda *_: False)
    rule = rule_of("flag: seen")

    alone = remedy_for(leaf(test, name="plugin"), [Always()], situation_of(rule, [ONE], {}))
    beside = All(parts=(leaf(test, name="plugin"), rule.condition))
    without = remedy_for(beside, [Always()], situation_of(rule, [ONE], {}))

    assert alone == Remedy()
    assert [(one.of, one.manner) for one in without.rule] == [("plugin: ...", Manner.WITHOUT)]
    assert without.message == ()
