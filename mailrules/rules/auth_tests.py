"""Whether what the receiving server found out about the sender holds for a condition (``auth``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailrules.mailbox.authentication import parse_authentication_results
from mailrules.mailbox.message import Fact, header_fact
from mailrules.rules.truth import Truth
from mailrules.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mailrules.mailbox.authentication import AuthenticationResults
    from mailrules.mailbox.snapshot import Snapshot
    from mailrules.rules.conditions import Environment

AUTH_METHODS = ("spf", "dkim", "dmarc")
AUTH_RESULTS = ("pass", "fail", "none", "neutral", "softfail", "policy", "temperror", "permerror")
_FIELD = "authentication-results"
_NO_RESULT = "none"
_NOBODY = "the account names no authserv_id, so no Authentication-Results field can be believed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthTest:
    """``auth``: for each method the results that hold; all methods that are named hold together.

    Only fields of an authserv-id that the account names are believed, and for each method the topmost of them:
    a server adds its own above whatever came with the message (RFC 8601 section 5). Where none of them tells
    a method's result it is ``none``. An account that names no authserv-id leaves the condition unknowable.
    """

    wanted: tuple[tuple[str, frozenset[str]], ...]

    @property
    def needs(self) -> tuple[Fact, ...]:
        return (header_fact(_FIELD),)

    def judge(self, snapshot: Snapshot, rows: int, environment: Environment) -> Truth:
        if not environment.authserv_ids:
            return Truth(0, 0, rows)
        found = _findings(snapshot, environment.authserv_ids)
        true = rows
        for method, results in self.wanted:
            masks = found.by_result[method]
            holding = 0
            for result in results:
                holding |= masks.get(result, 0)
            true &= holding
        return Truth(rows & ~found.unreadable_mask, true, rows & found.unreadable_mask)

    def seen(self, snapshot: Snapshot, row: int) -> str:
        return " | ".join(snapshot.header_values(_FIELD, row)) or "no Authentication-Results"

    def why_unknowable(self, snapshot: Snapshot, row: int) -> str:
        # The reason for the row, whoever is believed: a header that cannot be read, or a field that is too long.
        return snapshot.columns.header(_FIELD).unreadable.get(row, "") or (
            f"too complex: a long {_FIELD} field" if _has_long_field(snapshot, row) else _NOBODY
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Findings:
    """For each method the rows by result, and the rows whose fields could not be read."""

    by_result: Mapping[str, Mapping[str, int]]
    unreadable_mask: int


def _findings(snapshot: Snapshot, authserv_ids: frozenset[str]) -> _Findings:
    return snapshot.columns.derived(
        ("auth", authserv_ids), (header_fact(_FIELD),), lambda one: _read_findings(one, authserv_ids)
    )


def _read_findings(snapshot: Snapshot, authserv_ids: frozenset[str]) -> _Findings:
    rows_by_raw, unreadable = snapshot.columns.raw_values(_FIELD)
    parsed = {raw: parse_authentication_results(raw) for raw in rows_by_raw}
    rows: dict[str, dict[str, list[int]]] = {method: {} for method in AUTH_METHODS}
    too_long: list[int] = []
    told: list[int] = []
    for row in {row for of_raw in rows_by_raw.values() for row in of_raw}:
        believed = [
            one for raw in snapshot.raw_header(_FIELD, row) if (one := parsed[raw]) and one.authserv_id in authserv_ids
        ]
        if any(one.is_too_long for one in believed):
            too_long.append(row)
            continue
        told.append(row)
        for method in AUTH_METHODS:
            rows[method].setdefault(_topmost(believed, method), []).append(row)
    unreadable_mask = snapshot.mask_of(too_long) | snapshot.mask_of(unreadable)
    without_field = snapshot.all_rows & ~snapshot.mask_of(told) & ~unreadable_mask
    masks = {
        method: {result: snapshot.mask_of(of_result) for result, of_result in by_result.items()}
        for method, by_result in rows.items()
    }
    for by_result in masks.values():
        by_result[_NO_RESULT] = by_result.get(_NO_RESULT, 0) | without_field
    return _Findings(by_result=masks, unreadable_mask=unreadable_mask)


def _topmost(believed: list[AuthenticationResults], method: str) -> str:
    return next((result for one in believed if (result := one.result_of(method))), _NO_RESULT)


def _has_long_field(snapshot: Snapshot, row: int) -> bool:
    parsed = (parse_authentication_results(raw) for raw in snapshot.raw_header(_FIELD, row))
    return any(one is not None and one.is_too_long for one in parsed)
