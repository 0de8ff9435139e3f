"""From rules and mail to steps (rule-language, meanings 1 to 9), through the survey that the engine runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.mailbox.message import UID
from mailrules.plan.history import History
from mailrules.plan.message_steps import ledger_key
from mailrules.testing.builders import Attachment, message
from tests.plan.planned import mail, plan, steps_of, survey

if TYPE_CHECKING:
    from mailrules.plan.plan import MailboxPlan

LIST = message(list_id="Users <users.example.org>", subject="a list")
PLAIN = message(subject="plain")
BILL = message(from_="Shop <bill@shop.example>", subject="Your invoice", attachments=[Attachment(file_name="a.pdf")])


def _findings(made: MailboxPlan) -> list[tuple[int, str, str]]:
    return [(one.uid, one.rule, one.kind) for one in made.findings]


async def test_a_capture_names_the_mailbox() -> None:
    rules = r"""
rules:
  - name: lists
    if: {list_id: {regex: '<(?P<list>[a-z0-9-]+)\.'}}
    do: [{move: {to: "Lists/{list}", create: true}}]
"""
    made = await plan(rules, mail(LIST, PLAIN))

    assert steps_of(made) == {1: ["move Lists/users"]}
    step = made.messages[0].steps[0]
    assert step.create
    assert "users.example.org" in step.reason
    assert made.judged == 2
    assert made.final_uids == (1, 2)


async def test_evaluation_ends_after_a_rule_that_disposes_and_goes_on_after_one_that_marks() -> None:
    rules = """
rules:
  - {name: mark, if: {subject: {contains: plain}}, do: [{flag: flagged}]}
  - {name: away, if: {subject: {contains: plain}}, do: [{move: A}]}
  - {name: late, if: always, do: [{flag: seen}]}
"""
    made = await plan(rules, mail(LIST, PLAIN, mailboxes=["A"]))

    assert steps_of(made) == {1: ["+\\Seen"], 2: ["+\\Flagged", "move A"]}


async def test_stop_false_lets_later_rules_mark_and_shadows_their_disposition() -> None:
    rules = """
rules:
  - {name: away, if: always, stop: false, do: [{move: A}]}
  - {name: other, if: always, do: [{flag: seen}, {move: B}]}
"""
    made = await plan(rules, mail(PLAIN, mailboxes=["A", "B"]))

    assert steps_of(made) == {1: ["+\\Seen", "move A"]}
    assert _findings(made) == [(1, "other", "shadowed")]


async def test_stop_true_ends_after_a_rule_that_only_marks() -> None:
    rules = """
rules:
  - {name: mark, if: always, stop: true, do: [{flag: flagged}]}
  - {name: late, if: always, do: [{flag: seen}]}
"""
    assert steps_of(await plan(rules, mail(PLAIN))) == {1: ["+\\Flagged"]}


async def test_fan_out_copies_to_the_first_and_moves_to_the_last() -> None:
    rules = """
rules:
  - {name: one, if: always, stop: false, do: [{move: A}]}
  - {name: two, if: always, conflict: fan-out, do: [{move: B}]}
"""
    assert steps_of(await plan(rules, mail(PLAIN, mailboxes=["A", "B"]))) == {1: ["copy A", "move B"]}


async def test_conflict_error_holds_the_message_with_all_its_steps() -> None:
    rules = """
rules:
  - {name: one, if: always, stop: false, do: [{flag: seen}, {move: A}]}
  - {name: two, if: always, conflict: error, do: [{move: B}]}
"""
    made = await plan(rules, mail(PLAIN, mailboxes=["A", "B"]))

    assert steps_of(made) == {}
    assert _findings(made) == [(1, "two", "held")]
    assert made.final_uids == ()
    assert made.pending_uids == (1,)


async def test_choose_takes_the_first_branch_that_holds() -> None:
    rules = """
rules:
  - name: bills
    if: {from: "@shop.example"}
    choose:
      - {if: {subject: {contains: nothing}}, do: [{flag: flagged}]}
      - {if: {attachment: {type: application/pdf}}, do: [{keyword: "$Bill"}]}
      - {else: true, do: [{flag: seen}]}
"""
    plain_bill = message(from_="bill@shop.example", subject="no file")

    made = await plan(rules, mail(BILL, plain_bill, PLAIN))

    assert steps_of(made) == {1: ["+$Bill"], 2: ["+\\Seen"]}


async def test_the_last_writer_of_a_flag_wins_and_what_is_already_so_is_left_out() -> None:
    rules = """
rules:
  - {name: one, if: always, do: [{flag: [seen, flagged]}]}
  - {name: two, if: always, do: [{unflag: flagged}, {keyword: "$later"}]}
