"""SCRAM: the RFCs' own exchanges, a peer that others wrote, and servers that are not what they seem."""

from __future__ import annotations

import base64

import pytest
import scramp
from hypothesis import given
from hypothesis import strategies as st

from mailrules.errors import LocalProtocolError
from mailrules.imap.saslprep import saslprep
from mailrules.imap.scram import FEWEST_ITERATIONS, MOST_ITERATIONS, ChannelBinding, Scram, ScramHash
from mailrules.secret import Secret

SALT = base64.b64encode(b"salt").decode()


def scram(password: str = "pencil", *, hashed: ScramHash = ScramHash.SHA_256, nonce: str = "abc") -> Scram:
    return Scram("user", Secret(password), nonce=nonce, hashed=hashed)


@pytest.mark.parametrize(
    ("hashed", "nonce", "client_first", "server_first", "client_final", "server_final"),
    [
        (  # RFC 5802 section 5
            ScramHash.SHA_1,
            "fyko+d2lbbFgONRv9qkxdawL",
            b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ),
        (  # RFC 7677 section 3
            ScramHash.SHA_256,
            "rOprNGfwEbeRWgbNEkqO",
            b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ),
    ],
)
def test_the_exchange_is_that_of_the_rfc(hashed, nonce, client_first, server_first, client_final, server_final) -> None:
    mechanism = scram(hashed=hashed, nonce=nonce)

    assert mechanism.initial_response() == client_first
    assert mechanism.answer(server_first) == client_final
    assert "has not proved" in mechanism.doubt()
    assert mechanism.answer(server_final) == b""
    assert (mechanism.doubt(), mechanism.complaint) == ("", "")


@pytest.mark.parametrize("mechanism_name", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
@pytest.mark.parametrize(
    ("user", "password"),
    [("user", "pencil"), ("a=b,c", "p,=x"), ("Ⅸ\u00adé", "ﬃ\u00a0ª\u2168"), ("пользователь", "секрет")],
)
def test_a_peer_that_others_wrote_agrees(mechanism_name: str, user: str, password: str) -> None:
    hashed = ScramHash.SHA_1 if "SHA-1" in mechanism_name else ScramHash.SHA_256
    is_plus = mechanism_name.endswith("-PLUS")
    data = b"the hash of a certificate"
    binding = ChannelBinding(data=data) if is_plus else None
    mechanism = Scram(user, Secret(password), nonce="a-nonce", hashed=hashed, binding=binding)
    peer = scramp.ScramMechanism(mechanism_name)
    stored = peer.make_auth_info(password)
    server = peer.make_server(lambda _: stored, channel_binding=("tls-server-end-point", data) if is_plus else None)

    server.set_client_first(mechanism.initial_response().decode())
    server.set_client_final((mechanism.answer(server.get_server_first().encode()) or b"").decode())
    assert mechanism.answer(server.get_server_final().encode()) == b""

    assert mechanism.name == mechanism_name
    assert mechanism.doubt() == ""


def test_a_wrong_password_is_told_by_the_peer() -> None:
    mechanism = scram("wrong")
    peer = scramp.ScramMechanism("SCRAM-SHA-256")
    server = peer.make_server(lambda _: peer.make_auth_info("pencil"))
    server.set_client_first(mechanism.initial_response().decode())
    answer = mechanism.answer(server.get_server_first().encode())
    with pytest.raises(scramp.ScramException):
        server.set_client_final((answer or b"").decode())

    assert mechanism.answer(server.get_server_final().encode()) is None
    assert mechanism.complaint.startswith("the server refuses: ")


def test_a_server_without_plus_is_told_that_the_client_has_it() -> None:
    binding = ChannelBinding(data=b"x", is_used=False)
    mechanism = Scram("user", Secret("pencil"), nonce="abc", hashed=ScramHash.SHA_256, binding=binding)

    assert mechanism.initial_response() == b"y,,n=user,r=abc"
    assert (mechanism.answer(f"r=abcd,s={SALT},i=4096".encode()) or b"").startswith(b"c=eSws,")
    assert mechanism.name == "SCRAM-SHA-256"


@pytest.mark.parametrize(
    ("server_first", "complaint"),
    [
        (f"r=xyz,s={SALT},i=4096", "nonce does not go on from ours"),
        (f"r=abc,s={SALT},i=4096", "nonce does not go on from ours"),
        ("r=abcd,i=4096", "lacks a salt"),
        (f"r=abcd,s={SALT}", "iteration count"),
        (f"r=abcd,s={SALT},i=+5000", "iteration count"),
        (f"r=abcd,s={SALT},i=٤٠٩٦", "iteration count"),
        (f"r=abcd,s={SALT},i={FEWEST_ITERATIONS - 1}", "4095 iterations; 4096 to 1000000"),
        (f"r=abcd,s={SALT},i={MOST_ITERATIONS + 1}", "1000001 iterations"),
        (f"r=abcd,s={SALT},i=99999999999999999999", "iteration count"),
        ("r=abcd,s=!,i=4096", "bad base64"),
        (f"m=new,r=abcd,s={SALT},i=4096", "extension of SCRAM"),
        ("", "lacks a salt"),
    ],
)
def test_a_first_message_that_cannot_be_trusted_cancels(server_first: str, complaint: str) -> None:
    mechanism = scram()

    assert mechanism.answer(server_first.encode()) is None
    assert complaint in mechanism.complaint
    assert mechanism.doubt()


def test_the_most_iterations_are_still_accepted() -> None:
    assert scram().answer(f"r=abcd,s={SALT},i={MOST_ITERATIONS}".encode()) is not None


@pytest.mark.parametrize("server_final", [b"v=AAAA", b"v=", b"", b"e=other-error", b"\xff", b"v=!"])
def test_a_server_that_does_not_know_the_password_is_not_believed(server_final: bytes) -> None:
    mechanism = scram()
    mechanism.answer(f"r=abcd,s={SALT},i=4096".encode())

    assert mechanism.answer(server_final) is None
    assert mechanism.complaint
    assert mechanism.doubt()


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_the_server_says_it_is_answered_or_cancelled(first: bytes, final: bytes) -> None:
    mechanism = scram()

    for challenge in (first, final):
        assert mechanism.answer(challenge) is None or mechanism.complaint == ""
    assert mechanism.doubt()


# -- SASLprep, the examples of RFC 4013 section 3


@pytest.mark.parametrize(
    ("text", "prepared"),
    [("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("\u00aa", "a"), ("\u2168", "IX"), ("a\u00a0b", "a b")],
)
def test_strings_are_prepared(text: str, prepared: str) -> None:
    assert saslprep(text, what="password") == prepared


@pytest.mark.parametrize("text", ["\x07", "\u0627\u0031", "\u0221"])
def test_what_may_not_be_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(LocalProtocolError, match=r"the password .*RFC 4013") as failure:
        saslprep(text, what="password")

    assert text not in str(failure.value)
