"""Which names, patterns and conversions of the standard library's ``imaplib`` need no connection?

Programs import these by name, so they keep the names, types and results that its documentation gives them.
"""

from __future__ import annotations

import calendar
import re
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from typing import SupportsAbs, SupportsInt

TimeLike: TypeAlias = "float | time.struct_time | tuple[int, ...] | datetime | str"

CRLF = b"\r\n"
IMAP4_PORT = 143
IMAP4_SSL_PORT = 993
AllowedVersions = ("IMAP4REV1", "IMAP4")
"""Most recent first."""

_ANY = ("NONAUTH", "AUTH", "SELECTED", "LOGOUT")
_LOGGED_IN = ("AUTH", "SELECTED")

Commands: dict[str, tuple[str, ...]] = {
    "APPEND": _LOGGED_IN,
    "AUTHENTICATE": ("NONAUTH",),
    "CAPABILITY": _ANY,
    "CHECK": ("SELECTED",),
    "CLOSE": ("SELECTED",),
    "COPY": ("SELECTED",),
    "CREATE": _LOGGED_IN,
    "DELETE": _LOGGED_IN,
    "DELETEACL": _LOGGED_IN,
    "ENABLE": ("AUTH",),
    "EXAMINE": _LOGGED_IN,
    "EXPUNGE": ("SELECTED",),
    "FETCH": ("SELECTED",),
    "GETACL": _LOGGED_IN,
    "GETANNOTATION": _LOGGED_IN,
    "GETQUOTA": _LOGGED_IN,
    "GETQUOTAROOT": _LOGGED_IN,
    "ID": ("NONAUTH", "AUTH", "SELECTED"),
    "IDLE": _LOGGED_IN,
    "LIST": _LOGGED_IN,
    "LOGIN": ("NONAUTH",),
    "LOGOUT": _ANY,
    "LSUB": _LOGGED_IN,
    "MOVE": ("SELECTED",),
    "MYRIGHTS": _LOGGED_IN,
    "NAMESPACE": _LOGGED_IN,
    "NOOP": _ANY,
    "PARTIAL": ("SELECTED",),  # of RFC 1730, dropped since
    "PROXYAUTH": ("AUTH",),
    "RENAME": _LOGGED_IN,
    "SEARCH": ("SELECTED",),
    "SELECT": _LOGGED_IN,
    "SETACL": _LOGGED_IN,
    "SETANNOTATION": _LOGGED_IN,
    "SETQUOTA": _LOGGED_IN,
    "SORT": ("SELECTED",),
    "STARTTLS": ("NONAUTH",),
    "STATUS": _LOGGED_IN,
    "STORE": ("SELECTED",),
    "SUBSCRIBE": _LOGGED_IN,
    "THREAD": ("SELECTED",),
    "UID": ("SELECTED",),
    "UNSELECT": ("SELECTED",),
    "UNSUBSCRIBE": _LOGGED_IN,
}
"""In which states each command may be sent. Programs add to it, and so does ``xatom``."""

# The client reads responses with the parser of mailrules.imap. These stay for programs that use them.
Continuation = re.compile(rb"\+( (?P<data>.*))?")
Flags = re.compile(rb".*FLAGS \((?P<flags>[^\)]*)\)")
InternalDate = re.compile(
    rb'.*INTERNALDATE "(?P<day>[ 0123][0-9])-(?P<mon>[A-Z][a-z][a-z])-(?P<year>[0-9][0-9][0-9][0-9])'
    rb" (?P<hour>[0-9][0-9]):(?P<min>[0-9][0-9]):(?P<sec>[0-9][0-9])"
    rb' (?P<zonen>[-+])(?P<zoneh>[0-9][0-9])(?P<zonem>[0-9][0-9])"'
)
Literal = re.compile(rb".*{(?P<size>\d+)}$", re.ASCII)
MapCRLF = re.compile(rb"\r\n|\r|\n")
Response_code = re.compile(rb"\[(?P<type>[A-Z-]+)( (?P<data>.*))?\]")
Untagged_response = re.compile(rb"\* (?P<type>[A-Z-]+)( (?P<data>.*))?")
Untagged_status = re.compile(rb"\* (?P<data>\d+) (?P<type>[A-Z-]+)( (?P<data2>.*))?", re.ASCII)

Months = ["", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
Mon2num = {month.encode(): number for number, month in enumerate(Months) if number}


def Internaldate2tuple(resp: bytes) -> time.struct_time | None:
    """The local time of the INTERNALDATE in a response, None where there is none that can be read."""
    match = InternalDate.match(resp)
    if match is None or match["mon"] not in Mon2num:
        return None
    clock = tuple(int(match[name]) for name in ("hour", "min", "sec"))
    moment = calendar.timegm((int(match["year"]), Mon2num[match["mon"]], int(match["day"]), *clock, -1, -1, -1))
    offset_seconds = 3600 * int(match["zoneh"]) + 60 * int(match["zonem"])
    return time.localtime(moment + offset_seconds if match["zonen"] == b"-" else moment - offset_seconds)


def Int2AP(num: SupportsAbs[SupportsInt]) -> bytes:
    """The number in base 16 with the digits A to P, b"" for 0."""
    left = int(abs(num))
    digits = bytearray()
    while left:
        left, digit = divmod(left, 16)
        digits.append(b"ABCDEFGHIJKLMNOP"[digit])
    return bytes(reversed(digits))


def ParseFlags(resp: bytes) -> tuple[bytes, ...]:
    """The flags in a FLAGS or FETCH response, () where it has none."""
    match = Flags.match(resp)
    return tuple(match["flags"].split()) if match else ()


def Time2Internaldate(date_time: TimeLike) -> str:
    """``"DD-Mmm-YYYY HH:MM:SS +HHMM"``, quotes included, as APPEND takes it.

    Takes seconds since the epoch, a 9-tuple or ``time.struct_time`` of local time, an aware ``datetime``, or a
    string that is in double quotes already, which comes back as it is. Raises ValueError for anything else.
    """
    if isinstance(date_time, str) and len(date_time) >= 2 and date_time[0] == date_time[-1] == '"':
        return date_time
    moment = _moment(date_time)
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("date_time must be aware")
    minutes = round(offset.total_seconds() / 60)
    zone = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"
    # %b of strftime follows the locale; the protocol does not.
    return f'"{moment.day:02d}-{Months[moment.month]}-{moment.year:04d} {moment:%H:%M:%S} {zone}"'


def _moment(date_time: TimeLike) -> datetime:
    match date_time:
        case datetime():
            return date_time
        case int() | float():
            return datetime.fromtimestamp(date_time, UTC).astimezone()
        case time.struct_time(tm_gmtoff=int(offset_seconds)):
            return datetime(*date_time[:6], tzinfo=timezone(timedelta(seconds=offset_seconds)))
        case tuple() if len(date_time) == 9:
            return datetime.fromtimestamp(time.mktime(time.struct_time(date_time)), UTC).astimezone()
        case _:
            raise ValueError(f"date_time not of a known type: {type(date_time).__name__}")
