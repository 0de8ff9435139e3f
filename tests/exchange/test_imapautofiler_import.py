"""What a configuration of imapautofiler becomes, and what is said of it."""

from __future__ import annotations

from random import Random

import pytest
import yaml

from mailrules.exchange.imapautofiler_import import import_imapautofiler
from mailrules.exchange.imported import Exactness, ExchangeError, Imported, ImportedRule, Plain
from mailrules.exchange.rule_text import rule_file
from tests.exchange.autofiler_oracle import configuration, theirs
from tests.exchange.checking import loaded, told
from tests.exchange.sieve_oracle import filed_by
from tests.exchange.sieve_scripts import messages
from tests.plan import planned

SERVER = {"hostname": "imap.example.org", "username": "me@example.org", "password": "hunter2", "port": 993}


def read(*rules: object, account: str = "home", **more: object) -> Imported:
    config = {"mailboxes": [{"name": "INBOX", "rules": list(rules)}], **more}
    return import_imapautofiler(yaml.safe_dump(config, sort_keys=False).encode(), account=account)


def rule_of(rule: object, **action: object) -> ImportedRule:
    assert isinstance(rule, dict)
    (found,) = read({**rule, "action": action or {"name": "flag"}}).rules
    return found


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"headers": [{"name": "Subject", "substring": "x"}]}, {"subject": {"contains": "x"}}),
        ({"headers": [{"name": "X-A", "value": "x"}]}, {"header": {"name": "X-A", "equals": "x"}}),
        ({"headers": [{"name": "X-A", "value": ""}]}, {"header": {"name": "X-A", "empty": True}}),
        ({"headers": [{"name": "to", "regex": "a+"}]}, {"header": {"name": "to", "regex": "a+", "case": "match"}}),
        (
            {"headers": [{"name": "X-A", "regex": "a*"}]},
            {
                "any": [
                    {"header": {"name": "X-A", "regex": "a*", "case": "match"}},
                    {"header": {"name": "X-A", "exists": False}},
                ]
            },
        ),
        ({"headers": []}, {"not": "always"}),
        ({"headers": [{"name": "X", "substring": ""}]}, "always"),
        (
            {"recipient": {"substring": "a@b"}},
            {"any": [{"header": {"name": name, "contains": "a@b"}} for name in ("To", "Cc")]},
        ),
        ({"header-exists": {"name": "X-A"}}, {"header": {"name": "X-A", "exists": True}}),
        ({"header-exists": {}, "name": "X-A"}, {"header": {"name": "X-A", "exists": True}}),
        ({"is-mailing-list": {}}, {"list_id": {"exists": True}}),
        ({"time-limit": {"age": 30}}, {"sent": {"older_than": "30d"}}),
        ({"time-limit": {"age": 0}}, {"not": "always"}),
        ({"or": {"rules": [{"is-mailing-list": {}}, {"time-limit": {"age": 1}}]}},
         {"any": [{"list_id": {"exists": True}}, {"sent": {"older_than": "1d"}}]}),
        ({"and": {"rules": []}}, {"not": "always"}),
    ],
)  # fmt: skip
def test_rules_become_conditions(rule: object, wanted: Plain) -> None:
    assert rule_of(rule).condition == wanted


@pytest.mark.parametrize(
    ("action", "wanted", "stop"),
    [
        ({"name": "flag"}, {"flag": "flagged"}, True),
        ({"name": "mark_unread"}, {"unflag": "seen"}, True),
        ({"name": "move", "dest-mailbox": "A{b}"}, {"move": {"to": "A{{b}}", "create": True}}, None),
        ({"name": "move", "dest-mailbox": "A.{{ date.year }}"}, {"move": {"to": "A.{sent:%Y}", "create": True}}, None),
        (
            {"name": "move", "dest-mailbox": "A/{{ date.strftime('%Y-%m') }}"},
            {"move": {"to": "A/{sent:%Y-%m}", "create": True}},
            None,
        ),
        ({"name": "trash"}, {"move": {"to": "Bin", "create": True}}, None),
        ({"name": "delete"}, "trash", None),
        ({"name": "sort-by-year", "dest-mailbox-base": "Y."}, {"move": {"to": "Y.{sent:%Y}", "create": True}}, None),
    ],
)
def test_actions_become_ours(action: dict[str, object], wanted: Plain, stop: bool | None) -> None:
    imported = read({"is-mailing-list": {}, "action": action}, **{"trash-mailbox": "Bin"})

    (rule,) = imported.rules
    assert (rule.actions, rule.stop) == ((wanted,), stop)
    assert len(loaded(imported).rules.rules) == 1


