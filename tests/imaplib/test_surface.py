"""Every documented name is there, and those that programs set are read when they are needed."""

from __future__ import annotations

import imaplib as standard

import pytest

from mailrules.client import imaplib
from tests.imaplib.test_wire import CAPABILITY, server

METHODS = (
    "append authenticate capability check close copy create delete deleteacl enable expunge fetch getacl getannotation "
    "getquota getquotaroot list login login_cram_md5 logout lsub myrights namespace noop open partial print_log "
    "proxyauth read readline recent rename response search select send setacl setannotation setquota shutdown socket "
    "sort starttls status store subscribe thread uid unselect unsubscribe xatom idle move id login_plain"
)
LEANED_ON = (
    "_simple_command _command _command_complete _untagged_response _get_response _get_line _get_tagged_response "
    "_new_tag _mesg _quote _checkquote _dump_ur _connect _create_socket mustquote"
)
ATTRIBUTES = (
    "PROTOCOL_VERSION debug utf8_enabled state capabilities welcome file sock _encoding tagged_commands "
    "untagged_responses is_readonly literal tagre tagpre tagnum continuation_response host port"
)
MODULE_NAMES = (
    "IMAP4 IMAP4_SSL IMAP4_stream Internaldate2tuple Int2AP ParseFlags Time2Internaldate _MAXLINE Commands CRLF Debug "
    "Flags InternalDate Literal MapCRLF Mon2num Months Response_code Untagged_response Untagged_status Continuation "
    "AllowedVersions _Authenticator IMAP4_PORT IMAP4_SSL_PORT"
)


def test_every_documented_name_is_there() -> None:
    with server(CAPABILITY) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)
        missing = [name for name in f"{METHODS} {LEANED_ON} {ATTRIBUTES}".split() if not hasattr(box, name)]
        upper = [
            name for name in METHODS.split() if name.upper() in imaplib.Commands and not hasattr(box, name.upper())
        ]
        with pytest.raises(AttributeError, match="Unknown IMAP4 command: 'NONSENSE'"):
            _ = box.NONSENSE
        box.shutdown()

    assert missing == upper == [name for name in MODULE_NAMES.split() if not hasattr(imaplib, name)] == []
    assert issubclass(imaplib.IMAP4.readonly, imaplib.IMAP4.abort)
    assert issubclass(imaplib.IMAP4.abort, imaplib.IMAP4.error)


def test_every_command_of_the_standard_library_is_allowed_in_the_same_states() -> None:
    # IMAPClient, where it is loaded, adds some of its own.
    theirs = {name: set(states) for name, states in standard.Commands.items() if name not in {"ID", "IDLE", "XLIST"}}

    assert {name: set(imaplib.Commands[name]) for name in theirs} == theirs


def test_the_longest_line_and_debug_are_read_when_they_are_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(imaplib, "Debug", 4)
    with server(CAPABILITY) as port:
        imaplib.IMAP4("127.0.0.1", port, timeout=20).shutdown()
    assert "< b'* OK ready'" in capsys.readouterr().err

    monkeypatch.setattr(imaplib, "_MAXLINE", 11)
    with server() as port, pytest.raises(imaplib.IMAP4.error, match="got more than 11 bytes"):
        imaplib.IMAP4("127.0.0.1", port, timeout=20)


def test_a_command_that_is_added_may_be_sent() -> None:
    with server(CAPABILITY, (b"X-HELLO (a b)", b"* X-HELLO you\r\n$ OK done\r\n")) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)

        assert box.xatom("x-hello", "(a b)") == ("OK", [b"done"])
        assert box.response("X-HELLO") == ("X-HELLO", [b"you"])
        box.shutdown()
    del imaplib.Commands["X-HELLO"]


@pytest.mark.parametrize("text", ["plain", "two words", '"quoted"', "(list)", 'a"b\\c', b"two words", b""])
def test_quoting_by_hand_is_as_it_was(text: str | bytes) -> None:
    with server(CAPABILITY) as port:
        box = imaplib.IMAP4("127.0.0.1", port, timeout=20)
        quoted, checked = box._quote(text), box._checkquote(text)
        box.shutdown()

    assert type(quoted) is type(checked) is type(text)
    assert checked == (text if text in {"plain", '"quoted"', "(list)"} else quoted)
