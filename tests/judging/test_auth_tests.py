"""Which Authentication-Results fields are believed, and what they say, over a column."""

from dataclasses import replace

import pytest

from mailrules.mailbox.authentication import MAX_RESULTS_BYTES
from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Unreadable
from mailrules.rules.auth_tests import AuthTest
from mailrules.rules.truth import Truth
from tests.judging.conditions import NOW, bits, judged
from tests.mailbox.samples import empty_snapshot, header_snapshot

FIELD = "authentication-results"
MAIL = header_snapshot(
    "Authentication-Results: mx; spf=pass; dmarc=pass",
    "Authentication-Results: elsewhere; spf=pass; dmarc=pass",
    "Authentication-Results: MX; dmarc=fail\nAuthentication-Results: mx; spf=softfail; dmarc=pass",
    "Subject: nothing",
    "Authentication-Results: mx; spf=" + "x" * MAX_RESULTS_BYTES,
    "Authentication-Results: elsewhere; spf=" + "x" * MAX_RESULTS_BYTES,
    fields=[FIELD, "subject"],
)


def _auth(**wanted: str) -> AuthTest:
    return AuthTest(wanted=tuple((method, frozenset(words.split())) for method, words in wanted.items()))


@pytest.mark.parametrize(
    ("test", "rows"),
    [
        (_auth(spf="pass"), "100000"),
        (_auth(dmarc="pass"), "100000"),
        (_auth(dmarc="fail"), "001000"),
        (_auth(spf="softfail", dmarc="fail"), "001000"),
        (_auth(spf="pass", dmarc="fail"), "000000"),
        (_auth(spf="none pass"), "110101"),
        (_auth(dkim="none"), "111101"),
    ],
)
def test_the_topmost_field_of_a_server_that_we_believe_counts(test: AuthTest, rows: str) -> None:
    truth = judged(test, MAIL)

    assert bits(truth.true, MAIL) == rows
    assert bits(truth.unknowable, MAIL) == "000010"
    assert test.why_unknowable(MAIL, 4) == "too complex: a long authentication-results field"


def test_whoever_believes_nobody_knows_nothing() -> None:
    test = _auth(spf="pass")

    assert test.judge(MAIL, 0b1, replace(NOW, authserv_ids=frozenset())) == Truth(0, 0, 0b1)
    assert test.why_unknowable(MAIL, 0).startswith("the account names no authserv_id")


def test_a_field_shows_itself() -> None:
    assert _auth(spf="pass").seen(MAIL, 0) == "mx; spf=pass; dmarc=pass"
    assert _auth(spf="pass").seen(MAIL, 3) == "no Authentication-Results"


def test_a_header_that_cannot_be_read_is_no_missing_one() -> None:
    snapshot = empty_snapshot(1)
    snapshot.add(FactRequest(header_fields=(FIELD,)), [MessageFacts(uid=UID(1), header=Unreadable(reason="big"))])

    assert judged(_auth(spf="none"), snapshot) == Truth(0, 0, 1)
    assert _auth(spf="none").why_unknowable(snapshot, 0) == "big"
