"""What extensions ask of mailboxes: each command's bytes and answers, most of them the examples of its RFC."""

from __future__ import annotations

import pytest

from mailrules.errors import CommandRefused, LocalProtocolError, MissingCapability, RemoteProtocolError
from mailrules.imap.access_commands import ListRights
from mailrules.imap.access_data import ListRightsData
from mailrules.imap.list_commands import List, ListExtended, ListNamespaces, ListReturn, ListSelection
from mailrules.imap.mailbox_commands import Check, Close, Create, Expunge, Rename, Status
from mailrules.imap.mailbox_data import Namespace, StatusItem
from mailrules.imap.metadata_commands import (
    GetAnnotation,
    GetMetadata,
    Metadata,
    MetadataDepth,
    SetAnnotation,
    SetMetadata,
)
from mailrules.imap.metadata_data import AnnotationData
from mailrules.imap.quota_commands import GetQuota, GetQuotaRoot, SetQuota
from mailrules.imap.quota_data import QuotaData, ResourceUsage
from mailrules.imap.states import State
from tests.imap_connection.exchange import ask, authenticated, selected

# -- LIST


@pytest.mark.parametrize(
    ("command", "wire"),
    [
        (ListExtended(select=(ListSelection.SUBSCRIBED,)), b'TAG LIST (SUBSCRIBED) "" "*"'),
        (ListExtended(("%",), returns=(ListReturn.CHILDREN,)), b'TAG LIST "" "%" RETURN (CHILDREN)'),
        (
            ListExtended(("%",), select=(ListSelection.REMOTE,), returns=(ListReturn.CHILDREN,)),
            b'TAG LIST (REMOTE) "" "%" RETURN (CHILDREN)',
        ),
        (
            ListExtended(select=(ListSelection.REMOTE, ListSelection.SUBSCRIBED)),
            b'TAG LIST (REMOTE SUBSCRIBED) "" "*"',
        ),
        (ListExtended(("INBOX", "Drafts", "Sent/%")), b'TAG LIST "" ("INBOX" "Drafts" "Sent/%")'),
        (
            ListExtended(("%",), select=(ListSelection.SUBSCRIBED, ListSelection.RECURSIVE_MATCH)),
            b'TAG LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"',
        ),
        (ListExtended(("%",), returns=(ListReturn.SPECIAL_USE,)), b'TAG LIST "" "%" RETURN (SPECIAL-USE)'),
        (ListExtended(select=(ListSelection.SPECIAL_USE,)), b'TAG LIST (SPECIAL-USE) "" "*"'),
        (
            ListExtended(("%",), status=(StatusItem.MESSAGES, StatusItem.UNSEEN)),
            b'TAG LIST "" "%" RETURN (STATUS (MESSAGES UNSEEN))',
        ),
        (ListExtended(("%",), returns=(ListReturn.MY_RIGHTS,)), b'TAG LIST "" "%" RETURN (MYRIGHTS)'),
        (
            ListExtended(("%",), metadata=("/shared/vendor/cmu/cyrus-imapd/color",)),
            b'TAG LIST "" "%" RETURN (METADATA ("/shared/vendor/cmu/cyrus-imapd/color"))',
        ),
    ],
)
def test_extended_list_is_written_as_the_examples_have_it(command, wire):
    connection = authenticated("LIST-EXTENDED LIST-STATUS LIST-MYRIGHTS LIST-METADATA SPECIAL-USE")

    assert ask(connection, command, b"TAG OK done\r\n") == (wire + b"\r\n", ())


def test_child_info_tells_of_what_is_below():
    _, told = ask(
        authenticated("LIST-EXTENDED"),
        ListExtended(("*2",), select=(ListSelection.RECURSIVE_MATCH, ListSelection.SUBSCRIBED)),
        b'* LIST () "/" "foo2" ("CHILDINFO" ("SUBSCRIBED"))\r\n'
        b'* LIST (\\Subscribed) "/" "foo2/bar2"\r\n'
        b'* LIST (\\NonExistent) "/" "qux2" ("CHILDINFO" ("SUBSCRIBED"))\r\n'
        b"TAG OK done\r\n",
    )

    assert [(one.mailbox, one.listed.child_info) for one in told] == [
        ("foo2", {"SUBSCRIBED"}),
        ("foo2/bar2", frozenset()),
        ("qux2", {"SUBSCRIBED"}),
    ]
    assert [one.listed.can_be_opened for one in told] == [True, True, False]


