"""Facts that only the server has are asked for last, in one turn each, and are unknowable where it has none."""

from __future__ import annotations

from mailrules.mailbox.store import ResourceUse
from mailrules.rules.server_tests import QuotaUse
from mailrules.server_facts import quota_use
from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.memory_reader import MemoryReader
from tests.plan.planned import load, mail, steps_of, survey

SEARCHING = """
rules:
  - {name: settled before, if: {subject: done}, do: [keep]}
  - {name: found, if: {search: 'OR FROM bob (SUBJECT "two" SEEN)'}, do: [{keyword: $Found}]}
"""


async def test_the_server_finds_by_typed_keys_and_only_what_is_still_open() -> None:
    account = mail(
        message(from_="bob@example.org", subject="one"),
        message(from_="ann@example.org", subject="two"),
        message(from_="bob@example.org", subject="done"),
    )

    planner, reader = await survey(SEARCHING, account)

    assert steps_of(planner.finish()) == {1: ["+$Found"]}
    assert [call.name for call in reader.calls].count("search_as_written") == 1


async def test_what_the_server_lacks_is_unknowable() -> None:
    rules = """
rules:
  - {name: gmail, if: {gmail: "is:important"}, do: [{keyword: $A}]}
  - {name: label, if: {label: Work}, do: [{keyword: $B}]}
  - {name: saved, if: {saved: {older_than: 1d}}, do: [{keyword: $C}]}
  - {name: quota, if: {quota: {percent: {over: 90}}}, do: [{keyword: $D}]}
"""

    planner, _ = await survey(rules, mail(message()))
    made = planner.finish()

    assert steps_of(made) == {}
    assert sorted(one.reason.split(" ")[0] for one in made.findings) == ["gmail:", "label:", "quota:", "saved:"]
    assert all("X-GM-EXT-1" in one.reason for one in made.findings if one.rule in {"gmail", "label"})
    assert made.final_uids == ()


async def test_a_quota_is_read_once_for_the_mailbox() -> None:
    account = mail(message(), message())
    account.quota = [("STORAGE", 950, 1000), ("MESSAGE", 2, 100)]
    reader = MemoryReader(account, capabilities={*EVERY_CAPABILITY, "QUOTA"})

    assert quota_use((await reader.quota_roots("INBOX"))[0].resources) == QuotaUse(percent=95.0, free_bytes=50 * 1024)
    assert [call.name for call in reader.calls] == ["quota_roots"]


def test_what_is_not_limited_is_never_full() -> None:
    none = ResourceUse(name="STORAGE", used=5, limit=0)
    over = ResourceUse(name="STORAGE", used=12, limit=10)

    assert quota_use([]) == quota_use([none]) == QuotaUse()
    assert quota_use([over]) == QuotaUse(percent=120.0, free_bytes=0)
    assert quota_use([ResourceUse(name="MESSAGE", used=1, limit=2)]).free_bytes == float("inf")


def test_a_rule_that_asks_the_server_says_so_in_its_needs() -> None:
    (rule,) = load("rules: [{name: r, if: {search: ALL}, do: [keep]}]\n").rules.rules

    assert [fact.name for fact in rule.condition.test.needs] == ["search: ALL"]  # type: ignore[union-attr]
