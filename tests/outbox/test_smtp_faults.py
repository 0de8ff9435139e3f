"""An SMTP server that fails at every point: nothing goes out twice, and the state is the one that the table says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.journal.journal import Journal
from tests.outbox.mail_sink import DROP, MailSink, mail_sink
from tests.outbox.world import BO, forward, move

if TYPE_CHECKING:
    from mailrules.journal.records import StepId, StepVerdict
    from tests.outbox.world import World

LATER = "451 4.3.0 try later"
NEVER = "550 5.7.1 never"

PROVED_NOT_SENT = [
    *((point, reply) for point in ("greeting", "ehlo") for reply in (DROP, LATER, "554 5.3.2 no service")),
    *((point, reply) for point in ("mail", "rcpt", "data") for reply in (DROP, LATER)),
    ("before_dot", DROP),
    ("dot", LATER),
]

LARGE = "x" * 70 + "\r\n"
"""So often that no buffer between us and the server holds all of it: the loss is noticed before the dot."""


@pytest.mark.parametrize(("point", "reply"), PROVED_NOT_SENT)
async def test_what_surely_was_not_sent_waits_and_is_sent_once_later(world: World, point: str, reply: str) -> None:
    uid = world.deliver(body=LARGE * 150_000 if point == "before_dot" else "Hello\r\n")
    async with mail_sink(MailSink(failing={point: reply})) as sink:
        world.mail_goes_to(sink)

        report = await world.run(forward(), move())

        assert (await world.states(), sink.taken) == (["waiting"], [])
        assert world.mailboxes_with_mail() == ["INBOX"], "what disposes of it waits for the effect"
        assert [one.state for one in report.shortfalls] == ["waiting", None]
        assert await world.work() == (), "it is not due yet"
        await world.kill()
        sink.failing.clear()
        world.pass_time(minutes=2)
        await world.work()

        assert (await world.states(), len(sink.taken)) == (["applied"], 1)
        assert (sink.taken[0].recipients, world.spooled()) == ((BO,), [])
        await world.run(move(), uid=uid)
        assert world.mailboxes_with_mail() == ["Done"]


@pytest.mark.parametrize("point", ["mail", "rcpt", "data", "dot"])
async def test_what_is_refused_for_good_is_given_up_and_not_tried_again(world: World, point: str) -> None:
    world.deliver()
    async with mail_sink(MailSink(failing={point: NEVER})) as sink:
        world.mail_goes_to(sink)

        await world.run(forward(), move())
        sink.failing.clear()
        world.pass_time(days=1)
        await world.work()

    assert (await world.states(), sink.taken) == (["given_up"], [])
    assert "550 5.7.1 never" in (await world.details())[0]
    assert world.mailboxes_with_mail() == ["INBOX"]
    assert len(world.spooled()) == 1, "a person may still want to look at it"


@pytest.mark.parametrize("reply", [DROP, "999 what", "220 hello", "354 go on"])
async def test_after_a_lost_reply_to_the_dot_it_is_unknown_and_never_repeated(world: World, reply: str) -> None:
    world.deliver()
    async with mail_sink(MailSink(failing={"after_dot": reply})) as sink:
        world.mail_goes_to(sink)

        await world.run(forward(), move())
        sink.failing.clear()
        for _ in range(3):
            await world.kill()
            world.pass_time(days=1)
            await world.work()

    if reply == "220 hello":
        assert await world.states() == ["applied"], "any 2xx is a yes (RFC 5321 section 4.2.1)"
    else:
        assert await world.states() == ["unknown"]
    assert len(sink.taken) == 1


async def test_nobody_listens_so_it_waits_with_a_growing_back_off_and_is_given_up_at_the_cap(world: World) -> None:
    world.deliver()
    async with mail_sink(MailSink()) as sink:
        world.mail_goes_to(sink)

    waits = []
    await world.run(forward(), move())
    while found := await world.waiting():
        waits.append((found[0].due - world.clock).total_seconds())
        await world.kill()
        world.clock = found[0].due
        await world.work()

    assert waits == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0]
    assert await world.states() == ["given_up"]
    assert (await world.details())[0].startswith("given up after 8 attempts: ")


class Killed(BaseException):
    """Stands for kill -9."""


class MortalJournal(Journal):
    """A journal whose process dies before it writes that an attempt begins, or what came of it."""

    dies_at = ""

    async def begin_attempt(self, step: StepId) -> None:
        if self.dies_at == "begin":
            raise Killed
        await super().begin_attempt(step)

    async def end_attempt(self, verdict: StepVerdict, **more: object) -> None:
        if self.dies_at == "end":
            raise Killed
        await super().end_attempt(verdict, **more)


@pytest.mark.parametrize("moment", ["begin", "end"])
async def test_a_process_killed_around_the_dot(world: World, moment: str) -> None:
    """Killed before the mark is on disk nothing was sent; after it nobody knows."""
    world.deliver()
    journal = await MortalJournal.open(world.folder / "journal.sqlite")
    journal.dies_at, world.journal = moment, journal
    async with mail_sink(MailSink()) as sink:
        world.mail_goes_to(sink)
        with pytest.raises(Killed):
            await world.run(forward(), move())
        taken_at_death = len(sink.taken)
        await world.kill()
        world.pass_time(days=1)
        await world.work()
        await world.work()

    if moment == "begin":
        assert (taken_at_death, len(sink.taken), await world.states()) == (0, 1, ["applied"])
    else:
        assert (taken_at_death, len(sink.taken), await world.states()) == (1, 1, ["unknown"])
