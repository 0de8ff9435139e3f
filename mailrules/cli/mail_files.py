"""How a verb takes mail in files instead of an account's: one message each (.eml), or many (mbox)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from mailrules.cli.configuration import load_for_files
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.cli.configuration import Loaded
    from mailrules.cli.invocation import Invocation
    from mailrules.mail_on_disk import MailOnDisk
    from mailrules.rules.rule import MailboxRef

F = TypeVar("F", bound="Callable[..., object]")

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def mail_file_options(command: F) -> F:
    """``--eml`` and ``--mbox``, each as often as wanted."""
    mbox = click.option("--mbox", "mboxes", multiple=True, type=_FILE, metavar="FILE", help="Mail in this mbox file.")
    eml = click.option("--eml", "mails", multiple=True, type=_FILE, metavar="FILE", help="The message in this file.")
    return eml(mbox(command))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesAsMail:
    """The rules, the files as one mailbox, and the mailbox of the rules that they are taken for."""

    loaded: Loaded
    reader: MailOnDisk
    ref: MailboxRef


def files_as_mail(
    invocation: Invocation, *, mails: tuple[Path, ...], mboxes: tuple[Path, ...], mailbox: str
) -> FilesAsMail:
    """Read the files. UsageError for a mailbox that no rule looks at; ``mailbox`` "" means the first of the rules."""
    from mailrules.mail_on_disk import MailOnDisk  # noqa: PLC0415 -- the verbs hardly ever take files

    loaded = load_for_files(invocation.config_path)
    references = loaded.configuration.rules.mailboxes
    matching = [ref for ref in references if mailbox in {"", str(ref)}]
    matching += [ref for ref in references if mailbox == ref.mailbox]
    if not matching:
        known = ", ".join(map(str, references))
        raise click.UsageError(f"no rule looks at the mailbox {mailbox!r}; the rules' mailboxes are: {known}")
    ref = matching[0]
    reader = MailOnDisk.of_files(mails=mails, mboxes=mboxes, account=ref.account, mailbox=ref.mailbox)
    return FilesAsMail(loaded=loaded, reader=reader, ref=ref)
