"""What is chosen with the server's SEARCH equals what is chosen without, for rules and mailboxes by chance."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from mailrules.client.imap_store import connect_reader
from mailrules.testing.memory_reader import MemoryReader
from tests.narrowing import generated
from tests.narrowing.sweeping import Sweeping, compare_many
from tests.plan.planned import mail

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

FILES = int(os.environ.get("MAILRULES_NARROWING_FILES", "20"))
"""Rule files a server, of three rules each; ``make narrowing`` judges by thousands."""


async def test_in_memory() -> None:
    account = mail(mailboxes=["Other", "Copies"])
    for one in generated.messages(random.Random("memory"), zones=True):
        account.add("INBOX", one.content, flags=one.flags, received=one.received)

    tally = await compare_many(Sweeping(MemoryReader(account, account="home")), seed="memory", files=2 * FILES)

    assert tally.narrowed > FILES / 4
    assert tally.left_out > 10 * FILES
    assert tally.changed > 10 * FILES


async def test_on_dovecot(dovecot: DovecotAccount) -> None:
    dovecot.fill("INBOX", generated.messages(random.Random("dovecot")))
    reader = await connect_reader(dovecot.settings(name="home"))

    tally = await compare_many(Sweeping(reader), seed="dovecot", files=FILES)

    assert tally.narrowed > FILES / 8
    await reader.close()


@pytest.mark.parametrize("seed", ["cyrus"])
async def test_on_cyrus(cyrus: ServerAccount, seed: str) -> None:
    cyrus.fill("INBOX", generated.messages(random.Random(seed), zones=True))
    reader = await connect_reader(cyrus.settings(name="home"))

    tally = await compare_many(Sweeping(reader), seed=seed, files=FILES)

    assert tally.narrowed > FILES / 8
    await reader.close()
