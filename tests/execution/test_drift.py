"""Which parts of a saved plan are left out because the mailbox moved on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mailrules.execution.drift import still_current
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.memory_reader import MemoryReader
from tests.execution.world import ACCOUNT, move

if TYPE_CHECKING:
    from tests.execution.world import World


@pytest.mark.parametrize("capabilities", [EVERY_CAPABILITY, without("CONDSTORE")])
async def test_what_did_not_change_stays_and_what_changed_is_left_out(
    world: World, capabilities: frozenset[str]
) -> None:
    plan = world.plan({uid: [move("Archive")] for uid in (1, 2, 3)})
    world.mail["INBOX"].set_flags(2, frozenset({"\\Flagged"}))
    world.mail["INBOX"].remove(3)
    reader = MemoryReader(world.mail, account=ACCOUNT, capabilities=capabilities)

    checked = await still_current(plan, {ACCOUNT: reader})

    (mailbox,) = checked.plan.mailboxes
    assert [message.uid for message in mailbox.messages] == [1]
    assert checked.left_out == (
        "home/INBOX: UID 2 <2@example.org>: its flags were changed; they are now \\Flagged",
        "home/INBOX: UID 3 <3@example.org>: it is no longer there",
    )
    assert not {2, 3} & set(mailbox.final_uids)


async def test_a_flag_that_was_set_and_taken_back_is_no_change(world: World) -> None:
    plan = world.plan({1: [move("Archive")]})
    world.mail["INBOX"].set_flags(1, frozenset({"\\Flagged"}))
    world.mail["INBOX"].set_flags(1, frozenset())

    checked = await still_current(plan, {ACCOUNT: MemoryReader(world.mail, account=ACCOUNT)})

    assert checked.left_out == ()
    assert checked.plan.message_count == 1


async def test_a_new_uidvalidity_leaves_the_whole_mailbox_out(world: World) -> None:
    plan = world.plan({1: [move("Archive")]})
    world.mail.change_uidvalidity("INBOX")

    checked = await still_current(plan, {ACCOUNT: MemoryReader(world.mail, account=ACCOUNT)})

    assert checked.plan.mailboxes == ()
    assert "UIDVALIDITY was" in checked.left_out[0]


async def test_a_mailbox_or_account_that_is_not_there_is_left_out(world: World) -> None:
    plan = world.plan({1: [move("Archive")]})
    gone = replace(plan.mailboxes[0], mailbox="Gone")
    elsewhere = replace(plan.mailboxes[0], account="work")
    plan = replace(plan, mailboxes=(gone, elsewhere))

    checked = await still_current(plan, {ACCOUNT: MemoryReader(world.mail, account=ACCOUNT)})

    assert checked.plan.mailboxes == ()
    assert "Mailbox doesn't exist: Gone" in checked.left_out[0]
    assert "work/INBOX: the account is not connected" in checked.left_out[1]
