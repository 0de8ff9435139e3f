"""What has changed since somebody last looked: nothing is done on a wrong belief, and it is said."""

from __future__ import annotations

import imaplib
import json
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.job import Job, ending_of
from tests.servers.mailbox_state import contents_of
from tests.servers.proxy import Line, Proxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.dovecot import Dovecot


@pytest.fixture
def job(dovecot_server: Dovecot, tmp_path: Path) -> Job:
    return Job.create(dovecot_server, tmp_path, messages=60)


@contextmanager
def _other_client(job: Job) -> Iterator[imaplib.IMAP4]:
    """Somebody else, with the INBOX open."""
    with imaplib.IMAP4(job.account.host, job.account.port) as client:
        client.login(job.account.user, job.account.password)
        client.select("INBOX")
        yield client


def _saved(job: Job) -> tuple[Path, dict[str, Any]]:  # Any: a JSON document
    plan = job.config.with_name("plan.json")
    job.run("dry-run", "--save", str(plan))
    return plan, json.loads(plan.read_text())


def test_an_edited_plan_is_refused_whole(job: Job) -> None:
    before = job.mailboxes()
    plan, _ = _saved(job)
    plan.write_text(plan.read_text().replace('"Junk"', '"Trash"').replace("newsletters", "newsletter"))

    ended = job.run("apply", "--yes", str(plan), status=6)

    assert "was edited since" in ended.err
    assert "dry-run --save" in ended.err
    assert job.mailboxes() == before


def test_what_moved_on_or_got_other_flags_is_left_out_and_named(job: Job) -> None:
    plan, document = _saved(job)
    before = job.mailboxes()
    planned = [one["uid"] for one in document["mailboxes"][0]["messages"]]
    gone, flagged = planned[0], planned[1]
    with _other_client(job) as client:
        client.uid("MOVE", str(gone), "Junk")
        client.uid("STORE", str(flagged), "+FLAGS", "(\\Draft)")
    touched = job.mailboxes()

    ended = job.run("apply", "--yes", str(plan), status=7)

    assert f"UID {gone}" in ended.out
    assert "it is no longer there" in ended.out
    assert f"UID {flagged}" in ended.out
    assert "its flags were changed; they are now" in ended.out
    after = job.mailboxes()
    (kept,) = [one for one in after["INBOX"] if one.uid == flagged]
    assert kept in touched["INBOX"]
    assert [one for one in after["INBOX"] if one.uid in planned and one.uid != flagged and one in before["INBOX"]] == []
    assert sum(map(len, after.values())) == sum(map(len, before.values())) + document["totals"]["by_kind"].get(
        "copy", 0
    )


def test_a_new_uidvalidity_voids_the_plan(job: Job) -> None:
    plan, _ = _saved(job)
    before = job.contents()
    for one in job.account.server.maildir(job.account.user).glob("dovecot*"):
        if one.name != "dovecot-keywords":
            one.unlink()

    ended = job.run("apply", "--yes", str(plan), status=7)

    assert "UIDVALIDITY was 1700000000 and is " in ended.out
    assert job.contents() == before
    expected = job.expected()
    job.run("run", "--once", "--yes")
    assert job.contents() == expected


def test_a_second_undo_finds_nothing_and_takes_nothing_back(job: Job) -> None:
    start = job.contents()
    job.run("run", "--once", "--yes")
    (run,) = json.loads(job.run("history", "--json").out)["runs"]

    job.run("undo", "--yes")
    undone = job.mailboxes()
    again = job.run("undo", "--yes", status=2)
    by_name = job.run("undo", run["id"], "--yes")

    assert contents_of(undone) == start
    assert "there is no run to take back" in again.err
    assert "Nothing to do" in by_name.out
    assert job.mailboxes() == undone


def test_only_one_at_a_time_may_act(job: Job) -> None:
    plan, _ = _saved(job)
    expected = job.expected()
    with Proxy(Line(server_port=job.account.port)) as proxy:
        job.configure(port=proxy.port)
        first = job.start("run", "--once", "--yes")
        proxy.wait_for(first, connections=1)
        first.send_signal(signal.SIGSTOP)
        refused = [job.run(*verb, status=1) for verb in (["run", "--once"], ["apply", str(plan), "--yes"], ["undo"])]
        first.send_signal(signal.SIGCONT)
        ended = ending_of(first)

    for other in refused:
        assert f"another mailrules is at work (run, process {first.pid})" in other.err
        assert "wait until it ends" in other.err
    assert ended.status == 0, ended.all
    assert job.contents() == expected
