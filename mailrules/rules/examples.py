"""What an example beside the rules means: a message made of real bytes, and what should become of it."""

from __future__ import annotations

from dataclasses import field, replace
from datetime import UTC, datetime
from email.header import Header
from email.utils import format_datetime
from typing import TYPE_CHECKING

from mailrules.mailbox.message import UID, FactRequest, MessageFacts, Part, Unreadable
from mailrules.mailbox.snapshot import Snapshot
from mailrules.mailbox.store import MailboxInfo, MailboxStatus
from mailrules.mailbox.whole_mail import WholeMail
from mailrules.rules.conditions import Cause, Environment, Origin
from mailrules.rules.example_schema import TestModel
from mailrules.rules.flags import SYSTEM_FLAGS, is_keyword, system_flag
from mailrules.rules.quantities import QuantityError, parse_age_or_moment, parse_moment
from mailrules.rules.reporter import did_you_mean
from mailrules.rules.rule import Example, Expectation, Given, GivenAttachment
from mailrules.rules.server_tests import GMAIL_PREFIX, QUOTA, SEARCH_PREFIX, QuotaUse
from mailrules.rules.validation import validated
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from mailrules.rules.example_schema import ExpectModel, GivenModel
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.rule import MailboxRef
    from mailrules.rules.source import SourceValue
    from mailrules.settings import AccountSettings

