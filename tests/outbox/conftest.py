"""The world that every test of the outbox starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.outbox.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "state")
    yield world
    await world.kill()
