"""The job as a practised person writes it by hand with IMAPClient: SEARCH on the server, sets for the actions.

It uses what the job knows of its own mail: text conditions are SEARCHes, whose word and substring meanings
happen to agree with the rules on these messages. Only what SEARCH cannot say is fetched: list names, spam
scores and years. Nothing is journalled, confirmed or reversible.

Usage: python -m tests.bench.rival_imapclient HOST PORT USER PASSWORD [--look]
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from datetime import date

from imapclient import IMAPClient

LIST_NAME = re.compile(rb"<([a-z0-9-]+)\.lists\.")
SPAM_SCORE = re.compile(rb"^Yes, score=(1[5-9]|[2-9]\d)\.")


def header(client: IMAPClient, uids: set[int], name: str) -> dict[int, bytes]:
    """One unfolded header field of each message, for those that have it."""
    if not uids:
        return {}
    key = f"BODY[HEADER.FIELDS ({name})]"
    answers = client.fetch(sorted(uids), [f"BODY.PEEK[HEADER.FIELDS ({name})]"])
    values = {}
    for uid, answer in answers.items():
        raw = re.sub(rb"\r\n[ \t]", b" ", answer[key.encode()]).partition(b":")[2].strip()
        if raw:
            values[uid] = raw
    return values


def run(host: str, port: int, user: str, password: str, *, acts: bool) -> None:
    """Do the job on INBOX, or only look what is to be done."""
    client = IMAPClient(host, port=port, ssl=False)
    client.login(user, password)
    existing = {name for _, _, name in client.list_folders()}
    client.select_folder("INBOX")

    def search(*criteria: object) -> set[int]:
        return set(client.search(list(criteria), charset="UTF-8"))

    family = search("FROM", "@home.example")
    answered = search("ANSWERED")
    large = search("NOT", "SMALLER", 30 * 1024)
    old_unread = search("UNSEEN", "BEFORE", date(2026, 1, 1))
    addressed = search("CC", "me@example.net")
    reviews = search("FROM", "notifications@github.example")
    important = search(
        "FROM", "notifications@github.example",
        "OR", "HEADER", "X-GitHub-Reason", "mention", "HEADER", "X-GitHub-Reason", "review_requested",
    )  # fmt: skip
    lists = search("HEADER", "List-Id", ".lists.")
    bulk = search("HEADER", "Precedence", "bulk")
    old = search("BEFORE", date(2025, 1, 1))
    receipts = search("FROM", "orders@", "OR", "SUBJECT", "invoice", "SUBJECT", "receipt")
    spam = search("HEADER", "X-Spam-Status", "Yes")
    very_old = search("UNFLAGGED", "BEFORE", date(2024, 1, 1))

    # The rules see a message as it was, and end at the first that moves it.
    left = set(client.search("ALL"))
    to_github = reviews - important
    left -= to_github
    list_names = header(client, lists & left, "LIST-ID")
    by_target: dict[str, set[int]] = defaultdict(set)
    for uid, value in list_names.items():
        found = LIST_NAME.search(value)
        if found:
            by_target["Lists/" + found[1].decode()].add(uid)
    left -= set().union(*by_target.values())
    to_trash = bulk & old & left
    left -= to_trash
    to_newsletters = bulk & left
    left -= to_newsletters
    bills = receipts & left
    for uid, answer in client.fetch(sorted(bills), ["INTERNALDATE"]).items():
        by_target[f"Receipts/{answer[b'INTERNALDATE'].year}"].add(uid)
    left -= bills
    to_junk = {uid for uid, value in header(client, spam & left, "X-SPAM-STATUS").items() if SPAM_SCORE.match(value)}
    left -= to_junk
    by_target["Dev/GitHub"] = to_github
    by_target["Trash"] = to_trash
    by_target["Newsletters"] = to_newsletters
    by_target["Junk"] = to_junk
    by_target["Archive"] = very_old & left

    if not acts:
        print({target: len(uids) for target, uids in by_target.items()})
        client.logout()
        return
    for target in [*by_target, "Bills"]:
        if target not in existing:
            client.create_folder(target)
    for uids, flags in (
        (family, [b"\\Flagged"]),
        (answered, [b"$Done"]),
        (large, [b"$Large"]),
        (old_unread | to_github | to_newsletters, [b"\\Seen"]),
        (addressed, [b"$Direct"]),
        (important, [b"$Important"]),
    ):
        if uids:
            client.add_flags(sorted(uids), flags, silent=True)
    client.copy(sorted(bills), "Bills")
    for target, uids in by_target.items():
        if uids:
            client.move(sorted(uids), target)
    client.logout()


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4], acts=sys.argv[5:] != ["--look"])
