"""What Thunderbird's filters become, and what is said of them."""

from __future__ import annotations

from random import Random

import pytest

from mailrules.exchange.imported import Exactness, ExchangeError, Imported, ImportedRule, Plain
from mailrules.exchange.rule_text import rule_file
from mailrules.exchange.thunderbird_file import MAX_FILTERS, read_condition
from mailrules.exchange.thunderbird_folder import FolderError, folder_of
from mailrules.exchange.thunderbird_import import import_thunderbird
from mailrules.testing.builders import message
from tests.exchange.checking import loaded, told
from tests.exchange.sieve_oracle import filed_by
from tests.exchange.thunderbird_model import ADDRESSES, WORDS, fits, terms, written

INBOX = "imap://me%40example.org@imap.example.org"


def filters(*lines: str, head: str = 'version="9"\nlogging="no"\n') -> Imported:
    return import_thunderbird((head + "\n".join(lines) + "\n").encode())


def one_filter(condition: str, *actions: str, kind: str = "17", enabled: str = "yes") -> Imported:
    actions = actions or ('action="Mark flagged"',)
    return filters('name="f"', f'enabled="{enabled}"', f'type="{kind}"', *actions, f'condition="{condition}"')


def priorities(*digits: str) -> Plain:
    return {"header": {"name": "X-Priority", "starts_with": list(digits)}}


def only(imported: Imported) -> ImportedRule:
    (rule,) = imported.rules
    return rule


def test_a_filter_becomes_a_rule() -> None:
    imported = one_filter(
        "AND (subject,contains,offer) AND (from,is,ann@example.org)",
        'action="AddTag"',
        'actionValue="$label2"',
        'action="Move to folder"',
        f'actionValue="{INBOX}/INBOX/Offers%20%26%20more"',
    )

    rule = only(imported)
    assert rule.condition == {"all": [{"subject": {"contains": "offer"}}, {"from": {"equals": "ann@example.org"}}]}
    assert rule.actions == ({"keyword": "$label2"}, {"move": "INBOX/Offers & more"})
    assert (rule.name, rule.stop, rule.is_enabled) == ("f", None, True)
    assert imported.count(Exactness.EXACT) == len(imported.findings)
    loaded(imported)


@pytest.mark.parametrize(
    ("term", "wanted", "exactness"),
    [
        ("subject,contains,x", {"subject": {"contains": "x"}}, Exactness.EXACT),
        ("subject,begins with,x", {"subject": {"starts_with": "x"}}, Exactness.APPROXIMATED),
        ("subject,doesn't contain,x", {"not": {"subject": {"contains": "x"}}}, Exactness.EXACT),
        ("from,contains,x", {"header": {"name": "From", "contains": "x"}}, Exactness.EXACT),
        ("from,isn't,a@b.example", {"not": {"from": {"equals": "a@b.example"}}}, Exactness.EXACT),
        ("to or cc,ends with,x", {"any": [{"to": {"ends_with": "x"}}, {"cc": {"ends_with": "x"}}]}, Exactness.EXACT),
        ("cc,is empty,", {"cc": {"empty": True}}, Exactness.APPROXIMATED),
        (r"\"X-A\",contains,x", {"header": {"name": "X-A", "contains": "x"}}, Exactness.EXACT),
        (r"\"X-A\",is empty,", {"header": {"name": "X-A", "empty": True}}, Exactness.EXACT),
        ("body,contains,x", {"body": {"contains": "x"}}, Exactness.APPROXIMATED),
        ("size,is greater than,10", {"size": {"at_least": 11264}}, Exactness.EXACT),
        ("size,is less than,10", {"size": {"under": 10240}}, Exactness.EXACT),
        ("age in days,is greater than,30", {"sent": {"older_than": "30d"}}, Exactness.APPROXIMATED),
        ("date,is before,1-Feb-2026", {"sent": {"before": "2026-02-01"}}, Exactness.APPROXIMATED),
        ("date,isn't,28-Feb-2026", {"not": {"sent": {"on": "2026-02-28"}}}, Exactness.APPROXIMATED),
        ("priority,is higher than,Normal", priorities("1", "2"), Exactness.APPROXIMATED),
        ("priority,is,Normal", {"not": priorities("1", "2", "4", "5")}, Exactness.APPROXIMATED),
        ("status,is,read", {"flag": "seen"}, Exactness.EXACT),
        ("status,isn't,replied", {"not": {"flag": "answered"}}, Exactness.EXACT),
        ("tag,contains,$label1", {"keyword": "$label1"}, Exactness.EXACT),
        ("tag,isn't,work", {"not": {"keyword": "work"}}, Exactness.APPROXIMATED),
        ("junk status,is,2", {"keyword": ["$Junk", "Junk"]}, Exactness.APPROXIMATED),
        ("has attachment status,is,true", {"attachment": True}, Exactness.APPROXIMATED),
    ],
)  # fmt: skip
def test_terms_become_conditions(term: str, wanted: Plain, exactness: Exactness) -> None:
    imported = one_filter(f"AND ({term})")

    assert only(imported).condition == wanted
    assert only(imported).is_enabled
    assert any(one.exactness is exactness for one in imported.findings if one.line == 7)
    assert len(loaded(imported).rules.rules) == 1


