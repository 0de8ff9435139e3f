"""The daemon keeps mailboxes as their policies declare them: at its start, when the file changes, and daily."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.daemon.conftest import RULES

if TYPE_CHECKING:
    from tests.daemon.conftest import Daemon

SHARE = 'mailboxes: {"home/Shared/*": {rights: {bob: lr}}}\n'


async def test_policies_are_kept_from_the_start_and_again_when_the_file_changes(daemon: Daemon) -> None:
    shared = daemon.mail.create("Shared/A")
    daemon.write(RULES + SHARE)

    async with daemon.running():
        first = await daemon.log.saw("policies.kept")
        assert shared.rights["bob"] == "lr"
        daemon.write(RULES + SHARE.replace("lr}", "lrs}"))
        await daemon.log.saw("policies.kept", times=2)
        assert shared.rights["bob"] == "lrs"

    assert (first["applied"], first["not_applied"]) == (1, 0)


async def test_what_somebody_changed_by_hand_is_put_right_once_a_day_where_no_rule_names_a_mailbox(
    daemon: Daemon,
) -> None:
    shared = daemon.mail.create("Shared/A")
    daemon.write(SHARE)

    async with daemon.running(watchers=0):
        await daemon.log.saw("policies.kept")
        looks = daemon.log.count("policies.kept")
        shared.rights["bob"] = "lrswi"
        daemon.mail.create("Shared/New")
        daemon.clock.now += timedelta(hours=23)
        assert daemon.log.count("policies.kept") == looks
        daemon.clock.now += timedelta(hours=2)
        await daemon.log.saw("policies.kept", times=2)
        assert [daemon.mail[name].rights["bob"] for name in ("Shared/A", "Shared/New")] == ["lr", "lr"]


async def test_what_cannot_be_brought_about_is_logged_and_the_mail_is_judged_all_the_same(daemon: Daemon) -> None:
    daemon.write(RULES + "mailboxes: {home/Gone: {subscribed: true}, home/INBOX: {quota: {storage: 1GiB}}}\n")

    async with daemon.running():
        left = [await daemon.log.saw("policy.left_out", times=times) for times in (1, 2)]

    assert [one["reason"] for one in left] == [
        "home/Gone: there is no such mailbox; make it, or add create: true",
        "home/INBOX: quotas stay as they are: the server has no QUOTA (RFC 9208)",
    ]
