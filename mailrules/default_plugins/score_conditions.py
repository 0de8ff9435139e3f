"""The condition on what the receiving server thinks of a message: ``spam_score``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.rules.operator_schemas import bounds
from mailrules.rules.operators import parse_number, read_bounds
from mailrules.rules.registry import ConditionSpec
from mailrules.rules.score_tests import SpamScoreTest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    return [
        ConditionSpec(
            name="spam_score",
            compile=_compile,
            summary="The spam score in the fields of SpamAssassin and rspamd, the highest where several tell one.",
            schema=bounds({"type": "number"}),
        )
    ]


def _compile(source: SourceValue, context: CompileContext) -> SpamScoreTest | None:
    found = read_bounds(source, context, word="spam_score", parse=parse_number)
    return None if found is None else SpamScoreTest(bounds=found)
