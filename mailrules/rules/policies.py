"""What the entries under ``mailboxes`` declare: the state of mailboxes, whatever mail comes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from mailrules.mailbox.name_pattern import MailboxPattern, pattern_of
from mailrules.mailbox.settings_of_mailbox import MetadataValueError, bytes_of_value
from mailrules.rules.mailbox_words import ENTRY, IDENTIFIER, MAX_VALUE_CHARACTERS, RESOURCES, RIGHTS
from mailrules.rules.policy_schema import PolicyModel
from mailrules.rules.reporter import did_you_mean
from mailrules.rules.validation import validated
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mailrules.diagnostics import Location
    from mailrules.rules.reporter import Reporter
    from mailrules.rules.source import SourceValue
    from mailrules.settings import AccountSettings

MAX_POLICIES = 1_000


class Subject(StrEnum):
    """What of a mailbox is declared."""

    RIGHTS = "rights"
    OTHERS = "others"
    METADATA = "metadata"
    QUOTA = "quota"
    SUBSCRIBED = "subscribed"
    SPECIAL_USE = "special_use"
    CREATE = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One value that is to be so. ``name`` is the identifier, the entry in lower case, or the resource, else "".

    The value is a text: rights letters or a metadata value ("" for none), a limit ("" for none; STORAGE in units of
    1024 bytes), ``true`` or ``false``, a use such as ``archive``, ``remove`` for the rights of others.
    """

    subject: Subject
    name: str
    value: str
    where: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One entry: what is to be so of the mailboxes of an account that a pattern means."""

    account: str
    pattern: MailboxPattern
    claims: tuple[Claim, ...]
    where: Location
    exceptions: tuple[MailboxPattern, ...] = ()

    @property
    def name(self) -> str:
        """As it stands in plans and in the journal."""
        return f"{self.account}/{self.pattern}"

    def means(self, mailbox: str) -> bool:
        """Whether it is about this mailbox of its account, named with ``/`` between levels."""
        return self.pattern.matches(mailbox) and not any(one.matches(mailbox) for one in self.exceptions)

    def may_mean(self, pattern: MailboxPattern) -> bool:
        """Whether it is about some mailbox that ``pattern`` means too."""
        return self.pattern.overlaps(pattern) and not any(one.covers(pattern) for one in self.exceptions)

    def says(self, subject: Subject) -> bool:
        return any(one.subject is subject for one in self.claims)


def lower_policies(
    entries: Mapping[str, SourceValue],
    *,
    keys: Mapping[str, Location],
    accounts: Mapping[str, AccountSettings | None],
    reporter: Reporter,
) -> tuple[Policy, ...]:
    """Compile all entries; every mistake in them is reported. ``keys`` are the places of the patterns."""
    if len(entries) > MAX_POLICIES:
        where = next(iter(keys.values()))
        reporter.error(where, f"over {MAX_POLICIES:,} entries under mailboxes", cure="let one pattern mean several")
        return ()
    lowered = [
        _Lowering(written, source, where=keys[written], accounts=accounts, reporter=reporter).policy()
        for written, source in entries.items()
    ]
    return tuple(one for one in lowered if one is not None)


@dataclass(frozen=True, slots=True)
class _Lowering:
    """One entry on its way."""

    written: str
    source: SourceValue
    where: Location
    accounts: Mapping[str, AccountSettings | None]
    reporter: Reporter

    def policy(self) -> Policy | None:
        model = validated(PolicyModel, self.source, self.reporter, what="a mailbox policy")
        place = self._place(self.written, self.where)
        if model is None or place is None:
            return None
        account, pattern = place
        claims = tuple(self._claims(model, account))
        if not claims:
            cure = "add rights, metadata, subscribed, special_use, quota or create"
            self.reporter.error(self.where, f'the policy of "{self.written}" says nothing', cure=cure)
        for subject in (Subject.CREATE, Subject.SPECIAL_USE):
            if not pattern.is_literal and any(one.subject is subject for one in claims):
                message = f"{subject} is for one mailbox, and {pattern} is a pattern"
                self.reporter.error(self._at(subject), message, cure="write an entry for each mailbox")
        return Policy(
            account=account,
            pattern=pattern,
            claims=claims,
            where=self.where,
            exceptions=tuple(self._exceptions(account)),
        )

    def _place(self, written: str, where: Location) -> tuple[str, MailboxPattern] | None:
        account, slash, mailbox = written.partition("/")
        if account not in self.accounts:
            known = next(iter(self.accounts), "home")
            cure = did_you_mean(account, self.accounts) if slash else f'write account/mailbox: "{known}/{written}"'
            self.reporter.error(where, f'there is no account "{account}"', cure=cure)
            return None
        if not mailbox.strip("/ ") or any(not one.isprintable() for one in mailbox):
            self.reporter.error(where, f'"{written}" names no mailbox', cure=f'write "{account}/INBOX"')
            return None
        return account, pattern_of(mailbox)

    def _exceptions(self, account: str) -> Iterator[MailboxPattern]:
        if "except" not in self.source.mapping:
            return
        for item in self.source.mapping["except"].items:
            place = self._place(item.text, item.at)
            if place is not None and place[0] != account:
                message = f'"{item.text}" is no mailbox of "{account}"'
                self.reporter.error(item.at, message, cure="an exception is in the same account")
            elif place is not None:
                yield place[1]

    def _claims(self, model: PolicyModel, account: str) -> Iterator[Claim]:
        if model.create:
            yield self._claim(Subject.CREATE, "true")
        for identifier, rights in model.rights.items():
            where = self.source.mapping["rights"].key_at(identifier)
            if self._are_rights(identifier, rights, account=account, where=where):
                yield Claim(subject=Subject.RIGHTS, name=identifier, value=rights, where=where)
        if model.others == "remove":
            yield Claim(subject=Subject.OTHERS, name="", value="remove", where=self._at(Subject.OTHERS))
        for entry, value in model.metadata.items():
            where = self.source.mapping["metadata"].key_at(entry)
            if self._is_metadata(entry, value, where=where):
                yield Claim(subject=Subject.METADATA, name=entry.lower(), value=value, where=where)
        if model.subscribed is not None:
            yield self._claim(Subject.SUBSCRIBED, str(model.subscribed).lower())
        if model.special_use is not None:
            yield self._claim(Subject.SPECIAL_USE, model.special_use)
        yield from self._limits(model)

    def _limits(self, model: PolicyModel) -> Iterator[Claim]:
        if model.quota is None:
            return
        source = self.source.mapping["quota"]
        if not source.mapping:
            self.reporter.error(source.at, "this quota limits nothing", cure="add storage: 2GiB, or messages: 10000")
        for key in source.mapping:
            limit = getattr(model.quota, key)
            # STORAGE is in units of 1024 bytes (RFC 9208 section 5.1).
            number = limit // 1024 if key == "storage" and limit is not None else limit
            value = "" if number is None else str(number)
            yield Claim(subject=Subject.QUOTA, name=RESOURCES[key], value=value, where=source.key_at(key))

    def _claim(self, subject: Subject, value: str) -> Claim:
        return Claim(subject=subject, name="", value=value, where=self._at(subject))

    def _at(self, key: str) -> Location:
        return self.source.key_at(key)

    def _are_rights(self, identifier: str, rights: str, *, account: str, where: Location) -> bool:
        if not IDENTIFIER.fullmatch(identifier):
            self.reporter.error(where, "this identifier is empty, too long or has control characters")
            return False
        if unknown := sorted(set(rights) - set(RIGHTS)):
            cure = "rights are l r s w i p k x t e a (RFC 4314)"
            self.reporter.error(where, f'unknown right "{unknown[0]}"', cure=cure)
            return False
        settings = self.accounts[account]
        if settings is not None and identifier == settings.user and not {"a", "l"} <= set(rights):
            message = f"this would take our own right to administer {self.written} away"
            self.reporter.error(where, message, cure=f"keep a and l for {identifier}, or leave it out")
            return False
        return True

    def _is_metadata(self, entry: str, value: str, *, where: Location) -> bool:
        if not ENTRY.fullmatch(entry):
            cure = "write /private/... or /shared/..., such as /private/comment"
            self.reporter.error(where, f'"{entry}" is no entry of metadata', cure=cure)
            return False
        try:
            bytes_of_value(value)
        except MetadataValueError as error:
            self.reporter.error(where, str(error), cure='write the text itself, or "base64:" and its base64')
            return False
        if len(value) > MAX_VALUE_CHARACTERS or "\0" in value:
            message = f"a text of up to {MAX_VALUE_CHARACTERS:,} characters is expected here"
            self.reporter.error(where, message)
            return False
        return True