@pytest.mark.parametrize(
    ("actions", "wanted", "stop"),
    [
        (('action="Mark read"', 'action="Stop execution"'), ({"flag": "seen"},), True),
        (('action="Stop execution"',), ("keep",), None),
        (('action="Mark unread"', 'action="Delete"'), ({"unflag": "seen"}, "trash"), None),
        (('action="Label"', 'actionValue="3"'), ({"keyword": "$label3"},), None),
        (('action="Forward"', 'actionValue="a@b.example"'), ({"forward": {"to": "a@b.example"}},), None),
        (('action="JunkScore"', 'actionValue="100"'), ({"keyword": "$Junk"}, {"unkeyword": "$NotJunk"}), None),
        (
            (
                'action="Copy to folder"', f'actionValue="{INBOX}/A"',
                'action="Move to folder"', f'actionValue="{INBOX}/B"',
            ),
            ({"copy": "A"}, {"move": "B"}),
            None,
        ),
    ],
)  # fmt: skip
def test_actions_become_ours(actions: tuple[str, ...], wanted: tuple[Plain, ...], stop: bool | None) -> None:
    imported = one_filter("ALL", *actions)

    assert (only(imported).actions, only(imported).stop) == (wanted, stop)
    assert only(imported).condition == "always"
    loaded(imported)


def test_what_an_action_cannot_say_is_named_above_the_rule_that_does_the_rest() -> None:
    imported = one_filter("ALL", 'action="Change priority"', 'actionValue="Highest"', 'action="Mark read"')

    assert told(imported, Exactness.REFUSED) == [(6, "Change priority")]
    assert only(imported).source == "left out: Change priority Highest"
    assert only(imported).is_enabled


@pytest.mark.parametrize(
    ("condition", "action", "construct"),
    [
        ("AND (from,is in ab,moz-abmdbdirectory://abook.mab)", "Mark read", "from"),
        ("AND (subject,contains,)", "Mark read", "subject"),
        ("AND (subject,matches,x)", "Mark read", "subject"),
        ("AND (x@addon.example#term,is,x)", "Mark read", "x@addon.example#term"),
        ("AND (junk percent,is greater than,50)", "Mark read", "junk percent"),
        ("AND (date,is,31-Feb-2026)", "Mark read", "date"),
        ("AND (size,is,big)", "Mark read", "size"),
        ("AND (status,is,new)", "Mark read", "status"),
        ("AND (tag,is empty,)", "Mark read", "tag"),
        ("AND (subject,is,x) OR (to,is,y)", "Mark read", "condition"),
        ("AND (subject,is,x", "Mark read", "condition"),
        ("subject is x", "Mark read", "condition"),
        ("AND (subject)", "Mark read", "condition"),
        ("ALL", "Sing", "Sing"),
        ("ALL", "Move to folder", "Move to folder"),
        ("ALL", 'Custom\\"\naction="x', 'Custom"'),
    ],
)
def test_what_is_refused_is_a_disabled_rule_with_its_source(condition: str, action: str, construct: str) -> None:
    imported = one_filter(condition, f'action="{action}"') if "\n" not in action else filters(
        'name="f"', 'enabled="yes"', 'type="17"', 'action="Custom\\""', f'condition="{condition}"'
    )  # fmt: skip

    assert told(imported, Exactness.REFUSED)[0][1] == construct
    assert not only(imported).is_enabled
    assert f'condition="{condition}"' in only(imported).source
    assert loaded(imported).rules.rules == ()


