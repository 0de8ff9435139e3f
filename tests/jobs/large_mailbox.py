"""The job that the end-to-end test proves and the benchmark times: a dozen rules over 20,000 varied messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mailrules.testing.varied_mailbox import varied_mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mailrules.testing.builders import SampleMessage

MESSAGES = 20_000
SEED = 20_261_123

RULES = r"""
rules:
  - name: family
    if: {from: {domain: home.example}}
    do: [{flag: flagged}]
  - name: answered
    if: {flag: answered}
    do: [{keyword: "$Done"}]
  - name: large
    if: {size: {at_least: 30KiB}}
    do: [{keyword: "$Large"}]
  - name: old-unread
    if: {not: {flag: seen}, received: {before: 2026-01-01}}
    do: [{flag: seen}]
  - name: addressed
    if: {cc: me@example.net}
    do: [{keyword: "$Direct"}]
  - name: code-reviews
    if: {from: notifications@github.example}
    choose:
      - if: {header: {name: X-GitHub-Reason, in: [mention, review_requested]}}
        do: [{keyword: "$Important"}]
      - else: true
        do: [{flag: seen}, {move: {to: Dev/GitHub, create: true}}]
  - name: lists
    if: {list_id: {regex: '<(?P<list>[a-z0-9-]+)\.lists\.'}}
    do: [{move: {to: "Lists/{list}", create: true}}]
  - name: newsletters-old
    if: {header: {name: Precedence, equals: bulk}, received: {before: 2025-01-01}}
    do: [{trash: true}]
  - name: newsletters
    if: {header: {name: Precedence, equals: bulk}}
    do: [{flag: seen}, {move: {to: Newsletters, create: true}}]
  - name: receipts
    if: {from: {local: {equals: orders}}, subject: {contains: [invoice, receipt]}}
    do: [{copy: {to: Bills, create: true}}, {move: {to: "Receipts/{received:%Y}", create: true}}]
  - name: spam
    if: {header: {name: X-Spam-Status, regex: '^Yes, score=(1[5-9]|[2-9]\d)\.'}}
    do: [{move: Junk}]
  - name: archive
    if: {received: {before: 2024-01-01}, not: {flag: flagged}}
    do: [{archive: true}]
"""


def messages(count: int = MESSAGES) -> Iterator[SampleMessage]:
    """The mailbox before the job."""
    return varied_mailbox(count, seed=SEED)


def configuration(*, host: str, port: int, user: str, password_file: Path, compress: bool | None = None) -> str:
    """A whole configuration file for the job, for one account called ``home``."""
    return f"""version: 1
accounts:
  home:
    host: {host}
    port: {port}
    user: {user}
    security: none
    secret: {{file: {password_file}}}
    compress: {json.dumps(compress)}
defaults:
  in: [home/INBOX]
  first_run: act
{RULES}"""
