"""What holds for every effect: at most once by content, caps, answers once in a while, order, files, and grants."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, BinaryIO

import pytest

from mailrules.execution.effects import Attempt, EffectOutcome, Prepared
from mailrules.execution.spool import Spool
from mailrules.journal.records import RunOutcome, StepState, StepVerdict
from mailrules.plan.history import LedgerKey
from mailrules.plan.plan import Step, StepKind
from mailrules.settings import OutboxSettings
from tests.outbox.mail_sink import MailSink, mail_sink
from tests.outbox.world import BO, forward, move, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.outbox.world import World


@pytest.fixture
async def sink(world: World) -> AsyncIterator[MailSink]:
    async with mail_sink(MailSink()) as sink:
        world.mail_goes_to(sink)
        yield sink


async def test_each_recipient_is_one_step_and_the_disposition_waits_for_all(world: World, sink: MailSink) -> None:
    world.deliver()
    sink.failing["rcpt"] = "550 5.1.1 nobody"

    report = await world.run(forward("bo@friends.example"), forward("cy@friends.example"), move())

    assert await world.states() == ["given_up"], "what follows a failed step is left out"
    assert report.outcome is RunOutcome.PARTLY_DONE
    assert world.mailboxes_with_mail() == ["INBOX"]


async def test_what_went_out_is_in_the_ledger_under_its_target(world: World, sink: MailSink) -> None:
    world.deliver()

    await world.run(forward())

    told = await (await world.open_journal()).history(rules=(), now=world.now())
    assert LedgerKey("key-1", "forwarder", "forward", BO) in told.ledger
    assert told.unsettled == frozenset()


async def test_the_message_id_stays_the_same_over_retries(world: World, sink: MailSink) -> None:
    world.deliver()
    sink.failing["dot"] = "451 4.3.0 later"
    await world.run(forward())
    (name,) = world.spooled()
    first = (world.folder / "outbox" / name).read_bytes()
    sink.failing.clear()
    world.pass_time(minutes=2)

    await world.work()

    assert sink.taken[0].content == first


async def test_what_goes_out_is_kept_in_files_of_ours_alone(world: World, sink: MailSink) -> None:
    world.deliver()
    sink.failing["mail"] = "451 4.3.0 later"

    await world.run(forward())

    folder = world.folder / "outbox"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert len(world.spooled()) == 1


async def test_a_file_without_an_intent_is_removed_and_one_that_is_needed_stays(world: World, sink: MailSink) -> None:
    world.deliver()
    sink.failing["mail"] = "451 4.3.0 later"
    await world.run(forward())
    (needed,) = world.spooled()
    (world.folder / "outbox" / "orphan.out").write_bytes(b"x")

    await (await world.outbox()).tidy()

    assert world.spooled() == [needed]
    assert (world.folder / "outbox" / "loop-key").exists()


async def test_a_cap_holds_the_excess_and_lets_it_out_later(world: World, sink: MailSink) -> None:
    world.limits = OutboxSettings(per_rule=2)
    for _ in range(3):
        world.deliver()
    reports = [await world.run(forward(), move(), uid=uid) for uid in (1, 2, 3)]

    assert [report.outcome for report in reports] == ["done", "done", "partly_done"]
    assert "2 effects of rule 'forwarder' went out within 1:00:00; it is held" in reports[2].shortfalls[0].reason
    assert (len(sink.taken), len(world.mail["INBOX"].messages)) == (2, 1)
    assert world.spooled() == []
    position = await (await world.open_journal()).position("home", "INBOX")
    assert position is not None
    assert position.pending == {3}, "it is judged again"

    world.pass_time(hours=1, seconds=1)
    await world.run(forward(), move(), uid=3)

    assert (len(sink.taken), world.mailboxes_with_mail()) == (3, ["Done"])


async def test_a_sender_gets_one_answer_in_a_while_and_each_message_is_settled(world: World, sink: MailSink) -> None:
    for _ in range(4):
        world.deliver()
    await world.run(reply(), move(), uid=1)
    world.pass_time(days=1)
    await world.run(reply(), move(), uid=2)
    world.pass_time(days=5)
    await world.run(reply(), move(), uid=3)

    assert (await world.states(), len(sink.taken)) == (["applied"] * 3, 1)
    assert "got one on 2026-11-22" in (await world.details())[1]
    assert world.mailboxes_with_mail() == ["Done", "INBOX"]

    world.pass_time(days=1, seconds=1)
    await world.run(reply(), move(), uid=4)

    assert len(sink.taken) == 2, "what was not sent does not count for the while"


async def test_another_rules_answer_is_another_answer(world: World, sink: MailSink) -> None:
    world.deliver()
    world.deliver()
    await world.run(reply(), uid=1)

    await world.run(reply(rule="other"), uid=2)

    assert len(sink.taken) == 2


@pytest.mark.parametrize("headers", [{"Return-Path": "<>"}, {"List-Id": "<x.example>"}])
async def test_what_is_not_to_be_answered_is_settled_and_the_message_moves_on(
    world: World, sink: MailSink, headers: dict[str, str]
) -> None:
    world.deliver(headers=headers)

    report = await world.run(reply(), move())

    assert (report.outcome, sink.taken, world.mailboxes_with_mail()) == ("done", [], ["Done"])
    assert (await world.details())[0].startswith("nothing was sent: it")


async def test_our_own_forward_that_comes_round_is_not_forwarded_again(world: World, sink: MailSink) -> None:
    world.deliver()
    await world.run(forward())
    uid = world.deliver(content=b"Return-Path: <me@example.org>\r\n" + sink.taken[0].content)

    await world.run(forward(), move(), uid=uid)

    assert len(sink.taken) == 1
    assert (await world.details())[1] == "nothing was sent: it carries our own loop mark"


async def test_a_person_says_that_a_doubtful_one_was_not_sent_and_it_is_planned_anew(
    world: World, sink: MailSink
) -> None:
    world.deliver()
    sink.failing["after_dot"] = ""
    await world.run(forward())
    journal = await world.open_journal()
    (doubtful,) = await journal.doubtful_deliveries()

    await journal.judge(
        [StepVerdict(step=doubtful.step.id, state=StepState.NOT_APPLIED, judged=world.now(), detail="by hand")]
    )

    told = await journal.history(rules=(), now=world.now())
    assert (told.ledger, told.unsettled) == (frozenset(), frozenset())


async def test_what_is_not_allowed_any_more_is_given_up_without_being_sent(world: World, sink: MailSink) -> None:
    world.deliver()
    sink.failing["mail"] = "451 4.3.0 later"
    await world.run(forward())
    sink.failing.clear()
    world.allow = frozenset()
    world.pass_time(minutes=2)

    await world.work()

    assert (await world.states(), sink.taken) == (["given_up"], [])
    assert "does not allow 'forward'" in (await world.details())[0]


async def test_without_smtp_in_the_configuration_nothing_is_begun(world: World) -> None:
    world.deliver()

    report = await world.run(forward(), move())

    assert (await world.states(), world.mailboxes_with_mail()) == ([], ["INBOX"])
    assert "the configuration has no smtp for this account" in report.shortfalls[0].reason


async def test_nothing_is_tried_again_while_the_kill_switch_is_on(world: World, sink: MailSink) -> None:
    world.deliver()
    sink.failing["mail"] = "451 4.3.0 later"
    await world.run(forward())
    sink.failing.clear()
    world.pass_time(days=1)
    (world.folder / "READ_ONLY").touch()

    with pytest.raises(Exception, match="READ_ONLY"):
        await world.work()

    assert sink.taken == []


async def test_a_server_that_is_not_reached_is_not_tried_for_each_message_anew(world: World, sink: MailSink) -> None:
    for _ in range(5):
        world.deliver()
    sink.failing["ehlo"] = "421 4.3.2 closing"
    for uid in range(1, 6):
        await world.run(forward(), uid=uid)
    assert await world.states() == ["waiting"] * 5
    sink.commands.clear()
    world.pass_time(minutes=5)

    await world.work()

    assert len(sink.commands) == 1
    sink.failing.clear()
    await world.work()
    assert len(sink.taken) == 4, "the one that was tried waits for its next turn"


async def test_one_refused_recipient_does_not_keep_the_others_waiting(world: World, sink: MailSink) -> None:
    for _ in range(3):
        world.deliver()
    sink.failing["rcpt"] = "451 4.2.2 full"
    for uid in range(1, 4):
        await world.run(forward(), uid=uid)
    sink.commands.clear()
    world.pass_time(minutes=5)

    await world.work()

    assert len([one for one in sink.commands if one.startswith("rcpt")]) == 3


class Careless:
    """A stranger's handler that fails while it prepares, or in its attempt before it begins."""

    name = "careless"
    fails_at = "prepare"

    async def prepare(self, *_: object) -> Prepared:
        if self.fails_at == "prepare":
            raise KeyError("no such thing")
        return Prepared(recipient="somebody")

    async def attempt(self, attempt: Attempt) -> EffectOutcome:
        if self.fails_at == "begun":
            await attempt.begin()
        if self.fails_at != "":
            raise ValueError("oh")
        return EffectOutcome(done=True)