def test_forwarding_to_what_is_no_address_is_refused() -> None:
    imported = one_filter("ALL", 'action="Forward"', 'actionValue="@d.example"')

    assert told(imported, Exactness.REFUSED) == [(6, "Forward")]
    assert not only(imported).is_enabled
    loaded(imported)


def test_an_unknown_action_keeps_its_place_and_the_others_theirs() -> None:
    imported = filters(
        'name="a"', 'enabled="yes"', 'type="17"', 'action="Mark read"', 'condition="ALL"',
        'name="b"', 'enabled="yes"', 'type="17"',
        'action="Custom"', 'customId="x@y#z"', 'actionValue="1"', 'condition="ALL"',
        'name="c"', 'enabled="no"', 'type="17"', 'action="Mark flagged"', 'condition="ALL"',
    )  # fmt: skip

    assert [(rule.name, rule.is_enabled) for rule in imported.rules] == [("a", True), ("b", False), ("c", False)]
    assert imported.rules[2].actions == ({"flag": "flagged"},)
    assert told(imported, Exactness.REFUSED) == [(11, "Custom")]


@pytest.mark.parametrize(
    ("kind", "is_enabled", "exactness"),
    [
        ("17", True, Exactness.EXACT),
        ("48", True, Exactness.EXACT),
        ("16", False, Exactness.APPROXIMATED),
        ("81", True, Exactness.APPROXIMATED),
        ("273", True, Exactness.APPROXIMATED),
        ("64", False, Exactness.REFUSED),
        ("4", False, Exactness.REFUSED),
        ("x", False, Exactness.REFUSED),
    ],
)
def test_the_type_says_when_a_filter_runs(kind: str, is_enabled: bool, exactness: Exactness) -> None:
    imported = one_filter("ALL", kind=kind)

    assert only(imported).is_enabled is is_enabled
    assert (5, "type") in told(imported, exactness)


@pytest.mark.parametrize(
    ("address", "server", "mailbox"),
    [
        ("imap://me@Host.example/INBOX/x", "me@host.example", "INBOX/x"),
        ("imap://me%40a.example@host.example/Entw%26APw-rfe", "me@a.example@host.example", "Entwürfe"),
        ("imap://me@host.example/Caf%C3%A9", "me@host.example", "Café"),
        ("imap://me@host.example/A %26 B", "me@host.example", "A & B"),
        ("imap://me@host.example/A%26-B", "me@host.example", "A&B"),
    ],
)
def test_addresses_of_folders_name_mailboxes(address: str, server: str, mailbox: str) -> None:
    folder = folder_of(address)

    assert (folder.server, folder.mailbox) == (server, mailbox)


@pytest.mark.parametrize(
    "address",
    ["", "imap://", "imap://me@host", "imap://me@host/", "imap://me@host/a//b", "mailbox://nobody@Local%20Folders/x",
     "imap://me@host/%ff", "imap://me@host/%0a", "http://host/x"],
)  # fmt: skip
def test_addresses_that_name_no_mailbox_are_refused(address: str) -> None:
    with pytest.raises(FolderError):
        folder_of(address)


def test_a_folder_of_another_account_is_refused_and_the_guess_is_told() -> None:
    move = ('enabled="yes"', 'type="17"', 'action="Move to folder"')
    imported = filters(
        *('name="a"', *move, f'actionValue="{INBOX}/A"', 'condition="ALL"') * 2,
        *('name="b"', *move, 'actionValue="imap://you@elsewhere.example/B"', 'condition="ALL"'),
    )

    assert [rule.is_enabled for rule in imported.rules] == [True, True, False]
    assert told(imported, Exactness.APPROXIMATED) == [(7, "actionValue"), (15, "the filters behind it")]
    assert told(imported, Exactness.REFUSED) == [(18, "Move to folder")]


