"""The same world behind a socket: the in-memory server, our own client, and every byte between them.

Cuts count bytes of the first connection; the next runs have lines that hold.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.client.imap_store import connect_reader, connect_store
from mailrules.settings import SecretReference
from mailrules.testing.imap_server import ImapServer
from tests.torture.world import World

if TYPE_CHECKING:
    from mailrules.client.imap_store import ImapReader, ImapStore
    from mailrules.settings import AccountSettings
    from mailrules.testing.server_faults import Fault, Reaction
    from tests.torture.cases import Case

_SET = re.compile(r"UID (STORE|COPY|MOVE|EXPUNGE) ([\d:,]+)")


class RecordingServer(ImapServer):
    """Logs each command before it is carried out, and asks the journal's file whether it was announced there."""

    def __init__(self, world: World, **more: object) -> None:
        super().__init__(world.mail, capabilities=world.capabilities, **more)
        self._world = world
        self.bytes_sent = self.bytes_received = 0

    def take_reaction(self, command: str, *, text: bytes, said: frozenset[str]) -> Reaction | None:
        words = text.decode("utf-8", "replace")
        is_login = command in {"LOGIN", "AUTHENTICATE"}
        line = self._world.wire.say(self._connection_count, command if is_login else words)
        if line.is_writing and (found := _SET.match(words)):
            line.is_intended = self._world.watcher.knows(found[1].lower(), None, uids=_numbers(found[2]), target=None)
        return super().take_reaction(command, text=text, said=said)


class SocketWorld(World):
    """A world whose runs connect for real; ``start`` it before, and ``stop`` it after."""

    def __init__(self, case: Case, profile: str = "all", *faults: Fault) -> None:
        super().__init__(case, profile)
        self.server = RecordingServer(self, faults=faults)
        self.password = self.folder / "password"
        self.password.touch(mode=0o600)
        self.password.write_text(self.mail.password)
        self.patience_seconds = 60.0

    async def start(self) -> None:
        await self.server.start()

    async def connect(self, settings: AccountSettings) -> ImapStore:
        return await connect_store(self._here(settings))

    async def connect_reader(self, settings: AccountSettings) -> ImapReader:
        return await connect_reader(self._here(settings))

    async def close(self) -> None:
        await self.server.stop()
        await super().close()

    def _here(self, settings: AccountSettings) -> AccountSettings:
        secret = SecretReference(kind="file", value=str(self.password))
        patience = self.patience_seconds
        timeouts = replace(
            settings.timeouts,
            connect_seconds=patience,
            greeting_seconds=patience,
            login_seconds=patience,
            command_seconds=patience,
        )
        return replace(settings, port=self.server.port, user=self.mail.user, secret=secret, timeouts=timeouts)


def _numbers(text: str) -> list[int]:
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
