"""What a second sweep asks, what is kept and for how long, and that no file on the disk can spoil a run."""

from __future__ import annotations

import fcntl
import os
import random
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from mailrules.cache.fact_cache import FactCache
from mailrules.mailbox.message import MessageFacts, Unreadable
from mailrules.testing.builders import Attachment, message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.memory_reader import MemoryReader
from tests.cache.sweeps import HOME, NOW, asked, cache_in, sweep
from tests.plan.planned import mail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mailrules.mailbox.message import UID, FactRequest
    from mailrules.testing.mail_state import MailAccount

FROM = "rules: [{name: a, if: {from: ann@example.org}, do: [{flag: flagged}]}]"
SUBJECT = "rules: [{name: a, if: {subject: {contains: nine}}, do: [{flag: flagged}]}]"
SIZE = "rules: [{name: a, if: {size: {over: 1}}, do: [{flag: seen}]}]"
BODY = "rules: [{name: a, if: {body: cheese}, do: [{flag: seen}]}]"
THREAD = "{name: a, if: {thread: {flag: flagged}}, do: [{keyword: $Watched}]}"
PDF = "rules: [{name: a, if: {attachment: {type: application/pdf}}, do: [{flag: seen}]}]"


def many(count: int = 60) -> MailAccount:
    account = mail(
        *(
            message(from_=f"{'ann' if number % 3 else 'bob'}@example.org", subject=f"number {number}", body="cheese")
            for number in range(count)
        )
    )
    account["INBOX"].recent.clear()
    return account


def reader_of(account: MailAccount, *, without: str = "") -> MemoryReader:
    return MemoryReader(account, account="home", capabilities=EVERY_CAPABILITY - {without})


async def test_a_second_sweep_of_an_unchanged_mailbox_asks_for_nothing(tmp_path: Path) -> None:
    account = many()
    first = await sweep(reader_of(account), FROM, cache_in(tmp_path))

    reader = reader_of(account)
    second = await sweep(reader, FROM, cache_in(tmp_path))

    assert second == first
    assert asked(reader) == []


