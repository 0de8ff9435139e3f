"""What extensions ask of mailboxes, on the real servers that announce them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mailrules.client.connect import connect
from mailrules.client.imap_store import ImapReader
from mailrules.client.mailbox_fallbacks import ListAnywhere
from mailrules.errors import CommandRefused
from mailrules.imap.access_commands import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from mailrules.imap.list_commands import ListExtended, ListNamespaces, ListReturn, ListSelection
from mailrules.imap.mailbox_commands import (
    Check,
    Close,
    Create,
    Delete,
    Expunge,
    Rename,
    Select,
    Status,
    Subscribe,
    Unselect,
    Unsubscribe,
)
from mailrules.imap.mailbox_data import StatusItem
from mailrules.imap.message_commands import StoreChange, UidStore
from mailrules.imap.metadata_commands import GetMetadata, MetadataDepth, SetMetadata
from mailrules.imap.quota_commands import GetQuota, GetQuotaRoot, SetQuota
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Enable
from mailrules.testing.builders import SampleMessage, message
from tests.live_servers.announced import ANNOUNCED, on_servers, on_servers_with

if TYPE_CHECKING:
    from mailrules.client.async_client import AsyncClient
    from tests.live_servers.conftest import Account
    from tests.servers.cyrus import Cyrus

MINE = "Arbeit"


def own(account: Account, name: str) -> str:
    """A name where this server lets its users make mailboxes."""
    return getattr(account, "prefix", "") + name


@on_servers(*ANNOUNCED)
async def test_mailboxes_are_made_renamed_and_removed(client: AsyncClient, account: Account) -> None:
    old, new = own(account, "Entwürfe & mehr"), own(account, "Später")
    await client.run(Create(old))
    await client.run(Subscribe(old))
    await client.run(Rename(old, new))

    listed = await client.run(ListAnywhere(ListExtended(returns=(ListReturn.SUBSCRIBED,))))

    names = {one.mailbox for one in listed if one.listed.can_be_opened}
    assert new in names
    assert old not in names
    await client.run(Unsubscribe(old))
    await client.run(Delete(new))
    left = await client.run(ListAnywhere(ListExtended()))
    assert new not in {one.mailbox for one in left if one.listed.can_be_opened}


@on_servers(*ANNOUNCED)
async def test_listing_with_counts_is_the_same_everywhere(client: AsyncClient, account: Account) -> None:
    account.fill("INBOX", [SampleMessage(content=message()), SampleMessage(content=message())])
    await client.run(Create(own(account, MINE)))

    listed = await client.run(ListAnywhere(ListExtended(status=(StatusItem.MESSAGES, StatusItem.UNSEEN))))

    counts = {one.mailbox: one.status.messages for one in listed if one.status}
    assert counts["INBOX"] == 2
    assert counts[own(account, MINE)] == 0


@on_servers(*ANNOUNCED)
async def test_subscribed_mailboxes_are_picked_everywhere(client: AsyncClient, account: Account) -> None:
    await client.run(Create(own(account, MINE)))
    await client.run(Create(own(account, "Unread")))
    await client.run(Subscribe(own(account, MINE)))
    await client.run(Unsubscribe(own(account, "Unread")))

    listed = await client.run(ListAnywhere(ListExtended(select=(ListSelection.SUBSCRIBED,))))

    names = {one.mailbox for one in listed}
    assert own(account, MINE) in names
    assert own(account, "Unread") not in names
    assert all("\\subscribed" in one.listed.attributes for one in listed)


@on_servers_with("LIST-EXTENDED")
async def test_parents_of_what_is_subscribed_are_told_by_child_info(client: AsyncClient) -> None:
    await client.run(Create("Parent/Child"))
    await client.run(Unsubscribe("Parent/Child"))
    await client.run(Subscribe("Parent/Child"))

    command = ListExtended(("%",), select=(ListSelection.SUBSCRIBED, ListSelection.RECURSIVE_MATCH))
    listed = {one.mailbox: one.listed for one in await client.run(command)}
    several = await client.run(ListExtended(("Parent", "Parent/%"), returns=(ListReturn.CHILDREN,)))

    assert listed["Parent"].child_info == {"SUBSCRIBED"}
    told = {one.mailbox: one.listed.has_children for one in several}
    assert told == {"Parent": True, "Parent/Child": False}


@on_servers_with("SPECIAL-USE", "LIST-EXTENDED")
async def test_special_uses_are_told(client: AsyncClient) -> None:
    listed = await client.run(ListExtended(returns=(ListReturn.SPECIAL_USE,)))
    picked = await client.run(ListExtended(select=(ListSelection.SPECIAL_USE,)))

    uses = {one.mailbox: one.listed.special_uses for one in listed if one.listed.special_uses}
    assert uses["Trash"] == {"\\trash"}
    assert {one.mailbox for one in picked} == set(uses)


@on_servers_with("CREATE-SPECIAL-USE", "OBJECTID")
async def test_a_mailbox_is_made_for_a_use_and_keeps_its_identifier(client: AsyncClient) -> None:
    identifier = await client.run(Create("Gesendet", ("\\Sent",)))

    listed = await client.run(ListExtended(select=(ListSelection.SPECIAL_USE,)))
    await client.run(Rename("Gesendet", "Verschickt"))
    status = await client.run(Status("Verschickt", (StatusItem.MAILBOX_ID,)))
    opened = await client.run(Select("Verschickt"))

    assert {one.mailbox for one in listed if "\\sent" in one.listed.special_uses} == {"Gesendet"}
    assert identifier
    assert identifier == status.mailbox_id == opened.mailbox_id


@on_servers_with("LIST-MYRIGHTS", "LIST-METADATA")
async def test_rights_and_entries_come_with_list(client: AsyncClient) -> None:
    await client.run(SetMetadata("INBOX", (("/private/comment", "für mich".encode()),)))

    listed = await client.run(ListExtended(returns=(ListReturn.MY_RIGHTS,), metadata=("/private/comment",)))

    inbox = next(one for one in listed if one.mailbox == "INBOX")
    assert inbox.rights == await client.run(MyRights("INBOX"))
    assert inbox.metadata["/private/comment"] == "für mich".encode()


@on_servers_with("LIST-EXTENDED", "ACL", "METADATA")
async def test_rights_and_entries_are_the_same_asked_one_by_one(client: AsyncClient) -> None:
    await client.run(SetMetadata("INBOX", (("/private/comment", b"mine"),)))

    wanted = ListExtended(returns=(ListReturn.MY_RIGHTS,), metadata=("/private/comment",))
    listed = await client.run(ListAnywhere(wanted))

    inbox = next(one for one in listed if one.mailbox == "INBOX")
    assert inbox.rights
    assert {*"lrswi"} <= set(inbox.rights)
    assert inbox.metadata["/private/comment"] == b"mine"


@on_servers_with("NAMESPACE")
async def test_namespaces_say_where_mailboxes_are_made(client: AsyncClient, account: Account) -> None:
    namespaces = await client.run(ListNamespaces())

    personal = namespaces.personal[0]
    assert personal.prefix == getattr(account, "prefix", "")
    assert personal.delimiter == ("/" if not personal.prefix else ".")


@on_servers_with("ACL")
async def test_rights_are_listed_set_and_removed(client: AsyncClient, account: Account) -> None:
    mailbox = own(account, MINE)
    await client.run(Create(mailbox))

    mine = await client.run(MyRights(mailbox))
    possible = await client.run(ListRights(mailbox, "bob"))
    await client.run(SetAcl(mailbox, "bob", "lr"))
    given = (await client.run(GetAcl(mailbox))).entries
    await client.run(SetAcl(mailbox, "bob", "+s"))
    more = (await client.run(GetAcl(mailbox))).entries
    await client.run(DeleteAcl(mailbox, "bob"))
    left = (await client.run(GetAcl(mailbox))).entries

    assert "a" in mine
    assert "l" in possible.required + "".join(possible.optional)
    assert set(given["bob"]) == set("lr")
    assert set(more["bob"]) >= set("lrs")
    assert "bob" not in left


@on_servers_with("METADATA")
async def test_annotations_are_set_found_below_and_removed(client: AsyncClient) -> None:
    await client.run(Create(MINE))
    entries = (("/private/comment", b"two\r\nlines"), ("/private/vendor/test/a", b'quoted "text" \\'))
    await client.run(SetMetadata(MINE, entries))

    one = await client.run(GetMetadata(MINE, ("/private/comment",)))
    below = await client.run(GetMetadata(MINE, ("/private/vendor/test",), MetadataDepth.ALL))
    short = await client.run(GetMetadata(MINE, ("/private/comment",), max_bytes=3))
    await client.run(SetMetadata(MINE, (("/private/comment", None),)))
    gone = await client.run(GetMetadata(MINE, ("/private/comment",)))

    assert one.entries == {"/private/comment": b"two\r\nlines"}
    assert below.entries["/private/vendor/test/a"] == b'quoted "text" \\'
    assert (short.entries.get("/private/comment"), short.longest_left_out_bytes) == (None, 10)
    assert gone.entries.get("/private/comment") is None


async def test_quotas_are_told_and_set_by_the_administrator(cyrus_server: Cyrus) -> None:
    account = cyrus_server.account("miser")
    user = await connect(account.settings())
    await user.run(Status("INBOX"))  # it is made behind the login's OK
    administrator = await connect(cyrus_server.administrator.settings())
    await administrator.run(SetQuota("user/miser", (("STORAGE", 1000), ("MESSAGE", 2))))

    (quota,) = await user.run(GetQuotaRoot("INBOX"))
    (root,) = await ImapReader(user, account="miser").quota_roots("INBOX")
    limits = {one.name: one.limit for one in root.resources}
    assert limits == {"STORAGE": 1000, "MESSAGE": 2}

    assert {name: one.limit for name, one in quota.resources.items()} == {"STORAGE": 1000, "MESSAGE": 2}
    assert (await administrator.run(GetQuota("user/miser"))).resources == quota.resources
    with pytest.raises(CommandRefused):
        await user.run(SetQuota(quota.root, ()))
    await user.close()
    await administrator.close()


@on_servers_with("QUOTA")
async def test_a_mailbox_without_a_limit_has_no_quota(client: AsyncClient) -> None:
    quotas = await client.run(GetQuotaRoot("INBOX"))

    assert all(one.limit for quota in quotas for one in quota.resources.values())


@on_servers_with("STATUS=SIZE")
async def test_the_size_of_a_mailbox_is_that_of_its_messages(client: AsyncClient, account: Account) -> None:
    content = message()
    account.fill("INBOX", [SampleMessage(content=content), SampleMessage(content=content)])

    status = await client.run(Status("INBOX", (StatusItem.SIZE, StatusItem.MESSAGES)))

    assert (status.size_bytes, status.messages) == (2 * len(content), 2)


@on_servers(*ANNOUNCED)
async def test_expunge_and_close_remove_what_is_marked(client: AsyncClient, account: Account) -> None:
    account.fill("INBOX", [SampleMessage(content=message()) for _ in range(4)])
    await client.run(Select("INBOX"))
    await client.run(UidStore(SequenceSet.of((1, 2)), StoreChange.ADD, ("\\Deleted",)))
    await client.run(Check())

    gone = await client.run(Expunge())
    await client.run(UidStore(SequenceSet.of((3,)), StoreChange.ADD, ("\\Deleted",)))
    await client.run(Close())
    opened = await client.run(Select("INBOX"))

    assert gone == 2
    assert opened.exists == 1


@on_servers_with("UNSELECT")
async def test_unselect_removes_nothing(client: AsyncClient, account: Account) -> None:
    account.fill("INBOX", [SampleMessage(content=message())])
    await client.run(Select("INBOX"))
    await client.run(UidStore(SequenceSet.of((1,)), StoreChange.ADD, ("\\Deleted",)))

    await client.run(Unselect())

    assert (await client.run(Status("INBOX"))).messages == 1


@on_servers_with("UTF8=ACCEPT")
async def test_names_travel_in_utf8_once_enabled(client: AsyncClient, account: Account) -> None:
    name = own(account, "Entwürfe")
    assert await client.run(Enable(("UTF8=ACCEPT",))) == {"UTF8=ACCEPT"}

    await client.run(Create(name))

    listed = await client.run(ListAnywhere(ListExtended()))
    assert name in {one.mailbox for one in listed}
