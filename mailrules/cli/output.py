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

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from mailrules.logs import clean_text
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

_PIPED_WIDTH = 120
_QUIET_SECONDS = 1.0
_LOOKS = {"heading": "bold", "dim": "dim", "good": "green", "warn": "yellow", "bad": "red", "": ""}
"""The few looks there are, and what each is on a terminal."""


def wants_color(stream: TextIO, choice: str) -> bool:
    """``--color`` decides; else NO_COLOR, then FORCE_COLOR; else whether it is a capable terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def cell(text: str, look: str = "") -> Text:
    """Text for a table or a line, cleaned, never read as markup."""
    return Text(clean_text(text), style=_LOOKS[look])


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
        self._out = _console(sys.stdout, color)
        self._err = _console(sys.stderr, color)

    def line(self, *parts: Text | str) -> None:
        """One line of plain text; a ``str`` is ours, a ``Text`` is made with ``cell``."""
        self._out.print(Text.assemble(*parts), soft_wrap=True)

    def heading(self, text: str, detail: str = "") -> None:
        """A line that begins a part, with what there is to say of it in passing."""
        self.line(cell(text, "heading"), cell(f"  {detail}" if detail else "", "dim"))

    def note(self, *parts: Text | str) -> None:
        """One line to stderr: what accompanies a result and is no part of it."""
        self._err.print(Text.assemble(*parts), soft_wrap=True)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Text | str]]) -> None:
        """Rows under quiet headings; columns share the width as their ``Column`` says."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim")
        for column in columns:
            table.add_column(
                column.title,
                justify="right" if column.is_number else "left",
                ratio=column.share or None,
                no_wrap=column.is_short,
                overflow="ellipsis" if column.is_short else "fold",
            )
        for row in rows:
            table.add_row(*row)
        # Shares count only in a table that fills the width, which is wanted only where it is scarce.
        table.expand = self._out.measure(table).maximum > self._out.width - 2
        with self._out.capture() as drawn:
            self._out.print(Padding(table, (0, 0, 0, 2), expand=False))
        self.text("\n".join(line.rstrip() for line in drawn.get().splitlines()))

    def json(self, value: object) -> None:
        """One JSON document; ASCII only, so nothing in it can steer a terminal."""
        self._out.file.write(json.dumps(value, indent=2) + "\n")

    def text(self, text: str) -> None:
        """A document that is complete as it stands."""
        self._out.file.write(text if text.endswith("\n") else text + "\n")

    @contextmanager
    def activity(self, what: str) -> Iterator[Activity]:
        """Around work that may take long: shows on stderr, where that is a terminal, that it goes on."""
        activity = Activity(self._err, what)
        activity.appear_soon()
        try:
            yield activity
        finally:
            activity.disappear()


class Activity:
    """A bar that appears once the work has taken a second; without a total it only moves."""

    def __init__(self, console: Console, what: str) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=40), MofNCompleteColumn())
        self._bars = Progress(*columns, console=console, transient=True)
        self._task = self._bars.add_task(what, total=None)
        self._is_shown_at_all = console.is_terminal
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def show(self, what: str, done: int, total: int) -> None:
        """How far the work is, and what it is now."""
        self._bars.update(self._task, description=what, completed=done, total=total)

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
        if self._is_shown_at_all:
            self._timer = threading.Timer(_QUIET_SECONDS, self._appear)
            self._timer.daemon = True
            self._timer.start()

    def disappear(self) -> None:
        """Clear the bar, and do not show it any more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
                self._bars.stop()

    def _appear(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._bars.start()


def _console(stream: TextIO, choice: str) -> Console:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    color = wants_color(stream, choice)
    return Console(
        file=stream,
        color_system="standard" if color else None,
        no_color=not color,
        force_terminal=stream.isatty(),
        width=None if stream.isatty() or os.environ.get("COLUMNS") else _PIPED_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
