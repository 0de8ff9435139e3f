"""Metadata and quotas that rules state: what they mean, the difference as steps, done, and undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.declared import survey_settings
from mailrules.execution.executor import execute
from mailrules.execution.undo import plan_undo
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunKind
from mailrules.mailbox.settings_of_mailbox import Setting
from mailrules.plan.actions import SetOfMailbox
from mailrules.plan.directory import directory_of
from mailrules.plan.plan import MailboxStep, Plan, StepKind
from mailrules.testing.builders import message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.memory_store import MemoryStore
from tests.plan.planned import NOW, mail, survey
from tests.rules.loading import mistakes_of, rules_of

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.testing.mail_state import MailAccount

RULE = "rules: [{name: r, if: always, do: [%s]}]\n"
COMMENT = "{setmetadata: {mailbox: Lists, entry: /private/comment, value: hello}}"
QUOTA = "{setquota: {mailbox: Lists, storage: 1MiB, messages: 9}}"
OFFERED = {*EVERY_CAPABILITY, "METADATA", "QUOTA", "QUOTASET"}


def _store(account: MailAccount) -> MemoryStore:
    return MemoryStore(account, account="home", capabilities=OFFERED)


async def _steps(account: MailAccount, action: str) -> tuple[tuple[MailboxStep, ...], tuple[str, ...]]:
    planner, _ = await survey(RULE % action, account)
    store = _store(account)
    directory = directory_of(await store.list_mailboxes(), account="home", user="me@example.org")
    return await survey_settings(store, planner.wanted_settings(), directory=directory)


def test_the_words_mean() -> None:
    (rule,) = rules_of(RULE % f"{COMMENT}, {QUOTA}").rules.rules

    assert [use.value for use in rule.branches[0].actions] == [
        SetOfMailbox(setting=Setting.METADATA, mailbox="Lists", name="/private/comment", value="hello"),
        SetOfMailbox(setting=Setting.QUOTA, mailbox="Lists", name="STORAGE", value="1024"),
        SetOfMailbox(setting=Setting.QUOTA, mailbox="Lists", name="MESSAGE", value="9"),
    ]


@pytest.mark.parametrize(
    ("action", "mistake"),
    [
        ("{setmetadata: hello}", "setmetadata takes a mapping, not text; "),
        ("{setmetadata: {mailbox: A, entry: /private/comment}}", 'setmetadata lacks the key "value"'),
        ("{setmetadata: {mailbox: A, entry: comment, value: x}}", '"comment" is no entry of metadata; '),
        ("{setmetadata: {mailbox: A, entry: '/private/*', value: x}}", '"/private/*" is no entry of metadata; '),
        ("{setmetadata: {mailbox: A, entry: /shared/a, value: [x]}}", "a text of up to 1,000 characters is expected"),
        ("{setmetadata: {mailbox: 'A/{from}', entry: /shared/a, value: x}}", "setmetadata takes a fixed mailbox; "),
        ("{setquota: 1GiB}", "setquota takes a mapping, not text; "),
        ("{setquota: {mailbox: A}}", "setquota limits nothing; add storage: 1GiB, or messages: 1000"),
        ("{setquota: {mailbox: A, storage: much}}", '"much" is not a size; '),
        ("{setquota: {mailbox: A, messages: 1, files: 3}}", 'unknown operator "files" under setquota; '),
    ],
)
def test_a_mistake_is_told(action: str, mistake: str) -> None:
    assert mistakes_of(RULE % action)[0].startswith(mistake)


async def test_only_a_difference_becomes_a_step() -> None:
    account = mail(message(), mailboxes=["Lists"])
    account["Lists"].metadata["/private/comment"] = b"old"
    account.quota = [("STORAGE", 5, 1024)]

    steps, warnings = await _steps(account, f"{COMMENT}, {QUOTA}")

    assert [(step.kind, step.identifier, step.was, step.rights) for step in steps] == [
        (StepKind.SETMETADATA, "/private/comment", "old", "hello"),
        (StepKind.SETQUOTA, "MESSAGE", "", "9"),
    ]
    assert warnings == ()


async def test_what_cannot_be_read_is_left_as_it_is() -> None:
    account = mail(message())
    planner, reader = await survey(RULE % COMMENT.replace("Lists", "INBOX"), account)
    directory = directory_of(await reader.list_mailboxes(), account="home", user="me@example.org")

    steps, (warning,) = await survey_settings(reader, planner.wanted_settings(), directory=directory)
    missing, (no_mailbox,) = await _steps(account, COMMENT)

    assert steps == missing == ()
    assert "METADATA" in warning
    assert no_mailbox == "/private/comment of 'Lists' is left as it is: there is no such mailbox"


async def _carry_out(plan: Plan, journal: Journal, account: MailAccount, kind: RunKind) -> list[str]:
    run = await journal.begin_run(kind=kind, started=NOW, plan=plan)
    report = await execute(
        plan, run=run, stores={"home": _store(account)}, journal=journal, effects={}, now=lambda: NOW
    )
    await journal.finish_run(run, ended=NOW, outcome=report.outcome)
    return [one.reason for one in report.shortfalls]


@pytest.mark.parametrize("is_changed_since", [False, True])
async def test_a_value_is_set_and_put_back_unless_somebody_changed_it(tmp_path: Path, is_changed_since: bool) -> None:
    account = mail(message(), mailboxes=["Lists"])
    account["Lists"].metadata["/private/comment"] = b"old"
    steps, _ = await _steps(account, f"{COMMENT}, {QUOTA}")
    journal = await Journal.open(tmp_path / "journal.sqlite")

    missed = await _carry_out(
        Plan(created=NOW, rules_hash="h", mailboxes=(), mailbox_steps=steps), journal, account, RunKind.ONCE
    )
    assert missed == []
    assert account["Lists"].metadata["/private/comment"] == b"hello"
    assert sorted(account.quota) == [("MESSAGE", 0, 9), ("STORAGE", 0, 1024)]

    if is_changed_since:
        account["Lists"].metadata["/private/comment"] = b"somebody's"
    (run,) = await journal.runs()
    back = await plan_undo(journal, run.id, now=NOW)
    missed = await _carry_out(back.plan, journal, account, RunKind.UNDO)

    assert account.quota == []
    assert account["Lists"].metadata["/private/comment"] == (b"somebody's" if is_changed_since else b"old")
    assert len(missed) == is_changed_since
    await journal.close()