def test_status_comes_with_list_as_in_rfc_5819():
    _, told = ask(
        authenticated("LIST-EXTENDED LIST-STATUS"),
        ListExtended(("%",), status=(StatusItem.MESSAGES, StatusItem.UNSEEN)),
        b'* LIST () "."  "INBOX"\r\n* STATUS "INBOX" (MESSAGES 17 UNSEEN 16)\r\n'
        b'* LIST () "." "foo"\r\n* STATUS "foo" (MESSAGES 30 UNSEEN 29)\r\n'
        b'* LIST (\\NoSelect) "." "bar"\r\nTAG OK List completed.\r\n',
    )

    counts = [(one.mailbox, (one.status.messages, one.status.unseen) if one.status else None) for one in told]
    assert counts == [("INBOX", (17, 16)), ("foo", (30, 29)), ("bar", None)]


def test_rights_come_with_list_as_in_rfc_8440():
    _, told = ask(
        authenticated("LIST-EXTENDED LIST-MYRIGHTS"),
        ListExtended(("%",), returns=(ListReturn.MY_RIGHTS,)),
        b'* LIST () "." "INBOX"\r\n* MYRIGHTS "INBOX" lrswipkxtecda\r\n'
        b'* LIST () "." "foo"\r\n* MYRIGHTS "foo" lrs\r\n'
        b'* LIST (\\NonExistent) "." "bar"\r\nTAG OK List completed.\r\n',
    )

    assert [(one.mailbox, one.rights) for one in told] == [("INBOX", "lrswipkxtecda"), ("foo", "lrs"), ("bar", None)]


def test_entries_come_with_list_in_one_or_several_responses():
    _, told = ask(
        authenticated("LIST-EXTENDED LIST-METADATA"),
        ListExtended(("%",), metadata=("/shared/comment", "/private/comment")),
        b'* LIST () "." "INBOX"\r\n* METADATA "INBOX" ("/shared/comment" "a")\r\n'
        b'* METADATA "INBOX" ("/private/comment" NIL)\r\n* LIST () "." "foo"\r\nTAG OK List completed.\r\n',
    )

    assert [dict(one.metadata) for one in told] == [{"/shared/comment": b"a", "/private/comment": None}, {}]


def test_an_old_name_is_told_of_a_renamed_mailbox():
    # RFC 9051 section 6.3.6
    _, told = ask(
        authenticated("IMAP4rev2"),
        List(is_plain=True),
        b'* LIST () "/" "New name" ("OLDNAME" ("Old name"))\r\nTAG OK\r\n',
    )

    assert [(one.mailbox, one.old_name) for one in told] == [("New name", "Old name")]