USUAL_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""When examples are judged that do not say it, so that none depends on the day on which it is run: a Thursday."""
_FIRST_YEAR, _LAST_YEAR = 1970, 9000
_DESCRIBING = (
    *("from", "to", "cc", "bcc", "reply_to", "sender", "subject", "list_id", "message_id", "headers"),
    *("body", "size", "sent", "attachments"),
)
"""What a message on disk has itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleOutcome:
    """What a plan does with an example's message. ``flags`` are those afterwards, in IMAP spelling."""

    matched: tuple[str, ...]
    mailbox: MailboxRef
    flags: frozenset[str] = frozenset()
    copies: tuple[MailboxRef, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """Why something did not happen (unknowable, held), for the reader of a failure."""


def lower_example(
    source: SourceValue,
    *,
    rule_names: Collection[str],
    only_file: str,
    reporter: Reporter,
    read_mail: Callable[[SourceValue], bytes | None] = lambda _: None,
) -> Example | None:
    """One entry of ``tests``, or None after reporting its mistakes. ``read_mail`` reads the file under ``eml``."""
    model = validated(TestModel, source, reporter, what="a test")
    if model is None:
        return None
    given, expect = source.mapping["given"], source.mapping["expect"]
    for key in ("matched", "not_matched"):
        for item in expect.mapping[key].items if key in expect.mapping else ():
            if item.text not in rule_names:
                cure = did_you_mean(item.text, rule_names)
                reporter.error(item.at, f'there is no rule "{item.text}"', cure=cure)
    for holder in (given, expect, *(given.mapping["earlier"].items if "earlier" in given.mapping else ())):
        for item in holder.mapping["flags"].items if "flags" in holder.mapping else ():
            if system_flag(item.text) is None:
                reporter.error(item.at, f'unknown flag "{item.text}"', cure=did_you_mean(item.text, SYSTEM_FLAGS))
        for item in holder.mapping["keywords"].items if "keywords" in holder.mapping else ():
            if not is_keyword(item.text):
                reporter.error(item.at, f'no server can store the keyword "{item.text}"')
    if "now" in given.mapping and not _is_instant(given.mapping["now"].text):
        cure = "write it with its zone: 2026-01-31T08:00:00+01:00"
        reporter.error(given.mapping["now"].at, f'"{given.mapping["now"].text}" is not an instant', cure=cure)
    for holder in (given, *(given.mapping["earlier"].items if "earlier" in given.mapping else ())):
        for key in ("received", "sent", "saved"):
            if key in holder.mapping and holder.mapping[key].text:
                try:
                    parse_age_or_moment(holder.mapping[key].text, now=USUAL_NOW)
                except QuantityError as error:
                    reporter.error(holder.mapping[key].at, str(error), cure=error.cure)
    return Example(
        name=model.name,
        where=source.mapping["name"].at,
        given=_with_files(_given(model.given), given, read_mail=read_mail, reporter=reporter),
        expect=_expectation(model.expect),
        only_file=only_file,
    )


def _with_files(
    described: Given, source: SourceValue, *, read_mail: Callable[[SourceValue], bytes | None], reporter: Reporter
) -> Given:
    """The description with the messages on disk that it names."""
    entries = source.mapping
    if "earlier" in entries:
        earlier = zip(described.earlier, entries["earlier"].items, strict=True)
        told = (_with_files(one, at, read_mail=read_mail, reporter=reporter) for one, at in earlier)
        described = replace(described, earlier=tuple(told))
    if "eml" not in entries:
        return described
    for key in _DESCRIBING:
        if key in entries:
            message = f"the file under eml has its own {key}"
            reporter.error(source.key_at(key), message, cure=f"leave {key} out, or describe the whole message")
    content = read_mail(entries["eml"])
    return described if content is None else replace(described, whole=WholeMail.of_file(content))


def example_now(given: Given) -> datetime:
    """When an example is judged: when it says, else when its message came, else at ``USUAL_NOW``."""
    if given.now is not None:
        return given.now
    received = given.whole.received if given.whole is not None else None
    return received if isinstance(received, datetime) and _is_usual(received) else USUAL_NOW


def example_snapshot(example: Example, ref: MailboxRef) -> Snapshot:
    """A snapshot of the example's message and the earlier ones, without facts yet; ``example_facts`` gives them."""
    count = len(example.given.earlier) + 1
    attributes = frozenset(f"\\{use}" for use in example.given.special_use)
    status = MailboxStatus(mailbox=ref.mailbox, uidvalidity=1, messages=count, uidnext=count + 1, highest_modseq=1)
    return Snapshot(
        account=ref.account,
        info=MailboxInfo(name=ref.mailbox, delimiter="/", attributes=attributes),
        status=status,
        uids=[UID(number) for number in range(1, count + 1)],
    )


def example_uid(example: Example) -> UID:
    """The UID of the example's message: the last of its mailbox."""
    return UID(len(example.given.earlier) + 1)


def example_environment(example: Example, snapshot: Snapshot, *, settings: AccountSettings | None) -> Environment:
    """The time and the occasion at which an example's message is judged, and whom its account believes."""
    given, now = example.given, example_now(example.given)
    place = (snapshot.account, snapshot.mailbox, snapshot.status.uidvalidity)
    origins = {place: {example_uid(example): Origin(given.from_mailbox, "", now)}} if given.from_mailbox else {}
    return Environment(
        now=now,
        cause=given.cause,
        origins=origins,
        authserv_ids=settings.authserv_ids if settings else frozenset(),
        own_addresses=settings.own_addresses if settings else frozenset(),
    )


def example_facts(example: Example, request: FactRequest, *, now: datetime) -> list[MessageFacts]:
    """The answer of a store that holds the example's message and the earlier ones."""
    messages = enumerate((*example.given.earlier, example.given), start=1)
    return [_facts(given, UID(uid), request, now=now) for uid, given in messages]


def _facts(given: Given, uid: UID, request: FactRequest, *, now: datetime) -> MessageFacts:
    if given.whole is not None:
        return _facts_of_file(given, given.whole, uid, request, now=now)
    header, body = header_block(given, now=now), _body(given)
    parts = _structure(given, body_bytes=len(body))
    text_part = next(part for part in parts if part.type == "text")
    size = given.size_bytes or len(header) + len(body) + sum(one.size_bytes * 4 // 3 for one in given.attachments)
    wanted = {name.lower() for name in request.header_fields}
    return MessageFacts(
        uid=uid,
        flags=given.flags if request.flags else None,
        size_bytes=size if request.size else None,
        received=_moment(given.received, now=now) if request.received else None,
        modseq=1 if request.modseq else None,
        saved=_saved(given, now=now) if request.saved else None,
        labels=given.labels if request.labels else None,
        header=_only(header, wanted) if wanted else None,
        structure=parts if request.structure or request.text else None,
        texts=((text_part, body),) if request.text else None,
        whole=header + b"\r\n" + body if request.whole else None,
    )


def _facts_of_file(given: Given, whole: WholeMail, uid: UID, request: FactRequest, *, now: datetime) -> MessageFacts:
    """A message on disk, and beside it what its description says of where it lies."""
    received = _moment(given.received, now=now) if given.received else whole.received
    return MessageFacts(
        uid=uid,
        flags=given.flags if request.flags else None,
        size_bytes=len(whole.content) if request.size else None,
        received=(now if isinstance(received, Unreadable) else received) if request.received else None,
        modseq=1 if request.modseq else None,
        saved=_saved(given, now=now) if request.saved else None,
        labels=given.labels if request.labels else None,
        header=whole.fields(request.header_fields) if request.header_fields else None,
        structure=whole.structure if request.structure or request.text else None,
        texts=whole.texts if request.text else None,
        whole=whole.content if request.whole else None,
    )


def header_block(given: Given, *, now: datetime) -> bytes:
    """The header of an example's message as it would cross the wire, Date included."""
    fields = list(given.headers)
    if not any(name.lower() == "date" for name, _ in fields):
        fields.insert(0, ("Date", format_datetime(_moment(given.sent or given.received, now=now))))
    return "".join(f"{name}: {_encoded(value)}\r\n" for name, value in fields).encode("ascii")


def example_enriched(example: Example, name: str) -> object | None:
    """What the server tells of an example's message beside facts; None where only a plugin could tell."""
    if name == QUOTA.name:
        return QuotaUse()
    for prefix in (SEARCH_PREFIX, GMAIL_PREFIX):
        if name.startswith(prefix):
            return name.removeprefix(prefix) in example.given.found_by
    return None


def example_mailbox(example: Example, *, mailboxes: Sequence[MailboxRef]) -> MailboxRef | None:
    """The mailbox that an example's message lies in: the one it names, else the first of the rules."""
    written = example.given.mailbox
    if not written:
        return mailboxes[0] if mailboxes else None
    exact = next((ref for ref in mailboxes if str(ref) == written), None)
    return exact or next((ref for ref in mailboxes if ref.mailbox == written), None)


def compare(expect: Expectation, outcome: ExampleOutcome) -> tuple[str, ...]:
    """What differs, a sentence each; empty when the example holds."""
    matched = set(outcome.matched)
    keywords = frozenset(flag for flag in outcome.flags if not flag.startswith("\\"))
    differences = [f'rule "{one}" should match and does not' for one in expect.matched or () if one not in matched]
    differences += [f'rule "{one}" should not match and does' for one in expect.not_matched or () if one in matched]
    if expect.flags is not None and expect.flags != outcome.flags - keywords:
        differences.append(f"flags: expected {_list(expect.flags)}, are {_list(outcome.flags - keywords)}")
    if expect.keywords is not None and _lower(expect.keywords) != _lower(keywords):
        differences.append(f"keywords: expected {_list(expect.keywords)}, are {_list(keywords)}")
    if expect.mailbox is not None and not _is_same_mailbox(expect.mailbox, outcome.mailbox):
        differences.append(f"mailbox: expected {expect.mailbox}, is {outcome.mailbox}")
    if expect.copies is not None:
        missing = [one for one in expect.copies if not any(_is_same_mailbox(one, ref) for ref in outcome.copies)]
        extra = [ref for ref in outcome.copies if not any(_is_same_mailbox(one, ref) for one in expect.copies)]
        differences += [f"copies: none in {one}" for one in sorted(missing)]
        differences += [f"copies: an unexpected one in {ref}" for ref in sorted(extra)]
    return (*differences, *outcome.notes) if differences else ()


def _is_same_mailbox(written: str, ref: MailboxRef) -> bool:
    """Whether a person's name for a mailbox, with or without its account, means this one."""
    return written in (str(ref), ref.mailbox)


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _lower(names: frozenset[str]) -> frozenset[str]:
    return frozenset(name.lower() for name in names)


def _saved(given: Given, *, now: datetime) -> datetime | Unreadable:
    return _moment(given.saved, now=now) if given.saved else Unreadable(reason="the example does not say when")


def _is_instant(written: str) -> bool:
    try:
        moment = parse_moment(written)
    except QuantityError:
        return False
    return isinstance(moment, datetime) and _is_usual(moment)


def _is_usual(moment: datetime) -> bool:
    """Whether ages can be taken from it without leaving the calendar."""
    return _FIRST_YEAR <= moment.year <= _LAST_YEAR


def _moment(written: str, *, now: datetime) -> datetime:
    return parse_age_or_moment(written, now=now) if written else now


def _encoded(value: str) -> str:
    """A header value in ASCII, each word that is not as an RFC 2047 encoded word."""
    if value.isascii():
        return " ".join(value.split())
    words = (word if word.isascii() else Header(word, "utf-8", maxlinelen=10_000).encode() for word in value.split())
    return " ".join(words)


def _body(given: Given) -> bytes:
    return given.body.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8")


def _structure(given: Given, *, body_bytes: int) -> tuple[Part, ...]:
    """One text part, and beside it the attachments."""
    utf8 = {"charset": "utf-8"}
    text = Part(number="1", type="text", subtype="plain", parameters=utf8, encoding="8bit", size_bytes=body_bytes)
    if not given.attachments:
        return (text,)
    files = (_attachment(one, number=number) for number, one in enumerate(given.attachments, start=2))
    return (Part(number="", type="multipart", subtype="mixed"), text, *files)


def _attachment(given: GivenAttachment, *, number: int) -> Part:
    kind, _, subtype = given.media_type.partition("/")
    return Part(
        number=str(number),
        type=kind,
        subtype=subtype,
        encoding="binary",
        disposition="attachment",
        file_name=given.file_name,
        size_bytes=given.size_bytes,
    )


def _only(header: bytes, wanted: set[str]) -> bytes:
    """The fields of a header block that are asked for; none of our own is folded."""
    lines = header.split(b"\r\n")
    return b"".join(line + b"\r\n" for line in lines if line.partition(b":")[0].decode("ascii").lower() in wanted)


def _given(model: GivenModel) -> Given:
    usual = [
        ("From", model.from_),
        ("To", ", ".join(model.to)),
        ("Cc", ", ".join(model.cc)),
        ("Bcc", ", ".join(model.bcc)),
        ("Reply-To", ", ".join(model.reply_to)),
        ("Sender", model.sender or ""),
        ("Subject", model.subject),
        ("Message-ID", model.message_id),
        ("List-Id", model.list_id or ""),
    ]
    replaced = {name.lower() for name in model.headers}
    further = [(name, value) for name, values in model.headers.items() for value in values]
    flags = [system_flag(word) for word in model.flags]
    return Given(
        headers=(*((name, value) for name, value in usual if value and name.lower() not in replaced), *further),
        body=model.body,
        size_bytes=model.size,
        received=model.received or "",
        sent=model.sent or "",
        flags=frozenset([*(flag for flag in flags if flag), *model.keywords]),
        attachments=tuple(
            GivenAttachment(file_name=one.name, media_type=one.type, size_bytes=one.size) for one in model.attachments
        ),
        mailbox=model.mailbox or "",
        special_use=frozenset(model.special_use),
        now=datetime.fromisoformat(model.now) if model.now and _is_instant(model.now) else None,
        cause=Cause(model.cause),
        from_mailbox=model.from_mailbox or "",
        saved=model.saved or "",
        labels=frozenset(model.labels),
        found_by=frozenset(model.found_by),
        earlier=tuple(map(_given, model.earlier)),
    )


def _expectation(model: ExpectModel) -> Expectation:
    flags = None if model.flags is None else frozenset(flag for word in model.flags if (flag := system_flag(word)))
    return Expectation(
        matched=None if model.matched is None else tuple(model.matched),
        not_matched=None if model.not_matched is None else tuple(model.not_matched),
        flags=flags,
        keywords=None if model.keywords is None else frozenset(model.keywords),
        mailbox=model.mailbox,
        copies=None if model.copies is None else frozenset(model.copies),
    )
