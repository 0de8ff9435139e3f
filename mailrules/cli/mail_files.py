"""How a verb reads messages from files on disk: one (.eml), or many (mbox)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mailrules.mailbox.whole_mail import WholeMail

if TYPE_CHECKING:
    from pathlib import Path

MAX_MESSAGE_BYTES = 256 << 20


def read_mail_file(file: Path) -> WholeMail:
    """The message in a file. UsageError for one that cannot be read, or is larger than any mail."""
    try:
        size_bytes = file.stat().st_size
        if size_bytes > MAX_MESSAGE_BYTES:
            raise click.UsageError(f"{file} has {size_bytes:,} bytes, over {MAX_MESSAGE_BYTES:,}")
        return WholeMail.of_file(file.read_bytes())
    except OSError as error:
        raise click.UsageError(f"cannot read {file}: {error.strerror or error}") from error
