"""Every kind of response is read as the value that was written, and every kind has a strategy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailrules.imap.framing import Framer
from mailrules.imap.parser import parse_response
from mailrules.imap.responses import Malformed
from tests.inverses.kinds import RESPONSES
from tests.inverses.response_values import KINDS


def test_every_kind_of_response_has_a_strategy():
    assert set(KINDS) == set(RESPONSES), "a new kind needs a row in tests/inverses/response_values.py"


@pytest.mark.parametrize("name", KINDS)
@given(data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_response_is_read_as_what_was_written(name, data):
    values, write = KINDS[name]
    value = data.draw(values)
    cut = data.draw(st.integers(0, 40))

    stream = write(value) + b"\r\nA1 OK\r\n"
    framer = Framer()
    framer.feed(stream[:cut])
    framer.feed(stream[cut:])
    response = parse_response(framer.next_response())

    if isinstance(value, Malformed):
        assert isinstance(response, Malformed)
        value = replace(value, reason=response.reason)
    assert response == value
    assert framer.next_response() == b"A1 OK"