@pytest.mark.parametrize(
    ("capabilities", "command", "missing"),
    [
        ("", ListExtended(), "LIST-EXTENDED"),
        ("IMAP4rev2", ListExtended(("a", "b")), "LIST-EXTENDED"),
        ("LIST-EXTENDED", ListExtended(returns=(ListReturn.SPECIAL_USE,)), "SPECIAL-USE"),
        ("LIST-EXTENDED", ListExtended(select=(ListSelection.SPECIAL_USE,)), "SPECIAL-USE"),
        ("LIST-EXTENDED", ListExtended(returns=(ListReturn.MY_RIGHTS,)), "LIST-MYRIGHTS"),
        ("LIST-EXTENDED", ListExtended(status=(StatusItem.MESSAGES,)), "LIST-STATUS"),
        ("IMAP4rev2", ListExtended(status=(StatusItem.MAILBOX_ID,)), "OBJECTID"),
        ("LIST-EXTENDED", ListExtended(metadata=("/shared/comment",)), "LIST-METADATA"),
        ("", Status("x", (StatusItem.SIZE,)), "STATUS=SIZE"),
        ("", Status("x", (StatusItem.HIGHESTMODSEQ,)), "CONDSTORE"),
        ("", Status("x", (StatusItem.MAILBOX_ID,)), "OBJECTID"),
        ("", Status("x", (StatusItem.APPEND_LIMIT,)), "APPENDLIMIT"),
        ("QUOTA", Status("x", (StatusItem.DELETED,)), "QUOTA=RES-MESSAGE"),
        ("QUOTA", Status("x", (StatusItem.DELETED_STORAGE,)), "QUOTA=RES-STORAGE"),
        ("SPECIAL-USE", Create("x", ("\\Sent",)), "CREATE-SPECIAL-USE"),
        ("", ListRights("x", "bob"), "ACL"),
        ("", GetQuota("x"), "QUOTA"),
        ("", GetQuotaRoot("x"), "QUOTA"),
        ("", SetQuota("x"), "QUOTASET"),
        ("QUOTA QUOTA=RES-STORAGE", SetQuota("x"), "QUOTASET"),
        ("METADATA-SERVER", GetMetadata("x", ("/shared/comment",)), "METADATA"),
        ("", GetMetadata("", ("/shared/comment",)), "METADATA-SERVER"),
        ("METADATA-SERVER", SetMetadata("x", ()), "METADATA"),
        ("METADATA", GetAnnotation("x", ("/comment",)), "ANNOTATEMORE"),
        ("METADATA", SetAnnotation("x", "/comment", ()), "ANNOTATEMORE"),
    ],
)
def test_what_a_server_lacks_is_named(capabilities, command, missing):
    with pytest.raises(MissingCapability) as failure:
        authenticated(capabilities).submit(command)

    assert failure.value.capability == missing


def test_recursive_match_alone_is_our_mistake():
    command = ListExtended(select=(ListSelection.RECURSIVE_MATCH, ListSelection.REMOTE))

    with pytest.raises(LocalProtocolError, match=r"RECURSIVEMATCH needs another .*RFC 5258"):
        authenticated("LIST-EXTENDED").submit(command)


@pytest.mark.parametrize(
    ("attributes", "has_children", "can_be_opened", "uses"),
    [
        (b"\\HasChildren", True, True, set()),
        (b"\\HasNoChildren \\Sent", False, True, {"\\sent"}),
        (b"\\NoInferiors \\Marked", False, True, set()),
        (b"\\NonExistent", None, False, set()),
        (b"\\Noselect \\Junk \\Trash \\Important", None, False, {"\\junk", "\\trash", "\\important"}),
    ],
)
def test_attributes_imply_others(attributes, has_children, can_be_opened, uses):
    _, (told,) = ask(authenticated(), List(), b'* LIST (%b) "/" x\r\nTAG OK\r\n' % attributes)

    assert (told.has_children, told.can_be_opened, told.special_uses) == (has_children, can_be_opened, uses)


def test_namespaces_are_translated_as_in_rfc_5255():
    _, told = ask(
        authenticated("NAMESPACE"),
        ListNamespaces(),
        b'* NAMESPACE (("" "/")) (("Other Users/" "/" "TRANSLATION" ("Andere Ben&APw-tzer/"))) '
        b'(("Public Folders/" "/" "TRANSLATION" ("Gemeinsame Postf&AM8-cher/")))\r\nTAG OK\r\n',
    )

    assert told.other_users == (Namespace(prefix="Other Users/", delimiter="/", translation="Andere Benützer/"),)
    assert told.shared == (Namespace(prefix="Public Folders/", delimiter="/", translation="Gemeinsame PostfÏcher/"),)


# -- STATUS, CREATE, RENAME, and what removes messages


