"""The job of a retention rule: a large mailbox of years, of which one message in a hundred has become too old."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from mailrules.testing.builders import SampleMessage, message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MESSAGES = 100_000
DAYS = 1_000
KEPT_DAYS = 990
"""Mail is spread evenly over the days, so one in a hundred is older."""


def too_old(count: int) -> int:
    """How many of so many messages the job concerns."""
    return sum(_age_days(number, count) > KEPT_DAYS for number in range(count))


def messages(count: int, *, today: datetime) -> Iterator[SampleMessage]:
    """The mailbox before the job, oldest first. All came at noon, so that it makes no difference when the job runs."""
    noon = datetime.combine(today.astimezone(UTC).date(), time(12), tzinfo=UTC)
    for number in range(count):
        received = noon - timedelta(days=_age_days(number, count))
        content = message(
            from_=f"Sender {number % 97} <sender{number % 97}@people{number % 13}.example>",
            subject=f"Number {number}",
            date=received,
            message_id=f"<{number}@people{number % 13}.example>",
        )
        yield SampleMessage(
            content=content, flags=frozenset({"\\Seen"}) if number % 3 else frozenset(), received=received
        )


def first_kept_day(*, today: datetime) -> datetime:
    """The day before which mail is too old, as SEARCH BEFORE wants it."""
    return today.astimezone(UTC) - timedelta(days=KEPT_DAYS)


def configuration(*, port: int, user: str, password_file: Path) -> str:
    """A whole configuration file for the job."""
    return f"""version: 1
accounts:
  home:
    host: 127.0.0.1
    port: {port}
    user: {user}
    security: none
    secret: {{file: {password_file}}}
    compress: true
defaults: {{in: [home/INBOX], first_run: act}}
rules:
  - name: retention
    if: {{received: {{older_than: {KEPT_DAYS}d}}}}
    do: [{{trash: true}}]
"""


def _age_days(number: int, count: int) -> int:
    """From DAYS down to 1; nobody's day is the one on which mail becomes too old."""
    age = DAYS - number * DAYS // count
    return age if age > KEPT_DAYS else age - 1
