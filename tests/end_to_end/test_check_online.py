"""``check --online`` on real servers: what they cannot do of the rules is told, with its place, and nothing else is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from click.testing import CliRunner

from mailrules.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.dovecot import DovecotAccount
    from tests.servers.server_account import ServerAccount

FILE = """\
version: 1
accounts:
  home: {{host: {account.host}, port: {account.port}, user: {account.user}, security: none,
    secret: {{file: {password_file}}}}}
defaults: {{in: [home/INBOX]}}
rules:
  - name: bills
    if: {{subject: bill}}
    do: [{{move: Archve}}]
  - name: lists
    if: {{list_id: {{regex: '<(?P<list>[a-z]+)'}}}}
    do: [{{move: {{to: "Lists/{{list}}", create: true}}}}]
  - name: starred
    if: {{gmail: "is:starred"}}
    do: [{{flag: flagged}}]
  - name: work
    if: {{label: work}}
    do: [keep]
  - name: lately
    if: {{saved: {{older_than: 1d}}}}
    do: [keep]
  - name: full
    if: {{quota: {{percent: {{over: 90}}}}}}
    do: [keep]
mailboxes:
  home/INBOX: {{rights: {{anyone: lr}}}}
  home/Sent Mail: {{create: true, special_use: sent}}
"""
NO_GMAIL = "cannot be known in home: the server has no X-GM-EXT-1 (Gmail IMAP Extensions)"


def findings(folder: Path, account: DovecotAccount | ServerAccount, *, password_file: Path) -> dict[str, list[str]]:
    """What is told, by severity, each as the line's beginning and the message."""
    config = folder / "mailrules.yaml"
    config.write_text(FILE.format(account=account, password_file=password_file), encoding="utf-8")
    config.chmod(0o600)

    ended = CliRunner().invoke(main, ["-c", str(config), "check", "--online", "--json"])

    document = json.loads(ended.stdout)
    lines = config.read_text(encoding="utf-8").splitlines()
    assert document["valid"]
    told: dict[str, list[str]] = {}
    for one in document["findings"]:
        place = lines[one["line"] - 1][one["column"] - 1 :].partition(":")[0]
        told.setdefault(one["severity"], []).append(f"{place}: {one['message']}")
    return told


def test_dovecot_is_asked_for_all_that_the_rules_need(dovecot: DovecotAccount, tmp_path: Path) -> None:
    assert findings(tmp_path, dovecot, password_file=dovecot.server.password_file) == {
        "warning": [
            'move: there is no mailbox "Archve" in home',
            f"gmail: `gmail` {NO_GMAIL}",
            f"label: `label` {NO_GMAIL}",
            "quota: `quota` cannot be known in home: the server has no QUOTA (RFC 9208)",
            "special_use: special_use cannot be set: the server has no CREATE-SPECIAL-USE (RFC 6154)",
        ]
    }


def test_cyrus_is_asked_for_all_that_the_rules_need(cyrus: ServerAccount, tmp_path: Path) -> None:
    assert findings(tmp_path, cyrus, password_file=cyrus.password_file) == {
        "warning": [
            'move: there is no mailbox "Archve" in home',
            f"gmail: `gmail` {NO_GMAIL}",
            f"label: `label` {NO_GMAIL}",
        ]
    }
