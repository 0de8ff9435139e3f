"""The kill switch: nothing is changed while it is on, not even by what is under way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mailrules.journal.kill_switch import FILE_NAME, VARIABLE, KillSwitch
from mailrules.testing.builders import message
from mailrules.testing.memory_store import MemoryStore
from tests.execution.world import ACCOUNT, add, copy, move

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mailrules.mailbox.message import UID
    from mailrules.mailbox.store import CopyOutcome
    from mailrules.testing.imap_server import ImapServer
    from tests.cli.conftest import Program
    from tests.daemon.conftest import Daemon
    from tests.execution.world import World

READS = {"CAPABILITY", "ID", "LOGIN", "AUTHENTICATE", "LIST", "LSUB", "EXAMINE", "UID FETCH", "STATUS", "LOGOUT"}


@pytest.mark.parametrize("value", ["1", "yes", "false"])
def test_a_variable_with_any_value_but_0_switches_it_on(tmp_path: Path, value: str) -> None:
    assert VARIABLE in KillSwitch(tmp_path, environment={VARIABLE: value}).reason()


@pytest.mark.parametrize("environment", [{}, {VARIABLE: ""}, {VARIABLE: "0"}])
def test_it_is_off_without_file_and_variable(tmp_path: Path, environment: dict[str, str]) -> None:
    assert KillSwitch(tmp_path, environment=environment).reason() == ""


def test_a_link_that_leads_nowhere_is_a_file_too(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "nowhere")

    assert "remove it" in KillSwitch(tmp_path, environment={}).reason()


def test_what_cannot_be_looked_at_counts_as_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "cannot be looked for" in KillSwitch(tmp_path / "file", environment={}).reason()


@pytest.mark.parametrize("verb", [("run", "--once", "--yes"), ("apply", "{plan}", "--yes"), ("undo", "--yes")])
def test_what_acts_is_refused_before_a_connection_is_made(
    served: Program, server: ImapServer, verb: tuple[str, ...]
) -> None:
    plan = served.folder / "plan.json"
    served.run("run", "--once", "--rule", "boss")
    served.run("dry-run", "--save", str(plan))
    (served.state / FILE_NAME).touch()
    server.commands_seen.clear()

    result = served.run(*(word.format(plan=plan) for word in verb))

    assert result.exit_code == 6
    assert f"nothing is changed: {served.state / FILE_NAME} exists; remove it to allow changes" in result.stderr
    assert server.commands_seen == []


def test_previews_go_on_and_only_read(served: Program, server: ImapServer) -> None:
    served.state.mkdir()
    (served.state / FILE_NAME).touch()

    shown, explained = served.run("dry-run"), served.run("explain", "home/INBOX:1")

    assert (shown.exit_code, explained.exit_code) == (0, 0)
    assert set(server.commands_seen) <= READS


def test_the_variable_stops_a_run_too(served: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")

    result = served.run("run", "--once")

    assert result.exit_code == 6
    assert f"the variable {VARIABLE} is set" in result.stderr


def test_paths_tells_whether_it_is_on(served: Program) -> None:
    served.state.mkdir()
    before = json.loads(served.run("paths", "--json").stdout)["read_only"]
    (served.state / FILE_NAME).touch()

    after = json.loads(served.run("paths", "--json").stdout)["read_only"]

    assert (before["is_on"], after["is_on"]) == (False, True)
    assert f"kill switch: {served.state / FILE_NAME} exists; remove it" in served.run("paths").stdout


class PulledAtTheFirstCopy(MemoryStore):
    """Somebody throws the switch while the first copy is on its way."""

    def throw(self, switch: Path) -> PulledAtTheFirstCopy:
        self._switch = switch
        return self

    async def copy(self, uids: Sequence[UID], target: str) -> CopyOutcome:
        self._switch.touch()
        return await super().copy(uids, target)


async def test_a_run_that_is_under_way_ends_after_the_command_on_its_way(world: World) -> None:
    plan = world.plan({uid: [add("\\Seen"), copy("Junk"), move("Archive")] for uid in range(1, 4)})
    store = PulledAtTheFirstCopy(world.mail, account=ACCOUNT, capabilities=world.capabilities)
    world.stores.append(store.throw(world.path.parent / FILE_NAME))

    report = await world.run(plan, store=store)

    assert [call.name for call in store.calls if call.uids] == ["store_flags", "copy"]
    assert world.ids("Junk") == ["1", "2", "3"]
    assert "Archive" not in world.mail or world.ids("Archive") == []
    assert all("READ_ONLY exists" in one.reason for one in report.shortfalls)
    (world.path.parent / FILE_NAME).unlink()
    await world.run(plan)
    assert world.ids("Archive") == ["1", "2", "3"]


async def test_a_daemon_closes_its_connections_while_it_is_on_and_goes_on_afterwards(daemon: Daemon) -> None:
    switch = daemon.folder / FILE_NAME
    async with daemon.running():
        switch.touch()
        daemon.mail.add("INBOX", message(from_="boss@work.example"))
        told = await daemon.log.saw("changes.stopped")
        commands = list(daemon.server.commands_seen)
        assert "Work" not in daemon.mail
        switch.unlink()
        await daemon.moved("Work")

    assert "remove it" in str(told["reason"])
    assert not {"UID MOVE", "CREATE", "UID COPY", "UID STORE"} & set(commands)
