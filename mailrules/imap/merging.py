"""What do several FETCH responses together tell of each message?"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

from mailrules.imap.fetch_data import FetchData
from mailrules.imap.responses import VanishedData
from mailrules.imap.resync import Changes
from mailrules.imap.sequence_set import SequenceSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mailrules.imap.parser import Untagged

_FETCH_FIELDS = tuple(one.name for one in fields(FetchData))


def merge_by_uid(responses: Iterable[Untagged]) -> tuple[FetchData, ...]:
    """One value for each message, ascending by UID; of what is told twice, the later word holds."""
    merged: dict[int, FetchData] = {}
    for response in responses:
        if isinstance(response, FetchData) and response.uid is not None:
            earlier = merged.get(response.uid)
            merged[response.uid] = response if earlier is None else merge(earlier, response)
    return tuple(merged[uid] for uid in sorted(merged))


def changes_of(responses: Iterable[Untagged]) -> Changes:
    """What these FETCH and VANISHED (EARLIER) responses together tell."""
    told = tuple(responses)
    gone = (response.uids for response in told if isinstance(response, VanishedData) and response.earlier)
    return Changes(messages=merge_by_uid(told), vanished=SequenceSet().union(*gone))


def merge(earlier: FetchData, later: FetchData) -> FetchData:
    """What two responses tell of one message; of what both tell, the later word holds."""
    told = {name: value for name in _FETCH_FIELDS if (value := getattr(later, name)) not in (None, "")}
    told["sections"] = {**earlier.sections, **later.sections}
    told["extras"] = earlier.extras.updated(later.extras)
    told["malformed"] = {**earlier.malformed, **later.malformed}
    return replace(earlier, **told)
