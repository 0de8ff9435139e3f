"""A server that takes no UTF-8 in SEARCH: what is found is what a server that does would have found."""

from __future__ import annotations

import pytest

from mailrules.client.search_fallbacks import SearchAnywhere
from mailrules.errors import CharsetRefused
from mailrules.imap.mailbox_commands import Select
from mailrules.imap.message_commands import SearchReturn
from mailrules.imap.search_keys import (
    AllOf,
    AnyOf,
    Contains,
    Gmail,
    HasFlag,
    HeaderContains,
    Not,
    TextField,
)
from mailrules.testing.builders import Attachment, message, multipart
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.server_faults import AtCommand, Refuse

GREETING = Contains(TextField.SUBJECT, "GRÜßE")
BODY, TEXT = TextField.BODY, TextField.TEXT
FORWARDED = multipart(
    "mixed",
    [
        b"Content-Type: text/plain\r\n\r\nsee below\r\n",
        b"Content-Type: message/rfc822\r\n\r\n" + message(subject="=?utf-8?Q?Stra=C3=9Fe?=", body="inner Käse\r\n"),
    ],
)
MAIL = (
    message(subject="=?utf-8?Q?Viele_Gr=C3=BC=C3=9Fe?=", body="nothing\r\n"),
    message(subject="plain", body="Schöne Grüße aus Köln\r\n"),
    message(subject="latin", body="Schöne Grüße".encode("latin-1") + b"\r\n", charset="latin-1"),
    message(from_="=?iso-8859-1?Q?J=F6rg?= <joerg@example.org>", to="Zoë <zoe@example.org>".encode()),
    message(cc="=?utf-8?B?SsO2cmc=?= <j@example.org>", headers={"X-Note": "Füße".encode()}),
    message(subject="page", body="page\r\n", html="<p>K&ouml;ln am <b>Rhein</b></p>"),
    message(attachments=[Attachment(file_name="Überblick.pdf", content=b"%PDF", media_type="application/pdf")]),
    b"From: a@example.org\r\nSubject: fwd\r\nMIME-Version: 1.0\r\n" + FORWARDED,
    message(subject="=?utf-8?Q?Gr=C3=BC=C3=9Fe?= II", body="Käse\r\n"),
)


def account():
    mail = MailAccount()
    for content in MAIL:
        mail.add("INBOX", content)
    mail["INBOX"].set_flags(9, frozenset({"\\Flagged"}))
    return mail


async def found(clients, key, *, refuses_8_bit):
    """What is found on Exchange, which refuses CHARSET UTF-8, and may refuse UTF-8 without it."""
    refusal = AtCommand(
        command="UID SEARCH",
        nth=None,
        when=lambda line: b"CHARSET" not in line and (b"{" in line or not line.isascii()),
        reaction=Refuse(status="BAD", text="Command Argument Error. 11"),
    )
    server = await clients.serve(ImapServer(account(), profile="exchange", faults=[refusal] if refuses_8_bit else []))
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))
    told = await client.run(SearchAnywhere(key, (SearchReturn.ALL, SearchReturn.COUNT)))
    assert told.count == (told.all_uids.count if told.all_uids else 0)
    return list(told.all_uids or ()), server.commands_seen


async def test_it_is_asked_again_without_a_charset(clients):
    uids, commands = await found(clients, GREETING, refuses_8_bit=False)

    assert uids == [1, 9]
    assert commands.count("UID SEARCH") == 2
    assert "UID FETCH" not in commands


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (GREETING, [1, 9]),
        (Contains(TextField.FROM, "jörg"), [4]),
        (Contains(TextField.TO, "zoë"), [4]),
        (Contains(TextField.CC, "JÖRG"), [5]),
        (Contains(TextField.BCC, "jörg"), []),
        (HeaderContains("x-note", "füße"), [5]),
        (HeaderContains("Ünknown", ""), []),
        (Contains(BODY, "grüße"), [2, 3]),
        (Contains(TEXT, "grüße"), [1, 2, 3, 9]),
        (Contains(BODY, "köln"), [2, 6]),
        (Contains(TEXT, "überblick"), [7]),
        (Contains(TEXT, "straße"), [8]),
        (Contains(BODY, "käse"), [8, 9]),
        (Not(Contains(TEXT, "grüße")), [4, 5, 6, 7, 8]),
        (AnyOf((Contains(BODY, "grüße"), GREETING, HasFlag("\\Flagged"))), [1, 2, 3, 9]),
        (AllOf((Contains(BODY, "käse"), GREETING)), [9]),
        (AllOf((HasFlag("\\Flagged"), Contains(TEXT, "grüße"))), [9]),
        (AllOf((Not(HasFlag("\\Flagged")), AnyOf((GREETING, Contains(BODY, "köln"))))), [1, 2, 6]),
        (AllOf((Not(GREETING), Not(Contains(BODY, "grüße")), Contains(TEXT, "ö"))), [4, 5, 6]),
        (Not(AllOf((GREETING, HasFlag("\\Flagged")))), [1, 2, 3, 4, 5, 6, 7, 8]),
    ],
)
async def test_every_text_is_looked_for_here_as_the_server_would(clients, key, expected):
    uids, commands = await found(clients, key, refuses_8_bit=True)

    assert uids == expected
    assert "UID FETCH" in commands or expected == []


async def test_what_gmail_alone_could_find_is_a_clear_error(clients):
    refusal = AtCommand(command="UID SEARCH", nth=None, reaction=Refuse(code="BADCHARSET (US-ASCII)"))
    server = await clients.serve(
        ImapServer(account(), capabilities=EVERY_CAPABILITY | {"X-GM-EXT-1"}, faults=[refusal])
    )
    client = await clients.log_in(server)
    await client.run(Select("INBOX"))

    with pytest.raises(CharsetRefused, match="Gmail with a text that is not ASCII"):
        await client.run(SearchAnywhere(Gmail("süß")))

    assert (await client.run(Select("INBOX"))).exists == len(MAIL)
