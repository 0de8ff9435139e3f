"""Which contents does a plan document promise, worked out from the state before it?"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.servers.mailbox_state import contents_of

if TYPE_CHECKING:
    from tests.servers.mailbox_state import Contents, SeenMessage


def end_of(plan: dict[str, Any], start: dict[str, tuple[SeenMessage, ...]]) -> Contents:  # Any: a JSON document
    """The contents of all mailboxes after exactly this plan."""
    end = {name: Counter(messages) for name, messages in contents_of(start).items()}
    for mailbox in plan["mailboxes"]:
        before = {one.uid: one for one in start[mailbox["mailbox"]]}
        for message in mailbox["messages"]:
            seen = before[message["uid"]]
            flags = seen.flags - {"\\recent"}
            end[mailbox["mailbox"]][seen.message_id, flags] -= 1
            place = mailbox["mailbox"]
            for step in message["steps"]:
                names = {flag.lower() for flag in step.get("flags", ())}
                match step["kind"]:
                    case "add_flags":
                        flags |= names
                    case "remove_flags":
                        flags -= names
                    case "copy":
                        end.setdefault(step["to"], Counter())[seen.message_id, flags] += 1
                    case "move":
                        place = step["to"]
                    case kind:
                        raise AssertionError(f"the job plans no {kind}")
            end.setdefault(place, Counter())[seen.message_id, flags] += 1
    return {name: +messages for name, messages in end.items() if +messages}
