"""The page of supported extensions agrees with the code, the test servers and the tests."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import mailrules.client
import mailrules.imap
from mailrules import errors, settings
from mailrules.imap.command import Command, Extension
from mailrules.imap.search_keys import All
from mailrules.imap.sort_commands import ThreadAlgorithm, UidThread
from mailrules.testing.capabilities import with_more
from tests.docs.pages import read_page
from tests.live_servers.announced import ANNOUNCED

if TYPE_CHECKING:
    from types import ModuleType

PAGE = "docs/reference/imap-support.md"
TESTS = Path(__file__).parents[1]
PLACES = {**{name.capitalize(): told for name, told in ANNOUNCED.items()}, "in-memory": with_more()}
# Cyrus announces it to administrators alone.
PLACES["Cyrus"] |= {"UNAUTHENTICATE"}
# What the client must have, area by area; nothing of it may be missing on the page.
DEMANDED = re.findall(
    r"\S+",
    """
    3501 9051 7888 5161 2971 9755 2342 3691 8437 5255
    STARTTLS SOCKS CONNECT SASL-IR PLAIN LOGIN EXTERNAL CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256 XOAUTH2 OAUTHBEARER
    LOGINDISABLED 2177 5465 7162 5267 8438 5819 9585
    4315 6851 9586 3516 3502 4469 4467 8508 8474 8970 8514 7889 9738 9698 X-GM-EXT-1
    4731 5182 7377 9394 ESORT 5032 6203 5466 5256 5957
    5258 6154 8440 9590 3348 4314 2087 9208 5464 ANNOTATEMORE
    4978 pipelining streamed reconnecting pool throttling transcript counters
    """,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of one of the page's tables."""

    extension: str
    rfc: str
    values: str
    fallback: str
    places: tuple[str, ...]
    test: str

    @property
    def capabilities(self) -> tuple[str, ...]:
        return words_in(self.extension)


def words_in(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]+)`", cell))


def rows() -> list[Row]:
    found = []
    for line in read_page(PAGE).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] not in {"extension", "---"}:
            extension, rfc, values, fallback, places, test = cells
            found.append(Row(extension, rfc, values, fallback, tuple(places.split(", ")), test))
    return found


ROWS = rows()


def modules_of(package: ModuleType) -> list[ModuleType]:
    return [
        importlib.import_module(f"{package.__name__}.{name}") for _, name, _ in pkgutil.iter_modules(package.__path__)
    ]


IMAP = modules_of(mailrules.imap)
CLASSES = {
    name
    for module in (*IMAP, *modules_of(mailrules.client), errors, settings)
    for name, _ in inspect.getmembers(module, inspect.isclass)
}


def extensions_in_the_code() -> set[str]:
    """The capabilities of all ``Extension`` values: of modules, of their tables, and of commands."""
    found: list[object] = []
    for module in IMAP:
        for value in vars(module).values():
            if isinstance(value, Mapping):
                found.extend(value.values())
            elif inspect.isclass(value) and Command in value.__mro__:
                found.append(value.extension)
            else:
                found.append(value)
    for algorithm in ThreadAlgorithm:
        found.extend(UidThread(algorithm, All()).extensions())
    return {one.capability for one in found if isinstance(one, Extension)}


def test_every_extension_of_the_code_stands_on_the_page() -> None:
    told = {capability for row in ROWS for capability in row.capabilities}

    assert extensions_in_the_code() <= told


def test_every_capability_of_the_page_is_known_to_the_code() -> None:
    sources = "".join(inspect.getsource(module) for module in (*IMAP, *modules_of(mailrules.client)) if module.__file__)
    known = extensions_in_the_code().union(*ANNOUNCED.values())

    unknown = [
        capability for row in ROWS for capability in row.capabilities if capability not in known | {"APPENDLIMIT"}
    ]

    assert [capability for capability in unknown if capability not in sources] == []


def test_all_that_is_demanded_stands_on_the_page() -> None:
    page = "\n".join(f"{row.extension} {row.rfc}" for row in ROWS)

    assert [word for word in DEMANDED if not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", page)] == []


@pytest.mark.parametrize("row", ROWS, ids=[row.extension.replace("`", "") for row in ROWS])
def test_a_row_is_true(row: Row) -> None:
    assert words_in(row.values)
    assert [name for name in words_in(row.values) + words_in(row.fallback) if name not in CLASSES | {"+"}] == []
    for place in row.places:
        assert place == "known answers" or place in PLACES
        if place in PLACES and row.capabilities and row.extension != "`STARTTLS`":  # told before the login only
            announced = {name.split("=")[0] for name in PLACES[place]} | PLACES[place]
            assert announced & set(row.capabilities), f"{place} does not announce {row.extension}"
    file, _, name = row.test.partition("::")
    assert re.search(rf"^(?:async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE), row.test
