"""Which mail and which rules are tormented, and what must become of them: the reference model.

Each letter's subject names the wishes for it, and there is one rule for each wish, so the model can say
where every letter ends without asking the planner. Equal letters are one identity that is there twice.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from mailrules.testing.builders import A_DAY, message
from mailrules.testing.capabilities import EVERY_CAPABILITY, without
from mailrules.testing.mail_state import MailAccount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mailrules.testing.mail_state import StoredMessage

ACCOUNT = "home"
CROSSING = "crossing"
"""The case that needs a second account."""
BULK = "bulk"
"""The case of many messages that go the same ways, for a server that may stop in the middle of a command."""
LEASE_MAILBOX = "mailrules-lease"
"""Ours, and no place for mail; what is done there tells who may act, and is no step of a plan."""
PASSWORD = "planted-Secret-4711"
BODY_SECRET = "planted-body-0815"
STRANGER = "stranger7f3"
"""Stands in what senders write, quoted so that it would end a string; it must never be in a command."""

DELETED = "\\Deleted"

PROFILES: dict[str, frozenset[str]] = {
    "all": EVERY_CAPABILITY,
    "no-move": without("MOVE"),
    "no-objectid": without("OBJECTID"),
    "no-move-objectid": without("MOVE", "OBJECTID"),
    "no-condstore": without("CONDSTORE", "OBJECTID"),
    "no-uidplus": without("UIDPLUS"),
    "no-move-uidplus": without("MOVE", "UIDPLUS"),
    "bare": without("MOVE", "UIDPLUS", "CONDSTORE", "OBJECTID", "ESEARCH"),
}
"""What the servers in memory offer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message in INBOX, delivered ``times`` times; ``wishes`` are words of ``_ACTIONS``."""

    name: str
    wishes: tuple[str, ...]
    flags: frozenset[str] = frozenset()
    times: int = 1

    @property
    def content(self) -> bytes:
        return message(
            from_=f'"{STRANGER} \\") UID STORE 1:*" <{STRANGER}@example.org>',
            message_id=f'<{self.name}."{STRANGER}\\")@example.org>',
            subject=" ".join(f"[{wish}]" for wish in self.wishes) + f" {STRANGER}",
            body=f"{self.name} {BODY_SECRET}\r\n",
        )


class Copy(NamedTuple):
    """One message somewhere, as it can be seen from outside."""

    letter: str
    flags: frozenset[str]


Contents = dict[str, "Counter[Copy]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Mail and wishes for it; ``about`` are wishes that concern mailboxes and not mail."""

    name: str
    letters: tuple[Letter, ...]
    more_wishes: tuple[str, ...] = ()
    """There are rules for these too, whether or not a letter wishes it."""

    @property
    def wishes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([wish for letter in self.letters for wish in letter.wishes] + [*self.more_wishes]))

    @property
    def rules(self) -> str:
        """One rule for each wish, dispositions last: the configuration as a person would write it."""
        named = sorted(
            self.wishes, key=lambda wish: (_ORDER[wish.split()[0][0] if wish[0] in "+-" else wish.split()[0]], wish)
        )
        blocks = [
            f'  - name: {rule_name(wish)}\n    if: {{subject: {{contains: "[{wish}]"}}}}\n    do: [{_action(wish)}]\n'
            for wish in named
        ]
        return _HEAD + "rules:\n" + "".join(blocks)

    def only(self, names: Sequence[str]) -> Case:
        """The same with some of the letters."""
        return replace(self, letters=tuple(one for one in self.letters if one.name in names))

    def deliver(self) -> MailAccount:
        """The account before anything was done."""
        mail = MailAccount(password=PASSWORD)
        mail.create("Kept")
        for letter in self.letters:
            # Equal letters come one after the other, with another one of the same date between them or not.
            for _ in range(letter.times):
                self._add(mail, letter)
        # Somebody else's, deleted but not yet expunged: not ours to remove.
        mail.add("INBOX", message(subject="foreign", message_id="<foreign@example.org>", body="x\r\n"), flags=[DELETED])
        mail.add("Archive", message(subject="old", message_id="<old@example.org>", body="y\r\n"), flags=[DELETED])
        return mail

    def _add(self, mail: MailAccount, letter: Letter) -> StoredMessage:
        minute = int(re.sub(r"\D", "", letter.name) or 0)
        return mail.add("INBOX", letter.content, flags=letter.flags, received=A_DAY + timedelta(minutes=minute))

    def letter(self, name: str) -> Letter | None:
        return next((one for one in self.letters if one.name == name), None)

    def end_of(self, letter: Letter) -> dict[str, Copy]:
        """Where one copy of the letter and what is copied of it must be in the end."""
        flags = (letter.flags | added(letter)) - removed(letter)
        copy = Copy(letter.name, flags)
        places = {wish.split()[1]: copy for wish in letter.wishes if wish.startswith("copy ")}
        if goes := goes_to(letter):
            places[goes] = copy
        elif "delete" not in letter.wishes:
            places["INBOX"] = copy
        return places


def added(letter: Letter) -> frozenset[str]:
    """The flags that rules want set."""
    return frozenset(_flag(wish[1:]) for wish in letter.wishes if wish[0] == "+")


def removed(letter: Letter) -> frozenset[str]:
    """The flags that rules want gone."""
    return frozenset(_flag(wish[1:]) for wish in letter.wishes if wish[0] == "-")


def goes_to(letter: Letter) -> str:
    """The mailbox into which the letter moves, "" if it stays or is deleted."""
    return next(
        (
            "Trash" if wish == "trash" else wish.split()[1]
            for wish in letter.wishes
            if wish.startswith(("move ", "trash"))
        ),
        "",
    )


