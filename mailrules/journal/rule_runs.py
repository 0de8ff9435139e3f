"""Which rules have acted, or been allowed to, in which mailbox, and under which rule files?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from mailrules.rules.rule import MailboxRef


def select_rule_runs(connection: sqlite3.Connection, ref: MailboxRef) -> dict[str, str]:
    """The hash of the rule files by rule; a rule that is missing is new in this mailbox."""
    return dict(
        connection.execute(
            "SELECT rule, rules_hash FROM rule_runs WHERE account = ? AND mailbox = ?", (ref.account, ref.mailbox)
        )
    )


def replace_rule_runs(
    connection: sqlite3.Connection, rules: Mapping[MailboxRef, Iterable[str]], *, rules_hash: str
) -> None:
    """From now on these rules, in these mailboxes, are known as they stand in these files."""
    connection.executemany(
        "INSERT OR REPLACE INTO rule_runs (account, mailbox, rule, rules_hash) VALUES (?, ?, ?, ?)",
        [(ref.account, ref.mailbox, rule, rules_hash) for ref, names in rules.items() for rule in names],
    )
