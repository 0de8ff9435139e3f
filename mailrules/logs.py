"""Which events mailrules logs, where they go, and what never gets into them.

Logs go to stderr: lines for people on a terminal, JSON otherwise. An event is
``noun.past_participle`` out of ``EVENTS``, with fields instead of prose. A ``Secret`` never gets
out; what mail says (``CONTENT_FIELDS``) is only logged at debug level, and hidden there too unless
``configure`` is told to show it.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, TextIO

from mailrules.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

EVENTS = frozenset(
    {
        "account.failed",
        "cache.dropped",
        "cache.unusable",
        "changes.stopped",
        "connection.lost",
        "connection.opened",
        "connection.retried",
        "daemon.started",
        "daemon.stopped",
        "held.forgotten",
        "flags.outdated",
        "mailbox.refused",
        "mailbox.watched",
        "outbox.given_up",
        "outbox.settled",
        "plugin.failed",
        "policies.kept",
        "policy.left_out",
        "recovery.finished",
        "recovery.undecided",
        "rule.held",
        "rules.rejected",
        "rules.reloaded",
        "rules.watched",
        "run.finished",
        "run.warned",
        "schedule.reached",
        "search.refused",
        "search.untruthful",
        "shadow.noted",
        "shadow.unknown",
        "stop.requested",
        "task.failed",
        "upkeep.put_off",
    }
)
"""Every event that the product logs; a test holds this list and the code together."""

CONTENT_FIELDS = frozenset({"subject", "sender", "recipient", "address", "header", "text", "message_id"})
"""Fields that carry words of a message."""

_HIDDEN = "***"
_MAX_NESTING = 6
_LINE_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]+")
# Controls C0 and C1 with DEL; format characters (bidi, zero width, tags); fillers and selectors that show nothing.
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_SURROGATES = re.compile("[\ud800-\udfff]")


class LogFormat(StrEnum):
    """``AUTO`` is ``CONSOLE`` on a terminal, else ``JSON``."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


def clean_text(text: str) -> str:
    """A stranger's text made safe for one line of a terminal or log.

    Line breaks and tabs become a space; C0, C1, bidirectional and invisible characters are
    removed; half characters (lone surrogates), which no stream could write, become U+FFFD.
    """
    if text.isascii() and text.isprintable():
        return text
    return _SURROGATES.sub("\ufffd", _INVISIBLE.sub("", _LINE_BREAKS.sub(" ", text)))


def configure(
    stream: TextIO,
    *,
    log_format: LogFormat = LogFormat.AUTO,
    level: int = logging.INFO,
    color: bool = False,
    show_content: bool = False,
    only_listed_events: bool = False,
) -> None:
    """Send all logs to ``stream``. ``only_listed_events`` raises for others, for use in tests.

    structlog is only loaded for the first logger, since it takes a tenth of a second, and most commands log nothing.
    """
    set_up = partial(
        _set_up,
        stream,
        log_format=log_format,
        level=level,
        color=color,
        show_content=show_content,
        only_listed_events=only_listed_events,
    )
    _waiting.clear()
    if "structlog" in sys.modules:
        set_up()
    else:
        _waiting.append(set_up)


def get_logger(**fields: object) -> FilteringBoundLogger:
    """A logger whose every line carries ``fields``; it follows ``configure`` whenever that is called."""
    import structlog  # noqa: PLC0415 -- see ``configure``

    prepare()
    logger: FilteringBoundLogger = structlog.get_logger(**fields)
    return logger


def prepare() -> None:
    """Load and set up what the first logger needs, on a thread that has the time: then that does not wait for it."""
    with _one_sets_up:
        while _waiting:
            _waiting.pop()()


_waiting: list[Callable[[], None]] = []
"""What ``configure`` was told, until there is a logger to follow it."""

_one_sets_up = threading.Lock()
"""The cache logs on its own thread."""


def _set_up(
    stream: TextIO,
    *,
    log_format: LogFormat,
    level: int,
    color: bool,
    show_content: bool,
    only_listed_events: bool,
) -> None:
    import structlog  # noqa: PLC0415 -- see ``configure``

    on_terminal = log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and stream.isatty())
    processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if on_terminal else "iso", utc=not on_terminal),
        structlog.processors.format_exc_info,
        _Content(shown=show_content),
        _clean_values,
    ]
    if only_listed_events:
        processors.insert(0, _refuse_unlisted)
    if on_terminal:
        processors.append(structlog.dev.ConsoleRenderer(colors=color, pad_event_to=20, sort_keys=False))
    else:
        processors.append(structlog.processors.JSONRenderer())
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )


def _refuse_unlisted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if event["event"] not in EVENTS:
        raise ValueError(f"the log event {event['event']!r} is not listed in mailrules.logs.EVENTS")
    return event


class _Content:
    """Keeps a message's words out of the log: gone above debug level, hidden at it unless ``shown``."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown

    def __call__(self, _logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        for name in CONTENT_FIELDS & event.keys():
            if method != "debug":
                del event[name]
            elif not self._shown:
                event[name] = _HIDDEN
        return event


def _clean_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        key: _cleaned_traceback(value) if key == "exception" else _cleaned(value, depth=0)
        for key, value in event.items()
    }


def _cleaned(value: object, *, depth: int) -> object:
    """Plain values for any renderer: secrets hidden, strings cleaned, other objects as their text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Secret):
        return _HIDDEN
    if depth < _MAX_NESTING and isinstance(value, dict):
        return {clean_text(str(key)): _cleaned(part, depth=depth + 1) for key, part in value.items()}
    if depth < _MAX_NESTING and isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(part, depth=depth + 1) for part in value]
    return clean_text(str(value))


def _cleaned_traceback(value: object) -> str:
    return "\n".join(clean_text(line) for line in str(value).split("\n"))
