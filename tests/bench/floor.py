"""What the server itself needs for the job: one fetch of the header fields, then the actions, pipelined, unread.

A raw socket, no parsing, nothing decided: the steps come from a plan document that was made beforehand.

Usage: python -m tests.bench.floor HOST PORT USER PASSWORD PLAN.json
"""

from __future__ import annotations

import json
import socket
import sys
from collections import defaultdict
from pathlib import Path

FIELDS = "FROM CC SUBJECT LIST-ID PRECEDENCE X-GITHUB-REASON X-SPAM-STATUS"


def run(host: str, port: int, user: str, password: str, plan: Path) -> None:
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
    actions += [f"UID STORE {_set(uids)} +FLAGS.SILENT ({flag})" for flag, uids in stored.items()]
    actions += [f'UID COPY {_set(uids)} "{name}"' for name, uids in copied.items()]
    actions += [f'UID MOVE {_set(uids)} "{name}"' for name, uids in moved.items()]
    with socket.create_connection((host, port)) as connection:
        _exchange(connection, [f"LOGIN {user} {password}"])
        _exchange(connection, ["SELECT INBOX"])
        _exchange(connection, [f"UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS ({FIELDS})])"])
        _exchange(connection, actions)


def _set(uids: list[int]) -> str:
    return ",".join(map(str, uids))


def _exchange(connection: socket.socket, commands: list[str]) -> None:
    """Send all, and read until the last is answered; one that is refused ends the program."""
    lines = b"".join(f"T{number} {command}\r\n".encode() for number, command in enumerate(commands))
    connection.sendall(lines)
    last, tail = f"T{len(commands) - 1} ".encode(), b""
    while True:
        data = connection.recv(1 << 20)
        tail = (tail + data)[-(1 << 20) - 4096 :]
        if (
            b"NO " in tail
            and b"\r\nT" in tail
            and any(
                line.startswith(b"T") and line.split(b" ", 2)[1] != b"OK"
                for line in tail.split(b"\r\n")
                if b" " in line
            )
        ):
            raise SystemExit(f"refused: {tail[-300:]!r}")
        if not data or (b"\r\n" + last in b"\r\n" + tail and tail.endswith(b"\r\n")):
            return


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], Path(sys.argv[5]))
