"""Examples become messages of real bytes; what a plan does with them is compared sentence by sentence."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailrules.mailbox.message import FactRequest, MessageFacts
from mailrules.plan.example_runner import run_examples
from mailrules.rules.examples import (
    ExampleOutcome,
    compare,
    example_facts,
    example_mailbox,
    example_snapshot,
    header_block,
)
from mailrules.rules.rule import Example, Expectation, MailboxRef
from tests.rules.loading import HEAD, diagnostics_in, load, mistakes_of, rules_of

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
INBOX = MailboxRef(account="home", mailbox="INBOX")
EVERYTHING = FactRequest(
    flags=True,
    size=True,
    received=True,
    modseq=True,
    header_fields=("from", "subject", "date", "x-two"),
    structure=True,
    text=True,
    whole=True,
)


def _example(given: str, expect: str = "{}") -> Example:
    (example,) = rules_of(
        f"rules: [{{name: r, if: always, do: [keep]}}]\ntests:\n  - name: t\n    given: {given}\n    expect: {expect}\n"
    ).rules.examples
    return example


def _facts(given: str) -> MessageFacts:
    (facts,) = example_facts(_example(given), EVERYTHING, now=NOW)
    return facts


def test_an_empty_description_is_a_usual_message() -> None:
    example = _example("{}")

    assert header_block(example.given, now=NOW).decode() == (
        "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n"
        "From: Someone <someone@example.org>\r\n"
        "To: me@example.org\r\n"
        "Message-ID: <example@mailrules.invalid>\r\n"
    )


def test_every_fact_that_is_asked_for_is_given() -> None:
    facts = _facts(
        "{from: Ann <ann@a.example>, subject: Grüße an alle, headers: {X-Two: [one, two]}, body: 'Grüße',"
        " received: 40d, sent: 2026-01-31, flags: [seen], keywords: [$A],"
        " attachments: [{name: a.pdf, type: application/pdf, size: 3KiB}]}"
    )

    assert facts.flags == frozenset({"\\Seen", "$A"})
    assert facts.received == datetime(2026, 10, 13, 12, 0, tzinfo=UTC)
    assert isinstance(facts.header, bytes)
    assert facts.header == (
        b"Date: Sat, 31 Jan 2026 12:00:00 +0000\r\nFrom: Ann <ann@a.example>\r\n"
        b"Subject: =?utf-8?b?R3LDvMOfZQ==?= an alle\r\nX-Two: one\r\nX-Two: two\r\n"
    )
    assert isinstance(facts.structure, tuple)
    assert [(part.number, part.media_type, part.file_name) for part in facts.structure] == [
        ("", "multipart/mixed", ""),
        ("1", "text/plain", ""),
        ("2", "application/pdf", "a.pdf"),
    ]
    assert facts.structure[2].decoded_size_bytes == 3072
    assert isinstance(facts.texts, tuple)
    assert facts.texts[0][1] == "Grüße".encode()
    assert facts.size_bytes is not None
    assert facts.size_bytes > 4096
    assert facts.whole is not None
    assert facts.whole.endswith(b"\r\n\r\nGr\xc3\xbc\xc3\x9fe")


def test_facts_that_are_not_asked_for_are_left_out() -> None:
    facts = example_facts(_example("{size: 5MiB}"), FactRequest(size=True), now=NOW)[0]

    assert facts.size_bytes == 5 * 2**20
    assert (facts.flags, facts.header, facts.structure, facts.texts, facts.received, facts.whole) == (None,) * 6


def test_a_field_under_headers_replaces_the_usual_one() -> None:
    block = header_block(_example("{from: a@b.c, headers: {From: broken, Date: never}}").given, now=NOW)

    assert block.count(b"From:") == 1
    assert b"From: broken\r\nDate: never\r\n" in block


def test_a_snapshot_of_an_example_has_one_row_without_facts() -> None:
    snapshot = example_snapshot(_example("{special_use: [junk]}"), INBOX)

    assert (snapshot.account, snapshot.mailbox, len(snapshot.uids)) == ("home", "INBOX", 1)
    assert snapshot.flags == [None]
    assert snapshot.info.special_use == {"junk"}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("''", INBOX),
        ("INBOX", INBOX),
        ("home/INBOX", INBOX),
        ("B", MailboxRef(account="work", mailbox="B")),
        ("C", None),
    ],
)
def test_the_mailbox_of_an_example_may_leave_out_its_account(written: str, expected: MailboxRef | None) -> None:
    example = _example("{}" if written == "''" else f"{{mailbox: {written}}}")

    assert example_mailbox(example, mailboxes=[INBOX, MailboxRef(account="work", mailbox="B")]) == expected


def test_an_example_without_any_mailbox_has_none() -> None:
    assert example_mailbox(_example("{}"), mailboxes=[]) is None


OUTCOME = ExampleOutcome(
    matched=("a", "b"),
    mailbox=MailboxRef(account="home", mailbox="Lists/x"),
    flags=frozenset({"\\Seen", "$Done"}),
    copies=(MailboxRef(account="home", mailbox="Copy"),),
    notes=("rule 'c' is unknowable: no date",),
)


@pytest.mark.parametrize(
    "expect",
    [
        Expectation(),
        Expectation(matched=("b",), not_matched=("c",)),
        Expectation(flags=frozenset({"\\Seen"}), keywords=frozenset({"$done"})),
        Expectation(mailbox="Lists/x", copies=frozenset({"home/Copy"})),
        Expectation(mailbox="home/Lists/x", copies=frozenset({"Copy"})),
    ],
)
def test_what_is_as_expected_differs_in_nothing(expect: Expectation) -> None:
    assert compare(expect, OUTCOME) == ()


@pytest.mark.parametrize(
    ("expect", "difference"),
    [
        (Expectation(matched=("c",)), 'rule "c" should match and does not'),
        (Expectation(not_matched=("a",)), 'rule "a" should not match and does'),
        (Expectation(flags=frozenset()), "flags: expected none, are \\Seen"),
        (Expectation(keywords=frozenset({"$A", "$B"})), "keywords: expected $A, $B, are $Done"),
        (Expectation(mailbox="INBOX"), "mailbox: expected INBOX, is home/Lists/x"),
        (Expectation(copies=frozenset({"Copy", "B"})), "copies: none in B"),
        (Expectation(copies=frozenset()), "copies: an unexpected one in home/Copy"),
    ],
)
def test_each_difference_is_a_sentence_and_the_notes_follow(expect: Expectation, difference: str) -> None:
    assert compare(expect, OUTCOME) == (difference, *OUTCOME.notes)


@pytest.mark.parametrize(
    ("test", "mistake"),
    [
        ("{name: t, given: {}}", 'a test lacks the key "expect"; add expect: ...'),
        ("{name: t, given: {form: x}, expect: {}}", 'unknown key "form" in "given"; did you mean "from"?'),
        ("{name: t, given: {}, expect: {matched: s}}", 'there is no rule "s"; known here: r'),
        ("{name: t, given: {flags: sen}, expect: {}}", 'unknown flag "sen"; did you mean "seen"?'),
        ("{name: t, given: {}, expect: {flags: sen}}", 'unknown flag "sen"; did you mean "seen"?'),
        ("{name: t, given: {keywords: ['a b']}, expect: {}}", 'no server can store the keyword "a b"; '),
        ("{name: t, given: {received: soon}, expect: {}}", '"soon" is not a date; write year-month-day: 2026-01-31'),
        (
            "{name: t, given: {attachments: [{type: pdf}]}, expect: {}}",
            "a media type such as application/pdf is expected",
        ),
        ("{name: t, given: {size: 3MB}, expect: {}}", '"3MB" has no unit that rules know; write MiB (1024s)'),
    ],
)
def test_a_mistake_in_a_test_has_its_sentence(test: str, mistake: str) -> None:
    (found,) = mistakes_of(f"rules: [{{name: r, if: {{flag: seen}}, do: [keep]}}]\ntests: [{test}]\n")

    assert found.startswith(mistake)


def test_an_example_that_does_not_hold_says_so() -> None:
    configuration = rules_of(
        "rules: [{name: r, if: {subject: a}, do: [{flag: seen}]}]\n"
        "tests: [{name: t, given: {subject: b}, expect: {matched: r, flags: seen}}]\n"
    )

    (result,) = run_examples(configuration)

    assert result.failures == ('rule "r" should match and does not', "flags: expected \\Seen, are none")


MAIL = (
    "Received: from a by b; Tue, 4 Mar 2025 09:30:00 +0100\nFrom: Shop <orders@shop.example>\nSubject: Your bill\n"
    'Content-Type: multipart/mixed; boundary="b"\n\n--b\n\nPlease pay.\n--b\n'
    'Content-Type: application/pdf; name="bill.pdf"\n\n%PDF\n--b--\n'
)
FILE_RULES = """\
  - {name: bills, if: {subject: bill, body: pay, attachment: {name: bill.pdf}}, do: [{move: Bills}]}
  - {name: fresh, if: {received: {newer_than: 1h}}, do: [{flag: flagged}]}
