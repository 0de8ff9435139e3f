"""The in-memory server answers as Dovecot does, command by command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread
from tests.replay.conversation import play
from tests.replay.scripts import SCRIPTS

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount


@pytest.mark.parametrize("name", SCRIPTS)
def test_both_servers_answer_alike(name: str, dovecot: DovecotAccount) -> None:
    account = MailAccount(dovecot.user, password=dovecot.password)

    with serve_in_thread(ImapServer(account)) as server:
        ours = play(SCRIPTS[name], port=server.port, user=account.user, password=account.password)
        theirs = play(SCRIPTS[name], port=dovecot.port, user=dovecot.user, password=dovecot.password)

        pairs = list(zip(ours, theirs, strict=True))
    differences = [
        (step.command, our_answer, their_answer)
        for (step, our_answer), (_, their_answer) in pairs
        if our_answer != their_answer
    ]
    assert not differences
