"""The pages agree with the program, and their links lead somewhere."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest

from mailrules import errors
from mailrules.cli import plan_view
from mailrules.journal.records import StepState
from mailrules.mailbox.message import UID
from mailrules.plan.document import plan_to_json
from mailrules.plan.example_runner import run_examples
from mailrules.plan.plan import Finding, MailboxPlan, MailboxStep, MessagePlan, Plan, Step, StepKind
from mailrules.plan.shadow import ShadowEffect
from tests.docs.pages import ROOT, read_page
from tests.rules.loading import load

PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("plugins/*/*.md"))
    if "_build" not in path.parts
)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
COMMAND_MODULES = sorted((ROOT / "mailrules" / "imap").glob("*_commands.py"))
CLIENT = "docs/reference/client.md"
MOMENT = datetime(2026, 11, 22, 12, tzinfo=UTC)


def sections(page: str) -> dict[str, str]:
    """The text under each heading of the second level."""
    return dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", read_page(page), re.MULTILINE | re.DOTALL))


def words_of(table: str) -> list[str]:
    """What stands in backquotes in the first column of a table, in order."""
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def anchors(page: str) -> set[str]:
    """The names of a page's headings as links write them, and those of explicit targets."""
    text = re.sub(r"^```.*?^```$", "", read_page(page), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    return slugs | set(re.findall(r"^\((\S+)\)=$", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    dead = []
    for target in LINK.findall(read_page(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        name = str(file.resolve().relative_to(ROOT))
        if not file.exists() or (anchor and anchor not in anchors(name)):
            dead.append(target)

    assert dead == []


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set(re.findall(r"^(\S+)$", read_page("docs/index.md").partition(":maxdepth: 1\n")[2], re.MULTILINE))
    pages = {str(Path(page).relative_to("docs").with_suffix("")) for page in PAGES if page.startswith("docs/")}

    # decisions/index has its own table, which takes every numbered page; changelog.d is no part of the book.
    elsewhere = {page for page in pages if page.startswith(("decisions/0", "changelog.d/"))}
    assert pages - {"index"} - listed - elsewhere == set()


def test_decisions_are_numbered_without_a_gap() -> None:
    numbers = [int(name[:4]) for name in sorted(path.name for path in ROOT.glob("docs/decisions/0*.md"))]

    assert numbers == list(range(1, len(numbers) + 1))


def test_the_readmes_rule_file_loads_and_its_test_holds() -> None:
    (text,) = re.findall(r"^```yaml\n(.*?)^```", read_page("README.md"), re.MULTILINE | re.DOTALL)

    configuration = load(text)

    assert configuration.warnings == ()
    assert [result.failures for result in run_examples(configuration)] == [()]


def test_the_glossary_has_every_kind_of_step_and_no_other() -> None:
    assert sorted(words_of(sections("docs/glossary.md")["Kinds of steps"])) == sorted(StepKind)


def test_the_glossary_has_every_state_of_a_step_and_no_other() -> None:
    assert words_of(sections("docs/glossary.md")["What becomes of a step"]) == list(StepState)


def test_the_glossary_has_every_kind_of_finding_and_no_other() -> None:
    assert set(words_of(sections("docs/glossary.md")["Findings"])) == set(plan_view._FINDING_LOOKS)


def test_the_glossarys_words_stand_in_order_and_once() -> None:
    table = read_page("docs/glossary.md").partition("\n## ")[0]
    words = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)[2:]

    assert words == sorted(set(words), key=str.casefold)


def a_plan_with_everything() -> Plan:
    steps = (
        Step(kind=StepKind.ADD_FLAGS, rule="a", flags=("\\Seen",)),
        Step(kind=StepKind.EFFECT, rule="a", effect="ring", options={"times": 1}),
        Step(kind=StepKind.MOVE, rule="a", to="work/Lists", account="work", create=True),
    )
    mailbox = MailboxPlan(
        account="home",
        mailbox="INBOX",
        uidvalidity=1,
        judged=1,
        messages=(MessagePlan(uid=UID(1), rules=("a",), steps=steps),),
        findings=(Finding(uid=UID(1), rule="b", kind="held", reason="guard"),),
        shadow=(ShadowEffect(uid=UID(1), rule="c", steps=steps[:1]),),
    )
    rights = MailboxStep(account="home", mailbox="Lists", kind=StepKind.SETACL, identifier="bo", rights="lr", was="")
    name = MailboxStep(account="home", mailbox="Lists", kind=StepKind.RENAME, to="Archive/Lists")
    return Plan(created=MOMENT, rules_hash="", mailboxes=(mailbox,), mailbox_steps=(rights, name))


def fields_by_section() -> dict[str, set[str]]:
    document = json.loads(plan_to_json(a_plan_with_everything()))
    (mailbox,) = document["mailboxes"]
    (message,), (finding,) = mailbox["messages"], mailbox["findings"]
    return {
        "The document": set(document),
        "A mailbox": set(mailbox),
        "A message": set(message),
        "A step": {key for step in message["steps"] for key in step},
        "A mailbox step": {key for step in document["mailbox_steps"] for key in step},
        "A finding": set(finding),
        "An effect in shadow": {key for effect in mailbox["shadow"] for key in effect},
    }


@pytest.mark.parametrize("section", fields_by_section())
def test_every_field_of_the_plan_document_is_documented_and_no_other(section: str) -> None:
    documented = words_of(sections("docs/reference/plan.md")[section])

    assert sorted(documented) == sorted(fields_by_section()[section])


def test_the_plans_page_has_a_section_for_each_kind_of_object() -> None:
    assert list(sections("docs/reference/plan.md")) == list(fields_by_section())


@pytest.mark.parametrize("path", COMMAND_MODULES, ids=lambda one: one.stem)
def test_every_command_is_listed_on_the_clients_page(path: Path) -> None:
    module = import_module(f"mailrules.imap.{path.stem}")
    own = [one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__]
    commands = {one.__name__ for one in own if isinstance(getattr(one, "name", None), str)}
    row = re.search(rf"^\| `{module.__name__.removeprefix('mailrules.')}` \|(.*)$", read_page(CLIENT), re.MULTILINE)
    assert row is not None

    assert set(re.findall(r"\b[A-Z]\w+", row[1].replace("IDLE", ""))) == commands


def test_every_error_of_the_client_is_on_its_page_and_no_other() -> None:
    below = [errors.IMAPError]
    for one in below:
        below += one.__subclasses__()
    public = {one.__name__ for one in below[1:] if one.__module__ == errors.__name__}

    assert set(words_of(sections(CLIENT)["Errors and deadlines"])) == public
