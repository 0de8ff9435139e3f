"""Rules and actions become the values that they say, and each mistake has its sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailrules.plan.actions import (
    AddFlags,
    CopyTo,
    CreateMailbox,
    Delete,
    Keep,
    MoveTo,
    MoveToSpecialUse,
    RemoveFlags,
    SetRights,
    SubscribeMailbox,
)
from mailrules.rules.conditions import Always
from mailrules.rules.rule import Conflict, Event, Guard, MailboxRef, Rule
from mailrules.rules.templates import parse_template
from tests.rules.loading import HEAD, load, mistakes_of, rules_of


def _rule(text: str) -> Rule:
    (rule,) = rules_of(f"allow: [delete]\nrules:\n  - {{name: r, if: always, {text}}}\n").rules.rules
    return rule


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("flag: seen", AddFlags(flags=("\\Seen",))),
        ("flag: [seen, flagged]", AddFlags(flags=("\\Seen", "\\Flagged"))),
        ("unflag: deleted", RemoveFlags(flags=("\\Deleted",))),
        ("keyword: [$A, $B]", AddFlags(flags=("$A", "$B"))),
        ("unkeyword: $A", RemoveFlags(flags=("$A",))),
        ("copy: A/B", CopyTo(to=parse_template("A/B"))),
        ("move: {to: A, create: true}", MoveTo(to=parse_template("A"), create=True)),
        ("trash: true", MoveToSpecialUse(use="trash")),
        ("trash", MoveToSpecialUse(use="trash")),
        ("archive", MoveToSpecialUse(use="archive")),
        ("delete", Delete()),
        ("keep", Keep()),
        ("create: A", CreateMailbox(mailbox=parse_template("A"))),
        ("subscribe: A", SubscribeMailbox(mailbox=parse_template("A"))),
        (
            'setacl: {mailbox: A, rights: {bob@example.org: lrs, anyone: ""}}',
            SetRights(mailbox="A", rights=(("bob@example.org", "lrs"), ("anyone", ""))),
        ),
    ],
)
def test_an_action_means(text: str, value: object) -> None:
    entry = text if ":" not in text else f"{{{text}}}"

    (use,) = _rule(f"do: [{entry}]").branches[0].actions

    assert use.value == value
    assert use.name == text.partition(":")[0]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("{flg: seen}", 'unknown action "flg"; did you mean "flag"?'),
        ("{flag: deleted}", "a rule does not set the deleted flag; use trash: true, or delete: true"),
        ("{keyword: 'a b'}", 'no server can store the keyword "a b"; '),
        (
            "{flag: seen, move: A}",
            "one action is expected here, not 2 in one entry; begin each action with its own dash",
        ),
        ("3", "one action is expected here, not a number; "),
        ("{move: 3.5}", None),
        ("{move: ''}", "a mailbox name is expected here, not text; write it as text: Lists/news"),
        ("{move: [A]}", "a mailbox name is expected here, not a list; "),
        ("{move: A//B}", 'the mailbox "A//B" has an empty level; remove the "/" that is too many'),
        ('{move: "A\\tB"}', "the mailbox name holds a control character; remove it"),
        ("{move: '{list}'}", 'the mailbox "{list}" begins with a field, so any message could choose any mailbox'),
        ("{move: '/{from}'}", 'the mailbox "/{from}" has an empty level'),
        ("{move: 'A/{list'}", 'in "A/{list": a single "{"; write "{{" for a brace; '),
        ("{move: 'A/{list}'}", 'no regex of this rule captures "list"; add (?P<list>...) to a regex'),
        ("{move: {create: true}}", "this action needs a mailbox under to; write {to: Lists/news, create: true}"),
        ("{move: {to: A, crate: true}}", 'unknown operator "crate" under this action; did you mean "create"?'),
        ("{keep: no please}", "this action takes true, not text; write true, or leave the action out"),
        ("{setacl: A}", "setacl takes mailbox and rights, not text; "),
        ("{setacl: {mailbox: A}}", 'setacl lacks the key "rights"; add rights: ...'),
        ("{setacl: {mailbox: A, rights: {}}}", "setacl names nobody under rights; "),
        (
            "{setacl: {mailbox: A, rights: {bob: lrz}}}",
            'unknown right "z"; rights are l r s w i p k x t e a (RFC 4314)',
        ),
        ("{setacl: {mailbox: A, rights: {bob: 3}}}", "rights are letters, not a number; "),
        ("{setacl: {mailbox: A, rights: {'': l}}}", "this identifier is empty, too long or has control characters; "),
        ("{setacl: {mailbox: 'A/{from}', rights: {bob: l}}}", "setacl takes a fixed mailbox; "),
    ],
)
def test_a_mistake_in_an_action_has_its_sentence(text: str, mistake: str | None) -> None:
    rule = f"rules: [{{name: r, if: always, do: [{text}]}}]\n"
    if mistake is None:
        assert rules_of(rule).rules.rules
        return

    (found,) = mistakes_of(rule)

    assert found.startswith(mistake)


def test_delete_needs_its_permission() -> None:
    (found,) = mistakes_of("rules: [{name: r, if: always, do: [delete]}]\n")

    assert found == (
        "delete removes mail for ever, and this file does not allow it; "
        "add allow: [delete] to the main file, or use trash: true"
    )


def test_a_rule_without_options_has_the_usual_ones() -> None:
    rule = _rule("do: [keep]")

    assert rule.mailboxes == (MailboxRef(account="home", mailbox="INBOX"),)
    assert rule.condition == Always()
    assert (rule.events, rule.stop, rule.conflict) == ((Event(kind="new"),), None, Conflict.FIRST)
    assert (rule.guard, rule.skip_if_unknowable, rule.sees_deleted) == (Guard(), False, False)


def test_options_of_a_rule_win_over_defaults() -> None:
    defaults = (
        "{in: home/INBOX, guard: {max_messages: 5, per: 1d}, events: {every: 1h}, if_unknowable: skip, conflict: last}"
    )
    head = HEAD.replace("\n  in: [home/INBOX]\n", f" {defaults}\n")

    first, second = load(
        f"{head}rules:\n  - {{name: a, if: always, do: [keep]}}\n"
        "  - {name: b, if: always, do: [keep], in: home/A/B, guard: {max_messages: 1}, stop: false,"
        ' events: [new, {at: "03:20"}], if_unknowable: hold, conflict: fan-out}\n'
    ).rules.rules

    assert first.guard == Guard(max_messages=5, per=timedelta(days=1))
    assert first.events == (Event(kind="every", every=timedelta(hours=1)),)
    assert (first.skip_if_unknowable, first.conflict, first.stop) == (True, Conflict.LAST, None)
    assert second.mailboxes == (MailboxRef(account="home", mailbox="A/B"),)
    assert second.guard == Guard(max_messages=1, per=timedelta(hours=1))
    assert second.events == (Event(kind="new"), Event(kind="at", at="03:20"))
    assert (second.skip_if_unknowable, second.conflict, second.stop) == (False, Conflict.FAN_OUT, False)


def test_choose_becomes_branches_with_else_last() -> None:
    rule = _rule("choose: [{if: {subject: a}, do: [{flag: seen}]}, {else: true, do: [trash]}]")

    first, last = rule.branches
    assert not first.disposes
    assert last.disposes
    assert last.condition == Always()


def test_a_condition_that_names_the_deleted_flag_sees_deleted_mail() -> None:
    (rule,) = rules_of("rules: [{name: r, if: {not: {flag: deleted}}, do: [keep]}]\n").rules.rules

    assert rule.sees_deleted


def test_a_capture_may_come_from_the_branch_or_a_named_condition() -> None:
    configuration = rules_of(
        "conditions: {listed: {list_id: {regex: '<(?P<list>[a-z]+)'}}}\n"
        "rules:\n  - name: r\n    if: listed\n    choose:\n"
        "      - {if: {from: {local: {regex: '(?P<who>.+)'}}}, do: [{move: 'L/{list}/{who}'}]}\n"
    )

    assert len(configuration.rules.rules) == 1


@pytest.mark.parametrize(
    ("rule", "mistake"),
    [
        ("{name: r, do: [keep]}", "a rule lacks its condition; add if: ..., or if: always"),
        ("{name: r, if: always}", "a rule lacks its actions; add do: [...] or choose: [...]"),
        ("{if: always, do: [keep]}", 'a rule lacks the key "name"; add name: ...'),
        ("{name: '', if: always, do: [keep]}", "this text is empty; write something, or remove the key"),
        ("{name: r, if: always, do: {flag: seen}}", "do is a list of actions, not a mapping; "),
        ("{name: r, if: always, do: []}", "do is a list of actions, not an empty list; "),
        ("{name: r, if: always, do: [{keep: false}]}", "this action takes true, not false; "),
        ("{name: r, on: new, if: always, do: [keep]}", 'unknown key "on" in a rule; did you mean "events"?'),
        ("{name: r, if: always, then: [keep]}", 'unknown key "then" in a rule; did you mean "do"?'),
        ("{name: r, xyzzy: 1, if: always, do: [keep]}", 'unknown key "xyzzy" in a rule; known here: in, guard, '),
        (
            "{name: r, if: always, do: [keep], choose: [{else: true, do: [keep]}]}",
            "a rule has do or choose, not both; ",
        ),
        ("{name: r, choose: []}", "choose has no branch; "),
        ("{name: r, choose: [3]}", "a branch is a mapping, not a number; "),
        ("{name: r, choose: [{do: [keep]}]}", "a branch has either if or else; "),
        ("{name: r, choose: [{if: always, else: true, do: [keep]}]}", "a branch has either if or else; "),
        ("{name: r, choose: [{else: true}]}", 'a branch lacks the key "do"; '),
        (
            "{name: r, choose: [{else: true, do: [keep]}, {if: always, do: [keep]}]}",
            "no branch after else can be reached; move else to the end",
        ),
        ("{name: r, choose: {else: true}}", "a list is expected here, not a mapping; "),
        ("{name: r, if: always, do: [trash, {copy: A}, {move: B}]}", "a message has one destination, and trash comes"),
        ("{name: r, if: always, do: [keep], in: away/INBOX}", 'there is no account "away"; known here: home'),
        (
            "{name: r, if: always, do: [keep], in: INBOX}",
            'there is no account "INBOX"; write account/mailbox: home/INBOX',
        ),
        ("{name: r, if: always, do: [keep], in: home/}", '"home/" names no mailbox; write home/INBOX'),
        ("{name: r, if: always, do: [keep], in: 'home/*'}", '"home/*" is a pattern, and in takes names; '),
        ("{name: r, if: always, do: [keep], stop: perhaps}", "true or false is expected here, not 'perhaps'; "),
        ("{name: r, if: always, do: [keep], events: [now]}", "'new' is expected here, not 'now'; "),
        ("{name: r, if: always, do: [keep], events: {}}", "an event has one key, at or every; "),
        ("{name: r, if: always, do: [keep], events: {every: 0s}}", "this duration is zero; write at least 1s"),
        ("{name: r, if: always, do: [keep], events: {every: true}}", "expected text such as 30d or 20MiB"),
        ("{name: r, if: always, do: [keep], in: [3]}", "text is expected here, not 3"),
        ("{name: r, if: always, do: [keep], in: [~]}", "text is expected here, not nothing"),
        ("{name: true, if: always, do: [keep]}", "text is expected here, not true"),
        ("{name: r, if: always, do: [keep], events: {at: '3:20'}}", '"3:20" is not a time of day; '),
        (
            "{name: r, if: always, do: [keep], guard: {max_messages: 0}}",
            "this should be greater than or equal to 1, not 0; ",
        ),
        (
            "{name: r, if: always, do: [keep], if_unknowable: skp}",
            "'hold' or 'skip' is expected here, not 'skp'; did you",
        ),
        ("just text", "a rule is a mapping, not text; write key: value lines"),
    ],
)
def test_a_mistake_in_a_rule_has_its_sentence(rule: str, mistake: str) -> None:
    (found,) = mistakes_of(f"rules:\n  - {rule}\n")

    assert found.startswith(mistake)


def test_a_rule_without_mailbox_needs_a_default() -> None:
    head = HEAD.replace("defaults:\n  in: [home/INBOX]\n", "")

    with pytest.raises(
        Exception, match='the rule "r" names no mailbox; add in: \\[home/INBOX\\] here or under defaults'
    ):
        load(f"{head}rules: [{{name: r, if: always, do: [keep]}}]\n")
