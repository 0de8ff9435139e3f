"""What Gmail's filters become, and what is said of them."""

from __future__ import annotations

import pytest

from mailrules.exchange.gmail_import import import_gmail
from mailrules.exchange.gmail_xml import MAX_FILTERS
from mailrules.exchange.imported import Exactness, ExchangeError, Imported, ImportedRule
from mailrules.exchange.rule_text import rule_file
from tests.exchange.checking import loaded, told

HEAD = (
    "<?xml version='1.0' encoding='UTF-8'?>"
    "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:apps='http://schemas.google.com/apps/2006'>\n"
    "  <title>Mail Filters</title>\n"
)
USUAL = {"sizeOperator": "s_sl", "sizeUnit": "s_smb"}
"""What Gmail writes into each filter."""


def feed(*filters: dict[str, str], encoding: str = "utf-8") -> bytes:
    entries = []
    for one in filters:
        lines = "".join(f"\n    <apps:property name='{name}' value='{value}'/>" for name, value in one.items())
        head = "<category term='filter'></category><title>Mail Filter</title><content></content>"
        entries.append(f"  <entry>{head}{lines}\n  </entry>\n")
    return (HEAD + "".join(entries) + "</feed>\n").encode(encoding)


def only(imported: Imported) -> ImportedRule:
    (rule,) = imported.rules
    return rule


def test_a_filter_becomes_a_rule_that_lets_others_follow() -> None:
    imported = import_gmail(
        feed(
            {
                "from": "a@b.example",
                "label": "Work/Travel",
                "shouldArchive": "true",
                "shouldMarkAsRead": "true",
                **USUAL,
            }
        )
    )

    rule = only(imported)
    assert rule.name == "from:a@b.example"
    assert rule.condition == {"gmail": "from:a@b.example"}
    assert rule.actions == ({"flag": "seen"}, {"label": "Work/Travel"}, "archive")
    assert (rule.stop, rule.conflict, rule.is_enabled) == (False, None, True)
    assert imported.count(Exactness.EXACT) == len(imported.findings) == 6
    assert loaded(imported).rules.rules[0].name == rule.name


@pytest.mark.parametrize(
    ("criteria", "wanted"),
    [
        ({"to": "me@x.example", "subject": "two words"}, "to:me@x.example subject:(two words)"),
        ({"subject": "&quot;two words&quot;"}, 'subject:"two words"'),
        ({"from": "a OR b", "hasTheWord": "c OR d"}, "from:(a OR b) (c OR d)"),
        ({"hasTheWord": "{a b}", "doesNotHaveTheWord": "c d"}, "{a b} -{c d}"),
        ({"doesNotHaveTheWord": "from:x"}, "-from:x"),
        ({"from": "a", "hasAttachment": "true", "excludeChats": "true"}, "from:a has:attachment"),
        ({"from": "a", "size": "5", "sizeOperator": "s_ss", "sizeUnit": "s_skb"}, "from:a smaller:5K"),
        ({"size": "70000", "sizeUnit": "s_sb"}, "larger:70000"),
        (
            {"hasTheWord": "category:promotions older_than:1y list:x.example"},
            "category:promotions older_than:1y list:x.example",
        ),
        ({"from": "-a"}, "from:(-a)"),
    ],
)
def test_criteria_are_one_search_as_gmail_joins_them(criteria: dict[str, str], wanted: str) -> None:
    rule = only(import_gmail(feed({**criteria, "shouldStar": "true"})))

    assert rule.condition == {"gmail": wanted}
    assert rule.actions == ({"flag": "flagged"},)


def test_the_trash_wins_over_an_earlier_archive() -> None:
    imported = import_gmail(feed({"from": "a", "shouldArchive": "true"}, {"from": "b", "shouldTrash": "true"}))

    assert [rule.actions for rule in imported.rules] == [("archive",), ("trash",)]
    assert [rule.conflict for rule in imported.rules] == [None, "last"]


def test_what_an_action_cannot_say_is_named_above_the_rule_that_does_the_rest() -> None:
    imported = import_gmail(
        feed(
            {
                "from": "a", "label": "X", "shouldNeverSpam": "true", "smartLabelToApply": "^smartlabel_promo",
                "shouldAlwaysMarkAsImportant": "true", "forwardTo": "b@c.example",
            }
        )
    )  # fmt: skip

    assert told(imported, Exactness.REFUSED) == [(6, "shouldNeverSpam"), (7, "smartLabelToApply")]
    assert told(imported, Exactness.APPROXIMATED) == [(8, "shouldAlwaysMarkAsImportant"), (9, "forwardTo")]
    assert only(imported).is_enabled
    assert "  # left out: smartLabelToApply: promo\n  - name: from:a" in rule_file(imported, origin="x")
    assert len(loaded(imported).rules.rules) == 1


