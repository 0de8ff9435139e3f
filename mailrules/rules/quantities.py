"""How sizes, durations, times of day and dates are written in rules, and what they mean."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?(B|KiB|MiB|GiB)?")
_SIZE_UNITS = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_DECIMAL_UNITS = {"k": "KiB", "kb": "KiB", "m": "MiB", "mb": "MiB", "g": "GiB", "gb": "GiB"}
_DURATION = re.compile(r"([0-9]{1,6}) ?([smhdw])")
_DURATION_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class QuantityError(ValueError):
    """The text is no such quantity; ``cure`` shows what to write."""

    def __init__(self, message: str, *, cure: str) -> None:
        self.cure = cure
        super().__init__(message)


def parse_size(text: str) -> int:
    """Bytes: ``20MiB``, ``1.5 KiB`` or a plain number."""
    match = _SIZE.fullmatch(text.strip())
    if match:
        return (
            int(float(match[1]) * _SIZE_UNITS[match[2] or ""])
            if "." in match[1]
            else (int(match[1]) * _SIZE_UNITS[match[2] or ""])
        )
    unit = re.sub(r"[0-9. ]", "", text).lower()
    if unit in _DECIMAL_UNITS:
        raise QuantityError(f'"{text}" has no unit that rules know', cure=f"write {_DECIMAL_UNITS[unit]} (1024s)")
    raise QuantityError(f'"{text}" is not a size', cure="write bytes, or a number with KiB, MiB or GiB: 20MiB")


def parse_duration(text: str) -> timedelta:
    """A time span with one unit: ``90s``, ``15m``, ``1h``, ``30d``, ``2w``; m is minutes."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        raise QuantityError(
            f'"{text}" is not a duration', cure="write a number with s, m (minutes), h, d or w: 30d (a month is 30d)"
        )
    return timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})


def parse_time_of_day(text: str) -> str:
    """``HH:MM``, unchanged."""
    if not _TIME_OF_DAY.fullmatch(text):
        raise QuantityError(f'"{text}" is not a time of day', cure='write hours and minutes in quotes: "03:20"')
    return text


def parse_moment(text: str) -> date | datetime:
    """A bare date (``2026-01-31``) or an instant with its zone (``2026-01-31T08:00:00+01:00``)."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QuantityError(f'"{text}" is not a date', cure="write year-month-day: 2026-01-31") from None
    if moment.tzinfo is None:
        raise QuantityError(f'"{text}" has no time zone', cure="add it: 2026-01-31T08:00:00+01:00, or a date alone")
    return moment


def parse_age_or_moment(text: str, *, now: datetime) -> datetime:
    """The instant that an example names: a date, an instant, or an age such as ``40d`` before ``now``."""
    if _DURATION.fullmatch(text.strip()):
        return now - parse_duration(text)
    moment = parse_moment(text)
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, 12, tzinfo=now.tzinfo or UTC)
