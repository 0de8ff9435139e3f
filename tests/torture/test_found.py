"""Points at which a promise was broken once, each with what was wrong."""

from __future__ import annotations

import pytest

from tests.torture.catalogue import suite_named
from tests.torture.suites import point_named, report

FOUND = {
    # The source could not be opened to compare, and another mailbox's message of that UID was compared instead.
    "answers/everything{m7,m8}/bare/12-no-": "the copy in Trash was taken for another message, and made again",
    "answers/copies{m3,m4}/bare/16-no-TRYCREATE": "the copy in Kept was taken for another message, and made again",
    "answers/copies/bare/30-no-OVERQUOTA": "the same, in a mailbox that the run had made",
    # What reading cannot decide was planned and done anew.
    "places/everything{m4}/bare/5-reset-target": "two messages whose copies were in doubt were copied again",
    "places/everything/bare/45-recreate-target": "the same, where the target was made anew",
    # \Deleted, set by half before the NO, hides a message from rules: it was neither removed nor told of.
    "answers/deletes{m3}/no-move-objectid/6-part-TRYCREATE": "a message that was to be deleted stayed for ever",
    # Somebody renamed the target between the copy and our look at it.
    "places/moves{m5}/bare/6-rename-target": "what lay under another name by then was copied again",
    # NO to MYRIGHTS was taken for having no rights that could be lost.
    "answers/rights{m2}/no-objectid/6-no-UNAVAILABLE": "our own right to administer was taken away",
    # A look-alike in the target stood for the message.
    "others/everything/bare/15-lookalike-m3": "the message was taken for another one, and moved again",
}


@pytest.mark.parametrize("name", FOUND)
async def test_what_was_found_once_does_not_come_back(name: str) -> None:
    point = point_named(name)

    attempt = await suite_named(point.suite).attempt(point)

    assert not attempt.findings, report(point, attempt, first=point)
