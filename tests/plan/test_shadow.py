"""A rule in shadow tells what it would do, and changes nothing of what the others do."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from mailrules.errors import MessagesUnreadable, MissingCapability, RemoteProtocolError
from mailrules.narrowing import SearchTrust, Sweep
from mailrules.plan.directory import directory_of
from mailrules.plan.history import History, Sight
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.plan.shadow import rules_in_shadow, rules_that_act, shadow_ends
from mailrules.rules.conditions import Environment
from mailrules.survey import Surroundings, survey_mailbox
from mailrules.testing.builders import message
from mailrules.testing.memory_reader import MemoryReader
from tests.narrowing import generated
from tests.plan.planned import NOW, load, mail, steps_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.mailbox.message import UID, FactRequest, MessageFacts
    from mailrules.plan.plan import MailboxPlan
    from mailrules.rules.rule import Rule

WEEK = timedelta(days=7)
FILES = 60
OFFER = message(subject="offer", from_="shop@example.org", body="cheap")
LETTER = message(subject="letter", from_="ann@example.org", body="dear")


async def judged(
    rules: Sequence[Rule], reader: MemoryReader, *, sights: dict[str, Sight] | None = None, sweep: Sweep | None = None
) -> MailboxPlan:
    listed = await reader.list_mailboxes()
    surroundings = Surroundings(
        directory=directory_of(listed, account="home", user="me@example.org", trash="Trash", archive="Archive"),
        environment=Environment(now=NOW),
        history=History(sights=sights or {}),
        describe_fields=DISPLAY_FIELDS,
    )
    status = reader.opened or await reader.open("INBOX")
    return (await survey_mailbox(reader, status, rules, surroundings=surroundings, sweep=sweep)).finish()


async def plan_of(text: str, *messages: bytes, sights: dict[str, Sight] | None = None) -> MailboxPlan:
    reader = MemoryReader(mail(*messages, mailboxes=["A", "B"]), account="home")
    return await judged(load(f"rules:\n{text}").rules.rules, reader, sights=sights)


def would(plan: MailboxPlan) -> dict[tuple[int, str], list[str]]:
    return {
        (one.uid, one.rule): [f"{step.kind} {step.to or ' '.join(step.flags)}" for step in one.steps]
        for one in plan.shadow
    }


def shadow_rule() -> Rule:
    return load("rules: [{name: s, shadow: 7d, if: always, do: [{flag: seen}]}]\n").rules.rules[0]


def test_a_rule_is_in_shadow_from_its_first_sight_until_its_time_is_over() -> None:
    rule = shadow_rule()
    assert rule.shadow is not None
    sights = {"s": Sight(rule.shadow.digest, NOW)}

    def ends_at(hours: float) -> bool:
        return shadow_ends(rule, sights, now=NOW + timedelta(hours=hours)) is not None

    assert (ends_at(0), ends_at(7 * 24 - 0.001), ends_at(7 * 24), ends_at(7 * 24 + 1)) == (True, True, False, False)
    assert rules_that_act([rule], sights, now=NOW + WEEK) == (rule,)


def test_a_rule_that_nobody_has_seen_is_in_shadow_from_now() -> None:
    rule = shadow_rule()
    another = {"s": Sight("of what it did before", NOW - 2 * WEEK)}

    (found,) = rules_in_shadow([rule], {}, now=NOW)
    (edited,) = rules_in_shadow([rule], another, now=NOW)

    assert found.until == edited.until == NOW + WEEK
    assert rules_that_act([rule], {}, now=NOW) == ()


def test_with_a_clock_before_the_first_sight_it_does_not_act() -> None:
    rule = shadow_rule()
    assert rule.shadow is not None

    ends = shadow_ends(rule, {"s": Sight(rule.shadow.digest, NOW)}, now=NOW - timedelta(days=1000))

    assert ends == NOW + WEEK


def test_the_end_is_told_in_the_zone_of_the_clock() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))

    ends = shadow_ends(shadow_rule(), {}, now=NOW.astimezone(zone))

    assert ends is not None
    assert ends.utcoffset() == timedelta(hours=5, minutes=30)
    assert ends == NOW + WEEK


async def test_its_actions_are_told_and_not_planned() -> None:
    plan = await plan_of(
        "  - {name: s, shadow: 7d, if: {subject: offer}, do: [{flag: seen}, {move: A}]}\n", OFFER, LETTER
    )

    assert plan.messages == ()
    assert plan.final_uids == (1, 2)
    assert would(plan) == {(1, "s"): ["add_flags \\Seen", "move A"]}
    assert (plan.shadow[0].subject, plan.shadow[0].from_) == ("offer", "shop@example.org")


async def test_after_its_time_it_acts() -> None:
    text = "  - {name: s, shadow: 7d, if: {subject: offer}, do: [{move: A}]}\n"
    rule = load(f"rules:\n{text}").rules.rules[0]
    assert rule.shadow is not None

    plan = await plan_of(text, OFFER, sights={"s": Sight(rule.shadow.digest, NOW - WEEK)})

    assert steps_of(plan) == {1: ["move A"]}
    assert plan.shadow == ()


async def test_it_ends_nothing_for_later_rules_and_says_what_it_would_take_from_them() -> None:
    plan = await plan_of(
        "  - {name: s, shadow: 7d, if: {subject: offer}, do: [{move: A}]}\n"
        "  - {name: live, if: always, do: [{move: B}]}\n",
        OFFER,
        LETTER,
    )

    assert steps_of(plan) == {1: ["move B"], 2: ["move B"]}
    assert would(plan) == {(1, "s"): ["move A"]}
    assert plan.shadow[0].displaces == ("live",)


async def test_it_is_not_asked_for_what_an_earlier_rule_has_settled() -> None:
    plan = await plan_of(
        "  - {name: live, if: {subject: offer}, do: [{move: B}]}\n"
        "  - {name: s, shadow: 7d, if: always, do: [{move: A}]}\n",
        OFFER,
        LETTER,
    )

    assert would(plan) == {(2, "s"): ["move A"]}


async def test_two_of_them_do_not_see_each_other() -> None:
    plan = await plan_of(
        "  - {name: s, shadow: 7d, if: always, do: [{move: A}]}\n"
        "  - {name: t, shadow: 1d, if: always, do: [{move: B}]}\n",
        OFFER,
    )

    assert would(plan) == {(1, "s"): ["move A"], (1, "t"): ["move B"]}


async def test_what_it_cannot_know_holds_nothing() -> None:
    undated = message(subject="undated", date=None)

    plan = await plan_of(
        "  - {name: s, shadow: 7d, if: {sent: {older_than: 1d}}, do: [{trash: true}]}\n"
        "  - {name: live, if: always, do: [{move: B}]}\n",
        undated,
    )

    assert steps_of(plan) == {1: ["move B"]}
    assert plan.findings == ()
    assert [(one.rule, one.steps, one.reason.split(":")[0]) for one in plan.shadow] == [("s", (), "unknowable")]


async def test_what_would_hold_it_is_told() -> None:
    plan = await plan_of("  - {name: s, shadow: 7d, if: always, do: [{move: Nowhere}]}\n", OFFER)

    assert plan.findings == ()
    assert plan.final_uids == (1,)
    assert plan.shadow[0].reason == "held: mailbox 'Nowhere' does not exist; make it, or write create: true"


async def test_matched_by_asks_for_its_condition_whether_it_acts_or_not() -> None:
    plan = await plan_of(
        "  - {name: s, shadow: 7d, if: {subject: offer}, do: [{flag: seen}]}\n"
        "  - {name: live, if: {matched_by: s}, do: [{move: B}]}\n",
        OFFER,
        LETTER,
    )

    assert steps_of(plan) == {1: ["move B"]}


@pytest.mark.parametrize("part", range(4))
async def test_nothing_changes_for_the_others_and_it_tells_what_it_will_do(part: int) -> None:
    """By chance: files of three rules, each with one more in shadow, with and without the server's SEARCH."""
    account = mail(mailboxes=["Other", "Copies"])
    for one in generated.messages(random.Random(f"shadow {part}"), zones=True):
        account.add("INBOX", one.content, flags=one.flags, received=one.received)
    reader = MemoryReader(account, account="home")
    told = 0
    for number in range(part, FILES, 4):
        chance = random.Random(f"shadow {number}")
        text = with_shadow(generated.rules(chance, count=3), generated.rules(chance, count=1), chance=chance)
        rules = load(text).rules.rules
        live = tuple(rule for rule in rules if rule.name != "s")
        sweep = Sweep(trust=SearchTrust(account="home"), worth=0, most_found=1.0) if number % 2 else None

        alone = await judged(live, reader, sweep=sweep)
        beside = await judged(rules, reader, sweep=sweep)
        sights = {rule.name: Sight(rule.shadow.digest, NOW - WEEK) for rule in rules if rule.shadow}
        over = await judged(rules, reader, sights=sights)

        assert outcome(beside) == outcome(alone), text
        assert sweep is not None or beside.final_uids == alone.final_uids, text
        acts = {one.uid: [step for step in one.steps if step.rule == "s"] for one in over.messages}
        assert {one.uid: list(one.steps) for one in beside.shadow if one.steps} == {
            uid: steps for uid, steps in acts.items() if steps
        }, text
        told += len(beside.shadow)
    assert told > FILES


