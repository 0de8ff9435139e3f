"""A server that refuses for a while is left alone as long as it says, and never for longer than is sensible."""

from __future__ import annotations

import pytest

from mailrules.errors import CommandRefused
from mailrules.imap.response_codes import Code
from mailrules.imap.throttling import (
    LONGEST_WAIT_SECONDS,
    THROTTLING,
    is_out_of_connections,
    seconds_after_command,
    seconds_after_login,
)


def refused(code: str = "", text: str = "no", *, status: str = "NO") -> CommandRefused:
    return CommandRefused("UID FETCH", status=status, code=code, text=text)


@pytest.mark.parametrize("status", ["NO", "BAD"])
def test_the_backoff_that_office_365_suggests_is_taken(status: str) -> None:
    words = "Request is throttled. Suggested Backoff Time: 299768 milliseconds"

    assert seconds_after_command(refused(text=words, status=status)) == 299.768
    assert seconds_after_login(refused(text=words, status=status)) == 299.768


@pytest.mark.parametrize(
    ("milliseconds", "seconds"),
    [("0", 0.0), ("899999", 899.999), ("900000", 900.0), ("900001", LONGEST_WAIT_SECONDS), ("9" * 12, 900.0)],
)
def test_a_suggestion_is_bounded(milliseconds: str, seconds: float) -> None:
    assert seconds_after_command(refused(text=f"Suggested Backoff Time: {milliseconds} milliseconds")) == seconds


def test_a_suggestion_that_is_no_number_is_none() -> None:
    assert seconds_after_command(refused(text="Suggested Backoff Time: -5 milliseconds")) is None
    assert seconds_after_command(refused(text=f"Suggested Backoff Time: {'9' * 13} milliseconds")) is None


def test_a_suggestion_overrides_the_code() -> None:
    assert seconds_after_command(refused("UNAVAILABLE", "Suggested Backoff Time: 1500 milliseconds")) == 1.5


@pytest.mark.parametrize("code", sorted(THROTTLING))
def test_each_row_is_a_registered_code_and_is_bounded(code: str) -> None:
    row = THROTTLING[code]

    assert code in set(Code)
    assert seconds_after_login(refused(code)) == row.after_login
    assert seconds_after_command(refused(code)) == row.after_command
    assert all(0 < one <= LONGEST_WAIT_SECONDS for one in (row.after_login, row.after_command) if one is not None)


@pytest.mark.parametrize("code", ["LIMIT", "OVERQUOTA"])
def test_a_limit_of_a_mailbox_does_not_pass_by_waiting(code: str) -> None:
    assert seconds_after_command(refused(code)) is None
    assert seconds_after_login(refused(code)) is not None


@pytest.mark.parametrize("code", ["", "AUTHENTICATIONFAILED", "AUTHORIZATIONFAILED", "EXPIRED", "PRIVACYREQUIRED"])
def test_what_is_refused_for_good_is_not_waited_for(code: str) -> None:
    assert seconds_after_login(refused(code, "Invalid credentials (Failure)")) is None


@pytest.mark.parametrize(
    ("code", "text", "is_out"),
    [
        ("LIMIT", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", True),
        ("", "Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)", True),
        ("ALERT", "Too many simultaneous connections. (Failure)", True),
        ("ALERT", "Invalid credentials (Failure)", False),
        ("UNAVAILABLE", "later", False),
    ],
)
def test_too_many_connections_are_known_by_code_or_words(*, code: str, text: str, is_out: bool) -> None:
    refusal = refused(code, text)

    assert is_out_of_connections(refusal) is is_out
    assert (seconds_after_login(refusal) == THROTTLING["LIMIT"].after_login) is is_out
