"""Whether a copy is made at most once, whatever a person, a server or the clock does to the message meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from tests.execution.household import KEEP_COPIES, Household

MAIL = message(subject="Keep this", message_id="<a@example.org>")
NAMELESS = b"Subject: Keep this\r\n\r\nneither Message-ID nor Date nor From\r\n"
"""It has no content key: only the server's name for it, or its place, can tell it again."""
HOME, OTHER, WORK = ("home", "INBOX"), ("home", "Other"), ("work", "INBOX")


@pytest.mark.parametrize("mail", [MAIL, NAMELESS], ids=["mail", "nameless"])
async def test_a_second_run_copies_nothing(household: Household, mail: bytes) -> None:
    household.accounts["home"].add("INBOX", mail)

    await household.run()
    await household.run()

    assert household.copies() == [mail]


@pytest.mark.parametrize("mail", [MAIL, NAMELESS], ids=["mail", "nameless"])
async def test_mail_that_a_person_moved_to_another_mailbox_is_not_copied_again(
    household: Household, mail: bytes
) -> None:
    stored = household.accounts["home"].add("INBOX", mail)
    await household.run()

    household.move(stored.uid, HOME, OTHER)
    await household.run()

    assert household.copies() == [mail]


async def test_mail_that_a_person_moved_to_another_account_is_not_copied_again(household: Household) -> None:
    stored = household.accounts["home"].add("INBOX", MAIL)
    await household.run()

    household.move(stored.uid, HOME, WORK)
    await household.run()

    assert household.copies() == [MAIL]


@pytest.mark.parametrize("mail", [MAIL, NAMELESS], ids=["mail", "nameless"])
async def test_a_new_uidvalidity_repeats_nothing(household: Household, mail: bytes) -> None:
    household.accounts["home"].add("INBOX", mail)
    await household.run()

    household.accounts["home"].change_uidvalidity("INBOX")
    await household.run()

    assert household.copies() == [mail]


@pytest.mark.parametrize("mail", [MAIL, NAMELESS], ids=["mail", "nameless"])
async def test_a_renamed_mailbox_repeats_nothing_even_without_object_ids(household: Household, mail: bytes) -> None:
    household.capabilities = without("OBJECTID")
    household.accounts["home"].add("Other", mail)
    await household.run()

    household.accounts["home"].rename("Other", "Third")
    household.edit(KEEP_COPIES.replace("home/Other", "home/Third"))
    await household.run()

    assert household.copies() == [mail]


async def test_an_edited_rule_repeats_nothing(household: Household) -> None:
    household.accounts["home"].add("INBOX", MAIL)
    await household.run()

    household.edit(KEEP_COPIES.replace("{subject: Keep}", "{from: ann@example.org, subject: {starts_with: Keep}}"))
    household.edit(KEEP_COPIES.replace("{subject: Keep}", "always").replace("do: [", "do: [{flag: seen}, "))
    await household.run()

    assert household.copies() == [MAIL]
    assert household.accounts["home"]["INBOX"].messages[1].flags == {"\\Seen"}


async def test_the_same_mail_in_two_mailboxes_is_copied_once_in_one_run(household: Household) -> None:
    for account, mailbox in (HOME, OTHER, WORK, HOME):
        household.accounts[account].add(mailbox, MAIL)

    report = await household.run()

    assert household.copies() == [MAIL]
    assert report.plan.message_count == 1


async def test_our_own_move_is_followed_where_nothing_else_tells_the_message(household: Household) -> None:
    household.capabilities = without("OBJECTID")
    rules = KEEP_COPIES.replace("do: [", "do: [{flag: seen}, ").replace("home/INBOX, ", "")
    household.edit(
        f"{rules}  - {{name: sort, in: [home/INBOX], if: always, do: [{{copy: Copies}}, {{move: Other}}]}}\n"
    )
    household.accounts["home"].create("Copies")
    household.accounts["home"].add("INBOX", NAMELESS)
    await household.run()
    assert household.copies() == [NAMELESS]

    household.edit(rules.replace("name: keep", "name: sort"))
    await household.run()

    assert household.copies() == [NAMELESS]


async def test_our_own_move_into_another_account_is_followed(household: Household) -> None:
    household.capabilities = without("OBJECTID")
    rules = KEEP_COPIES.replace("home/INBOX, home/Other, work/INBOX", "home/INBOX").replace("name: keep", "name: sort")
    household.edit(rules.replace("do: [", "do: [{move: work/Other}, ", 1))
    household.accounts["home"].add("INBOX", NAMELESS)
    await household.run()
    assert household.copies() == [NAMELESS]
    assert len(household.accounts["work"]["Other"].messages) == 1

    household.edit(rules.replace("home/INBOX", "work/Other"))
    await household.run()

    assert household.copies() == [NAMELESS]


async def test_a_copy_in_another_account_that_was_taken_back_may_be_made_again(household: Household) -> None:
    rules = KEEP_COPIES.replace("home/INBOX, home/Other, work/INBOX", "home/INBOX")
    household.edit(rules.replace("{to: Copies, create: true}", "work/Other"))
    household.accounts["home"].add("INBOX", MAIL)
    report = await household.run()
    assert len(household.accounts["work"]["Other"].messages) == 1

    await household.undo(report.run)
    assert len(household.accounts["work"]["Other"].messages) == 0
    await household.run()

    assert len(household.accounts["work"]["Other"].messages) == 1


