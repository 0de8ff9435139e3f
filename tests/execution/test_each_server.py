"""Each kind of step, broken off at each of its commands before, in the middle and after it, on each server.

Recovery and one more run have to end as an undisturbed run does: nothing lost, nothing twice.
"""

from __future__ import annotations

import os
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

import pytest

from mailrules.journal.journal import Journal
from mailrules.journal.records import StepState
from mailrules.mailbox.message import FactRequest
from mailrules.plan.plan import MailboxStep, Step, StepKind
from mailrules.testing.memory_faults import Moment
from tests.execution.broken_off import BrokenOff
from tests.execution.each_server import SAMPLES, SERVERS, Contents, Place, on_mailbox, place_on
from tests.execution.world import add, copy, delete, move, remove

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from mailrules.plan.plan import MessagePlan

EVERY_POINT = "MAILRULES_EVERY_POINT" in os.environ
"""Otherwise what is broken off before a command is left to the servers in memory."""
MOMENTS = (*((Moment.BEFORE,) if EVERY_POINT else ()), Moment.HALFWAY, Moment.AFTER)
EVERY = [f"<{number}@example.org>" for number in (1, 1, 2, 3, 4, 5)]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = await Journal.open(tmp_path / "state" / "journal.sqlite")
    yield opened
    await opened.close()


@pytest.fixture(params=SERVERS)
async def place(request: pytest.FixtureRequest, tmp_path: Path, journal: Journal) -> AsyncIterator[Place]:
    with place_on(request, request.param, tmp_path, journal) as found:
        yield found
        await found.leave()


_NUMBERS = count(1)


async def broken_off(
    place: Place,
    steps: Callable[[str], Callable[[int, MessagePlan], Sequence[Step]]],
    *,
    commands: Sequence[str],
    flags: frozenset[str] = frozenset(),
) -> list[tuple[str, Contents, Contents]]:
    """Source and target at the end, for each command that the step really sends and each moment."""
    ends = []
    for command in commands:
        for moment in MOMENTS:
            number = next(_NUMBERS)
            source, target = f"{place.prefix}From{number}", f"{place.prefix}To{number}"
            await place.fill(source, flags=flags)
            await place.fill(target, ())
            wanted = steps(target)
            store = await BrokenOff.connected(place.settings, at=command, moment=moment)
            await place.run(await place.plan(source, wanted), store)
            if not store.is_lost:
                continue

            await place.recover()
            assert await place.journal.open_steps() == (), f"{command} {moment}"
            await place.run(await place.plan(source, wanted))

            assert await place.journal.open_steps() == (), f"{command} {moment}"
            ends.append((f"{command} {moment}", await place.contents(source), await place.contents(target)))
    return ends


def ids(contents: Contents) -> list[str]:
    return [message_id for message_id, _ in contents]


async def test_flags_are_added_and_removed(place: Place) -> None:
    had = frozenset({"\\Seen", "\\Flagged"})

    ends = await broken_off(
        place, lambda _: lambda *_: [add("$Work"), remove("\\Seen")], commands=["store_flags"], flags=had
    )

    assert len(ends) == len(MOMENTS)
    for name, source, _ in ends:
        assert [flags for _, flags in source] == [{"\\flagged", "$work"}] * len(SAMPLES), name


async def test_messages_are_copied(place: Place) -> None:
    ends = await broken_off(place, lambda target: lambda *_: [copy(target)], commands=["copy"])

    assert len(ends) == len(MOMENTS)
    for name, source, target in ends:
        assert (ids(source), ids(target)) == (EVERY, EVERY), name


async def test_a_note_is_written_once(place: Place) -> None:
    def note(target: str) -> Callable[[int, MessagePlan], Sequence[Step]]:
        def steps(_: int, message: MessagePlan) -> list[Step]:
            options = {
                "message_id": f"<note-{target.lower()}@mailrules.invalid>",
                "subject": "Größe",
                "text": "one\ntwo",
                "date": "2026-11-28T12:00:00+00:00",
                "flags": ["\\Seen"],
            }
            step = Step(kind=StepKind.APPEND, rule="noter", to=target, options=options)
            return [step] if message.message_id == "<3@example.org>" else []

        return steps

    ends = await broken_off(place, note, commands=["append"])

    assert ends
    for name, source, target in ends:
        assert ids(source) == EVERY, name
        assert [flags for _, flags in target] == [frozenset({"\\seen"})], name


async def test_messages_are_moved_with_their_flags(place: Place) -> None:
    kept = frozenset({"\\Seen", "$Work"})

    ends = await broken_off(
        place,
        lambda target: lambda *_: [add("\\Flagged"), move(target)],
        commands=["move", "copy", "expunge"],
        flags=kept,
    )

    assert len(ends) >= len(MOMENTS)
    for name, source, target in ends:
        assert (ids(source), ids(target)) == ([], EVERY), name
        assert [flags for _, flags in target] == [{"\\seen", "\\flagged", "$work"}] * len(SAMPLES), name


