"""The SASL mechanisms' turns as known answers, and which way to log in is chosen."""

from __future__ import annotations

import base64

import pytest

from mailrules.imap.login_methods import LoginMethod, choose_login_method
from mailrules.imap.sasl import CramMd5, External, Plain, SaslLogin
from mailrules.imap.sasl_oauth import OAuthBearer, XOAuth2, explain_refusal
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
    assert explain_refusal(challenge) == words


@pytest.mark.parametrize(
    ("capabilities", "wanted", "chosen"),
    [
        ({"AUTH=PLAIN", "AUTH=XOAUTH2"}, "", LoginMethod.PLAIN),
        ({"AUTH=PLAIN", "AUTH=SCRAM-SHA-1", "AUTH=SCRAM-SHA-256"}, "", LoginMethod.SCRAM_SHA_256),
        ({"AUTH=PLAIN", "AUTH=SCRAM-SHA-1"}, "", LoginMethod.SCRAM_SHA_1),
        ({"AUTH=SCRAM-SHA-256-PLUS", "LOGINDISABLED"}, "", LoginMethod.SCRAM_SHA_256),
        ({"AUTH=CRAM-MD5", "LOGINDISABLED"}, "", None),
        ({"AUTH=CRAM-MD5"}, "cram-md5", LoginMethod.CRAM_MD5),
        ({"AUTH=LOGIN"}, "sasl-login", LoginMethod.SASL_LOGIN),
        ({"AUTH=EXTERNAL", "LOGINDISABLED"}, "external", LoginMethod.EXTERNAL),
        ({"AUTH=OAUTHBEARER", "AUTH=PLAIN"}, "oauthbearer", LoginMethod.OAUTHBEARER),
        ({"AUTH=PLAIN"}, "scram-sha-256", None),
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


def test_plain_may_act_as_somebody_else() -> None:
    # RFC 4616 section 4
    mechanism = Plain("Kurt", Secret("xipj3plmq"), acting_as="Ursel")

    assert mechanism.initial_response() == b"Ursel\0Kurt\0xipj3plmq"


def test_login_answers_two_questions_and_no_third() -> None:
    mechanism = SaslLogin("ann", Secret("pässwörd"))

    assert mechanism.initial_response() is None
    assert [mechanism.answer(b"User Name\0"), mechanism.answer(b"whatever")] == [b"ann", "pässwörd".encode()]
    assert mechanism.answer(b"PIN:") is None
    assert mechanism.complaint == "the server asks for more than a name and a password"


def test_external_says_at_most_whose_mail_it_is() -> None:
    assert External().initial_response() == External().answer(b"") == b""
    assert External("fred@example.com").initial_response() == b"fred@example.com"


def test_cram_md5_is_answered_as_rfc_2195_has_it() -> None:
    mechanism = CramMd5("tim", Secret("tanstaaftanstaaf"))

    assert mechanism.initial_response() is None
    challenge = base64.b64decode("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+")
    assert base64.b64encode(mechanism.answer(challenge)) == b"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"


def test_oauthbearer_is_written_as_rfc_7628_has_it() -> None:
    token = Secret("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==")
    mechanism = OAuthBearer("user@example.com", token, host="server.example.com", port=143)

    assert base64.b64encode(mechanism.initial_response()) == (
        b"bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI"
        b"HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
    )


def test_oauthbearer_answers_a_refusal_with_control_a_and_keeps_its_meaning() -> None:
    mechanism = OAuthBearer("ann=a,b", Secret("token"))
    assert mechanism.initial_response() == b"n,a=ann=3Da=2Cb,\x01auth=Bearer token\x01\x01"
    challenge = base64.b64decode(
        "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxl"
        "X3Njb3BlIiwib3BlbmlkLWNvbmZpZ3VyYXRpb24iOiJodHRwczovL2V4"
        "YW1wbGUuY29tLy53ZWxsLWtub3duL29wZW5pZC1jb25maWd1cmF0aW9u"
        "In0="
    )

    assert base64.b64encode(mechanism.answer(challenge)) == b"AQ=="
    assert mechanism.complaint == "the token is not accepted or has expired; it needs the scope example_scope"
