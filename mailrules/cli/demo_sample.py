"""The mail and the rules that the demo shows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailrules.testing.builders import Attachment, SampleMessage, message

if TYPE_CHECKING:
    from pathlib import Path

RULES = """\
rules:
  - name: family
    if: {from: "@family.example"}
    do: [{flag: flagged}, {keep: true}]

  - name: lists
    if: {list_id: {regex: '<(?P<list>[a-z0-9-]+)\\.'}}
    do:
      - move: {to: "Lists/{list}", create: true}

  - name: builds
    if: {from: builds@forge.example}
    choose:
      - if: {subject: {contains: failed}}
        do: [{keyword: "$Important"}]
      - else: true
        do: [{flag: seen}, {move: {to: Builds, create: true}}]

  - name: receipts
    if:
      subject: {contains: [invoice, receipt, Rechnung]}
      attachment: {type: application/pdf}
    do:
      - copy: {to: Tax, create: true}
      - move: {to: "Receipts/{received:%Y}", create: true}

  - name: old-offers
    if:
      from: {domain: shop.example}
      received: {older_than: 30d}
      not: {flag: flagged}
    do: [{trash: true}]

tests:
  - name: a failed build is marked and stays
    given: {from: builds@forge.example, subject: "main: build 812 failed"}
    expect: {matched: [builds], keywords: ["$Important"], mailbox: demo/INBOX}
  - name: mail of a list is filed under the list's name
    given: {from: bo@people.example, headers: {List-Id: "Gardening <gardening.lists.example>"}}
    expect: {matched: [lists], mailbox: demo/Lists/gardening}
"""

_ACCOUNT = """\
version: 1
accounts:
  demo:
    host: 127.0.0.1
    port: {port}
    security: none            # allowed here, since the server is this machine
    user: ann
    secret: {{file: {password}}}
defaults:
  in: [demo/INBOX]
"""


def configuration_text(*, port: int, password: Path) -> str:
    """A whole configuration file for the demo's server."""
    return _ACCOUNT.format(port=port, password=password) + RULES


def sample_mail() -> tuple[SampleMessage, ...]:
    """What is in the demo's inbox at first."""
    pdf = (Attachment(file_name="document.pdf"),)
    return (
        _mail(1, "Mum <mum@family.example>", "Sunday lunch?"),
        _mail(2, "Bo Ek <bo@people.example>", "Pruning roses in March", list_id="Gardening <gardening.lists.example>"),
        _mail(3, "Forge <builds@forge.example>", "main: build 811 passed"),
        _mail(4, "Corner Shop <offers@shop.example>", "Everything must go!"),
        _mail(5, "Kraftwerk GmbH <konto@strom.example>", "Ihre Rechnung für Februar", attachments=pdf),
        _mail(6, "Ida Lund <ida@people.example>", "Re: Pruning roses", list_id="Gardening <gardening.lists.example>"),
        _mail(7, "Forge <builds@forge.example>", "main: build 812 failed"),
        _mail(8, "Corner Shop <offers@shop.example>", "The offer you liked", flags=("\\Flagged",)),
        _mail(9, "Books & Co <sales@books.example>", "Your receipt 2041", attachments=pdf),
        _mail(10, "Li Wei <li@chess.example>", "Round 3 pairings", list_id="Chess club <chess.lists.example>"),
        _mail(11, "Ola <ola@people.example>", "About the invoice"),
        _mail(12, "Dad <dad@family.example>", "Photos of the boat", flags=("\\Seen",)),
    )


def _mail(
    number: int,
    author: str,
    subject: str,
    *,
    list_id: str | None = None,
    flags: tuple[str, ...] = (),
    attachments: tuple[Attachment, ...] = (),
) -> SampleMessage:
    received = datetime(2025, 3, number, 8, number, tzinfo=UTC)
    content = message(
        from_=author,
        to="Ann <ann@home.example>",
        subject=subject,
        date=received,
        message_id=f"<{number}@demo.example>",
        list_id=list_id,
        attachments=attachments,
    )
    return SampleMessage(content=content, flags=frozenset(flags), received=received)
