"""When a message says it was sent: the Date field (RFC 5322 section 3.3 and 4.3), read leniently."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from mailrules.mailbox.message import Unreadable

MAX_DATE_BYTES = 200

_DATE = re.compile(
    r"(?:[A-Za-z]{2,9}\.?\s*,?\s*)?"
    r"(?P<day>\d{1,2})[\s-]+(?P<month>[A-Za-z]{3})[A-Za-z]*[\s.,-]+(?P<year>\d{2,4}),?\s+"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:\.\d+)?)?"
    r"\s*(?P<zone>[+-]\d{4}|[+-]\d{2}:\d{2}|[A-Za-z]{1,5})?(?![\w:])"
)
_ASCTIME = re.compile(
    r"[A-Za-z]{3},?\s+(?P<month>[A-Za-z]{3})\s+(?P<day>\d{1,2})\s+"
    r"(?P<hour>\d{2}):(?P<minute>\d{2}):(?P<second>\d{2})\s+(?P<zone>[A-Za-z]{3,5}\s+)?(?P<year>\d{4})"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ZONE_HOURS = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}


def parse_date(raw: bytes) -> datetime | Unreadable:
    """The instant of a Date value, aware, in the zone that it names.

    A missing zone, ``-0000`` and zone names that RFC 5322 does not define count as UTC.
    """
    if len(raw) > MAX_DATE_BYTES:
        return Unreadable(reason=f"the Date field is {len(raw):,} bytes long")
    text = _without_comments(raw.decode("latin-1"))
    match = _DATE.match(text) or _ASCTIME.match(text)
    month = match["month"][:3].lower() if match else ""
    if match is None or month not in _MONTHS:
        return Unreadable(reason=f"the Date field is no date: {text[:60]!r}")
    try:
        return datetime(
            _year(match["year"]),
            _MONTHS.index(month) + 1,
            int(match["day"]),
            int(match["hour"]),
            int(match["minute"]),
            # A leap second (60) is the same instant as the next minute's start to any rule.
            min(int(match["second"] or 0), 59),
            tzinfo=_zone((match["zone"] or "").strip()),
        )
    except ValueError as error:
        return Unreadable(reason=f"the Date field is no date: {text[:60]!r} ({error})")


def _without_comments(text: str) -> str:
    return re.sub(r"\([^()]*\)", " ", text).strip()


def _year(digits: str) -> int:
    """RFC 5322 section 4.3: two digits below 50 are 20xx, other short years count from 1900."""
    year = int(digits)
    if len(digits) == 2 and year < 50:
        return 2000 + year
    return 1900 + year if len(digits) < 4 else year


def _zone(name: str) -> timezone:
    if name[:1] in ("+", "-") and name:
        minutes = int(name[1:3]) * 60 + int(name[-2:])
        return UTC if minutes == 0 else timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes))
    return timezone(timedelta(hours=_ZONE_HOURS[name.upper()])) if name.upper() in _ZONE_HOURS else UTC
