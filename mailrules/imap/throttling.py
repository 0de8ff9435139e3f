"""When a server refuses for a while only, how long does it want to be left alone?

RFC 5530 has codes for this; Exchange and Office 365 say it in words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.values import dataclass

if TYPE_CHECKING:
    from mailrules.errors import CommandRefused

LONGEST_WAIT_SECONDS: Final = 900.0
"""Whatever a server suggests, it is asked again after this. Office 365 suggests five minutes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttling:
    """One row: seconds to wait before the same is tried again; None where waiting alone does not help."""

    after_login: float | None
    after_command: float | None


THROTTLING: Final = {
    # "Temporary failure because a subsystem is down."
    "UNAVAILABLE": Throttling(after_login=30.0, after_command=30.0),
    # "Someone else may be holding an exclusive lock ... may succeed if the client tries again later"
    "INUSE": Throttling(after_login=10.0, after_command=10.0),
    # A limit on connections passes when others end. A limit on a mailbox or a message is there to stay.
    "LIMIT": Throttling(after_login=60.0, after_command=None),
    # Only somebody who deletes mail helps; at login it is how Gmail calls too much traffic.
    "OVERQUOTA": Throttling(after_login=300.0, after_command=None),
    "SERVERBUG": Throttling(after_login=60.0, after_command=None),
    "CONTACTADMIN": Throttling(after_login=300.0, after_command=None),
    # Gmail's word for an account with too much traffic.
    "THROTTLED": Throttling(after_login=300.0, after_command=60.0),
}
"""By response code, RFC 5530 section 3 but for the last."""

# Office 365: "BAD Request is throttled. Suggested Backoff Time: 299768 milliseconds", and NO likewise.
_SUGGESTED = re.compile(r"Suggested Backoff Time: (\d{1,12}) milliseconds", re.IGNORECASE)
# Gmail: "NO [ALERT] Too many simultaneous connections. (Failure)". The words are all it gives.
_TOO_MANY_CONNECTIONS = re.compile(
    r"too many (?:simultaneous )?connections|maximum number of connections", re.IGNORECASE
)


def seconds_after_login(refusal: CommandRefused) -> float | None:
    """How long to wait before logging in again; None where the refusal is not one that passes."""
    if is_out_of_connections(refusal) and refusal.code not in THROTTLING:
        return THROTTLING["LIMIT"].after_login
    row = THROTTLING.get(refusal.code)
    return _seconds(refusal, row.after_login if row else None)


def seconds_after_command(refusal: CommandRefused) -> float | None:
    """How long to wait before sending the refused command again; None where that would be refused as well."""
    row = THROTTLING.get(refusal.code)
    return _seconds(refusal, row.after_command if row else None)


def is_out_of_connections(refusal: CommandRefused) -> bool:
    """Whether a login was refused because there are as many connections as the server allows."""
    return refusal.code == "LIMIT" or _TOO_MANY_CONNECTIONS.search(refusal.text) is not None


def _seconds(refusal: CommandRefused, usual: float | None) -> float | None:
    suggested = _SUGGESTED.search(refusal.text)
    seconds = int(suggested[1]) / 1000 if suggested else usual
    return None if seconds is None else min(seconds, LONGEST_WAIT_SECONDS)