def test_status_tells_the_items_that_were_asked_for():
    # RFC 9208 section 4.1.4, RFC 8438 section 2, RFC 8474 section 4.3, RFC 7889 section 4
    connection = authenticated("QUOTA=RES-MESSAGE QUOTA=RES-STORAGE STATUS=SIZE OBJECTID APPENDLIMIT=35651584")
    items = (StatusItem.MESSAGES, StatusItem.DELETED, StatusItem.DELETED_STORAGE)

    wire, told = ask(
        connection, Status("INBOX", items), b"* STATUS INBOX (MESSAGES 12 DELETED 4 DELETED-STORAGE 8)\r\nTAG OK\r\n"
    )
    _, more = ask(
        connection,
        Status("foo", (StatusItem.SIZE, StatusItem.MAILBOX_ID, StatusItem.APPEND_LIMIT)),
        b"* STATUS foo (SIZE 44421 MAILBOXID (F2212ea87-6097-4256-9d51-71338625) APPENDLIMIT 257890)\r\nTAG OK\r\n",
    )

    assert wire == b"TAG STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)\r\n"
    assert (told.messages, told.deleted, told.deleted_storage) == (12, 4, 8)
    assert (more.size_bytes, more.mailbox_id, more.append_limit_bytes) == (
        44421,
        "F2212ea87-6097-4256-9d51-71338625",
        257890,
    )


def test_a_mailbox_without_a_limit_says_nil():
    _, told = ask(
        authenticated("APPENDLIMIT"),
        Status("x", (StatusItem.APPEND_LIMIT,)),
        b"* STATUS x (APPENDLIMIT NIL)\r\nTAG OK\r\n",
    )

    assert told.append_limit_bytes is None


def test_create_tells_what_the_mailbox_is_for_and_learns_its_identifier():
    # RFC 6154 section 5.3, RFC 8474 section 4.1
    connection = authenticated("CREATE-SPECIAL-USE OBJECTID")

    assert ask(connection, Create("MySpecial", ("\\Drafts", "\\Sent")), b"TAG OK MySpecial created\r\n") == (
        b"TAG CREATE MySpecial (USE (\\Drafts \\Sent))\r\n",
        "",
    )
    assert ask(connection, Create("foo"), b"TAG OK [MAILBOXID (F2212ea87-6097-4256-9d51-71338625)] Completed\r\n") == (
        b"TAG CREATE foo\r\n",
        "F2212ea87-6097-4256-9d51-71338625",
    )
    with pytest.raises(CommandRefused) as refusal:
        ask(connection, Create("Everything", ("\\All",)), b"TAG NO [USEATTR] \\All not supported\r\n")
    assert refusal.value.code == "USEATTR"


def test_rename_writes_both_names():
    assert ask(authenticated(), Rename("blurdybloop", "Entwürfe"), b"TAG OK\r\n") == (
        b"TAG RENAME blurdybloop Entw&APw-rfe\r\n",
        None,
    )


def test_expunge_counts_what_went():
    # RFC 9051 section 6.4.3; VANISHED is RFC 7162's
    connection = selected()

    wire, count = ask(
        connection,
        Expunge(),
        b"* 3 EXPUNGE\r\n* 3 EXPUNGE\r\n* 5 EXPUNGE\r\n* 8 EXPUNGE\r\nTAG OK EXPUNGE completed\r\n",
    )

    assert (wire, count) == (b"TAG EXPUNGE\r\n", 4)
    assert connection.selected.exists == 6
    assert ask(connection, Expunge(), b"* VANISHED 405,407:408\r\nTAG OK [HIGHESTMODSEQ 7] x\r\n")[1] == 3


def test_close_closes_and_check_does_not():
    connection = selected()

    assert ask(connection, Check(), b"TAG OK CHECK Completed\r\n") == (b"TAG CHECK\r\n", None)
    assert connection.state is State.SELECTED
    assert ask(connection, Close(), b"TAG OK CLOSE completed\r\n") == (b"TAG CLOSE\r\n", None)
    assert (connection.state, connection.selected) == (State.AUTHENTICATED, None)


# -- rights and quotas


def test_list_rights_as_in_rfc_4314():
    connection = authenticated("ACL RIGHTS=texk")

    wire, told = ask(
        connection,
        ListRights("~/Mail/saved", "smith"),
        b"* LISTRIGHTS ~/Mail/saved other la r s w i p k x t e\r\n"
        b"* LISTRIGHTS ~/Mail/saved smith la r swicdkxte\r\nTAG OK Listrights completed\r\n",
    )
    _, anybody = ask(
        connection,
        ListRights("archive/imap", "anyone"),
        b'* LISTRIGHTS archive/imap anyone "" l r s w i p k x t e c d a 0 1 2 3 4 5 6 7 8 9\r\nTAG OK\r\n',
    )

    assert wire == b"TAG LISTRIGHTS ~/Mail/saved smith\r\n"
    assert told == ListRightsData(
        mailbox="~/Mail/saved", identifier="smith", required="la", optional=("r", "swicdkxte")
    )
    assert (anybody.required, len(anybody.optional)) == ("", 23)


