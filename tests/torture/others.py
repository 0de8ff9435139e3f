"""A second client that acts between any two of our commands.

``N-ACT-LETTER``: before our N-th command somebody flags, unflags, moves, copies or expunges one letter in INBOX,
copies it to where a rule copies it (``copytoo``), or puts a look-alike of it (same Message-ID, date and size, other
words) where the letter is to go; ``-lost`` after it means that the command which we send then never arrives and the
connection is lost.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.torture.cases import DELETED, added, contents_of, goes_to, letter_names, removed
from tests.torture.judge import Broken, Finding, judge
from tests.torture.recording import Ending, Strike
from tests.torture.suites import Attempt, Point, story_of
from tests.torture.undisturbed import course_of
from tests.torture.world import World

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.testing.mail_state import StoredMessage
    from tests.torture.cases import Case, Letter

ELSEWHERE = "Elsewhere"
_THEIRS = "\\Answered"
ACTS = ("flag", "unflag", "move", "copy", "copytoo", "expunge", "lookalike")


class Others:
    """The suite."""

    name, noun = "others", "second clients"

    def __init__(self, world_type: type[World] = World) -> None:
        self._world_type = world_type

    async def points(self, cases: Iterable[Case], profiles: Iterable[str]) -> list[Point]:
        points, names = [], tuple(profiles)
        for case in cases:
            for profile in names:
                for number in range(1, (await course_of(case, profile)).calls + 1):
                    whats = [f"{number}-{act}-{letter.name}" for act in ACTS for letter in case.letters]
                    whats += [f"{number}-{act}-{letter.name}-lost" for act in ACTS for letter in case.letters]
                    points += [Point(suite=self.name, case=case, profile=profile, what=what) for what in whats]
        return points

    async def attempt(self, point: Point) -> Attempt:
        world = self._world_type(point.case, point.profile)
        try:
            number, act, name, *lost = point.what.split("-")
            letter = point.case.letter(name)
            assert letter is not None
            world.mail.create(ELSEWHERE)
            world.before = contents_of(world.mail, world.case)
            if lost:
                world.strike = Strike(nth=int(number), ending=Ending.NEVER)
            world.between = other = SecondClient(world, letter=letter, act=act, at=int(number))
            await world.run_through()
            world.between = None
            # What a lost connection has left halfway, the next run finishes.
            findings = [] if lost else judge(world.evidence(), is_settled=False)
            if other.is_protected and not findings and other.is_gone:
                findings = [Finding(what=Broken.LOST, words=f"{name} was deleted, though a person had just flagged it")]
            await world.run_through()
            findings = findings or judge(world.evidence())
            return Attempt(findings=findings, story=story_of(world) if findings else "", is_tried=other.has_acted)
        finally:
            await world.close()


class SecondClient:
    """Somebody who acts once, before a command of ours."""

    def __init__(self, world: World, *, letter: Letter, act: str, at: int) -> None:
        self._world, self._letter, self._act, self._at = world, letter, act, at
        self._is_told_of_copies = "UIDPLUS" in world.capabilities and world.strike is None
        self._calls = 0
        self.has_acted = False
        self.is_protected = False
        """The letter was flagged after it was judged, and on this server we can tell."""

    def __call__(self, _call: str) -> None:
        self._calls += 1
        if self._calls == self._at:
            self.has_acted = self._do()
            if self.has_acted:
                self._world.wire.say(0, f"(somebody else: {self._act} {self._letter.name})")

    @property
    def is_gone(self) -> bool:
        return self._find() is None

    def _do(self) -> bool:
        world, name, person = self._world, self._letter.name, self._world.person
        inbox, found = world.mail["INBOX"], self._find()
        if self._act == "lookalike":
            return self._put_lookalike()
        if found is None or DELETED in found.flags:
            return False
        match self._act:
            case "flag":
                inbox.set_flags(found.uid, found.flags | {_THEIRS})
                person.may_have.add(_THEIRS)
                if "MOVE" in world.capabilities or not goes_to(self._letter):
                    # Else it may come between our copy, which has it not, and our expunge.
                    person.flags_set[name].add(_THEIRS)
                self.is_protected = self._tells_of_changes()
            case "unflag":
                flags = (found.flags & {"\\Seen", "\\Flagged"}) - added(self._letter) - removed(self._letter)
                if not flags:
                    return False
                inbox.set_flags(found.uid, found.flags - flags)
                person.flags_taken[name] |= flags
            case "move":
                world.mail.copy(inbox, found.uid, world.mail[ELSEWHERE])
                inbox.remove(found.uid)
                person.moved_to[name].add(ELSEWHERE)
                if goes_to(self._letter) and "MOVE" not in world.capabilities:
                    # Between our copy and our expunge nobody can tell us: it is then where each wanted it.
                    person.copied[name] += 1
            case "copy" | "copytoo":
                target = _copied_to(self._letter) if self._act == "copytoo" else ELSEWHERE
                if target not in world.mail:
                    return False
                world.mail.copy(inbox, found.uid, world.mail[target])
                person.copied[name] += 1
                # Where no COPYUID tells ours from theirs, theirs counts for ours.
                person.must_keep = self._act == "copy" or self._is_told_of_copies
                person.moved_to[name].add(target)
            case _:
                inbox.remove(found.uid)
                person.expunged[name] += 1
                # Without MOVE it may be too late: our copy is in the target by then.
                person.must_stay_gone = "MOVE" in world.capabilities or not goes_to(self._letter)
        return True

    def _put_lookalike(self) -> bool:
        target, found = goes_to(self._letter), self._find()
        if not target or target not in self._world.mail or found is None:
            return False
        fake = found.content[:-12] + b"X" * 10 + b"\r\n"
        self._world.mail.add(target, fake, received=found.received)
        added_one = contents_of(self._world.mail, self._world.case)[target]
        before = self._world.before.setdefault(target, Counter())
        for copy in added_one:
            if copy.letter.startswith("?") and copy not in before:
                before[copy] += 1  # it is somebody's mail, and stays
        return True

    def _find(self) -> StoredMessage | None:
        names = letter_names(self._world.case)
        messages = self._world.mail["INBOX"].messages.values()
        return next((one for one in messages if names.get(one.content) == self._letter.name), None)

    def _tells_of_changes(self) -> bool:
        was_judged = bool(self._world.stores) and any(call.name == "fetch" for call in self._world.stores[-1].calls)
        return (
            was_judged
            and "CONDSTORE" in self._world.capabilities
            and "delete" in self._letter.wishes
            and not added(self._letter)
            and not removed(self._letter)
        )


def _copied_to(letter: Letter) -> str:
    """Where a rule copies it, too."""
    return next((wish.split()[1] for wish in letter.wishes if wish.startswith("copy ")), "")
