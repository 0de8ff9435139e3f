"""What a second sweep sends to real servers, and that what another client does there is seen all the same."""

from __future__ import annotations

import imaplib
import re
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_reader
from mailrules.client.transcript import Transcript
from tests.cache.sweeps import cache_in, sweep
from tests.jobs import large_mailbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mailrules.plan.plan import MailboxPlan
    from tests.servers.server_account import ServerAccount

MESSAGES = 80
RULES = """rules:
  - {name: github, if: {from: notifications@github.example}, do: [{flag: flagged}]}
  - {name: lists, if: {list_id: {regex: '<[a-z]+'}}, do: [{keyword: $List}]}
  - {name: large, if: {size: {over: 20KiB}, not: {flag: seen}}, do: [{keyword: $Large}]}
"""
BODY = "rules: [{name: a, if: {body: cheese}, do: [{flag: seen}]}]"
_COMMAND = re.compile(rb"[A-Za-z]*[0-9]+ (UID [A-Z]+|[A-Z]+) ?(.*)")


async def _swept(account: ServerAccount, folder: Path | None, rules: str = RULES) -> tuple[MailboxPlan, list[str], int]:
    """The plan, what was sent about messages, and how many bytes came for it."""
    transcript = Transcript(max_bytes=100_000_000)
    reader = await connect_reader(account.settings(name="home"), transcript=transcript)
    before = reader.client.counters.bytes_in
    plan = await sweep(reader, rules, cache_in(folder) if folder else None)
    received = reader.client.counters.bytes_in - before
    await reader.close()
    commands = [_COMMAND.fullmatch(line.text) for line in transcript.lines if line.side == "client"]
    sent = [f"{one[1].decode()} {one[2].decode()}" for one in commands if one and one[1].startswith(b"UID")]
    return plan, sent, received


async def _second_sweeps(account: ServerAccount, folder: Path) -> None:
    account.fill("INBOX", large_mailbox.messages(MESSAGES))
    first, _, whole_bytes = await _swept(account, folder)
    second, sent, bytes_in = await _swept(account, folder)

    assert second == first
    assert sent == []
    assert bytes_in * 5 < whole_bytes

    _as_another(account, lambda client: client.uid("STORE", "7,9", "+FLAGS", "(\\Seen $Odd)"))
    plan, sent, bytes_in = await _swept(account, folder)
    assert [re.sub(r"\d+\)$", "n)", one) for one in sent if "CHANGEDSINCE" in one] == [
        f"UID FETCH 1:{MESSAGES} (UID FLAGS MODSEQ) (CHANGEDSINCE n)"
    ] or ["(UID FLAGS MODSEQ" in one for one in sent] == [True]
    assert bytes_in < 7_000
    assert plan == (await _swept(account, None))[0]

    _as_another(account, _deletes_some)
    _as_another(account, _adds_some)
    plan, sent, _ = await _swept(account, folder)
    assert [one.split()[1] for one in sent].count("SEARCH") == 1
    assert plan == (await _swept(account, None))[0]
    assert (await _swept(account, folder))[1] == []

    texts = await _swept(account, folder, BODY)
    assert not [one for one in texts[1] if "FLAGS" in one]
    again = await _swept(account, folder, BODY)
    assert again[0] == texts[0] == (await _swept(account, None, BODY))[0]
    assert again[1] == []


def _deletes_some(client: imaplib.IMAP4) -> None:
    client.uid("STORE", "3:5", "+FLAGS", "(\\Deleted)")
    client.expunge()


def _adds_some(client: imaplib.IMAP4) -> None:
    for one in large_mailbox.messages(3):
        client.append("INBOX", None, None, one.content)  # type: ignore[arg-type]  # typeshed wants texts there


def _as_another(account: ServerAccount, act: Callable[[imaplib.IMAP4], object]) -> None:
    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        client.select("INBOX")
        act(client)


async def test_on_dovecot(dovecot: ServerAccount, tmp_path: Path) -> None:
    await _second_sweeps(dovecot, tmp_path)


async def test_on_cyrus(cyrus: ServerAccount, tmp_path: Path) -> None:
    await _second_sweeps(cyrus, tmp_path)


async def test_a_server_without_condstore_is_asked_for_flags_alone(courier: ServerAccount, tmp_path: Path) -> None:
    courier.fill("INBOX", large_mailbox.messages(60))
    first, _, _ = await _swept(courier, tmp_path)

    second, sent, _ = await _swept(courier, tmp_path)

    assert second == first
    assert not [one for one in sent if "HEADER" in one and not one.startswith("UID FETCH 61:*")]
