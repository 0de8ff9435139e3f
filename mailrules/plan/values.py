"""What a template's fields read of one message: captures, dates and parts of addresses.

Field names: a capture of the rule's regex; ``received`` and ``sent`` (dates); ``from``, ``to``
and the other address fields with ``.address .local .domain .name``; ``subject`` and ``list_id``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from mailrules.mailbox.rows import rows_of
from mailrules.rules.conditions import All

if TYPE_CHECKING:
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.plan.directory import Directory
    from mailrules.rules.compiler import Judge
    from mailrules.rules.rule import Branch, Rule
    from mailrules.rules.templates import Template

_ADDRESS_FIELDS = {"from", "to", "cc", "bcc", "reply_to", "sender"}
_TEXT_FIELDS = {"subject": "subject", "list_id": "list-id"}


class MessageValues(Mapping[str, object]):
    """The values of one row, read when a template asks; KeyError where there is none."""

    def __init__(self, snapshot: Snapshot, row: int, *, captures: Mapping[str, str]) -> None:
        self._snapshot, self._row, self.captures = snapshot, row, captures

    def __getitem__(self, name: str) -> object:
        if name in self.captures:
            return self.captures[name]
        value = self._field(name)
        if not value:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self.captures)

    def __len__(self) -> int:
        return len(self.captures)

    def _field(self, name: str) -> object:
        if name in {"received", "sent"}:
            value = self._snapshot.received[self._row] if name == "received" else self._snapshot.sent(self._row)
            return value if isinstance(value, datetime) else None
        field_name, _, part = name.partition(".")
        if field_name in _ADDRESS_FIELDS:
            address = self._snapshot.first_address(field_name.replace("_", "-"), self._row)
            return getattr(address, part or "address") if address else None
        if field_name in _TEXT_FIELDS:
            return next(iter(self._snapshot.header_values(_TEXT_FIELDS[field_name], self._row)), None)
        return None


class Renderer:
    """Turns templates into server mailbox names, each row and template once."""

    def __init__(self, *, judge: Judge, snapshot: Snapshot, directory: Directory) -> None:
        self._judge, self._snapshot, self._directory = judge, snapshot, directory
        self._names: dict[tuple[str, str, int], str] = {}
        self._from_captures: dict[tuple[str, ...], str] = {}

    def missing_values(self, rule: Rule, branch: Branch, rows: int) -> dict[int, str]:
        """Render the branch's templates for these rows; the rows that lack a value, with the field's name."""
        targets = [target for use in branch.actions for target in use.value.targets if not target.is_literal]
        missing: dict[int, str] = {}
        if not targets:
            return missing
        captures_of = self._judge.capturing(All(parts=(rule.condition, branch.condition)), rows)
        for row in rows_of(rows):
            if (rule.name, targets[0].text, row) in self._names:
                continue
            values = MessageValues(self._snapshot, row, captures=captures_of(row))
            try:
                names = [self._rendered(target, values) for target in targets]
            except KeyError as lacking:
                missing[row] = str(lacking.args[0])
                continue
            for target, name in zip(targets, names, strict=True):
                self._names[rule.name, target.text, row] = name
        return missing

    def name(self, target: Template, *, rule: Rule, row: int) -> str:
        """The mailbox name for a row that ``missing_values`` was asked about and did not name."""
        key = (rule.name, target.text, -1 if target.is_literal else row)
        if target.is_literal and key not in self._names:
            self._names[key] = self._render(target, {})
        return self._names[key]

    def values_of(self, row: int) -> MessageValues:
        """What a text of ours may say of the message; without captures."""
        return MessageValues(self._snapshot, row, captures={})

    def _rendered(self, target: Template, values: MessageValues) -> str:
        """A name made of captures alone is made once for all messages with the same ones: few lists, much mail."""
        if not all(field.name in values.captures for field in target.fields):
            return self._render(target, values)
        key = (target.text, *(values.captures[field.name] for field in target.fields))
        if key not in self._from_captures:
            self._from_captures[key] = self._render(target, values)
        return self._from_captures[key]

    def _render(self, target: Template, values: Mapping[str, object]) -> str:
        account = self._directory.other_account(target.literal_prefix + "...")
        directory = self._directory.others[account] if account else self._directory
        name = target.render(values, delimiter=directory.delimiter)
        if not account:
            return directory.server_name(name)
        return f"{account}/{directory.server_name(name.removeprefix(account + '/'))}"