def test_a_sort_captures_the_name_of_the_mailbox() -> None:
    imported = read(
        {"recipient": {"substring": "x"}, "action": {"name": "sort-mailing-list", "dest-mailbox-base": "L."}}
    )

    (rule,) = imported.rules
    assert isinstance(rule.condition, dict)
    assert rule.condition["all"][0] == {"list_id": {"regex": r"<?(?P<sorted_into>[^.]+)\..*>?", "case": "match"}}  # type: ignore[index,call-overload]  # a list
    assert rule.actions == ({"move": {"to": "L.{sorted_into}", "create": True}},)
    loaded(imported)


def test_the_server_becomes_an_account_without_its_password() -> None:
    imported = import_imapautofiler(
        yaml.safe_dump(
            {
                "server": SERVER,
                "trash-mailbox": "Bin",
                "mailboxes": [{"name": "INBOX.x", "rules": [{"is-mailing-list": {}}]}],
            }
        ).encode()
    )
    text = rule_file(imported, origin="x")

    configuration = planned.load(text.partition("version: 1\n")[2], head="version: 1\n")
    account = configuration.accounts["imapautofiler"]
    assert (account.host, account.user, account.trash) == ("imap.example.org", "me@example.org", "Bin")
    assert "hunter2" not in text + str(imported.findings)
    assert "in: [imapautofiler/INBOX.x]" in text
    assert {name for _, name in told(imported, Exactness.APPROXIMATED)} == {"password", "the rules behind it"}


@pytest.mark.parametrize(
    ("rule", "construct"),
    [
        ({"sender": {"substring": "x"}, "action": {"name": "flag"}}, "sender"),
        ({"not": {"rules": []}, "action": {"name": "flag"}}, "not"),
        ({"action": {"name": "flag"}}, "rule"),
        ({"headers": [], "recipient": {"substring": "x"}, "action": {"name": "flag"}}, "rule"),
        ({"headers": {"name": "x"}, "action": {"name": "flag"}}, "headers"),
        ({"headers": [{"substring": "x"}], "action": {"name": "flag"}}, "headers"),
        ({"headers": [{"name": "x"}], "action": {"name": "flag"}}, "headers"),
        ({"headers": [{"name": "x", "substring": "a", "regex": "b"}], "action": {"name": "flag"}}, "headers"),
        ({"headers": [{"name": "x", "regex": "("}], "action": {"name": "flag"}}, "regex"),
        ({"headers": [{"name": "x", "regex": "(?=a)"}], "action": {"name": "flag"}}, "regex"),
        ({"headers": [{"name": "x: y", "substring": "a"}], "action": {"name": "flag"}}, "headers"),
        ({"header-exists": {}, "action": {"name": "flag"}}, "header-exists"),
        ({"time-limit": {"age": "old"}, "action": {"name": "flag"}}, "time-limit"),
        ({"and": [], "action": {"name": "flag"}}, "and"),
        ({"is-mailing-list": {}}, "action"),
        ({"is-mailing-list": {}, "action": {"name": "sing"}}, "action"),
        ({"is-mailing-list": {}, "action": {"name": "move"}}, "action"),
        ({"is-mailing-list": {}, "action": {"name": "move", "dest-mailbox": "A", "create": True}}, "create"),
        ({"is-mailing-list": {}, "action": {"name": "move", "dest-mailbox": "{{ from }}"}}, "template"),
        ({"is-mailing-list": {}, "action": {"name": "move", "dest-mailbox": "{% if x %}"}}, "template"),
        ({"is-mailing-list": {}, "action": {"name": "move", "dest-mailbox": "{{ subject }}"}}, "dest-mailbox"),
        ({"is-mailing-list": {}, "action": {"name": "trash"}}, "trash"),
        ({"is-mailing-list": {}, "action": {"name": "sort", "dest-mailbox-base": "A", "dest-mailbox-regex": "x"}},
         "dest-mailbox-regex-group"),
    ],
)  # fmt: skip
def test_what_is_refused_is_a_disabled_rule_with_its_source(rule: object, construct: str) -> None:
    imported = read(rule)

    assert [name for _, name in told(imported, Exactness.REFUSED)] == [construct]
    assert not imported.rules[0].is_enabled
    assert yaml.safe_load(imported.rules[0].source) == rule
    assert loaded(imported).rules.rules == ()


