"""Mailbox policies as they are written: what they mean, their mistakes, and what contradicts what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailrules.mailbox.name_pattern import MailboxPattern, pattern_of
from mailrules.rules.policies import Subject
from tests.rules.loading import HEAD, diagnostics_in, load, mistakes_of, rules_of

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARE = "rules: [{name: share, if: always, do: [%s]}]\n"


def test_an_entry_means_its_claims_for_what_its_pattern_means() -> None:
    (policy,) = rules_of(
        "mailboxes:\n"
        '  "home/inbox/Shared/*":\n'
        '    rights: {bob: lr, anyone: ""}\n'
        "    others: remove\n"
        "    metadata: {/shared/Comment: hello}\n"
        "    quota: {storage: 2MiB, messages: none}\n"
        "    subscribed: false\n"
        "    except: home/INBOX/Shared/Mine\n"
    ).rules.policies

    assert policy.name == "home/INBOX/Shared/*"
    assert policy.means("Inbox/Shared/A/B")
    assert not policy.means("INBOX/Shared")
    assert not policy.means("INBOX/Shared/Mine")
    assert [(one.subject, one.name, one.value) for one in policy.claims] == [
        (Subject.RIGHTS, "bob", "lr"),
        (Subject.RIGHTS, "anyone", ""),
        (Subject.OTHERS, "", "remove"),
        (Subject.METADATA, "/shared/comment", "hello"),
        (Subject.SUBSCRIBED, "", "false"),
        (Subject.QUOTA, "STORAGE", "2048"),
        (Subject.QUOTA, "MESSAGE", ""),
    ]


@pytest.mark.parametrize(
    ("entry", "mistake"),
    [
        ("hom/A: {create: true}", 'there is no account "hom"; did you mean "home"?'),
        ("Shared: {create: true}", 'there is no account "Shared"; write account/mailbox: "home/Shared"'),
        ("home/: {create: true}", '"home/" names no mailbox; write "home/INBOX"'),
        ("home/A: {}", 'the policy of "home/A" says nothing; add rights, '),
        ("home/A: {right: {bob: l}}", 'unknown key "right" in a mailbox policy; did you mean "rights"?'),
        ("home/A: [create]", "a mailbox policy is a mapping, not a list; "),
        (
            '"home/A*": {create: true}',
            "create is for one mailbox, and A* is a pattern; write an entry for each mailbox",
        ),
        ('"home/%": {special_use: sent}', "special_use is for one mailbox, and % is a pattern; "),
        ("home/A: {special_use: outbox}", "is expected here, not 'outbox'"),
        ("home/A: {rights: {bob: lq}}", 'unknown right "q"; rights are l r s w i p k x t e a (RFC 4314)'),
        ('home/A: {rights: {"b\\u0007b": l}}', "this identifier is empty, too long or has control characters; "),
        ("home/A: {rights: {me@example.org: lr}}", "this would take our own right to administer home/A away; keep a "),
        ("home/A: {metadata: {/comment: x}}", '"/comment" is no entry of metadata; '),
        ('home/A: {metadata: {/shared/a: "base64:?"}}', "'base64:?' is no base64: "),
        ("home/A: {quota: {}}", "this quota limits nothing; add storage: 2GiB, or messages: 10000"),
        ("home/A: {quota: {storage: much}}", '"much" is not a size; '),
        ("home/A: {quota: {messages: -1}}", "expected a whole number, or none; "),
        ("home/A: {create: true, except: work/B}", 'there is no account "work"; '),
    ],
)
def test_a_mistake_is_told(entry: str, mistake: str) -> None:
    mistakes = mistakes_of(f"mailboxes:\n  {entry}\n")

    assert any(mistake in one for one in mistakes), mistakes


def test_policies_stand_in_the_main_file_alone() -> None:
    (mistake,) = diagnostics_in(
        HEAD + "include: [more.yaml]\n", others={"more.yaml": "version: 1\nmailboxes: {home/A: {create: true}}\n"}
    )

    assert 'more.yaml:2:1: error: "mailboxes" may not stand in an included file' in mistake


@pytest.mark.parametrize(
    "entries",
    [
        ('"home/S/*": {rights: {bob: lr}}', "home/S/A: {rights: {bob: lrs}}"),
        ('"home/S/*": {rights: {bob: lr}}', '"home/*/A": {rights: {bob: l}}'),
        ('"home/S/*": {rights: {bob: lr}}', "home/S/A: {rights: {ann: lr}, others: remove}"),
        ("home/S/A: {others: remove}", '"home/S/*": {rights: {bob: lr}}'),
        ('"home/%": {subscribed: true}', "home/A: {subscribed: false}"),
        ('"home/*": {metadata: {/shared/a: x}}', "home/A: {metadata: {/shared/A: y}}"),
        ('"home/*": {quota: {storage: 1GiB}}', "home/INBOX: {quota: {storage: none}}"),
    ],
)
def test_two_policies_that_contradict_are_an_error_that_names_both_places(entries: tuple[str, str]) -> None:
    (mistake,) = diagnostics_in(HEAD + "mailboxes:\n" + "".join(f"  {one}\n" for one in entries))

    assert mistake.startswith("main.yaml:8:")
    assert "this contradicts home/" in mistake
    assert "main.yaml:7:" in mistake.partition(": error: ")[2]


@pytest.mark.parametrize(
    "entries",
    [
        ['"home/S/*": {rights: {bob: lr}, except: home/S/A}', "home/S/A: {rights: {bob: lrs}}"],
        ['"home/S/*": {rights: {bob: lr}, except: "home/S/A/*"}', '"home/S/A/B*": {rights: {bob: lrs}}'],
        ['"home/S/*": {rights: {bob: lrc}}', "home/S/A: {rights: {bob: rld}}"],
        ['"home/S/%": {rights: {bob: lr}}', "home/S/A/B: {rights: {bob: lrs}}"],
        ["home/S/A: {rights: {bob: lr}, others: remove}", '"home/S/*": {rights: {bob: lr, ann: ""}}'],
    ],
)
def test_what_can_be_so_together_is_no_contradiction(entries: list[str]) -> None:
    text = "mailboxes:\n" + "".join(f"  {one}\n" for one in entries)

    assert len(rules_of(text).rules.policies) == 2


@pytest.mark.parametrize(
    "action",
    [
        "setacl: {mailbox: S/A, rights: {bob: l}}",
        "setacl: {mailbox: S/A, rights: {eve: l}}",
        "deleteacl: {mailbox: S/A, identifiers: bob}",
        "setmetadata: {mailbox: S/A, entry: /shared/a, value: y}",
        "setquota: {mailbox: S/A, storage: 1GiB}",
        "unsubscribe_mailbox: S/A",
        'unsubscribe_mailbox: "S/{from.domain}"',
    ],
)
def test_a_rule_that_contradicts_a_policy_is_an_error_that_names_both_places(action: str) -> None:
    wanted = "rights: {bob: lr}, others: remove, metadata: {/shared/a: x}, quota: {storage: 2GiB}, subscribed: true"
    text = f'mailboxes:\n  "home/S/*": {{{wanted}}}\n' + SHARE % f"{{{action}}}"

    (mistake,) = diagnostics_in(HEAD + text)

    assert mistake.startswith("main.yaml:8:")
    assert "this contradicts home/S/* at main.yaml:7:" in mistake


def test_a_rule_of_another_account_or_mailbox_contradicts_nothing() -> None:
    text = HEAD.replace("defaults", "  work: {host: a.example, user: me, secret: {env: X}}\ndefaults")

    loaded = load(
        text
        + "mailboxes: {work/A: {rights: {bob: lr}}, home/B: {rights: {bob: lr}}}\n"
        + SHARE % "{setacl: {mailbox: A, rights: {bob: l}}}"
    )

    assert len(loaded.rules.policies) == 2


NAMES = st.text("ab/", min_size=1, max_size=5)
PATTERNS = st.text("ab/*%", min_size=1, max_size=5).map(pattern_of)


@given(PATTERNS, PATTERNS, NAMES)
def test_patterns_that_both_mean_a_name_overlap_and_a_cover_means_all(
    one: MailboxPattern, other: MailboxPattern, name: str
) -> None:
    if one.matches(name) and other.matches(name):
        assert one.overlaps(other)
        assert other.overlaps(one)
    if one.covers(other) and other.matches(name):
        assert one.matches(name)


@given(PATTERNS, PATTERNS)
@example(MailboxPattern("*//**"), MailboxPattern("*/aab"))
def test_patterns_that_overlap_have_a_name_in_common(one: MailboxPattern, other: MailboxPattern) -> None:
    if one.overlaps(other):
        assert any(
            one.matches(name) and other.matches(name) for name in _merges(*(_literal(each) for each in (one, other)))
        )


def _literal(pattern: MailboxPattern) -> str:
    return pattern.text.translate({ord(wildcard): None for wildcard in "*%"})


def _merges(one: str, other: str) -> Iterator[str]:
    """All texts made of two, each in its order; a character may stand for one of both.

    The shortest name that two patterns mean is among them: what is no literal of either, a wildcard need not match.
    """
    if not one or not other:
        yield one + other
        return
    for rest in _merges(one[1:], other):
        yield one[0] + rest
    for rest in _merges(one, other[1:]):
        yield other[0] + rest
    if one[0] == other[0]:
        for rest in _merges(one[1:], other[1:]):
            yield one[0] + rest
