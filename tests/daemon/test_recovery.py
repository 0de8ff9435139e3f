"""After each reconnect the daemon settles what was under way before it judges anything anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.testing.builders import message
from mailrules.testing.capabilities import without
from mailrules.testing.server_faults import AtCommand, DropBeforeTagged, DropHalfway

if TYPE_CHECKING:
    from mailrules.testing.server_faults import Reaction
    from tests.daemon.conftest import Daemon


@pytest.mark.parametrize("has_move", [True, False])
@pytest.mark.parametrize("reaction", [DropBeforeTagged(), DropHalfway()], ids=["after", "halfway"])
async def test_a_move_whose_answer_is_lost_is_done_once(daemon: Daemon, reaction: Reaction, has_move: bool) -> None:
    if not has_move:
        daemon.server.capabilities = frozenset(without("MOVE"))
    command = "UID MOVE" if has_move else "UID COPY"
    daemon.server.faults.append(AtCommand(command=command, reaction=reaction))
    async with daemon.running():
        for number in range(4):
            daemon.mail.add("INBOX", message(from_="boss@work.example", message_id=f"<{number}@work.example>"))
        await daemon.log.saw("recovery.finished")
        await daemon.moved("Work", count=4)

    assert len(daemon.mail["Work"].messages) == 4
    assert not daemon.mail["INBOX"].messages
    assert await daemon.journal.open_steps() == ()
