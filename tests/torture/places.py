"""Mailboxes that become others: a new UIDVALIDITY, recreated, renamed, deleted, before each of our commands.

``N-reset``: INBOX gets a new UIDVALIDITY over the same UIDs, as a lost index does; ``N-swap``: and other people's
mail has the old UIDs by then, our letters have new ones; ``N-reset-target``, ``N-recreate-target``,
``N-rename-target``, ``N-delete-target``: the same for where mail goes, at Archive. Whoever has INBOX open is told
BYE. ``N-reset-unseen``: nobody is told, as where an index is lost under a running server.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.testing.builders import message
from tests.torture.cases import Copy, contents_of, letter_names
from tests.torture.judge import judge
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.undisturbed import course_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.torture.cases import Case

TARGET = "Archive"
_ACTS = ("reset", "swap", "reset-target", "recreate-target", "rename-target", "delete-target")


class Places:
    """The suite."""

    name, noun = "places", "changed mailboxes"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                for number in range(1, (await course_of(case, profile)).calls + 1):
                    whats = [f"{number}-{act}" for act in (*_ACTS, "reset-unseen")]
                    points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            number, _, act = point.what.partition("-")
            change = Change(world, act=act, at=int(number))
            world.between = change
            await world.run_through()
            world.between = None
            await world.run_through()
            findings = judge(world.evidence(), is_settled=False)
            return Attempt(findings=findings, story=story_of(world) if findings else "", is_tried=change.is_done)
        finally:
            await world.close()


class Change:
    """Something becomes of a mailbox, once, before a command of ours."""

    def __init__(self, world: World, *, act: str, at: int) -> None:
        self._world, self._act, self._at = world, act.removesuffix("-unseen"), at
        # We have INBOX open, not where mail goes.
        self._is_told = act in {"reset", "swap"}
        self._calls = 0
        self.is_done = False

    def __call__(self, _call: str) -> None:
        self._calls += 1
        if self._calls != self._at:
            return
        self.is_done = True
        self._world.wire.say(0, f"(somebody else: {self._act})")
        getattr(self, "_" + self._act.replace("-", "_"))()
        if self._is_told and self._world.stores:
            self._world.stores[-1].lost = True

    def _reset(self) -> None:
        self._world.mail.change_uidvalidity("INBOX")

    def _swap(self) -> None:
        """As if the mailbox were restored from a backup in another order."""
        inbox = self._world.mail["INBOX"]
        old = list(inbox.messages.values())
        for number, stored in enumerate(old, 1):
            inbox.remove(stored.uid)
            content = message(subject="other", message_id=f"<other-{number}@example.org>", body="theirs\r\n")
            inbox.messages[stored.uid] = replace(
                stored,
                content=content,
                flags=frozenset(),
                modseq=inbox.highest_modseq,
                object_id=f"other{number}",
            )
            before = self._world.before.setdefault("INBOX", Counter())
            before[Copy(f"? {content[:60]!r}", frozenset())] += 1
        for stored in old:
            inbox.add(stored.content, flags=stored.flags, received=stored.received, object_id=stored.object_id)
        self._world.mail.change_uidvalidity("INBOX")

    def _reset_target(self) -> None:
        self._world.mail.change_uidvalidity(TARGET)

    def _recreate_target(self) -> None:
        self._delete_target()
        self._world.mail.create(TARGET)

    def _rename_target(self) -> None:
        world = self._world
        world.mail.rename(TARGET, "Renamed")
        world.before["Renamed"] = world.before.pop(TARGET, Counter())
        for letter in world.case.letters:
            world.person.moved_to[letter.name].add("Renamed")
            world.person.copied[letter.name] += 0

    def _delete_target(self) -> None:
        """With all that is in it: whoever deletes it removes that mail, and not we."""
        world = self._world
        names = letter_names(world.case)
        for copy, count in contents_of(world.mail, world.case)[TARGET].items():
            if copy.letter in names.values():
                world.person.expunged[copy.letter] += count
        world.mail.delete(TARGET)
        world.before.pop(TARGET, None)