"""
    account = mail(PLAIN, PLAIN)
    account["INBOX"].set_flags(2, frozenset({"\\Seen", "$Later"}))

    assert steps_of(await plan(rules, account)) == {1: ["+\\Seen", "+$later"]}


async def test_steps_stand_in_order_of_execution() -> None:
    rules = """
rules:
  - {name: one, if: always, stop: false, do: [{move: A}, {copy: B}, {flag: seen}]}
"""
    assert steps_of(await plan(rules, mail(PLAIN, mailboxes=["A", "B"]))) == {1: ["+\\Seen", "copy B", "move A"]}


async def test_a_move_or_copy_into_the_messages_own_mailbox_is_nothing() -> None:
    rules = "rules:\n  - {name: one, if: always, do: [{copy: INBOX}, {move: inbox}]}\n"

    made = await plan(rules, mail(PLAIN))

    assert steps_of(made) == {}
    assert made.findings == ()
    assert made.final_uids == (1,)


async def test_a_deleted_message_is_invisible_unless_a_condition_names_the_flag() -> None:
    rules = """
rules:
  - {name: all, if: always, do: [{flag: seen}]}
  - {name: doomed, if: {flag: deleted}, do: [{keyword: "$Doomed"}]}
"""
    account = mail(PLAIN, PLAIN)
    account["INBOX"].set_flags(2, frozenset({"\\Deleted"}))

    assert steps_of(await plan(rules, account)) == {1: ["+\\Seen"], 2: ["+$Doomed"]}


async def test_an_unknowable_rule_keeps_later_rules_from_disposing_but_not_from_marking() -> None:
    rules = """
allow: [delete]
rules:
  - {name: recent, if: {sent: {newer_than: 30d}}, do: [{keep: true}]}
  - {name: mark, if: always, do: [{flag: seen}]}
  - {name: purge, if: always, do: [{delete: true}]}
"""
    made = await plan(rules, mail(message(date=None), message(date="Mon, 1 Jan 2024 00:00:00 +0000")))

    assert steps_of(made) == {1: ["+\\Seen"], 2: ["+\\Seen", "delete"]}
    assert _findings(made) == [(1, "recent", "unknowable"), (1, "purge", "held")]
    assert "no Date" in made.findings[0].reason
    assert made.pending_uids == (1,)


async def test_not_of_an_unknowable_condition_never_deletes() -> None:
    rules = """
allow: [delete]
rules:
  - {name: old, if: {not: {sent: {newer_than: 30d}}}, do: [{delete: true}]}
"""
    made = await plan(rules, mail(message(date=None), message(date="soon")))

    assert steps_of(made) == {}
    assert _findings(made) == [(1, "old", "unknowable"), (2, "old", "unknowable")]


async def test_if_unknowable_skip_lets_later_rules_go_on() -> None:
    rules = """
rules:
  - {name: recent, if: {sent: {newer_than: 30d}}, if_unknowable: skip, do: [{keep: true}]}
  - {name: away, if: always, do: [{move: A}]}
"""
    made = await plan(rules, mail(message(date=None), mailboxes=["A"]))

    assert steps_of(made) == {1: ["move A"]}
    assert made.final_uids == (1,)


async def test_a_missing_capture_is_unknowable() -> None:
    rules = r"""
rules:
  - name: lists
    if: {any: [{subject: {contains: plain}}, {list_id: {regex: '<(?P<list>[a-z]+)\.'}}]}
    do: [{move: {to: "Lists/{list}", create: true}}]
  - {name: rest, if: always, do: [{move: A}]}
