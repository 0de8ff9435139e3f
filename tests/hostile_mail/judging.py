"""What becomes of each hostile mail, judged in a process of its own that may use so much time and memory.

Run as a program it judges every mail of the corpus twice and prints one line of JSON for each.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
import traceback
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from mailrules.plan.directory import directory_of
from mailrules.plan.history import History
from mailrules.plan.planner import DISPLAY_FIELDS
from mailrules.rules.conditions import Environment
from mailrules.survey import Surroundings, survey_mailbox
from mailrules.testing.memory_reader import MemoryReader
from tests.hostile_mail.corpus import MAILS
from tests.plan.planned import NOW, load, mail

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.plan.plan import MailboxPlan
    from mailrules.rules.rule import Rule

SECONDS = 2
MEMORY_BYTES = 256 << 20
"""For one mail, beyond what the program takes up before it has seen any."""

RULES = r"""
conditions:
  any_text:
    any: [{subject: {contains: lottery}}, {subject: {regex: '\bl+o+t+e+r+y\b'}}, {header: {name: X-1, exists: true}}]
  known_people: {any: [{from: {in: known}}, {to: "@nowhere.invalid"}, {cc: lottery}, {reply_to: {name: lottery}}]}
  to_a_list: {any_recipient: {detail: lists}, participants: {subdomain_of: work.example}}
lists: {known: [friend@known.example, "@family.example"]}
rules:
  - {name: sizes, if: {size: {over: 4MiB}}, do: [{keyword: Large}]}
  - {name: people, if: known_people, do: [{flag: flagged}]}
  - {name: details, if: to_a_list, do: [{flag: seen}]}
  - {name: words, if: any_text, do: [{keyword: Lottery}]}
  - {name: old, if: {sent: {older_than: 3650d}}, do: [{keyword: Old}]}
  - {name: parts, if: {attachment: {name: {glob: '*.exe'}}}, do: [{keyword: Program}]}
  - {name: lists, if: {list_id: {regex: '<(?P<list>[^>]+)'}}, do: [{copy: {to: "Lists/{list}", create: true}}]}
  - {name: invoices, if: {body: {regex: '(invoice\s+\d+\s*)+$'}}, do: [{keyword: Invoice}]}
  - {name: bait, if: {body: {contains: [rechnung, lottery]}}, do: [{keyword: Bait}]}
  - name: filed
    if: {not: {from: {domain: work.example}}}
    do: [{move: {to: "From/{from.domain|slug}", create: true}}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """``verdict`` is what the rules make of it, twice the same if ``is_repeated``; "" where the process died.

    ``ended`` is the exit status, below 0 the signal.
    """

    name: str
    verdict: str
    ended: int
    is_repeated: bool
    cpu_seconds: float
    error: str


def judge(name: str) -> Judged:
    """Judge a mail of the corpus in two processes, each under the limits."""
    work = CONTROLS.get(name) or partial(verdict_of_mail, MAILS[name]())
    first, second = _under_limits(work), _under_limits(work)
    return Judged(
        name=name,
        verdict=first[1],
        ended=first[0] or second[0],
        is_repeated=first[1] == second[1],
        cpu_seconds=max(first[2], second[2]),
        error=first[3] or second[3],
    )


def _under_limits(work: Callable[[], str]) -> tuple[int, str, float, str]:
    """Exit status, what ``work`` answers, seconds of CPU, and the traceback of what went wrong."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _work_and_end(work, writing=writing)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 -- a handle
        said = pipe.read().decode()
    _, status, used = os.wait4(child, 0)
    answer, _, error = said.partition("\0")
    return os.waitstatus_to_exitcode(status), answer, used.ru_utime + used.ru_stime, error


def _work_and_end(work: Callable[[], str], *, writing: int) -> NoReturn:
    room = _address_space() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    status, said = 0, ""
    try:
        said = work()
    except BaseException:  # noqa: BLE001 -- a process of its own, whose every end is told to its parent
        status, said = 1, "\0" + traceback.format_exc(limit=-3)
    with open(writing, "wb") as pipe:
        pipe.write(said.encode())
    os._exit(status)


def verdict_of_mail(content: bytes) -> str:
    """What the rules make of a mail."""
    return verdict_of(asyncio.run(_plan(content)))


async def _plan(content: bytes) -> MailboxPlan:
    reader = MemoryReader(mail(content), account="home")
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")
    surroundings = Surroundings(
        directory=directory, environment=Environment(now=NOW), history=History(), describe_fields=DISPLAY_FIELDS
    )
    planner = await survey_mailbox(reader, await reader.open("INBOX"), _rules(), surroundings=surroundings)
    return planner.finish()


@cache
def _rules() -> tuple[Rule, ...]:
    return load(RULES).rules.rules


def verdict_of(made: MailboxPlan) -> str:
    """The steps and the findings, in a form that two judgements can be compared by."""
    steps = [[str(step.kind), step.rule, step.to, list(step.flags)] for one in made.messages for step in one.steps]
    findings = [[one.kind, one.rule, one.reason] for one in made.findings]
    return json.dumps({"steps": steps, "findings": findings})


def _burn_time() -> str:
    while True:
        pass


def _eat_memory() -> str:
    return str(len(bytearray(MEMORY_BYTES + (16 << 20))))


CONTROLS: dict[str, Callable[[], str]] = {"too much time": _burn_time, "too much memory": _eat_memory}
"""What the limits must stop, or they prove nothing."""


def _address_space() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    return pages * resource.getpagesize()


def main() -> None:
    gc.disable()  # no child should pay for a walk over what its parent has loaded
    verdict_of_mail(b"Subject: one that loads all modules\r\n\r\n")
    for name in sys.argv[1:] or [*CONTROLS, *MAILS]:
        print(json.dumps(asdict(judge(name))), flush=True)  # noqa: T201 -- a program for the test beside it


if __name__ == "__main__":
    main()
