"""Authentication-Results as servers write it, and as strangers might."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailrules.mailbox.authentication import (
    MAX_RESULTS_BYTES,
    AuthenticationResults,
    parse_authentication_results,
)

GMAIL = (
    b"mx.google.com;\r\n       dkim=pass header.i=@example.org header.s=s1 header.b=abc;\r\n"
    b"       spf=pass (google.com: domain of a@example.org designates 192.0.2.1 as permitted sender; ok)"
    b" smtp.mailfrom=a@example.org;\r\n       dmarc=pass (p=REJECT sp=NONE dis=NONE) header.from=example.org"
)


def _read(raw: bytes) -> tuple[str, list[str]] | None:
    found = parse_authentication_results(raw)
    return None if found is None else (found.authserv_id, [f"{method}={result}" for method, result in found.results])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (GMAIL, ("mx.google.com", ["dkim=pass", "spf=pass", "dmarc=pass"])),
        (b"example.com 1; none", ("example.com", [])),
        (b"example.com", ("example.com", [])),
        (b" (a comment; x=y) Example.COM (another (nested) one) 1 ; SPF = Pass", ("example.com", ["spf=pass"])),
        (b'"mx; a" ; spf=fail reason="dkim=pass; dmarc=pass"', ("mx; a", ["spf=fail"])),
        (b"mx; dkim/1=pass; dkim=fail (; spf=pass)", ("mx", ["dkim=pass", "dkim=fail"])),
        (b"mx; spf; =pass; x=; dmarc=none", ("mx", ["dmarc=none"])),
        (b"mx; spf=pass (never closed; dmarc=pass", ("mx", ["spf=pass"])),
        (b"mx; spf=pass (a \\) b; dmarc=pass) ; dkim=fail", ("mx", ["spf=pass", "dkim=fail"])),
        (b"", None),
        (b"; spf=pass", None),
    ],
)
def test_a_field_is_read(raw: bytes, expected: tuple[str, list[str]] | None) -> None:
    assert _read(raw) == expected


def test_one_signature_that_passes_is_enough() -> None:
    results = (("dkim", "fail"), ("spf", "softfail"), ("dkim", "pass"), ("spf", "fail"))
    found = AuthenticationResults(authserv_id="mx", results=results)

    assert [found.result_of(method) for method in ("dkim", "spf", "dmarc")] == ["pass", "softfail", ""]


@pytest.mark.parametrize(("length", "is_too_long"), [(MAX_RESULTS_BYTES, False), (MAX_RESULTS_BYTES + 1, True)])
def test_a_long_field_keeps_its_name_only(length: int, is_too_long: bool) -> None:
    found = parse_authentication_results(b"mx; spf=pass".ljust(length))

    assert found is not None
    assert (found.authserv_id, found.is_too_long, len(found.results)) == ("mx", is_too_long, 0 if is_too_long else 1)


@given(st.text(alphabet=";()\\= spf/1-", max_size=60))
def test_quotes_elsewhere_change_nothing(text: str) -> None:
    plain = parse_authentication_results(f"mx {text}".encode())
    quoted = parse_authentication_results(f'mx {text}; x="y"'.encode())

    if plain is not None and quoted is not None and "(" not in text and "\\" not in text:
        assert [one for one in quoted.results if one[0] != "x"] == [one for one in plain.results if one[0] != "x"]


@given(st.binary(max_size=300) | st.text(alphabet='mx;()"\\= spf/1', max_size=100).map(str.encode))
def test_no_field_raises(raw: bytes) -> None:
    found = parse_authentication_results(raw)

    assert found is None or all(method and result for method, result in found.results)
