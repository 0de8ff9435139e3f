"""What is chosen with the server's SEARCH equals what is chosen without, for rules and mailboxes by chance."""

from __future__ import annotations

import os
import random
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from mailrules.client.imap_store import connect_reader
from mailrules.mailbox.message import UID, FactRequest
from mailrules.testing.memory_reader import MemoryReader
from tests.narrowing import generated
from tests.narrowing.sweeping import Sweeping, compare_many
from tests.plan.planned import mail
from tests.servers.dovecot import Dovecot

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

FILES = int(os.environ.get("MAILRULES_NARROWING_FILES", "20"))
"""Rule files a server, of three rules each; ``make narrowing`` judges by thousands."""


async def test_in_memory() -> None:
    account = mail(mailboxes=["Other", "Copies"])
    for one in generated.messages(random.Random("memory"), zones=True):
        account.add("INBOX", one.content, flags=one.flags, received=one.received)

    tally = await compare_many(Sweeping(MemoryReader(account, account="home")), seed="memory", files=FILES)

    assert tally.narrowed > FILES / 8
    assert tally.left_out > 5 * FILES
    assert tally.changed > 5 * FILES


async def test_on_dovecot(dovecot: DovecotAccount) -> None:
    dovecot.fill("INBOX", generated.messages(random.Random("dovecot")))
    reader = await connect_reader(dovecot.settings(name="home"))

    tally = await compare_many(Sweeping(reader), seed="dovecot", files=FILES)

    assert tally.narrowed > FILES / 8
    await reader.close()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12", "America/St_Johns"])
async def test_on_a_dovecot_for_which_the_day_begins_elsewhere(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", zone)
    with Dovecot() as server:
        account = server.account("traveller")
        account.fill("INBOX", generated.messages(random.Random(zone)))
        reader = await connect_reader(account.settings(name="home"))

        await compare_many(Sweeping(reader), seed=zone, files=FILES // 4)

        (one,) = await reader.fetch(FactRequest(received=True), [UID(1)])
        assert isinstance(one.received, datetime)
        assert one.received.utcoffset() == one.received.astimezone(ZoneInfo(zone)).utcoffset()
        await reader.close()


async def test_on_cyrus(cyrus: ServerAccount) -> None:
    cyrus.fill("INBOX", generated.messages(random.Random("cyrus"), count=50, zones=True))
    reader = await connect_reader(cyrus.settings(name="home"))

    tally = await compare_many(Sweeping(reader), seed="cyrus", files=FILES // 2)

    assert tally.narrowed > FILES / 16
    await reader.close()