async def test_what_has_changed_is_all_that_is_asked_with_condstore(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    await sweep(reader_of(account), FROM, cache)
    account["INBOX"].set_flags(7, frozenset({"\\Flagged"}))

    reader = reader_of(account)
    plan = await sweep(reader, FROM, cache)

    assert asked(reader) == [("fetch_changed", 0)]
    assert 7 not in {one.uid for one in plan.messages}
    assert await sweep(reader, FROM, cache) == plan
    assert asked(reader) == []


async def test_what_has_come_and_gone_is_asked_for_by_itself(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    await sweep(reader_of(account), FROM, cache)
    account.add("INBOX", message(from_="ann@example.org"))
    account["INBOX"].recent.clear()
    account["INBOX"].remove(5)

    reader = reader_of(account)
    plan = await sweep(reader, FROM, cache)

    # The last one tells of the new message what only an action needs.
    assert asked(reader) == [("fetch_changed", 0), ("fetch_from", 0), ("search_as_written", 0), ("fetch", 1)]
    assert plan == await sweep(reader_of(account), FROM)


async def test_without_condstore_the_flags_are_asked_and_nothing_else(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    await sweep(reader_of(account, without="CONDSTORE"), FROM, cache)

    reader = _TellingReader(account, account="home", capabilities=EVERY_CAPABILITY - {"CONDSTORE"})
    await sweep(reader, FROM, cache)

    assert [(bool(one.header_fields), count) for one, count in reader.told if count] == [(False, 60)]


@pytest.mark.parametrize("rules", [SUBJECT, SIZE, BODY, PDF])
async def test_other_rules_ask_only_for_what_they_read_besides(tmp_path: Path, rules: str) -> None:
    account, cache = many(), cache_in(tmp_path)
    account.add("INBOX", message(subject="nine", attachments=[Attachment(file_name="[a], (b)")]))
    account["INBOX"].recent.clear()
    await sweep(reader_of(account), FROM, cache)

    reader = _TellingReader(account, account="home")
    plan = await sweep(reader, rules, cache)

    assert plan.messages
    assert plan == await sweep(reader_of(account), rules)
    assert not any("from" in one.header_fields or one.flags for one, _ in reader.told)
    again = reader_of(account)
    assert await sweep(again, rules, cache) == plan
    assert asked(again) == []


async def test_what_could_not_be_read_is_asked_for_again(tmp_path: Path) -> None:
    account, cache = many(5), cache_in(tmp_path)
    await sweep(_FailingReader(account, account="home"), FROM, cache)

    plan = await sweep(reader_of(account), FROM, cache)

    assert plan == await sweep(reader_of(account), FROM)


async def test_what_is_kept_is_its_owners_alone(tmp_path: Path) -> None:
    os.umask(0o022)
    await sweep(reader_of(many()), FROM, cache_in(tmp_path))

    (file,) = _files(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    account = many()
    await sweep(reader_of(account), FROM, cache_in(tmp_path))
    (file,) = _files(tmp_path)
    file.chmod(0o644)

    await sweep(reader_of(account), FROM, cache_in(tmp_path))

    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def _cut_in_its_head(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _foreign(file: Path) -> None:
    file.write_bytes(b"SQLite format 3\0" + bytes(200))


def _of_the_future(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[16] += 1
    file.write_bytes(content)


def _with_something_behind(file: Path) -> None:
    file.write_bytes(file.read_bytes() + bytes(100))


def _of_another_account(file: Path) -> None:
    content = bytearray(file.read_bytes())
    at = content.index(b'"account": "') + 12
    content[at : at + 2] = b"zz"
    file.write_bytes(content)


def _a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _a_link(file: Path) -> None:
    file.rename(file.with_suffix(".elsewhere"))
    file.symlink_to(file.with_suffix(".elsewhere"))


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _open_to_all(file: Path) -> None:
    file.chmod(0o666)


def _gone(file: Path) -> None:
    file.unlink()


@pytest.mark.parametrize(
    "spoil",
    [
        _cut,
        _cut_in_its_head,
        _emptied,
        _foreign,
        _of_the_future,
        _with_something_behind,
        _of_another_account,
        _a_directory,
        _a_link,
        _a_pipe,
        _open_to_all,
        _gone,
    ],
)
async def test_a_spoilt_file_costs_a_fetch_and_is_made_anew(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    account = many()
    first = await sweep(reader_of(account), FROM, cache_in(tmp_path))
    (file,) = _files(tmp_path)
    spoil(file)

    with capture_logs() as logs:
        second = await sweep(reader_of(account), FROM, cache_in(tmp_path))

    assert second == first
    assert {one["event"] for one in logs} <= {"cache.dropped", "cache.unusable"}
    assert bool(logs) == (spoil not in {_cut, _emptied, _gone, _of_another_account})
    if spoil is not _a_directory:  # which somebody made, and is not ours to take away
        reader = reader_of(account)
        assert await sweep(reader, FROM, cache_in(tmp_path)) == first
        assert asked(reader) == []


async def test_no_byte_can_be_wrong_unseen(tmp_path: Path) -> None:
    account, chance = many(), random.Random(5)
    first = await sweep(reader_of(account), FROM, cache_in(tmp_path))
    (file,) = _files(tmp_path)
    good = file.read_bytes()

    for _ in range(60):
        spoilt = bytearray(good)
        spoilt[chance.randrange(len(good))] ^= 1 << chance.randrange(8)
        file.write_bytes(spoilt)
        with capture_logs():
            assert await sweep(reader_of(account), FROM, cache_in(tmp_path)) == first


async def test_where_nothing_can_be_written_the_run_goes_on(tmp_path: Path) -> None:
    account = many()
    (tmp_path / "file").write_text("")
    impossible = FactCache(tmp_path / "file" / "cache", limit_bytes=1 << 20)
    read_only = FactCache(Path("/sys/mailrules-cache"), limit_bytes=1 << 20)

    with capture_logs() as logs:
        plans = [await sweep(reader_of(account), FROM, cache) for cache in (impossible, impossible, read_only)]

    assert plans == [await sweep(reader_of(account), FROM)] * 3
    assert [(one["event"], one["log_level"]) for one in logs] == [
        ("cache.unusable", "warning"),
        ("cache.unusable", "info"),
    ]


async def test_who_finds_another_at_it_keeps_nothing(tmp_path: Path) -> None:
    account = many()
    await sweep(reader_of(account), FROM, cache_in(tmp_path))
    (file,) = _files(tmp_path)
    before = file.read_bytes()

    with file.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        await sweep(reader_of(account), SUBJECT, cache_in(tmp_path))

    assert file.read_bytes() == before


async def test_two_at_once_add_to_the_same_file(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    reader = reader_of(account)
    status = await reader.open("INBOX")
    one = cache.open(HOME, status, now=NOW)
    assert one is not None
    await sweep(reader_of(account), FROM, cache)

    await sweep(reader_of(account), SUBJECT, cache_in(tmp_path))

    one.close()
    for rules in (FROM, SUBJECT):
        reader = reader_of(account)
        await sweep(reader, rules, cache)
        assert asked(reader) == []


async def test_what_was_not_read_for_longest_makes_room(tmp_path: Path) -> None:
    account = many()
    for name in ("Old", "New"):
        account.create(name)
        account.fill(name, [])
        for number in range(60):
            account.add(name, message(subject=f"{name} {number}", message_id=f"<{number}@{name}>"))
    await sweep(reader_of(account), FROM, cache_in(tmp_path), mailbox="Old", now=NOW)
    (old,) = _files(tmp_path)
    os.utime(old, (0, NOW.timestamp() - 90_000))
    limit = old.stat().st_size + 200

    await sweep(reader_of(account), FROM, cache_in(tmp_path, limit_bytes=limit), mailbox="New")

    assert not old.exists()
    assert sum(file.stat().st_size for file in _files(tmp_path)) <= limit


async def test_what_is_larger_than_all_the_room_is_not_kept(tmp_path: Path) -> None:
    await sweep(reader_of(many()), FROM, cache_in(tmp_path, limit_bytes=300))

    assert sum(file.stat().st_size for file in _files(tmp_path)) <= 300


async def test_an_account_that_may_keep_nothing_writes_nothing(tmp_path: Path) -> None:
    reader = reader_of(many())
    status = await reader.open("INBOX")

    assert cache_in(tmp_path).open(replace(HOME, cache=False), status, now=NOW) is None
    assert not (tmp_path / "cache").exists()


async def test_what_was_kept_goes_when_it_may_not_be_kept_any_more(tmp_path: Path) -> None:
    cache = cache_in(tmp_path)
    await sweep(reader_of(many()), FROM, cache)

    cache.forget_missing([(replace(HOME, name="other", user="another"), ["INBOX"])], now=NOW)
    assert len(_files(tmp_path)) == 1
    cache.forget_missing([(replace(HOME, cache=False), ["INBOX"])], now=NOW)
    assert _files(tmp_path) == []


async def test_the_facts_of_a_mailbox_that_is_gone_go_and_so_do_old_ones(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    account.create("Work")
    account.add("Work", message())
    await sweep(reader_of(account), FROM, cache)
    await sweep(reader_of(account), FROM, cache, mailbox="Work")

    cache.forget_missing([(HOME, ["INBOX"])], now=NOW)
    assert len(_files(tmp_path)) == 1
    cache.forget_missing([(HOME, ["INBOX"])], now=NOW + timedelta(days=5000))
    assert _files(tmp_path) == []


async def test_a_mailbox_that_is_renamed_keeps_its_facts_where_the_server_names_it_for_ever(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    account.create("Work")
    for number in range(60):
        account.add("Work", message(subject=f"{number}"))
    await sweep(reader_of(account), FROM, cache, mailbox="Work")
    account.rename("Work", "Play")

    reader = reader_of(account)
    plan = await sweep(reader, FROM, cache, mailbox="Play")

    assert asked(reader) == []
    assert plan.messages
    cache.forget_missing([(HOME, ["Play"])], now=NOW)
    assert len(_files(tmp_path)) == 1


async def test_a_mailbox_that_has_gone_back_in_time_is_read_anew(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    await sweep(reader_of(account), FROM, cache)
    inbox = account["INBOX"]
    inbox.messages.clear()
    inbox.uidnext = inbox.highest_modseq = 1
    account.add("INBOX", message(from_="bob@example.org"))

    with capture_logs() as logs:
        plan = await sweep(reader_of(account), FROM, cache)

    assert plan.messages == ()
    assert [one["event"] for one in logs] == ["cache.dropped"]


async def test_a_file_that_grows_message_by_message_stays_small(tmp_path: Path) -> None:
    account, cache = mail(), cache_in(tmp_path)
    for number in range(150):
        account.add("INBOX", message(subject=f"number {number}", from_=f"{number % 7}@example.org"))
        account["INBOX"].recent.clear()
        await sweep(reader_of(account), FROM, cache)
        if number > 30:
            account["INBOX"].remove(min(account["INBOX"].messages))
    (file,) = _files(tmp_path)

    reader = reader_of(account)
    status = await reader.open("INBOX")
    kept = cache.open(HOME, status, now=NOW)
    assert kept is not None
    assert max(len(records) for records in kept.records.values()) <= 8
    kept.close()
    assert file.stat().st_size < 150_000
    assert await sweep(reader, FROM, cache) == await sweep(reader_of(account), FROM)


@pytest.mark.parametrize(
    "rules", ["rules: [{name: a, if: {not: {flag: seen}}, do: [{trash: true}]}]", f"rules: [{THREAD}]"]
)
async def test_a_server_that_hides_a_change_of_flags_misleads_no_run_that_acts(tmp_path: Path, rules: str) -> None:
    account, cache = many(), cache_in(tmp_path)
    account["INBOX"].set_flags(9, frozenset({"\\Flagged"}))
    await sweep(reader_of(account), rules, cache)
    for uid in (7, 9):
        account["INBOX"].messages[uid].flags = frozenset({"\\Seen"})  # and no MODSEQ tells of it

    with capture_logs() as logs:
        plan = await sweep(reader_of(account), rules, cache, acts=True)

    assert plan == await sweep(reader_of(account), rules)
    assert {one["event"] for one in logs} <= {"flags.outdated"}
    assert plan == await sweep(reader_of(account), rules, cache)


async def test_a_run_that_acts_asks_once_more_for_the_flags_of_what_it_acts_on(tmp_path: Path) -> None:
    account, cache = many(), cache_in(tmp_path)
    await sweep(reader_of(account), FROM, cache)

    reader = reader_of(account)
    plan = await sweep(reader, FROM, cache, acts=True)

    assert asked(reader) == [("fetch", len(plan.messages))]


class _TellingReader(MemoryReader):
    """Also tells which facts were asked, and of how many messages they were told."""

    @property
    def told(self) -> list[tuple[FactRequest, int]]:
        return self.__dict__.setdefault("_told", [])

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        facts = await super().fetch(request, uids)
        self.told.append((request, len(facts)))
        return facts

    async def fetch_from(self, request: FactRequest, first_uid: UID) -> list[MessageFacts]:
        facts = await super().fetch_from(request, first_uid)
        self.told.append((request, len(facts)))
        return facts


class _FailingReader(MemoryReader):
    """A server that has a bad moment: it cannot show a header."""

    async def fetch(self, request: FactRequest, uids: Sequence[UID] | None = None) -> list[MessageFacts]:
        facts = await super().fetch(request, uids)
        for one in facts:
            if request.header_fields:
                one.header = Unreadable(reason="the server sent no BODY")
        return facts


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "cache").glob("*.facts"))