"""
    made = await plan(rules, mail(LIST, PLAIN, mailboxes=["A"]))

    assert steps_of(made) == {1: ["move Lists/users"]}
    assert _findings(made) == [(2, "lists", "unknowable"), (2, "rest", "held")]
    assert "{list}" in made.findings[0].reason


async def test_a_missing_target_holds_the_message_and_says_the_cure() -> None:
    made = await plan("rules:\n  - {name: one, if: always, do: [{flag: seen}, {move: Nowhere}]}\n", mail(PLAIN))

    assert steps_of(made) == {1: ["+\\Seen"]}
    assert made.findings[0].reason == "mailbox 'Nowhere' does not exist; make it, or write create: true"
    assert made.pending_uids == (1,)


async def test_a_message_whose_copy_has_no_target_is_not_moved_away_without_it() -> None:
    rules = "rules:\n  - {name: bills, if: always, do: [{flag: seen}, {copy: Nowhere}, {move: A}]}\n"

    made = await plan(rules, mail(BILL, mailboxes=["A"]))

    assert steps_of(made) == {1: ["+\\Seen"]}
    assert _findings(made) == [(1, "bills", "held")]
    assert made.pending_uids == (1,)


async def test_a_copy_in_the_ledger_is_not_repeated() -> None:
    rules = "rules:\n  - {name: bills, if: always, do: [{copy: A}]}\n"
    account = mail(BILL, mailboxes=["A"])
    first = await plan(rules, account)
    done = ledger_key(first.messages[0].content_key, first.messages[0].steps[0])

    second = await plan(rules, account, history=History(ledger=frozenset({done})))

    assert steps_of(first) == {1: ["copy A"]}
    assert steps_of(second) == {}


async def test_copies_of_mail_without_any_header_are_remembered_by_their_place() -> None:
    rules = "rules:\n  - {name: bills, if: always, do: [{copy: A}]}\n"
    account = mail(b"one\r\n", b"two\r\n", mailboxes=["A"])
    first = await plan(rules, account)
    done = ledger_key(first.messages[0].content_key, first.messages[0].steps[0])

    second = await plan(rules, account, history=History(ledger=frozenset({done})))

    assert steps_of(first) == {1: ["copy A"], 2: ["copy A"]}
    assert steps_of(second) == {2: ["copy A"]}


async def test_trash_without_a_trash_mailbox_is_held_with_the_cure() -> None:
    made = await plan("rules:\n  - {name: one, if: always, do: [{trash: true}]}\n", mail(PLAIN))

    assert steps_of(made) in ({1: ["move Trash"]}, {})
    assert all("accounts.home.trash" in finding.reason for finding in made.findings)


async def test_mail_settled_by_flags_costs_no_header_and_headers_no_text() -> None:
    many = [message(subject=f"number {number}") for number in range(60)]
    account = mail(*many)
    for uid in range(1, 31):
        account["INBOX"].set_flags(uid, frozenset({"\\Flagged"}))
    rules = """
rules:
  - {name: kept, if: {flag: flagged}, do: [{keep: true}]}
  - {name: by-subject, if: {subject: {equals: "number 40"}}, do: [{keep: true}]}
  - {name: by-body, if: {body: {contains: hello}}, do: [{flag: seen}]}
"""
    planner, reader = await survey(rules, account)

    fetches = [call for call in reader.calls if call.name == "fetch"]
    assert sorted(steps_of(planner.finish())) == [uid for uid in range(31, 61) if uid != 41]
    assert [len(call.uids) for call in fetches][:3] == [0, 30, 29]


async def test_a_few_messages_are_asked_for_everything_in_headers_at_once() -> None:
    rules = """
rules:
  - {name: a, if: {subject: {contains: x}}, do: [{flag: seen}]}
  - {name: b, if: {from: "@shop.example"}, do: [{flag: flagged}]}
"""
    _, reader = await survey(rules, mail(PLAIN, BILL))

    assert [call.name for call in reader.calls].count("fetch") == 1


async def test_identities_are_read_for_messages_that_are_acted_on() -> None:
    many = [message(subject=str(number), message_id=f"<{number}@example.org>") for number in range(60)]
    account = mail(*many)
    account["INBOX"].set_flags(7, frozenset({"\\Flagged"}))

    planner, reader = await survey("rules:\n  - {name: a, if: {flag: flagged}, do: [{flag: seen}]}\n", account)

    made = planner.finish()
    assert made.messages[0].message_id == "<6@example.org>"
    assert made.messages[0].size_bytes > 0
    assert [tuple(call.uids) for call in reader.calls if call.name == "fetch"][1:] == [(UID(7),)]


async def test_create_and_subscribe_are_steps_of_mailboxes() -> None:
    rules = r"""
rules:
  - name: lists
    if: {list_id: {regex: '<(?P<list>[a-z]+)\.'}}
    do: [{create: "Lists/{list}"}, {subscribe: A}]
"""
    planner, _ = await survey(rules, mail(LIST, LIST, mailboxes=["A"]))

    assert [(step.kind, step.mailbox) for step in planner.mailbox_steps()] == [
        ("create", "Lists/users"),
        ("subscribe", "A"),
    ]


@pytest.mark.parametrize("subject", ["../../etc", "a/b/c", "\x00\x1b[31mred", "x" * 500, "INBOX"])
async def test_a_strangers_text_stays_behind_the_literal_prefix(subject: str) -> None:
    rules = 'rules:\n  - {name: a, if: always, do: [{move: {to: "By/{subject}", create: true}}]}\n'

    made = await plan(rules, mail(message(subject=subject.encode())))

    for message_plan in made.messages:
        to = message_plan.steps[0].to
        assert to.startswith("By/")
        assert to.count("/") == 1
        assert len(to) <= 103
        assert to.isprintable()
