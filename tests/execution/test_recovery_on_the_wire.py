"""What recovery sends: commands that only read, and no text that a stranger wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.imap_store import ImapStore
from mailrules.client.transcript import Transcript
from mailrules.execution.recovery import recover
from mailrules.journal.journal import Journal
from mailrules.testing.builders import message
from mailrules.testing.memory_faults import Moment
from tests.execution.broken_off import BrokenOff
from tests.execution.each_server import place_on
from tests.execution.world import move

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = '<planted"}\r\n A1 DELETE INBOX@evil.example>'
SERVERS = ["dovecot", "courier", "in memory, no OBJECTID", "in memory, no MOVE, no OBJECTID"]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("moment", [Moment.HALFWAY, Moment.AFTER])
async def test_a_hostile_message_id_is_compared_and_never_sent(
    request: pytest.FixtureRequest, tmp_path: Path, server: str, moment: Moment
) -> None:
    journal = await Journal.open(tmp_path / "state" / "journal.sqlite")
    with place_on(request, server, tmp_path, journal) as place:
        source, target = f"{place.prefix}From", f"{place.prefix}To"
        mail = [message(message_id=HOSTILE.replace("A1", f"A{n}"), subject="planted", body=f"{n}") for n in range(3)]
        await place.fill(source, mail)
        await place.fill(target, ())
        has_move = "MOVE" in (await place.looking()).capabilities
        store = await BrokenOff.connected(place.settings, at="move" if has_move else "copy", moment=moment)
        await place.run(await place.plan(source, lambda *_: [move(target)]), store)
        assert store.is_lost
        transcript = Transcript()
        client = await connect(place.settings, transcript=transcript)

        report = await recover(journal, {"home": ImapStore(client, account="home")}, now=place.now, wait=place.wait)
        await client.close()

        assert report.settled
        sent = [line.text for line in transcript.lines if line.side == "client"]
        assert not any(word in line for line in sent for word in (b"DELETE", b"planted", b"evil", b"SEARCH"))
        assert any(b"UID FETCH" in line for line in sent)
        names = {line.split()[1] for line in sent if len(line.split()) > 1}
        finishing = {b"SELECT", b"UID"} if moment is Moment.HALFWAY or not has_move else set()
        assert names <= {b"EXAMINE", b"STATUS", b"UID", b"LIST", b"ID", b"LOGIN", b"AUTHENTICATE", b"CAPABILITY"} | (
            finishing | {b"ENABLE", b"LSUB"}
        )
        await place.leave()
    await journal.close()
