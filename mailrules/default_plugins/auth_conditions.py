"""The condition on what the receiving server found out about the sender: ``auth``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.hookspecs import hookimpl
from mailrules.rules.auth_tests import AUTH_METHODS, AUTH_RESULTS, AuthTest
from mailrules.rules.operator_schemas import mapping, words
from mailrules.rules.operators import check_keys, read_words, report_error
from mailrules.rules.registry import ConditionSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mailrules.rules.registry import CompileContext, SourceValue


@hookimpl
def mailrules_conditions() -> Sequence[ConditionSpec]:
    return [
        ConditionSpec(
            name="auth",
            compile=_compile,
            summary="What the receiving server found by SPF, DKIM and DMARC; the account names whom to believe.",
            schema=mapping(dict.fromkeys(AUTH_METHODS, words(AUTH_RESULTS))),
        )
    ]


def _compile(source: SourceValue, context: CompileContext) -> AuthTest | None:
    if not source.is_mapping:
        cure = "write auth: {dmarc: pass}"
        report_error(source, f"auth takes spf, dkim and dmarc, not {source.kind}", cure=cure, context=context)
        return None
    is_good = check_keys(source, AUTH_METHODS, word="auth", context=context)
    entries = [(key, value) for key, value in source.mapping.items() if key in AUTH_METHODS]
    read = [(key, read_words(value, context, known=AUTH_RESULTS, noun="result")) for key, value in entries]
    wanted = tuple((key, frozenset(words)) for key, words in read if words is not None)
    return AuthTest(wanted=wanted) if is_good and len(wanted) == len(read) else None
