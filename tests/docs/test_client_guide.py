"""The guide to the client alone runs from top to bottom, and prints what it says it prints."""

from __future__ import annotations

import sys
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

from tests.docs.pages import examples

if TYPE_CHECKING:
    import pytest

GUIDE = "docs/guides/imap-client.md"


def test_the_guide_runs_from_top_to_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_PASSWORD", "")
    monkeypatch.setitem(sys.modules, "imaplib", sys)  # what the page puts there goes again
    names: dict[str, object] = {"__name__": "guide"}

    try:
        for example in examples(GUIDE):
            padded = "\n" * (example.line - 1) + example.code  # so that a traceback names the page's line
            printed = StringIO()
            with redirect_stdout(printed):
                exec(compile(padded, example.page, "exec", dont_inherit=True), names)
            assert (example.line, printed.getvalue()) == (example.line, example.output)
    finally:
        cleanup = names["cleanup"]
        assert isinstance(cleanup, ExitStack)
        cleanup.close()
