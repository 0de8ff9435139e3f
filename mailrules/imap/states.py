"""In which state may each command be sent, and which state does its answer lead to?

The states are those of RFC 9051 section 3. IDLE is no state of its own: while it runs, the
pipelining gate lets nothing else out.
"""

from __future__ import annotations

from enum import Enum

from mailrules.errors import LocalProtocolError
from mailrules.values import dataclass


class State(Enum):
    """Where a connection stands; the value is the word for people."""

    GREETING = "waiting for the greeting"
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row: ``success`` and ``failure`` are the states after OK and after NO or BAD; None stays."""

    allowed: frozenset[State]
    success: State | None = None
    failure: State | None = None


def require_state(name: str, state: State) -> None:
    """Raise LocalProtocolError unless the command ``name`` may be sent in ``state``."""
    allowed = _row(name).allowed
    if state not in allowed:
        needed = " or ".join(one.value for one in State if one in allowed)
        raise LocalProtocolError(f"{name} needs a connection that is {needed}; this one is {state.value}")


def state_after(name: str, state: State, *, succeeded: bool) -> State:
    """The state after the tagged reply to ``name``."""
    row = _row(name)
    return (row.success if succeeded else row.failure) or state


def needs_open_mailbox(name: str) -> bool:
    """Whether the command ``name`` is about messages of the open mailbox."""
    return _row(name).allowed == {State.SELECTED}


def _row(name: str) -> Transition:
    try:
        return TRANSITIONS[name]
    except KeyError:
        raise LocalProtocolError(f"{name} has no row in the table of states") from None


_CONNECTED = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
_LOGGED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
_ANY = Transition(allowed=_CONNECTED)
_STRANGER = Transition(allowed=frozenset({State.NOT_AUTHENTICATED}))
_LOGIN = Transition(allowed=frozenset({State.NOT_AUTHENTICATED}), success=State.AUTHENTICATED)
_ACCOUNT = Transition(allowed=_LOGGED_IN)
# "if the SELECT command fails, no mailbox is selected" (RFC 9051 section 6.3.2)
_OPEN = Transition(allowed=_LOGGED_IN, success=State.SELECTED, failure=State.AUTHENTICATED)
_MESSAGES = Transition(allowed=frozenset({State.SELECTED}))

TRANSITIONS: dict[str, Transition] = {
    "CAPABILITY": _ANY,
    "NOOP": _ANY,
    "ID": _ANY,
    "LANGUAGE": _ANY,
    "LOGOUT": Transition(allowed=_CONNECTED, success=State.LOGOUT, failure=State.LOGOUT),
    "STARTTLS": _STRANGER,
    "LOGIN": _LOGIN,
    "AUTHENTICATE": _LOGIN,
    "UNAUTHENTICATE": Transition(allowed=_LOGGED_IN, success=State.NOT_AUTHENTICATED),
    "COMPRESS": _ACCOUNT,
    # "The ENABLE command is only valid in the authenticated state" (RFC 5161 section 3.1)
    "ENABLE": Transition(allowed=frozenset({State.AUTHENTICATED})),
    "NAMESPACE": _ACCOUNT,
    "LIST": _ACCOUNT,
    "LSUB": _ACCOUNT,
    "STATUS": _ACCOUNT,
    "CREATE": _ACCOUNT,
    "RENAME": _ACCOUNT,
    "DELETE": _ACCOUNT,
    "SUBSCRIBE": _ACCOUNT,
    "UNSUBSCRIBE": _ACCOUNT,
    "APPEND": _ACCOUNT,
    "GETACL": _ACCOUNT,
    "SETACL": _ACCOUNT,
    "DELETEACL": _ACCOUNT,
    "MYRIGHTS": _ACCOUNT,
    "LISTRIGHTS": _ACCOUNT,
    "GETQUOTA": _ACCOUNT,
    "GETQUOTAROOT": _ACCOUNT,
    "SETQUOTA": _ACCOUNT,
    "GETMETADATA": _ACCOUNT,
    "SETMETADATA": _ACCOUNT,
    "GETANNOTATION": _ACCOUNT,
    "SETANNOTATION": _ACCOUNT,
    "COMPARATOR": _ACCOUNT,
    "IDLE": _ACCOUNT,
    "SELECT": _OPEN,
    "EXAMINE": _OPEN,
    "CHECK": _MESSAGES,
    "EXPUNGE": _MESSAGES,
    "CLOSE": Transition(allowed=frozenset({State.SELECTED}), success=State.AUTHENTICATED),
    "UNSELECT": Transition(allowed=frozenset({State.SELECTED}), success=State.AUTHENTICATED),
    "UID SEARCH": _MESSAGES,
    "UID SEARCH RETURN": _MESSAGES,
    "UID SORT": _MESSAGES,
    "UID SORT RETURN": _MESSAGES,
    "UID THREAD": _MESSAGES,
    "ESEARCH": _ACCOUNT,
    "UID FETCH": _MESSAGES,
    "UID STORE": _MESSAGES,
    "UID COPY": _MESSAGES,
    "UID MOVE": _MESSAGES,
    "UID EXPUNGE": _MESSAGES,
    "UID REPLACE": _MESSAGES,
    "CANCELUPDATE": _MESSAGES,
    "NOTIFY SET": _ACCOUNT,
    "NOTIFY NONE": _ACCOUNT,
    "GENURLAUTH": _ACCOUNT,
    "RESETKEY": _ACCOUNT,
    "URLFETCH": _ACCOUNT,
    "GETJMAPACCESS": _ACCOUNT,
}
