"""A server's process that was stopped while we recovered, and then goes on: what it adds is no second copy for long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.journal.records import StepState
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.memory_faults import MemoryFault, Moment
from tests.execution.world import copy, move

if TYPE_CHECKING:
    from mailrules.plan.plan import Step
    from tests.execution.world import World


async def late(world: World, step: Step, capabilities: frozenset[str]) -> None:
    """The old command comes through when recovery has found nothing of it and it has been done again."""
    world.capabilities = capabilities
    original = world.mail["INBOX"].messages[1]
    plan = world.plan({1: [step]})
    command = "move" if step.kind == "move" and "MOVE" in capabilities else "copy"
    await world.run(plan, MemoryFault(call=command, moment=Moment.BEFORE))
    await world.recover()
    await world.run(plan)
    world.mail["Archive"].add(
        original.content, flags=original.flags, received=original.received, object_id=original.object_id
    )
    assert world.ids("Archive") == ["1", "1"]


@pytest.mark.parametrize("capabilities", [EVERY_CAPABILITY, without("OBJECTID"), without("MOVE", "OBJECTID")])
@pytest.mark.parametrize("step", [copy("Archive"), move("Archive")], ids=["copy", "move"])
async def test_what_was_done_again_is_removed_where_copyuid_proves_it_ours(
    world: World, step: Step, capabilities: frozenset[str]
) -> None:
    await late(world, step, capabilities)

    report = await world.recover()

    assert (world.ids("Archive"), report.alarms) == (["1"], ())
    assert ("1" in world.ids()) == (step.kind == "copy")
    runs = await world.journal.runs()
    (first,) = await world.journal.steps_of(runs[-1].id)
    assert (first.state, first.target_uid) == (StepState.APPLIED, 2)
    assert (await world.recover()).alarms == ()
    assert world.ids("Archive") == ["1"]


async def test_without_uidplus_both_stay_and_a_person_is_told(world: World) -> None:
    await late(world, copy("Archive"), without("UIDPLUS"))

    report = await world.recover()

    assert world.ids("Archive") == ["1", "1"]
    assert "are the same message" in report.alarms[0]


async def test_another_message_that_looks_alike_is_left_alone(world: World) -> None:
    world.capabilities = without("OBJECTID")
    original = world.mail["INBOX"].messages[1]
    plan = world.plan({1: [copy("Archive")]})
    await world.run(plan, MemoryFault(call="copy", moment=Moment.BEFORE))
    await world.recover()
    await world.run(plan)
    world.mail.add("Archive", original.content.replace(b"Number 1", b"Forged 1"), received=original.received)

    await world.recover()

    assert world.ids("Archive") == ["1", "1"]