@pytest.mark.parametrize("seed", range(3))
async def test_generated_filters_fit_the_messages_that_thunderbird_would_fit(seed: int) -> None:
    random = Random(seed)
    for _ in range(12):
        joiner, some = terms(random)
        line = written(joiner, some)
        imported = one_filter(line, 'action="Move to folder"', f'actionValue="{INBOX}/A"')
        assert imported.rules[0].is_enabled, imported.findings
        mails = [
            message(
                from_=f"{random.choice(('Someone', 'Other'))} <{random.choice(ADDRESSES)}>",
                to=", ".join(random.sample(ADDRESSES, random.randint(1, 2))),
                cc=random.choice((None, f'"Copy" <{random.choice(ADDRESSES)}>')),
                subject=" ".join(random.sample(WORDS, random.randint(1, 2))),
                headers=[("X-Kind", word) for word in random.sample(WORDS, random.randint(0, 2))],
                body="x" * random.choice((10, 1500, 2600)),
            )
            for _ in range(8)
        ]
        text = rule_file(imported, origin="the test", mailboxes=("home/INBOX",))

        found = await filed_by(text.partition("version: 1\n")[2], mails)

        for mail, filed in zip(mails, found, strict=True):
            assert ({one.mailbox for one in filed} == {"A"}) == fits(some, joiner, mail), (line, text, mail)


def test_values_with_brackets_and_quotes_are_read_as_thunderbird_writes_them() -> None:
    condition = r"""AND (subject,contains,"a) \"b\" ,c")"""

    joiner, (term,) = read_condition(condition)

    assert (joiner, term.value) == ("all", 'a) "b" ,c')


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"", 1, "does not begin with version"),
        (b'name="x"\n', 1, "does not begin with version"),
        (b'version="6"\n', 1, "are read"),
        (b'version="9"\nenabled="yes"\n', 2, "before the first filter"),
        (b'version="9"\nlogging="no"\nname="x', 3, "not closed"),
        (b'version="9"\nlogging="no"\nname="x"\nenabled', 4, "cut short"),
        (b'version="9"\nlogging="no"\nname="\xe4"\n', 3, "not UTF-8"),
        ('version="9"\n'.encode("utf-16"), 1, "UTF-16"),
        (b'version="9"\n' + b'name="x"\n' * (MAX_FILTERS + 1), MAX_FILTERS + 2, "over 10,000 filters"),
        (b'version="9"\n' + b"\n" * (10 << 20), 1, "over 4,194,304 bytes"),
        (b'version="9"\nname="x"\n' + b'action="Delete"\n' * 100_000, 1002, "over 1,000 lines"),
        (b'version="9"\n' + b"=" * 1_000_000, 2, "cut short"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_file_of_filters_is_told_with_its_line(content: bytes, line: int, why: str) -> None:
    with pytest.raises(ExchangeError, match=why) as told_error:
        import_thunderbird(content)

    assert told_error.value.line == line


def test_every_cut_of_a_file_is_told_or_leaves_a_disabled_rule() -> None:
    lines = ('version="9"', 'logging="yes"', 'name="f"', 'enabled="yes"', 'type="17"', 'action="Mark read"')
    content = "\r\n".join([*lines, 'condition="ALL"']).encode()

    for cut in range(len(content)):
        try:
            imported = import_thunderbird(content[:cut])
        except ExchangeError:
            continue
        assert not any(rule.is_enabled for rule in imported.rules)


@pytest.mark.parametrize("condition", ["AND (" * 100_000, "(" * 200_000, r"\"" * 200_000, "AND (a,b,c) " * 50_000])
def test_hostile_conditions_take_bounded_time(condition: str) -> None:
    assert told(one_filter(condition), Exactness.REFUSED)


def test_hostile_names_stay_names() -> None:
    imported = filters('name="x\\"\x1b[2J: [] #"', 'enabled="yes"', 'type="17"', 'action="Nope"', 'condition="ALL"')

    assert "\x1b" not in rule_file(imported, origin="x")
    assert only(imported).name == 'x" [2J: [] #'
    loaded(imported)