def with_shadow(rules: str, another: str, *, chance: random.Random) -> str:
    """The file with a rule ``s`` in shadow at some place."""
    head, *parts = rules.split("  - name: ")
    (own,) = another.split("  - name: r0\n")[1:]
    parts.insert(chance.randrange(len(parts) + 1), f"s\n    shadow: 7d\n{own}")
    return "  - name: ".join([head, *parts])


def outcome(plan: MailboxPlan) -> tuple[object, ...]:
    """What a plan does and leaves. Of messages that a search left unread it does not say that they are final."""
    messages = [replace(one, subject="", from_="", message_id="") for one in plan.messages]
    return messages, plan.findings, plan.judged, plan.pending_uids, plan.senders, plan.remembered


async def test_what_is_beyond_a_limit_for_it_is_no_matter_of_the_others() -> None:
    """A message is left alone by all rules where one that acts finds it too complex, not where it alone does."""
    crowded = b"Subject: " + b"=?utf-8?q?x?= " * 1_001 + b"\r\n\r\nx\r\n"
    text = (
        "  - {name: s, shadow: 7d, if: {subject: x}, do: [{move: A}]}\n"
        "  - {name: dated, if: {sent: {older_than: 1d}}, do: [{trash: true}]}\n"
        "  - {name: live, if: always, do: [{flag: seen}]}\n"
    )

    plan = await plan_of(text, crowded)
    without = await plan_of(text.split("\n", 1)[1], crowded)

    assert steps_of(plan) == steps_of(without) == {1: ["+\\Seen"]}
    assert plan.findings == without.findings
    assert [one.reason.split(":")[0] for one in plan.shadow] == ["too_complex"]


