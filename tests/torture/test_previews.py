"""A preview is harmless: by its type, on the wire, and by what the servers say before and after it."""

from __future__ import annotations

import imaplib
import re
from typing import TYPE_CHECKING

import pytest

from mailrules import engine
from mailrules.client.imap_store import ImapReader, ImapStore, connect_reader
from mailrules.journal.journal import Journal
from mailrules.mailbox.store import MailReader, MailStore
from mailrules.session import Session
from mailrules.testing.builders import A_DAY, SampleMessage
from tests.servers.proxy import Line, Proxy
from tests.servers.server_account import ServerAccount
from tests.torture.cases import ACCOUNT, CASES, STRANGER
from tests.torture.suites import Tally
from tests.torture.tallies import PROPERTY
from tests.torture.wire import WireLog, log_of_passages
from tests.torture.world import NOON, compiled

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


SERVERS = ("dovecot", "dovecot_sdbox", "dovecot_mdbox", "cyrus", "courier")
_BY_BODY = """
  - name: by-body
    if: {body: {contains: planted}}
    do: [{keyword: $ByBody}]
  - name: by-attachment
    if: {attachment: {size: {at_least: 1MiB}}}
    do: [{flag: flagged}]
"""


def test_what_a_preview_reads_through_has_no_method_that_writes() -> None:
    writing = public_names(MailStore) - public_names(MailReader)

    assert {"store_flags", "copy", "move", "expunge", "append", "create", "delete_mailbox"} <= writing
    assert not {name for name in writing if hasattr(ImapReader, name)}
    assert public_names(ImapStore) - public_names(ImapReader) >= writing
    assert connect_reader.__annotations__["return"] == "ImapReader"


def public_names(kind: type) -> set[str]:
    return {name for one in kind.__mro__ for name in vars(one) if not name.startswith("_")}


@pytest.mark.parametrize("server", SERVERS)
async def test_a_preview_changes_nothing_on_a_server(
    server: str, request: pytest.FixtureRequest, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    account = request.getfixturevalue(server)
    deliver(account)
    before = statuses(account), flags_of(account)

    log, planned = await previewed(account, tmp_path)

    assert (statuses(account), flags_of(account)) == before
    assert planned >= len([one for one in CASES["everything"].letters if one.wishes])
    findings = objections(log)
    assert findings == [], log.excerpt()
    assert any(line.text.startswith("EXAMINE") for line in log.lines)
    assert any("BODY.PEEK[" in line.text for line in log.lines)
    record_property(PROPERTY, Tally(tried={"previews on servers": 1}).as_property())


def objections(log: WireLog) -> list[str]:
    """What a preview may not say, or holds words of senders."""
    return [str(line) for line in log.lines if not line.may_preview or STRANGER in line.text]


def deliver(account: ServerAccount) -> None:
    """Mail that every rule wants something of, most of it new to the server."""
    samples = [
        SampleMessage(content=letter.content, flags=frozenset(letter.flags), received=A_DAY)
        for letter in CASES["everything"].letters
        for _ in range(letter.times)
    ]
    # By APPEND, on every server: the mail is new to it then, and \\Recent is there to be lost.
    ServerAccount.fill(account, "INBOX", samples)


async def previewed(account: ServerAccount, folder: Path) -> tuple[WireLog, int]:
    """What a preview says to the server, and how many messages it would change."""
    with Proxy(Line(server_port=account.port, record=True)) as proxy:
        rules = CASES["everything"].rules + _BY_BODY.lstrip("\n")
        settings = (
            f"host: {account.host}, port: {proxy.port}, security: none, user: {account.user}, "
            f"secret: {{file: {account.settings().secret.value}}}, compress: false"
        )
        rules = re.sub(rf"(?m)^  {ACCOUNT}: .*$", f"  {ACCOUNT}: {{{settings}}}", rules)
        configuration, plugins, _ = compiled(rules)
        journal = await Journal.open(folder / "journal.sqlite")
        try:
            session = Session(configuration=configuration, plugins=plugins, journal=journal, now=lambda: NOON)
            plan = await engine.preview(session)
        finally:
            await journal.close()
        return log_of_passages(proxy.traffic.passages), plan.message_count


def statuses(account: ServerAccount) -> dict[str, bytes]:
    """STATUS of every mailbox, which is not opened for it."""
    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        items = "MESSAGES RECENT UIDNEXT UNSEEN UIDVALIDITY"
        if "CONDSTORE" in client.capabilities:
            items += " HIGHESTMODSEQ"
        names = [re.search(rb'"?([^" ]+)"?$', line)[1].decode() for line in client.list()[1]]
        return {name: client.status(f'"{name}"', f"({items})")[1][0] for name in names}


def flags_of(account: ServerAccount) -> list[bytes]:
    """UIDs and flags of INBOX, by EXAMINE."""
    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        client.select("INBOX", readonly=True)
        return client.uid("FETCH", "1:*", "(FLAGS)")[1]
