"""The retention job as one writes it with IMAPClient: the server searches by date, what it finds is moved.

Usage: python -m tests.bench.rival_retention HOST PORT USER PASSWORD
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from imapclient import IMAPClient

from tests.jobs import retention


def run(host: str, port: int, user: str, password: str) -> None:
    """Do the job on INBOX."""
    client = IMAPClient(host, port=port, ssl=False)
    client.login(user, password)
    client.select_folder("INBOX")
    day = retention.first_kept_day(today=datetime.now(UTC)).date()  # noqa: TID251 -- a script by hand reads the clock
    old = client.search(["BEFORE", day])
    if old:
        client.move(old, "Trash")
    client.logout()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
