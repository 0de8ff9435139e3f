"""Every quirk with a name: its real bytes, and what they are read as."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.errors import ConnectionLost
from mailrules.imap.connection import Connection
from mailrules.imap.envelope import EnvelopeAddress
from mailrules.imap.events import CommandFailed, Ended, UntaggedReceived
from mailrules.imap.fetch_data import FetchData
from mailrules.imap.mailbox_data import ListData, NamespaceData, StatusData
from mailrules.imap.mailbox_name import encode_mailbox_name
from mailrules.imap.message_commands import FetchItem, UidFetch
from mailrules.imap.quirks import QUIRKS, command_line_bytes, untrue_capabilities, wants_id_first
from mailrules.imap.response_codes import BadCharsetCode, CopyUid, NumberCode, PermanentFlagsCode, ResponseCode
from mailrules.imap.responses import CapabilityData, ExistsData, FlagsData, IdData, Status, StatusResponse, Tagged
from mailrules.imap.search_data import SearchData
from mailrules.imap.sequence_set import SequenceSet, parse_sequence_set
from mailrules.imap.session_commands import Enable, Login, Noop
from mailrules.imap.writer import BodySection
from mailrules.secret import Secret
from tests.imap_connection.exchange import ask, authenticated, greeted, selected, sent
from tests.imap_wire.reading import TRACES, trace

if TYPE_CHECKING:
    from mailrules.imap.body_structure import BodyPart
    from mailrules.imap.command import Command
    from mailrules.imap.events import Event


def structure(name: str) -> tuple[BodyPart, ...]:
    (response,) = trace(name)
    assert isinstance(response, FetchData)
    assert not response.malformed
    assert response.body_structure is not None
    return response.body_structure


def outline(parts: tuple[BodyPart, ...]) -> list[str]:
    return [f"{part.number} {part.type}/{part.subtype} {part.size_bytes} {part.disposition}".rstrip() for part in parts]


def test_every_quirk_has_a_trace_and_a_test_and_every_trace_a_quirk():
    names = [quirk.name for quirk in QUIRKS]

    assert sorted(names) == sorted(path.stem for path in TRACES.glob("*.txt"))
    tests = {name.removeprefix("test_quirk_").replace("_", "-") for name in globals()}
    assert set(names) <= tests
    assert all(quirk.servers and quirk.sentence.endswith(".") for quirk in QUIRKS)


def test_quirk_blank_line_after_literal():
    assert trace("blank-line-after-literal") == [
        FetchData(sequence_number=9, uid=17, sections={"": b"THIS PART IS THE MIME BODY\r\n"}, malformed={}),
        Tagged(tag="A7", status=Status.OK, text="FETCH completed"),
    ]


def test_quirk_blank_line_between_responses():
    assert trace("blank-line-between-responses") == [
        ListData(mailbox="Caf&", delimiter="/"),
        ListData(mailbox="INBOX", delimiter="/"),
        Tagged(tag="A2", status=Status.OK, text="LIST completed"),
    ]


def test_quirk_status_text_ends_like_a_literal():
    refused, warned, done = trace("status-text-ends-like-a-literal")

    assert refused == Tagged(
        tag="A3",
        status=Status.NO,
        code=ResponseCode(name="TRYCREATE"),
        text="Mailbox does not exist: Projekte {5}",
    )
    assert isinstance(warned, StatusResponse)
    assert warned.text.endswith("quota {95}")
    assert done == Tagged(tag="A4", status=Status.OK, text="done")


def test_quirk_missing_text():
    assert trace("missing-text") == [
        StatusResponse(status=Status.OK),
        StatusResponse(status=Status.OK, code=NumberCode(name="UIDVALIDITY", arguments=b"1", value=1)),
        Tagged(tag="A1", status=Status.OK, code=ResponseCode(name="READ-WRITE")),
        Tagged(tag="A2", status=Status.NO),
        StatusResponse(status=Status.BYE),
    ]


def test_quirk_trailing_space():
    assert trace("trailing-space") == [
        CapabilityData(capabilities=frozenset({"IMAP4REV1", "IDLE"})),
        StatusData(mailbox="INBOX", messages=0),
        SearchData(uids=(4, 8)),
        SearchData(uids=()),
        FetchData(sequence_number=11487, uid=19436, sections={}, malformed={}),
        Tagged(tag="A1", status=Status.OK, text="Success"),
    ]


def test_quirk_doubled_space():
    assert trace("doubled-space") == [
        ExistsData(count=1843),
        FetchData(sequence_number=5, uid=7, flags=frozenset({"\\Seen"}), sections={}, malformed={}),
        ListData(mailbox="Drafts", delimiter="/", attributes=frozenset({"\\hasnochildren"})),
        Tagged(tag="A1", status=Status.OK, code=ResponseCode(name="READ-WRITE"), text="EXAMINE completed"),
    ]


def test_quirk_code_with_quoted_bracket():
    (done,) = trace("code-with-quoted-bracket")

    assert isinstance(done, Tagged)
    assert done.code is not None
    assert done.code.name == "ERROR"
    assert done.text == "AUTHENTICATE completed."


def test_quirk_bracket_in_flag():
    flags, permanent, fetched = trace("bracket-in-flag")

    assert flags == FlagsData(flags=frozenset({"\\Seen", "\\Deleted", "[Mairix]", "foo]bar"}))
    assert isinstance(permanent, StatusResponse)
    assert isinstance(permanent.code, PermanentFlagsCode)
    assert permanent.code.flags == {"\\Seen", "[Mairix]", "foo]bar", "\\*"}
    assert permanent.text == "Limited"
    assert isinstance(fetched, FetchData)
    assert fetched.flags == {"\\Seen", "foo]bar"}


def test_quirk_uidvalidity_over_32_bits():
    status, code, copied = trace("uidvalidity-over-32-bits")

    assert isinstance(status, StatusData)
    assert status.uidvalidity == 1666390893380
    assert isinstance(code, StatusResponse)
    assert isinstance(code.code, NumberCode)
    assert code.code.value == 1666390893380
    assert isinstance(copied, Tagged)
    assert isinstance(copied.code, CopyUid)
    assert copied.code.pairs == ((4, 9),)


def test_quirk_float_size():
    (fetched,) = trace("float-size")

    assert isinstance(fetched, FetchData)
    assert fetched.size_bytes == 9_373_600
    assert outline(fetched.body_structure or ()) == ["1 application/zip 1860000 attachment"]


def test_quirk_negative_size():
    fetched, status = trace("negative-size")

    assert isinstance(fetched, FetchData)
    assert fetched.uid == 81
    assert fetched.size_bytes is None
    assert fetched.malformed["RFC822.SIZE"].raw == b"-1"
    assert outline(fetched.body_structure or ()) == [" multipart/mixed 0", "1 text/plain 0", "2 text/html 314"]
    assert status == StatusData(mailbox="Public Folders", uidnext=4)


def test_quirk_boundary_nil():
    parts = structure("boundary-nil")

    assert outline(parts) == [" multipart/alternative 0", "1 text/plain 536", "2 text/html 7130"]
    assert parts[0].parameters == {}


def test_quirk_disposition_string():
    assert outline(structure("disposition-string")) == [
        " multipart/alternative 0",
        "1 text/plain 850 inline",
        "2 text/html 14692 inline",
    ]


def test_quirk_multipart_without_parts():
    assert outline(structure("multipart-without-parts")) == [
        " multipart/mixed 0",
        "1 text/plain 10418",
        "2 multipart/related 0 attachment",
        "3 multipart/mixed 0",
    ]


def test_quirk_multipart_as_single_part():
    assert outline(structure("multipart-as-single-part")) == [
        " multipart/mixed 0",
        "1 multipart/related 400",
        "2 text/html 1115",
    ]


def test_quirk_message_without_envelope():
    parts = structure("message-without-envelope")

    assert outline(parts) == [
        " multipart/mixed 0",
        "1 text/plain 10",
        "2 message/rfc822 2560 attachment",
        "3 message/rfc822 99",
    ]
    assert parts[2].disposition_parameters == {"filename": b"report.eml"}


def test_quirk_text_without_lines():
    (part,) = structure("text-without-lines")

    assert part.disposition == "attachment"
    assert part.disposition_parameters == {"filename": b"notes.txt"}


def test_quirk_numbers_left_out():
    """The bytes are made up after the report, which shows the error and not the response."""
    parts = structure("numbers-left-out")

    assert outline(parts) == [
        " multipart/mixed 0",
        "1 text/plain 0",
        "2 text/html 120",
        "3 application/pdf 12 attachment",
    ]
    assert parts[1].encoding == "base64"


def test_quirk_missing_content():
    empty, with_text = trace("missing-content")

    assert isinstance(empty, FetchData)
    assert empty.sections == {"2": b""}
    assert isinstance(with_text, FetchData)
    assert with_text.sections == {"1": b"text", "2": b""}


def test_quirk_envelope_empty_list():
    (fetched,) = trace("envelope-empty-list")

    assert isinstance(fetched, FetchData)
    assert fetched.envelope is not None
    assert fetched.envelope.from_ == (EnvelopeAddress(name=b"Tn", mailbox=b"info", host=b"e.example.ru"),)
    assert fetched.envelope.sender == fetched.envelope.reply_to == fetched.envelope.to == ()
    assert fetched.envelope.message_id == b"<b@example>"


def test_quirk_envelope_short_address():
    (fetched,) = trace("envelope-short-address")

    assert isinstance(fetched, FetchData)
    envelope = fetched.envelope
    assert envelope is not None
    assert envelope.sender == (EnvelopeAddress(name=b"Named", mailbox=b"xx", host=b"tju.example"),)
    assert envelope.reply_to == (EnvelopeAddress(name=b"Flat", mailbox=b"flat", host=b"example.org"),)
    assert envelope.to == (
        EnvelopeAddress(name=b"undisclosed-recipients", mailbox=b'"undisclosed-recipients"', host=None),
        EnvelopeAddress(name=b"Short", mailbox=b"s", host=None),
    )
    assert envelope.message_id == b"<id@example>"


def test_quirk_envelope_missing_fields():
    short, flipped = trace("envelope-missing-fields")

    assert isinstance(short, FetchData)
    assert short.envelope is not None
    assert short.envelope.subject == b"short"
    assert short.envelope.to == ()
    assert isinstance(flipped, FetchData)
    assert flipped.envelope is not None
    assert flipped.envelope.date is None
    assert flipped.envelope.from_ == ()


def test_quirk_nil_for_list():
    flags, listed, fetched, identity, namespace = trace("nil-for-list")

    assert flags == FlagsData(flags=frozenset())
    assert listed == ListData(mailbox="INBOX", delimiter="")
    assert isinstance(fetched, FetchData)
    assert (fetched.uid, fetched.flags, fetched.sections) == (5, frozenset(), {})
    assert set(fetched.malformed) == {"MODSEQ", "ENVELOPE", "BODYSTRUCTURE", "INTERNALDATE"}
    assert identity == IdData(fields=None)
    assert namespace == NamespaceData()


def test_quirk_unquoted_mailbox():
    assert trace("unquoted-mailbox") == [
        ListData(mailbox="Sent Items", delimiter="/", attributes=frozenset({"\\hasnochildren"})),
        ListData(mailbox="INBOX.Archive (old)", delimiter="."),
        ListData(mailbox="foo", delimiter="/", child_info=frozenset({"SUBSCRIBED"})),
        StatusData(mailbox="Deleted Items", messages=3, uidnext=8),
    ]


def test_quirk_raw_mailbox_name():
    names = [response.mailbox for response in trace("raw-mailbox-name") if isinstance(response, ListData)]

    raw_names = [b"Entw\xfcrfe", b"Entw\xc3\xbcrfe", b"R&D", b"&2AA-", b"Entw&APw-rfe"]
    assert [encode_mailbox_name(name) for name in names] == raw_names
    assert len(set(names)) == 5
    assert names[-1] == "Entwürfe"


@pytest.mark.parametrize(
    ("server_name", "greeting", "line_bytes"),
    [
        ("Dovecot", "", 60_000),
        ("", "Dovecot (Debian) ready.", 60_000),
        ("GImap", "Gimap ready for requests from 192.0.2.1", 16_000),
        ("", "Courier-IMAP ready. Copyright 1998-2024 Double Precision, Inc.", 16_000),
        ("", "mail.example.org IMAP4rev1 2007e.404 at Mon, 1 Jan 2024 00:00:00 +0000 (CET)", 1000),
        ("", "IMAP4 ready", 8000),
    ],
)
def test_sets_are_cut_for_the_server_at_hand(server_name, greeting, line_bytes):
    assert command_line_bytes(server_name=server_name, greeting=greeting) == line_bytes


def test_a_server_is_recognised_by_a_capability_too():
    gmail = frozenset({"IMAP4REV1", "X-GM-EXT-1"})

    assert command_line_bytes(server_name="", greeting="ready", capabilities=gmail) == 16_000


def in_flight(command: Command[object], *, capabilities: str = "") -> tuple[Connection, bytes]:
    """A connection with INBOX open and this command sent, and what is written; its tag is A3."""
    connection = selected(capabilities)
    connection.submit(command)
    return connection, sent(connection)


def received(connection: Connection, name: str) -> list[Event]:
    return connection.receive_data((TRACES / f"{name}.txt").read_bytes())


def test_quirk_bye_without_reply():
    connection, _ = in_flight(Noop())

    failed, ended = [one for one in received(connection, "bye-without-reply") if not isinstance(one, UntaggedReceived)]

    assert isinstance(failed, CommandFailed)
    assert isinstance(failed.error, ConnectionLost)
    assert isinstance(ended, Ended)
    assert "Autologout; idle for too long" in ended.reason


def test_quirk_enable_without_enabled():
    (done,) = trace("enable-without-enabled")

    assert done == Tagged(tag="3", status=Status.OK, text="ENABLE completed")
    assert ask(authenticated("ENABLE"), Enable(("QRESYNC",)), b"TAG OK ENABLE completed\r\n")[1] == frozenset()


def test_quirk_content_left_out():
    fetched, _ = trace("content-left-out")

    assert isinstance(fetched, FetchData)
    assert (fetched.uid, fetched.sections) == (7, {})
    _, wire = in_flight(UidFetch(SequenceSet.of((7,)), (FetchItem.UID, BodySection())))
    assert wire == b"A3 UID FETCH 7 (UID BODY.PEEK[])\r\n"


def test_quirk_capability_before_ok():
    connection = greeted()
    connection.submit(Login("me", Secret("pw")))
    sent(connection)

    received(connection, "capability-before-ok")

    assert connection.capabilities_are_current
    assert {"X-GM-EXT-1", "MOVE", "COMPRESS=DEFLATE"} <= connection.capabilities


def test_quirk_backend_lost():
    connection, _ = in_flight(Noop())

    failed, ended = received(connection, "backend-lost")

    assert isinstance(failed, CommandFailed)
    assert isinstance(failed.error, ConnectionLost)
    assert isinstance(ended, Ended)
    assert "authenticated but not connected" in ended.reason


def test_quirk_id_wanted_first():
    greeting, _, refused = trace("id-wanted-first")

    assert isinstance(greeting, StatusResponse)
    assert wants_id_first(greeting.text)
    assert not wants_id_first("Dovecot ready.")
    assert isinstance(refused, Tagged)
    assert refused.text.startswith("SELECT Unsafe Login")


def test_quirk_list_return_unanswered():
    assert trace("list-return-unanswered") == [Tagged(tag="A4", status=Status.OK, text="LIST completed")]


def test_quirk_namespace_drops():
    connection = Connection()
    received(connection, "namespace-drops")

    connection.receive_data(b"* CAPABILITY IMAP4 IMAP4rev1 IDLE LITERAL+ AUTH=NTLM NAMESPACE\r\n")

    assert connection.capabilities_are_current
    assert "NAMESPACE" not in connection.capabilities
    assert "IDLE" in connection.capabilities
    assert untrue_capabilities("Dovecot ready.") == frozenset()


def test_quirk_descending_range_refused():
    (refused,) = trace("descending-range-refused")

    assert isinstance(refused, Tagged)
    assert refused.status is Status.BAD
    assert SequenceSet.of((11609, 11600, 11590)).to_bytes() == b"11590,11600,11609"
    assert parse_sequence_set(b"11609:11590,5:3").to_bytes() == b"3:5,11590:11609"


def test_quirk_badcharset_utf_8():
    (refused,) = trace("badcharset-utf-8")

    assert isinstance(refused, Tagged)
    assert isinstance(refused.code, BadCharsetCode)
    assert refused.code.charsets == ("US-ASCII",)


def test_quirk_flipped_fields():
    (fetched,) = trace("flipped-fields")

    assert isinstance(fetched, FetchData)
    assert fetched.envelope is not None
    assert fetched.envelope.from_ == ()
    assert fetched.envelope.to == (EnvelopeAddress(name=None, mailbox=b"to", host=b"example.org"),)
    assert fetched.envelope.in_reply_to is None
    assert fetched.envelope.message_id is None
