"""Values that stand where others should: NIL, text without a code, codes without text."""

from __future__ import annotations

import pytest

from mailrules.imap.fetch_data import FetchData
from mailrules.imap.mailbox_data import ListData, StatusData
from mailrules.imap.quota_data import QuotaData
from mailrules.imap.response_codes import InProgressCode, NumberCode
from mailrules.imap.responses import Malformed, Status, StatusResponse
from tests.imap_wire.reading import fetch_of, response_of


@pytest.mark.parametrize("start", [b"* OK", b"* NO", b"* BAD", b"* BYE", b"* PREAUTH", b"A1 OK", b"A1 NO", b"A1 BAD"])
def test_text_without_a_code_is_text(start):
    response = response_of(start + b" Still here, [sort of]")

    assert (response.code, response.text) == (None, "Still here, [sort of]")


@pytest.mark.parametrize("end", [b"", b" ", b"  "])
@pytest.mark.parametrize(
    ("code", "kind"), [(b"UIDVALIDITY 5", NumberCode), (b"TRYCREATE", None), (b"INPROGRESS", InProgressCode)]
)
def test_a_code_without_text_is_a_code(code, kind, end):
    response = response_of(b"* OK [" + code + b"]" + end)

    assert isinstance(response, StatusResponse)
    assert (response.status, response.text) == (Status.OK, "")
    assert response.code.name == code.split()[0].decode()
    assert kind is None or isinstance(response.code, kind)


@pytest.mark.parametrize(
    ("attributes", "seen"),
    [
        (b"UID 5 ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", {"subject": None, "from_": ()}),
        (b'UID 5 ENVELOPE (NIL "x" ((NIL NIL NIL NIL)) NIL NIL NIL NIL NIL NIL NIL)', {"subject": b"x"}),
    ],
)
def test_nil_for_a_string(attributes, seen):
    fetched = fetch_of(attributes)

    assert not fetched.malformed
    assert {name: getattr(fetched.envelope, name) for name in seen} == seen
    assert isinstance(response_of(b'* LIST () "/" NIL'), Malformed)
    assert response_of(b'* LIST () NIL "x"') == ListData(mailbox="x", delimiter="")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"* STATUS INBOX (MESSAGES NIL UIDNEXT 4)", StatusData(mailbox="INBOX", uidnext=4)),
        (b"* STATUS INBOX NIL", StatusData(mailbox="INBOX")),
        (b'* QUOTA "" NIL', QuotaData(root="", resources={})),
    ],
)
def test_nil_for_a_number(line, expected):
    assert response_of(line) == expected


@pytest.mark.parametrize("name", ["UID", "RFC822.SIZE", "MODSEQ", "INTERNALDATE"])
def test_nil_for_a_number_spoils_one_attribute(name):
    fetched = fetch_of(b"FLAGS (\\Seen) %b NIL" % name.encode())

    assert isinstance(fetched, FetchData)
    assert fetched.flags == {"\\Seen"}
    assert set(fetched.malformed) == {name}
