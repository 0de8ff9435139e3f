"""The claims about speed, as ratios within one run: ``make bench``, or ``python -m tests.bench SECTION ...``.

Sections: speed, line, batches, kept, turns, judging, scale, retention, again; all without arguments. The exit status
is 1 if a claim does not hold.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.bench import again, before, judging, retention, turns
from tests.bench.contenders import (
    Place,
    floor,
    floor_by_250,
    floor_by_500,
    imapclient,
    imapfilter,
    mailrules,
    seconds_of,
)
from tests.jobs import large_mailbox
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_state import contents_of, read_mailboxes
from tests.servers.proxy import Line, Proxy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers.mailbox_state import SeenMessage

ROUNDS = 5
LINE_ROUNDS = 3
WARM_UP_MESSAGES = 1000  # some for every rule, which the script by hand takes for granted
ROUND_TRIP_SECONDS = 0.05
BITS_PER_SECOND = 20_000_000


class Bench:
    """One server and one folder for everything that is compared."""

    def __init__(self, server: Dovecot, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._users = 0
        self._holds = True
        for contender in (mailrules, imapclient):  # off the clock: Python makes its byte code, if there is none yet
            seconds_of(contender, self._place(self._account(WARM_UP_MESSAGES), port=server.port))

    def speed(self) -> None:
        """The whole job on loopback, turn by turn, so that a drifting machine slows all alike."""
        contenders = (floor, floor_by_250, floor_by_500, mailrules, imapclient, imapfilter)
        times = self._compare(contenders, rounds=ROUNDS, port=self._server.port)
        for contender in contenders:
            self._tell(f"{contender.__name__:<13}{median(times[contender.__name__]):6.2f} s")
        self._claim("mailrules / IMAPClient script", times, "mailrules", "imapclient", most=1.0)
        self._claim("mailrules / imapfilter", times, "mailrules", "imapfilter", most=1 / 3)
        self._claim("IMAPClient script / floor", times, "imapclient", "floor")
        self._claim("mailrules / floor", times, "mailrules", "floor")
        self._claim("floor / imapfilter", times, "floor", "imapfilter")
        # What no client can be faster than that keeps to so many messages in a command (docs/decisions/0005).
        self._claim("floor in commands of 250 messages / imapfilter", times, "floor_by_250", "imapfilter")
        self._claim("floor in commands of 500 messages / imapfilter", times, "floor_by_500", "imapfilter")

    def line(self) -> None:
        """The same job over a line of 50 ms round trip and 20 Mbit/s."""
        line = Line(
            server_port=self._server.port, round_trip_seconds=ROUND_TRIP_SECONDS, bits_per_second=BITS_PER_SECOND
        )
        with Proxy(line) as proxy:
            times = self._compare((mailrules, imapclient), rounds=LINE_ROUNDS, port=proxy.port)
        for name, seconds in times.items():
            self._tell(f"{name:<12}{median(seconds):6.2f} s over the line")
        self._claim("mailrules / IMAPClient script, over the line", times, "mailrules", "imapclient", most=0.65)

    def batches(self) -> None:
        """What it costs the server to get its work in pieces (docs/decisions/0005)."""
        times = self._compare((floor, floor_by_250, floor_by_500), rounds=ROUNDS, port=self._server.port)
        self._claim("commands of 250 messages / whole sets", times, "floor_by_250", "floor")
        self._claim("commands of 500 messages / whole sets", times, "floor_by_500", "floor")

    def kept(self) -> None:
        """The whole job by this program and by the one before all the promises about crashes, turn by turn."""
        tree = before.unpack(self._folder)

        def as_before(place: Place) -> list[str]:
            return before.command(tree, place)

        seconds_of(as_before, self._place(self._account(WARM_UP_MESSAGES), port=self._server.port))
        times = self._compare((mailrules, as_before), rounds=ROUNDS, port=self._server.port)
        for name, seconds in times.items():
            self._tell(f"{name:<12}{median(seconds):6.2f} s")
        self._claim("mailrules / as before the promises", times, "mailrules", "as_before", most=1.1)

    def turns(self) -> None:
        """Round trips, counted."""
        user = self._account(large_mailbox.MESSAGES)
        reading = turns.reading_turns(self._server, user, self._folder)
        self._check("turns of reading", reading, most=turns.MOST_READING)
        arrival = asyncio.run(turns.arrival_turns(self._server, self._account(1), self._folder))
        self._check("turns from a new message's news to its move", arrival, most=turns.MOST_ARRIVAL)

    def judging(self) -> None:
        """1,000 rules against 10."""
        self._holds &= judging.main() == 0

    def scale(self) -> None:
        """1,000 and 10,000 rules over 100,000 messages."""
        self._holds &= judging.scale() == 0

    def again(self) -> None:
        """A second dry run of all rules over a large mailbox, over the slow line; the memory of the first."""
        line = Line(
            server_port=self._server.port, round_trip_seconds=ROUND_TRIP_SECONDS, bits_per_second=BITS_PER_SECOND
        )
        with Proxy(line) as proxy:
            times, peak = again.measure(self._server, self._folder, port=proxy.port)
        for told in again.tell(times):
            self._tell(told)
        self._claim("again: mailrules / IMAPClient script", times, "mailrules", "imapclient")
        self._claim("again: mailrules / imapfilter", times, "mailrules", "imapfilter")
        self._check("again: seconds of mailrules", median(times["mailrules"]), most=again.MOST_SECONDS)
        self._check("again: MiB of a first dry run", peak, most=again.MOST_MEBIBYTES)

    def retention(self) -> None:
        """A sweep of a large mailbox, of which one message in a hundred is concerned, over the slow line."""
        line = Line(
            server_port=self._server.port, round_trip_seconds=ROUND_TRIP_SECONDS, bits_per_second=BITS_PER_SECOND
        )
        with Proxy(line) as proxy:
            times = retention.measure(self._server, self._folder, port=proxy.port)
        for told in retention.tell(times):
            self._tell(told)
        self._claim("retention: mailrules / IMAPClient script", times, "mailrules", "imapclient")
        self._claim("retention: mailrules / imapfilter", times, "mailrules", "imapfilter")
        self._check("retention: seconds of mailrules", median(times["mailrules"]), most=retention.MOST_SECONDS)

    @property
    def holds(self) -> bool:
        """Whether every claim so far held."""
        return self._holds

    def _compare(
        self, contenders: tuple[Callable[[Place], list[str]], ...], *, rounds: int, port: int
    ) -> dict[str, list[float]]:
        """Seconds of each; every round does the job on fresh accounts, and all must end in the same state."""
        times: dict[str, list[float]] = {contender.__name__: [] for contender in contenders}
        for _ in range(rounds):
            states = []
            for contender in contenders:
                user = self._account(large_mailbox.MESSAGES)
                times[contender.__name__].append(seconds_of(contender, self._place(user, port=port)))
                states.append(contents_of(self._read(user)))
            if any(state != states[0] for state in states):
                raise RuntimeError("the contenders did not end in the same state; their times mean nothing")
        return times

    def _place(self, user: str, *, port: int) -> Place:
        is_remote = port != self._server.port
        return Place(server=self._server, user=user, port=port, folder=self._folder, is_remote=is_remote)

    def _account(self, messages: int) -> str:
        """A new account, its mail already known to the server: indexing is nobody's time."""
        self._users += 1
        user = f"bench-{self._users}"
        self._server.fill(user, "INBOX", large_mailbox.messages(messages))
        self._read(user)
        return user

    def _read(self, user: str) -> dict[str, tuple[SeenMessage, ...]]:
        return read_mailboxes(
            host="127.0.0.1", port=self._server.port, user=user, password=self._server.password_file.read_text()
        )

    def _claim(
        self, what: str, times: dict[str, list[float]], ours: str, theirs: str, *, most: float | None = None
    ) -> None:
        """Tell a ratio, the median of the rounds' own; a claim where there is a limit."""
        ratio = median(one / other for one, other in zip(times[ours], times[theirs], strict=True))
        if most is None:
            self._tell(f"{what}: {ratio:.2f}")
        else:
            self._check(what, ratio, most=most)

    def _check(self, what: str, value: float, *, most: float) -> None:
        holds = value <= most
        self._holds &= holds
        self._tell(f"{what}: {value:.2f} (at most {most:.2f}){'' if holds else '  DOES NOT HOLD'}")

    @staticmethod
    def _tell(line: str) -> None:
        print(line, flush=True)


def main(sections: list[str]) -> int:
    with Dovecot() as server, TemporaryDirectory() as folder:
        bench = Bench(server, Path(folder))
        for section in sections or [
            "judging",
            "turns",
            "line",
            "speed",
            "batches",
            "kept",
            "retention",
            "again",
            "scale",
        ]:
            getattr(bench, section)()
    return 0 if bench.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
