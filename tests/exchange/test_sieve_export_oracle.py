"""Exported scripts agree with our evaluator under Pigeonhole, and mean the same when they are imported again."""

from __future__ import annotations

from random import Random

import pytest

from mailrules.exchange.imported import Exactness
from mailrules.exchange.sieve_export import SieveTarget, export_sieve
from mailrules.exchange.sieve_import import import_sieve
from tests.exchange.sieve_oracle import Pigeonhole, filed_by, ours
from tests.exchange.sieve_rules import rules
from tests.exchange.sieve_scripts import messages, odd_messages
from tests.plan import planned

SEEDS = range(2)
SCRIPTS = 12
TRIES = 300
MESSAGES = 2


@pytest.mark.parametrize("seed", SEEDS)
async def test_generated_rules_and_their_script_file_generated_messages_alike(
    seed: int, pigeonhole: Pigeonhole
) -> None:
    random = Random(seed)
    exported_whole = 0
    for _ in range(TRIES):
        text = rules(random)
        mails = [*messages(random, MESSAGES), *odd_messages(random, MESSAGES)]
        loaded = planned.load(text)
        target = SieveTarget(account=loaded.accounts["home"], accounts=loaded.accounts.keys())
        exported = export_sieve(loaded.rules.rules, target)
        if exported.count(Exactness.REFUSED):
            continue

        wanted = await filed_by(text, mails)
        found = pigeonhole.results(exported.text, mails)
        again = await ours(import_sieve(exported.text), mails)

        for mail, one, other, third in zip(mails, wanted, found, again, strict=True):
            assert other == one, f"{text}\n{exported.text}\n{mail.decode()}"
            assert third == one, f"{text}\n{exported.text}\n{mail.decode()}"
        exported_whole += 1
        if exported_whole == SCRIPTS:
            break
    assert exported_whole == SCRIPTS
