"""The rule reference documents every word and operator, and each of its examples loads."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mailrules.default_plugins.address_conditions import ADDRESS_KEYS, PARTS
from mailrules.default_plugins.attachment_actions import SAVE_KEYS
from mailrules.default_plugins.note_action import APPEND_KEYS
from mailrules.default_plugins.related_conditions import THREAD_KEYS
from mailrules.default_plugins.server_conditions import QUOTA_KEYS
from mailrules.default_plugins.structure_conditions import MIME_KEYS
from mailrules.default_plugins.surrounding_conditions import CAUSES, EVENT_KEYS, NOW_KEYS
from mailrules.default_plugins.waiting_actions import SNOOZE_KEYS
from mailrules.plan.example_runner import run_examples
from mailrules.rules.account_schema import AccountModel, ProxyModel, SecretModel, SmtpModel, TimeoutsModel
from mailrules.rules.auth_tests import AUTH_METHODS, AUTH_RESULTS
from mailrules.rules.example_schema import ExpectModel, GivenModel
from mailrules.rules.flags import SYSTEM_FLAGS
from mailrules.rules.lower_conditions import COMBINATORS
from mailrules.rules.operators import NUMBER_KEYS, TEXT_KEYS, TIME_KEYS
from mailrules.rules.outside_schema import OutboxModel, WebhookModel
from mailrules.rules.policy_schema import PolicyModel, PolicyQuotaModel
from mailrules.rules.schema import DocumentModel, RuleModel
from mailrules.rules.surrounding_tests import SPECIAL_USES, WEEKDAYS
from mailrules.rules.templates import ADDRESS_FIELDS, DATE_FIELDS, FILTERS, TEXT_FIELDS
from tests.rules.loading import BUILT_IN, HEAD, load

if TYPE_CHECKING:
    from mailrules.rules.registry import ActionSpec, ConditionSpec

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference" / "rules.md").read_text(encoding="utf-8")
EXAMPLES = [
    (match[1], match[2], REFERENCE[: match.start()].count("\n") + 1)
    for match in re.finditer(r"^```(yaml|toml)\n(.*?)^```", REFERENCE, re.MULTILINE | re.DOTALL)
]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _as_file(text: str) -> str:
    """A fragment of the page as a whole file."""
    if text.startswith("version"):
        return text
    indented = "".join(f"    {line}\n" for line in text.splitlines())
    if text.startswith("if:"):
        return f"{HEAD}rules:\n  - name: example\n{indented}    do: [keep]\n"
    if text.startswith("do:"):
        return f"{HEAD}rules:\n  - name: example\n    if: always\n{indented}"
    return HEAD + text


@pytest.mark.parametrize(("kind", "text", "line"), EXAMPLES, ids=[f"line-{line}" for _, _, line in EXAMPLES])
def test_each_example_of_the_page_loads_without_a_warning_and_its_tests_hold(kind: str, text: str, line: int) -> None:
    configuration = load(_as_file(text), name=f"main.{kind}")

    assert configuration.warnings == ()
    assert [result.failures for result in run_examples(configuration) if result.failures] == []


def _is_documented(word: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "".join(re.findall(r"`[^`\n]+`", REFERENCE))) is not None


WORDS = {
    *BUILT_IN.conditions,
    *BUILT_IN.actions,
    *COMBINATORS,
    *TEXT_KEYS,
    *NUMBER_KEYS,
    *TIME_KEYS,
    *ADDRESS_KEYS,
    *PARTS,
    *MIME_KEYS,
    *AUTH_METHODS,
    *AUTH_RESULTS,
    *CAUSES,
    *THREAD_KEYS,
    *SNOOZE_KEYS,
    *APPEND_KEYS,
    *SAVE_KEYS,
    *QUOTA_KEYS,
    *EVENT_KEYS,
    *NOW_KEYS,
    *SPECIAL_USES,
    *WEEKDAYS,
    *SYSTEM_FLAGS,
    *FILTERS,
    *ADDRESS_FIELDS,
    *DATE_FIELDS,
    *TEXT_FIELDS,
    *(
        field.alias or name
        for model in (
            AccountModel,
            DocumentModel,
            ExpectModel,
            GivenModel,
            OutboxModel,
            PolicyModel,
            PolicyQuotaModel,
            ProxyModel,
            RuleModel,
            SecretModel,
            SmtpModel,
            TimeoutsModel,
            WebhookModel,
        )
        for name, field in model.model_fields.items()
    ),
}


@pytest.mark.parametrize("word", sorted(WORDS))
def test_the_page_documents(word: str) -> None:
    assert _is_documented(word)


def test_each_word_has_a_summary_that_is_a_sentence() -> None:
    specs: list[ConditionSpec | ActionSpec] = [*BUILT_IN.conditions.values(), *BUILT_IN.actions.values()]

    assert [spec.name for spec in specs if not spec.summary.endswith(".") or not spec.schema] == []
