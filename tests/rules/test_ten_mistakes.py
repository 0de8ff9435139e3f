"""A file with ten different mistakes gives ten diagnostics, each at its place, all at once."""

from __future__ import annotations

from tests.rules.loading import diagnostics_in

TEN_MISTAKES = """\
version: 1
accounts:
  home:
    host: imap.example.org
    user: me@example.org
    secret: hunter2
lists:
  vip: [alice@example.org, "@family.example"]
defaults:
  in: [home/INBOX]
  guard: {max_messages: 200, per: 1 hour}
rules:
  - name: lists
    iff: {list_id: {exists: true}}
    do: [{move: Lists}]
  - name: friends
    if: {from: {in: vips}}
    do: [{flag: flaged}]
  - name: retention
    if: {received: {older_than: 30d}}
    events: {at: 03:20}
    do: [{delete: true}]
  - name: spam
    if: {subject: {regex: "(viagra"}}
    stop: yes
    do: [{move: "{from.domain}"}]
"""

EXPECTED = [
    ("main.yaml:6:13", "a secret does not belong in this file"),
    ("main.yaml:11:35", '"1 hour" is not a duration'),
    ("main.yaml:14:5", 'unknown key "iff" in a rule; did you mean "if"?'),
    ("main.yaml:17:21", 'there is no list "vips"; did you mean "vip"?'),
    ("main.yaml:18:17", 'unknown flag "flaged"; did you mean "flagged"?'),
    ("main.yaml:21:18", "03:20 without quotes is a number to other YAML readers"),
    ("main.yaml:22:19", "delete removes mail for ever, and this file does not allow it"),
    ("main.yaml:24:27", "this regex does not compile"),
    ("main.yaml:25:11", '"yes" without quotes is ambiguous; write true, or quote it'),
    ("main.yaml:26:17", 'the mailbox "{from.domain}" begins with a field'),
]


def test_ten_mistakes_give_ten_diagnostics_at_their_places() -> None:
    found = diagnostics_in(TEN_MISTAKES)

    assert len(found) == len(EXPECTED)
    for line, (place, message) in zip(found, EXPECTED, strict=True):
        assert line.startswith(f"{place}: error: {message}"), line


def test_a_password_in_the_file_is_never_repeated_in_a_message() -> None:
    assert "hunter2" not in "\n".join(diagnostics_in(TEN_MISTAKES))


def test_a_syntax_error_stops_its_own_file_only() -> None:
    main = TEN_MISTAKES.replace("rules:", "include: [broken.yaml]\nrules:", 1)

    found = diagnostics_in(main, others={"broken.yaml": "version: 1\nrules: [{name: x\n"})

    assert found[0].startswith("broken.yaml:2:9: error: the list or mapping that is opened here is not closed")
    assert len(found) == len(EXPECTED) + 1
