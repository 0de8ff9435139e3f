"""Tests of ``import``: where the rules go, what is told of them, and how it ends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import Program

SCRIPT = 'require ["fileinto", "vacation"];\nif size :over 1M { fileinto "Large"; stop; }\nvacation "away";\n'


def test_the_rules_go_to_a_new_file_and_the_report_says_what_was_refused(program: Program) -> None:
    script, rules = program.folder / "x.sieve", program.folder / "rules.yaml"
    script.write_text(SCRIPT)

    result = program.run("import", "sieve", str(script), "--in", "home/INBOX", "-o", str(rules))

    assert result.exit_code == 7
    assert result.stdout == ""
    assert "x.sieve:3: refused: vacation: write it as `reply` by hand" in result.stderr
    assert "in: [home/INBOX]" in rules.read_text()


def test_a_script_from_stdin_becomes_rules_on_stdout(program: Program) -> None:
    result = program.run("import", "sieve", "-", stdin="if true { stop; }\ndiscard;\n")

    assert result.exit_code == 0
    assert result.stdout.startswith("# Imported from stdin: ")
    assert "2 rules; constructs: 1 exact, 1 approximated, 0 refused." in result.stderr


def test_no_file_is_overwritten_and_the_document_needs_one(program: Program) -> None:
    script = program.folder / "x.sieve"
    script.write_text(SCRIPT)

    taken = program.run("import", "sieve", str(script), "-o", str(script))
    homeless = program.run("import", "sieve", str(script), "--json")
    told = program.run("import", "sieve", str(script), "-o", str(program.folder / "new.yaml"), "--json")

    assert (taken.exit_code, homeless.exit_code, told.exit_code) == (1, 2, 7)
    assert "exists already" in taken.stderr
    document = json.loads(told.stdout)
    assert document["rules"][1] == {"name": "sieve line 3", "enabled": False}
    assert {one["exactness"] for one in document["findings"]} == {"exact", "approximated", "refused"}


def test_a_script_that_is_no_text_is_refused_with_its_line(program: Program) -> None:
    script = program.folder / "x.sieve"
    script.write_bytes(b"keep;\n\xff;\n")

    result = program.run("import", "sieve", str(script))

    assert result.exit_code == 1
    assert "x.sieve:2: this is not UTF-8" in result.stderr


def test_filters_of_gmail_become_rules_and_a_broken_file_is_told_with_its_line(program: Program) -> None:
    filters, broken = program.folder / "mailFilters.xml", program.folder / "broken.xml"
    head = "<feed xmlns='http://www.w3.org/2005/Atom' xmlns:apps='http://schemas.google.com/apps/2006'>\n<entry>"
    filters.write_text(
        f"{head}<apps:property name='from' value='a@b.example'/><apps:property name='label' value='A'/></entry></feed>"
    )
    broken.write_text(f"{head}<apps:property")

    good = program.run("import", "gmail", str(filters), "--in", "home/INBOX")
    bad = program.run("import", "gmail", str(broken))

    assert good.exit_code == 0
    assert "if: {gmail: 'from:a@b.example'}" in good.stdout
    assert bad.exit_code == 1
    assert "broken.xml:2: this is not well-formed XML" in bad.stderr


def test_a_configuration_of_gmailctl_becomes_rules_and_examples(program: Program) -> None:
    configuration = program.folder / "config.json"
    rule = {"filter": {"from": "a@b.example"}, "actions": {"star": True}}
    example = {"name": "starred", "messages": [{"from": "a@b.example"}], "actions": {"star": True}}
    configuration.write_text(json.dumps({"version": "v1alpha3", "rules": [rule], "tests": [example]}))

    result = program.run("import", "gmailctl", str(configuration), "--in", "home/INBOX")

    assert result.exit_code == 0
    assert "tests:\n  - name: starred\n" in result.stdout
    assert "found_by: ['from:a@b.example']" in result.stdout


def test_filters_of_thunderbird_become_rules(program: Program) -> None:
    filters = program.folder / "msgFilterRules.dat"
    lines = ['version="9"', 'name="f"', 'enabled="yes"', 'type="17"', 'action="Mark read"', 'condition="ALL"']
    filters.write_text("\n".join(lines))

    result = program.run("import", "thunderbird", str(filters), "--in", "home/INBOX")

    assert result.exit_code == 0
    assert "  - name: f\n    in: [home/INBOX]\n    if: always\n    do: [{flag: seen}]\n" in result.stdout


def test_a_configuration_of_imapautofiler_becomes_one_that_passes_check(program: Program) -> None:
    theirs, ours = program.folder / "autofiler.yml", program.folder / "ours.yaml"
    theirs.write_text(
        "server: {hostname: imap.example.org, username: me@example.org, password: hunter2}\n"
        "mailboxes:\n- name: INBOX\n  rules:\n  - {is-mailing-list: {}, action: {name: move, dest-mailbox: Lists}}\n"
    )

    made = program.run("import", "imapautofiler", str(theirs), "-o", str(ours))
    ours.chmod(0o600)
    checked = program.run("--config", str(ours), "check")
    slash = program.run("import", "imapautofiler", str(theirs), "--account", "home/INBOX")

    assert (made.exit_code, checked.exit_code, slash.exit_code) == (0, 0, 2)
    assert "hunter2" not in ours.read_text() + made.stderr
    assert "autofiler.yml:1: approximated: password" in made.stderr
