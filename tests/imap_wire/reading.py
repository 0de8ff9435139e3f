"""How the tests of this folder turn bytes into values: always through the framer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mailrules.imap.framing import Framer
from mailrules.imap.limits import DEFAULT_LIMITS, Limits
from mailrules.imap.parser import parse_response

if TYPE_CHECKING:
    from mailrules.imap.fetch_data import FetchData
    from mailrules.imap.framing import Frame
    from mailrules.imap.parser import Response

TRACES = Path(__file__).parent.parent / "traces"


def frames_of(data: bytes, *, chunk_bytes: int = 0, limits: Limits = DEFAULT_LIMITS) -> list[Frame]:
    """All frames of these bytes, fed in chunks of this size, 0 for all at once."""
    framer = Framer(limits)
    frames = []
    step = chunk_bytes or max(len(data), 1)
    for start in range(0, len(data), step):
        framer.feed(data[start : start + step])
        while (frame := framer.next_response()) is not None:
            frames.append(frame)
    return frames


def responses_of(data: bytes, *, limits: Limits = DEFAULT_LIMITS) -> list[Response]:
    return [parse_response(frame, limits=limits) for frame in frames_of(data, limits=limits)]


def response_of(line: bytes, *, limits: Limits = DEFAULT_LIMITS) -> Response:
    (response,) = responses_of(line + b"\r\n", limits=limits)
    return response


def fetch_of(attributes: bytes, *, limits: Limits = DEFAULT_LIMITS) -> FetchData:
    response = response_of(b"* 1 FETCH (" + attributes + b")", limits=limits)
    assert response.__class__.__name__ == "FetchData", response
    return response


def trace(name: str) -> list[Response]:
    """What the bytes of ``tests/traces/<name>.txt`` are read as."""
    return responses_of((TRACES / f"{name}.txt").read_bytes())
