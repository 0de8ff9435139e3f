"""The SASL mechanisms' turns as known answers, and which way to log in is chosen."""

from __future__ import annotations

import base64

import pytest

from mailrules.imap.sasl import LoginMethod, Plain, XOAuth2, choose_login_method, explain_xoauth2_refusal
from mailrules.secret import Secret


def test_plain_is_written_as_rfc_4616_has_it() -> None:
    mechanism = Plain("tim", Secret("tanstaaftanstaaf"))

    assert mechanism.initial_response() == b"\0tim\0tanstaaftanstaaf"
    assert mechanism.answer(b"anything") == b""


def test_plain_carries_any_utf8() -> None:
    assert Plain("ann", Secret("pässwörd")).initial_response() == "\0ann\0pässwörd".encode()


def test_xoauth2_is_written_as_google_documents_it() -> None:
    expected = (
        "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJ"
        "oZG1semRHRXVZMjl0Q2cBAQ=="
    )
    mechanism = XOAuth2("someuser@example.com", Secret("ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"))

    assert base64.b64encode(mechanism.initial_response()).decode() == expected


def test_xoauth2_answers_a_refusal_with_nothing_and_keeps_its_meaning() -> None:
    mechanism = XOAuth2("ann", Secret("token"))

    assert mechanism.answer(b'{"status":"401","schemes":"bearer mac","scope":"https://mail.google.com/"}') == b""
    assert (
        mechanism.complaint == "the token is not accepted or has expired; it needs the scope https://mail.google.com/"
    )


@pytest.mark.parametrize(
    ("challenge", "words"),
    [
        (b'{"status":"400"}', "the token is malformed or has expired"),
        (b'{"status":"500"}', "status 500"),
        (base64.b64encode(b'{"status":"400"}'), "the token is malformed or has expired"),
        (b"", ""),
        (b"{}", ""),
        (b"[1, 2]", ""),
        (b"not JSON \xff", ""),
        (b"[" * 4096, ""),
    ],
)
def test_a_refusal_is_explained_as_far_as_it_can_be_read(challenge: bytes, words: str) -> None:
    assert explain_xoauth2_refusal(challenge) == words


@pytest.mark.parametrize(
    ("capabilities", "wanted", "chosen"),
    [
        ({"AUTH=PLAIN", "AUTH=XOAUTH2"}, "", LoginMethod.PLAIN),
        ({"AUTH=XOAUTH2"}, "", LoginMethod.LOGIN),
        (set(), "", LoginMethod.LOGIN),
        ({"LOGINDISABLED"}, "", None),
        ({"LOGINDISABLED", "AUTH=PLAIN"}, "", LoginMethod.PLAIN),
        ({"AUTH=PLAIN"}, "login", LoginMethod.LOGIN),
        ({"AUTH=PLAIN", "LOGINDISABLED"}, "login", None),
        ({"AUTH=PLAIN", "AUTH=XOAUTH2"}, "xoauth2", LoginMethod.XOAUTH2),
        ({"AUTH=PLAIN"}, "xoauth2", None),
        (set(), "plain", None),
    ],
)
def test_the_way_to_log_in_is_what_the_settings_want_or_the_best_on_offer(
    capabilities: set[str], wanted: str, chosen: LoginMethod | None
) -> None:
    assert choose_login_method(frozenset(capabilities), wanted=wanted) == chosen
