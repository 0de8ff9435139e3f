"""What does imapautofiler make of a configuration and a message? Its own rules and actions say it."""

from __future__ import annotations

import email
from typing import TYPE_CHECKING, Any

import yaml
from imapautofiler import actions, rules
from imapautofiler.client import Client

from tests.exchange.sieve_oracle import Filed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import Message
    from random import Random

_WORDS = ("alpha", "Beta", "gamma", "[tag]", "x*y", "pha")
_PATTERNS = ("^al", "Beta$", "[ae]t", "gam+a", "x.y", ".*")


class _Recorder(Client):  # type: ignore[misc]  # imapautofiler has no types
    """A mailbox of one message, in imapautofiler's own terms."""

    def __init__(self) -> None:
        super().__init__({})
        self.mailbox = "INBOX"
        self.flags: set[str] = set()

    def list_mailboxes(self) -> list[str]:
        return []

    def mailbox_iterate(self, mailbox_name: str) -> Iterator[tuple[str, Message]]:
        del mailbox_name
        return iter(())

    def set_flagged(self, mailbox: str, message_id: str, message: Message, is_flagged: Any) -> None:  # Any: theirs
        del mailbox, message_id, message
        (self.flags.add if is_flagged else self.flags.discard)("\\flagged")

    def set_read(self, mailbox: str, message_id: str, message: Message, is_read: Any) -> None:  # Any: theirs
        del mailbox, message_id, message
        (self.flags.add if is_read else self.flags.discard)("\\seen")

    def copy_message(self, source: str, destination: str, message_id: str, message: Message) -> None:
        del source, message_id, message
        self.mailbox = destination

    def delete_message(self, mailbox: str, message_id: str, message: Message) -> None:
        """The second half of a move, which these configurations have alone."""

    def expunge(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


def theirs(configuration: str, messages: Sequence[bytes]) -> list[frozenset[Filed]]:
    """Where each message of the first mailbox ends, by imapautofiler."""
    return [_filed(yaml.safe_load(configuration), content) for content in messages]


def _filed(config: dict[str, Any], content: bytes) -> frozenset[Filed]:  # Any: a YAML document
    message = email.message_from_bytes(content)
    recorder = _Recorder()
    for data in config["mailboxes"][0]["rules"]:
        rule = rules.factory(data, config)
        if rule.check(message):
            actions.factory(rule.get_action(), config).invoke(recorder, "INBOX", "1", message)
            break
    return frozenset({Filed(recorder.mailbox, frozenset(recorder.flags))})


def configuration(random: Random) -> str:
    """A configuration that a seed makes."""
    made = [_rule(random) | {"action": _action(random)} for _ in range(random.randint(1, 5))]
    return yaml.safe_dump({"trash-mailbox": "C", "mailboxes": [{"name": "INBOX", "rules": made}]})


def _action(random: Random) -> dict[str, str]:
    return random.choice(
        (
            {"name": "move", "dest-mailbox": "A"},
            {"name": "move", "dest-mailbox": "A/{{ date.year }}/x"},
            {"name": "trash"},
            {"name": "flag"},
            {"name": "mark_read"},
            {"name": "mark_unread"},
            {"name": "sort", "dest-mailbox-base": "Lists/"},
            {"name": "sort", "header": "from", "dest-mailbox-base": "B", "dest-mailbox-regex": "(x?)<(\\w+)",
             "dest-mailbox-regex-group": "1"} | {"dest-mailbox-regex-group": 1},
            {"name": "sort-by-year", "dest-mailbox-base": "Y"},
        )
    )  # fmt: skip


def _rule(random: Random, *, depth: int = 2) -> dict[str, Any]:  # Any: a YAML document
    kind = random.choice(("headers", "headers", "recipient", "exists", "list", "and", "or") if depth else ("headers",))
    if kind in {"and", "or"}:
        return {kind: {"rules": [_rule(random, depth=depth - 1) for _ in range(random.randint(0, 2))]}}
    if kind == "recipient":
        return {"recipient": {"substring": random.choice(("ann@", "example.net", "ORG"))}}
    if kind == "exists":
        return {"header-exists": {}, "name": random.choice(("X-Kind", "cc", "X-None"))}
    if kind == "list":
        return {"is-mailing-list": {}}
    return {"headers": [_matcher(random) for _ in range(random.randint(0, 2))]}


def _matcher(random: Random) -> dict[str, str]:
    name = random.choice(("Subject", "X-Kind", "list-id", "From", "to"))
    kind = random.choice(("substring", "value", "regex"))
    value = random.choice(_PATTERNS) if kind == "regex" else random.choice((*_WORDS, ""))
    return {"name": name, kind: value}
