"""How each client reads a mailbox of messages: connect and open off the clock, then fetch and read every field.

Each function takes a port, a user and a password, and returns the seconds and how many messages it saw.
"""

from __future__ import annotations

import asyncio
import imaplib
from time import perf_counter
from typing import TYPE_CHECKING, Any

from imapclient import IMAPClient

from mailrules.client.connect import connect
from mailrules.imap.fetch_items import FetchItem
from mailrules.imap.mailbox_commands import Examine
from mailrules.imap.message_commands import UidFetch
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.writer import BodySection

if TYPE_CHECKING:
    from mailrules.client.async_client import AsyncClient
    from mailrules.imap.envelope import Envelope, EnvelopeAddress
    from mailrules.imap.fetch_data import FetchData
    from mailrules.settings import AccountSettings

UIDS_PER_COMMAND = 5_000
HOST = "127.0.0.1"
NAMES = ("FROM", "TO", "SUBJECT", "DATE", "MESSAGE-ID", "LIST-ID")
HEADERS = f"BODY.PEEK[HEADER.FIELDS ({' '.join(NAMES)})]"
ENVELOPE = "(UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)"
_ENVELOPE_ITEMS = (FetchItem.UID, FetchItem.FLAGS, FetchItem.INTERNALDATE, FetchItem.SIZE, FetchItem.ENVELOPE)
_HEADER_ITEMS = (FetchItem.UID, BodySection(header_fields=NAMES))


def mailrules_envelope(account: AccountSettings, _password: str) -> tuple[float, int]:
    """Ours, typed, each response as it arrives."""
    return asyncio.run(_ours(account, is_envelope=True))


def mailrules_header(account: AccountSettings, _password: str) -> tuple[float, int]:
    return asyncio.run(_ours(account, is_envelope=False))


async def _ours(account: AccountSettings, *, is_envelope: bool) -> tuple[float, int]:
    count = 0

    def take(data: FetchData) -> None:
        nonlocal count
        if is_envelope:
            _ = data.uid, data.flags, data.internal_date, data.size_bytes
            if data.envelope is not None:
                _read_envelope(data.envelope)
                count += 1
        elif data.header_fields is not None:
            count += 1

    client: AsyncClient = await connect(account)
    async with client:
        await client.run(Examine("INBOX"))
        start = perf_counter()
        items = _ENVELOPE_ITEMS if is_envelope else _HEADER_ITEMS
        await client.run(UidFetch(SequenceSet.starting_at(1), items, take))
        return perf_counter() - start, count


def _read_envelope(envelope: Envelope) -> None:
    _ = envelope.date, envelope.subject, envelope.in_reply_to, envelope.message_id
    for addresses in (
        envelope.from_,
        envelope.sender,
        envelope.reply_to,
        envelope.to,
        envelope.cc,
        envelope.bcc,
    ):
        for address in addresses:
            _read_address(address)


def _read_address(address: EnvelopeAddress) -> None:
    _ = address.name, address.mailbox, address.host


def imaplib_envelope(account: AccountSettings, password: str) -> tuple[float, int]:
    """The standard library's lines, unparsed."""
    return _imaplib(account, password, ENVELOPE)


def imaplib_header(account: AccountSettings, password: str) -> tuple[float, int]:
    return _imaplib(account, password, f"({HEADERS})")


def _imaplib(account: AccountSettings, password: str, items: str) -> tuple[float, int]:
    with imaplib.IMAP4(HOST, account.port) as client:
        client.login(account.user, password)
        client.select("INBOX", readonly=True)
        start = perf_counter()
        _, data = client.uid("FETCH", "1:*", items)
        seconds = perf_counter() - start
    starts = (item[0] if isinstance(item, tuple) else item or b"" for item in data)
    return seconds, sum(1 for line in starts if b" (UID " in line[:20])


def imapclient_envelope(account: AccountSettings, password: str) -> tuple[float, int]:
    """IMAPClient's named tuples."""
    start, answers = _imapclient(account, password, ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"])
    for answer in answers.values():
        _ = answer[b"FLAGS"], answer[b"INTERNALDATE"], answer[b"RFC822.SIZE"]
        envelope = answer[b"ENVELOPE"]
        _ = envelope.date, envelope.subject, envelope.in_reply_to, envelope.message_id
        for field in (
            envelope.from_,
            envelope.sender,
            envelope.reply_to,
            envelope.to,
            envelope.cc,
            envelope.bcc,
        ):
            for address in field or ():
                _ = address.name, address.mailbox, address.host
    return perf_counter() - start, len(answers)


def imapclient_header(account: AccountSettings, password: str) -> tuple[float, int]:
    """IMAPClient's bytes of the fields, as ours are."""
    start, answers = _imapclient(account, password, [HEADERS])
    key = HEADERS.replace(".PEEK", "").encode()
    count = sum(1 for answer in answers.values() if answer[key] is not None)
    return perf_counter() - start, count


def _imapclient(
    account: AccountSettings, password: str, items: list[str]
) -> tuple[float, dict[int, dict[bytes, Any]]]:  # Any: IMAPClient has no types
    """When it began, and the answers; it takes no ranges, so UIDs go in lists that fit the server's lines."""
    with IMAPClient(HOST, port=account.port, ssl=False) as client:
        client.login(account.user, password)
        client.select_folder("INBOX", readonly=True)
        uids = client.search("ALL")
        start = perf_counter()
        answers: dict[int, dict[bytes, Any]] = {}
        for at in range(0, len(uids), UIDS_PER_COMMAND):
            answers.update(client.fetch(uids[at : at + UIDS_PER_COMMAND], items))
    return start, answers