def test_quotas_as_in_rfc_9208():
    connection = authenticated("QUOTA QUOTASET QUOTA=RES-STORAGE QUOTA=RES-MESSAGE")
    storage = ResourceUsage(used=104, limit=10923847)

    assert ask(
        connection, GetQuota("!partition/sda4"), b'* QUOTA "!partition/sda4" (STORAGE 104 10923847)\r\nTAG OK\r\n'
    ) == (b"TAG GETQUOTA !partition/sda4\r\n", QuotaData(root="!partition/sda4", resources={"STORAGE": storage}))
    assert ask(
        connection,
        GetQuotaRoot("INBOX"),
        b'* QUOTAROOT INBOX "#user/alice" "!partition/sda4"\r\n* QUOTA "#user/alice" (MESSAGE 42 1000)\r\n'
        b'* QUOTA "!partition/sda4" (STORAGE 104 10923847)\r\nTAG OK Getquotaroot complete\r\n',
    ) == (
        b"TAG GETQUOTAROOT INBOX\r\n",
        (
            QuotaData(root="#user/alice", resources={"MESSAGE": ResourceUsage(used=42, limit=1000)}),
            QuotaData(root="!partition/sda4", resources={"STORAGE": storage}),
        ),
    )
    wire, rounded = ask(
        connection,
        SetQuota("#user/alice", (("STORAGE", 510),)),
        b'* QUOTA "#user/alice" (STORAGE 58 512)\r\nTAG OK Rounded quota\r\n',
    )
    assert wire == b"TAG SETQUOTA #user/alice (STORAGE 510)\r\n"
    assert rounded.resources["STORAGE"] == ResourceUsage(used=58, limit=512)


def test_a_quota_root_of_which_nothing_is_told_limits_nothing():
    connection = authenticated("QUOTA")

    assert ask(connection, GetQuotaRoot("comp.mail.mime"), b"* QUOTAROOT comp.mail.mime\r\nTAG OK\r\n")[1] == ()
    assert ask(connection, GetQuotaRoot("INBOX"), b'* QUOTAROOT INBOX ""\r\nTAG OK\r\n')[1] == (QuotaData(root=""),)
    assert ask(connection, SetQuota("", ()), b"TAG OK\r\n") == (b'TAG SETQUOTA "" ()\r\n', None)  # RFC 2087
    with pytest.raises(RemoteProtocolError, match="GETQUOTAROOT without a response for 'INBOX'"):
        ask(connection, GetQuotaRoot("INBOX"), b"* QUOTA x (STORAGE 1 2)\r\nTAG OK\r\n")


# -- annotations


@pytest.mark.parametrize(
    ("command", "wire", "answer", "expected"),
    [
        (
            GetMetadata("", ("/shared/comment",)),
            b'TAG GETMETADATA "" (/shared/comment)',
            b'* METADATA "" (/shared/comment "Shared comment")\r\nTAG OK GETMETADATA complete',
            Metadata(entries={"/shared/comment": b"Shared comment"}),
        ),
        (
            GetMetadata("INBOX", ("/shared/comment", "/private/comment"), max_bytes=1024),
            b"TAG GETMETADATA (MAXSIZE 1024) INBOX (/shared/comment /private/comment)",
            (
                b'* METADATA "INBOX" (/private/comment "My own comment")\r\n'
                b"TAG OK [METADATA LONGENTRIES 2199] GETMETADATA complete"
            ),
            Metadata(entries={"/private/comment": b"My own comment"}, longest_left_out_bytes=2199),
        ),
        (
            GetMetadata("INBOX", ("/private/filters/values",), MetadataDepth.CHILDREN),
            b"TAG GETMETADATA (DEPTH 1) INBOX (/private/filters/values)",
            (
                b'* METADATA "INBOX" (/private/filters/values/small "SMALLER 5000" '
                b'/private/filters/values/boss "FROM \\"boss@example.com\\"")\r\nTAG OK GETMETADATA complete'
            ),
            Metadata(
                entries={
                    "/private/filters/values/small": b"SMALLER 5000",
                    "/private/filters/values/boss": b'FROM "boss@example.com"',
                }
            ),
        ),
        (
            GetMetadata("INBOX", ("/private/comment", "/shared/comment"), MetadataDepth.ALL, max_bytes=9),
            b"TAG GETMETADATA (MAXSIZE 9 DEPTH infinity) INBOX (/private/comment /shared/comment)",
            (
                b'* METADATA "INBOX" (/Private/Comment "My comment")\r\n'
                b'* METADATA "INBOX" (/shared/comment ~{3}\r\na\0b)\r\nTAG OK'
            ),
            Metadata(entries={"/private/comment": b"My comment", "/shared/comment": b"a\0b"}),
        ),
    ],
)
def test_metadata_is_read_as_in_rfc_5464(command, wire, answer, expected):
    assert ask(authenticated("METADATA"), command, answer + b"\r\n") == (wire + b"\r\n", expected)


