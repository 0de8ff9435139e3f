"""A plan made with the cache is the plan made without, whatever happens to the mailbox between and during sweeps."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from mailrules.testing.builders import Attachment, message
from mailrules.testing.capabilities import EVERY_CAPABILITY
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.memory_reader import MemoryReader
from tests.cache.sweeps import cache_in, sweep

_EVERY = "{name: z, if: {always: true}, do: [{keyword: $All}]}"  # so that each message's flags are in the plan
RULES = [
    f"rules: [{rules}, {_EVERY}]"
    for rules in (
        "{name: a, if: {from: ann@example.org}, do: [{flag: flagged}]}",
        "{name: a, if: {subject: {contains: list}}, do: [{copy: Archive}]}",
        "{name: a, if: {flag: seen}, do: [{keyword: $Done}]}, {name: b, if: {body: cheese}, do: [{copy: Junk}]}",
        "{name: a, if: {size: {over: 900}}, do: [{flag: seen}]}",
        "{name: a, if: {attachment: {type: application/pdf}}, do: [{move: Archive}]}",
        "{name: a, if: {received: {before: 2025-03-05}, sent: {after: 2025-01-01}}, do: [{flag: answered}]}",
        "{name: a, if: {duplicate: true}, do: [{keyword: $Twice}]}",
        "{name: a, if: {thread: {flag: flagged}}, do: [{keyword: $Watched}]}",
        "{name: a, if: {first_seen: true}, do: [{keyword: $New}]}",
        "{name: a, if: {not: {flag: flagged}, header: {name: X-Odd, exists: true}}, do: [{trash: true}]}",
    )
]
CONTENTS = [
    message(message_id="<1@x>"),
    message(
        from_="Bob <bob@example.org>", subject="[list] hello", message_id="<2@x>", headers={"In-Reply-To": "<1@x>"}
    ),
    message(subject=b"raw \xe9\xff", body="some cheese\r\n" * 40, message_id=None, date=None),
    message(message_id="<1@x>", headers=[("X-Odd", "a"), ("X-Odd", "=?utf-8?q?b?=\r\n c")], html="<p>cheese</p>"),
    message(attachments=[Attachment(file_name="bill [1].pdf")], message_id="<5@x>"),
    b"no header at all, \x00 and nothing else",
]
FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Flagged", "\\Deleted", "$Done", "\\Recent"]), max_size=2)
CHANGES = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from(CONTENTS), FLAGS),
    st.tuples(st.just("arrive"), st.sampled_from(CONTENTS), FLAGS),
    st.tuples(st.just("flags"), st.integers(0, 20), FLAGS),
    st.tuples(st.just("expunge"), st.integers(0, 20), st.none()),
    st.tuples(st.just("uidvalidity"), st.none(), st.none()),
    st.tuples(st.just("rename"), st.none(), st.none()),
    st.tuples(st.just("made anew"), st.none(), st.none()),
)
SMALL_CHANGES = st.one_of(
    st.tuples(st.just("arrive"), st.sampled_from(CONTENTS), FLAGS),
    st.tuples(st.just("flags"), st.integers(0, 20), FLAGS),
    st.tuples(st.just("expunge"), st.integers(0, 20), st.none()),
)


@dataclass(frozen=True)
class Round:
    """What happens, then a sweep; ``meanwhile`` strikes in another sweep before that, at these calls."""

    changes: list[tuple[str, object, object]]
    rules: str
    stays: bool
    meanwhile: dict[int, tuple[str, object, object]]


ROUNDS = st.builds(
    Round,
    changes=st.lists(CHANGES, max_size=3),
    rules=st.sampled_from(RULES),
    stays=st.booleans(),
    meanwhile=st.one_of(st.just({}), st.dictionaries(st.integers(2, 6), SMALL_CHANGES, max_size=3)),
)
CAPABILITIES = st.sampled_from(
    [EVERY_CAPABILITY, EVERY_CAPABILITY - {"CONDSTORE"}, EVERY_CAPABILITY - {"OBJECTID"}, frozenset({"IMAP4REV1"})]
)


class World:
    """One account, whose one mailbox is judged under the name that it has by now."""

    def __init__(self) -> None:
        self.mail = MailAccount()
        self.name = "Work"
        self.mail.create(self.name)

    def change(self, kind: str, what: object, flags: object) -> None:
        mailbox = self.mail[self.name]
        uids = sorted(mailbox.messages)
        if kind == "arrive":
            assert isinstance(what, bytes)
            assert isinstance(flags, frozenset)
            self.mail.add(self.name, what, flags=flags)
        elif kind == "flags" and uids:
            assert isinstance(what, int)
            assert isinstance(flags, frozenset)
            mailbox.set_flags(uids[what % len(uids)], flags)
        elif kind == "expunge" and uids:
            assert isinstance(what, int)
            mailbox.remove(uids[what % len(uids)])
        elif kind == "uidvalidity":
            self.mail.change_uidvalidity(self.name)
            for uid, stored in mailbox.messages.items():
                stored.content = CONTENTS[uid % len(CONTENTS)]  # the same numbers, other messages
        elif kind == "rename":
            other = "Other" if self.name == "Work" else "Work"
            self.mail.rename(self.name, other)
            self.name = other
        elif kind == "made anew":
            self.mail.delete(self.name)
            self.mail.create(self.name)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(capabilities=CAPABILITIES, rounds=st.lists(ROUNDS, min_size=3, max_size=8))
def test_with_the_cache_and_without(capabilities: frozenset[str], rounds: list[Round]) -> None:
    with TemporaryDirectory() as folder:
        asyncio.run(_live(Path(folder), capabilities, rounds))


async def _live(folder: Path, capabilities: frozenset[str], rounds: list[Round]) -> None:
    world, cache = World(), cache_in(folder)
    for content in CONTENTS:
        world.mail.add(world.name, content)

    def connect() -> MemoryReader:
        return MemoryReader(world.mail, account="home", capabilities=capabilities)

    staying = connect()
    for one in rounds:
        for change in one.changes:
            world.change(*change)
            if change[0] in {"uidvalidity", "made anew", "rename"}:
                staying = connect()
        if one.meanwhile:
            disturbed = connect()
            disturbed.before_call = _Meddler(world, one.meanwhile)
            await sweep(disturbed, one.rules, cache, mailbox=world.name)
        # The one that stays open is not told anew how the mailbox is, as a daemon is not.
        reader = staying if one.stays else connect()
        with_it = await sweep(reader, one.rules, cache, mailbox=world.name, opens=not one.stays)
        without = await sweep(connect(), one.rules, mailbox=world.name)

        assert with_it == without


class _Meddler:
    """A second client that changes the mailbox between two of our calls."""

    def __init__(self, world: World, meanwhile: dict[int, tuple[str, object, object]]) -> None:
        self._world, self._meanwhile, self._calls = world, meanwhile, 0

    def __call__(self, name: str) -> None:
        del name
        self._calls += 1
        if self._calls in self._meanwhile:
            self._world.change(*self._meanwhile[self._calls])
