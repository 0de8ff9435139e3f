"""Where are the pages, which code do they show, and what does it print when it is run?"""

from __future__ import annotations

import ast
import inspect
import re
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_EXAMPLE = re.compile(r"^```python\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One block of Python; ``output`` is the block of text right after it, "" without one."""

    page: str
    line: int
    code: str
    output: str


def read_page(name: str) -> str:
    """A page by its path from the repository's top."""
    return (ROOT / name).read_text(encoding="utf-8")


def examples(page: str) -> Iterator[Example]:
    """The page's Python, in its order."""
    text = read_page(page)
    for found in _EXAMPLE.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        yield Example(page=page, line=line, code=found[1], output=found[2] or "")


async def run(example: Example, names: dict[str, object]) -> str:
    """Run it as ``python -m asyncio`` would, ``await`` at the top included; what it printed."""
    padded = "\n" * (example.line - 1) + example.code  # so that a traceback names the page's line
    code = compile(padded, example.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    printed = StringIO()
    with redirect_stdout(printed):
        outcome = FunctionType(code, names)()
        if inspect.iscoroutine(outcome):
            await outcome
    return printed.getvalue()
