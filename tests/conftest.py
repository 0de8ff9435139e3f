"""What every test may ask for: a real Dovecot, started once for the run, with a fresh account for each test."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from tests.servers.dovecot import Dovecot, DovecotAccount, DovecotMissing

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_LOG_CHARACTERS = 4_000
_RUNNING: list[Dovecot] = []


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[Dovecot]:
    """The run's Dovecot. Where none is installed the test fails, and says how to install it."""
    server = Dovecot()
    try:
        server.start()
    except DovecotMissing as missing:
        pytest.fail(str(missing), pytrace=False)
    _RUNNING.append(server)
    yield server
    _RUNNING.remove(server)
    server.stop()


@pytest.fixture
def dovecot(dovecot_server: Dovecot) -> DovecotAccount:
    """A new account with empty mailboxes on the run's Dovecot."""
    return dovecot_server.account(f"user-{secrets.token_hex(6)}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the server's log beside a failure of a test that used the server."""
    report = yield
    if report.failed and "dovecot_server" in getattr(item, "fixturenames", ()):
        report.sections.extend(("Dovecot's log", server.log[-_LOG_CHARACTERS:]) for server in _RUNNING)
    return report
