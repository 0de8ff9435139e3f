"""What the server itself needs for the job: one fetch of the header fields, then the actions, pipelined, unread.

A raw socket, no parsing, nothing decided: the steps come from a plan document that was made beforehand.

Usage: python -m tests.bench.floor HOST PORT USER PASSWORD PLAN.json [MESSAGES_PER_COMMAND]
"""

from __future__ import annotations

import json
import socket
import sys
from collections import defaultdict
from pathlib import Path

FIELDS = "FROM CC SUBJECT LIST-ID PRECEDENCE X-GITHUB-REASON X-SPAM-STATUS"


def run(host: str, port: int, user: str, password: str, plan: Path, *, per_command: int = 100_000) -> None:
    """Fetch, then act; ends when the last command is answered."""
    stored: dict[str, list[int]] = defaultdict(list)
    copied: dict[str, list[int]] = defaultdict(list)
    moved: dict[str, list[int]] = defaultdict(list)
    new = set()
    for message in json.loads(plan.read_text())["mailboxes"][0]["messages"]:
        for step in message["steps"]:
            if step["kind"] == "add_flags":
                for flag in step["flags"]:
                    stored[flag].append(message["uid"])
            else:
                (copied if step["kind"] == "copy" else moved)[step["to"]].append(message["uid"])
                new |= {step["to"]} if step["create"] else set()
    actions = [f'CREATE "{name}"' for name in sorted(new)]
    actions += [
        f"UID STORE {uids} +FLAGS.SILENT ({flag})" for flag in stored for uids in _sets(stored[flag], per_command)
    ]
    actions += [f'UID COPY {uids} "{name}"' for name in copied for uids in _sets(copied[name], per_command)]
    actions += [f'UID MOVE {uids} "{name}"' for name in moved for uids in _sets(moved[name], per_command)]
    with socket.create_connection((host, port)) as connection:
        _exchange(connection, [f"LOGIN {user} {password}"])
        _exchange(connection, ["SELECT INBOX"])
        _exchange(connection, [f"UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS ({FIELDS})])"])
        _exchange(connection, actions)


def _sets(uids: list[int], size: int) -> list[str]:
    return [",".join(map(str, uids[start : start + size])) for start in range(0, len(uids), size)]


def _exchange(connection: socket.socket, commands: list[str]) -> None:
    """Send all, and read until the last is answered. What was refused shows in the end state, which is compared."""
    lines = b"".join(f"T{number} {command}\r\n".encode() for number, command in enumerate(commands))
    connection.sendall(lines)
    last, tail = f"T{len(commands) - 1} ".encode(), b""
    while True:
        data = connection.recv(1 << 20)
        tail = (tail + data)[-(1 << 20) - 4096 :]
        if not data:
            raise SystemExit(f"the server hung up: {tail[-300:]!r}")
        if b"\n" + last in b"\n" + tail and tail.endswith(b"\r\n"):
            return


if __name__ == "__main__":
    place, sizes = sys.argv[1:6], [int(size) for size in sys.argv[6:]] or [100_000]
    run(place[0], int(place[1]), place[2], place[3], Path(place[4]), per_command=sizes[0])
