"""How does a configuration of imapautofiler become rules, and its server an account?

The first rule of a mailbox that fits a message acts, and no other is asked: rules that only mark say ``stop: true``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mailrules.exchange.decoding import utf8_text
from mailrules.exchange.imapautofiler_actions import read_action
from mailrules.exchange.imapautofiler_conditions import ConditionReader, RuleRefused
from mailrules.exchange.imported import (
    Exactness,
    ExchangeError,
    Finding,
    Imported,
    ImportedRule,
    Plain,
    RuleNames,
    condition_of_all,
    short_name,
    what_is_lost,
)
from mailrules.exchange.yaml_values import read_yaml_values

if TYPE_CHECKING:
    from mailrules.exchange.sourced import Sourced

_KEYS: Final = ("server", "maildir", "trash-mailbox", "mailboxes")
_LEFT_OUT: Final = "the password is left out; put it into the keyring, or write another `secret`"


def import_imapautofiler(content: bytes, *, account: str = "") -> Imported:
    """Rules that do what its rules do, with a finding for every part of the configuration.

    ``account`` is the name of an account that is configured already; without it the server becomes one. Raises
    ExchangeError for what is no such configuration.
    """
    source = read_yaml_values(utf8_text(content, format_name="YAML"))
    if "mailboxes" not in source.entries:
        raise ExchangeError("this is no configuration of imapautofiler: it has no `mailboxes`", line=source.line)
    return _Configuration(source, account=account).imported()


class _Configuration:
    """Reads the parts in order, and gathers what is found."""

    def __init__(self, source: Sourced, *, account: str) -> None:
        self._entries = source.entries
        self._account = account
        self._findings: list[Finding] = []
        self._names = RuleNames()
        trash = self._entries.get("trash-mailbox")
        self._trash = trash.text if trash else ""

    def imported(self) -> Imported:
        for key, one in self._entries.items():
            if key not in _KEYS:
                self._note(one, key, Exactness.REFUSED, "no such part of a configuration is known")
            elif key == "maildir":
                self._note(one, key, Exactness.REFUSED, "a maildir is no account; rules act over IMAP")
            elif key == "trash-mailbox":
                self._note(one, key)
        accounts = self._accounts()
        rules: list[ImportedRule] = []
        mailboxes = self._entries["mailboxes"]
        if not isinstance(mailboxes.value, list):
            raise ExchangeError(f"`mailboxes` is {mailboxes.kind}, and a list is expected", line=mailboxes.line)
        for one in mailboxes.value:
            rules += self._mailbox(one)
        return Imported(rules=tuple(rules), findings=tuple(sorted(self._findings)), accounts=accounts)

    def _accounts(self) -> dict[str, Plain]:
        """The server as an account. Its password never leaves the file that it stands in."""
        server = self._entries.get("server")
        if self._account or server is None:
            if server is not None:
                self._note(server, "server", Exactness.APPROXIMATED, f"the account {self._account} stands for it")
            self._account = self._account or "imapautofiler"
            return {}
        known = {key: one for key, one in server.entries.items() if one.value is not None}
        host, user = known.get("hostname"), known.get("username")
        self._account = "imapautofiler"
        if host is None or user is None or not host.text or not user.text:
            self._note(server, "server", Exactness.REFUSED, "it needs `hostname` and `username`")
            return {}
        account: dict[str, Plain] = {"host": host.text, "user": user.text, "secret": {"keyring": host.text}}
        for key, one in known.items():
            self._server_key(key, one, account)
        if self._trash:
            account["trash"] = self._trash
        return {self._account: account}

    def _server_key(self, key: str, one: Sourced, account: dict[str, Plain]) -> None:
        match key, one.value:
            case "hostname" | "username" | "use_keyring", _:
                self._note(one, key)
            case "port", int() as port if not isinstance(port, bool) and 0 < port < 65536:
                account["port"] = port
                self._note(one, key)
            case "ca_file", str() as path:
                account["ca_file"] = path
                self._note(one, key)
            case "password", _:
                self._note(one, key, Exactness.APPROXIMATED, _LEFT_OUT)
            case "ssl" | "check_hostname", True:
                self._note(one, key)
            case "ssl" | "check_hostname", False:
                how = "the line is protected, and the server's name is checked, all the same"
                self._note(one, key, Exactness.APPROXIMATED, how)
            case _:
                self._note(one, key, Exactness.REFUSED, f"`{key}` of a server is not known with {one.kind}")

    def _mailbox(self, source: Sourced) -> list[ImportedRule]:
        name = source.entries.get("name")
        rules = source.entries.get("rules")
        if name is None or not name.text.strip() or set(name.text) & set("*%") or not name.text.isprintable():
            self._note(source, "mailboxes", Exactness.REFUSED, "this mailbox has no name that can be watched")
            return [self._disabled(source, mailboxes=())]
        if rules is None or not isinstance(rules.value, list):
            self._note(source, "mailboxes", Exactness.REFUSED, "this mailbox has no list of `rules`")
            return [self._disabled(source, mailboxes=())]
        for key, one in source.entries.items():
            if key not in {"name", "rules"}:
                self._note(one, key, Exactness.REFUSED, "no such part of a mailbox is known")
        self._note(source, "mailboxes")
        return [self._rule(one, f"{self._account}/{name.text}") for one in rules.value]

    def _rule(self, source: Sourced, mailbox: str) -> ImportedRule:
        reader = ConditionReader()
        try:
            condition = reader.read(source)
            if "action" not in source.entries:
                raise RuleRefused("action", "the rule has none", line=source.line)
            action = source.entries["action"]
            translated = read_action(action, trash=self._trash)
        except RuleRefused as refused:
            self._findings.append(
                Finding(line=refused.line, construct=refused.construct, exactness=Exactness.REFUSED, how=refused.why)
            )
            self._findings.append(what_is_lost(source.line, "the rules behind it"))
            return self._disabled(source, mailboxes=(mailbox,))
        self._findings += reader.findings
        exactness = Exactness.APPROXIMATED if translated.how else Exactness.EXACT
        self._note(action, action.entries["name"].text, exactness, translated.how)
        parts = [translated.condition, condition] if translated.condition is not None else [condition]
        return ImportedRule(
            name=self._names.unique(_named(source)),
            condition=condition_of_all(parts),
            actions=(translated.action,),
            stop=None if translated.disposes else True,
            mailboxes=(mailbox,),
        )

    def _disabled(self, source: Sourced, *, mailboxes: tuple[str, ...]) -> ImportedRule:
        return ImportedRule(
            name=self._names.unique(_named(source)),
            actions=("keep",),
            is_enabled=False,
            source=source.as_json(),
            mailboxes=mailboxes or (f"{self._account}/INBOX",),
        )

    def _note(self, source: Sourced, construct: str, exactness: Exactness = Exactness.EXACT, how: str = "") -> None:
        self._findings.append(Finding(line=source.line, construct=construct, exactness=exactness, how=how))


def _named(source: Sourced) -> str:
    """What the rule looks for, in short: rules have no names there."""
    words = [
        f"{one.entries['name'].text if 'name' in one.entries else ''} {_matcher(one)}".strip()
        for one in source.entries.get("headers", source).items
    ]
    if "recipient" in source.entries:
        words = [f"recipient {_matcher(source.entries['recipient'])}"]
    text = re.sub(r"\s+", " ", ", ".join(words))
    return short_name(text, otherwise=f"imapautofiler line {source.line}")


def _matcher(source: Sourced) -> str:
    return next(
        (str(source.entries[key].value) for key in ("substring", "regex", "value") if key in source.entries), ""
    )
