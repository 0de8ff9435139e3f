"""What would a message be like with something changed: the same facts in a snapshot of its own, one of them another?

For asking what a rule would make of it. Nothing here touches the message or the snapshot that it came from.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mailrules.mailbox.message import (
    FLAGS,
    LABELS,
    RECEIVED,
    SAVED,
    SIZE,
    STRUCTURE,
    TEXT,
    Fact,
    FactKind,
    Part,
    header_fact,
)
from mailrules.rules.conditions import Origin, RelatingTest
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Cause, Environment, Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderIs:
    """A field's occurrences, decoded, in order; () where the message lacks it. ``name`` is lower case."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagsAre:
    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeIs:
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeIs:
    """INTERNALDATE, or SAVEDATE where ``is_saved``."""

    time: datetime
    is_saved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelsAre:
    labels: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsAre:
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyIs:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerIs:
    """What a server or a plugin tells beside facts; ``name`` as in the fact."""

    name: str
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceIs:
    """The account, the mailbox and its use; None is left as it is."""

    account: str | None = None
    mailbox: str | None = None
    special_use: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OccasionIs:
    """When and why the rules are judged; None is left as it is."""

    now: datetime | None = None
    cause: Cause | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginIs:
    """Where mailrules brought the message from; None where it did not."""

    origin: Origin | None


Alteration = (
    HeaderIs | FlagsAre | SizeIs | TimeIs | LabelsAre | PartsAre | BodyIs | AnswerIs | PlaceIs | OccasionIs | OriginIs
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One message, where it lies, and the occasion on which it is judged."""

    snapshot: Snapshot
    row: int
    environment: Environment

    def for_leaves(self, leaves: Iterable[Leaf]) -> Situation:
        """The message with the header fields that these conditions read, without the other messages of its mailbox.

        They stay where one of the conditions reads them.
        """
        tests = [leaf.test for leaf in leaves]
        if any(isinstance(test, RelatingTest) for test in tests):
            return self
        snapshot = self.snapshot
        alone = snapshot.imagined(
            [self.row],
            account=snapshot.account,
            info=snapshot.info,
            status=snapshot.status,
            header_fields={fact.name for test in tests for fact in test.needs if fact.kind is FactKind.HEADER},
        )
        return replace(self, snapshot=alone, row=0)

    def altered(self, alterations: Iterable[Alteration]) -> Situation:
        """The same with these changes, one after the other."""
        altered = self._copied(alterations := tuple(alterations))
        environment = altered.environment
        for one in alterations:
            if isinstance(one, OccasionIs):
                environment = replace(environment, now=one.now or environment.now, cause=one.cause or environment.cause)
            elif isinstance(one, OriginIs):
                environment = _with_origin(environment, altered.snapshot, altered.row, one.origin)
            elif not isinstance(one, PlaceIs):
                _put(one, altered.snapshot, altered.row)
        return replace(altered, environment=environment)

    def _copied(self, alterations: tuple[Alteration, ...]) -> Situation:
        snapshot = self.snapshot
        account, info, status = snapshot.account, snapshot.info, snapshot.status
        for one in alterations:
            if isinstance(one, PlaceIs):
                account = account if one.account is None else one.account
                if one.mailbox is not None:
                    info, status = replace(info, name=one.mailbox), replace(status, mailbox=one.mailbox)
                if one.special_use is not None:
                    info = replace(info, attributes=frozenset(f"\\{use}" for use in one.special_use))
        copied = snapshot.imagined(range(len(snapshot.uids)), account=account, info=info, status=status)
        origin = self.environment.origins_in(snapshot).get(snapshot.uids[self.row])
        environment = _with_origin(self.environment, copied, self.row, origin)
        return Situation(snapshot=copied, row=self.row, environment=environment)


def _with_origin(environment: Environment, snapshot: Snapshot, row: int, origin: Origin | None) -> Environment:
    uid = snapshot.uids[row]
    of_mailbox = {one: known for one, known in environment.origins_in(snapshot).items() if one != uid}
    if origin is not None:
        of_mailbox[uid] = origin
    place = (snapshot.account, snapshot.mailbox, snapshot.status.uidvalidity)
    return replace(environment, origins={**environment.origins, place: of_mailbox})


def _put(one: Alteration, snapshot: Snapshot, row: int) -> None:
    match one:
        case HeaderIs(name=name, values=values):
            column = snapshot.headers.setdefault(name, [None] * len(snapshot.uids))
            column[row] = tuple(value.encode("utf-8", "replace") for value in values)
            snapshot.now_known(header_fact(name), [row])
        case FlagsAre(flags=flags):
            snapshot.flags[row] = flags
            snapshot.now_known(FLAGS, [row])
        case SizeIs(size_bytes=size_bytes):
            snapshot.size_bytes[row] = size_bytes
            snapshot.now_known(SIZE, [row])
        case TimeIs(time=time, is_saved=is_saved):
            (snapshot.saved if is_saved else snapshot.received)[row] = time
            snapshot.now_known(SAVED if is_saved else RECEIVED, [row])
        case LabelsAre(labels=labels):
            snapshot.labels[row] = labels
            snapshot.now_known(LABELS, [row])
        case PartsAre(parts=parts):
            snapshot.structure[row] = parts
            snapshot.now_known(STRUCTURE, [row])
        case BodyIs(text=text):
            part = Part(number="1", type="text", subtype="plain", parameters={"charset": "utf-8"}, encoding="8bit")
            snapshot.texts[row] = ((part, text.encode("utf-8", "replace")),)
            snapshot.now_known(TEXT, [row])
        case AnswerIs(name=name, value=value):
            snapshot.enriched.setdefault(name, [None] * len(snapshot.uids))[row] = value
            snapshot.now_known(Fact(FactKind.ENRICHED, name), [row])
        case PlaceIs() | OccasionIs() | OriginIs():
            pass
