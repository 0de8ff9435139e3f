"""What the tests of the kit share."""

from __future__ import annotations

import pytest

from mailrules.settings import SecretReference


@pytest.fixture
def memory_secret(monkeypatch: pytest.MonkeyPatch) -> SecretReference:
    """The password of the in-memory server's account."""
    monkeypatch.setenv("MAILRULES_MEMORY_SECRET", "pass")
    return SecretReference(kind="env", value="MAILRULES_MEMORY_SECRET")
