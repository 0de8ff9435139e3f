"""How long 20,000 messages take, with ours and with other clients, turn by turn on one server."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from mailrules.testing.varied_mailbox import varied_mailbox
from tests.bench_imap import contenders, rivals
from tests.bench_imap.claims import claim
from tests.bench_imap.imapflow import PACKAGE, ImapFlow, NodeMissing
from tests.servers.dovecot import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable

    from mailrules.settings import AccountSettings
    from tests.servers.dovecot import Dovecot

MESSAGES = 20_000
ROUNDS = 5


class Contender(Protocol):
    """Reads a mailbox with an account and its password; gives seconds and messages."""

    @property
    def __name__(self) -> str: ...

    def __call__(self, account: AccountSettings, password: str, /) -> tuple[float, int]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is fetched, and who does it; claims are made against ``unparsed`` and ImapFlow only."""

    name: str
    ours: Contender
    unparsed: Contender
    others: tuple[Contender, ...]
    few_messages: Contender
    imapflow: Callable[[ImapFlow], Contender]


JOBS = (
    Job(
        name="flags, date, size and envelope",
        ours=contenders.mailrules_envelope,
        unparsed=contenders.imaplib_envelope,
        others=(contenders.imapclient_envelope, rivals.imap_tools_envelope),
        few_messages=rivals.aioimaplib_envelope,
        imapflow=attrgetter("imapflow_envelope"),
    ),
    Job(
        name="chosen header fields",
        ours=contenders.mailrules_header,
        unparsed=contenders.imaplib_header,
        others=(contenders.imapclient_header, rivals.imap_tools_header),
        few_messages=rivals.aioimaplib_header,
        imapflow=attrgetter("imapflow_header"),
    ),
)


def speed(server: Dovecot) -> bool:
    """Turn by turn, so that a drifting machine slows all alike."""
    server.fill("speed", "INBOX", varied_mailbox(MESSAGES, seed=1))
    account = server.account("speed").settings()
    contenders.imaplib_envelope(account, PASSWORD)  # the server's own indexing is nobody's time
    contenders.imaplib_header(account, PASSWORD)
    with TemporaryDirectory() as folder:
        imapflow = _imapflow(Path(folder))
        results = [_compare(job, account, imapflow) for job in JOBS]
        return all(results)


def _imapflow(folder: Path) -> ImapFlow | None:
    try:
        return ImapFlow(folder)
    except NodeMissing as error:
        print(f"ImapFlow is NOT MEASURED: {error}")
        return None


def _compare(job: Job, account: AccountSettings, imapflow: ImapFlow | None) -> bool:
    """Whether the claims of one job hold."""
    theirs = None if imapflow is None else job.imapflow(imapflow)
    clients = (job.ours, job.unparsed, *job.others, *((theirs,) if theirs else ()))
    times: dict[str, list[float]] = {client.__name__: [] for client in clients}
    for _ in range(ROUNDS):
        for client in clients:
            times[client.__name__].append(_seconds(client, account, messages=MESSAGES))
    print(f"{job.name}, {MESSAGES:,} messages:")
    for name, seconds_each in times.items():
        print(f"{name:<24}{median(seconds_each):6.2f} s")
    seconds = _seconds(job.few_messages, account, messages=rivals.AIOIMAPLIB_MESSAGES)
    bound = f"{rivals.AIOIMAPLIB_MESSAGES:,} messages only, {rivals.AIOIMAPLIB_MESSAGES_PER_COMMAND} in a command"
    print(f"{job.few_messages.__name__:<24}{seconds:6.2f} s, for {bound}")
    holds = claim(f"{job.name}: mailrules, typed / imaplib, unparsed", _ratio(times, job.ours, job.unparsed), most=2.0)
    if theirs is not None:
        holds &= claim(f"{job.name}: mailrules / {PACKAGE}", _ratio(times, job.ours, theirs), most=1.0)
    return holds


def _seconds(client: Contender, account: AccountSettings, *, messages: int) -> float:
    seconds, count = client(account, PASSWORD)
    if count != messages:
        raise RuntimeError(f"{client.__name__} saw {count} of {messages} messages; its time means nothing")
    return seconds


def _ratio(times: dict[str, list[float]], ours: Contender, theirs: Contender) -> float:
    """The median of the rounds' own."""
    pairs = zip(times[ours.__name__], times[theirs.__name__], strict=True)
    return median(one / other for one, other in pairs)
