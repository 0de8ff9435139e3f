"""The tools whose rules are read and written, as oracles."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.exchange.sieve_oracle import Pigeonhole

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def pigeonhole() -> Iterator[Pigeonhole]:
    # Not in pytest's own folder, which only its user may look into.
    with tempfile.TemporaryDirectory(prefix="mailrules-sieve-") as folder:
        yield Pigeonhole(Path(folder))