"""


def _of_files(tests: str, *, rules: str = FILE_RULES, others: dict[str, str] | None = None) -> list[tuple[str, ...]]:
    """What fails in examples that stand in ``sub/rules.yaml``, beside whose folder ``mails`` the mail lies."""
    files = {
        "sub/rules.yaml": f"version: 1\nrules:\n{rules}tests:\n{tests}",
        "sub/mails/bill.eml": MAIL,
        **(others or {}),
    }
    configuration = load(HEAD + "include: [sub/rules.yaml]\n", others=files)
    return [one.failures for one in run_examples(configuration)]


def test_an_example_may_be_a_message_on_disk_judged_when_it_came() -> None:
    assert _of_files(
        """\
  - {name: a, given: {eml: mails/bill.eml}, expect: {matched: bills, mailbox: Bills}}
  - {name: b, given: {eml: mails/bill.eml, mailbox: home/INBOX, flags: [seen]}, expect: {flags: [seen]}}
  - {name: c, given: {eml: mails/bill.eml, received: 2h}, expect: {not_matched: fresh}}
  - {name: d, given: {subject: x, earlier: [{eml: mails/bill.eml}]}, expect: {matched: fresh}}
"""
    ) == [(), (), (), ()]


def test_a_file_is_judged_at_the_now_that_the_example_names() -> None:
    rules = "  - {name: fresh, if: {received: {newer_than: 1h}}, do: [{flag: flagged}]}\n"

    assert _of_files(
        """\
  - {name: a, given: {eml: mails/bill.eml}, expect: {matched: fresh}}
  - {name: b, given: {eml: mails/bill.eml, now: "2025-03-04T10:31:00+01:00"}, expect: {not_matched: fresh}}
  - {name: c, given: {eml: undated.eml, now: "2025-03-04T10:31:00+01:00"}, expect: {matched: fresh}}
