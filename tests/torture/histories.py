"""Random histories against the reference model: any mail, any wishes, any server, any faults one after the other.

``hypothesis`` draws them and makes them smaller; all rules stand in every configuration, so that it is compiled once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.torture.cases import PROFILES, Case, Letter
from tests.torture.judge import Finding, judge
from tests.torture.kills import quiet
from tests.torture.recording import Ending, Refusal, Strike
from tests.torture.suites import story_of
from tests.torture.watching import WatchingWorld
from tests.torture.world import Death, World

if TYPE_CHECKING:
    from tests.torture.suites import Tally

_FLAGS = ("+seen", "+flagged", "+$Work", "-seen", "-$Old")
_COPIES = ("copy Junk", "copy Kept", "copy New/deep")
_ENDS = ("", "move Archive", "move Lists/a", "trash", "delete")
_ALL = (*_FLAGS, *_COPIES, "ring", *_ENDS[1:])
_MOST_EVENTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One run, and what happens in it: a word of ``_WORDS`` at the ``number``-th occasion, or nothing."""

    word: str = ""
    number: int = 1
    is_daemon: bool = False


_WORDS = ("", "before", "after", *(ending.value for ending in Ending), "kill", "no", "part", "bad")


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Letters, a server, and a few runs with their faults; a run without any comes at the end."""

    letters: tuple[Letter, ...]
    profile: str
    events: tuple[Event, ...]


@st.composite
def letters(draw: st.DrawFn) -> tuple[Letter, ...]:
    """Up to four letters, each with wishes that do not contradict each other."""
    made = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        wishes = [
            *draw(st.lists(st.sampled_from(_FLAGS), max_size=2, unique_by=lambda wish: wish[1:])),
            *draw(st.lists(st.sampled_from(_COPIES), max_size=2, unique=True)),
            *(["ring"] if draw(st.booleans()) else []),
        ]
        end = draw(st.sampled_from(_ENDS))
        had = frozenset({"\\Seen", "$Old"}) if draw(st.booleans()) else frozenset()
        # Equal letters share what is done once for a content; only where they go is asked of each.
        times = draw(st.sampled_from((1, 1, 1, 2))) if end and not set(wishes) & {*_COPIES, "ring"} else 1
        made.append(Letter(name=f"m{number}", wishes=(*wishes, end) if end else tuple(wishes), flags=had, times=times))
    return tuple(made)


histories = st.builds(
    History,
    letters=letters(),
    profile=st.sampled_from(sorted(PROFILES)),
    events=st.lists(
        st.builds(Event, word=st.sampled_from(_WORDS), number=st.integers(1, 24), is_daemon=st.just(False)),
        min_size=1,
        max_size=_MOST_EVENTS,
    ).map(tuple),
)


async def live(history: History) -> tuple[list[Finding], str]:
    """Live through it; what the judge finds, and the story."""
    case = Case(name="history", letters=history.letters, more_wishes=_ALL)
    kind = WatchingWorld if any(event.is_daemon for event in history.events) else World
    world = kind(case, history.profile)
    try:
        for event in history.events:
            _set_up(world, event)
            await world.run_through()
            world.wire.say(0, f"({event.word or 'a run'} {event.number})")
            await world.restart()
        await world.run_through()
        await world.wait(0)
        findings = judge(world.evidence()) or await quiet(world)
        return findings, story_of(world) if findings else ""
    finally:
        await world.close()


def _set_up(world: World, event: Event) -> None:
    match event.word:
        case "":
            pass
        case "before" | "after":
            world.death = Death(at_write=event.number, is_written=event.word == "after")
        case "no" | "part":
            world.refusal = Refusal(nth=event.number, code="INUSE", has_begun=event.word == "part")
        case "bad":
            world.refusal = Refusal(nth=event.number, status="BAD")
        case "kill":
            world.strike = Strike(nth=event.number, ending=Ending.DONE, kills=True)
        case _:
            world.strike = Strike(nth=event.number, ending=Ending(event.word))


def try_histories(count: int, tally: Tally) -> None:
    """Draw and judge so many. Raises AssertionError with the smallest that breaks a promise."""

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(histories)
    def lived(history: History) -> None:
        findings, story = asyncio.run(live(history))
        tally.tried["histories"] += 1
        tally.found.update(str(one.what) for one in findings)
        assert not findings, f"{history}\n" + "\n".join(map(str, findings)) + f"\n{story}"

    lived()
