"""How long 1,000 rules take to judge 20,000 messages, against 10 rules: the ratio is at most 3; and at ``scale``.

Both start from raw header blocks: decoding the columns is part of the first judgement. The mails
and the rules are made up from a fixed seed; the rules are of all kinds that read facts of the
first two rounds (flags, sizes, dates, header fields), as a large rule file is.
"""

from __future__ import annotations

import base64
import gc
import os
import random
import sys
from datetime import UTC, datetime, timedelta
from time import process_time

from mailrules.diagnostics import Location
from mailrules.mailbox.message import UID, FactRequest, MessageFacts
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo, MailboxStatus
from mailrules.rules.address_tests import AddressPart, AddressTest, bare_match, part_match, subdomains_of
from mailrules.rules.compiler import Judge
from mailrules.rules.conditions import All, AnyOf, Environment, Leaf, LeafTest, Node, Not
from mailrules.rules.text_match import TextMatch, TextOperator
from mailrules.rules.text_tests import TextTest
from mailrules.rules.value_tests import FlagTest, NumberBounds, SizeTest, TimeSource, TimeTest

MESSAGES = 20_000
RULES = 1_000
FEW_RULES = 10
MOST_RATIO = 3.0
MANY_MESSAGES = int(os.environ.get("MAILRULES_SCALE_MESSAGES", "100000"))
MOST_RULES = 10_000
FIELDS = ("from", "to", "subject", "list-id", "date", "x-mailer")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)

random_numbers = random.Random(20_000)
WORDS = [
    "".join(random_numbers.choices("abcdefghijklmnoprstuvwz", k=random_numbers.randint(3, 10))) for _ in range(5_000)
]
DOMAINS = [f"{word}.{top}" for word in WORDS[:600] for top in ("example", "example.org", "mail.example.com")]
PEOPLE = [
    (random_numbers.choice(WORDS), random_numbers.choice(WORDS), random_numbers.choice(DOMAINS)) for _ in range(3_000)
]


def main() -> int:
    rules = make_rules(RULES)
    few = timed(rules[:FEW_RULES])
    many = timed(rules)
    ratio = many / few
    print(f"{MESSAGES:,} messages, {FEW_RULES} rules: {few:.3f} s")
    print(f"{MESSAGES:,} messages, {RULES:,} rules: {many:.3f} s, {ratio:.2f} times as long (at most {MOST_RATIO})")
    return 0 if ratio <= MOST_RATIO else 1


