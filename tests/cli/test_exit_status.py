"""Tests of the one table from errors to exit statuses."""

from __future__ import annotations

import pytest

from mailrules import errors
from mailrules.cli.exit_status import ExitStatus, status_of
from mailrules.journal.lock import StateLocked


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RuleError([]), 3),
        (errors.PluginError("p"), 3),
        (errors.AuthenticationFailed("no"), 4),
        (errors.SecretError("unset"), 4),
        (errors.ConnectionFailed("refused"), 5),
        (errors.ConnectionLost("reset"), 5),
        (errors.CommandRefused("SELECT", status="NO"), 5),
        (errors.RemoteProtocolError("garbage", sent="x", rfc="RFC 9051 section 7"), 5),
        (errors.LocalProtocolError("a bug"), 1),
        (errors.JournalError("full"), 1),
        (errors.PlanRefused("stale"), 6),
        (ValueError("a bug"), 1),
        (OSError("disk"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_documented_status(error: BaseException, status: int) -> None:
    assert status_of(error) == status


def test_a_lock_held_by_another_process_is_a_failure(tmp_path: object) -> None:
    assert status_of(StateLocked(tmp_path, holder="run")) is ExitStatus.FAILED  # type: ignore[arg-type]  # any path


def test_a_group_of_errors_has_the_status_of_the_member_that_stands_first_in_the_table() -> None:
    group = ExceptionGroup("two", [errors.ConnectionLost("gone"), ExceptionGroup("in", [errors.PlanRefused("old")])])

    assert status_of(group) is ExitStatus.STALE
