"""IMAPClient and imap_tools, which stand on imaplib, work on ours against a real Dovecot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.testing.builders import SampleMessage, message

if TYPE_CHECKING:
    from tests.servers.dovecot import DovecotAccount

HERE = Path(__file__).parent
FOUR = [SampleMessage(content=message(subject=f"number {number}")) for number in (1, 2, 3, 4)]


def test_both_log_in_search_fetch_and_move(dovecot: DovecotAccount) -> None:
    dovecot.fill("INBOX", FOUR)
    place = {
        "host": "localhost",
        "port": dovecot.port,
        "tls_port": dovecot.tls_port,
        "ca_file": str(dovecot.ca_file),
        "user": dovecot.user,
        "password": dovecot.password,
    }

    done = subprocess.run(
        [sys.executable, str(HERE / "rival_session.py"), json.dumps(place)],
        env={**os.environ, "PYTHONPATH": str(HERE.parents[1])},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    imapclient, imap_tools = json.loads(done.stdout)
    assert imapclient == {
        "based_on": "mailrules.client.imaplib",
        "exists": 4,
        "found": 1,
        "subject": "number 2",
        "body_bytes": len(FOUR[1].content),
        "quiet": [],
        "archived": 2,
    }
    assert imap_tools == {
        "based_on": "mailrules.client.imaplib",
        "subjects": ["number 1", "number 3", "number 4"],
        "quiet": [],
        "has_folder": True,
        "archived": 3,
    }
