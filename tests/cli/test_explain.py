"""What ``explain`` prints is true: its changes, made in the file by hand, do what it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailrules.testing.builders import message
from tests.cli.conftest import account_text

if TYPE_CHECKING:
    from mailrules.testing.imap_server import ImapServer
    from mailrules.testing.mail_state import MailAccount
    from tests.cli.conftest import Program

RULES = """
rules:
  - name: bills
    if:
      all:
        - subject: {contains: inviocce}
        - any: [{from: {domain: shop.example}}, {from: billing@other.example}]
        - flag: seen
    do: [{flag: flagged}]
"""
SHOWN = """\
home/INBOX:6  Shop <no-reply@mail.shop.example>  Your Invoice 7

bills  does not match
  - all  false
    - subject: {contains: inviocce}  saw: Your Invoice 7  false  <- fails here
    - any  false
      - from: {domain: shop.example}  saw: Shop <no-reply@mail.shop.example>  false
      - from: billing@other.example  saw: Shop <no-reply@mail.shop.example>  false
    - flag: seen  saw: \\Answered  false
  a sweep asks for  SEARCH SEEN
  would match with  subject: {contains: Invoice}  instead of  subject: {contains: inviocce}
          and with  from: {subdomain_of: shop.example}  instead of  from: {domain: shop.example}
          and without  flag: seen
  would match if    its Subject were "Your Invoice 7 inviocce" and its From were "Shop" <no-reply@shop.example> and \
it carried \\Seen

A run would do nothing with this message.
"""


def write_rules(served: Program, rules: str) -> None:
    text = served.config.read_text(encoding="utf-8")
    served.config.write_text(text[: text.index("rules:")] + rules, encoding="utf-8")


def test_the_changes_that_are_printed_make_the_rule_match(served: Program, mail: MailAccount) -> None:
    content = message(from_="Shop <no-reply@mail.shop.example>", subject="Your Invoice 7")
    mail.add("INBOX", content, flags=["\\Answered"])
    write_rules(served, RULES)

    shown = served.run("explain", "home/INBOX:6")
    (told,) = json.loads(served.run("explain", "home/INBOX:6", "--json").stdout)["messages"]
    (rule,) = told["rules"]
    changed = RULES
    for change in rule["rule_changes"]:
        assert change["of"] in changed
        changed = changed.replace(change["of"], change["text"] or "always: true")
    write_rules(served, changed)
    again = json.loads(served.run("dry-run", "--json").stdout)

    assert shown.stdout.replace(" \\Recent", "") == SHOWN
    assert (told["from"], told["subject"]) == ("Shop <no-reply@mail.shop.example>", "Your Invoice 7")
    assert (rule["verdict"], rule["fails_at"], rule["notes"]) == ("does not match", [0], [])
    assert [one["manner"] for one in rule["rule_changes"]] == ["instead", "instead", "without"]
    assert [one["uid"] for one in again["mailboxes"][0]["messages"]] == [6]


def test_it_is_said_plainly_that_no_change_is_known(served: Program) -> None:
    write_rules(
        served, "rules: [{name: a, if: {thread: {participated: true, count: {over: 3}}}, do: [{flag: seen}]}]\n"
    )

    shown = served.run("explain", "home/INBOX:5").stdout

    assert "  no change of the rule or of the message that would make it match is known\n" in shown


def test_a_rule_that_looks_elsewhere_and_one_that_is_held_say_so(served: Program, server: ImapServer) -> None:
    write_rules(
        served,
        "rules:\n"
        "  - {name: file, if: {from: boss}, do: [{move: Missing}]}\n"
        "  - {name: elsewhere, in: [home/Other], if: always, do: [{flag: seen}]}\n",
    )

    elsewhere = served.run("explain", "home/INBOX:4", "--rule", "elsewhere").stdout
    held = served.run("explain", "home/INBOX:4", "--rule", "file").stdout

    assert "elsewhere  does not look at this mailbox\n" in elsewhere
    assert "file  matches\n" in held
    assert "  ! held: mailbox 'Missing' does not exist; make it, or write create: true\n" in held
    assert "A run would do nothing by this rule.\n" in held
    assert account_text(server.port, password_file=served.folder / "password") in served.config.read_text("utf-8")


def test_what_is_declined_and_what_is_too_young_to_be_deleted_is_told_of_the_rule(
    served: Program, mail: MailAccount
) -> None:
    mail.add("INBOX", message(subject="Young"), received=datetime.now(UTC))  # noqa: TID251 -- it is to be young
    write_rules(
        served,
        "allow: [reply, delete]\n"
        "smtp: {host: 127.0.0.1, port: 9, security: none, from: ann@example.org}\n"
        "rules:\n"
        "  - {name: away, if: {list_id: {exists: true}}, do: [{reply: I am away}]}\n"
        "  - {name: gone, if: {subject: young}, do: [delete]}\n",
    )

    away = served.run("explain", "home/INBOX:1", "--rule", "away").stdout
    gone = served.run("explain", "home/INBOX:6", "--rule", "gone").stdout

    assert "  ! declined: reply will send nothing: it came over a list\n" in away
    assert "gone  matches\n" in gone
    assert "  ! held: it is not deleted before the server has had it for 24 hours" in gone


def test_what_the_journal_knows_of_a_message_is_told_of_the_rule(served: Program, mail: MailAccount) -> None:
    mail.create("Filed")
    write_rules(
        served,
        "rules:\n"
        "  - {name: file, if: {from: boss}, do: [{move: Filed}]}\n"
        "  - {name: lists, if: {subject: roses 1}, do: [{move: Missing}]}\n"
        "  - {name: keeps a copy, if: {subject: nothing}, do: [{copy: Filed}]}\n",
    )

    ran = served.run("run", "--once", "--yes")
    moved = next(one for one in mail["Filed"].messages.values() if b"Monday" in one.content)
    mail.add("INBOX", moved.content, received=moved.received)
    held, put_back, copied = (
        served.run("explain", f"home/INBOX:{uid}", "--rule", rule).stdout
        for uid, rule in ((1, "lists"), (6, "file"), (5, "keeps a copy"))
    )

    assert ran.exit_code == 0, ran.output
    assert "  ! an earlier run left the message to be judged again: mailbox 'Missing' does not exist" in held
    assert "file  matches\n" in put_back
    assert "  ! left here: this rule moved it on " in put_back
    assert "  ! its copy to Filed was done before and is not repeated (the journal's ledger)\n" in copied
