"""Imported rules agree with Pigeonhole wherever the import calls a script exact."""

from __future__ import annotations

from random import Random

import pytest

from mailrules.exchange.imported import Exactness
from mailrules.exchange.sieve_import import import_sieve
from tests.exchange.sieve_oracle import Pigeonhole, ours
from tests.exchange.sieve_scripts import messages, script

SEEDS = range(6)
SCRIPTS = 8
TRIES = 200
MESSAGES = 6


@pytest.mark.parametrize("seed", SEEDS)
async def test_generated_scripts_file_generated_messages_where_pigeonhole_does(
    seed: int, pigeonhole: Pigeonhole
) -> None:
    random = Random(seed)
    exact = 0
    for _ in range(TRIES):
        text, mails = script(random), messages(random, MESSAGES)
        imported = import_sieve(text)
        if any(one.exactness is not Exactness.EXACT for one in imported.findings):
            continue

        wanted = pigeonhole.results(text, mails)
        found = await ours(imported, mails)

        for mail, one, other in zip(mails, wanted, found, strict=True):
            assert other == one, f"{text}\n{mail.decode()}"
        exact += 1
        if exact == SCRIPTS:
            break
    assert exact == SCRIPTS
