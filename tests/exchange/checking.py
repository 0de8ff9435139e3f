"""What every import is held to: its text loads without a mistake, and nothing goes missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.exchange.rule_text import rule_file
from tests.plan import planned

if TYPE_CHECKING:
    from mailrules.exchange.imported import Exactness, Imported
    from mailrules.rules.loader import LoadedConfiguration

HEAD = planned.HEAD.replace(
    "version: 1\n",
    "version: 1\nallow: [forward, delete]\nsmtp: {host: localhost, port: 25, security: none, from: me@example.org}\n",
)


def loaded(imported: Imported) -> LoadedConfiguration:
    """The rules as ``check`` reads them, in a file that allows what imports may need."""
    text = rule_file(imported, origin="the test")
    return planned.load("", head=HEAD + text.partition("version: 1\n")[2])


def told(imported: Imported, exactness: Exactness) -> list[tuple[int, str]]:
    """The line and construct of each finding of a kind."""
    return [(one.line, one.construct) for one in imported.findings if one.exactness is exactness]
