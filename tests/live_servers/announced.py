"""Which extensions does each of the test servers announce, and so: on which of them does a test run?

``test_announced`` holds the table against the servers.
"""

from __future__ import annotations

import pytest


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ANNOUNCED: dict[str, frozenset[str]] = {
    "dovecot": _words(
        """
        ACL BINARY CATENATE CHILDREN COMPRESS=DEFLATE CONDSTORE CONTEXT=SEARCH ENABLE ESEARCH ESORT I18NLEVEL=1 ID IDLE
        LIST-EXTENDED LIST-STATUS LITERAL+ LOGIN-REFERRALS METADATA MOVE MULTIAPPEND NAMESPACE NOTIFY PREVIEW
        PREVIEW=FUZZY QRESYNC RIGHTS=TEXK SASL-IR SAVEDATE SEARCHRES SNIPPET=FUZZY SORT SORT=DISPLAY SPECIAL-USE
        STATUS=SIZE THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS UIDPLUS UNSELECT URL-PARTIAL WITHIN
        """
    ),
    "cyrus": _words(
        """
        ACL ANNOTATE-EXPERIMENT-1 APPENDLIMIT=4294967295 BINARY CATENATE CHILDREN COMPRESS=DEFLATE CONDSTORE
        CREATE-SPECIAL-USE DIGEST=SHA1 ENABLE ESEARCH ESORT ID IDLE LIST-EXTENDED LIST-METADATA LIST-MYRIGHTS
        LIST-STATUS LITERAL+ LOGINDISABLED MAILBOX-REFERRALS METADATA MOVE MULTIAPPEND NAMESPACE NO_ATOMIC_RENAME
        OBJECTID PREVIEW QRESYNC QUOTA RIGHTS=KXTEN SAVEDATE SCAN SEARCH=FUZZY SORT SORT=DISPLAY SORT=MODSEQ SORT=UID
        SPECIAL-USE STATUS=SIZE THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS UIDPLUS UNSELECT URLAUTH
        URLAUTH=BINARY WITHIN X-CREATEDMODSEQ X-QUOTA=MESSAGE X-QUOTA=STORAGE X-QUOTA=X-ANNOTATION-STORAGE
        X-QUOTA=X-NUM-FOLDERS X-REPLICATION X-SIEVE-MAILBOX XCONVERSATIONS XLIST XMOVE
        """
    ),
    "courier": _words(
        """
        ACL ACL2=UNION CHILDREN ENABLE IDLE NAMESPACE QUOTA SORT THREAD=ORDEREDSUBJECT THREAD=REFERENCES UIDPLUS
        UTF8=ACCEPT
        """
    ),
}
"""After login, in upper case, as the versions of Debian 12 say it: Dovecot 2.3.19, Cyrus 3.6.1, Courier 5.0.13."""


def servers_with(*capabilities: str) -> tuple[str, ...]:
    """The servers that announce all of these, at least one."""
    found = tuple(name for name, announced in ANNOUNCED.items() if announced >= set(capabilities))
    assert found, f"none of the servers announces {' and '.join(capabilities)}"
    return found


def on_servers_with(*capabilities: str) -> pytest.MarkDecorator:
    """Run a test on each server that announces all of these: its ``account`` is there, and its ``client``."""
    return pytest.mark.parametrize("account", servers_with(*capabilities), indirect=True)


def on_servers(*names: str) -> pytest.MarkDecorator:
    """Run a test on these servers, such as what they do without an extension."""
    assert set(names) <= set(ANNOUNCED)
    return pytest.mark.parametrize("account", names, indirect=True)