async def test_messages_are_deleted_for_ever_and_others_are_not(place: Place) -> None:
    ends = await broken_off(
        place,
        lambda _: lambda _, message: [delete()] if message.message_id != "<3@example.org>" else [],
        commands=["store_flags", "expunge"] if EVERY_POINT else ["expunge"],
    )

    for name, source, target in ends:
        assert (ids(source), target) == (["<3@example.org>"], []), name


async def test_a_mailbox_is_made_and_subscribed_once(place: Place) -> None:
    for command in ("create", "subscribe"):
        for moment in (Moment.BEFORE, Moment.AFTER):
            name = f"{place.prefix}Made{next(_NUMBERS)}"
            steps = tuple(
                MailboxStep(account=place.settings.name, mailbox=name, kind=kind, rule="keeper")
                for kind in (StepKind.CREATE, StepKind.SUBSCRIBE)
            )
            store = await BrokenOff.connected(place.settings, at=command, moment=moment)
            for step in steps:
                await place.run(on_mailbox(place, step), store)
                store = await place.connect()
            await store.close()
            await place.recover()

            for step in steps:
                _, report = await place.run(on_mailbox(place, step))
                assert report.shortfalls == (), f"{command} {moment}"

            found = {one.name: one for one in await (await place.looking()).list_mailboxes()}
            assert found[name].subscribed


async def test_a_mailbox_is_renamed_once(place: Place) -> None:
    for moment in (Moment.BEFORE, Moment.AFTER):
        old, new = (f"{place.prefix}{name}{next(_NUMBERS)}" for name in ("Named", "Renamed"))
        await place.fill(old, SAMPLES[:2])
        step = MailboxStep(account=place.settings.name, mailbox=old, kind=StepKind.RENAME, rule="keeper", to=new)
        await place.run(on_mailbox(place, step), await BrokenOff.connected(place.settings, at="rename", moment=moment))
        await place.recover()

        _, report = await place.run(on_mailbox(place, step))

        # Where it was done the first time there is nothing left to rename.
        missed = [one.reason for one in report.shortfalls]
        assert missed == ([f"{new} exists already"] if moment is Moment.AFTER else [])
        names = {one.name for one in await (await place.looking()).list_mailboxes()}
        assert (old in names, new in names) == (False, True)
        assert len(await place.contents(new)) == 2


async def test_rights_are_set_and_read_back(place: Place) -> None:
    reader = await place.looking()
    has_acl = "ACL" in reader.capabilities
    # Dovecot knows "anyone" for shared mailboxes only.
    who = "bob" if place.settings.name == "home" and reader.client.greeting.startswith("mailrules") else "anyone"
    for moment in (Moment.BEFORE, Moment.AFTER):
        mailbox = f"{place.prefix}Shared{next(_NUMBERS)}"
        await place.fill(mailbox, ())
        step = MailboxStep(
            account=place.settings.name,
            mailbox=mailbox,
            kind=StepKind.SETACL,
            rule="keeper",
            identifier=who,
            rights="lr",
        )
        plan = on_mailbox(place, step)
        await place.run(plan, await BrokenOff.connected(place.settings, at="set_rights", moment=moment))
        await place.recover()

        _, report = await place.run(plan)

        if not has_acl:
            assert "ACL" in report.shortfalls[0].reason
            continue
        assert report.shortfalls == ()
        rights = await reader.get_rights(mailbox)
        assert set(rights.entries[who]) >= {"l", "r"}
        _, report = await place.run(on_mailbox(place, replace(step, rights="ls", was=rights.entries[who])))
        assert report.shortfalls == ()
        rights = await reader.get_rights(mailbox)
        assert set(rights.entries[who]) - {"c", "d"} == {"l", "s"}, "one letter is given and one is taken"
        # The server is shared by the run's tests, and others list what everybody may see there.
        await reader.set_rights(mailbox, identifier=who, rights="")


async def test_a_message_that_another_client_moved_on_is_not_made_again(place: Place) -> None:
    source, target, other = (f"{place.prefix}{name}{next(_NUMBERS)}" for name in ("From", "To", "Other"))
    for name, contents in ((source, SAMPLES[1:3]), (target, ()), (other, ())):
        await place.fill(name, contents)
    store = await BrokenOff.connected(
        place.settings, at="move" if "MOVE" in (await place.looking()).capabilities else "copy", moment=Moment.BEFORE
    )
    await place.run(await place.plan(source, lambda *_: [move(target)]), store)
    taken = await place.looking()
    await taken.open(source)
    first = (await taken.fetch(FactRequest(flags=True)))[0].uid
    await taken.copy([first], other)
    await taken.store_flags([first], add=frozenset({"\\Deleted"}))
    gone = bool(await taken.expunge([first])) if "UIDPLUS" in taken.capabilities else False

    report = await place.recover()

    assert report.settled.get(StepState.VANISHED, 0) == (1 if gone else 0)
    await place.run(await place.plan(source, lambda *_: [move(target)]))
    assert (len(await place.contents(target)), len(await place.contents(other))) == (1, 1)
