"""How are coloured lines, tables and bars drawn? By rich, which takes a while to load: only what draws loads this."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.cli.output import Column, Styled

_PIPED_WIDTH = 120
_LOOKS = {"heading": "bold", "dim": "dim", "good": "green", "warn": "yellow", "bad": "red", "": ""}
"""What each look is on a terminal."""


def print_line(stream: TextIO, text: Styled, *, color: bool) -> None:
    """One line, however long."""
    _console(stream, color=color).print(_text(text), soft_wrap=True)


def print_table(
    stream: TextIO, columns: Sequence[Column], rows: Sequence[Sequence[Styled | str]], *, color: bool
) -> None:
    """Rows under quiet headings; columns share the width as their ``Column`` says."""
    console = _console(stream, color=color)
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
        table.add_row(*(one if isinstance(one, str) else _text(one) for one in row))
    # Shares count only in a table that fills the width, which is wanted only where it is scarce.
    table.expand = console.measure(table).maximum > console.width - 2
    with console.capture() as drawn:
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
    stream.write("\n".join(line.rstrip() for line in drawn.get().splitlines()) + "\n")


class Bar:
    """A bar on a terminal; without a total it only moves."""

    def __init__(self, stream: TextIO, *, color: bool) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=40), MofNCompleteColumn())
        self._bars = Progress(*columns, console=_console(stream, color=color), transient=True)
        self._task = self._bars.add_task("", total=None)

    def show(self, what: str, done: int, total: int | None) -> None:
        """How far the work is, and what it is now."""
        self._bars.update(self._task, description=what, completed=done, total=total)

    def start(self) -> None:
        """Put it on the terminal, and keep it moving."""
        self._bars.start()

    def stop(self) -> None:
        """Clear it away."""
        self._bars.stop()


def _text(styled: Styled) -> Text:
    return Text.assemble(*((words, _LOOKS[look]) for words, look in styled.pieces))


def _console(stream: TextIO, *, color: bool) -> Console:
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
