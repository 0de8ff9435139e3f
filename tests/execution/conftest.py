"""What every test of the executor starts from: a world, or a household."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.execution.household import Household
from tests.execution.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Ten messages in INBOX, numbered 1 to 10 in Message-ID and UID."""
    world = World(tmp_path / "state" / "journal.sqlite")
    world.deliver(10)
    yield world
    await world.close()


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    """Two accounts with nothing in them, and a journal."""
    household = Household(folder=tmp_path)
    await household.open()
    yield household
    await household.close()
