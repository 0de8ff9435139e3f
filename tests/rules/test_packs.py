"""The rule packs are found wherever mailrules is installed, load, and pass their own tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from mailrules.packs import pack_files, packs_in
from mailrules.plan.example_runner import run_examples
from tests.rules.loading import HEAD, load

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_packs_are_found_in_a_checkout() -> None:
    assert set(pack_files()) == {"mailing-lists", "newsletters-and-retention", "receipts"}


def test_packs_are_found_in_an_installed_wheel(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "mailrules"
    (package / "rule_packs").mkdir(parents=True)
    (package / "rule_packs" / "receipts.yaml").write_text("version: 1\n")
    (tmp_path / "site-packages" / "rules").mkdir()
    (tmp_path / "site-packages" / "rules" / "strange.yaml").write_text("version: 1\n")

    found = packs_in(package)

    assert dict(found) == {"receipts": package / "rule_packs" / "receipts.yaml"}


@pytest.mark.parametrize("name", sorted(pack_files()))
def test_the_examples_of_each_pack_hold(name: str) -> None:
    configuration = load(HEAD + f"include: [pack:{name}]\n")

    results = run_examples(configuration)

    assert results
    assert {result.example.name: result.failures for result in results if result.failures} == {}


def test_all_packs_go_together_and_their_examples_judge_their_own_rules_only() -> None:
    names = ", ".join(f"pack:{name}" for name in pack_files())

    configuration = load(
        HEAD + f"include: [{names}]\nrules: [{{name: everything, if: always, do: [{{move: Archive}}]}}]\n"
    )

    assert [result for result in run_examples(configuration) if result.failures] == []