@pytest.mark.parametrize(
    ("entries", "written"),
    [
        ((("/private/comment", None),), b"(/private/comment NIL)"),
        (
            (("/private/comment", b"My new comment"), ("/shared/comment", b"This one is for you!")),
            b'(/private/comment "My new comment" /shared/comment "This one is for you!")',
        ),
        (
            (("/private/comment", b"My new comment across\r\ntwo lines."),),
            b"(/private/comment {33+}\r\nMy new comment across\r\ntwo lines.)",
        ),
        ((("/private/comment", "ä".encode()),), b"(/private/comment {2+}\r\n\xc3\xa4)"),
        ((("/private/comment", b""),), b'(/private/comment "")'),
    ],
)
def test_metadata_is_written_as_in_rfc_5464(entries, written):
    connection = authenticated("METADATA LITERAL+")

    wire, _ = ask(connection, SetMetadata("INBOX", entries), b"TAG OK SETMETADATA complete\r\n")

    assert wire == b"TAG SETMETADATA INBOX " + written + b"\r\n"


def test_a_refused_entry_says_why():
    with pytest.raises(CommandRefused) as refusal:
        ask(
            authenticated("METADATA"),
            SetMetadata("INBOX", (("/private/comment", b"My new comment"),)),
            b"TAG NO [METADATA TOOMANY] SETMETADATA failed\r\n",
        )

    assert refusal.value.code == "METADATA"


def test_changed_entries_belong_to_nobody_s_answer():
    connection = authenticated("METADATA")

    _, told = ask(
        connection, GetMetadata("INBOX", ("/shared/comment",)), b'* METADATA "INBOX" /shared/comment\r\nTAG OK\r\n'
    )

    assert told == Metadata(entries={})


def test_annotations_as_imaplib_s_draft_has_them():
    connection = authenticated("ANNOTATEMORE")

    assert ask(
        connection,
        GetAnnotation("INBOX", ("/comment",), ("value.priv",)),
        b'* ANNOTATION "INBOX" "/comment" ("value.priv" "My comment")\r\nTAG OK\r\n',
    ) == (
        b'TAG GETANNOTATION INBOX "/comment" "value.priv"\r\n',
        (AnnotationData(mailbox="INBOX", entry="/comment", attributes={"value.priv": b"My comment"}),),
    )
    wire, told = ask(
        connection,
        GetAnnotation("", ("/comment", "/motd")),
        b'* ANNOTATION "" "/motd" ("value.shared" NIL)\r\nTAG OK\r\n',
    )
    assert wire == b'TAG GETANNOTATION "" ("/comment" "/motd") "value.*"\r\n'
    assert dict(told[0].attributes) == {"value.shared": None}
    assert (
        ask(
            connection,
            SetAnnotation("INBOX", "/comment", (("value.priv", b"x y"), ("value.shared", None))),
            b"TAG OK\r\n",
        )[0]
        == b'TAG SETANNOTATION INBOX "/comment" ("value.priv" "x y" "value.shared" NIL)\r\n'
    )