def rings(letter: Letter) -> tuple[str, ...]:
    """The rules whose outside effect the letter must have, each once."""
    return tuple(rule_name(wish) for wish in letter.wishes if wish == "ring")


def rule_name(wish: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", wish.lower().replace("+", "set ").replace("-", "unset ", 1)).strip("-")


def contents_of(mail: MailAccount, case: Case) -> Contents:
    """What is in the mailboxes of an account in memory, by letters."""
    names = letter_names(case)
    return {
        mailbox.name: Counter(
            Copy(names.get(stored.content, f"? {stored.content[:60]!r}"), stored.flags)
            for stored in mailbox.messages.values()
        )
        for mailbox in mail.mailboxes.values()
        if not mailbox.name.startswith(LEASE_MAILBOX)
    }


def letter_names(case: Case) -> Mapping[bytes, str]:
    """Names by content."""
    return _names(case.letters)


@cache
def _names(letters: tuple[Letter, ...]) -> dict[bytes, str]:
    return {one.content: one.name for one in letters}


_HEAD = f"""version: 1
allow: [delete]
accounts:
  {ACCOUNT}: {{host: 127.0.0.1, port: 1, security: none, user: ann@example.org, secret: {{file: /dev/null}}}}
defaults: {{in: [{ACCOUNT}/INBOX], first_run: act}}
"""
_ORDER = {
    "+": 0,
    "-": 1,
    "create": 2,
    "subscribe": 2,
    "share": 2,
    "copy": 3,
    "ring": 4,
    "move": 5,
    "trash": 5,
    "delete": 5,
}


def _action(wish: str) -> str:
    verb, _, rest = wish.partition(" ")
    if verb[0] in "+-":
        name = verb[1:]
        words = ("keyword", "unkeyword") if name.startswith("$") else ("flag", "unflag")
        return f"{{{words[verb[0] == '-']}: {name}}}"
    match verb:
        case "copy" | "move":
            return f"{{{verb}: {{to: {rest}, create: true}}}}"
        case "create" | "subscribe":
            return f"{{{verb}: {rest}}}"
        case "share":
            name, _, who = rest.partition(" ")
            return f"{{setacl: {{mailbox: {name}, rights: {{{who or 'bob'}: lr}}}}}}"
        case _:
            return verb


def _flag(name: str) -> str:
    return name if name.startswith("$") else f"\\{name.capitalize()}"


def _numbered(*wishes: tuple[str, ...], start: int = 1) -> tuple[Letter, ...]:
    return tuple(Letter(name=f"m{number}", wishes=one) for number, one in enumerate(wishes, start))


_SEEN = frozenset({"\\Seen", "$Old"})

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Case(
            name="everything",
            letters=(
                Letter(name="m1", wishes=("+seen", "+$Work", "copy Junk", "move Lists/a")),
                Letter(name="m2", wishes=("copy Junk", "copy Kept", "ring", "move Archive")),
                Letter(name="m3", wishes=("-seen", "-$Old", "move Archive"), flags=_SEEN),
                Letter(name="m4", wishes=("move Archive",), times=2),
                Letter(name="m5", wishes=("delete",)),
                Letter(name="m6", wishes=("+flagged", "delete")),
                Letter(name="m7", wishes=("ring",)),
                Letter(name="m8", wishes=("trash",)),
                Letter(name="m9", wishes=("create Made", "subscribe Made", "share Made")),
                Letter(name="m10", wishes=()),
            ),
        ),
        Case(
            name="flags",
            letters=(
                *_numbered(("+seen",), ("+flagged", "+$Work"), ("+$Work",)),
                Letter(name="m4", wishes=("-seen", "+flagged"), flags=_SEEN),
                Letter(name="m5", wishes=("-$Old",), flags=_SEEN),
                Letter(name="m6", wishes=("+seen",), flags=_SEEN),
            ),
        ),
        Case(
            name="copies",
            letters=_numbered(("copy Junk",), ("copy Junk", "copy Kept"), ("copy New/deep",), ("+seen", "copy Kept")),
        ),
        Case(
            name="moves",
            letters=(
                *_numbered(("move Archive",), ("move Archive",), ("move New/deep",), ("+seen", "move Archive")),
                Letter(name="m5", wishes=("move Archive",), times=3),
            ),
        ),
        Case(
            name="deletes",
            letters=_numbered(("delete",), ("+$Work", "delete"), ("copy Kept", "delete"), ("trash",), ()),
        ),
        Case(name="rights", letters=_numbered(("share Kept",), ("share Kept ann",), ("share Junk bob",))),
        Case(
            name=CROSSING,
            letters=(
                *_numbered(
                    ("move work/Archive",),
                    ("+seen", "move work/Lists/a"),
                    ("copy work/Kept",),
                    ("copy work/Kept", "copy Junk", "move Archive"),
                    ("copy work/Kept", "+$Work", "move work/Archive"),
                ),
                Letter(name="m6", wishes=("move work/Archive",), times=2),
            ),
        ),
        Case(
            name=BULK,
            letters=_numbered(
                *[("move Archive",)] * 12, *[("copy Junk", "move Lists/a")] * 8, *[("+$Work",)] * 6, *[("trash",)] * 4
            ),
        ),
        Case(
            name="effects",
            letters=_numbered(("ring",), ("ring", "move Archive"), ("+seen", "ring"), ("ring", "delete")),
        ),
    )
}
"""The cases by name."""
