"""What a machine may answer or forward (RFC 3834), decided on the header alone."""

from __future__ import annotations

import pytest

from mailrules.delivery.automatic import MailHeader, why_not_answered, why_not_forwarded
from mailrules.delivery.marks import LOOP_FIELD, loop_mark

KEY = b"k" * 32
OWN = frozenset({"me@example.org", "sales@example.org"})
GOOD = {
    "Return-Path": "<al@elsewhere.example>",
    "From": "Al <al@elsewhere.example>",
    "To": "Me <me@example.org>",
    "Subject": "Hello",
}


def mail(*lines: str, **changed: str | None) -> MailHeader:
    fields = {**GOOD, **{name.replace("_", "-"): value for name, value in changed.items()}}
    text = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return MailHeader.of("\r\n".join([*text, *lines, ""]).encode())


def test_a_persons_mail_to_us_may_be_answered_and_forwarded() -> None:
    assert why_not_answered(mail(), own=OWN, key=KEY) == ""
    assert why_not_forwarded(mail(), to="bo@friends.example", key=KEY) == ""
    assert mail().sender == "al@elsewhere.example"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (mail(Return_Path="<>"), "its sender is null"),
        (mail(Return_Path="broken"), "it has no single plain sender address"),
        (mail(Return_Path=None, From="a@x.example, b@x.example"), "it has no single plain sender address"),
        (mail(Return_Path=None, From=None), "it has no single plain sender address"),
        (mail(Return_Path="<MAILER-DAEMON@x.example>"), "is no person's address"),
        (mail(Return_Path="<owner-news@x.example>"), "is no person's address"),
        (mail(Return_Path="<news-owner@x.example>"), "is no person's address"),
        (mail(Return_Path="<news-request@x.example>"), "is no person's address"),
        (mail(Return_Path="<news-bounces@x.example>"), "is no person's address"),
        (mail(Return_Path="<no-reply@x.example>"), "is no person's address"),
        (mail(Return_Path="<Sales@Example.org>"), "we sent it"),
        (mail("List-Id: <a.example>"), "it came over a list"),
        (mail("list-unsubscribe: <mailto:x@x.example>"), "it came over a list"),
        (mail("Precedence: Bulk"), "its Precedence is Bulk"),
        (mail("Precedence: junk"), "its Precedence is junk"),
        (mail("Precedence: list"), "its Precedence is list"),
        (mail("Auto-Submitted: auto-replied"), "Auto-Submitted: auto-replied"),
        (mail("Auto-Submitted: AUTO-generated; owner-email=x"), "Auto-Submitted: auto-generated"),
        (mail("X-Auto-Response-Suppress: DR, OOF"), "wants no answer"),
        (mail(To="Others <others@example.org>"), "none of our addresses"),
        (mail(To=None), "none of our addresses"),
        (mail(*["Received: from a by b"] * 30), "it has passed 30 servers"),
        (mail(f"{LOOP_FIELD}: {loop_mark('abc', key=KEY)}"), "our own loop mark"),
    ],
)
def test_what_is_never_answered(changed: MailHeader, reason: str) -> None:
    assert reason in why_not_answered(changed, own=OWN, key=KEY)


@pytest.mark.parametrize(
    "changed",
    [
        mail("Auto-Submitted: no"),
        mail("Precedence: first-class"),
        mail("X-Auto-Response-Suppress: None"),
        mail(To="x@x.example", Cc="SALES@example.org"),
        mail(*["Received: from a by b"] * 29),
        mail(f"{LOOP_FIELD}: {loop_mark('abc', key=b'another key')}"),
        mail(Return_Path=None),
    ],
)
def test_what_is_like_it_and_may_be_answered(changed: MailHeader) -> None:
    assert why_not_answered(changed, own=OWN, key=KEY) == ""


@pytest.mark.parametrize(
    ("changed", "to", "reason"),
    [
        (mail(Return_Path="<>"), "bo@friends.example", "its sender is null"),
        (mail(), "AL@elsewhere.example", "sent it"),
        (mail("List-Id: <news.example>", Cc="news@lists.example"), "news@lists.example", "over the list"),
        (mail("List-Post: <mailto:News@lists.example?x=y>"), "news@lists.example", "over the list"),
        (mail(*["Received: from a by b"] * 31), "bo@friends.example", "it has passed 31 servers"),
        (mail(f"{LOOP_FIELD}: {loop_mark('abc', key=KEY)}"), "bo@friends.example", "our own loop mark"),
    ],
)
def test_what_is_never_forwarded(changed: MailHeader, to: str, reason: str) -> None:
    assert reason in why_not_forwarded(changed, to=to, key=KEY)


def test_list_mail_may_be_forwarded_to_a_person() -> None:
    assert why_not_forwarded(mail("List-Id: <news.example>"), to="bo@friends.example", key=KEY) == ""


def test_a_stranger_cannot_make_our_mark_and_nothing_odd_in_one_raises() -> None:
    forged = [
        f"{LOOP_FIELD}: {value}" for value in ("", ".", "abc", "abc.", f"abc.{'0' * 40}", "ä.ö", "=?utf-8?B?w6Q=?=")
    ]
    assert why_not_answered(mail(*forged), own=OWN, key=KEY) == ""
