"""What servers were found to answer wrongly is kept by account and key, until it is to be tried anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.journal.reader import JournalReader
from mailrules.mailbox.message import UID
from mailrules.plan.search_truth import Untruth
from tests.journal.builders import NOON
from tests.journal.sample import load

if TYPE_CHECKING:
    from mailrules.journal.journal import Journal

BEFORE = Untruth(
    account="home",
    key="BEFORE",
    mailbox="INBOX",
    uid=UID(7),
    search="BEFORE 1-Feb-2026",
    was_found=True,
    seen=NOON,
)


async def test_the_first_finding_of_a_key_stays(journal: Journal) -> None:
    seen = replace(BEFORE, key="SEEN", search="SEEN", was_found=False)
    await journal.remember_untruths([BEFORE, seen])
    await journal.remember_untruths([replace(BEFORE, uid=UID(8)), replace(BEFORE, account="work")])

    assert await journal.untruths("home") == (BEFORE, seen)
    assert await journal.untruths("work") == (replace(BEFORE, account="work"),)


async def test_an_account_s_server_may_be_tried_anew(journal: Journal) -> None:
    await journal.remember_untruths([BEFORE, replace(BEFORE, account="work")])

    assert await journal.forget_untruths("home") == 1
    assert await journal.untruths("home") == ()
    assert await journal.untruths("work") != ()


async def test_a_journal_of_before_knows_none(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.sqlite3"
    load(Path(__file__).parent / "schemas" / "0008.sql", path)

    reader = await JournalReader.open(path)

    assert await reader.untruths("home") == ()
    await reader.close()
