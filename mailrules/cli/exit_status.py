"""Which exit status each outcome has: the one table from errors to numbers."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from mailrules import errors

if TYPE_CHECKING:
    from collections.abc import Iterator


class ExitStatus(IntEnum):
    """The documented exit statuses (docs/reference/commands.md)."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INVALID = 3
    AUTHENTICATION = 4
    SERVER = 5
    STALE = 6
    PARTLY_DONE = 7
    SOMETHING_TO_DO = 10
    INTERRUPTED = 130


_STATUS_OF_ERROR: tuple[tuple[type[BaseException], ExitStatus], ...] = (
    (KeyboardInterrupt, ExitStatus.INTERRUPTED),
    (errors.MailFileError, ExitStatus.USAGE),
    (errors.RuleError, ExitStatus.INVALID),
    (errors.PluginError, ExitStatus.INVALID),
    (errors.PlanRefused, ExitStatus.STALE),
    (errors.JournalError, ExitStatus.FAILED),
    (errors.LocalProtocolError, ExitStatus.FAILED),
    (errors.AuthenticationFailed, ExitStatus.AUTHENTICATION),
    (errors.SecretError, ExitStatus.AUTHENTICATION),
    (errors.IMAPError, ExitStatus.SERVER),
    (errors.MailrulesError, ExitStatus.FAILED),
)


def status_of(error: BaseException) -> ExitStatus:
    """The exit status of an error; a group's is that of the member that comes first in the table."""
    members = tuple(leaves(error))
    for kind, status in _STATUS_OF_ERROR:
        if any(isinstance(member, kind) for member in members):
            return status
    return ExitStatus.FAILED


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors that a group holds, at any depth; an error that is no group is its own leaf."""
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from leaves(member)
    else:
        yield error
