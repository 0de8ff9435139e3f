"""Tests of what a command loads: nothing that only others need, since each command pays for it at its start."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

LOADED = """
import sys
from mailrules.cli.main import main
try:
    main()
except SystemExit as ended:
    status = ended.code
print(*sys.modules, file=sys.stderr)
sys.exit(status)
"""

FOR_OTHERS = {
    "aiosmtplib",
    "httpx2",
    "mailrules.daemon",
    "mailrules.exchange",
    "mailrules.mail_on_disk",
    "mailrules.offline",
    "mailrules.rules.doubts",
    "mailrules.rules.toml_source",
    "mailrules.testing",
    "ruamel",
    "tomllib",
    "watchfiles",
}
"""What belongs to the daemon, to the outbox, to import and export, to `check`, to other files, to the test kit."""

FOR_LOGS = {"structlog"}
"""What only a log line needs: looking at mail writes none."""

FOR_TABLES = {"mailrules.cli.terminal"}
"""What only a table, a colour or a bar needs."""

FOR_SERVERS = {"mailrules.client", "mailrules.engine", "mailrules.journal", "mailrules.rules.json_schema"}
"""What speaks to servers or remembers what was done there, and what only `schema` prints."""


@pytest.mark.parametrize(
    ("verb", "absent"),
    [
        (["check"], FOR_OTHERS - {"mailrules.rules.doubts"} | FOR_LOGS | FOR_TABLES | FOR_SERVERS),
        (["dry-run"], FOR_OTHERS | FOR_LOGS),
        (["run", "--once", "--yes"], FOR_OTHERS | FOR_TABLES),
    ],
    ids=["check", "dry-run", "run"],
)
def test_a_command_loads_nothing_that_only_others_need(served: Program, verb: list[str], absent: set[str]) -> None:
    place = ["-c", str(served.config), "--state-dir", str(served.state)]

    ended = subprocess.run([sys.executable, "-c", LOADED, *place, *verb], capture_output=True, text=True, check=False)

    loaded = set(ended.stderr.splitlines()[-1].split())
    assert (ended.returncode, "mailrules.rules.loader" in loaded) == (0, True)
    assert loaded & absent == set()


BEFORE_IT_CONNECTS = """
import sys, threading
first, loaded = sys.argv.pop(1), None
def watch(event, arguments):
    global loaded
    if event == "import" and arguments[0] == first and loaded is None:
        loaded = [threading.current_thread() is threading.main_thread(), *sys.modules]
sys.addaudithook(watch)
from mailrules.cli.main import main
try:
    main()
except SystemExit as ended:
    status = ended.code
print(*loaded, file=sys.stderr)
sys.exit(status)
"""

FOR_ACTING = FOR_LOGS | {
    "mailrules.engine",
    "mailrules.execution.executor",
    "mailrules.plan.planner",
    "mailrules.planning",
    "mailrules.rules.examples",
    "rich",
}
"""What is only needed once the server has answered."""


@pytest.mark.parametrize(
    ("verb", "first"),
    [
        (["run", "--once", "--yes"], "mailrules.cli.single_run"),
        (["dry-run"], "mailrules.cli.plan_outcome"),
    ],
    ids=["run", "dry-run"],
)
def test_what_comes_after_is_loaded_on_a_thread_while_the_servers_answer(
    served: Program, verb: list[str], first: str
) -> None:
    place = ["-c", str(served.config), "--state-dir", str(served.state)]
    program = [sys.executable, "-c", BEFORE_IT_CONNECTS, first, *place, *verb]

    ended = subprocess.run(program, capture_output=True, text=True, check=False)

    on_main_thread, *loaded = ended.stderr.splitlines()[-1].split()
    assert (ended.returncode, on_main_thread) == (0, "False")
    assert {"mailrules.rules.loader", "mailrules.client.imap_store"} <= set(loaded)
    assert set(loaded) & FOR_ACTING == set()