def scale() -> int:
    """Many rules over many messages: a message costs less the more there are, and ten times the rules not ten times.

    The same in one table: messages, rules, processor time of a first judgement, and what it is a message.
    """
    rules = make_rules(MOST_RULES)
    times = {
        (messages, count): timed(rules[:count], messages=messages, rounds=1)
        for messages in (MANY_MESSAGES // 10, MANY_MESSAGES)
        for count in (100, 1_000, MOST_RULES)
    }
    for (messages, count), seconds in times.items():
        each = 1_000_000 * seconds / messages
        print(f"{messages:,} messages, {count:,} rules: {seconds:.3f} s, {each:.1f} microseconds a message")
    grown = {count: times[MANY_MESSAGES, count] / times[MANY_MESSAGES // 10, count] for count in (1_000, MOST_RULES)}
    for count, ratio in grown.items():
        print(f"ten times the messages, {count:,} rules: {ratio:.2f} times as long (less than 10)")
    ratio = times[MANY_MESSAGES, MOST_RULES] / times[MANY_MESSAGES, 100]
    print(f"{MANY_MESSAGES:,} messages, {MOST_RULES:,} rules against 100: {ratio:.2f} times as long (less than 10)")
    return 0 if ratio < 10 and all(one < 10 for one in grown.values()) else 1


def timed(rules: list[Node], *, messages: int = MESSAGES, rounds: int = 3) -> float:
    """Processor time of a first judgement, decoding included: the best round, each on a new snapshot."""
    best = float("inf")
    for _ in range(rounds):
        snapshot = make_snapshot(messages)
        gc.collect()
        start = process_time()
        judge = Judge(snapshot, Environment(now=NOW), rules)
        matched = sum(judge.judge(rule, snapshot.all_rows).true.bit_count() for rule in rules)
        best = min(best, process_time() - start)
        if not matched:
            raise AssertionError("no rule matched any message")
    return best


def make_snapshot(messages: int = MESSAGES) -> Snapshot:
    uids = [UID(number) for number in range(1, messages + 1)]
    snapshot = Snapshot(
        account="home",
        info=MailboxInfo(name="INBOX", delimiter="/"),
        status=MailboxStatus(mailbox="INBOX", uidvalidity=1, messages=messages),
        uids=uids,
    )
    snapshot.add(
        FactRequest(flags=True, size=True, received=True, header_fields=FIELDS), [make_message(uid) for uid in uids]
    )
    return snapshot


def make_message(uid: UID) -> MessageFacts:
    chance = random.Random(uid)
    first, last, domain = chance.choice(PEOPLE)
    received = NOW - timedelta(minutes=chance.randrange(2 * 365 * 24 * 60))
    subject = " ".join(chance.choices(WORDS, k=chance.randint(3, 9)))
    if uid % 10 == 0:
        subject = f"=?utf-8?B?{base64.b64encode(f'Grüße: {subject}'.encode()).decode()}?="
    lines = [
        f"From: {first.title()} {last.title()} <{first}.{last}@{domain}>",
        f"To: me@example.org, {chance.choice(PEOPLE)[0]}@{chance.choice(DOMAINS)}",
        f"Subject: {subject}",
        f"Date: {received:%a, %d %b %Y %H:%M:%S} +0000",
    ]
    if uid % 3 == 0:
        lines.append(f"List-Id: The {first} list <{first}.lists.{domain}>")
    if uid % 5 == 0:
        lines.append(f"X-Mailer: {chance.choice(WORDS)} {chance.randint(1, 20)}.0")
    return MessageFacts(
        uid=uid,
        flags=frozenset(chance.sample(["\\Seen", "\\Flagged", "\\Answered", "$Important", "work"], k=uid % 3)),
        size_bytes=chance.randrange(500, 5_000_000),
        received=received,
        header=("\r\n".join(lines) + "\r\n\r\n").encode(),
    )


def make_rules(count: int) -> list[Node]:
    chance = random.Random(1_000)
    makers = (_subject, _sender, _domain, _list, _regex, _header, _size, _received, _flags, _combined)
    return [makers[index % len(makers)](chance) for index in range(count)]


def _leaf(name: str, test: LeafTest) -> Leaf:
    return Leaf(name=name, text=name, where=Location(file="bench"), test=test)


def _text(field: str, operator: TextOperator, *values: str) -> Leaf:
    return _leaf(field, TextTest(field=field, matches=(TextMatch(operator=operator, values=values),)))


def _subject(chance: random.Random) -> Node:
    operator = chance.choice([TextOperator.CONTAINS, TextOperator.CONTAINS, TextOperator.STARTS_WITH])
    return _text("subject", operator, *chance.choices(WORDS, k=3))


def _sender(chance: random.Random) -> Node:
    first, last, domain = chance.choice(PEOPLE)
    bare = chance.choice([f"{first}.{last}@{domain}", f"@{domain}", last])
    return _leaf("from", AddressTest(fields=("from",), matches=(bare_match([bare]),)))


def _domain(chance: random.Random) -> Node:
    match = subdomains_of([chance.choice(DOMAINS)])
    name = part_match(AddressPart.NAME, TextOperator.CONTAINS, [chance.choice(WORDS)[:3]])
    return _leaf(
        "any_recipient", AddressTest(fields=("to",), matches=(match, name) if chance.random() < 0.2 else (match,))
    )


def _list(chance: random.Random) -> Node:
    return _text("list-id", TextOperator.CONTAINS, f"<{chance.choice(PEOPLE)[0]}.")


def _regex(chance: random.Random) -> Node:
    word, other = chance.choices(WORDS, k=2)
    pattern = chance.choice(
        [rf"\b{word}\b", rf"^\w+ {word}", rf"(?P<first>{word}|{other})\s+\w+$", rf"{word}.*{other}"]
    )
    return _text("subject", TextOperator.REGEX, pattern)


def _header(chance: random.Random) -> Node:
    return _text("x-mailer", TextOperator.GLOB, f"{chance.choice(WORDS)} *")


def _size(chance: random.Random) -> Node:
    return _leaf("size", SizeTest(bounds=NumberBounds(over=chance.randrange(5_000_000))))


def _received(chance: random.Random) -> Node:
    source = chance.choice([TimeSource.RECEIVED, TimeSource.SENT])
    return _leaf(source, TimeTest(source=source, older_than=timedelta(days=chance.randrange(700))))


def _flags(chance: random.Random) -> Node:
    return _leaf("flag", FlagTest(flags=(chance.choice(["\\Seen", "\\Flagged", "$important"]),)))


def _combined(chance: random.Random) -> Node:
    return All(parts=(AnyOf(parts=(_subject(chance), _sender(chance))), Not(part=_flags(chance)), _size(chance)))


if __name__ == "__main__":
    sys.exit(main())
