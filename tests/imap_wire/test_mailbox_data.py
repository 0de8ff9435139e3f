"""Responses about mailboxes, rights, quotas, annotations and languages: known answers, and what is none."""

from __future__ import annotations

import pytest

from mailrules.imap.access_data import ListRightsData
from mailrules.imap.language_data import ComparatorData, LanguageData
from mailrules.imap.mailbox_data import ListData, StatusData
from mailrules.imap.metadata_data import AnnotationData, MetadataChanged, MetadataData
from mailrules.imap.quota_data import QuotaData, QuotaRootData, ResourceUsage
from mailrules.imap.responses import Malformed
from tests.imap_wire.reading import response_of


@pytest.mark.parametrize(
    ("line", "response"),
    [
        (
            b'* LIST () "/" "&AOQ-" ("OLDNAME" ("&APY-") "x-own" (1 (2 3)))',
            ListData(mailbox="ä", delimiter="/", old_name="ö"),
        ),
        (b'* LIST () "/" foo ("CHILDINFO" NIL)', ListData(mailbox="foo", delimiter="/")),
        (b'* LIST () "/" "a" ()', ListData(mailbox="a", delimiter="/")),
        (
            b'* LIST () "/" a b (old) (childinfo ("subscribed"))',
            ListData(mailbox="a b (old)", delimiter="/", child_info=frozenset({"SUBSCRIBED"})),
        ),
        (
            b"* STATUS x (APPENDLIMIT 0 DELETED-STORAGE 1)",
            StatusData(mailbox="x", append_limit_bytes=0, deleted_storage=1),
        ),
        (b'* QUOTA "" (STORAGE 10 512)', QuotaData(root="", resources={"STORAGE": ResourceUsage(used=10, limit=512)})),
        (b"* QUOTA x ()", QuotaData(root="x")),
        (b"* QUOTA x NIL", QuotaData(root="x")),
        (b'* QUOTAROOT INBOX ""', QuotaRootData(mailbox="INBOX", roots=("",))),
        (b"* QUOTAROOT comp.mail.mime", QuotaRootData(mailbox="comp.mail.mime")),
        (
            b'* LISTRIGHTS "A b" "x y" "" l r',
            ListRightsData(mailbox="A b", identifier="x y", required="", optional=("l", "r")),
        ),
        (
            b'* METADATA "" ("/shared/comment" {3}\r\na b)',
            MetadataData(mailbox="", entries={"/shared/comment": b"a b"}),
        ),
        (b'* METADATA "INBOX" ()', MetadataData(mailbox="INBOX", entries={})),
        (
            b'* METADATA "INBOX" /shared/comment /private/Comment',
            MetadataChanged(mailbox="INBOX", entries=("/shared/comment", "/private/comment")),
        ),
        (
            b'* ANNOTATION x "/Comment" ("value.priv" NIL "size.priv" "0")',
            AnnotationData(mailbox="x", entry="/comment", attributes={"value.priv": None, "size.priv": b"0"}),
        ),
        (b'* LANGUAGE (EN "DE-IT")', LanguageData(tags=("EN", "DE-IT"))),
        (b"* COMPARATOR i;basic (i;basic cz)", ComparatorData(active="i;basic", matching=("i;basic", "cz"))),
    ],
)
def test_known_responses_become_values(line, response):
    assert response_of(line) == response


@pytest.mark.parametrize(
    "line",
    [
        b"* QUOTA x (STORAGE 1)",
        b"* QUOTA x (STORAGE -1 2)",
        b"* QUOTA (x) (STORAGE 1 2)",
        b"* QUOTA",
        b"* QUOTAROOT",
        b"* QUOTAROOT x (a)",
        b"* LISTRIGHTS x bob",
        b"* LISTRIGHTS x bob (l)",
        b"* METADATA x",
        b"* METADATA x (/shared/comment)",
        b"* METADATA x (/shared/comment (a))",
        b"* METADATA x (/shared/comment",
        b"* ANNOTATION x /comment value.priv",
        b"* ANNOTATION x /comment (value.priv)",
        b"* LANGUAGE EN",
        b"* COMPARATOR (a)",
        b"* COMPARATOR",
        b'* LIST () "/" a ("CHILDINFO" x)',
    ],
)
def test_what_cannot_be_read_is_malformed_and_no_more(line):
    assert isinstance(response_of(line), Malformed)
