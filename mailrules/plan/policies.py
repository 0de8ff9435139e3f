"""Which steps bring mailboxes into the state that policies declare: the difference, and nothing where there is none.

Only what a policy names is touched, unless it says ``others: remove``.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING

from mailrules.plan.mailbox_steps import KEPT_OWN_RIGHTS, same_rights
from mailrules.plan.plan import MailboxStep, StepKind
from mailrules.rules.policies import Subject
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailrules.mailbox.store import QuotaRoot
    from mailrules.plan.directory import Directory
    from mailrules.rules.policies import Claim, Policy

SPECIAL_USE_ENTRY = "/private/specialuse"
"""The metadata entry in which some servers keep what a mailbox is for (RFC 6154 section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One claim for one mailbox (server name)."""

    mailbox: str
    claim: Claim
    policy: str
    is_there: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a server tells of mailboxes; a text in the place of values says why it does not.

    ``own_rights`` and ``metadata`` hold what was told; an entry without a value is "".
    """

    rights: Mapping[str, Mapping[str, str] | str] = field(default_factory=dict)
    own_rights: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Mapping[str, str] | str] = field(default_factory=dict)
    quotas: Mapping[str, Sequence[QuotaRoot] | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyOutcome:
    """``left_out`` says what cannot be brought about, ``warnings`` what is likely not meant."""

    steps: tuple[MailboxStep, ...] = ()
    left_out: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class PolicyPlanner:
    """Plans the policies of one account: ``wanted`` tells what to look at, ``finish`` what to do about it."""

    def __init__(self, policies: Sequence[Policy], *, directory: Directory, lacking: Mapping[Subject, str]) -> None:
        """``lacking`` are the subjects that the server knows nothing of, and what it lacks for them."""
        self._directory, self._lacking = directory, lacking
        self._left_out: list[str] = []
        self._warnings: list[str] = []
        self._steps: list[MailboxStep] = []
        self._reasons: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        """By policy, and by what is left as it is and why: the mailboxes."""
        self._by_place = {(one.mailbox, one.claim.subject, one.claim.name): one for one in self._all(policies)}
        self.wanted = tuple(self._by_place.values())
        """Every claim for every mailbox, each once."""

    def mailboxes(self, subject: Subject) -> tuple[str, ...]:
        """The mailboxes that are there and of which this has to be read."""
        found = {one.mailbox: None for one in self.wanted if one.claim.subject is subject and one.is_there}
        return tuple(found)

    def entries(self) -> tuple[str, ...]:
        """The metadata entries that some policy names."""
        return tuple(dict.fromkeys(one.claim.name for one in self.wanted if one.claim.subject is Subject.METADATA))

    def finish(self, observed: Observed, *, can_create_with_use: bool, can_set_use: bool) -> PolicyOutcome:
        """The steps. ``can_set_use``: the server keeps the use of a mailbox as metadata."""
        roots: dict[tuple[str, str], Wanted] = {}
        for one in self.wanted:
            match one.claim.subject:
                case Subject.CREATE if not one.is_there:
                    self._create(one, with_use=can_create_with_use)
                case Subject.RIGHTS:
                    self._set_rights(one, observed)
                case Subject.OTHERS:
                    self._remove_others(one, observed)
                case Subject.METADATA:
                    self._set_metadata(one, observed)
                case Subject.QUOTA:
                    self._set_quota(one, observed, roots)
                case Subject.SUBSCRIBED:
                    self._subscribe(one)
                case Subject.SPECIAL_USE:
                    made_with_it = not one.is_there and can_create_with_use and not self._lacking.get(Subject.CREATE)
                    if not made_with_it:
                        self._set_use(one, can_set_use=can_set_use)
        for (policy, reason), mailboxes in self._reasons.items():
            places = f" ({len(mailboxes)} mailboxes)" if len(mailboxes) > 1 else ""
            self._left_out.append(f"{policy}{places}: {reason}")
        return PolicyOutcome(
            steps=tuple(self._steps), left_out=tuple(self._left_out), warnings=tuple(dict.fromkeys(self._warnings))
        )

    def _all(self, policies: Sequence[Policy]) -> Iterator[Wanted]:
        there = [name for name, info in self._directory.mailboxes.items() if info.selectable]
        made = [self._directory.server_name(one.pattern.text) for one in policies if one.says(Subject.CREATE)]
        written = {name: self._written(name) for name in (*there, *made)}
        for policy in policies:
            if policy.pattern.is_literal:
                name = self._directory.server_name(policy.pattern.text)
                names = [name] if name in written or self._directory.exists(name) else []
                if not names:
                    self._left_out.append(f"{policy.name}: there is no such mailbox; make it, or add create: true")
            else:
                names = [name for name, shown in written.items() if policy.means(shown)]
                if not names:
                    self._warnings.append(f"the policy {policy.name} means no mailbox")
            for name in names:
                is_there = self._directory.exists(name)
                for claim in policy.claims:
                    yield Wanted(mailbox=name, claim=claim, policy=policy.name, is_there=is_there)

    def _written(self, name: str) -> str:
        """A server's name with ``/`` between levels, as rules write it."""
        return name.replace(self._directory.delimiter, "/") if self._directory.delimiter else name

    def _is_lacking(self, one: Wanted, what: str) -> bool:
        lacking = self._lacking.get(one.claim.subject, "")
        if lacking:
            self._leave(one, f"{what} stay as they are: {lacking}")
        return bool(lacking)

    def _leave(self, one: Wanted, reason: str) -> None:
        self._reasons[one.policy, reason].add(one.mailbox)

    def _step(self, one: Wanted, kind: StepKind, *, identifier: str = "", rights: str = "", was: str = "") -> None:
        self._steps.append(
            MailboxStep(
                account=self._directory.account,
                mailbox=one.mailbox,
                kind=kind,
                rule=one.policy,
                identifier=identifier,
                rights=rights,
                was=was,
            )
        )

    def _create(self, one: Wanted, *, with_use: bool) -> None:
        use = self._by_place.get((one.mailbox, Subject.SPECIAL_USE, ""))
        self._step(one, StepKind.CREATE, identifier=_use(use.claim) if use is not None and with_use else "")

    def _set_rights(self, one: Wanted, observed: Observed) -> None:
        if self._is_lacking(one, "rights"):
            return
        entries = observed.rights.get(one.mailbox, {})
        if isinstance(entries, str):
            self._leave(one, f"rights stay as they are: {entries}")
            return
        was = entries.get(one.claim.name, "")
        if not same_rights(was, one.claim.value):
            self._step(one, StepKind.SETACL, identifier=one.claim.name, rights=one.claim.value, was=was)

    def _remove_others(self, one: Wanted, observed: Observed) -> None:
        entries = observed.rights.get(one.mailbox, {})
        if self._lacking.get(Subject.OTHERS) or isinstance(entries, str):
            return  # told where the rights themselves are wanted, or by the one sentence below
        own = observed.own_rights.get(one.mailbox, "")
        for identifier, was in entries.items():
            is_named = (one.mailbox, Subject.RIGHTS, identifier) in self._by_place
            # MYRIGHTS does not name us, so an identifier with exactly our rights may be us.
            is_own = identifier == self._directory.user or (
                not KEPT_OWN_RIGHTS.isdisjoint(was) and same_rights(was, own)
            )
            if was and not is_named and not is_own:
                self._step(one, StepKind.SETACL, identifier=identifier, rights="", was=was)

    def _set_metadata(self, one: Wanted, observed: Observed) -> None:
        if self._is_lacking(one, "metadata"):
            return
        entries = observed.metadata.get(one.mailbox, {})
        if isinstance(entries, str):
            self._leave(one, f"metadata stay as they are: {entries}")
            return
        was = entries.get(one.claim.name, "")
        if was != one.claim.value:
            self._step(one, StepKind.SETMETADATA, identifier=one.claim.name, rights=one.claim.value, was=was)

    def _set_quota(self, one: Wanted, observed: Observed, done: dict[tuple[str, str], Wanted]) -> None:
        """One step for each quota root, however many mailboxes fall under it."""
        if self._is_lacking(one, "quotas"):
            return
        found = observed.quotas.get(one.mailbox, ())
        if isinstance(found, str):
            self._leave(one, f"quotas stay as they are: {found}")
            return
        root = f'root "{found[0].name}"' if found else f"mailbox {one.mailbox}"
        first = done.setdefault((root, one.claim.name), one)
        if first is not one:
            if first.claim.value != one.claim.value:
                limits = f"{first.claim.value or 'none'} by {first.policy}, {one.claim.value or 'none'} by {one.policy}"
                self._left_out.append(
                    f"{one.policy}: {one.mailbox} and {first.mailbox} share the quota {root}, which cannot have two"
                    f" limits of {one.claim.name} ({limits})"
                )
                self._steps = [step for step in self._steps if not _is_limit_of(step, first)]
            return
        was = next((str(use.limit) for use in found[0].resources if use.name == one.claim.name), "") if found else ""
        if was != one.claim.value:
            self._step(one, StepKind.SETQUOTA, identifier=one.claim.name, rights=one.claim.value, was=was)

    def _subscribe(self, one: Wanted) -> None:
        info = self._directory.mailboxes.get(one.mailbox)
        wanted = one.claim.value == "true"
        if bool(info and info.subscribed) is not wanted:
            self._step(one, StepKind.SUBSCRIBE if wanted else StepKind.UNSUBSCRIBE)

    def _set_use(self, one: Wanted, *, can_set_use: bool) -> None:
        info = self._directory.mailboxes.get(one.mailbox)
        if info is not None and one.claim.value in info.special_use:
            return
        if can_set_use:
            was = next(iter(sorted(info.special_use)), "") if info is not None else ""
            self._step(
                one,
                StepKind.SETMETADATA,
                identifier=SPECIAL_USE_ENTRY,
                rights=_use(one.claim),
                was=_spelled(was) if was else "",
            )
            return
        made = "lacks CREATE-SPECIAL-USE" if not one.is_there else "tells what a mailbox is for only when it is made"
        self._leave(
            one,
            f"it does not become the mailbox for {one.claim.value}: the server {made} (RFC 6154), and keeps it in no"
            " metadata",
        )


def _is_limit_of(step: MailboxStep, one: Wanted) -> bool:
    return (step.kind, step.mailbox, step.identifier) == (StepKind.SETQUOTA, one.mailbox, one.claim.name)


def _use(claim: Claim) -> str:
    return _spelled(claim.value)


def _spelled(use: str) -> str:
    r"""``archive`` as the attribute ``\Archive``."""
    return "\\" + use.capitalize()
