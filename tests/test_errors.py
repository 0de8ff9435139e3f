"""Errors reach other processes, as from a process pool: what they carry comes along."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING

import pytest

from mailrules import errors
from mailrules.errors import MailrulesError
from mailrules.imap.fetch_data import FetchData

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REFUSAL = errors.CommandRefused("SELECT", status="NO", code="TRYCREATE", text="no such mailbox")
MADE = [
    errors.RemoteProtocolError("no number", sent="x", rfc="RFC 9051 section 9"),
    errors.MessagesUnreadable(
        "two", sent="x", rfc="RFC 9051", reasons={7: "y"}, result=(FetchData(sequence_number=1, uid=8),)
    ),
    REFUSAL,
    errors.CharsetRefused(REFUSAL, asked="Body"),
    errors.MessageLimitReached("UID COPY", limit=100, lowest_uid=5, result=None),
    errors.StoppedHalfway("a move", done=(1, 2), refusal=REFUSAL),
    errors.MissingCapability("UID MOVE", capability="MOVE", rfc="RFC 6851"),
    errors.ConnectionLost("gone", may_have_run=False),
    errors.ConnectionFailed("later", wait_seconds=5.0, is_out_of_connections=True),
    errors.RuleError([]),
]


def all_errors(kind: type[MailrulesError] = MailrulesError) -> Iterator[type[MailrulesError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from all_errors(below)


@pytest.mark.parametrize(
    "made", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy], ids=["pickle", "copy", "deep"]
)
@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_elsewhere(
    error: MailrulesError, made: Callable[[MailrulesError], MailrulesError]
) -> None:
    there = made(error)

    assert type(there) is type(error)
    assert str(there) == str(error)
    assert there.args == error.args
    assert repr(vars(there)) == repr(vars(error))


def test_every_error_that_carries_more_than_words_is_among_these() -> None:
    with_parts = {kind for kind in all_errors() if kind.__init__ is not MailrulesError.__init__}

    assert with_parts <= {type(error) for error in MADE}