""",
        rules=rules,
        others={"sub/undated.eml": "Subject: x\n\n"},
    ) == [(), (), ()]


def test_what_an_example_gives_does_not_depend_on_the_day() -> None:
    thursday = rules_of(
        "rules: [{name: r, if: {now: {weekday: thu, between: ['12:00', '12:01'], zone: UTC}}, do: [keep]}]\n"
        "tests: [{name: t, given: {}, expect: {matched: r}}]\n"
    )

    assert [one.failures for one in run_examples(thursday)] == [()]


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ("{eml: none.eml}", "sub/rules.yaml:6:28: error: cannot read sub/none.eml: No such file or directory"),
        (
            "{eml: ../secret.eml}",
            "sub/rules.yaml:6:28: error: an included file reads mail from its own folder only; move the file there",
        ),
        (
            "{eml: mails/bill.eml, subject: x}",
            (
                "sub/rules.yaml:6:44: error: the file under eml has its own subject; leave subject out, or describe"
                " the whole message"
            ),
        ),
    ],
)
def test_a_mistake_about_a_file_has_its_place(given: str, mistake: str) -> None:
    tests = f"  - {{name: a, given: {given}, expect: {{}}}}\n"
    files = {"sub/rules.yaml": f"version: 1\nrules:\n{FILE_RULES}tests:\n{tests}", "sub/mails/bill.eml": MAIL}

    (found,) = diagnostics_in(HEAD + "include: [sub/rules.yaml]\n", others=files)

    assert found == mistake


def test_a_reload_watches_the_files_of_the_examples() -> None:
    configuration = load(
        HEAD + "rules: [{name: r, if: always, do: [keep]}]\ntests: [{name: t, given: {eml: a.eml}, expect: {}}]\n",
        others={"a.eml": MAIL},
    )

    assert configuration.rules.files == ("main.yaml", "a.eml")


def test_a_rule_that_was_not_asked_at_all_is_told_with_the_reason() -> None:
    configuration = rules_of(
        "rules:\n"
        "  - {name: sent, in: home/Sent, if: always, do: [keep]}\n"
        "  - {name: here, in: home/INBOX, if: always, do: [keep]}\n"
        "  - {name: idle, enabled: false, in: home/Sent, if: always, do: [keep]}\n"
        "tests:\n  - {name: t, given: {subject: x}, expect: {matched: [sent, here, idle]}}\n"
    )

    (result,) = run_examples(configuration)

    assert result.failures == (
        'rule "here" should match and does not',
        'rule "idle" should match and does not',
        'rule "here" does not watch home/Sent, where this message lies; say under given where: mailbox: ...',
        'rule "idle" is switched off, or stands in another file than this pack',
    )
