"""Mailbox policies on real servers: previewed, brought about once, and taken back exactly."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.cli.configuration import load
from mailrules.cli.paths import ChosenPath
from mailrules.client.imap_store import connect_store
from mailrules.engine import preview, run_once, undo
from mailrules.journal.journal import Journal
from mailrules.journal.records import RunId, RunOutcome
from mailrules.plan.plan import StepKind
from mailrules.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from mailrules.client.imap_store import ImapStore
    from mailrules.engine import RunReport
    from mailrules.plan.plan import Plan
    from tests.servers.cyrus import Cyrus
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
HEAD = "version: 1\naccounts: {%s}\nmailboxes:\n"
ACCOUNT = "%s: {host: 127.0.0.1, user: ann, secret: {env: X}}"
SHARED = """\
  "home/Shared/*": {rights: {bob: lrs, eve: ""}, subscribed: true, except: home/Shared/Private}
  home/Shared/Bills: {create: true, metadata: {/private/comment: pay, /shared/comment: ""}}
  home/Shared/Private: {rights: {bob: lr}, others: remove, metadata: {/private/comment: new}}
"""
NO_USE = "the server lacks CREATE-SPECIAL-USE (RFC 6154), and keeps it in no metadata"
ENTRIES = ("/private/comment", "/shared/comment", "/private/specialuse")


@dataclass
class World:
    """A file of policies over accounts of a server."""

    session: Session

    @property
    def first(self) -> str:
        return next(iter(self.session.configuration.accounts))

    async def preview(self) -> Plan:
        return await preview(self.session)

    async def run(self) -> RunReport:
        return await run_once(self.session, confirm=_yes)

    async def undo(self, run: str) -> RunReport:
        return await undo(self.session, RunId(run), confirm=_yes_to_all)


async def _yes(plan: Plan) -> bool:
    del plan
    return True


async def _yes_to_all(plan: Plan, cannot: tuple[str, ...]) -> bool:
    del plan
    return not cannot


@asynccontextmanager
async def world(
    folder: Path, policies: str, **accounts: ServerAccount | DovecotAccount
) -> AsyncIterator[tuple[World, ImapStore]]:
    """The world, and a connection of the first account that sets the scene and looks."""
    path = folder / "mailrules.yaml"
    path.write_text(HEAD % ", ".join(ACCOUNT % name for name in accounts) + policies, encoding="utf-8")
    configuration, plugins = load(ChosenPath(path=path, reason="the test's"))
    settings = {name: one.settings(name=name) for name, one in accounts.items()}
    journal = await Journal.open(folder / "state" / "journal.sqlite3")
    store = await connect_store(next(iter(settings.values())))
    yield (
        World(
            Session(
                configuration=replace(configuration, accounts=settings),
                plugins=plugins,
                journal=journal,
                now=lambda: NOON,
            )
        ),
        store,
    )
    await store.close()
    await journal.close()


async def state_of(store: ImapStore, mailboxes: Sequence[str]) -> dict[str, object]:
    """All that policies change, of those of these mailboxes that are there."""
    listed = {one.name: one for one in await store.list_mailboxes()}
    there = [name for name in mailboxes if name in listed]
    told = await store.particulars(there, entries=ENTRIES)
    return {
        name: (
            {who: frozenset(letters) - {*"cd"} for who, letters in (await store.get_rights(name)).entries.items()},
            told[name].metadata,
            listed[name].subscribed,
            listed[name].special_use,
        )
        for name in there
    }


async def set_the_scene(store: ImapStore) -> None:
    for name in ("Shared/Old", "Shared/Private"):
        await store.create(name)
    await store.set_rights("Shared/Old", identifier="bob", rights="lrswi")
    await store.set_rights("Shared/Old", identifier="eve", rights="lr")
    await store.set_rights("Shared/Private", identifier="carol", rights="lrs")
    await store.set_metadata("Shared/Private", entry="/private/comment", value=b"")
    await store.set_metadata("Shared/Old", entry="/shared/comment", value=b"stays")


@pytest.mark.parametrize("server", ["dovecot", "cyrus"])
async def test_policies_are_brought_about_once_and_taken_back_exactly(
    request: pytest.FixtureRequest, tmp_path: Path, server: str
) -> None:
    account: ServerAccount | DovecotAccount = request.getfixturevalue(server)
    names = ("INBOX", "Shared/Old", "Shared/Bills", "Shared/Private")
    async with world(tmp_path, SHARED, home=account) as (here, store):
        await set_the_scene(store)
        before = await state_of(store, names)

        seen = await here.preview()
        assert await state_of(store, names) == before
        report = await here.run()
        after = await state_of(store, names)
        again = await here.preview()

        assert report.outcome is RunOutcome.DONE
        assert [one.mailbox_steps for one in (report.plan, again)] == [seen.mailbox_steps, ()]
        rights = {name: (await store.get_rights(name)).entries for name in names[1:]}
        assert {who for who in rights["Shared/Private"] if who != account.user} == {"bob"}
        assert all("eve" not in entries for entries in rights.values())
        assert set(rights["Shared/Bills"]["bob"]) == {*"lrs"}
        told = await store.particulars(names[1:], entries=ENTRIES)
        assert told["Shared/Bills"].metadata["/private/comment"] == b"pay"
        assert told["Shared/Private"].metadata["/private/comment"] == b"new"
        assert after["INBOX"] == before["INBOX"]

        undone = await here.undo(report.run)

        assert undone.outcome is RunOutcome.DONE
        assert await state_of(store, names) == before


async def test_cyrus_is_told_what_a_mailbox_is_for_when_it_is_made_and_later(
    cyrus: ServerAccount, tmp_path: Path
) -> None:
    policies = "  home/Sent Mail: {create: true, special_use: sent}\n  home/Drafts: {special_use: drafts}\n"
    async with world(tmp_path, policies, home=cyrus) as (here, store):
        await store.create("Drafts")

        report = await here.run()
        uses = {one.name: one.special_use for one in await store.list_mailboxes()}
        again = await here.preview()
        await here.undo(report.run)
        left = {one.name: one.special_use for one in await store.list_mailboxes()}

    assert report.outcome is RunOutcome.DONE
    assert (uses["Sent Mail"], uses["Drafts"]) == (frozenset({"sent"}), frozenset({"drafts"}))
    assert again.is_empty
    assert left["Drafts"] == frozenset()
    assert "Sent Mail" not in left


async def test_what_dovecot_cannot_do_is_left_out_with_the_reason_and_the_rest_goes_on(
    dovecot: DovecotAccount, tmp_path: Path
) -> None:
    policies = (
        "  home/Sent Mail: {create: true, special_use: sent, subscribed: true}\n"
        "  home/INBOX: {quota: {storage: 1GiB}}\n  home/Gone: {subscribed: true}\n"
    )
    async with world(tmp_path, policies, home=dovecot) as (here, store):
        report = await here.run()
        listed = {one.name: one for one in await store.list_mailboxes()}

    assert report.outcome is RunOutcome.PARTLY_DONE
    assert report.execution is not None
    assert report.execution.shortfalls == ()
    assert listed["Sent Mail"].subscribed
    assert report.plan.left_out == (
        "home/Gone: there is no such mailbox; make it, or add create: true",
        f"home/Sent Mail: it does not become the mailbox for sent: {NO_USE}",
        "home/INBOX: quotas stay as they are: the server has no QUOTA (RFC 9208)",
    )


async def test_an_administrator_of_cyrus_limits_what_users_may_hold(
    cyrus: ServerAccount, cyrus_server: Cyrus, tmp_path: Path
) -> None:
    user = await connect_store(cyrus.settings())
    await user.status("INBOX")  # it is made behind the login's OK
    await user.close()
    inbox = f"user/{cyrus.user}"
    policies = f'  "admin/{inbox}*": {{quota: {{storage: 2MiB, messages: none}}}}\n'
    async with world(tmp_path, policies, admin=cyrus_server.administrator) as (here, store):
        await store.set_quota(inbox, limits={"STORAGE": 100, "MESSAGE": 7})

        report = await here.run()
        limits = await store.quota_roots(inbox)
        again = await here.preview()
        await here.undo(report.run)
        restored = await store.quota_roots(inbox)

    # One quota root for all mailboxes of the user, so one step a limit.
    assert [(one.kind, one.identifier) for one in report.plan.mailbox_steps] == [
        (StepKind.SETQUOTA, "STORAGE"),
        (StepKind.SETQUOTA, "MESSAGE"),
    ]
    assert report.outcome is RunOutcome.DONE
    assert {one.name: one.limit for one in limits[0].resources} == {"STORAGE": 2048}
    assert again.is_empty
    assert {one.name: one.limit for one in restored[0].resources} == {"STORAGE": 100, "MESSAGE": 7}


async def test_a_user_of_cyrus_who_may_set_no_quota_is_told_so(cyrus: ServerAccount, tmp_path: Path) -> None:
    async with world(tmp_path, "  home/INBOX: {quota: {storage: 2MiB}, subscribed: true}\n", home=cyrus) as (here, _):
        report = await here.run()

    assert report.outcome is RunOutcome.PARTLY_DONE
    assert report.execution is not None
    assert [(one.kind, one.reason) for one in report.execution.shortfalls] == [
        (StepKind.SETQUOTA, "SETQUOTA refused: NO Permission denied; the next run tries again")
    ]