async def test_an_entry_lives_while_the_message_is_where_we_saw_it_though_nobody_judges_it(
    household: Household,
) -> None:
    household.accounts["home"].add("INBOX", MAIL)
    await household.run()
    household.edit(KEEP_COPIES.replace("Keep", "Nothing"))
    for _ in range(20):
        household.pass_time(30)
        await household.run()

    household.edit(KEEP_COPIES)
    await household.run()

    assert household.copies() == [MAIL]


async def test_a_renamed_mailbox_is_found_again_when_it_is_looked_for(household: Household) -> None:
    household.accounts["home"].add("Other", MAIL)
    await household.run()
    household.accounts["home"].rename("Other", "Third")
    household.edit(KEEP_COPIES.replace("home/Other, ", ""))
    for _ in range(20):
        household.pass_time(30)
        await household.run()

    household.edit(KEEP_COPIES.replace("home/Other", "home/Third"))
    await household.run()

    assert household.copies() == [MAIL]


async def test_an_entry_is_forgotten_400_days_after_the_message_has_gone(household: Household) -> None:
    stored = household.accounts["home"].add("INBOX", MAIL)
    await household.run()
    household.accounts["home"]["INBOX"].remove(stored.uid)

    household.pass_time(400)
    await household.run()
    assert (await household.session.journal.history(rules=(), now=household.now)).ledger

    household.pass_time(1)
    await household.run()
    assert not (await household.session.journal.history(rules=(), now=household.now)).ledger


async def test_what_nobody_could_look_at_is_not_forgotten(household: Household) -> None:
    household.accounts["home"].add("INBOX", MAIL)
    await household.run()
    household.pass_time(500)

    await household.session.journal.prune(
        now=household.now, looked_at=["work"], configured=household.session.configuration.accounts
    )
    assert (await household.session.journal.history(rules=(), now=household.now)).ledger

    await household.session.journal.prune(now=household.now, looked_at=["work"], configured=["work"])
    assert not (await household.session.journal.history(rules=(), now=household.now)).ledger


async def test_chores_are_done_once_a_day_though_the_clock_is_set_back(household: Household) -> None:
    journal = household.session.journal
    day = timedelta(days=1)

    assert await journal.begin_chore("tidy home", every=day, now=household.now)
    assert not await journal.begin_chore("tidy home", every=day, now=household.now + timedelta(hours=23))
    assert await journal.begin_chore("tidy home", every=day, now=household.now + timedelta(hours=25))
    assert await journal.begin_chore("tidy home", every=day, now=household.now)


EVENTS = st.one_of(
    st.tuples(st.just("deliver"), st.sampled_from([HOME, OTHER, WORK])),
    st.tuples(st.just("nameless"), st.sampled_from([HOME, OTHER])),
    st.tuples(st.just("move"), st.integers(0, 9), st.sampled_from([HOME, OTHER, WORK])),
    st.tuples(st.just("uidvalidity"), st.sampled_from([HOME, OTHER, WORK])),
    st.tuples(st.just("edit"), st.sampled_from(["Keep", "keep this", "KEEP"])),
    st.tuples(st.just("days"), st.integers(1, 390)),
    st.tuples(st.just("run")),
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history=st.lists(EVENTS, min_size=3, max_size=14))
def test_no_history_makes_a_second_copy(history: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_live_through(Path(folder), history))


async def _live_through(folder: Path, history: list[tuple[object, ...]]) -> None:
    household = Household(folder=folder)
    await household.open()
    try:
        for number, event in enumerate(history):
            await _happen(household, event, number)
            copies = household.copies()
            assert len(copies) == len(set(copies)), f"a second copy after {history[: number + 1]}"
        await household.run()
        copies = household.copies()
        assert len(copies) == len(set(copies))
        there = {
            stored.content
            for account, mailbox in (HOME, OTHER, WORK)
            for stored in household.accounts[account][mailbox].messages.values()
        }
        assert there <= set(copies), "every message is copied once"
    finally:
        await household.close()


async def _happen(household: Household, event: tuple[object, ...], number: int) -> None:
    match event:
        case ("deliver", (account, mailbox)):
            household.accounts[account].add(mailbox, message(subject="Keep this", message_id=f"<{number}@example.org>"))
        case ("nameless", (account, mailbox)):
            household.accounts[account].add(mailbox, NAMELESS + b"%d\r\n" % number)
        case ("move", which, target):
            places = [
                (uid, place)
                for place in (HOME, OTHER, WORK)
                for uid, stored in household.accounts[place[0]][place[1]].messages.items()
                # Without a name of its own, mail is another mail in another account.
                if place != target and (place[0] == target[0] or not stored.content.startswith(NAMELESS))
            ]
            if places:
                uid, place = places[which % len(places)]
                household.move(uid, place, target)
        case ("uidvalidity", (account, mailbox)):
            household.accounts[account].change_uidvalidity(mailbox)
        case ("edit", words):
            household.edit(KEEP_COPIES.replace("Keep", words))
        case ("days", days):
            household.pass_time(days)
            await household.run()
        case _:
            await household.run()
