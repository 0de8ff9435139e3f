"""How does random damage come into real bytes, the same for the same seed?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from random import Random

TRACES = Path(__file__).parent.parent / "traces"
RECORDED = Path(__file__).parent / "corpus"
WORDS = (
    b"* ", b"+ ", b"A1 ", b"A2 ", b"A3 ", b"A4 ", b"A5 ", b"A6 ", b"A7 ", b"OK", b"NO", b"BAD", b"BYE",
    b"[", b"]", b"(", b")", b'"', b"\\", b"NIL", b"{0}\r\n", b"{3}\r\n", b"~{2}\r\n", b"{99999999999999999999}\r\n",
    b"\r\n", b"\r", b"\n", b"\0", b"\xff", b" ", b"  ", b"0", b"-1", b"1.86e+06", b"4294967296", b"18446744073709551",
    b"1:*", b"*", b"4:1", b"FETCH ", b"EXISTS", b"EXPUNGE", b"VANISHED ", b"SEARCH ", b"ESEARCH ", b"LIST ", b"STATUS ",
    b"UID ", b"FLAGS ", b"ENVELOPE ", b"BODYSTRUCTURE ", b"BODY[] ", b"MODSEQ ", b"COPYUID ", b"CAPABILITY ", b"&2AA-",
)  # fmt: skip


def corpus() -> list[bytes]:
    """Real bytes: what odd servers sent, and sessions recorded from a Dovecot."""
    return [path.read_bytes() for folder in (TRACES, RECORDED) for path in sorted(folder.glob("*.txt"))]


def inputs(random: Random, real: Sequence[bytes]) -> Iterator[bytes]:
    """Endless: mostly real bytes with damage, some words of the protocol in any order, some noise."""
    while True:
        kind = random.random()
        if kind < 0.1:
            yield random.randbytes(random.randrange(60))
        elif kind < 0.3:
            yield b"".join(random.choices(WORDS, k=random.randrange(1, 25)))
        else:
            yield _damaged(random, real)


def _damaged(random: Random, real: Sequence[bytes]) -> bytes:
    data = bytearray(_excerpt(random, real))
    for _ in range(random.randrange(1, 5)):
        start = random.randrange(len(data) + 1)
        end = min(len(data), start + random.choice((0, 0, 1, 1, 2, 5, 20)))
        other = _excerpt(random, real)
        twice = bytes(data[start:end]) * 2
        data[start:end] = random.choice((b"", random.choice(WORDS), random.randbytes(1), twice, other[:40]))
    return bytes(data)


def _excerpt(random: Random, real: Sequence[bytes]) -> bytes:
    """A few whole lines of one of the texts, so that short inputs have whole responses."""
    lines = random.choice(real).splitlines(keepends=True)
    start = random.randrange(len(lines))
    return b"".join(lines[start : start + random.randrange(1, 6)])