class Grudging(MemoryReader):
    """A server that does not let texts be read, as it is told."""

    def __init__(self, error: Exception) -> None:
        super().__init__(mail(OFFER, LETTER, mailboxes=["A", "B"]), account="home")
        self._error = error

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        if request.text:
            raise self._error
        return await super().fetch(request, uids)


async def test_a_message_that_it_cannot_read_is_read_for_the_others() -> None:
    rules = load(
        "rules:\n  - {name: s, shadow: 7d, if: {body: cheap}, do: [{move: A}]}\n"
        "  - {name: live, if: {subject: offer}, do: [{move: B}]}\n"
    ).rules.rules
    error = MessagesUnreadable("garbage", sent="", rfc="RFC 9051", reasons={1: "garbage"}, result=[])

    plan = await judged(rules, Grudging(error))

    assert steps_of(plan) == {1: ["move B"]}
    assert (plan.final_uids, plan.findings) == ((1, 2), ())
    assert plan.shadow_left_out == "1 of the messages cannot be read, first UID 1: garbage"


@pytest.mark.parametrize(
    "error",
    [
        MissingCapability("FETCH", capability="X", rfc="RFC 9051"),
        RemoteProtocolError("garbage", sent="", rfc="RFC 9051"),
    ],
)
async def test_what_it_asks_in_vain_stops_nobody(error: Exception) -> None:
    rules = load(
        "rules:\n  - {name: s, shadow: 7d, if: {body: cheap}, do: [{move: A}]}\n"
        "  - {name: live, if: {subject: offer}, do: [{move: B}]}\n"
    ).rules.rules

    plan = await judged(rules, Grudging(error))

    assert steps_of(plan) == {1: ["move B"]}
    assert plan.final_uids == (1, 2)
    assert plan.shadow == ()
    assert plan.shadow_left_out == str(error)
