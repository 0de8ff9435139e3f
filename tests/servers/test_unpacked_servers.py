"""The Cyrus and the Courier that tests start: whose they are, and that nothing of them is left."""

from __future__ import annotations

import imaplib
import socket
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import SampleMessage, message
from tests.servers import unpacked
from tests.servers.courier import Courier
from tests.servers.cyrus import Cyrus
from tests.servers.unpacked import ServerMissing

if TYPE_CHECKING:
    from tests.servers.server_account import ServerAccount


@pytest.fixture(params=["cyrus", "courier"])
def account(request: pytest.FixtureRequest) -> ServerAccount:
    account: ServerAccount = request.getfixturevalue(request.param)
    return account


def test_appended_messages_keep_flags_and_dates(account: ServerAccount) -> None:
    received = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
    sample = SampleMessage(content=message(), flags=frozenset({"\\Seen", "work"}), received=received)

    assert account.fill("INBOX", [sample, sample]) == 2

    with imaplib.IMAP4(account.host, account.port) as client:
        client.login(account.user, account.password)
        client.select(readonly=True)
        answer = b" ".join(client.uid("FETCH", "2", "(FLAGS INTERNALDATE RFC822.SIZE)")[1])
    assert b'INTERNALDATE "29-Feb-2024 23:59:58 +0000"' in answer
    assert b"\\Seen" in answer
    assert b"work" in answer
    assert f"RFC822.SIZE {len(sample.content)}".encode() in answer


def test_a_wrong_password_is_refused(account: ServerAccount) -> None:
    with imaplib.IMAP4(account.host, account.port) as client, pytest.raises(imaplib.IMAP4.error):
        client.login(account.user, "wrong")


def test_cyrus_verifies_with_its_authority(cyrus: ServerAccount) -> None:
    context = ssl.create_default_context(cafile=cyrus.ca_file)

    with imaplib.IMAP4_SSL("localhost", cyrus.tls_port, ssl_context=context) as client:
        status, _ = client.login_cram_md5(cyrus.user, cyrus.password)

    assert status == "OK"


@pytest.mark.parametrize("kind", [Cyrus, Courier])
def test_no_process_and_no_file_is_left(kind: type[Cyrus | Courier]) -> None:
    with kind() as server:
        account = server.account("someone")
        client = imaplib.IMAP4(account.host, account.port)  # stays connected while the server ends
        client.login(account.user, account.password)
        folder = str(account.password_file.parent)
        running = _processes_of(folder)
        owners = {process.stat().st_uid for process in running}
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((account.host, account.port))
    client.shutdown()

    assert running
    assert owners.isdisjoint({0})
    assert not _processes_of(folder)
    assert not Path(folder).exists()


def test_the_end_of_one_server_is_not_that_of_another() -> None:
    with Cyrus() as staying:
        with Cyrus():
            pass

        account = staying.account("someone")
        with imaplib.IMAP4(account.host, account.port) as client:
            assert client.login(account.user, account.password)[0] == "OK"


def test_a_server_that_is_not_unpacked_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unpacked, "_SERVERS", tmp_path)

    with pytest.raises(ServerMissing, match="make servers"):
        Cyrus().start()


def _processes_of(folder: str) -> list[Path]:
    """Processes whose program, arguments or working folder is in there."""
    found = []
    for process in (path for path in Path("/proc").iterdir() if path.name.isdigit()):
        try:
            command = (process / "cmdline").read_bytes()
            place = str((process / "cwd").readlink())
        except OSError:  # it has ended, or is not ours to look at
            continue
        if folder.encode() in command or place.startswith(folder):
            found.append(process)
    return found
