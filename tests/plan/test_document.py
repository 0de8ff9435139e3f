"""The plan document: the same plan both ways, and refusal of anything else."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from mailrules.errors import PlanRefused
from mailrules.mailbox.message import UID
from mailrules.plan.document import plan_digest, plan_from_json, plan_to_json
from mailrules.plan.plan import Finding, MailboxPlan, MailboxStep, MessagePlan, Plan, Step, StepKind
from mailrules.plan.shadow import ShadowEffect, ShadowRule

MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)

PLAN = Plan(
    created=MOMENT,
    rules_hash="abc",
    mailboxes=(
        MailboxPlan(
            account="home",
            mailbox="INBOX",
            uidvalidity=7,
            highest_modseq=99,
            judged=20,
            messages=(
                MessagePlan(
                    uid=UID(12),
                    rules=("lists", "bills"),
                    steps=(
                        Step(kind=StepKind.ADD_FLAGS, rule="lists", reason="always", flags=("$Bulk", "\\Seen")),
                        Step(kind=StepKind.COPY, rule="bills", to="Shared/Bills"),
                        Step(kind=StepKind.EFFECT, rule="bills", effect="record", options={"file": "x"}),
                        Step(kind=StepKind.MOVE, rule="lists", to="Lists/\u00fcber", create=True),
                    ),
                    message_id="<a@example.org>",
                    subject="Gr\u00fc\u00dfe \U0001f600 \udc80",
                    from_="Ann <ann@example.org>",
                    modseq=80,
                    snapshot="1234",
                    received=MOMENT,
                    size_bytes=123,
                    flags=frozenset({"\\Flagged"}),
                ),
            ),
            findings=(Finding(uid=UID(13), rule="old", kind="unknowable", reason="no Date field"),),
            shadow=(
                ShadowEffect(
                    uid=UID(14),
                    rule="new",
                    steps=(Step(kind=StepKind.MOVE, rule="new", to="Offers"),),
                    displaces=("lists",),
                    message_id="<b@example.org>",
                    subject="Offer",
                    from_="shop@example.org",
                    received=MOMENT,
                ),
                ShadowEffect(uid=UID(15), rule="new", reason="unknowable: no Date field"),
            ),
            shadow_left_out="FETCH was refused",
        ),
    ),
    shadow_rules=(ShadowRule(rule="new", until=MOMENT),),
    shadow_mailbox_steps=(MailboxStep(account="home", mailbox="Offers", kind=StepKind.CREATE, rule="new"),),
    mailbox_steps=(
        MailboxStep(
            account="home",
            mailbox="Shared/Bills",
            kind=StepKind.SETACL,
            rule="bills",
            identifier="bob@example.org",
            rights="lrswi",
            was="lr",
        ),
    ),
    warnings=("careful",),
)


def test_a_plan_reads_back_as_it_was_written() -> None:
    text = plan_to_json(PLAN)

    assert plan_from_json(text) == PLAN
    assert plan_to_json(plan_from_json(text)) == text


def test_totals_count_messages_rules_and_kinds() -> None:
    totals = json.loads(plan_to_json(PLAN))["totals"]

    assert totals == {
        "messages": 1,
        "by_rule": {"lists": 1, "bills": 1},
        "by_kind": {"add_flags": 1, "copy": 1, "effect": 1, "move": 1},
    }


def test_the_digest_changes_with_one_character() -> None:
    text = plan_to_json(PLAN)

    assert plan_digest(text) != plan_digest(text.replace("Shared/Bills", "Shared/bills", 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a plan document"),
        ("[" * 100_000, "not a plan document"),
        ("[]", "plan: expected an object"),
        ('{"version": 2}', "plan version 2 is not 1"),
        ('{"version": true}', "plan.version: expected int"),
        ('{"version": 1, "created": "yesterday"}', "'yesterday' is not a date"),
    ],
)
def test_what_is_no_plan_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(PlanRefused, match=said.replace("(", r"\(")):
        plan_from_json(text)


def test_a_wrong_type_deep_inside_is_named_by_its_path() -> None:
    document = json.loads(plan_to_json(PLAN))
    document["mailboxes"][0]["messages"][0]["steps"][1]["to"] = 5

    with pytest.raises(PlanRefused, match=r"plan\.mailboxes\[0\]\.messages\[0\]\.steps\[1\]\.to: expected str"):
        plan_from_json(json.dumps(document))
