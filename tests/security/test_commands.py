"""What a whole job says to the server: messages are named by UID, and never by where they stand just now."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from tests.cli.conftest import Program

BY_SEQUENCE_NUMBER = {"FETCH", "STORE", "COPY", "MOVE", "SEARCH", "EXPUNGE", "CLOSE", "SORT", "THREAD"}
"""The last two would also remove what others have marked."""


def test_a_run_and_its_undo_never_name_a_message_by_its_sequence_number(served: Program, server: ImapServer) -> None:
    ran, undone = served.run("run", "--once"), served.run("undo", "--yes")

    assert (ran.exit_code, undone.exit_code) == (0, 0)
    assert "UID FETCH" in server.commands_seen
    assert BY_SEQUENCE_NUMBER & set(server.commands_seen) == set()
