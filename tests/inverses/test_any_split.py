"""However a server's bytes are cut on their way, they mean the same."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from mailrules.imap.copy_commands import UidMove
from mailrules.imap.message_commands import FetchItem, UidFetch
from mailrules.imap.sequence_set import SequenceSet
from mailrules.imap.session_commands import Noop
from tests.fuzz.mutation import WORDS, corpus, inputs
from tests.imap_connection.exchange import selected, sent

REAL = corpus()
STREAMS = st.one_of(
    st.binary(max_size=60),
    st.lists(st.sampled_from(WORDS), max_size=30).map(b"".join),
    st.integers(0, 2**32).map(lambda seed: next(inputs(Random(seed), REAL))),
    st.lists(st.sampled_from(REAL), min_size=1, max_size=3).map(b"".join),
)


def events_of(data: bytes, cuts: list[int]) -> list[object]:
    """All events of a connection with three commands in flight, and none that waits to be sent."""
    connection = selected("MOVE")
    connection.submit(UidFetch(SequenceSet.of((1, 2)), (FetchItem.FLAGS,)))
    connection.submit(UidMove(SequenceSet.of((7, 8)), "t"))
    connection.submit(Noop())
    sent(connection)
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    events = [event for start, end in pairwise(places) for event in connection.receive_data(data[start:end])]
    return [repr(event) for event in (*events, *connection.receive_eof())]


@given(data=STREAMS, cuts=st.lists(st.integers(0, 400), max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_split_of_any_bytes_gives_the_same_events(data, cuts):
    assert events_of(data, cuts) == events_of(data, [])


@given(data=STREAMS)
@settings(max_examples=60, deadline=None)
def test_one_byte_at_a_time_gives_the_same_events(data):
    assert events_of(data, list(range(len(data)))) == events_of(data, [])
