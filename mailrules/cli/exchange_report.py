"""How is it told what became of each construct of an import or export, and where does its text go?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.cli.output import cell
from mailrules.exchange.imported import Exactness

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mailrules.cli.output import Output

_LOOKS = {Exactness.EXACT: "dim", Exactness.APPROXIMATED: "warn", Exactness.REFUSED: "bad"}


def deliver(output: Output, text: str, *, to: Path | None) -> None:
    """The text on stdout, or in a file that is new."""
    if to is None:
        output.text(text)
        return
    try:
        with to.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise click.ClickException(f"{to} exists already; name another file, or move it away") from error


def need_file(to: Path | None, *, as_json: bool, what: str) -> None:
    """Refuse to print two things on stdout."""
    if as_json and to is None:
        raise click.UsageError(f"--json prints the report on stdout, so the {what} needs a file: give --output FILE")


def tell(output: Output, findings: Iterable[tuple[str, str, Exactness, str]], *, summary: str) -> None:
    """On stderr a line for each finding (place, construct, exactness, how) that is not exact, and the sum."""
    for place, construct, exactness, how in findings:
        if exactness is not Exactness.EXACT:
            output.note(
                cell(f"{place}: ", "heading"), cell(f"{exactness}: ", _LOOKS[exactness]), cell(f"{construct}: {how}")
            )
    output.note(cell(summary))
