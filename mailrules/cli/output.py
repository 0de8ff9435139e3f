"""How results look on stdout: text, tables and JSON, with colour only where it is wanted.

Whatever came out of mail or from a server passes ``cell``, which cleans it. Tables go to stdout;
what takes longer than a second shows its progress on stderr, on a terminal.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from mailrules.logs import clean_text
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mailrules.cli.terminal import Bar

_QUIET_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Styled:
    """Text in pieces, each with its look: heading, dim, good, warn, bad, or none."""

    pieces: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, *parts: Styled | str, between: str = "") -> Styled:
        """Parts in a row, with a separator that has no look of its own."""
        pieces: list[tuple[str, str]] = []
        for part in parts:
            if pieces and between:
                pieces.append((between, ""))
            pieces += [(part, "")] if isinstance(part, str) else part.pieces
        return cls(tuple(pieces))

    @property
    def plain(self) -> str:
        return "".join(text for text, _ in self.pieces)


def wants_color(stream: TextIO, choice: str) -> bool:
    """``--color`` decides; else NO_COLOR, then FORCE_COLOR; else whether it is a capable terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def cell(text: str, look: str = "") -> Styled:
    """Text for a table or a line, cleaned, never read as markup."""
    return Styled(((clean_text(text), look),))


def number(count: int) -> str:
    """A count with thin groups: ``20 000``."""
    return f"{count:,}".replace(",", " ")


def local(moment: datetime) -> str:
    """A time as people here read it."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def plural(count: int, noun: str, many: str = "") -> str:
    """``1 message``, ``20 000 messages``."""
    return f"{number(count)} {noun if count == 1 else many or noun + 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """``share`` of the width where that is scarce; 0 takes what it needs. ``is_short`` keeps one line."""

    title: str
    share: int = 0
    is_number: bool = False
    is_short: bool = False


class Output:
    """Stdout for results; stderr for what accompanies them."""

    def __init__(self, *, color: str = "auto") -> None:
        self._out, self._err = _steadfast(sys.stdout), _steadfast(sys.stderr)
        self._color = color

    def line(self, *parts: Styled | str) -> None:
        """One line of plain text; a ``str`` is ours, a ``Styled`` is made with ``cell``."""
        self._print(self._out, Styled.of(*parts))

    def heading(self, text: str, detail: str = "") -> None:
        """A line that begins a part, with what there is to say of it in passing."""
        self.line(cell(text, "heading"), cell(f"  {detail}" if detail else "", "dim"))

    def note(self, *parts: Styled | str) -> None:
        """One line to stderr: what accompanies a result and is no part of it."""
        self._print(self._err, Styled.of(*parts))

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Styled | str]]) -> None:
        """Rows under quiet headings; columns share the width as their ``Column`` says."""
        from mailrules.cli.terminal import print_table  # noqa: PLC0415 -- loads rich, which few commands need

        print_table(self._out, columns, rows, color=wants_color(self._out, self._color))

    def json(self, value: object) -> None:
        """One JSON document; ASCII only, so nothing in it can steer a terminal."""
        self._out.write(json.dumps(value, indent=2) + "\n")

    def text(self, text: str) -> None:
        """A document that is complete as it stands."""
        self._out.write(text if text.endswith("\n") else text + "\n")

    @contextmanager
    def activity(self, what: str) -> Iterator[Activity]:
        """Around work that may take long: shows on stderr, where that is a terminal, that it goes on."""
        activity = Activity(self._err, what, color=wants_color(self._err, self._color))
        activity.appear_soon()
        try:
            yield activity
        finally:
            activity.disappear()

    def _print(self, stream: TextIO, text: Styled) -> None:
        if wants_color(stream, self._color):
            from mailrules.cli.terminal import print_line  # noqa: PLC0415 -- as in ``table``

            print_line(stream, text, color=True)
        else:
            stream.write(text.plain + "\n")
            stream.flush()


class Activity:
    """A bar that appears once the work has taken a second; without a total it only moves."""

    def __init__(self, stream: TextIO, what: str, *, color: bool) -> None:
        self._stream, self._has_color = stream, color
        self._state: tuple[str, int, int | None] = (what, 0, None)
        self._bar: Bar | None = None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def show(self, what: str, done: int, total: int) -> None:
        """How far the work is, and what it is now."""
        self._state = (what, done, total)
        if self._bar is not None:
            self._bar.show(*self._state)

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Give the terminal back for a question."""
        self.disappear()
        try:
            yield
        finally:
            self.appear_soon()

    def appear_soon(self) -> None:
        """Show the bar if the work still goes on in a second."""
        if self._stream.isatty():
            self._timer = threading.Timer(_QUIET_SECONDS, self._appear)
            self._timer.daemon = True
            self._timer.start()

    def disappear(self) -> None:
        """Clear the bar, and do not show it any more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._bar is not None:
                self._bar.stop()
                self._bar = None

    def _appear(self) -> None:
        from mailrules.cli.terminal import Bar  # noqa: PLC0415 -- as in ``Output.table``

        bar = Bar(self._stream, color=self._has_color)
        with self._lock:
            if self._timer is not None:
                bar.show(*self._state)
                bar.start()
                self._bar = bar


def _steadfast(stream: TextIO) -> TextIO:
    """A stream that shows what its encoding lacks as an escape, instead of refusing it."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream
