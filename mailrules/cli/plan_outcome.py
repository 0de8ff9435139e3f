"""What becomes of a dry run's plan: it is shown, and saved."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from mailrules.cli.output import cell
from mailrules.cli.plan_view import SHOWN_MESSAGES, show_plan, steps_summary
from mailrules.cli.session import open_journal
from mailrules.cli.shadow_view import SHOWN_MESSAGES as SHOWN_IN_SHADOW
from mailrules.cli.shadow_view import show_shadow
from mailrules.plan.document import plan_digest, plan_to_document, plan_to_json

if TYPE_CHECKING:
    from pathlib import Path

    from mailrules.cli.invocation import Invocation
    from mailrules.cli.output import Output
    from mailrules.plan.plan import Plan

_START = b'{\n "version": 1,\n "created":'
"""How a saved plan begins; to read a large one whole would take seconds."""


async def keep_plan(invocation: Invocation, plan: Plan, *, save: Path | None) -> None:
    """Save the plan where that is wanted, and remember what it says of the server."""
    # A large plan as text takes as long as making it, so only where somebody wants it.
    document = plan_to_json(plan) if save else ""
    if save:
        _need_place(save)
        _write_private(save, document)
    if save or plan.untruths:
        async with open_journal(invocation) as journal:
            await journal.remember_untruths(plan.untruths)
            if save:
                await journal.remember_plan(plan_digest(document), created=plan.created)


def show_outcome(output: Output, plan: Plan, *, as_json: bool, show_all: bool) -> None:
    """The plan, for a person or as a document."""
    if as_json:
        output.json(plan_to_document(plan))
        return
    show_plan(output, plan, limit=None if show_all else SHOWN_MESSAGES)
    show_shadow(output, plan, limit=None if show_all else SHOWN_IN_SHADOW)
    output.line(cell(f"{steps_summary(plan).capitalize()}. Nothing has been changed."))


def _need_place(save: Path) -> None:
    """Refuse to save a plan over anything but an older plan: a slip would cost the configuration."""
    try:
        if save.exists() and not (save.is_file() and _may_be_plan(save)):
            raise click.UsageError(f"{save} exists and is no saved plan; name another file")
    except OSError as error:
        raise click.UsageError(f"cannot save the plan to {save}: {error.strerror}") from error


def _may_be_plan(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(len(_START))
    return start in {b"", _START}


def _write_private(target: Path, document: str) -> None:
    """Write the file whole or not at all, readable by its owner only: it names people's mail."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 -- a handle
            file.write(document)
        draft.replace(target)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise click.UsageError(f"cannot save the plan to {target}: {error.strerror}") from error