@pytest.mark.parametrize(
    ("properties", "construct"),
    [
        ({"from": "(a", "shouldStar": "true"}, "from"),
        ({"from": "a", "hasTheCharm": "b", "shouldStar": "true"}, "hasTheCharm"),
        ({"from": "a", "shouldStar": "perhaps"}, "shouldStar"),
        ({"from": "a", "size": "five", "shouldStar": "true"}, "size"),
        ({"from": "a", "shouldNeverMarkAsImportant": "true"}, "shouldNeverMarkAsImportant"),
        ({"from": "a", "label": "\\x"}, "label"),
        ({"from": "a", "forwardTo": "a@b.example, c@d.example"}, "forwardTo"),
        ({"from": "a", "forwardTo": "@d.example"}, "forwardTo"),
        ({"shouldTrash": "true"}, "entry"),
        ({"from": "a", **USUAL}, "entry"),
        ({"hasTheWord": "x" * 1001, "shouldStar": "true"}, "entry"),
    ],
)
def test_what_is_refused_is_a_disabled_rule_with_its_source(properties: dict[str, str], construct: str) -> None:
    imported = import_gmail(feed(properties))

    assert [name for _, name in told(imported, Exactness.REFUSED)] == [construct]
    rule = only(imported)
    assert not rule.is_enabled
    assert all(f'name="{name}"' in rule.source for name in properties)
    assert loaded(imported).rules.rules == ()


def test_a_property_that_stands_twice_is_refused_and_a_label_is_not() -> None:
    twice = feed({"from": "a", "label": "x"}).replace(
        b"  </entry>", b"<apps:property name='from' value='b'/><apps:property name='label' value='y'/></entry>"
    )

    imported = import_gmail(twice)

    assert [name for _, name in told(imported, Exactness.REFUSED)] == ["from"]


def test_filters_that_are_alike_get_names_of_their_own() -> None:
    imported = import_gmail(feed(*[{"from": "a", "label": f"L{number}"} for number in range(3)]))

    assert [rule.name for rule in imported.rules] == ["from:a", "from:a (2)", "from:a (3)"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_that_xml_knows_are_read(encoding: str) -> None:
    content = feed({"from": "ä", "shouldStar": "true"}).decode().replace("UTF-8", encoding[:6].upper().strip("-"))

    assert only(import_gmail(content.encode(encoding))).condition == {"gmail": "from:ä"}


BOMB = "<!DOCTYPE feed [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{('&' + chr(97 + n) + ';') * 10}'>" for n in range(9)
) + "]><feed xmlns='http://www.w3.org/2005/Atom'>&j;</feed>"  # fmt: skip


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b"", 1, "empty"),
        (b"no xml", 1, "not well-formed"),
        (feed({"from": "a", "shouldStar": "true"})[:-40], 5, "not well-formed"),
        (HEAD.encode() + b"\n<title>\xff\xfe</title></feed>", 4, "not well-formed"),
        (b"<html/>", 1, "no mailFilters.xml"),
        (BOMB.encode(), 1, "document type"),
        (b"<!DOCTYPE feed SYSTEM 'file:///etc/passwd'><feed/>", 1, "document type"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE f [<!ENTITY x SYSTEM 'http://x.example'>]><f>&x;</f>", 2, "document type"),
        (HEAD.encode() + b"<a>" * 100_000, 3, "deep"),
        (b"<feed>" + b" " * (10 << 20) + b"</feed>", 1, "over 4,194,304 bytes"),
        (HEAD.encode() + b"<entry/>\n" * (MAX_FILTERS + 1) + b"</feed>", MAX_FILTERS + 3, "over 5,000 filters"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_file_of_filters_is_told_with_its_line(content: bytes, line: int, why: str) -> None:
    with pytest.raises(ExchangeError, match=why) as told_error:
        import_gmail(content)

    assert told_error.value.line == line


@pytest.mark.parametrize("cut", range(0, 700, 7))
def test_every_cut_of_a_file_is_told_and_none_raises_anything_else(cut: int) -> None:
    content = feed({"from": "a@b.example", "hasTheWord": "{x y} -z", "label": "L", "shouldArchive": "true", **USUAL})

    with pytest.raises(ExchangeError):
        import_gmail(content[: min(cut, len(content) - 10)])


def test_hostile_values_stay_values() -> None:
    imported = import_gmail(
        feed({"from": "a", "hasTheWord": "x&#10;rules: []&#x1;"}).replace(b"&#x1;", "\u202e\u0085".encode()),
    )
    text = rule_file(imported, origin="a\x1b[2Jb\nrules:")

    assert "\nrules: []" not in text
    assert "\x1b" not in text
    assert text.startswith("# Imported from a\ufffd[2Jb rules:: ")
    loaded(imported)