@pytest.mark.parametrize(
    ("fails_at", "states"), [("prepare", []), ("attempt", ["waiting"]), ("begun", ["unknown"]), ("", ["applied"])]
)
async def test_a_strangers_handler_is_contained_and_tried_by_the_same_law(
    world: World, fails_at: str, states: list[str]
) -> None:
    world.deliver()
    handler = Careless()
    handler.fails_at = fails_at
    world.effects = {"careless": handler}

    await world.run(Step(kind=StepKind.EFFECT, rule="r", effect="careless", reversible=False), move())

    assert await world.states() == states
    assert world.mailboxes_with_mail() == ["Done" if fails_at == "" else "INBOX"]


async def test_the_same_mail_in_another_place_goes_out_once_and_leaves_the_file_of_the_first_alone(
    world: World, sink: MailSink
) -> None:
    world.deliver()
    world.deliver()
    sink.failing["mail"] = "451 4.3.0 later"
    await world.run(forward())
    sink.failing.clear()

    report = await world.run(forward(), move(), uid=2, key="key-1")
    world.pass_time(minutes=2)
    await world.work()

    assert "begun meanwhile for the same mail elsewhere" in report.shortfalls[0].reason
    assert (await world.states(), len(sink.taken)) == (["applied"], 1)


def test_the_key_for_loop_marks_is_made_once_and_a_half_written_one_is_made_anew(tmp_path: Path) -> None:
    key = Spool(tmp_path).loop_key()
    assert (len(key), Spool(tmp_path).loop_key()) == (32, key)

    (tmp_path / "outbox" / "loop-key").write_bytes(key[:7])

    assert len(Spool(tmp_path).loop_key()) == 32
    assert stat.S_IMODE((tmp_path / "outbox" / "loop-key").stat().st_mode) == 0o600


def test_a_file_whose_writing_failed_is_not_left_behind(tmp_path: Path) -> None:
    def fail(file: BinaryIO) -> None:
        file.write(b"a half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"), Spool(tmp_path).write("one") as file:
        fail(file)

    assert list((tmp_path / "outbox").iterdir()) == []
