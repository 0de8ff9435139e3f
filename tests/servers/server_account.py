"""What does a test get of a server that it talks to: an address, a name, a password, and mail in it?"""

from __future__ import annotations

import imaplib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mailrules.settings import AccountSettings, SecretReference, Security

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mailrules.testing.builders import SampleMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAccount:
    """One user of a running server; ``tls_port`` is 0 and ``ca_file`` None where it speaks no TLS.

    ``prefix`` is what the names of all mailboxes but INBOX begin with, as in ``INBOX.``.
    """

    host: str
    port: int
    user: str
    password: str
    password_file: Path
    tls_port: int = 0
    ca_file: Path | None = None
    prefix: str = ""

    def fill(self, mailbox: str, messages: Iterable[SampleMessage]) -> int:
        """Append messages to a mailbox that exists; the number of them."""
        count = 0
        with imaplib.IMAP4(self.host, self.port) as client:
            client.login(self.user, self.password)
            for count, message in enumerate(messages, start=1):  # noqa: B007 -- the count is the result
                flags = "(" + " ".join(sorted(message.flags - {"\\Recent"})) + ")"
                received = imaplib.Time2Internaldate(message.received)
                status, text = client.append(mailbox, flags, received, message.content)
                assert status == "OK", text
        return count

    def settings(
        self, *, name: str = "test", security: Security = Security.NONE, port: int | None = None
    ) -> AccountSettings:
        """Account settings that log in here; ``port`` leads elsewhere, such as to a proxy."""
        settings = AccountSettings(
            name=name,
            user=self.user,
            secret=SecretReference(kind="file", value=str(self.password_file)),
            host="localhost" if security is Security.TLS else self.host,
            port=self.tls_port if security is Security.TLS else self.port,
            security=security,
            ca_file=str(self.ca_file) if self.ca_file else "",
        )
        return settings if port is None else replace(settings, port=port)
