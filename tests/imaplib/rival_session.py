"""Do IMAPClient and imap_tools work on our imaplib? Run by itself, since the module must be in place before they are.

Logs in to a Dovecot, searches, fetches, stores, moves and idles; prints what it saw as JSON.
"""

from __future__ import annotations

import json
import ssl
import sys

from mailrules.client import imaplib

sys.modules["imaplib"] = imaplib

import imap_tools  # noqa: E402 - after imaplib is replaced
import imapclient  # noqa: E402 - after imaplib is replaced


def with_imapclient(
    *, host: str, port: int, tls_port: int, ca_file: str, user: str, password: str
) -> dict[str, object]:
    """What IMAPClient sees over TLS, and then through STARTTLS."""
    context = ssl.create_default_context(cafile=ca_file)
    with imapclient.IMAPClient(host, tls_port, ssl=True, ssl_context=context, timeout=20) as client:
        client.login(user, password)
        exists = client.select_folder("INBOX")[b"EXISTS"]
        found = client.search(["SUBJECT", "number 2"])
        envelope = client.fetch(found, ["ENVELOPE", "BODY[]"])[found[0]]
        client.append("Archive", b"Subject: appended\r\n\r\n", flags=[imapclient.SEEN])
        client.add_flags(found, [imapclient.FLAGGED])
        client.idle()
        quiet = client.idle_check(timeout=0.05)
        client.idle_done()
        client.move(found, "Archive")
    with imapclient.IMAPClient(host, port, ssl=False, timeout=20) as client:
        client.starttls(context)
        client.login(user, password)
        archived = client.folder_status("Archive", ["MESSAGES"])[b"MESSAGES"]
    return {
        "based_on": imapclient.imapclient.imaplib.__name__,
        "exists": exists,
        "found": len(found),
        "subject": envelope[b"ENVELOPE"].subject.decode(),
        "body_bytes": len(envelope[b"BODY[]"]),
        "quiet": quiet,
        "archived": archived,
    }


def with_imap_tools(
    *, host: str, port: int, tls_port: int, ca_file: str, user: str, password: str
) -> dict[str, object]:
    """What imap_tools sees."""
    context = ssl.create_default_context(cafile=ca_file)
    del port
    with imap_tools.MailBox(host, tls_port, timeout=20, ssl_context=context).login(user, password) as box:
        subjects = sorted(one.subject for one in box.fetch(imap_tools.AND(subject="number")))
        uids = box.uids(imap_tools.AND(subject="number 3"))
        box.flag(uids, imap_tools.MailMessageFlags.FLAGGED, True)
        quiet = box.idle.wait(timeout=0.05)
        box.move(uids, "Archive")
        box.folder.create("Two words")
        folders = [one.name for one in box.folder.list()]
        box.folder.set("Two words")
        status = box.folder.status("Archive")
    return {
        "based_on": imap_tools.mailbox.imaplib.__name__,
        "subjects": subjects,
        "quiet": quiet,
        "has_folder": "Two words" in folders,
        "archived": status["MESSAGES"],
    }


if __name__ == "__main__":
    place = json.loads(sys.argv[1])
    json.dump([with_imapclient(**place), with_imap_tools(**place)], sys.stdout)
