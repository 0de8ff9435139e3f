"""Which mailboxes are asked for their status while one is read, and how long the answers are worth anything."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from mailrules.plan.directory import directory_of
from mailrules.targets import KEPT, MOST, Targets
from mailrules.testing.memory_faults import MemoryFault, Moment
from mailrules.testing.memory_reader import MemoryReader
from tests.plan.planned import NOW, load, mail

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mailrules.testing.mail_state import MailAccount


class Asked:
    """What one run asks of its targets, on a clock that the test moves."""

    def __init__(self, account: MailAccount, *faults: MemoryFault) -> None:
        self.now = NOW
        self.reader = MemoryReader(account, account="home", faults=faults)
        self.targets = Targets(now=self._time)

    def _time(self) -> datetime:
        return self.now

    async def for_rules(self, rules: str) -> list[str]:
        """The names whose status is known when these rules' INBOX has been read."""
        directory = directory_of(await self.reader.list_mailboxes(), account="home", user="me@example.org")
        await self.targets.look_at(self.reader, load(rules).rules.rules, directory, opened="INBOX")
        return sorted(self.targets.known.get("home", {}))


def rules_to(*actions: str) -> str:
    return "rules:\n" + "".join(
        f"  - {{name: rule {number}, if: always, do: [{{{action}}}]}}\n" for number, action in enumerate(actions)
    )


def account_with(mailboxes: Sequence[str]) -> MailAccount:
    return mail(b"Subject: one\r\n\r\n", mailboxes=mailboxes)


async def test_those_are_asked_that_rules_name_as_they_are_and_that_are_there() -> None:
    asked = Asked(account_with(["Lists", "Kept", "Other"]))

    known = await asked.for_rules(
        rules_to("move: Lists", "copy: Kept", 'move: "Lists/{list_id}"', "move: {to: New, create: true}", "move: INBOX")
    )

    assert known == ["Kept", "Lists"]


async def test_each_is_asked_once_in_a_run() -> None:
    asked = Asked(account_with(["Lists"]))

    await asked.for_rules(rules_to("move: Lists"))
    await asked.for_rules(rules_to("copy: Lists"))

    assert [one.name for one in asked.reader.calls].count("status") == 1


async def test_of_many_only_some_are_asked() -> None:
    names = [f"List{number}" for number in range(MOST + 3)]
    asked = Asked(account_with(names))

    first = await asked.for_rules(rules_to(*(f"move: {name}" for name in names[:2])))
    then = await asked.for_rules(rules_to(*(f"move: {name}" for name in names)))

    assert first == names[:2]
    assert then == sorted(names[:MOST])


async def test_what_is_refused_is_not_known_and_hinders_nothing() -> None:
    refusal = MemoryFault(call="status", moment=Moment.REFUSED)
    asked = Asked(account_with(["Lists", "Kept"]), refusal)

    assert await asked.for_rules(rules_to("move: Lists", "move: Kept")) == ["Kept"]


async def test_after_a_minute_it_is_not_told_any_more() -> None:
    asked = Asked(account_with(["Lists"]))

    assert await asked.for_rules(rules_to("move: Lists")) == ["Lists"]
    asked.now += KEPT
    assert asked.targets.known
    asked.now += timedelta(seconds=1)
    assert not asked.targets.known
