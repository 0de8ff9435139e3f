"""The verb ``lookalike``: what the condition thinks of one author."""

from __future__ import annotations

import click

from mailrules.logs import clean_text
from mailrules.mailbox.address import parse_addresses
from mailrules_lookalike.pretence import pretence


@click.command()
@click.argument("author", metavar="'NAME <ADDRESS>'")
def lookalike(author: str) -> None:
    """Tell what the condition `lookalike` thinks of an author, written as in a From field."""
    addresses = parse_addresses(author.encode("utf-8", "surrogateescape"))
    if not isinstance(addresses, tuple) or not addresses:
        raise click.UsageError(f"{author!r} holds no address")
    reason = pretence(addresses[0])
    click.echo(clean_text(f"lookalike: {reason}" if reason else "no lookalike"))