@pytest.mark.parametrize("seed", range(4))
async def test_generated_configurations_file_generated_messages_where_imapautofiler_does(seed: int) -> None:
    random = Random(seed)
    for _ in range(12):
        text, mails = configuration(random), messages(random, 6)
        imported = import_imapautofiler(text.encode(), account="home")
        assert imported.count(Exactness.REFUSED) == 0, imported.findings
        rules = rule_file(imported, origin="the test").partition("version: 1\n")[2]

        found = await filed_by(rules, mails)

        for mail, ours, wanted in zip(mails, found, theirs(text, mails), strict=True):
            assert ours == wanted, f"{text}\n{rules}\n{mail.decode()}"


def test_aliases_are_followed_and_a_bomb_of_them_is_told() -> None:
    shared = b"mailboxes:\n- name: INBOX\n  rules:\n  - &a {is-mailing-list: {}, action: {name: flag}}\n  - *a\n"
    bomb = b"a: &a [x, x]\n" + b"".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n".encode() for n in range(9)
    )

    assert len(import_imapautofiler(shared, account="home").rules) == 2
    with pytest.raises(ExchangeError, match="over 100,000 values"):
        import_imapautofiler(bomb)


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"", 1, "empty"),
        (b"a: [", 1, "no YAML"),
        (b"a: 1\nb: 2\na: 3\n", 3, "stands twice, in line 1"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"a:\n  - !!python/object:os.system x\n", 2, "tag"),
        (b"a: &x [*x]\n", 1, "nothing complete"),
        (b"a: {<<: {b: 1}}\n", 1, "merged keys"),
        (b"server: {}\n", 1, "no `mailboxes`"),
        (b"a: 1\nmailboxes: {}\n", 2, "a list is expected"),
        (b"[" * 100_000, 1, "deep"),
        (b"- " * 100_000, 1, "deep"),
        ("mailboxes: []".encode("utf-16"), 1, "UTF-16"),
        (b"a: 1\nb: \xe4\n", 2, "not UTF-8"),
        (b"#" * (10 << 20), 1, "over 4,194,304 bytes"),
        (b"a: \x01", 1, "no YAML"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_configuration_is_told_with_its_line(content: bytes, line: int, why: str) -> None:
    with pytest.raises(ExchangeError, match=why) as told_error:
        import_imapautofiler(content)

    assert told_error.value.line == line


def test_parts_that_are_not_known_are_told() -> None:
    imported = import_imapautofiler(
        b"maildir: ~/Mail\nextra: 1\nserver: {hostname: a, username: b, ssl: no, oauth: x}\n"
        b"mailboxes:\n- {name: 'a*', rules: []}\n- {name: b}\n- {name: c, rules: [], color: red}\n"
    )

    assert [name for _, name in told(imported, Exactness.REFUSED)] == [
        "maildir", "extra", "oauth", "mailboxes", "mailboxes", "color",
    ]  # fmt: skip
    assert [name for _, name in told(imported, Exactness.APPROXIMATED)] == ["ssl"]
    assert [rule.is_enabled for rule in imported.rules] == [False, False]


@pytest.mark.parametrize(
    ("action", "construct"),
    [
        ({"name": "move", "dest-mailbox": "{{" * 500_000}, "dest-mailbox"),
        ({"name": "move", "dest-mailbox": "{%" * 500_000}, "dest-mailbox"),
        ({"name": "sort", "dest-mailbox-base": "A", "dest-mailbox-regex": "(" * 100_000}, "dest-mailbox-regex"),
    ],
)
def test_hostile_names_of_mailboxes_take_bounded_time(action: object, construct: str) -> None:
    assert [name for _, name in told(read({"is-mailing-list": {}, "action": action}), Exactness.REFUSED)] == [construct]


def test_every_cut_of_a_file_is_read_or_told() -> None:
    content = yaml.safe_dump(
        {
            "server": SERVER,
            "mailboxes": [{"name": "INBOX", "rules": [{"is-mailing-list": {}, "action": {"name": "flag"}}]}],
        }
    ).encode()

    for cut in range(len(content)):
        try:
            import_imapautofiler(content[:cut])
        except ExchangeError:
            continue
