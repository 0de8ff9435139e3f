"""What every test may ask for: real servers, each started once for the run, with a fresh account for each test."""

from __future__ import annotations

import gc
import secrets
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest
import structlog

from tests.long_first import put_long_first
from tests.memory_disk import use_memory_disk
from tests.probes.facts import fact_lines
from tests.servers.courier import Courier
from tests.servers.cyrus import Cyrus
from tests.servers.dovecot import Dovecot, DovecotAccount, DovecotMissing
from tests.servers.exim import Exim
from tests.servers.unpacked import ServerMissing
from tests.torture.tallies import summary_lines, tally_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.servers.server_account import ServerAccount

_Server = TypeVar("_Server", Dovecot, Cyrus, Courier, Exim)
_LOG_CHARACTERS = 4_000
# A job in the background begins with SIGINT ignored, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
use_memory_disk()

_RUNNING: dict[str, Dovecot | Cyrus | Courier | Exim] = {}


@pytest.fixture(scope="session")
def dovecot_server() -> Iterator[Dovecot]:
    """The run's Dovecot. Where none is installed the test fails, and says how to install it."""
    with _running("dovecot", Dovecot()) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_sdbox_server() -> Iterator[Dovecot]:
    """The run's Dovecot that keeps a file a message in a format of its own."""
    with _running("dovecot_sdbox", Dovecot(storage="sdbox")) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot_mdbox_server() -> Iterator[Dovecot]:
    """The run's Dovecot that keeps many messages a file."""
    with _running("dovecot_mdbox", Dovecot(storage="mdbox")) as server:
        yield server


@pytest.fixture(scope="session")
def cyrus_server() -> Iterator[Cyrus]:
    """The run's Cyrus. Where none is unpacked the test fails, and says how to do it."""
    with _running("cyrus", Cyrus()) as server:
        yield server


@pytest.fixture(scope="session")
def courier_server() -> Iterator[Courier]:
    """The run's Courier. Where none is unpacked the test fails, and says how to do it."""
    with _running("courier", Courier()) as server:
        yield server


@pytest.fixture(scope="session")
def exim_server() -> Iterator[Exim]:
    """The run's Exim. Where none is unpacked the test fails, and says how to do it."""
    with _running("exim", Exim()) as server:
        yield server


@pytest.fixture(autouse=True)
def fresh_logging() -> Iterator[None]:
    """What a test, or the program in it, told the logs is forgotten behind it: no test is logged as another wished."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def dovecot(dovecot_server: Dovecot) -> DovecotAccount:
    """A new account with empty mailboxes on the run's Dovecot."""
    return dovecot_server.account(_new_name())


@pytest.fixture
def dovecot_sdbox(dovecot_sdbox_server: Dovecot) -> DovecotAccount:
    """A new account on the run's Dovecot with sdbox."""
    return dovecot_sdbox_server.account(_new_name())


@pytest.fixture
def dovecot_mdbox(dovecot_mdbox_server: Dovecot) -> DovecotAccount:
    """A new account on the run's Dovecot with mdbox."""
    return dovecot_mdbox_server.account(_new_name())


@pytest.fixture
def cyrus(cyrus_server: Cyrus) -> ServerAccount:
    """A new account on the run's Cyrus; its mailboxes come with the first login."""
    return cyrus_server.account(_new_name())


@pytest.fixture
def courier(courier_server: Courier) -> ServerAccount:
    """A new account with an empty INBOX on the run's Courier."""
    return courier_server.account(_new_name())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from going through nine thousand tests again and again: none of them is garbage."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the order of the run into force."""
    put_long_first(items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the logs of the servers that a failed test has used."""
    report = yield
    if report.failed:
        used = set(getattr(item, "fixturenames", ()))
        report.sections.extend(
            (f"the log of {name}", server.log[-_LOG_CHARACTERS:])
            for name, server in _RUNNING.items()
            if f"{name}_server" in used or "account" in used  # which server that is on, the test alone knows
        )
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of the fault catalogue was tried, and what servers still do, in all processes together."""
    reports = [one for several in terminalreporter.stats.values() for one in several]
    for title, lines in (
        ("the fault catalogue", summary_lines(tally_of(reports))),
        ("facts of the failure model", fact_lines(reports)),
    ):
        if lines:
            terminalreporter.section(title)
            for line in lines:
                terminalreporter.write_line(line)


@contextmanager
def _running(name: str, server: _Server) -> Iterator[_Server]:
    try:
        server.start()
    except (DovecotMissing, ServerMissing) as missing:
        pytest.fail(str(missing), pytrace=False)
    _RUNNING[name] = server
    try:
        yield server
    finally:
        del _RUNNING[name]
        server.stop()


def _new_name() -> str:
    return f"user-{secrets.token_hex(6)}"
