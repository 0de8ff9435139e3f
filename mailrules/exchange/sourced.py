"""What is a value of a JSON or YAML file of another tool, and on which line does it stand?"""

from __future__ import annotations

import json
from typing import TypeAlias

from mailrules.values import dataclass

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Sourced:
    """A value with its line, which counts from 1."""

    value: dict[str, Sourced] | list[Sourced] | Scalar
    line: int

    @property
    def entries(self) -> dict[str, Sourced]:
        """The entries of a mapping; none where it is something else."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Sourced]:
        """The items of a list; none where it is something else."""
        return self.value if isinstance(self.value, list) else []

    @property
    def text(self) -> str:
        """The text; "" where it is something else."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def kind(self) -> str:
        """In words, for a message."""
        match self.value:
            case dict():
                return "a mapping"
            case list():
                return "a list"
            case str():
                return "a text"
            case bool():
                return str(self.value).lower()
            case None:
                return "nothing"
            case _:
                return "a number"

    def as_json(self) -> str:
        """The value as JSON in lines, to be kept above a rule that stands for it."""
        return json.dumps(_plain(self), indent=2, ensure_ascii=False)


def _plain(source: Sourced) -> object:
    match source.value:
        case dict() as entries:
            return {key: _plain(one) for key, one in entries.items()}
        case list() as items:
            return [_plain(one) for one in items]
        case scalar:
            return scalar
