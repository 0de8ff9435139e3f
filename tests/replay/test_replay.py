"""The in-memory server answers as Dovecot and Cyrus do, command by command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.testing.capabilities import with_more
from mailrules.testing.imap_server import ImapServer
from mailrules.testing.mail_state import MailAccount
from mailrules.testing.threaded_server import serve_in_thread
from tests.replay.conversation import play
from tests.replay.cyrus_differences import AT_COMMANDS, without_differences
from tests.replay.scripts import CYRUS_ONLY, DOVECOT_ONLY, SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.replay.conversation import Step
    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

Pair = tuple["Step", object, object]


def both(script: list[Step], account: DovecotAccount | ServerAccount) -> Iterator[Pair]:
    """Each step with the in-memory server's answer and the real one's."""
    memory = MailAccount(account.user, password=account.password)
    with serve_in_thread(ImapServer(memory, capabilities=with_more())) as server:
        ours = play(script, port=server.port, user=memory.user, password=memory.password)
        theirs = play(script, port=account.port, user=account.user, password=account.password)
        for (step, our_answer), (_, their_answer) in zip(ours, theirs, strict=True):
            yield step, our_answer, their_answer


@pytest.mark.parametrize("name", SCRIPTS | DOVECOT_ONLY)
def test_dovecot_and_memory_answer_alike(name: str, dovecot: DovecotAccount) -> None:
    pairs = list(both((SCRIPTS | DOVECOT_ONLY)[name], dovecot))

    assert not [(step.command, ours, theirs) for step, ours, theirs in pairs if ours != theirs]


@pytest.mark.parametrize("name", SCRIPTS | CYRUS_ONLY)
def test_cyrus_and_memory_answer_alike_but_for_what_is_named(name: str, cyrus: ServerAccount) -> None:
    pairs = [
        (step, without_differences(ours), without_differences(theirs))
        for step, ours, theirs in both((SCRIPTS | CYRUS_ONLY)[name], cyrus)
    ]

    different = [(step.command, ours, theirs) for step, ours, theirs in pairs if ours != theirs]
    assert not [one for one in different if (name, one[0].decode("latin-1")) not in AT_COMMANDS]
    named = {command for script, command in AT_COMMANDS if script == name}
    assert named == {command.decode("latin-1") for command, _, _ in different}
